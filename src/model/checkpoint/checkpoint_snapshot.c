/* A copy of the training state in host memory, to write a checkpoint from or to restore. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "checkpoint_priv.h"
#include "model/checkpoint.h"

#include "base/poison.h"

enum status checkpoint_snapshot_new(const struct model *m, struct checkpoint_snapshot **out,
                                    struct errmsg *em)
{
    size_t bytes = m->flat.count * sizeof(float);
    int arrays = checkpoint_arrays(m);
    struct checkpoint_snapshot *s = calloc(1, sizeof *s);
    BUG_ON(m->flat.element_bytes != sizeof(float));
    for (int i = 0; s && i < arrays; i++) {
        s->copy[i] = malloc(bytes);
        if (!s->copy[i]) {
            checkpoint_snapshot_free(s);
            s = NULL;
        }
    }
    if (!s)
        return FAIL(em, ST_MEMORY,
                    "out of memory: writing checkpoints needs %.1f GB besides the model",
                    arrays * (double)bytes / 1e9);
    enum status st = discriminators_copy_new(m, &s->discriminators, em);
    if (st != ST_OK) {
        checkpoint_snapshot_free(s);
        return st;
    }
    s->model = m;
    /* touched now: copies are made while training waits, and should meet no page faults */
    for (int i = 0; i < arrays; i++)
        memset(s->copy[i], 0, bytes);
    *out = s;
    return ST_OK;
}

void checkpoint_snapshot_free(struct checkpoint_snapshot *s)
{
    if (!s)
        return;
    for (int i = 0; i < CHECKPOINT_ARRAYS; i++)
        free(s->copy[i]);
    free(s->discriminators);
    free(s);
}

enum status checkpoint_snapshot_take(struct checkpoint_snapshot *s, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int i = 0; i < checkpoint_arrays(s->model) && st == ST_OK; i++)
        st = shim_group_read(s->model->group, checkpoint_array[i], 0, s->copy[i],
                             s->model->flat.count, em);
    return st == ST_OK ? discriminators_copy_take(s->model, s->discriminators, em) : st;
}

enum status checkpoint_snapshot_restore(const struct checkpoint_snapshot *s, struct model *m,
                                        struct errmsg *em)
{
    enum status st = ST_OK;
    BUG_ON(m != s->model);
    for (int i = 0; i < checkpoint_arrays(m) && st == ST_OK; i++)
        st = shim_group_write(m->group, checkpoint_array[i], 0, s->copy[i], m->flat.count, em);
    return st == ST_OK ? discriminators_copy_restore(m, s->discriminators, em) : st;
}
