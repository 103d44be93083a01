#include "data/chart.h"

#ifndef BIFRONS_CAIRO

enum status chart_draw(const char *title, const char *subtitle, const struct chart_panel *panels,
                       size_t n_panels, struct picture *out, struct errmsg *em)
{
    (void)title, (void)subtitle, (void)panels, (void)n_panels, (void)out;
    return FAIL(em, ST_NODEVICE,
                "this build cannot draw charts: install libcairo2-dev and build bifrons again");
}

#else

#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

/* Pixels. */
enum {
    PANEL_WIDTH = 640,
    PANEL_HEIGHT = 470,
    HEAD = 74,
    LEFT = 92,
    RIGHT = 34,
    TOP = 40,
    BOTTOM = 66,
    TEXT = 15,
    LABEL_BYTES = 32,
};

struct colour {
    double r, g, b;
};

static const struct colour ink = {0.13, 0.14, 0.17}, faint = {0.42, 0.44, 0.48},
                           grid = {0.89, 0.90, 0.92}, paper = {1, 1, 1};
/* Okabe and Ito's colours, which colour-blind people can tell apart, too. */
static const struct colour lines[] = {
    {0.00, 0.45, 0.70},
    {0.84, 0.37, 0.00},
    {0.00, 0.62, 0.45},
    {0.80, 0.47, 0.65},
};

static void use(cairo_t *cr, struct colour c)
{
    cairo_set_source_rgb(cr, c.r, c.g, c.b);
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* anchor: 0 the text's left end (or top) is at the place, 0.5 its middle, 1 its right end. */
static void write_at(cairo_t *cr, double x, double y, double anchor, double size, bool bold,
                     const char *text)
{
    cairo_text_extents_t extents;
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, size);
    cairo_text_extents(cr, text, &extents);
    cairo_move_to(cr, x - anchor * extents.x_advance, y);
    cairo_show_text(cr, text);
}

/* "0.25", "100", "1k", "20M"; powers of two in full: "4096". */
static void tick_text(double value, double base, char out[static LABEL_BYTES])
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    size_t unit = 0;
    while (base != 2 && unit + 1 < ARRAY_LENGTH(units) && value >= 1000) {
        value /= 1000;
        unit++;
    }
    snprintf(out, LABEL_BYTES, "%.10g%s", value, units[unit]);
}

/* ---- Axes ------------------------------------------------------------------------------------ */

struct scale {
    double base;      /* 0: linear */
    double low, high; /* of values */
    double step;      /* between ticks: a factor, or a difference */
    double from, to;  /* pixels */
};

static double place(const struct scale *s, double value)
{
    double share = s->base > 0 ? log(value / s->low) / log(s->high / s->low)
                               : (value - s->low) / (s->high - s->low);
    return s->from + share * (s->to - s->from);
}

/* The smallest step of 1, 2 or 5 times a power of ten that cuts the span into at most n parts. */
static double round_step(double span, int n)
{
    double rough = span / n, power = pow(10, floor(log10(rough)));
    static const double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++)
        if (steps[i] * power >= rough * (1 - 1e-9))
            return steps[i] * power;
    return 10 * power;
}

static struct scale scale_of(const struct chart_axis *axis, double low, double high, double from,
                             double to, int n_ticks)
{
    struct scale s = {.base = axis->base, .low = low, .high = high, .from = from, .to = to};
    if (axis->low != 0 || axis->high != 0) {
        s.low = axis->low;
        s.high = axis->high;
    }
    if (s.base > 0) {
        double first = floor(log(s.low) / log(s.base) + 1e-9);
        double last = fmax(ceil(log(s.high) / log(s.base) - 1e-9), first + 1);
        s.low = pow(s.base, first);
        s.high = pow(s.base, last);
        s.step = pow(s.base, ceil((last - first) / n_ticks));
        return s;
    }
    s.step = round_step(fmax(s.high - s.low, 1e-12), n_ticks);
    s.low = floor(s.low / s.step + 1e-9) * s.step;
    s.high = fmax(ceil(s.high / s.step - 1e-9) * s.step, s.low + s.step);
    return s;
}

static double next_tick(const struct scale *s, double value)
{
    return s->base > 0 ? value * s->step : value + s->step;
}

static void range_of(const struct chart_panel *p, bool of_x, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < p->n_lines; i++)
        for (size_t k = 0; k < p->lines[i].n; k++) {
            double value = (of_x ? p->lines[i].x : p->lines[i].y)[k];
            *low = fmin(*low, value);
            *high = fmax(*high, value);
        }
    if (!(*low <= *high)) /* no points */
        *low = *high = 1;
}

/* ---- A panel --------------------------------------------------------------------------------- */

struct frame {
    cairo_t *cr;
    const struct chart_panel *panel;
    struct scale x, y;
};

static void draw_grid(const struct frame *f)
{
    cairo_t *cr = f->cr;
    char text[LABEL_BYTES];
    cairo_set_line_width(cr, 1);
    for (double v = f->x.low; v <= f->x.high * (1 + 1e-9); v = next_tick(&f->x, v)) {
        double at = floor(place(&f->x, v)) + 0.5;
        use(cr, grid);
        cairo_move_to(cr, at, f->y.from);
        cairo_line_to(cr, at, f->y.to);
        cairo_stroke(cr);
        use(cr, faint);
        tick_text(v, f->x.base, text);
        write_at(cr, at, f->y.from + 22, 0.5, TEXT - 1, false, text);
    }
    for (double v = f->y.low; v <= f->y.high * (1 + 1e-9); v = next_tick(&f->y, v)) {
        double at = floor(place(&f->y, v)) + 0.5;
        use(cr, grid);
        cairo_move_to(cr, f->x.from, at);
        cairo_line_to(cr, f->x.to, at);
        cairo_stroke(cr);
        use(cr, faint);
        tick_text(v, f->y.base, text);
        write_at(cr, f->x.from - 10, at + 5, 1, TEXT - 1, false, text);
    }
    use(cr, faint);
    cairo_move_to(cr, f->x.from + 0.5, f->y.to);
    cairo_line_to(cr, f->x.from + 0.5, f->y.from + 0.5);
    cairo_line_to(cr, f->x.to, f->y.from + 0.5);
    cairo_stroke(cr);
}

static void draw_labels(const struct frame *f)
{
    cairo_t *cr = f->cr;
    double middle = (f->x.from + f->x.to) / 2;
    use(cr, ink);
    write_at(cr, f->x.from, f->y.to - 16, 0, TEXT + 2, true, f->panel->title);
    write_at(cr, middle, f->y.from + 50, 0.5, TEXT, false, f->panel->x.label);
    cairo_save(cr);
    cairo_translate(cr, f->x.from - 68, (f->y.from + f->y.to) / 2);
    cairo_rotate(cr, -M_PI_2);
    write_at(cr, 0, 0, 0.5, TEXT, false, f->panel->y.label);
    cairo_restore(cr);
}

static void begin_line(cairo_t *cr, const struct chart_line *line, size_t index)
{
    static const double dashes[] = {6, 5};
    use(cr, line->guide ? faint : lines[index % ARRAY_LENGTH(lines)]);
    cairo_set_line_width(cr, line->guide ? 1.4 : 2.4);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_dash(cr, dashes, line->guide ? 2 : 0, 0);
}

static void draw_point(cairo_t *cr, double x, double y)
{
    if (isnan(x) || isnan(y))
        return;
    cairo_new_sub_path(cr);
    cairo_arc(cr, x, y, 3.6, 0, 2 * M_PI);
    cairo_fill(cr);
}

static void draw_line(const struct frame *f, const struct chart_line *line, size_t index)
{
    cairo_t *cr = f->cr;
    cairo_save(cr);
    cairo_rectangle(cr, f->x.from - 5, f->y.to - 5, f->x.to - f->x.from + 10,
                    f->y.from - f->y.to + 10);
    cairo_clip(cr);
    begin_line(cr, line, index);
    for (size_t i = 0; i < line->n && !line->dots; i++)
        cairo_line_to(cr, place(&f->x, line->x[i]), place(&f->y, line->y[i]));
    cairo_stroke(cr);
    for (size_t i = 0; i < line->n && !line->guide; i++)
        draw_point(cr, place(&f->x, line->x[i]), place(&f->y, line->y[i]));
    cairo_restore(cr);
}

/* Below the title, in one row. */
static void draw_legend(const struct frame *f, double right, double y)
{
    cairo_t *cr = f->cr;
    double x = right;
    for (size_t i = f->panel->n_lines; i-- > 0;) {
        const struct chart_line *line = &f->panel->lines[i];
        cairo_text_extents_t extents;
        cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
        cairo_set_font_size(cr, TEXT - 1);
        cairo_text_extents(cr, line->name, &extents);
        x -= extents.x_advance;
        use(cr, ink);
        write_at(cr, x, y, 0, TEXT - 1, false, line->name);
        cairo_save(cr);
        begin_line(cr, line, i);
        if (!line->dots) {
            cairo_move_to(cr, x - 38, y - 5);
            cairo_line_to(cr, x - 8, y - 5);
            cairo_stroke(cr);
        }
        if (!line->guide)
            draw_point(cr, x - 23, y - 5);
        cairo_restore(cr);
        x -= 38 + 18;
    }
}

static void draw_panel(cairo_t *cr, const struct chart_panel *p, double left)
{
    double low, high;
    struct frame f = {.cr = cr, .panel = p};
    range_of(p, true, &low, &high);
    f.x = scale_of(&p->x, low, high, left + LEFT, left + PANEL_WIDTH - RIGHT, 8);
    range_of(p, false, &low, &high);
    f.y = scale_of(&p->y, low, high, HEAD + PANEL_HEIGHT - BOTTOM, HEAD + TOP, 7);
    draw_grid(&f);
    draw_labels(&f);
    for (size_t i = 0; i < p->n_lines; i++)
        draw_line(&f, &p->lines[i], i);
    draw_legend(&f, f.x.to, f.y.to - 16);
}

/* ---- The picture ----------------------------------------------------------------------------- */

static void copy_pixels(cairo_surface_t *surface, struct picture *out)
{
    const unsigned char *data = cairo_image_surface_get_data(surface);
    size_t stride = (size_t)cairo_image_surface_get_stride(surface);
    for (size_t y = 0; y < (size_t)out->height; y++)
        for (size_t x = 0; x < (size_t)out->width; x++) {
            uint32_t pixel;
            memcpy(&pixel, data + y * stride + 4 * x, sizeof pixel);
            uint8_t *rgb = out->rgb + 3 * (y * (size_t)out->width + x);
            rgb[0] = (uint8_t)(pixel >> 16);
            rgb[1] = (uint8_t)(pixel >> 8);
            rgb[2] = (uint8_t)pixel;
        }
}

enum status chart_draw(const char *title, const char *subtitle, const struct chart_panel *panels,
                       size_t n_panels, struct picture *out, struct errmsg *em)
{
    BUG_ON(n_panels < 1 || n_panels > CHART_PANELS_MAX);
    struct picture picture;
    enum status st = picture_init(&picture, (int)n_panels * PANEL_WIDTH, HEAD + PANEL_HEIGHT, em);
    if (st != ST_OK)
        return st;
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, picture.width, picture.height);
    cairo_t *cr = cairo_create(surface);
    use(cr, paper);
    cairo_paint(cr);
    use(cr, ink);
    write_at(cr, 24, 38, 0, 22, true, title);
    use(cr, faint);
    write_at(cr, 24, 62, 0, TEXT, false, subtitle);
    for (size_t i = 0; i < n_panels; i++)
        draw_panel(cr, &panels[i], (double)i * PANEL_WIDTH);
    cairo_surface_flush(surface);
    if (cairo_status(cr) == CAIRO_STATUS_SUCCESS)
        copy_pixels(surface, &picture);
    else
        st = FAIL(em, ST_MEMORY, "cannot draw a chart: %s",
                  cairo_status_to_string(cairo_status(cr)));
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    if (st == ST_OK)
        *out = picture;
    else
        picture_release(&picture);
    return st;
}

#endif
