/* Shared by the files of weights.h. */
#ifndef BIFRONS_MODEL_WEIGHTS_PRIV_H
#define BIFRONS_MODEL_WEIGHTS_PRIV_H

#include <stdio.h>
#include <zip.h>

#include "weights.h"

enum { WEIGHTS_HEADER_MAX = 16 << 20, WEIGHTS_TENSORS_MAX = 1 << 14 };

struct weights {
    char *path;
    FILE *file;
    uint64_t bytes;        /* of the file */
    zip_t *archive;        /* NULL: not a zip archive */
    struct pickle *pickle; /* of the zip archive, in pickle_bytes */
    uint8_t *pickle_bytes;
    struct weights_tensor *tensors;
    size_t n, room;
};

/* "PATH cannot be used: WHY", ST_DATA. */
enum status weights_refuse(const struct weights *w, const char *why, struct errmsg *em);
/* Reads up to n bytes from `offset`; the caller frees them. ST_DATA: none there; ST_MEMORY. */
enum status weights_load(struct weights *w, uint64_t offset, size_t n, uint8_t **out, size_t *n_out,
                         struct errmsg *em) MUST_CHECK;
/* Takes over the tensor with its strings. ST_MEMORY; ST_DATA: too many tensors. */
enum status weights_add(struct weights *w, struct weights_tensor t, struct errmsg *em) MUST_CHECK;

/* Add the file's tensors to w. */
enum status weights_list_safetensors(struct weights *w, struct errmsg *em) MUST_CHECK;
enum status weights_list_zip(struct weights *w, struct errmsg *em) MUST_CHECK;
enum status weights_list_plain(struct weights *w, struct errmsg *em) MUST_CHECK;

#endif
