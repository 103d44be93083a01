/* Between bytes of pictures in memory and tensors. */
#ifndef BIFRONS_MODEL_PIXELS_H
#define BIFRONS_MODEL_PIXELS_H

#include "model/augment.h"
#include "model/model.h"

/* A person's samples of a batch, as stored; NULL where the batch has none. */
struct augment_stored pixels_upload(struct shim_scope *s, const struct model_batch *b, int who,
                                    int image_size);
/* (n, 3, S, S) in [0, 1] to bytes (n, S, S, 3), rounded to the nearest. Errors stay in the scope.
 */
void pixels_download(struct shim_scope *s, struct shim_tensor *x, uint8_t *bytes, size_t n,
                     int image_size);

#endif
