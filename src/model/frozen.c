#include "frozen.h"

#include "base/checked.h"

#include "base/poison.h"

enum status frozen_init(const struct architecture *a, const bool frozen[MODEL_PARTS],
                        struct shim_group *group, struct trainable *out, struct errmsg *em)
{
    struct trainable t = {0};
    size_t first = 0;
    enum status st = ST_OK;
    for (int part = 0; part < MODEL_PARTS && st == ST_OK; first += a->part_count[part++]) {
        if (frozen[part])
            st = shim_group_freeze(group, first, a->part_count[part], em);
        else
            t.ranges[t.n++] = (struct model_range){first, a->part_count[part]};
    }
    if (st == ST_OK && t.n == 0)
        st = FAIL(em, ST_CONFIG, "every part is frozen: nothing is left to train");
    if (st == ST_OK)
        *out = t;
    return st;
}

struct model_range frozen_common(const struct trainable *t, size_t i, struct model_range range)
{
    const struct model_range *own = &t->ranges[i];
    size_t first = MAX(range.first, own->first);
    size_t end = MIN(range.first + range.count, own->first + own->count);
    return (struct model_range){first, end > first ? end - first : 0};
}
