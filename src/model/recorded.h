/*
 * Keeps passes that repeat as CUDA graphs. Batches of the same kind (the same number of samples,
 * people and augmentation operations) make the same calls of the shim. The first passes of a kind
 * run normally, the next one is recorded, later ones replay the graph.
 */
#ifndef BIFRONS_MODEL_RECORDED_H
#define BIFRONS_MODEL_RECORDED_H

#include "model/model.h"

struct shim_graph;
struct shim_group;
struct shim_scope;

enum {
    RECORDED_MAX = 4,  /* kinds of batches; each keeps its activations on the GPU */
    RECORDED_AFTER = 3 /* normal passes before recording, in which libtorch chooses its kernels */
};

struct recorded_kind {
    size_t n;
    double global_batch;
    unsigned arrays[MODEL_PEOPLE], augment[MODEL_PEOPLE];
    bool fresh; /* gradients are written, not added */
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

/* The graph to record or replay this pass with; NULL: run it normally. */
enum status recorded_find(struct recorded *r, const struct shim_scope *s, struct shim_group *g,
                          const struct batch *b, double global_batch, bool fresh,
                          struct shim_graph **out, struct errmsg *em) MUST_CHECK;
/* Makes room: passes that write gradients will not come again. */
void recorded_drop_fresh(struct recorded *r);
void recorded_release(struct recorded *r);

#endif
