/* What the files of weights.h share. */
#ifndef BIFRONS_MODEL_WEIGHTS_PRIV_H
#define BIFRONS_MODEL_WEIGHTS_PRIV_H

#include <stdio.h>
#include <zip.h>

#include "weights.h"

enum { WEIGHTS_HEADER_MAX = 16 << 20, WEIGHTS_TENSORS_MAX = 1 << 14 };

struct weights {
    char *path;
    FILE *file;
    uint64_t bytes; /* of the file */
    zip_t *archive; /* NULL: no zip archive */
    struct weights_tensor *tensors;
    size_t n, room;
};

/* "PATH cannot be used: WHY", ST_DATA. */
enum status weights_refuse(const struct weights *w, const char *why, struct errmsg *em);
/* Up to n bytes of the file from `offset`, caller's to free. ST_DATA where there are none,
 * ST_MEMORY.
 */
enum status weights_load(struct weights *w, uint64_t offset, size_t n, uint8_t **out, size_t *n_out,
                         struct errmsg *em) MUST_CHECK;
/* Takes the tensor over, its strings too. ST_MEMORY; ST_DATA where there are too many. */
enum status weights_add(struct weights *w, struct weights_tensor t, struct errmsg *em) MUST_CHECK;

/* Fill in the tensors. */
enum status weights_list_safetensors(struct weights *w, struct errmsg *em) MUST_CHECK;
enum status weights_list_zip(struct weights *w, struct errmsg *em) MUST_CHECK;
enum status weights_list_plain(struct weights *w, struct errmsg *em) MUST_CHECK;

#endif
