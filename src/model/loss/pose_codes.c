#include "pose_codes.h"

#include "augment_priv.h"
#include "model/model.h"

#include "base/poison.h"

static void get_measured(const struct augment_draw *d, float *out)
{
    *out = !d->predicted_pose;
}

/* (N, 140); NULL where a person of the batch has none. */
static struct shim_tensor *upload(struct shim_scope *s, const struct batch *b,
                                  float *const of[MODEL_PEOPLE])
{
    const int64_t dims[] = {(int64_t)b->n, 2 * FACE_POINTS};
    struct shim_tensor *parts[MODEL_PEOPLE];
    size_t n = 0;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        if (!b->images[who])
            continue;
        if (!of[who])
            return NULL;
        parts[n++] = shim_from_memory(s, SHIM_F32, of[who], 2, dims);
    }
    return shim_cat(s, parts, n, 0);
}

/* 1 of samples whose decoder is told what was measured, else 0: (N, 1). */
static struct shim_tensor *is_measured(struct shim_scope *s, const struct batch *b)
{
    const int64_t dims[] = {(int64_t)b->n, 1};
    struct shim_tensor *parts[MODEL_PEOPLE];
    size_t n = 0;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        const struct augment_work w = {.s = s, .draws = b->draws[who], .n = b->n};
        if (b->images[who])
            parts[n++] =
                w.draws ? augment_upload(&w, get_measured, 2, dims) : shim_full(s, 1.0, 2, dims);
    }
    return shim_cat(s, parts, n, 0);
}

struct pose_codes pose_codes_of(struct shim_scope *s, const struct network *net,
                                const struct batch *b, bool training, struct shim_tensor *codes)
{
    struct pose_codes p = {.predicted = network_pose(s, net, codes)};
    if (!p.predicted)
        return p;
    p.measured = upload(s, b, b->pose);
    p.known = upload(s, b, b->pose_known);
    struct shim_tensor *told = shim_detach(s, p.predicted);
    if (training && p.measured) {
        struct shim_tensor *further = shim_sub(s, p.measured, told);
        told = shim_add(s, told, shim_mul(s, is_measured(s, b), further));
    }
    p.added = network_of_pose(s, net, told);
    return p;
}
