#include "data/file_kind.h"

#include <sys/stat.h>

#include "base/file.h"
#include "testing.h"

#define START(bytes) (const uint8_t *)(bytes), sizeof(bytes) - 1

static void contents_tell_the_kind(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *bytes;
        size_t n;
        const char *name;
        enum file_group group;
    } files[] = {
        {START("\xFF\xD8\xFF\xE0\0\x10JFIF"),                         "a JPEG picture",                   FILE_READABLE  },
        {START("\x89PNG\r\n\x1a\n...."),                              "a PNG picture",                    FILE_READABLE  },
        {START("BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"),             "a BMP picture",                    FILE_READABLE  },
        {START("BMW and other cars, a text"),                         "text",                             FILE_OTHER     },
        {START("GIF89a"),                                             "a GIF picture",                    FILE_PICTURE   },
        {START("RIFF....WEBPVP8 "),                                   "a WebP picture",                   FILE_PICTURE   },
        {START("RIFF....AVI LIST"),                                   "an AVI video",                     FILE_VIDEO     },
        {START("RIFF....WAVEfmt "),                                   "a WAV sound",                      FILE_SOUND     },
        {START("ID3\4\0"),                                            "an MP3 sound",                     FILE_SOUND     },
        {START("II*\0\x08\0\0\0"),                                    "a TIFF picture",                   FILE_PICTURE   },
        {START("II*\0\x10\0\0\0CR\2\0"),                              "a Canon raw picture",              FILE_PICTURE   },
        {START("\0\0\0\x18"
               "ftypheic\0\0\0\0mif1heic"),
         "a HEIC picture",                                                                                FILE_PICTURE   },
        {START("\0\0\0\x1C"
               "ftypmif1\0\0\0\0mif1heicmiaf"),
         "a HEIC picture",                                                                                FILE_PICTURE   },
        {START("\0\0\0\x18"
               "ftypmif1\0\0\0\0mif1unci"),
         "a HEIF picture",                                                                                FILE_PICTURE   },
        {START("\0\0\0\x1C"
               "ftypmif1\0\0\0\0mif1avifmiaf"),
         "an AVIF picture",                                                                               FILE_PICTURE   },
        {START("\0\0\0\x18"
               "ftypisom\0\0\2\0isommp41"),
         "an MP4 video",                                                                                  FILE_VIDEO     },
        {START("\0\0\0\x14"
               "ftypqt  \0\0\0\0qt  "),
         "a QuickTime (MOV) video",                                                                       FILE_VIDEO     },
        {START("\0\0\0\x0CJXL \r\n\x87\n"),                           "a JPEG XL picture",                FILE_PICTURE   },
        {START("\xFF\x0A\xFA\x7F"),                                   "a JPEG XL picture",                FILE_PICTURE   },
        {START("\0\0\0\x0CjP  \r\n\x87\n"),                           "a JPEG 2000 picture",              FILE_PICTURE   },
        {START("8BPS\0\1"),                                           "a Photoshop picture",              FILE_PICTURE   },
        {START("\0\0\1\0\1\0"),                                       "an icon (ICO)",                    FILE_PICTURE   },
        {START("<?xml version=\"1.0\"?>\n<!-- x -->\n<svg xmlns="),   "an SVG picture",                   FILE_PICTURE   },
        {START("<!DOCTYPE html><html>"),                              "a web page (HTML)",                FILE_OTHER     },
        {START("%PDF-1.7"),                                           "a PDF document",                   FILE_OTHER     },
        {START("\x1A\x45\xDF\xA3\x93\x42\x82\x88matroska"),           "a Matroska video",                 FILE_VIDEO     },
        {START("\x1A\x45\xDF\xA3\x9F\x42\x86\x81\1\x42\x82\x84webm"), "a WebM video",                     FILE_VIDEO     },
        {START("\x89HDF\r\n\x1a\n\0\0"),                              "an HDF5 file",                     FILE_SET       },
        {START("PK\3\4\0\0\0\0archive/data.pkl"),                     "a PyTorch checkpoint",             FILE_CHECKPOINT},
        {START("PK\3\4\0\0\0\0word/document.xml"),                    "a zip archive",                    FILE_CHECKPOINT},
        {START("{\"a\": 1}\n"),                                       "text",                             FILE_OTHER     },
        {START("P6\n2 2\n255\n\0\1\2"),                               "a PNM picture",                    FILE_PICTURE   },
        {START(""),                                                   "an empty file",                    FILE_OTHER     },
        {START("\1\2\3\4\5"),                                         "of a kind that is not known here", FILE_OTHER     },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct file_kind *kind = file_kind_of(files[i].bytes, files[i].n);
        assert_string_equal(kind->name, files[i].name);
        assert_int_equal(kind->group, files[i].group);
        for (size_t n = 1; n < files[i].n; n++) { /* no byte past the end is looked at */
            uint8_t *exact = malloc(n);
            assert_non_null(exact);
            memcpy(exact, files[i].bytes, n);
            assert_non_null(file_kind_of(exact, n));
            free(exact);
        }
    }
}

static void paths_that_are_no_files(void **state)
{
    (void)state;
    struct errmsg em = {0};
    const struct file_kind *kind;
    char fifo[] = "/tmp/bifrons-fifo-XXXXXX";
    assert_int_not_equal(mkstemp(fifo), -1);
    assert_int_equal(unlink(fifo), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_ok(file_kind_read(fifo, &kind, &em)); /* without waiting for its other end */
    assert_int_equal(kind->group, FILE_SPECIAL);
    assert_status(file_kind_expect(fifo, FILE_SET, "set", &em), ST_NOINPUT);
    assert_text_has(em.text, "is no set: it is a FIFO");
    unlink(fifo);
    assert_ok(file_kind_read("/dev/zero", &kind, &em));
    assert_string_equal(kind->name, "a device");
    assert_ok(file_kind_read("/tmp", &kind, &em));
    assert_int_equal(kind->group, FILE_FOLDER);
    em = (struct errmsg){0};
    assert_status(file_kind_read("/no/such", &kind, &em), ST_NOINPUT);
    assert_text_has(em.text, "No such file");
    assert_string_equal(file_kind_noun(file_kind_of(START("GIF89a"))), "GIF picture");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_tell_the_kind),
        cmocka_unit_test(paths_that_are_no_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
