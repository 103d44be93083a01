/* Which parameter tensors a model has, and where each lies in the flat arrays. */
#ifndef BIFRONS_MODEL_LAYOUT_H
#define BIFRONS_MODEL_LAYOUT_H

#include "model/model.h"

enum { PART_ENCODER, PART_DECODER_A, PART_DECODER_B, PARTS };
enum { LAYOUT_LAYERS_MAX = 6, LAYOUT_NAME_MAX = 32 };
enum { LAYOUT_KERNEL = 4, LAYOUT_CODE_SIZE = 4 }; /* 4 x 4 kernels, a code of 4 x 4 */

struct layout {
    int n_layers; /* of the encoder, and of each decoder */
    size_t count; /* elements of all */
    struct model_tensor tensors[PARTS * LAYOUT_LAYERS_MAX * 2]; /* part, layer, weight and bias */
    char names[PARTS * LAYOUT_LAYERS_MAX * 2][LAYOUT_NAME_MAX];
};

/* Fills *l, which holds pointers into itself: do not copy it. ST_CONFIG. */
enum status layout_init(struct layout *l, const struct model_config *c,
                        struct errmsg *em) MUST_CHECK;
/* Index of a layer's weight in tensors; the bias is the next one. */
size_t layout_weight(const struct layout *l, int part, int layer);

#endif
