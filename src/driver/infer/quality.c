#include "quality.h"

#include <math.h>
#include <stdlib.h>

#include "base/checked.h"

enum { WINDOW = 11, RADIUS = WINDOW / 2, MOMENTS = 5 };

struct quality_meter {
    int size;
    float weight[WINDOW];
    float *moment[MOMENTS]; /* (size, size): x, y, xx, yy, xy of one channel, then blurred */
    float *row;             /* (size) */
};

enum status quality_meter_new(int size, struct quality_meter **out, struct errmsg *em)
{
    struct quality_meter *m = calloc(1, sizeof *m);
    size_t pixels = (size_t)size * (size_t)size;
    float *memory = malloc((MOMENTS * pixels + (size_t)size) * sizeof *memory);
    if (!m || !memory) {
        free(m);
        free(memory);
        return FAIL(em, ST_MEMORY, "out of memory");
    }
    m->size = size;
    for (int i = 0; i < MOMENTS; i++)
        m->moment[i] = memory + (size_t)i * pixels;
    m->row = memory + MOMENTS * pixels;
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

/* Blurs n values that lie `stride` apart, in place. */
static void blur_line(const struct quality_meter *m, float *line, size_t stride)
{
    int n = m->size;
    for (int i = 0; i < n; i++)
        m->row[i] = line[(size_t)i * stride];
    for (int i = 0; i < n; i++) {
        float sum = 0;
        for (int k = 0; k < WINDOW; k++)
            sum += m->weight[k] * m->row[mirrored(i + k - RADIUS, n)];
        line[(size_t)i * stride] = sum;
    }
}

static void blur(const struct quality_meter *m, float *plane)
{
    size_t n = (size_t)m->size;
    for (size_t i = 0; i < n; i++)
        blur_line(m, plane + i * n, 1);
    for (size_t i = 0; i < n; i++)
        blur_line(m, plane + i, n);
}

/* Sum over pixels of mask * SSIM of one channel. */
static double ssim_channel(struct quality_meter *m, const uint8_t *a, const uint8_t *b,
                           const uint8_t *mask)
{
    const float c1 = 0.01f * 0.01f, c2 = 0.03f * 0.03f;
    size_t pixels = (size_t)m->size * (size_t)m->size;
    for (size_t i = 0; i < pixels; i++) {
        float x = (float)a[3 * i] / 255.0f, y = (float)b[3 * i] / 255.0f;
        const float values[MOMENTS] = {x, y, x * x, y * y, x * y};
        for (int k = 0; k < MOMENTS; k++)
            m->moment[k][i] = values[k];
    }
    for (int k = 0; k < MOMENTS; k++)
        blur(m, m->moment[k]);
    double sum = 0;
    for (size_t i = 0; i < pixels; i++) {
        float x = m->moment[0][i], y = m->moment[1][i];
        float xx = m->moment[2][i] - x * x, yy = m->moment[3][i] - y * y;
        float xy = m->moment[4][i] - x * y;
        float value = (2 * x * y + c1) * (2 * xy + c2) / ((x * x + y * y + c1) * (xx + yy + c2));
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
    for (size_t c = 0; c < 3; c++)
        ssim += ssim_channel(m, picture + c, truth + c, mask);
    weight *= 3;
    return (struct quality){
        .l1 = absolute / weight,
        .psnr = 10 * log10(weight / square),
        .ssim = ssim / weight,
    };
}
