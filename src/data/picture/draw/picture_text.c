/*
 * Draws captions: with cairo in the system's sans-serif font; without cairo, or if that font has no
 * letters, in the ASCII face of stb_easy_font, enlarged to whole pixels. Characters that a font
 * lacks become '?'. The label "AI" is made of bars, so that it looks the same everywhere.
 */
#include <math.h>
#include <stb/stb_easy_font.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef BIFRONS_CAIRO
#include <cairo.h>
#endif

#include "base/checked.h"
#include "data/picture.h"

#include "base/poison.h"

enum { EASY_HEIGHT = 12, EASY_BYTES_MAX = 64 * 1024, TEXT_BYTES_MAX = 512, LABEL_HEIGHT_MIN = 3 };

static void fill_box(struct picture *p, int x0, int y0, int x1, int y1, const uint8_t colour[3])
{
    for (int y = MAX(y0, 0); y < MIN(y1, p->height); y++)
        for (int x = MAX(x0, 0); x < MIN(x1, p->width); x++)
            memcpy(p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x), colour, 3);
}

/* Draws the letters "AI" as bars in a box. */
static void label_ai(struct picture *p, int left, int top, int width, int height,
                     const uint8_t colour[3])
{
    int bar = MAX(height / 7, 1), y0 = top + MAX(height / 6, 1);
    int y1 = top + height - MAX(height / 6, 1), a_wide = MAX(height / 2, 3);
    int x0 = left + (width - a_wide - 2 * bar) / 2, i0 = x0 + a_wide + bar;
    fill_box(p, x0, y0, x0 + bar, y1, colour); /* A: two legs, a top, a bar */
    fill_box(p, x0 + a_wide - bar, y0, x0 + a_wide, y1, colour);
    fill_box(p, x0, y0, x0 + a_wide, y0 + bar, colour);
    fill_box(p, x0, (y0 + y1) / 2, x0 + a_wide, (y0 + y1) / 2 + bar, colour);
    fill_box(p, i0, y0, i0 + bar, y1, colour); /* I */
}

/* Blends `colour` over a pixel, which picture_init has set; coverage: 0 to 255. */
static void pixel_blend(uint8_t *rgb, const uint8_t colour[3], unsigned coverage)
{
    for (int c = 0; c < 3; c++)
        /* NOLINTNEXTLINE(analyzer-use-of-uninitialized-value,clang-analyzer-core.*): all set */
        rgb[c] = (uint8_t)((colour[c] * coverage + rgb[c] * (255 - coverage) + 127) / 255);
}

static int64_t hidden_area(const struct picture_box *label, const struct picture_box *box)
{
    int wide = MIN(label->right, box->right) - MAX(label->left, box->left);
    int high = MIN(label->bottom, box->bottom) - MAX(label->top, box->top);
    return wide > 0 && high > 0 ? (int64_t)wide * high : 0;
}

static struct picture_box label_box(const struct picture *p, int high, int corner)
{
    int wide = high * 3 / 2, left = corner % 2 ? 0 : p->width - wide;
    int top = corner / 2 ? 0 : p->height - high;
    return (struct picture_box){left, top, left + wide, top + high};
}

int picture_label_corner(const struct picture *p, int high, const struct picture_box *boxes,
                         size_t n, int kept)
{
    enum { CORNERS = 4 };
    int64_t hidden[CORNERS] = {0};
    int best = kept;
    for (int corner = 0; corner < CORNERS; corner++) {
        const struct picture_box label = label_box(p, high, corner);
        for (size_t i = 0; i < n; i++)
            hidden[corner] += hidden_area(&label, &boxes[i]);
    }
    for (int corner = 0; corner < CORNERS; corner++)
        if (hidden[corner] < hidden[best])
            best = corner;
    return best;
}

void picture_label(struct picture *p, int high, int corner)
{
    static const uint8_t white[3] = {255, 255, 255}, black[3] = {0, 0, 0};
    const struct picture_box label = label_box(p, high, corner);
    if (high < LABEL_HEIGHT_MIN || label.left < 0 || label.top < 0 || label.right > p->width ||
        label.bottom > p->height)
        return;
    for (int y = label.top; y < label.bottom; y++)
        for (int x = label.left; x < label.right; x++)
            pixel_blend(p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x), black, 170);
    label_ai(p, label.left, label.top, label.right - label.left, high, white);
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            return false;
    return true;
}

/* stb_easy_font gives each stroke as a box of four corners, each (float x, y, z; uint8 rgba). */
static int text_easy(struct picture *p, int x, int y, int size, const uint8_t colour[3],
                     char *ascii)
{
    enum { CORNER_BYTES = 16, BOX_BYTES = 4 * CORNER_BYTES };
    for (char *c = ascii; *c; c++) /* stb_easy_font has no table entry for other characters */
        if (!is_ascii((char[]){*c, '\0'}))
            *c = '?';
    char *boxes = malloc(EASY_BYTES_MAX);
    if (!boxes)
        return 0; /* a missing caption is no error */
    int scale = MAX(size / EASY_HEIGHT, 1);
    int n = stb_easy_font_print(0, 0, ascii, NULL, boxes, EASY_BYTES_MAX);
    for (int i = 0; i < n; i++) {
        float low[2], high[2];
        memcpy(low, boxes + (size_t)i * BOX_BYTES, sizeof low);
        memcpy(high, boxes + (size_t)i * BOX_BYTES + (size_t)2 * CORNER_BYTES, sizeof high);
        fill_box(p, x + (int)low[0] * scale, y + (int)low[1] * scale, x + (int)high[0] * scale,
                 y + (int)high[1] * scale, colour);
    }
    free(boxes);
    return stb_easy_font_width(ascii) * scale;
}

#ifdef BIFRONS_CAIRO

/* The sans-serif font, `size` pixels from the top of capitals to the bottom of descenders. */
static cairo_scaled_font_t *font_new(int size)
{
    cairo_matrix_t em_square, identity;
    cairo_matrix_init_scale(&em_square, size * 0.85, size * 0.85);
    cairo_matrix_init_identity(&identity);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_face_t *face =
        cairo_toy_font_face_create("sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_scaled_font_t *font = cairo_scaled_font_create(face, &em_square, &identity, options);
    cairo_font_face_destroy(face);
    cairo_font_options_destroy(options);
    return font;
}

/* Glyphs of the text; NULL: the font lacks one, or the text is not UTF-8. */
static cairo_glyph_t *glyphs_new(cairo_scaled_font_t *font, double x, double y, const char *text,
                                 int *n_out)
{
    cairo_glyph_t *glyphs = NULL;
    if (cairo_scaled_font_text_to_glyphs(font, x, y, text, -1, &glyphs, n_out, NULL, NULL, NULL) !=
        CAIRO_STATUS_SUCCESS)
        return NULL;
    for (int i = 0; i < *n_out; i++)
        if (glyphs[i].index == 0) {
            cairo_glyph_free(glyphs);
            return NULL;
        }
    return glyphs;
}

static void blend_mask(struct picture *p, cairo_surface_t *mask, int x, int y,
                       const uint8_t colour[3])
{
    const uint8_t *coverage = cairo_image_surface_get_data(mask);
    int stride = cairo_image_surface_get_stride(mask);
    int width = cairo_image_surface_get_width(mask), height = cairo_image_surface_get_height(mask);
    for (int j = MAX(0, -y); j < MIN(height, p->height - y); j++)
        for (int i = MAX(0, -x); i < MIN(width, p->width - x); i++)
            pixel_blend(p->rgb + 3 * ((size_t)(y + j) * (size_t)p->width + (size_t)(x + i)), colour,
                        coverage[(ptrdiff_t)j * stride + i]);
}

/* The width, or -1 if the font cannot show the text. p NULL: measure only. */
static int text_cairo(struct picture *p, int x, int y, int size, const uint8_t colour[3],
                      const char *text)
{
    int used = -1, n = 0;
    cairo_scaled_font_t *font = font_new(size);
    cairo_glyph_t *glyphs = glyphs_new(font, 0, size * 0.8, text, &n);
    if (glyphs) {
        cairo_text_extents_t extents;
        cairo_scaled_font_glyph_extents(font, glyphs, n, &extents);
        used = (int)ceil(extents.x_advance);
    }
    if (used > 0 && p) {
        cairo_surface_t *mask =
            cairo_image_surface_create(CAIRO_FORMAT_A8, MIN(used + size, PICTURE_SIDE_MAX),
                                       2 * size);
        cairo_t *cr = cairo_create(mask);
        cairo_set_scaled_font(cr, font);
        cairo_show_glyphs(cr, glyphs, n);
        cairo_surface_flush(mask);
        if (cairo_status(cr) == CAIRO_STATUS_SUCCESS)
            blend_mask(p, mask, x, y, colour);
        cairo_destroy(cr);
        cairo_surface_destroy(mask);
    }
    cairo_glyph_free(glyphs);
    cairo_scaled_font_destroy(font);
    return used;
}

#else

static int text_cairo(struct picture *p, int x, int y, int size, const uint8_t colour[3],
                      const char *text)
{
    (void)p, (void)x, (void)y, (void)size, (void)colour, (void)text;
    return -1;
}

#endif

/* Length in bytes of the text's first character; an invalid byte counts as a character. */
static size_t character_bytes(const char *text)
{
    unsigned char lead = (unsigned char)text[0];
    size_t wanted = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4, n = 1;
    while (n < wanted && ((unsigned char)text[n] & 0xC0) == 0x80)
        n++;
    return n;
}

size_t picture_text_shown(const char *text, char *out, size_t out_bytes)
{
    size_t shown = 0, used = 0;
    while (*text && used + 1 < out_bytes) {
        char character[8];
        size_t n = character_bytes(text);
        snprintf(character, sizeof character, "%.*s", (int)n, text);
        bool known = (unsigned char)text[0] >= ' ' && picture_text_possible(character);
        size_t more = known ? n : 1;
        if (used + more >= out_bytes)
            break;
        memcpy(out + used, known ? character : "?", more);
        used += more;
        shown += known && text[0] != ' ';
        text += n;
    }
    out[used] = '\0';
    return shown;
}

static int clamp_size(int size)
{
    return MIN(MAX(size, 4), 1024);
}

int picture_text(struct picture *p, int x, int y, int size, const uint8_t colour[3],
                 const char *text)
{
    if (text[0] == '\0')
        return 0;
    char shown[TEXT_BYTES_MAX];
    int used = text_cairo(p, x, y, clamp_size(size), colour, text);
    if (used >= 0)
        return used;
    (void)picture_text_shown(text, shown, sizeof shown);
    used = text_cairo(p, x, y, clamp_size(size), colour, shown);
    return used >= 0 ? used : text_easy(p, x, y, clamp_size(size), colour, shown);
}

int picture_text_width(int size, const char *text)
{
    uint8_t pixel[3];
    struct picture speck = {.width = 1, .height = 1, .rgb = pixel};
    return picture_text(&speck, 0, 0, size, (const uint8_t[3]){0}, text);
}

bool picture_text_possible(const char *text)
{
    static const uint8_t none[3];
    return is_ascii(text) || text_cairo(NULL, 0, 0, EASY_HEIGHT, none, text) >= 0;
}
