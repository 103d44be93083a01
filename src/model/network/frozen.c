#include "frozen.h"

#include "base/checked.h"

#include "base/poison.h"

/* Mean codes are the encoder's first tensors. */
static struct model_range mean_codes_of(const struct architecture *a)
{
    const struct model_tensor *of = a->mean_codes;
    return of ? (struct model_range){of[0].offset, of[0].count + of[1].count}
              : (struct model_range){0};
}

/* They are the first of the pose's, the last of the ranges. */
static void leave_pose_scale(const struct architecture *a, struct trainable *t)
{
    const struct model_tensor *of = a->pose_scale;
    if (!of)
        return;
    t->ranges[t->n - 1].first += of[0].count + of[1].count;
    t->ranges[t->n - 1].count -= of[0].count + of[1].count;
}

/* Each range is a pass of the optimizer. */
static void join_neighbours(struct trainable *t)
{
    size_t n = 0;
    for (size_t i = 1; i < t->n; i++) {
        struct model_range *last = &t->ranges[n];
        if (last->first + last->count == t->ranges[i].first)
            last->count += t->ranges[i].count;
        else
            t->ranges[++n] = t->ranges[i];
    }
    t->n = t->n > 0 ? n + 1 : 0;
}

enum status frozen_init(const struct architecture *a, const bool frozen[MODEL_PARTS],
                        struct shim_group *group, struct trainable *out, struct errmsg *em)
{
    struct trainable t = {.mean_codes = mean_codes_of(a)};
    size_t first = 0;
    enum status st = ST_OK;
    for (int part = 0; part < MODEL_PARTS && st == ST_OK; first += a->part_count[part++]) {
        size_t apart = part == MODEL_ENCODER ? t.mean_codes.count : 0;
        if (frozen[part])
            st = shim_group_freeze(group, first + apart, a->part_count[part] - apart, em);
        else if (a->part_count[part] > apart)
            t.ranges[t.n++] = (struct model_range){first + apart, a->part_count[part] - apart};
        if (part == MODEL_POSE && !frozen[part])
            leave_pose_scale(a, &t);
    }
    join_neighbours(&t);
    if (st == ST_OK && t.n == 0)
        st = FAIL(em, ST_CONFIG, "every part is frozen: nothing is left to train");
    if (st == ST_OK)
        *out = t;
    return st;
}

struct model_range frozen_common(struct model_range a, struct model_range b)
{
    size_t first = MAX(a.first, b.first);
    size_t end = MIN(a.first + a.count, b.first + b.count);
    return (struct model_range){first, end > first ? end - first : 0};
}
