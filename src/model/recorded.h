/*
 * Passes of a training run that repeat, each kept as a CUDA graph. Batches of the same kind (as
 * many samples of the same people, with the same operations of augmentation) make the same calls of
 * the shim: the first few are made as they are, then one is recorded, and later ones repeat it.
 */
#ifndef BIFRONS_MODEL_RECORDED_H
#define BIFRONS_MODEL_RECORDED_H

#include "model/model.h"

struct shim_graph;
struct shim_group;
struct shim_scope;

enum {
    RECORDED_MAX = 4,  /* kinds: each keeps its activations on the GPU */
    RECORDED_AFTER = 3 /* passes as they are, in which libtorch chooses its kernels */
};

struct recorded_kind {
    size_t n;
    double global_batch;
    unsigned arrays[MODEL_PEOPLE], augment[MODEL_PEOPLE];
};

/* Caller-owned, zeroed; recorded_release frees the graphs. */
struct recorded {
    struct recorded_pass {
        struct recorded_kind kind;
        int seen;
        struct shim_graph *graph;
    } passes[RECORDED_MAX];
    size_t n;
};

/* The graph to make this pass with, or NULL: as it is. */
enum status recorded_find(struct recorded *r, const struct shim_scope *s, struct shim_group *g,
                          const struct batch *b, double global_batch, struct shim_graph **out,
                          struct errmsg *em) MUST_CHECK;
void recorded_release(struct recorded *r);

#endif
