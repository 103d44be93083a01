#include "testing.h"

#include <math.h>

#include "preview.h"

enum { PAIRS = 3 };

/* A colour for each kind of picture, so that it is known again in a sheet. */
enum { ORIGINAL_A, ORIGINAL_B, RECON_A, RECON_B, SWAP_A, SWAP_B, KINDS };
static const uint8_t colours[KINDS][3] = {
    {255, 0,   0  },
    {0,   0,   255},
    {200, 0,   100},
    {100, 0,   200},
    {0,   180, 0  },
    {0,   180, 180},
};

struct fixture {
    uint8_t *bytes[KINDS];
    struct preview_pictures pictures;
};

static void fixture_init(struct fixture *f, int size)
{
    size_t pixels = (size_t)PAIRS * (size_t)size * (size_t)size;
    for (int kind = 0; kind < KINDS; kind++) {
        f->bytes[kind] = malloc(pixels * 3);
        assert_non_null(f->bytes[kind]);
        for (size_t i = 0; i < pixels * 3; i++)
            f->bytes[kind][i] = colours[kind][i % 3];
    }
    f->pictures = (struct preview_pictures){
        .n = PAIRS,
        .size = size,
        .name = {"Ada",                "Bo"                },
        .original = {f->bytes[ORIGINAL_A], f->bytes[ORIGINAL_B]},
        .recon = {f->bytes[RECON_A],    f->bytes[RECON_B]   },
        .swap = {f->bytes[SWAP_A],     f->bytes[SWAP_B]    },
    };
}

static void fixture_release(struct fixture *f)
{
    for (int kind = 0; kind < KINDS; kind++)
        free(f->bytes[kind]);
}

struct box {
    int x, y, width, height;
    int64_t pixels;
};

/* Where a colour is, and how much of it. */
static struct box box_of(const struct picture *p, const uint8_t colour[3])
{
    struct box b = {.x = p->width, .y = p->height};
    int right = 0, bottom = 0;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++)
            if (!memcmp(p->rgb + ((size_t)y * (size_t)p->width + (size_t)x) * 3, colour, 3)) {
                b.pixels++;
                b.x = x < b.x ? x : b.x;
                b.y = y < b.y ? y : b.y;
                right = x + 1 > right ? x + 1 : right;
                bottom = y + 1 > bottom ? y + 1 : bottom;
            }
    b.width = right - b.x;
    b.height = bottom - b.y;
    return b;
}

static void assert_square(const struct box *b, int side)
{
    assert_int_equal(b->width, side);
    assert_int_equal(b->height, side);
    assert_int_equal(b->pixels, (int64_t)side * side); /* nothing lies over it */
}

static void the_grid_is_in_order(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct fixture f;
    fixture_init(&f, 128);
    struct picture sheet = {0};
    const size_t pair_bytes = 128 * 128 * 3;
    for (int kind = 0; kind < KINDS; kind++)
        memset(f.bytes[kind], 77, (PAIRS - 1) * pair_bytes); /* only the last pair has colours */
    const struct preview_state state = {.step = 12, .epoch = 1, .val_loss = 0.5};
    assert_ok(preview_grid(&f.pictures, PAIRS - 1, &state, &sheet, &em));
    struct box b[KINDS];
    for (int kind = 0; kind < KINDS; kind++) {
        b[kind] = box_of(&sheet, colours[kind]);
        assert_square(&b[kind], 128);
    }
    assert_true(b[ORIGINAL_A].x < b[RECON_A].x && b[RECON_A].x < b[SWAP_A].x);
    assert_true(b[ORIGINAL_B].x == b[ORIGINAL_A].x && b[SWAP_B].x == b[SWAP_A].x);
    assert_true(b[ORIGINAL_A].y == b[SWAP_A].y && b[ORIGINAL_A].y + 128 < b[ORIGINAL_B].y);
    picture_release(&sheet);
    fixture_release(&f);
}

/* All that the footer says has room under three pictures, and a stage is one word more of it. */
static void the_footer_has_room_for_a_stage(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct fixture f;
    fixture_init(&f, 64);
    const struct preview_state states[] = {
        {.step = 1234567,  .epoch = 9999, .val_loss = 0.1234},
        { .stage = 2, .stages = 3, .step = 1234567, .epoch = 9999, .val_loss = 0.1234},
        { .stage = 2, .stages = 3, .step = 1234567, .epoch = 9999, .val_loss = 0.9999},
    };
    struct picture sheets[3];
    for (int i = 0; i < 3; i++)
        assert_ok(preview_grid(&f.pictures, 0, &states[i], &sheets[i], &em));
    size_t bytes = (size_t)sheets[0].width * (size_t)sheets[0].height * 3;
    assert_int_not_equal(memcmp(sheets[0].rgb, sheets[1].rgb, bytes), 0);
    assert_int_not_equal(memcmp(sheets[1].rgb, sheets[2].rgb, bytes), 0); /* the end is not cut */
    for (int i = 0; i < 3; i++)
        picture_release(&sheets[i]);
    fixture_release(&f);
}

static void the_swap_sheet_has_a_column_a_pair(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct fixture f;
    fixture_init(&f, 128);
    struct picture sheet = {0};
    assert_ok(preview_swaps(&f.pictures, NULL, &sheet, &em));
    static const int rows[] = {ORIGINAL_A, SWAP_A, ORIGINAL_B, SWAP_B};
    int end = 0;
    for (int i = 0; i < 4; i++) {
        struct box b = box_of(&sheet, colours[rows[i]]);
        assert_int_equal(b.pixels, PAIRS * 128 * 128);
        assert_int_equal(b.height, 128);
        assert_true(b.y >= end);
        end = b.y + b.height;
    }
    assert_int_equal(box_of(&sheet, colours[RECON_A]).pixels, 0);
    int left = box_of(&sheet, colours[SWAP_B]).x;
    picture_release(&sheet);
    memset(f.bytes[SWAP_B], 77, (size_t)128 * 128 * 3); /* the first pair's: leftmost */
    assert_ok(preview_swaps(&f.pictures, NULL, &sheet, &em));
    assert_int_equal(box_of(&sheet, colours[SWAP_B]).pixels, (PAIRS - 1) * 128 * 128);
    assert_true(box_of(&sheet, colours[SWAP_B]).x > left + 128);
    picture_release(&sheet);
    fixture_release(&f);
}

static void small_pictures_are_enlarged_by_a_whole_factor(void **unused)
{
    (void)unused;
    static const struct {
        int size, shown;
    } cases[] = {
        {1,   128},
        {48,  144},
        {64,  128},
        {127, 254},
        {200, 200}
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct errmsg em = {0};
        struct fixture f;
        fixture_init(&f, cases[i].size);
        struct picture sheet = {0};
        assert_ok(preview_grid(&f.pictures, 0, NULL, &sheet, &em));
        struct box b = box_of(&sheet, colours[SWAP_B]);
        assert_square(&b, cases[i].shown);
        picture_release(&sheet);
        fixture_release(&f);
    }
}

static bool same(const struct picture *a, const struct picture *b)
{
    return a->width == b->width && a->height == b->height &&
           !memcmp(a->rgb, b->rgb, (size_t)a->width * (size_t)a->height * 3);
}

static void grid_with_names(struct fixture *f, const char *a, const char *b, struct picture *out)
{
    struct errmsg em = {0};
    f->pictures.name[PREVIEW_A] = a;
    f->pictures.name[PREVIEW_B] = b;
    assert_ok(preview_grid(&f->pictures, 0, NULL, out, &em));
}

static void names_without_letters_become_roles(void **unused)
{
    (void)unused;
    struct fixture f;
    fixture_init(&f, 128);
    struct picture roles = {0}, none = {0}, odd = {0}, named = {0};
    grid_with_names(&f, "A", "B", &roles);
    grid_with_names(&f, NULL, "", &none);
    grid_with_names(&f, "\U0010FFFD", "\xFF", &odd); /* no font has these */
    grid_with_names(&f, "Ada", "Bo", &named);
    assert_true(same(&none, &roles));
    assert_true(same(&odd, &roles));
    assert_false(same(&named, &roles));
    picture_release(&roles);
    picture_release(&none);
    picture_release(&odd);
    picture_release(&named);
    fixture_release(&f);
}

static void long_names_stay_in_their_cell(void **unused)
{
    (void)unused;
    struct fixture f;
    fixture_init(&f, 128);
    char ascii[300], multi[300] = "";
    memset(ascii, 'W', sizeof ascii - 1);
    ascii[sizeof ascii - 1] = '\0';
    for (size_t i = 0; i < 90; i++)
        memcpy(multi + 2 * i, "\xC3\xA9",
               3); /* e with acute, two bytes: a cut may fall between them */
    struct picture sheet = {0}, shorter = {0};
    grid_with_names(&f, ascii, multi, &sheet);
    grid_with_names(&f, "A", "B", &shorter);
    assert_int_equal(sheet.width, shorter.width);
    for (int kind = 0; kind < KINDS; kind++) {
        struct box b = box_of(&sheet, colours[kind]);
        assert_square(&b, 128); /* no text over any picture */
    }
    picture_release(&sheet);
    picture_release(&shorter);
    struct errmsg em = {0};
    assert_ok(preview_swaps(&f.pictures, NULL, &sheet, &em));
    struct box first = box_of(&sheet, colours[SWAP_A]);
    assert_int_equal(first.pixels, PAIRS * 128 * 128);
    picture_release(&sheet);
    fixture_release(&f);
}

static void one_caption(const char *caption, struct picture *out)
{
    struct errmsg em = {0};
    const struct preview_cell cell = {.caption = caption};
    assert_ok(
        preview_sheet(&(struct preview_sheet){.rows = 1, .columns = 1, .size = 128, .cells = &cell},
                      out, &em));
}

static void a_text_is_cut_between_characters(void **unused)
{
    (void)unused;
    char whole[300] = "", part[300] = "";
    for (size_t i = 0; i < 90; i++)
        memcpy(whole + 2 * i, "\xC3\xA9", 3); /* e with acute, two bytes */
    const char *dots = picture_text_possible("\u2026") ? "\u2026" : "...";
    struct picture cut = {0}, tried = {0};
    one_caption(whole, &cut);
    uint8_t pixel[3];
    struct picture speck = {.width = 1, .height = 1, .rgb = pixel};
    bool found = false;
    for (int n = 1; n < 40 && !found; n++) {
        snprintf(part, sizeof part, "%.*s%s", 2 * n, whole, dots);
        if (picture_text(&speck, 0, 0, 13, colours[0], part) > 128)
            break; /* would be cut itself */
        one_caption(part, &tried);
        found = same(&cut, &tried) && picture_text_possible(part);
        picture_release(&tried);
    }
    assert_true(found || !picture_text_possible("\xC3\xA9"));
    picture_release(&cut);
}

/* The ink (of letters, with their soft edges) in a part of a sheet. */
static int64_t ink_in(const struct picture *p, int left, int top, int width, int height)
{
    int64_t dark = 0;
    for (int y = top; y < top + height; y++)
        for (int x = left; x < left + width; x++)
            dark += p->rgb[((size_t)y * (size_t)p->width + (size_t)x) * 3] < 150;
    return dark;
}

static void a_long_name_leaves_room_for_the_other(void **unused)
{
    (void)unused;
    struct fixture f;
    fixture_init(&f, 128);
    struct picture to_b = {0}, to_x = {0};
    const char *long_name = "Maximiliane von und zu Hohenstein-Wolkenburg";
    grid_with_names(&f, long_name, "B", &to_b);
    grid_with_names(&f, long_name, "W", &to_x);
    struct box b = box_of(&to_b, colours[SWAP_A]);
    /* the caption under "her picture, with the other's face" ends in the other's name */
    int64_t ink_b = ink_in(&to_b, b.x + 100, b.y + 130, 28, 16);
    int64_t ink_x = ink_in(&to_x, b.x + 100, b.y + 130, 28, 16);
    assert_true(ink_b > 0 && ink_x > 0);
    assert_true(ink_b != ink_x);
    picture_release(&to_b);
    picture_release(&to_x);
    fixture_release(&f);
}

static void the_label_is_there_unless_refused(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct fixture f;
    fixture_init(&f, 128);
    struct picture with = {0}, without = {0};
    assert_ok(preview_grid(&f.pictures, 0, NULL, &with, &em));
    f.pictures.no_ai_label = true;
    assert_ok(preview_grid(&f.pictures, 0, NULL, &without, &em));
    int64_t differing = 0;
    int corner_x = with.width, corner_y = with.height;
    assert_int_equal(with.width, without.width);
    for (int y = 0; y < without.height; y++)
        for (int x = 0; x < with.width; x++) {
            size_t at = ((size_t)y * (size_t)with.width + (size_t)x) * 3;
            if (memcmp(with.rgb + at, without.rgb + at, 3)) {
                differing++;
                corner_x = x < corner_x ? x : corner_x;
                corner_y = y < corner_y ? y : corner_y;
            }
        }
    assert_true(differing > 100);
    assert_true(corner_x > with.width * 3 / 4 && corner_y > with.height * 3 / 4);
    assert_true(with.height - corner_y < with.height / 5);
    picture_release(&with);
    picture_release(&without);
    struct picture_mark mark = preview_mark("00");
    assert_int_equal(mark.source, PICTURE_SOURCE_COMPOSITE);
    assert_string_equal(mark.checkpoint_hash, "00");
    fixture_release(&f);
}

static void a_sheet_may_have_empty_cells_and_no_text(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct fixture f;
    fixture_init(&f, 128);
    const struct preview_cell cells[2] = {{.rgb = f.bytes[ORIGINAL_A]}};
    const struct preview_sheet s = {.rows = 1, .columns = 2, .size = 128, .cells = cells};
    struct picture sheet = {0};
    assert_ok(preview_sheet(&s, &sheet, &em));
    struct box b = box_of(&sheet, colours[ORIGINAL_A]);
    assert_square(&b, 128);
    assert_true(sheet.width > 2 * 128);
    picture_release(&sheet);
    fixture_release(&f);
}

static void too_large_a_sheet_is_refused(void **unused)
{
    (void)unused;
    struct errmsg em = {0};
    struct fixture f;
    fixture_init(&f, 128);
    static struct preview_cell cells[400];
    struct preview_sheet s = {.rows = 1, .columns = 400, .size = 128, .cells = cells};
    struct picture sheet = {0};
    assert_status(preview_sheet(&s, &sheet, &em), ST_USAGE);
    assert_text_has(em.text, "show fewer");
    em = (struct errmsg){0};
    s.rows = 400, s.columns = 1;
    assert_status(preview_sheet(&s, &sheet, &em), ST_USAGE);
    em = (struct errmsg){0};
    f.pictures.n = SIZE_MAX / 8;
    assert_status(preview_swaps(&f.pictures, NULL, &sheet, &em), ST_USAGE);
    assert_null(sheet.rgb);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_grid_is_in_order),
        cmocka_unit_test(the_footer_has_room_for_a_stage),
        cmocka_unit_test(the_swap_sheet_has_a_column_a_pair),
        cmocka_unit_test(small_pictures_are_enlarged_by_a_whole_factor),
        cmocka_unit_test(names_without_letters_become_roles),
        cmocka_unit_test(long_names_stay_in_their_cell),
        cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(a_long_name_leaves_room_for_the_other),
        cmocka_unit_test(the_label_is_there_unless_refused),
        cmocka_unit_test(a_sheet_may_have_empty_cells_and_no_text),
        cmocka_unit_test(too_large_a_sheet_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
