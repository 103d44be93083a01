#include "model/adversary.h"

#include "discriminator.h"
#include "model_priv.h"

#include "base/poison.h"

static const double adam_eps = 1e-8;

bool model_has_adversary(const struct model *m)
{
    return m->rivals != NULL;
}

void model_set_adversary(struct model *m, bool on)
{
    m->against = on && m->rivals;
}

struct model_flat model_adversary_flat(const struct model *m)
{
    const struct discriminators *d = m->rivals;
    if (!d)
        return (struct model_flat){.element_bytes = m->flat.element_bytes};
    return (struct model_flat){
        .parameters = shim_group_memory(d->group, SHIM_PARAMETERS),
        .gradients = shim_group_memory(d->group, SHIM_GRADIENTS),
        .exp_avg = shim_group_memory(d->group, SHIM_EXP_AVG),
        .exp_avg_sq = shim_group_memory(d->group, SHIM_EXP_AVG_SQ),
        .count = d->count,
        .element_bytes = m->flat.element_bytes,
        .stream = m->flat.stream,
    };
}

enum status model_adversary_is_finite(const struct model *m, bool *finite_out, struct errmsg *em)
{
    int64_t bad = 0;
    enum status st = ST_OK;
    if (m->rivals)
        st = shim_group_nonfinite(m->rivals->group, SHIM_GRADIENTS, 0, m->rivals->count, &bad, em);
    if (st == ST_OK)
        *finite_out = bad == 0;
    return st;
}

enum status model_update_adversary(struct model *m, double lr, int64_t step, struct errmsg *em)
{
    const struct discriminators *d = m->rivals;
    if (!d)
        return ST_OK;
    const struct shim_adam adam = {
        .lr = lr,
        .beta1 = d->options.beta1,
        .beta2 = d->options.beta2,
        .eps = adam_eps,
        .step = step,
    };
    return shim_group_adam(d->group, 0, d->count, &adam, em);
}
