#define _GNU_SOURCE /* memmem */
#include "data/picture.h"

#include <math.h>

#include "base/file.h"
#include "testing.h"

static struct picture pattern(int width, int height)
{
    struct errmsg em = {0};
    struct picture p;
    assert_ok(picture_init(&p, width, height, &em));
    for (int i = 0; i < width * height * 3; i++)
        p.rgb[i] = (uint8_t)(i * 37 + i / 11);
    return p;
}

static bool contains(const uint8_t *bytes, size_t n, const char *text)
{
    return memmem(bytes, n, text, strlen(text)) != NULL;
}

static void png_comes_back_as_it_was(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture p = pattern(37, 21), back;
    uint8_t *bytes, *again;
    size_t n, n_again;
    assert_ok(picture_encode_png(&p, NULL, &bytes, &n, &em));
    assert_ok(picture_encode_png(&p, NULL, &again, &n_again, &em));
    assert_int_equal(n, n_again);
    assert_memory_equal(bytes, again, n);
    assert_false(contains(bytes, n, "digitalsourcetype"));
    assert_ok(picture_decode(bytes, n, &back, &em));
    assert_int_equal(back.width, 37);
    assert_int_equal(back.height, 21);
    assert_memory_equal(back.rgb, p.rgb, 37 * 21 * 3);
    picture_release(&back);

    /* any flipped byte and any lost end is noticed */
    for (size_t i = 8; i < n; i += 7) {
        bytes[i] ^= 0x10;
        em = (struct errmsg){0};
        assert_status(picture_decode(bytes, n, &back, &em), ST_DATA);
        bytes[i] ^= 0x10;
        em = (struct errmsg){0};
        assert_status(picture_decode(bytes, i, &back, &em), ST_DATA);
    }
    free(bytes);
    free(again);
    picture_release(&p);
}

static void marks_name_the_source(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture p = pattern(100, 100), back;
    const char *hash = "0123456789abcdef0123456789abcdef";
    uint8_t *bytes;
    size_t n;
    struct picture_mark mark = {PICTURE_SOURCE_COMPOSITE, hash, true};
    assert_ok(picture_encode_png(&p, &mark, &bytes, &n, &em));
    assert_true(contains(bytes, n, "digitalsourcetype/compositeWithTrainedAlgorithmicMedia<"));
    assert_true(contains(bytes, n, hash));
    assert_ok(picture_decode(bytes, n, &back, &em));
    /* the label changes the lower right corner, at most a tenth of the height, and nothing else */
    int changed = 0;
    for (int y = 0; y < 100; y++)
        for (int x = 0; x < 100; x++)
            if (memcmp(back.rgb + 3 * (y * 100 + x), p.rgb + 3 * (y * 100 + x), 3) != 0) {
                assert_true(y >= 90 && x >= 80);
                changed++;
            }
    assert_true(changed > 100);
    picture_release(&back);
    free(bytes);

    mark = (struct picture_mark){PICTURE_SOURCE_TRAINED, "<not a hash/>", false};
    assert_ok(picture_encode_png(&p, &mark, &bytes, &n, &em));
    assert_true(contains(bytes, n, "digitalsourcetype/trainedAlgorithmicMedia<"));
    assert_false(contains(bytes, n, "<not a hash/>"));
    assert_ok(picture_decode(bytes, n, &back, &em));
    assert_memory_equal(back.rgb, p.rgb, 100 * 100 * 3);
    picture_release(&back);
    free(bytes);
    picture_release(&p);
}

/* Where the label is: the box of all pixels that it changes. */
static struct picture_box label_in(int width, int height, int high, const struct picture_box *boxes,
                                   size_t n, int kept)
{
    struct picture p = pattern(width, height), before = pattern(width, height);
    struct picture_box box = {width, height, 0, 0};
    picture_label(&p, high, picture_label_corner(&p, high, boxes, n, kept));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (memcmp(p.rgb + 3 * (y * width + x), before.rgb + 3 * (y * width + x), 3) != 0)
                box = (struct picture_box){x < box.left ? x : box.left, y < box.top ? y : box.top,
                                           x + 1 > box.right ? x + 1 : box.right,
                                           y + 1 > box.bottom ? y + 1 : box.bottom};
    picture_release(&p);
    picture_release(&before);
    return box;
}

static void a_label_keeps_clear_of_faces(void **state)
{
    (void)state;
    const struct picture_box faces[] = {
        {60, 60, 100, 100},
        {0,  80, 30,  100},
        {95, 0,  100, 5  }
    };
    const struct picture_box everything = {0, 0, 100, 100};
    struct picture_box box = label_in(100, 100, 10, faces, 0, 0);
    assert_true(box.left == 85 && box.top == 90 && box.right == 100 && box.bottom == 100);
    box = label_in(100, 100, 10, faces, 1, 0); /* the lower left */
    assert_true(box.left == 0 && box.top == 90);
    box = label_in(100, 100, 10, faces, 2, 0); /* the upper right */
    assert_true(box.right == 100 && box.top == 0);
    box = label_in(100, 100, 10, faces, 3, 0); /* the upper left */
    assert_true(box.left == 0 && box.top == 0);
    box = label_in(100, 100, 10, &everything, 1, 0); /* it is there in any case */
    assert_true(box.left == 85 && box.top == 90);
    box = label_in(100, 100, 10, faces, 1, 2); /* where it was, because nothing is there */
    assert_true(box.right == 100 && box.top == 0);
    box = label_in(18, 12, 12, faces, 0, 0); /* all of a tiny picture */
    assert_true(box.left == 0 && box.top == 0 && box.right == 18 && box.bottom == 12);
}

static void shrinking_averages_areas(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture p, out;
    assert_ok(picture_init(&p, 3, 2, &em));
    for (int i = 0; i < 6; i++)
        p.rgb[3 * i] = (uint8_t)(i * 40); /* 0 40 80 / 120 160 200 */
    assert_ok(picture_resize(&p, 2, 1, &out, &em));
    /* left 1.5 columns of both rows: (0 + 40/2 + 120 + 160/2) / 3 */
    assert_int_equal(out.rgb[0], 73);
    assert_int_equal(out.rgb[3], 127);
    assert_int_equal(out.rgb[1], 0);
    picture_release(&out);
    picture_release(&p);
}

static void enlarging_keeps_flat_areas_and_places(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture p, out, mixed;
    assert_ok(picture_init(&p, 8, 8, &em));
    picture_fill(&p, 10, 200, 255);
    assert_ok(picture_resize(&p, 31, 17, &out, &em));
    for (int i = 0; i < 31 * 17; i++) {
        const uint8_t want[3] = {10, 200, 255};
        assert_memory_equal(out.rgb + 3 * i, want, 3);
    }
    picture_release(&out);

    /* a ramp 0, 10 ... 70 stays a ramp: pixel centres map to pixel centres */
    for (int i = 0; i < 64; i++)
        p.rgb[3 * i] = (uint8_t)(i % 8 * 10);
    assert_ok(picture_resize(&p, 24, 4, &mixed, &em)); /* wider and lower at once */
    for (int x = 9; x < 15; x++)
        assert_true(fabs(mixed.rgb[3 * x] - ((x + 0.5) / 3 - 0.5) * 10) < 1.5);
    picture_release(&mixed);
    assert_ok(picture_resize(&p, 8, 8, &out, &em));
    assert_memory_equal(out.rgb, p.rgb, sizeof(uint8_t) * 8 * 8 * 3);
    picture_release(&out);
    picture_release(&p);
}

static void cropping_takes_the_middle(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture p = pattern(7, 4), out;
    assert_ok(picture_crop_square(&p, &out, &em));
    assert_int_equal(out.width, 4);
    assert_int_equal(out.height, 4);
    assert_memory_equal(out.rgb, p.rgb + 3 * 1, 3 * 4);
    assert_memory_equal(out.rgb + 3 * 12, p.rgb + 3 * (21 + 1), 3 * 4);
    picture_release(&out);
    picture_release(&p);
}

static void pasting_cuts_at_every_edge(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture src = pattern(5, 5), dst;
    assert_ok(picture_init(&dst, 4, 4, &em));
    static const int far[][2] = {
        {-9,        0        },
        {0,         -9       },
        {9,         0        },
        {0,         9        },
        {INT32_MAX, 0        },
        {0,         INT32_MAX},
        {INT32_MIN, INT32_MIN}
    };
    for (size_t i = 0; i < sizeof far / sizeof *far; i++)
        picture_paste(&dst, &src, far[i][0], far[i][1]);
    for (int i = 0; i < 48; i++)
        assert_int_equal(dst.rgb[i], 0);
    picture_paste(&dst, &src, 3, -4);
    assert_memory_equal(dst.rgb + 9, src.rgb + 3 * 20, 3);
    assert_int_equal(dst.rgb[8], 0);
    picture_release(&src);
    picture_release(&dst);
}

static int count_ink(const struct picture *p)
{
    int ink = 0;
    for (int i = 0; i < p->width * p->height * 3; i++)
        ink += p->rgb[i] > 0;
    return ink;
}

static void text_leaves_ink_and_stays_inside(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture p;
    const uint8_t white[3] = {255, 255, 255};
    assert_ok(picture_init(&p, 120, 30, &em));
    assert_true(picture_text(&p, 2, 2, 20, white, "A > B") > 10);
    assert_true(count_ink(&p) > 60);
    picture_text(&p, 100, 20, 20, white, "cut at the edge");
    picture_text(&p, -50, -50, 20, white, "off");
    picture_text(&p, 0, 0, 20, white, "\xff\xfe not UTF-8");
    picture_text(&p, 0, 0, 20, white, "\xf0\x9f\xa6\x84");
    assert_int_equal(picture_text(&p, 0, 0, 20, white, ""), 0);
    assert_true(picture_text_possible("A > B"));
    /* a name of which the font lacks a character, and one of which it lacks all */
    const char *zoe = "Zo\xc3\xab \xf4\x8f\xbf\xbd";
    bool known = picture_text_possible("\xc3\xab");
    char shown[16];
    assert_int_equal(picture_text_shown(zoe, shown, sizeof shown), known ? 3 : 2);
    assert_string_equal(shown, known ? "Zo\xc3\xab ?" : "Zo? ?");
    assert_int_equal(picture_text(&p, 0, 0, 20, white, zoe),
                     picture_text(&p, 0, 0, 20, white, shown));
    assert_int_equal(picture_text_width(20, zoe), picture_text(&p, 0, 0, 20, white, zoe));
    assert_true(picture_text_width(20, zoe) > 0);
    assert_int_equal(picture_text_shown("\xf4\x8f\xbf\xbd\xf4\x8f\xbf\xbd", shown, sizeof shown),
                     0);
    assert_string_equal(shown, "??");
    assert_int_equal(picture_text_shown("\xff\xc3", shown, sizeof shown), 0);
    if (known) {
        assert_int_equal(picture_text_shown("a\xc3\xab\xc3\xab", shown, 5), 2); /* not half */
        assert_string_equal(shown, "a\xc3\xab");
    }
    assert_false(picture_text_possible("\xff\xfe"));
    picture_release(&p);
}

static void strange_files_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *reason;
    } files[] = {
        {"",                  0,  "empty"                    },
        {"hello, world",      12, "neither JPEG, PNG nor BMP"},
        {"\xff\xd8\xff\xd9",  4,  "no picture data"          },
        {"\x89PNG\r\n\x1a\n", 8,  "truncated PNG"            },
        {"BM",                2,  "truncated BMP"            },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct errmsg em = {0};
        struct picture p;
        assert_status(picture_decode((const uint8_t *)files[i].bytes, files[i].n, &p, &em),
                      ST_DATA);
        assert_text_has(em.text, files[i].reason);
    }
    struct errmsg em = {0};
    struct picture p;
    assert_status(picture_read("/no/such.png", &p, &em), ST_NOINPUT);
    assert_text_has(em.text, "/no/such.png");
}

/* A Huffman table whose counts sum to 16 * 255, inside its segment and running past the end. */
static void huffman_table_beyond_256_codes_is_refused(void **state)
{
    (void)state;
    uint8_t jpeg[64] = {0xff, 0xd8, 0xff, 0xc4, 0x00, 0x13, 0x00};
    for (size_t tail = 0; tail < 2; tail++) {
        struct errmsg em = {0};
        struct picture p;
        memset(jpeg + 7, 0xff, 16);
        assert_status(picture_decode(jpeg, tail ? 10 : sizeof jpeg, &p, &em), ST_DATA);
        assert_text_has(em.text, "Huffman");
    }
}

static void size_is_refused_before_memory_is_taken(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture p;
    assert_status(picture_init(&p, PICTURE_SIDE_MAX + 1, 1, &em), ST_DATA);
    em = (struct errmsg){0};
    assert_status(picture_init(&p, 0, 1, &em), ST_DATA);

    /* a bitmap of 16,000 x 1 that says it is 16,000 x 16,000, and one of a negative height */
    uint8_t bmp[54] = {'B',  'M',         [10] = 54, [14] = 40, [18] = 0x80,
                       0x3e, [22] = 0x80, 0x3e,      [26] = 1,  [28] = 24};
    em = (struct errmsg){0};
    assert_status(picture_decode(bmp, sizeof bmp, &p, &em), ST_DATA);
    assert_text_has(em.text, "BMP");
    bmp[25] = 0x80;
    em = (struct errmsg){0};
    assert_status(picture_decode(bmp, sizeof bmp, &p, &em), ST_DATA);
}

/* Runs that end at once, in a bitmap that says it is 8000 x 8000. */
static void more_pixels_than_the_bytes_can_hold_are_refused(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct picture p;
    uint8_t bmp[60] = {'B',  'M',      [10] = 58, [14] = 40, [18] = 0x40, 0x1f,    [22] = 0x40,
                       0x1f, [26] = 1, [28] = 8,  [30] = 1,  [46] = 1,    [59] = 1};
    assert_status(picture_decode(bmp, sizeof bmp, &p, &em), ST_DATA);
    assert_text_has(em.text, "damaged BMP: 8000 x 8000 pixels do not fit into its 60 bytes");
    bmp[18] = bmp[19] = bmp[23] = 0;
    bmp[18] = 64; /* 64 x 64 fit */
    em = (struct errmsg){0};
    assert_ok(picture_decode(bmp, sizeof bmp, &p, &em));
    assert_int_equal(p.height, 64);
    picture_release(&p);
}

enum { WAVES = 32 };

/* Stripes whose brightness goes from 128 - high to 128 + high in `wide` pixels. */
static double stripes_sharpness(int wide, int high, const uint8_t *inside)
{
    struct picture p;
    struct errmsg em = {0};
    assert_ok(picture_init(&p, WAVES, WAVES, &em));
    for (int i = 0; i < WAVES * WAVES; i++) {
        int at = i % WAVES % (2 * wide), up = at < wide ? at : 2 * wide - at;
        memset(p.rgb + 3 * i, 128 + 2 * high * up / wide - high, 3);
    }
    double sharpness = picture_sharpness(&p, inside);
    picture_release(&p);
    return sharpness;
}

static void sharpness_knows_edges_and_not_contrast(void **state)
{
    (void)state;
    uint8_t all[WAVES * WAVES], none[WAVES * WAVES] = {0};
    memset(all, 1, sizeof all);
    double sharp = stripes_sharpness(1, 60, all), soft = stripes_sharpness(8, 60, all);
    assert_true(soft > 0 && sharp > 8 * soft);
    assert_near(stripes_sharpness(1, 30, all), sharp, 1e-9);
    assert_true(stripes_sharpness(1, 0, all) == 0 && stripes_sharpness(1, 60, none) == 0);
}

static void extensions(void **state)
{
    (void)state;
    assert_true(picture_extension_known("a/b.JPeG"));
    assert_true(picture_extension_known("b.bmp"));
    assert_false(picture_extension_known("b.gif"));
    assert_false(picture_extension_known("png"));
    assert_false(picture_extension_known(".png"));
}

static int callocs_left = -1; /* before one fails; -1: none does */

void *__real_calloc(size_t n, size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);

void *__wrap_calloc(size_t n, size_t bytes)
{
    return callocs_left >= 0 && callocs_left-- == 0 ? NULL : __real_calloc(n, bytes);
}

/* Each time another allocation fails: nothing is freed twice, and the message says why. */
static void resizing_without_memory_fails(void **state)
{
    (void)state;
    struct picture p = pattern(8, 8), out;
    int failures = 0;
    enum status st = ST_MEMORY;
    for (int n = 0; st == ST_MEMORY; n++) {
        struct errmsg em = {0};
        callocs_left = n;
        st = picture_resize(&p, 3, 5, &out, &em);
        callocs_left = -1;
        if (st != ST_MEMORY)
            break;
        failures++;
        assert_text_has(em.text, "out of memory");
    }
    assert_int_equal(st, ST_OK);
    assert_true(failures >= 4); /* first and weights of two axes */
    picture_release(&out);
    picture_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resizing_without_memory_fails),
        cmocka_unit_test(png_comes_back_as_it_was),
        cmocka_unit_test(marks_name_the_source),
        cmocka_unit_test(a_label_keeps_clear_of_faces),
        cmocka_unit_test(shrinking_averages_areas),
        cmocka_unit_test(enlarging_keeps_flat_areas_and_places),
        cmocka_unit_test(cropping_takes_the_middle),
        cmocka_unit_test(pasting_cuts_at_every_edge),
        cmocka_unit_test(text_leaves_ink_and_stays_inside),
        cmocka_unit_test(strange_files_are_refused_with_a_reason),
        cmocka_unit_test(huffman_table_beyond_256_codes_is_refused),
        cmocka_unit_test(size_is_refused_before_memory_is_taken),
        cmocka_unit_test(more_pixels_than_the_bytes_can_hold_are_refused),
        cmocka_unit_test(sharpness_knows_edges_and_not_contrast),
        cmocka_unit_test(extensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
