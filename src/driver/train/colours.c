#include "colours.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

/* Weighted sums over pixels, exact in integers whatever the order. */
struct sums {
    uint64_t weight, value[3], square[3];
};

static void add_picture(struct sums *sums, const uint8_t *rgb, const uint8_t *mask, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++) {
        uint64_t w = mask ? mask[i] : 255;
        sums->weight += w;
        for (size_t c = 0; c < 3; c++) {
            uint64_t x = rgb[3 * i + c];
            sums->value[c] += w * x;
            sums->square[c] += w * x * x;
        }
    }
}

enum status colours_measure(struct set *set, const struct order *order, bool masks,
                            struct augment_colours *out, struct errmsg *em)
{
    size_t side = (size_t)set_get_info(set)->size, pixels = side * side;
    int64_t all = order_train_count(order), n = MIN(all, (int64_t)COLOURS_PICTURES_MAX);
    struct sums sums = {0};
    uint8_t *rgb = malloc(pixels * 3), *mask = malloc(pixels);
    enum status st = rgb && mask ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int64_t i = 0; i < n && st == ST_OK; i++) {
        int64_t row = order_train_row(order, i * all / n);
        st = set_read_image(set, row, rgb, em);
        if (st == ST_OK && masks)
            st = set_read_mask(set, row, mask, em);
        if (st == ST_OK)
            add_picture(&sums, rgb, masks ? mask : NULL, pixels);
    }
    free(rgb);
    free(mask);
    if (st != ST_OK)
        return st;
    const double least = 0.01; /* keeps flat pictures from being blown up */
    for (int c = 0; c < 3; c++) {
        double weight = (double)MAX(sums.weight, 1), mean = (double)sums.value[c] / weight / 255;
        double square = (double)sums.square[c] / weight / (255.0 * 255.0);
        out->mean[c] = (float)mean;
        out->deviation[c] = (float)fmax(sqrt(fmax(square - mean * mean, 0)), least);
    }
    return ST_OK;
}
