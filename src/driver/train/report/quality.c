#include "quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

enum { WINDOW = 11, RADIUS = WINDOW / 2, MOMENTS = 5 };

/* The part of a picture that is measured: rows and columns [from, to). */
struct box {
    int top, bottom, left, right;
};

struct quality_meter {
    int size;
    float weight[WINDOW];
    float *moment[MOMENTS]; /* (size, size): x, y, xx, yy, xy of one channel, then blurred */
    float *across;          /* (size, size): blurred along rows */
    float *line;            /* a row with its mirrored ends */
};

enum status quality_meter_new(int size, struct quality_meter **out, struct errmsg *em)
{
    struct quality_meter *m = calloc(1, sizeof *m);
    size_t pixels = (size_t)size * (size_t)size;
    float *memory = calloc((MOMENTS + 1) * pixels + (size_t)size + WINDOW, sizeof *memory);
    if (!m || !memory) {
        free(m);
        free(memory);
        return FAIL(em, ST_MEMORY, "out of memory");
    }
    m->size = size;
    for (int i = 0; i < MOMENTS; i++)
        m->moment[i] = memory + (size_t)i * pixels;
    m->across = memory + MOMENTS * pixels;
    m->line = m->across + pixels;
    float sum = 0;
    for (int i = 0; i < WINDOW; i++) {
        float d = (float)(i - RADIUS) / 1.5f;
        sum += m->weight[i] = expf(-0.5f * d * d);
    }
    for (int i = 0; i < WINDOW; i++)
        m->weight[i] /= sum;
    *out = m;
    return ST_OK;
}

void quality_meter_free(struct quality_meter *m)
{
    if (m)
        free(m->moment[0]);
    free(m);
}

static int mirrored(int i, int n)
{
    if (i < 0)
        i = -1 - i;
    if (i >= n)
        i = 2 * n - 1 - i;
    return MIN(MAX(i, 0), n - 1);
}

/* The box in which the mask is not 0; the whole picture if mask is NULL. */
static struct box box_of(int size, const uint8_t *mask)
{
    struct box b = {size, 0, size, 0};
    if (!mask)
        return (struct box){0, size, 0, size};
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            if (mask[y * size + x]) {
                b.top = MIN(b.top, y);
                b.bottom = y + 1;
                b.left = MIN(b.left, x);
                b.right = MAX(b.right, x + 1);
            }
    return b;
}

/* out[i] = sum over k of weight[k] * line[i + k]. */
static void blur_line(const float *weight, const float *line, int n, float *out)
{
    for (int i = 0; i < n; i++)
        out[i] = 0;
    for (int k = 0; k < WINDOW; k++)
        for (int i = 0; i < n; i++)
            out[i] += weight[k] * line[i + k];
}

static void blur_rows(const struct quality_meter *m, const float *plane, struct box b)
{
    int n = m->size;
    ptrdiff_t stride = n;
    for (int y = MAX(b.top - RADIUS, 0); y < MIN(b.bottom + RADIUS, n); y++) {
        const float *row = plane + y * stride;
        memcpy(m->line + RADIUS, row, (size_t)n * sizeof *row);
        for (int i = 1; i <= RADIUS; i++) {
            m->line[RADIUS - i] = row[mirrored(-i, n)];
            m->line[RADIUS + n - 1 + i] = row[mirrored(n - 1 + i, n)];
        }
        blur_line(m->weight, m->line + b.left, b.right - b.left, m->across + y * stride + b.left);
    }
}

static void blur_columns(const struct quality_meter *m, float *plane, struct box b)
{
    int n = m->size;
    ptrdiff_t stride = n;
    for (int y = b.top; y < b.bottom; y++) {
        float *out = plane + y * stride;
        for (int x = b.left; x < b.right; x++)
            out[x] = 0;
        for (int k = 0; k < WINDOW; k++) {
            const float *row = m->across + mirrored(y + k - RADIUS, n) * stride;
            for (int x = b.left; x < b.right; x++)
                out[x] += m->weight[k] * row[x];
        }
    }
}

static void fill_moments(const struct quality_meter *m, const uint8_t *a, const uint8_t *b)
{
    size_t pixels = (size_t)m->size * (size_t)m->size;
    for (size_t i = 0; i < pixels; i++) {
        float x = (float)a[3 * i] / 255.0f, y = (float)b[3 * i] / 255.0f;
        m->moment[0][i] = x;
        m->moment[1][i] = y;
        m->moment[2][i] = x * x;
        m->moment[3][i] = y * y;
        m->moment[4][i] = x * y;
    }
}

/* Sum over pixels of mask * SSIM of one channel. */
static double ssim_channel(const struct quality_meter *m, const uint8_t *first,
                           const uint8_t *second, const uint8_t *mask, struct box b)
{
    const float c1 = 0.01f * 0.01f, c2 = 0.03f * 0.03f;
    double sum = 0;
    fill_moments(m, first, second);
    for (int k = 0; k < MOMENTS; k++) {
        blur_rows(m, m->moment[k], b);
        blur_columns(m, m->moment[k], b);
    }
    for (int row = b.top; row < b.bottom; row++)
        for (int column = b.left; column < b.right; column++) {
            int i = row * m->size + column;
            float x = m->moment[0][i], y = m->moment[1][i];
            float xx = m->moment[2][i] - x * x, yy = m->moment[3][i] - y * y;
            float xy = m->moment[4][i] - x * y;
            float value =
                (2 * x * y + c1) * (2 * xy + c2) / ((x * x + y * y + c1) * (xx + yy + c2));
            sum += (double)value * (mask ? mask[i] : 255);
        }
    return sum;
}

struct quality quality_measure(struct quality_meter *m, const uint8_t *picture,
                               const uint8_t *truth, const uint8_t *mask)
{
    size_t pixels = (size_t)m->size * (size_t)m->size;
    double absolute = 0, square = 0, weight = 0, ssim = 0;
    for (size_t i = 0; i < pixels; i++) {
        double w = mask ? mask[i] : 255;
        weight += w;
        for (size_t c = 0; c < 3; c++) {
            double d = (double)(picture[3 * i + c] - truth[3 * i + c]) / 255.0;
            absolute += w * fabs(d);
            square += w * d * d;
        }
    }
    struct box box = box_of(m->size, mask);
    for (size_t c = 0; c < 3; c++)
        ssim += ssim_channel(m, picture + c, truth + c, mask, box);
    weight *= 3;
    return (struct quality){
        .l1 = absolute / weight,
        .psnr = 10 * log10(weight / square),
        .ssim = ssim / weight,
    };
}

void quality_add(struct quality_sum *sum, struct quality q)
{
    if (!isfinite(q.l1) || !isfinite(q.ssim))
        return;
    sum->l1 += q.l1;
    sum->psnr += fmin(q.psnr, 100.0);
    sum->ssim += q.ssim;
    sum->n++;
}

struct quality quality_mean(const struct quality_sum *sum)
{
    if (sum->n == 0)
        return (struct quality){NAN, NAN, NAN};
    return (struct quality){sum->l1 / sum->n, sum->psnr / sum->n, sum->ssim / sum->n};
}
