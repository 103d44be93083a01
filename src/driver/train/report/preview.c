#include "preview.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/text.h"

#include "base/poison.h"

static const uint8_t paper[3] = {250, 249, 246}, ink[3] = {38, 40, 46}, muted[3] = {122, 124, 130},
                     frame[3] = {206, 205, 200};

enum { CLOSE_PERCENT = 140 }; /* height of a line of text in percent of its letters */

static uint8_t *unconst(const uint8_t *rgb)
{
    return (uint8_t *)(uintptr_t)rgb; /* struct picture has no read-only form */
}

/* --- Text ------------------------------------------------------------------------------------- */

static const char *pick_possible(const char *wanted, const char *ascii)
{
    return picture_text_possible(wanted) ? wanted : ascii;
}

/* Appends to a text and cuts it if it is too long. */
static void add(char out[static PREVIEW_TEXT_BYTES], const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(char out[static PREVIEW_TEXT_BYTES], const char *fmt, ...)
{
    size_t used = strlen(out);
    va_list ap;
    va_start(ap, fmt);
    int more = vsnprintf(out + used, PREVIEW_TEXT_BYTES - used, fmt, ap);
    va_end(ap);
    if (more >= (int)(PREVIEW_TEXT_BYTES - used)) /* it was cut, perhaps within a character */
        out[text_drop(out, strlen(out))] = '\0';
}

/* Copies text; if it does not fit into width, its beginning and dots. */
static void fit_text(const char *text, int size, int width, char out[static PREVIEW_TEXT_BYTES])
{
    const char *dots = pick_possible("\u2026", "...");
    size_t n = strlen(text), bytes_max = PREVIEW_TEXT_BYTES - 1 - strlen(dots);
    if (n <= bytes_max && picture_text_width(size, text) <= width) {
        snprintf(out, PREVIEW_TEXT_BYTES, "%s", text);
        return;
    }
    while (n > bytes_max)
        n = text_drop(text, n);
    do
        snprintf(out, PREVIEW_TEXT_BYTES, "%.*s%s", (int)n, text, dots);
    while (n > 0 && picture_text_width(size, out) > width && (n = text_drop(text, n), true));
}

/* --- Any sheet -------------------------------------------------------------------------------- */

/* In pixels. A cell is a picture with its caption. Gaps are between cells and around them all. */
struct layout {
    int side, text, line, gap;
    int caption;        /* height under each picture, 0 without captions */
    int left, top;      /* of the first picture */
    int step_x, step_y; /* from cell to cell */
    int footer;         /* top of the footer */
    int64_t width, height;
};

static int clamp(int value, int low, int high)
{
    return MIN(MAX(value, low), high);
}

/* The side of the drawn pictures. */
static int side_of(int size)
{
    int factor = size < PREVIEW_SIDE_MIN ? (PREVIEW_SIDE_MIN + size - 1) / size : 1;
    return factor * size;
}

static int text_size_of(int side)
{
    return clamp(side / 11, 13, 30);
}

static bool has_captions(const struct preview_sheet *s)
{
    for (int i = 0; i < s->rows * s->columns; i++)
        if (s->cells[i].caption)
            return true;
    return false;
}

static int widest_row_title(const struct preview_sheet *s, int text)
{
    int widest = 0;
    for (int i = 0; s->row_titles && i < s->rows; i++)
        widest = MAX(widest, picture_text_width(text, s->row_titles[i]));
    return widest;
}

static struct layout layout_of(const struct preview_sheet *s)
{
    struct layout l = {.side = side_of(s->size)};
    l.text = text_size_of(l.side);
    l.line = l.text * CLOSE_PERCENT / 100;
    l.gap = clamp(l.side / 10, 14, 48);
    l.caption = has_captions(s) ? l.line + l.text / 3 : 0;
    int titles = widest_row_title(s, l.text);
    l.left = l.gap + (titles > 0 ? MIN(titles, l.side) + l.gap : 0);
    l.top = l.gap + (s->title ? l.line + l.gap / 2 : 0) + (s->column_titles ? l.line : 0);
    l.step_x = l.side + l.gap;
    l.step_y = l.side + l.caption + l.gap;
    l.width = (int64_t)l.left + (int64_t)s->columns * l.step_x;
    int64_t end = (int64_t)l.top + (int64_t)s->rows * l.step_y;
    l.footer = (int)MIN(end, PICTURE_SIDE_MAX);
    l.height = end + (s->footer || s->ai_label ? l.line + l.gap : 0);
    return l;
}

static void fill_rectangle(struct picture *p, int x, int y, int width, int height,
                           const uint8_t c[3])
{
    for (int row = MAX(y, 0); row < MIN(y + height, p->height); row++)
        for (int column = MAX(x, 0); column < MIN(x + width, p->width); column++)
            memcpy(p->rgb + ((size_t)row * (size_t)p->width + (size_t)column) * 3, c, 3);
}

static void draw_text(struct picture *p, int x, int y, int size, int width, const uint8_t c[3],
                      const char *text)
{
    char fitting[PREVIEW_TEXT_BYTES];
    fit_text(text, size, width, fitting);
    picture_text(p, x, y, size, c, fitting);
}

static void draw_centred(struct picture *p, int x, int y, int size, int width, const uint8_t c[3],
                         const char *text)
{
    char fitting[PREVIEW_TEXT_BYTES];
    fit_text(text, size, width, fitting);
    picture_text(p, x + MAX(width - picture_text_width(size, fitting), 0) / 2, y, size, c, fitting);
}

static enum status draw_cell(struct picture *p, const struct preview_sheet *s,
                             const struct layout *l, int row, int column, struct errmsg *em)
{
    const struct preview_cell *cell = &s->cells[row * s->columns + column];
    int x = l->left + column * l->step_x, y = l->top + row * l->step_y;
    if (cell->caption)
        draw_centred(p, x, y + l->side + l->text / 3, l->text, l->side, ink, cell->caption);
    if (!cell->rgb)
        return ST_OK;
    fill_rectangle(p, x - 1, y - 1, l->side + 2, l->side + 2, frame);
    const struct picture stored = {.width = s->size, .height = s->size, .rgb = unconst(cell->rgb)};
    struct picture shown = {0};
    enum status st = picture_resize(&stored, l->side, l->side, &shown, em);
    if (st == ST_OK)
        picture_paste(p, &shown, x, y);
    picture_release(&shown);
    return st;
}

static int ai_label_width(const struct layout *l)
{
    return picture_text_width(l->text, "AI") + 2 * (l->text / 3);
}

static void draw_titles(struct picture *p, const struct preview_sheet *s, const struct layout *l)
{
    int inner = p->width - 2 * l->gap;
    if (s->title)
        draw_text(p, l->gap, l->gap, l->text, inner, ink, s->title);
    if (s->footer)
        draw_text(p, l->gap, l->footer, l->text,
                  s->ai_label ? inner - l->gap - ai_label_width(l) : inner, muted, s->footer);
    for (int i = 0; s->column_titles && i < s->columns; i++)
        draw_centred(p, l->left + i * l->step_x, l->top - l->line, l->text, l->side, muted,
                     s->column_titles[i]);
    for (int i = 0; s->row_titles && i < s->rows; i++)
        draw_text(p, l->gap, l->top + i * l->step_y + (l->side - l->text) / 2, l->text,
                  l->left - 2 * l->gap, ink, s->row_titles[i]);
}

/* White on a dark plate, as high as a line of text. */
static void draw_ai_label(struct picture *p, const struct layout *l)
{
    int pad = l->text / 3, width = ai_label_width(l), height = l->text + 2 * pad;
    int x = p->width - l->gap - width, y = l->footer - pad;
    fill_rectangle(p, x, y, width, height, ink);
    picture_text(p, x + pad, y + pad, l->text, paper, "AI");
}

enum status preview_sheet(const struct preview_sheet *s, struct picture *out, struct errmsg *em)
{
    BUG_ON(s->rows < 1 || s->columns < 1 || s->size < 1);
    struct layout l = layout_of(s);
    if (l.width > PICTURE_SIDE_MAX || l.height > PICTURE_SIDE_MAX)
        return FAIL(em, ST_USAGE,
                    "a sheet of %d x %d pictures of %d pixels is larger than %d pixels a side: "
                    "show fewer",
                    s->rows, s->columns, s->size, PICTURE_SIDE_MAX);
    struct picture p = {0};
    enum status st = picture_init(&p, (int)l.width, (int)l.height, em);
    if (st != ST_OK)
        goto out;
    picture_fill(&p, paper[0], paper[1], paper[2]);
    for (int i = 0; st == ST_OK && i < s->rows * s->columns; i++)
        st = draw_cell(&p, s, &l, i / s->columns, i % s->columns, em);
    if (st != ST_OK)
        goto out;
    draw_titles(&p, s, &l);
    if (s->ai_label)
        draw_ai_label(&p, &l);
    *out = p;
    p = (struct picture){0};
out:
    picture_release(&p);
    return st;
}

/* --- The two sheets of a swap ----------------------------------------------------------------- */

enum { NAME_BYTES = 56 }; /* two of them and an arrow fit into one text */

/* The person's name, cut at a character, with '?' for characters that the font lacks; "A" or "B" if
 * it has none of them. */
static void person_label(const struct preview_pictures *p, int person, char out[static NAME_BYTES])
{
    const char *name = p->name[person];
    if (!name || picture_text_shown(name, out, NAME_BYTES) == 0)
        snprintf(out, NAME_BYTES, "%s", person == PREVIEW_A ? "A" : "B");
}

/* "Ada -> Ben": Ada's picture with Ben's face. Long names share the width of the picture. */
static void swap_label(const struct preview_pictures *p, int from, int to,
                       char out[static PREVIEW_TEXT_BYTES])
{
    char a[NAME_BYTES], b[NAME_BYTES], short_a[PREVIEW_TEXT_BYTES], short_b[PREVIEW_TEXT_BYTES];
    char arrow[8];
    snprintf(arrow, sizeof arrow, " %s ", pick_possible("\u2192", ">"));
    person_label(p, from, a);
    person_label(p, to, b);
    int side = side_of(p->size), size = text_size_of(side);
    int free_width = MAX(side - picture_text_width(size, arrow), 0);
    fit_text(a, size, MAX(free_width / 2, free_width - picture_text_width(size, b)), short_a);
    fit_text(b, size, MAX(free_width / 2, free_width - picture_text_width(size, a)), short_b);
    out[0] = '\0';
    add(out, "%s%s%s", short_a, arrow, short_b);
}

static void state_text(const struct preview_state *s, char out[static PREVIEW_TEXT_BYTES])
{
    out[0] = '\0';
    if (!s)
        return;
    if (s->stage > 0)
        add(out, "stage %lld of %lld", (long long)s->stage, (long long)s->stages);
    if (s->step >= 0)
        add(out, "%sstep %lld", out[0] ? "   " : "", (long long)s->step);
    if (s->epoch >= 0)
        add(out, "%sepoch %lld", out[0] ? "   " : "", (long long)s->epoch);
    if (!isnan(s->val_loss))
        add(out, "%sval loss %.4f", out[0] ? "   " : "", s->val_loss);
}

static const uint8_t *picture_at(const uint8_t *pictures, const struct preview_pictures *p,
                                 size_t index)
{
    return pictures ? pictures + index * (size_t)p->size * (size_t)p->size * 3 : NULL;
}

enum status preview_grid(const struct preview_pictures *p, size_t index,
                         const struct preview_state *state, struct picture *out, struct errmsg *em)
{
    BUG_ON(index >= p->n);
    enum { COLUMNS = 3 };
    static const char *const titles[COLUMNS] = {"original", "reconstruction", "swap"};
    char captions[PREVIEW_PEOPLE][COLUMNS][PREVIEW_TEXT_BYTES], footer[PREVIEW_TEXT_BYTES];
    struct preview_cell cells[PREVIEW_PEOPLE][COLUMNS];
    for (int person = 0; person < PREVIEW_PEOPLE; person++) {
        person_label(p, person, captions[person][0]);
        swap_label(p, person, person, captions[person][1]);
        swap_label(p, person, 1 - person, captions[person][2]);
        const uint8_t *shown[COLUMNS] = {p->original[person], p->recon[person], p->swap[person]};
        for (int i = 0; i < COLUMNS; i++)
            cells[person][i] = (struct preview_cell){
                .rgb = picture_at(shown[i], p, index),
                .caption = captions[person][i],
            };
    }
    state_text(state, footer);
    return preview_sheet(
        &(struct preview_sheet){
            .rows = PREVIEW_PEOPLE,
            .columns = COLUMNS,
            .size = p->size,
            .cells = cells[0],
            .column_titles = titles,
            .footer = footer,
            .ai_label = !p->no_ai_label,
        },
        out, em);
}

enum status preview_swaps(const struct preview_pictures *p, const struct preview_state *state,
                          struct picture *out, struct errmsg *em)
{
    enum { ROWS = 2 * PREVIEW_PEOPLE };
    BUG_ON(p->n < 1);
    if (p->n > PICTURE_SIDE_MAX / PREVIEW_SIDE_MIN)
        return FAIL(em, ST_USAGE, "%zu pictures are too many for one sheet: show at most %d", p->n,
                    PICTURE_SIDE_MAX / PREVIEW_SIDE_MIN);
    char titles[ROWS][PREVIEW_TEXT_BYTES], footer[PREVIEW_TEXT_BYTES];
    const char *row_titles[ROWS];
    struct preview_cell *cells = calloc(ROWS * p->n, sizeof *cells);
    if (!cells)
        return FAIL(em, ST_MEMORY, "out of memory for a sheet of %zu pictures", p->n);
    for (int row = 0; row < ROWS; row++) {
        int person = row / 2;
        bool swapped = row % 2 == 1;
        if (swapped)
            swap_label(p, person, 1 - person, titles[row]);
        else
            person_label(p, person, titles[row]);
        row_titles[row] = titles[row];
        for (size_t i = 0; i < p->n; i++)
            cells[(size_t)row * p->n + i].rgb =
                picture_at(swapped ? p->swap[person] : p->original[person], p, i);
    }
    state_text(state, footer);
    enum status st = preview_sheet(
        &(struct preview_sheet){
            .rows = ROWS,
            .columns = (int)p->n,
            .size = p->size,
            .cells = cells,
            .row_titles = row_titles,
            .footer = footer,
            .ai_label = !p->no_ai_label,
        },
        out, em);
    free(cells);
    return st;
}

struct picture_mark preview_mark(const char *checkpoint_hash)
{
    return (struct picture_mark){
        .source = PICTURE_SOURCE_COMPOSITE,
        .checkpoint_hash = checkpoint_hash,
        .visible_label = false,
    };
}
