/* Conversion between bytes in memory and tensors. */
#ifndef BIFRONS_MODEL_PIXELS_H
#define BIFRONS_MODEL_PIXELS_H

#include "model/augment.h"
#include "model/model.h"

/* The samples of both people as stored, in one copy to the device. Fields are NULL where the batch
 * has none. Errors stay in the scope. */
void pixels_upload(struct shim_scope *s, const struct batch *b, struct samples out[MODEL_PEOPLE]);
/* (n, channels, S, S) in [0, 1] to bytes (n, S, S, channels), rounded to the nearest. Errors stay
 * in the scope. */
void pixels_download(struct shim_scope *s, struct shim_tensor *x, uint8_t *bytes, size_t n,
                     int image_size, int channels);

#endif
