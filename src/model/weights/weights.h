/*
 * Named tensors from a file of another program: torch.save of a dict of tensors, as a zip archive
 * or in the plain form of PyTorch before 1.6 (torchvision's VGG files still have it), or
 * safetensors. The file is untrusted: nothing in it is executed, and every size is checked against
 * the file's size.
 *
 *     enum status st = weights_open(path, &w, &em);
 *     if (st != ST_OK)
 *         return st;
 *     const struct weights_tensor *t = weights_find(w, "features.0.weight");
 *     if (t)
 *         st = weights_read(w, t, numbers, &em);        // t->count doubles
 *     weights_free(w);
 */
#ifndef BIFRONS_MODEL_WEIGHTS_H
#define BIFRONS_MODEL_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { WEIGHTS_DIMS_MAX = 8 };

struct weights_tensor {
    char *name;
    bool is_double; /* double, else float; other types cannot be read and have count 0 */
    int n_dims;
    int64_t dims[WEIGHTS_DIMS_MAX];
    size_t count;
    /* its bytes begin at `offset` of the file, or of a record of the zip archive */
    uint64_t offset;
    char *record;
};

struct weights;
struct pickle; /* pickle.h */

/* ST_NOINPUT: cannot be opened; ST_DATA: none of the three kinds, torn, or not a dict of
 * tensors. */
enum status weights_open(const char *path, struct weights **out, struct errmsg *em) MUST_CHECK;
void weights_free(struct weights *w);
/* The whole dict; borrowed. NULL: the file is not a zip archive of torch.save's. */
const struct pickle *weights_pickle(const struct weights *w);
/* NULL: no tensor of that name. */
const struct weights_tensor *weights_find(const struct weights *w, const char *name);
/* ST_DATA: its bytes are missing or do not match their checksum. */
enum status weights_read(struct weights *w, const struct weights_tensor *t, double *numbers,
                         struct errmsg *em) MUST_CHECK;

#endif
