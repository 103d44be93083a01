/* The discriminators in a checkpoint: parameters and moments, by name. */
#include <stdlib.h>

#include "base/checked.h"
#include "checkpoint_priv.h"

#include "base/poison.h"

static const char *const keys[DISCRIMINATOR_ARRAYS] = {"state_dict", "exp_avg", "exp_avg_sq"};

enum status discriminators_copy_new(const struct model *m, float **out, struct errmsg *em)
{
    *out = NULL;
    if (!m->discriminators)
        return ST_OK;
    *out = calloc(DISCRIMINATOR_ARRAYS * m->discriminators->count, sizeof **out);
    return *out ? ST_OK : FAIL(em, ST_MEMORY, "out of memory for the discriminators' checkpoint");
}

enum status discriminators_copy_take(const struct model *m, float *copy, struct errmsg *em)
{
    enum status st = ST_OK;
    for (size_t i = 0; copy && i < DISCRIMINATOR_ARRAYS && st == ST_OK; i++)
        st = shim_group_read(m->discriminators->group, checkpoint_array[i], 0,
                             copy + i * m->discriminators->count, m->discriminators->count, em);
    return st;
}

enum status discriminators_copy_restore(struct model *m, const float *copy, struct errmsg *em)
{
    enum status st = ST_OK;
    for (size_t i = 0; copy && i < DISCRIMINATOR_ARRAYS && st == ST_OK; i++)
        st = shim_group_write(m->discriminators->group, checkpoint_array[i], 0,
                              copy + i * m->discriminators->count, m->discriminators->count, em);
    return st;
}

void discriminators_put(struct shim_archive *a, struct shim_value *root, const struct model *m,
                        const float *copy, int64_t updates)
{
    const struct discriminators *d = m->discriminators;
    if (!d)
        return;
    struct shim_value *all = shim_value_dict(a);
    for (size_t i = 0; i < DISCRIMINATOR_ARRAYS; i++) {
        struct shim_value *dict = shim_value_dict(a);
        for (size_t j = 0; j < DISCRIMINATOR_TENSORS; j++) {
            const struct model_tensor *t = &d->tensors[j];
            struct shim_value *x =
                copy ? shim_value_view(a, SHIM_F32, copy + i * d->count + t->offset,
                                       (size_t)t->n_dims, t->dims)
                     : shim_value_range(a, d->group, checkpoint_array[i], t->offset, SHIM_F32,
                                        (size_t)t->n_dims, t->dims);
            shim_put(a, dict, t->name, x);
        }
        shim_put(a, all, keys[i], dict);
    }
    shim_put(a, all, "step", shim_value_int(a, updates));
    shim_put(a, root, "discriminators", all);
}

/* Checks all tensors, or copies all into the group. */
static enum status walk(struct shim_archive *a, struct shim_value *all, const char *path,
                        const struct discriminators *d, bool copy, struct errmsg *em)
{
    enum status st = ST_OK;
    for (size_t i = 0; i < DISCRIMINATOR_ARRAYS; i++)
        for (size_t j = 0; j < DISCRIMINATOR_TENSORS && st == ST_OK; j++) {
            const struct model_tensor *t = &d->tensors[j];
            const struct shim_value *v = shim_get(a, shim_get(a, all, keys[i]), t->name);
            if (copy)
                st = shim_read_range(v, d->group, checkpoint_array[i], t->offset, t->count, em);
            else if (!checkpoint_same_shape(v, t) || !shim_is_finite(v))
                st = FAIL(em, ST_DATA,
                          "%s: %s of \"%s\" is missing, of another shape or not finite; use an "
                          "earlier checkpoint",
                          path, keys[i], t->name);
        }
    return st;
}

enum status discriminators_check(struct shim_archive *a, const char *path,
                                 const struct model_discriminators *o, struct errmsg *em)
{
    struct shim_value *all = shim_get(a, shim_archive_root(a), "discriminators");
    struct discriminators layout = {.options = *o};
    discriminators_lay_out(&layout);
    return all ? walk(a, all, path, &layout, false, em) : ST_OK;
}

enum status discriminators_restore(struct shim_archive *a, const char *path, struct model *m,
                                   struct errmsg *em)
{
    struct shim_value *all = shim_get(a, shim_archive_root(a), "discriminators");
    return m->discriminators && all ? walk(a, all, path, m->discriminators, true, em) : ST_OK;
}
