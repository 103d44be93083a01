#include "detect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum { SIDE = 192, CELLS = 48, BOXES = CELLS * CELLS, NUMBERS = 16, TILE_MIN = 192 };
#define SCORE_MIN   0.4
#define OVERLAP_MIN 0.3 /* of two detections of one face: intersection over union */

/* The network's output for each box: centre and size, then six points, the eyes first. */
struct outputs {
    float picture[SIDE * SIDE * 3], boxes[BOXES * NUMBERS], scores[BOXES];
};

bool detect_fits(const struct operations_network *network)
{
    if (!network || operations_n_outputs(network) != 2)
        return false;
    struct operations_shape in = operations_input(network);
    return in.channels == 3 && in.height == SIDE && in.width == SIDE &&
           operations_count(operations_output(network, 0)) == (size_t)BOXES * NUMBERS &&
           operations_count(operations_output(network, 1)) == BOXES;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* The i-th box, in pixels of the picture; map: from the network's picture. */
static struct detection place(const struct outputs *o, int i, const struct similarity *map)
{
    const float *r = o->boxes + (size_t)i * NUMBERS;
    double cell = (double)SIDE / CELLS, x = (i % CELLS + 0.5) * cell, y = (i / CELLS + 0.5) * cell;
    struct detection d = {.score = sigmoid((double)o->scores[i])};
    /* the network's origin is the picture's edge, ours the centre of the first pixel */
    double cx = x + (double)r[0] - 0.5, cy = y + (double)r[1] - 0.5;
    double w = (double)r[2] / 2, h = (double)r[3] / 2;
    similarity_apply(map, cx - w, cy - h, d.box);
    similarity_apply(map, cx + w, cy + h, d.box + 2);
    for (size_t e = 0; e < 2; e++)
        similarity_apply(map, x + (double)r[4 + 2 * e] - 0.5, y + (double)r[5 + 2 * e] - 0.5,
                         d.eyes[e]);
    return d;
}

/* Searches a square of the picture and adds what it finds. */
static enum status detect_in_square(struct operations_file *file,
                                    const struct operations_network *network,
                                    const struct pyramid *picture, double left, double top,
                                    double side, struct outputs *o,
                                    struct detection out[DETECTIONS_MAX], size_t *n,
                                    struct errmsg *em)
{
    double pixels = side / SIDE, shift = pixels / 2 - 0.5;
    struct similarity map = {.a = pixels, .x0 = left + shift, .y0 = top + shift};
    pyramid_sample(picture, &map, SIDE, SIDE, o->picture);
    for (size_t i = 0; i < ARRAY_LENGTH(o->picture); i++)
        o->picture[i] /= 255;
    enum status st =
        operations_run(file, network, 1, o->picture, (float *[]){o->boxes, o->scores}, em);
    for (int i = 0; i < BOXES && st == ST_OK && *n < DETECTIONS_MAX; i++)
        if (sigmoid((double)o->scores[i]) >= SCORE_MIN)
            out[(*n)++] = place(o, i, &map);
    return st;
}

/* True if a detection is so sure that the search can stop. */
static bool is_sure(const struct detection *d, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (d[i].score >= DETECTION_SURE)
            return true;
    return false;
}

static double overlap(const double a[4], const double b[4])
{
    double w = MIN(a[2], b[2]) - MAX(a[0], b[0]), h = MIN(a[3], b[3]) - MAX(a[1], b[1]);
    double both = MAX(w, 0.0) * MAX(h, 0.0);
    double either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both;
    return either > 0 ? both / either : 0;
}

static int by_score(const void *a, const void *b)
{
    double x = ((const struct detection *)a)->score, y = ((const struct detection *)b)->score;
    return (x < y) - (x > y);
}

/* The detections of one face become their mean, weighted by their scores; its score is the best. */
static size_t merge(struct detection *d, size_t n)
{
    size_t kept = 0;
    qsort(d, n, sizeof *d, by_score);
    for (size_t i = 0; i < n; i++) {
        if (d[i].score == 0)
            continue; /* already merged */
        struct detection sum = {.score = d[i].score}, best = d[i];
        double total = 0;
        for (size_t j = i; j < n; j++) {
            if (d[j].score == 0 || overlap(best.box, d[j].box) <= OVERLAP_MIN)
                continue;
            for (size_t k = 0; k < 4; k++) {
                sum.box[k] += d[j].score * d[j].box[k];
                sum.eyes[k / 2][k % 2] += d[j].score * d[j].eyes[k / 2][k % 2];
            }
            total += d[j].score;
            d[j].score = 0;
        }
        for (size_t k = 0; k < 4 && total > 0; k++) {
            sum.box[k] /= total;
            sum.eyes[k / 2][k % 2] /= total;
        }
        d[i].score = 0;
        if (total > 0)
            d[kept++] = sum;
    }
    return kept;
}

/* Searches overlapping tiles with 1 / parts of the picture's longer side. */
static enum status detect_in_tiles(struct operations_file *file,
                                   const struct operations_network *network,
                                   const struct pyramid *picture, int parts, struct outputs *o,
                                   struct detection out[DETECTIONS_MAX], size_t *n,
                                   struct errmsg *em)
{
    double width = picture->levels[0].width, height = picture->levels[0].height;
    double side = MAX(width, height) / parts;
    enum status st = ST_OK;
    for (double top = 0; (top == 0 || top < height - side / 2) && st == ST_OK; top += side / 2)
        for (double left = 0; (left == 0 || left < width - side / 2) && st == ST_OK;
             left += side / 2)
            st = detect_in_square(file, network, picture, left, top, side, o, out, n, em);
    return st;
}

enum status detect(struct operations_file *file, const struct operations_network *network,
                   const struct pyramid *picture, enum detect_reach reach,
                   struct detection out[DETECTIONS_MAX], size_t *n_out, struct errmsg *em)
{
    double width = picture->levels[0].width, height = picture->levels[0].height;
    double longest = MAX(width, height);
    struct outputs *o = malloc(sizeof *o);
    if (!o)
        return FAIL(em, ST_MEMORY, "out of memory looking for faces");
    *n_out = 0;
    enum status st = ST_OK;
    if (reach == DETECT_SURE)
        st = detect_in_square(file, network, picture, (width - longest) / 2, (height - longest) / 2,
                              longest, o, out, n_out, em);
    for (int parts = 2; parts <= 4 && st == ST_OK && !is_sure(out, *n_out); parts *= 2) {
        if (longest / parts < TILE_MIN || (reach == DETECT_HALVES && parts > 2))
            break;
        st = detect_in_tiles(file, network, picture, parts, o, out, n_out, em);
    }
    free(o);
    *n_out = st == ST_OK ? merge(out, *n_out) : 0;
    return st;
}
