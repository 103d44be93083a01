/*
 * Resizes one axis after the other. Each output pixel is a weighted sum of a run of input pixels.
 * Shrinking: the weight is the share of the input pixel that the output pixel covers (area
 * average). Enlarging: Lanczos with three lobes (C. E. Duchon, "Lanczos filtering in one and two
 * dimensions", 1979).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "data/picture.h"

#include "base/poison.h"

enum { LANCZOS_LOBES = 3 };

struct axis {
    int in, out, taps; /* taps: maximum weights for one output pixel */
    int *first;        /* (out) first input pixel of the run */
    float *weights;    /* (out, taps), zero where the run is shorter; each row sums to 1 */
};

static double lanczos(double x)
{
    const double pi = 3.14159265358979323846;
    if (fabs(x) < 1e-9)
        return 1;
    if (fabs(x) >= LANCZOS_LOBES)
        return 0;
    return LANCZOS_LOBES * sin(pi * x) * sin(pi * x / LANCZOS_LOBES) / (pi * pi * x * x);
}

/* The weight of input pixel `in` in output pixel `out`. */
static double weight_of(const struct axis *a, int out, int in)
{
    double step = (double)a->in / a->out;
    if (a->in == a->out)
        return in == out;
    if (a->in > a->out)
        return MAX(0, MIN((out + 1) * step, in + 1.0) - MAX(out * step, (double)in));
    return lanczos((out + 0.5) * step - (in + 0.5));
}

static int first_of(const struct axis *a, int out)
{
    double step = (double)a->in / a->out;
    if (a->in >= a->out)
        return (int)floor(out * step);
    return (int)ceil((out + 0.5) * step - 0.5 - LANCZOS_LOBES);
}

static void axis_release(struct axis *a)
{
    free(a->first);
    free(a->weights);
}

/* Release also after a failure. */
static enum status axis_init(struct axis *a, int in, int out, struct errmsg *em)
{
    *a = (struct axis){.in = in, .out = out};
    a->taps = in == out ? 1 : in > out ? in / out + 2 : 2 * LANCZOS_LOBES;
    a->first = calloc((size_t)out, sizeof *a->first);
    a->weights = calloc((size_t)out * (size_t)a->taps, sizeof *a->weights);
    if (!a->first || !a->weights)
        return FAIL(em, ST_MEMORY, "out of memory while resizing a picture");
    for (int o = 0; o < out; o++) {
        int begin = first_of(a, o), end = MIN(begin + a->taps, in);
        begin = MAX(begin, 0);
        double sum = 0;
        for (int i = begin; i < end; i++)
            sum += weight_of(a, o, i);
        a->first[o] = begin;
        for (int i = begin; i < end; i++)
            a->weights[(size_t)o * (size_t)a->taps + (size_t)(i - begin)] =
                (float)(weight_of(a, o, i) / sum);
    }
    return ST_OK;
}

static int run_of(const struct axis *a, int out)
{
    return MIN(a->taps, a->in - a->first[out]);
}

/* Resizes one row of bytes to one row of floats. */
static void resize_row(const struct axis *a, const uint8_t *in, int channels, float *out)
{
    for (int o = 0; o < a->out; o++) {
        const float *w = a->weights + (size_t)o * (size_t)a->taps;
        const uint8_t *from = in + (size_t)a->first[o] * (size_t)channels;
        int run = run_of(a, o);
        for (int c = 0; c < channels; c++) {
            float sum = 0;
            for (int t = 0; t < run; t++)
                sum += w[t] * (float)from[t * channels + c];
            *out++ = sum;
        }
    }
}

static uint8_t to_byte(float x)
{
    return (uint8_t)(fminf(fmaxf(x, 0.0f), 255.0f) + 0.5f);
}

/* Adds up the rows of one output row. rows: (in height, samples) */
static void combine_rows(const struct axis *a, int o, const float *rows, size_t samples, float *sum,
                         uint8_t *out)
{
    const float *w = a->weights + (size_t)o * (size_t)a->taps;
    int run = run_of(a, o);
    memset(sum, 0, samples * sizeof *sum);
    for (int t = 0; t < run; t++) {
        const float *row = rows + (size_t)(a->first[o] + t) * samples;
        for (size_t i = 0; i < samples; i++)
            sum[i] += w[t] * row[i];
    }
    for (size_t i = 0; i < samples; i++)
        out[i] = to_byte(sum[i]);
}

enum status picture_resize_bytes(const uint8_t *in, int width, int height, int channels,
                                 uint8_t *out, int out_width, int out_height, struct errmsg *em)
{
    enum status st;
    struct axis x = {0}, y = {0};
    float *rows = NULL, *sum = NULL;
    size_t in_samples = (size_t)width * (size_t)channels;
    size_t out_samples = (size_t)out_width * (size_t)channels, bytes;
    if (width == out_width && height == out_height) {
        memcpy(out, in, in_samples * (size_t)height);
        return ST_OK;
    }
    if ((st = axis_init(&x, width, out_width, em)) != ST_OK ||
        (st = axis_init(&y, height, out_height, em)) != ST_OK)
        goto out;
    if (checked_mul(out_samples * sizeof *rows, (size_t)height, &bytes))
        rows = malloc(bytes);
    sum = malloc(out_samples * sizeof *sum);
    if (!rows || !sum) {
        st = FAIL(em, ST_MEMORY, "out of memory while resizing a picture");
        goto out;
    }
    for (int row = 0; row < height; row++)
        resize_row(&x, in + (size_t)row * in_samples, channels, rows + (size_t)row * out_samples);
    for (int row = 0; row < out_height; row++)
        combine_rows(&y, row, rows, out_samples, sum, out + (size_t)row * out_samples);
out:
    free(rows);
    free(sum);
    axis_release(&x);
    axis_release(&y);
    return st;
}
