/*
 * The error of a picture against the true one, inside a mask.
 *
 * All three measures take 8-bit RGB pictures of the same size and weigh pixels by an 8-bit mask
 * (NULL: all the same); an empty mask gives NaN. Values are per picture; the caller averages them.
 *
 *   L1    mean absolute difference, in units of full scale: 0 is perfect, 1 is black against white
 *   PSNR  10 log10(1 / MSE) in dB
 *   SSIM  Wang et al., "Image quality assessment: from error visibility to structural similarity",
 *         IEEE TIP 2004: Gaussian window of 11 pixels, sigma 1.5, K1 0.01, K2 0.03, per channel,
 *         borders mirrored; the map is averaged with the mask's weights
 */
#ifndef BIFRONS_DRIVER_TRAIN_QUALITY_H
#define BIFRONS_DRIVER_TRAIN_QUALITY_H

#include <stdint.h>

#include "base/status.h"

struct quality {
    double l1, psnr, ssim;
};

struct quality_meter; /* scratch memory for one size; one thread at a time */
enum status quality_meter_new(int size, struct quality_meter **out, struct errmsg *em) MUST_CHECK;
void quality_meter_free(struct quality_meter *m);

/* Both pictures (size, size, 3), mask (size, size) or NULL. */
struct quality quality_measure(struct quality_meter *m, const uint8_t *picture,
                               const uint8_t *truth, const uint8_t *mask);

/* Sums over pictures. They can be added over ranks. */
struct quality_sum {
    double l1, psnr, ssim, n;
};
/* Ignores a picture with an empty mask. PSNR is at most 100 dB (identical pictures). */
void quality_add(struct quality_sum *sum, struct quality q);
/* NaN if nothing was added. */
struct quality quality_mean(const struct quality_sum *sum);

#endif
