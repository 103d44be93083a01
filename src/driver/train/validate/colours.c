#include "colours.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/lab.h"

/* Weighted sums over pixels. In RGB they are sums of whole numbers, and exact. */
struct sums {
    double weight, value[3], square[3];
};

static void in_rgb(const uint8_t rgb[3], double out[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = rgb[c];
}

/* A colour space: the values of a pixel to sum, and their unit. */
static const struct {
    void (*of)(const uint8_t rgb[3], double out[3]);
    double unit;
} spaces[] = {
    [AUGMENT_RGB] = {in_rgb,        255.0},
    [AUGMENT_LAB] = {lab_from_srgb, 1.0  },
};

static void add_picture(struct sums *sums, enum augment_space space, const uint8_t *rgb,
                        const uint8_t *mask, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++) {
        /* NOLINTNEXTLINE(analyzer-use-of-uninitialized-value): set_read_mask has written it */
        double w = mask ? mask[i] : 255, x[3];
        if (w == 0)
            continue;
        spaces[space].of(rgb + 3 * i, x);
        sums->weight += w;
        for (int c = 0; c < 3; c++) {
            sums->value[c] += w * x[c];
            sums->square[c] += w * x[c] * x[c];
        }
    }
}

enum status colours_measure(struct set *set, const struct order *order, bool masks,
                            enum augment_space space, struct augment_colours *out,
                            struct errmsg *em)
{
    size_t side = (size_t)set_get_info(set)->size, pixels = side * side;
    int64_t most = space == AUGMENT_RGB ? COLOURS_PICTURES_MAX : COLOURS_LAB_PICTURES_MAX;
    int64_t all = order_train_count(order), n = MIN(all, most);
    struct sums sums = {0};
    uint8_t *rgb = malloc(pixels * 3), *mask = malloc(pixels);
    enum status st = rgb && mask ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int64_t i = 0; i < n && st == ST_OK; i++) {
        int64_t row = order_train_row(order, i * all / n);
        st = set_read_image(set, row, rgb, em);
        if (st == ST_OK && masks)
            st = set_read_mask(set, row, mask, em);
        if (st == ST_OK)
            add_picture(&sums, space, rgb, masks ? mask : NULL, pixels);
    }
    free(rgb);
    free(mask);
    if (st != ST_OK)
        return st;
    const double least = 0.01; /* so that flat pictures are not amplified */
    double weight = MAX(sums.weight, 1), unit = spaces[space].unit;
    for (int c = 0; c < 3; c++) {
        double mean = sums.value[c] / weight / unit;
        double square = sums.square[c] / weight / (unit * unit);
        out->mean[c] = (float)mean;
        out->deviation[c] = (float)fmax(sqrt(fmax(square - mean * mean, 0)), least);
    }
    out->space = space;
    return ST_OK;
}
