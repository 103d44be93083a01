/*
 * Charts of lines and dots: panels side by side, each with two axes, grid, lines and a legend.
 *
 *     struct chart_line line = {.name = "weak scaling", .n = n, .x = ranks, .y = speed};
 *     struct chart_panel panel = {.title = "Speed", .x = {"ranks", 2}, .y = {"pictures/s", 10},
 *                                 .lines = &line, .n_lines = 1};
 *     enum status st = chart_draw("light128", "on 8 GPUs", &panel, 1, &picture, &em);
 *
 * Axes reach from the smallest to the largest value, rounded to ticks. Drawn with cairo, in the
 * system's sans-serif font.
 */
#ifndef BIFRONS_DATA_CHART_H
#define BIFRONS_DATA_CHART_H

#include "data/picture.h"

enum { CHART_PANELS_MAX = 4 };

struct chart_line {
    const char *name;    /* in the legend */
    bool guide;          /* grey and dashed, without points: for comparison */
    size_t n;            /* points; by ascending x, if a line is drawn */
    const double *x, *y; /* above 0 on a logarithmic axis */
    bool dots;           /* points without a line, in any order; NaN: none */
};

struct chart_axis {
    const char *label;
    double base;      /* logarithmic, with ticks at powers of this; 0: linear */
    double low, high; /* 0, 0: from the lines */
};

struct chart_panel {
    const char *title;
    struct chart_axis x, y;
    const struct chart_line *lines;
    size_t n_lines;
};

/* ST_NODEVICE in a build without cairo, ST_MEMORY. The caller releases *out. */
enum status chart_draw(const char *title, const char *subtitle, const struct chart_panel *panels,
                       size_t n_panels, struct picture *out, struct errmsg *em) MUST_CHECK;

#endif
