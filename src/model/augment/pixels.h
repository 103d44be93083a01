/* Conversion between bytes in memory and tensors. */
#ifndef BIFRONS_MODEL_PIXELS_H
#define BIFRONS_MODEL_PIXELS_H

#include "model/augment.h"
#include "model/model.h"

/* A person's samples of a batch, as stored; NULL fields where the batch has none. */
struct samples pixels_upload(struct shim_scope *s, const struct batch *b, int who);
/* (n, channels, S, S) in [0, 1] to bytes (n, S, S, channels), rounded to the nearest. Errors stay
 * in the scope. */
void pixels_download(struct shim_scope *s, struct shim_tensor *x, uint8_t *bytes, size_t n,
                     int image_size, int channels);

#endif
