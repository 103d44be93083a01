#include "outputs.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/checked.h"

#include "base/poison.h"

static const double FULL = 255, CELL_UNITS = 16; /* a cell's mean is rounded to 1/16 */

static void add_spread(struct outputs_spread *s, const uint8_t *picture, int size)
{
    double mean[3] = {0}, square = 0, cells[OUTPUTS_GRID] = {0}, pixels[OUTPUTS_GRID] = {0};
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            int cell = y * OUTPUTS_CELLS / size * OUTPUTS_CELLS + x * OUTPUTS_CELLS / size;
            const uint8_t *pixel = picture + (ptrdiff_t)3 * (y * size + x);
            for (int c = 0; c < 3; c++) {
                mean[c] += pixel[c];
                square += pixel[c] * pixel[c];
                cells[3 * cell + c] += pixel[c];
                pixels[3 * cell + c]++;
                s->extreme += pixel[c] <= 1 || pixel[c] >= 254;
            }
        }
    for (int c = 0; c < 3; c++)
        square -= mean[c] * mean[c] / ((double)size * size);
    s->within += round(square);
    for (int i = 0; i < OUTPUTS_GRID; i++) {
        double value = round(CELL_UNITS * cells[i] / fmax(pixels[i], 1));
        s->cells[i] += value;
        s->cell_squares += value * value;
    }
}

static bool is_empty(const uint8_t *mask, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++)
        if (mask[i] > 0)
            return false;
    return true;
}

/* Pixels are weighted by the mask, as in quality.h. A picture with an empty mask is compared as a
 * whole. */
static void add_error(struct outputs_sum *sum, const uint8_t *made, const uint8_t *wanted,
                      const uint8_t *mask, size_t pixels)
{
    double error = 0, twice_grey = 0;
    if (mask && is_empty(mask, pixels))
        mask = NULL;
    for (size_t i = 0; i < pixels; i++) {
        int weight = mask ? mask[i] : 255;
        for (size_t c = 3 * i; c < 3 * i + 3; c++) {
            error += weight * abs(made[c] - wanted[c]);
            twice_grey += weight * abs(2 * wanted[c] - 255);
        }
        sum->error_weight += 3 * weight;
    }
    sum->error += error;
    sum->grey += twice_grey / 2;
}

void outputs_add(struct outputs_sum *sum, const uint8_t *made, const uint8_t *wanted,
                 const uint8_t *mask, int size)
{
    size_t pixels = (size_t)size * (size_t)size;
    add_spread(&sum->made, made, size);
    add_spread(&sum->wanted, wanted, size);
    add_error(sum, made, wanted, mask, pixels);
    sum->pictures++;
    sum->values += 3 * (double)pixels;
}

static struct outputs_look summarise(const struct outputs_spread *s, const struct outputs_sum *sum)
{
    double between = s->cell_squares;
    for (int i = 0; i < OUTPUTS_GRID; i++)
        between -= s->cells[i] * s->cells[i] / sum->pictures;
    between /= sum->pictures * OUTPUTS_GRID;
    return (struct outputs_look){
        .contrast = sqrt(fmax(s->within, 0) / sum->values) / FULL,
        .variety = sqrt(fmax(between, 0)) / (FULL * CELL_UNITS),
        .extreme = s->extreme / sum->values,
    };
}

struct outputs outputs_from(const struct outputs_sum *sum)
{
    if (sum->pictures == 0)
        return (struct outputs){
            0, NAN, NAN, {NAN, NAN, NAN},
               {NAN, NAN, NAN}
        };
    return (struct outputs){
        .pictures = sum->pictures,
        .error = sum->error / sum->error_weight / FULL,
        .grey = sum->grey / sum->error_weight / FULL,
        .made = summarise(&sum->made, sum),
        .wanted = summarise(&sum->wanted, sum),
    };
}
