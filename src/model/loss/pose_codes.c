#include "pose_codes.h"

#include "augment_priv.h"
#include "model/model.h"

#include "base/poison.h"

static void get_measured(const struct augment_draw *d, float *out)
{
    *out = !d->predicted_pose;
}

struct pose_points pose_points_of(struct shim_scope *s, const struct batch *b, int who)
{
    const int64_t dims[] = {(int64_t)b->n, (int64_t)2 * FACE_POINTS};
    if (!b->pose[who] || !b->pose_known[who])
        return (struct pose_points){0};
    return (struct pose_points){shim_from_memory(s, SHIM_F32, b->pose[who], 2, dims),
                                shim_from_memory(s, SHIM_F32, b->pose_known[who], 2, dims)};
}

struct shim_tensor *pose_given(struct shim_scope *s, struct shim_tensor *predicted,
                               struct pose_points points)
{
    struct shim_tensor *told = shim_detach(s, predicted);
    if (!points.z)
        return told;
    return shim_add(s, told, shim_mul(s, points.known, shim_sub(s, points.z, told)));
}

/* The points of both people's samples, A's first; none where a person of the batch has none. */
static struct pose_points join_points(struct shim_scope *s, const struct batch *b)
{
    struct shim_tensor *z[MODEL_PEOPLE], *known[MODEL_PEOPLE];
    size_t n = 0;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        if (!b->images[who])
            continue;
        struct pose_points own = pose_points_of(s, b, who);
        if (!own.z)
            return own;
        z[n] = own.z;
        known[n++] = own.known;
    }
    return (struct pose_points){shim_cat(s, z, n, 0), shim_cat(s, known, n, 0)};
}

/* 1 for samples whose decoder gets the measured z, else 0: (N, 1). */
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
                                const struct batch *b, bool given, struct shim_tensor *codes)
{
    struct pose_codes p = {.predicted = network_predict_pose(s, net, codes)};
    if (!p.predicted)
        return p;
    p.measured = join_points(s, b);
    struct pose_points told = {0};
    if (given && p.measured.z) {
        told = p.measured;
        told.known = shim_mul(s, told.known, is_measured(s, b));
    }
    p.added = network_pose_to_code(s, net, pose_given(s, p.predicted, told));
    return p;
}
