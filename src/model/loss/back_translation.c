#include "back_translation.h"

#include <stdlib.h>

#include "augment_priv.h"
#include "pose_codes.h"

#include "base/poison.h"

static size_t count_drawn(const struct augment_draw *draws, size_t n)
{
    size_t drawn = 0;
    for (size_t i = 0; i < n && draws; i++)
        drawn += draws[i].back_translation;
    return drawn;
}

/* The drawn samples of x (n, ...), in order. */
static struct shim_tensor *pick(struct shim_scope *s, struct shim_tensor *x,
                                const struct augment_draw *draws, size_t n)
{
    struct shim_tensor **parts = calloc(n, sizeof *parts);
    size_t n_parts = 0;
    for (size_t i = 0; i < n && parts; i++)
        if (draws[i].back_translation)
            /* NOLINTNEXTLINE(analyzer-possible-null-dereference): the loop needs parts */
            parts[n_parts++] = shim_narrow(s, x, 0, (int64_t)i, 1);
    struct shim_tensor *picked = parts ? shim_cat(s, parts, n_parts, 0) : NULL;
    free(parts);
    return picked;
}

/* x with its drawn samples replaced, in order. */
static struct shim_tensor *put_back(struct shim_scope *s, struct shim_tensor *x,
                                    struct shim_tensor *drawn, const struct augment_draw *draws,
                                    size_t n)
{
    struct shim_tensor **parts = calloc(n, sizeof *parts);
    int64_t at = 0;
    for (size_t i = 0; i < n && parts; i++)
        parts[i] = draws[i].back_translation ? shim_narrow(s, drawn, 0, at++, 1)
                                             : shim_narrow(s, x, 0, (int64_t)i, 1);
    struct shim_tensor *all = parts ? shim_cat(s, parts, n, 0) : NULL;
    free(parts);
    return all;
}

static void get_drawn(const struct augment_draw *d, float *out)
{
    *out = d->back_translation;
}

/* y where a sample is drawn, x elsewhere. The draws are data, so the shapes stay the same. */
static struct shim_tensor *mix(struct shim_scope *s, struct shim_tensor *x, struct shim_tensor *y,
                               const struct augment_draw *draws, size_t n)
{
    const struct augment_work w = {.s = s, .draws = draws, .n = n};
    int64_t dims[SHIM_DIMS_MAX] = {0};
    size_t n_dims = shim_dims(x, dims);
    for (size_t i = 1; i < n_dims; i++)
        dims[i] = 1;
    struct shim_tensor *t = augment_upload(&w, get_drawn, n_dims, dims);
    return shim_add(s, x, shim_mul(s, t, shim_sub(s, y, x)));
}

/* L(z) of the drawn samples (with `whole`: of all samples) of a person: what is added to their
 * codes for the decoder. */
static struct shim_tensor *pose_term(struct shim_scope *s, const struct network *net,
                                     const struct batch *b, bool whole, int who,
                                     struct shim_tensor *predicted)
{
    struct pose_points points = pose_points_of(s, b, who);
    if (points.z && !whole)
        points = (struct pose_points){pick(s, points.z, b->draws[who], b->n),
                                      pick(s, points.known, b->draws[who], b->n)};
    return network_pose_to_code(s, net, pose_given(s, predicted, points));
}

void back_translate(struct shim_scope *s, const struct network *net, const struct batch *b,
                    bool whole, struct augmented samples[MODEL_PEOPLE],
                    struct shim_tensor *of_targets_out[MODEL_PEOPLE])
{
    size_t drawn[MODEL_PEOPLE] = {0}, n_parts = 0;
    struct shim_tensor *parts[MODEL_PEOPLE];
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        of_targets_out[who] = NULL;
        if (b->images[who])
            drawn[who] = count_drawn(b->draws[who], b->n);
        if (drawn[who] > 0)
            parts[n_parts++] = whole ? samples[who].target.images
                                     : pick(s, samples[who].target.images, b->draws[who], b->n);
    }
    if (n_parts == 0)
        return;
    struct shim_tensor *all = shim_channels_last(s, shim_cat(s, parts, n_parts, 0), true);
    struct shim_tensor *codes = network_encode(s, net, all);
    int64_t first = 0;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        if (drawn[who] == 0)
            continue;
        int64_t count = (int64_t)(whole ? b->n : drawn[who]);
        struct shim_tensor *own = shim_narrow(s, codes, 0, first, count);
        int other = MODEL_PEOPLE - 1 - who;
        struct shim_tensor *moved = network_move(s, net, who, other, own);
        struct shim_tensor *predicted = network_predict_pose(s, net, own);
        if (predicted)
            moved = shim_add(s, moved, pose_term(s, net, b, whole, who, predicted));
        struct shim_tensor *swaps = network_decode(s, net, other, moved).pictures;
        samples[who].input.images =
            (whole ? mix : put_back)(s, samples[who].input.images, swaps, b->draws[who], b->n);
        of_targets_out[who] = own;
        first += count;
    }
}

struct shim_tensor *back_translation_return(struct shim_scope *s, const struct network *net,
                                            int who, const struct augment_draw *draws, size_t n,
                                            struct shim_tensor *codes)
{
    struct shim_tensor *moved = network_move(s, net, MODEL_PEOPLE - 1 - who, who, codes);
    return moved == codes ? codes : mix(s, codes, moved, draws, n);
}

struct shim_tensor *back_translation_codes(struct shim_scope *s, const struct augment_draw *draws,
                                           size_t n, bool whole, struct shim_tensor *codes,
                                           struct shim_tensor *of_targets)
{
    struct shim_tensor *as_they_are = shim_detach(s, codes);
    return (whole ? mix : put_back)(s, as_they_are, of_targets, draws, n);
}
