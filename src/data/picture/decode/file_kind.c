#include "data/file_kind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"

#include "base/poison.h"

/* --- kinds that a few bytes at one place tell ------------------------------------------------- */

/* Checked in this order. bytes: a literal, so zeros count; at: their place in the file. */
#define MAGIC(at, bytes, group, name) \
    {                                 \
        at, sizeof(bytes) - 1, bytes, \
        {                             \
            name, group               \
        }                             \
    }
static const struct {
    size_t at, n;
    const char *bytes;
    struct file_kind kind;
} magic[] = {
    MAGIC(0, "\xFF\xD8\xFF\xF7", FILE_PICTURE, "a JPEG-LS picture"),
    MAGIC(0, "\xFF\xD8\xFF", FILE_READABLE, "a JPEG picture"),
    MAGIC(0, "\x89PNG\r\n\x1a\n", FILE_READABLE, "a PNG picture"),
    MAGIC(0, "GIF8", FILE_PICTURE, "a GIF picture"),
    MAGIC(8, "CR\x02\0", FILE_PICTURE, "a Canon raw picture"),
    MAGIC(0, "II*\0", FILE_PICTURE, "a TIFF picture"),
    MAGIC(0, "MM\0*", FILE_PICTURE, "a TIFF picture"),
    MAGIC(0, "II+\0", FILE_PICTURE, "a TIFF picture"),
    MAGIC(0, "MM\0+", FILE_PICTURE, "a TIFF picture"),
    MAGIC(0, "II\xBC\x01", FILE_PICTURE, "a JPEG XR picture"),
    MAGIC(0, "IIRO", FILE_PICTURE, "an Olympus raw picture"),
    MAGIC(0, "IIU\0", FILE_PICTURE, "a Panasonic raw picture"),
    MAGIC(0, "FUJIFILMCCD-RAW", FILE_PICTURE, "a Fujifilm raw picture"),
    MAGIC(4, "JXL \r\n\x87\n", FILE_PICTURE, "a JPEG XL picture"),
    MAGIC(0, "\xFF\x0A", FILE_PICTURE, "a JPEG XL picture"),
    MAGIC(4, "jP  \r\n\x87\n", FILE_PICTURE, "a JPEG 2000 picture"),
    MAGIC(0, "\xFF\x4F\xFF\x51", FILE_PICTURE, "a JPEG 2000 picture"),
    MAGIC(0, "8BPS", FILE_PICTURE, "a Photoshop picture"),
    MAGIC(0, "gimp xcf", FILE_PICTURE, "a GIMP picture"),
    MAGIC(0, "\0\0\1\0", FILE_PICTURE, "an icon (ICO)"),
    MAGIC(0, "\0\0\2\0\0\0\0\0", FILE_PICTURE, "a TGA picture"),
    MAGIC(0, "\0\0\12\0\0\0\0\0", FILE_PICTURE, "a TGA picture"),
    MAGIC(0, "\x0A\5\1\x08", FILE_PICTURE, "a PCX picture"),
    MAGIC(0, "\x01\xDA", FILE_PICTURE, "an SGI picture"),
    MAGIC(0, "icns", FILE_PICTURE, "an icon"),
    MAGIC(0, "DDS ", FILE_PICTURE, "a DDS picture"),
    MAGIC(0, "qoif", FILE_PICTURE, "a QOI picture"),
    MAGIC(0, "BPG\xFB", FILE_PICTURE, "a BPG picture"),
    MAGIC(0, "FLIF", FILE_PICTURE, "a FLIF picture"),
    MAGIC(0, "v/1\1", FILE_PICTURE, "an OpenEXR picture"),
    MAGIC(0, "#?RADIANCE", FILE_PICTURE, "an HDR picture"),
    MAGIC(0, "SIMPLE  =", FILE_PICTURE, "a FITS picture"),
    MAGIC(0, "%!PS", FILE_PICTURE, "a PostScript picture"),
    MAGIC(128, "DICM", FILE_PICTURE, "a DICOM picture"),
    MAGIC(0, "%PDF", FILE_OTHER, "a PDF document"),
    MAGIC(0, "\x8AMNG", FILE_VIDEO, "an MNG video"),
    MAGIC(4, "moov", FILE_VIDEO, "a QuickTime (MOV) video"),
    MAGIC(4, "mdat", FILE_VIDEO, "a QuickTime (MOV) video"),
    MAGIC(4, "wide", FILE_VIDEO, "a QuickTime (MOV) video"),
    MAGIC(0, "FLV\1", FILE_VIDEO, "an FLV video"),
    MAGIC(0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11", FILE_VIDEO, "a Windows Media video"),
    MAGIC(0, "\0\0\1\xBA", FILE_VIDEO, "an MPEG video"),
    MAGIC(0, "\0\0\1\xB3", FILE_VIDEO, "an MPEG video"),
    MAGIC(188, "\x47", FILE_VIDEO, "an MPEG video"), /* a transport stream; see below */
    MAGIC(0, "OggS", FILE_VIDEO, "an Ogg video or sound"),
    MAGIC(0, "ID3", FILE_SOUND, "an MP3 sound"),
    MAGIC(0, "fLaC", FILE_SOUND, "a FLAC sound"),
    MAGIC(0, "\x89HDF\r\n\x1a\n", FILE_SET, "an HDF5 file"),
    MAGIC(512, "\x89HDF\r\n\x1a\n", FILE_SET, "an HDF5 file"), /* after a user block */
    MAGIC(1024, "\x89HDF\r\n\x1a\n", FILE_SET, "an HDF5 file"),
    MAGIC(2048, "\x89HDF\r\n\x1a\n", FILE_SET, "an HDF5 file"),
    MAGIC(0, "\x0E\x03\x13\x01", FILE_OTHER, "an HDF4 file"),
    MAGIC(0, "\x93NUMPY", FILE_OTHER, "a NumPy array"),
    MAGIC(0, "\x1F\x8B", FILE_OTHER, "a gzip archive"),
    MAGIC(0, "BZh", FILE_OTHER, "a bzip2 archive"),
    MAGIC(0,
          "\xFD"
          "7zXZ\0",
          FILE_OTHER, "an xz archive"),
    MAGIC(0, "\x28\xB5\x2F\xFD", FILE_OTHER, "a zstd archive"),
    MAGIC(0, "7z\xBC\xAF\x27\x1C", FILE_OTHER, "a 7-Zip archive"),
    MAGIC(0, "Rar!\x1A\x07", FILE_OTHER, "a RAR archive"),
    MAGIC(257, "ustar", FILE_OTHER, "a tar archive"),
    MAGIC(0,
          "\x7F"
          "ELF",
          FILE_OTHER, "a program"),
    MAGIC(0, "\x80\x02", FILE_OTHER, "a Python pickle"),
    MAGIC(0, "SQLite format 3", FILE_OTHER, "an SQLite database"),
    MAGIC(0, "\0\5\x16\7", FILE_OTHER, "a macOS resource file"),
};

static bool has(const uint8_t *b, size_t n, size_t at, const char *bytes, size_t length)
{
    return n >= at + length && memcmp(b + at, bytes, length) == 0;
}
#define HAS(at, bytes) has(b, n, at, bytes, sizeof(bytes) - 1)

static bool contains(const uint8_t *b, size_t n, const char *text)
{
    return memmem(b, n, text, strlen(text)) != NULL;
}

/* --- containers ------------------------------------------------------------------------------- */

/* ISO base media (ISO/IEC 14496-12): the kind by the brands in the first box; the major brand may
 * mean only "some picture". NULL: not such a file. */
static const struct file_kind *kind_of_brands(const uint8_t *b, size_t n)
{
    static const struct file_kind heic = {"a HEIC picture", FILE_PICTURE};
    static const struct {
        const char *brand;
        struct file_kind kind;
    } brands[] = {
        {"avif", {"an AVIF picture", FILE_PICTURE}      },
        {"avis", {"an AVIF picture", FILE_PICTURE}      },
        {"crx ", {"a Canon raw picture", FILE_PICTURE}  },
        {"qt  ", {"a QuickTime (MOV) video", FILE_VIDEO}},
        {"M4A ", {"an MPEG-4 sound", FILE_SOUND}        },
        {"3gp",  {"a 3GP video", FILE_VIDEO}            },
        {"mif1", {"a HEIF picture", FILE_PICTURE}       },
        {"msf1", {"a HEIF picture", FILE_PICTURE}       },
    };
    static const struct file_kind mp4 = {"an MP4 video", FILE_VIDEO};
    if (!HAS(4, "ftyp"))
        return NULL;
    size_t length = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
    size_t end = MIN(MAX(length, 12), n);
    for (size_t at = 8; at + 4 <= end; at += 4)
        if (memcmp(b + at, "hei", 3) == 0 || memcmp(b + at, "hev", 3) == 0)
            return &heic;
    for (size_t i = 0; i < ARRAY_LENGTH(brands); i++)
        for (size_t at = 8; at + 4 <= end; at += 4)
            if (at != 12 && /* skip the minor version */
                memcmp(b + at, brands[i].brand, strlen(brands[i].brand)) == 0)
                return &brands[i].kind;
    return &mp4;
}

static const struct file_kind *kind_of_container(const uint8_t *b, size_t n)
{
    static const struct file_kind webp = {"a WebP picture", FILE_PICTURE};
    static const struct file_kind avi = {"an AVI video", FILE_VIDEO};
    static const struct file_kind wav = {"a WAV sound", FILE_SOUND};
    static const struct file_kind webm = {"a WebM video", FILE_VIDEO};
    static const struct file_kind matroska = {"a Matroska video", FILE_VIDEO};
    static const struct file_kind checkpoint = {"a PyTorch checkpoint", FILE_CHECKPOINT};
    static const struct file_kind zip = {"a zip archive", FILE_CHECKPOINT};
    if (HAS(0, "RIFF") && HAS(8, "WEBP"))
        return &webp;
    if (HAS(0, "RIFF") && HAS(8, "AVI "))
        return &avi;
    if (HAS(0, "RIFF") && HAS(8, "WAVE"))
        return &wav;
    if (HAS(0, "\x1A\x45\xDF\xA3"))
        return contains(b, MIN(n, 64), "webm") ? &webm : &matroska;
    if (HAS(0, "PK\3\4"))
        return contains(b, n, "data.pkl") || contains(b, n, "bifrons.json") ? &checkpoint : &zip;
    return kind_of_brands(b, n);
}

/* --- BMP, text -------------------------------------------------------------------------------- */

/* Many texts begin with "BM", so the length of the header must be a known one, too. */
static bool is_bmp(const uint8_t *b, size_t n)
{
    static const uint8_t headers[] = {12, 16, 40, 52, 56, 64, 108, 124};
    return HAS(0, "BM") && n >= 18 && memchr(headers, b[14], sizeof headers) != NULL &&
           HAS(15, "\0\0\0");
}

static bool is_text(const uint8_t *b, size_t n)
{
    if (HAS(0, "\xFF\xFE") || HAS(0, "\xFE\xFF"))
        return true; /* UTF-16 */
    for (size_t i = 0; i < n; i++)
        if ((b[i] < ' ' && !(b[i] >= '\a' && b[i] <= '\r') && b[i] != 0x1B) || b[i] == 0x7F)
            return false;
    return true;
}

static bool contains_tag(const uint8_t *b, size_t n, const char *tag)
{
    for (size_t length = strlen(tag); n >= length; b++, n--)
        if (strncasecmp((const char *)b, tag, length) == 0)
            return true;
    return false;
}

static const struct file_kind *kind_of_text(const uint8_t *b, size_t n)
{
    static const struct file_kind svg = {"an SVG picture", FILE_PICTURE};
    static const struct file_kind pnm = {"a PNM picture", FILE_PICTURE};
    static const struct file_kind html = {"a web page (HTML)", FILE_OTHER};
    static const struct file_kind pointer = {
        "a Git LFS pointer instead of the file (git lfs pull brings that)", FILE_OTHER};
    static const struct file_kind text = {"text", FILE_OTHER};
    if (contains_tag(b, n, "<html") || contains_tag(b, n, "<!doctype html"))
        return &html;
    if (contains_tag(b, n, "<svg"))
        return &svg;
    if (HAS(0, "version https://git-lfs"))
        return &pointer;
    if (n > 3 && b[0] == 'P' && b[1] >= '1' && b[1] <= '3' && (b[2] == '\n' || b[2] == ' '))
        return &pnm;
    return &text;
}

const struct file_kind *file_kind_of(const uint8_t *b, size_t n)
{
    static const struct file_kind empty = {"an empty file", FILE_OTHER};
    static const struct file_kind bmp = {"a BMP picture", FILE_READABLE};
    static const struct file_kind pnm = {"a PNM picture", FILE_PICTURE};
    static const struct file_kind unknown = {"of a kind that is not known here", FILE_OTHER};
    if (n == 0)
        return &empty;
    const struct file_kind *kind = kind_of_container(b, n);
    if (kind)
        return kind;
    bool stream = n > 188 && b[0] == 0x47; /* packets of 188 bytes, each beginning with 0x47 */
    for (size_t i = 0; i < ARRAY_LENGTH(magic); i++)
        if (has(b, n, magic[i].at, magic[i].bytes, magic[i].n) && (magic[i].at != 188 || stream))
            return &magic[i].kind;
    if (is_bmp(b, n))
        return &bmp;
    if (n > 3 && b[0] == 'P' && b[1] >= '4' && b[1] <= '7' && (b[2] == '\n' || b[2] == ' '))
        return &pnm;
    return is_text(b, n) ? kind_of_text(b, n) : &unknown;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Is it the folder of a run? Users give it in place of a folder of pictures or of a checkpoint. */
static bool is_run_folder(const char *path)
{
    char inside[PATH_BYTES_MAX];
    return path_join(inside, sizeof inside, path, "config.resolved.toml") && file_exists(inside);
}

static const struct file_kind *kind_of_mode(const char *path, mode_t mode)
{
    static const struct file_kind run = {"the folder of a run", FILE_RUN};
    static const struct file_kind folder = {"a folder", FILE_FOLDER};
    static const struct file_kind fifo = {"a FIFO (named pipe)", FILE_SPECIAL};
    static const struct file_kind sock = {"a socket", FILE_SPECIAL};
    static const struct file_kind device = {"a device", FILE_SPECIAL};
    if (S_ISDIR(mode))
        return is_run_folder(path) ? &run : &folder;
    if (S_ISREG(mode))
        return NULL;
    return S_ISFIFO(mode) ? &fifo : S_ISSOCK(mode) ? &sock : &device;
}

enum status file_kind_read(const char *path, const struct file_kind **out, struct errmsg *em)
{
    uint8_t start[FILE_KIND_BYTES];
    struct stat s;
    if (stat(path, &s) != 0)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
    const struct file_kind *special = kind_of_mode(path, s.st_mode);
    if (special) {
        *out = special;
        return ST_OK;
    }
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
    size_t n = 0;
    for (ssize_t got; n < sizeof start; n += (size_t)got) {
        got = read(fd, start + n, sizeof start - n);
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got < 0) {
            int reason = errno;
            close(fd);
            return FAIL_ERRNO(em, ST_NOINPUT, reason, "cannot read %s", path);
        } else if (got == 0)
            break;
    }
    close(fd);
    *out = file_kind_of(start, n);
    return ST_OK;
}

enum status file_kind_expect(const char *path, enum file_group group, const char *wanted,
                             struct errmsg *em)
{
    const struct file_kind *kind;
    enum status st = file_kind_read(path, &kind, em);
    if (st != ST_OK || kind->group == group)
        return st;
    if (group == FILE_CHECKPOINT && kind->group == FILE_RUN)
        return FAIL(em, ST_NOINPUT,
                    "%s is %s: name a checkpoint in it, such as %s/checkpoints/best.pt", path,
                    kind->name, path);
    bool no_file =
        kind->group == FILE_FOLDER || kind->group == FILE_RUN || kind->group == FILE_SPECIAL;
    return FAIL(em, no_file ? ST_NOINPUT : ST_DATA, "%s is no %s: it is %s", path, wanted,
                kind->name);
}

/* --- words ------------------------------------------------------------------------------------ */

const char *file_group_remedy(enum file_group group, size_t n)
{
    if (group == FILE_PICTURE)
        return n == 1 ? "save it as JPEG or PNG" : "save them as JPEG or PNG";
    if (group == FILE_VIDEO)
        return n == 1 ? "bifrons extract cuts faces out of it"
                      : "bifrons extract cuts faces out of them";
    return "";
}

const char *file_kind_noun(const struct file_kind *kind)
{
    const char *name = kind->name;
    if (strncmp(name, "a ", 2) == 0)
        return name + 2;
    return strncmp(name, "an ", 3) == 0 ? name + 3 : name;
}
