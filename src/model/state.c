/* The flat arrays: sharding, copies of ranges, hash. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "model_priv.h"

#include "base/poison.h"

enum { HASH_PIECE = 1 << 18 }; /* elements */

_Static_assert((int)MODEL_CHUNK == (int)SHIM_CHUNK, "told to those who do not know the shim");

static enum shim_flat flat_of(enum model_moment which)
{
    static const enum shim_flat flats[MODEL_MOMENTS] = {SHIM_EXP_AVG, SHIM_EXP_AVG_SQ, SHIM_EMA};
    return flats[which];
}

int model_moments(const struct model *m)
{
    return m->options.ema > 0 ? MODEL_MOMENTS : MODEL_AVERAGE;
}

/* Moments as model_flat gives them: NULL if only some are kept. */
static void publish_moments(struct model *m, bool all)
{
    m->flat.exp_avg = all ? shim_group_memory(m->group, SHIM_EXP_AVG) : NULL;
    m->flat.exp_avg_sq = all ? shim_group_memory(m->group, SHIM_EXP_AVG_SQ) : NULL;
    m->flat.average = all && m->options.ema > 0 ? shim_group_memory(m->group, SHIM_EMA) : NULL;
}

enum status model_begin_average(struct model *m, struct errmsg *em)
{
    if (m->options.ema == 0)
        return ST_OK;
    enum status st = shim_group_keep_average(m->group, em);
    if (st == ST_OK)
        publish_moments(m, m->flat.exp_avg != NULL);
    return st;
}

/* Where a person's (70, 2) numbers begin in one of the two tensors (2, 70, 2) of the scales. */
enum { POSE_NUMBERS = 2 * FACE_POINTS };
static size_t scale_at(const struct model *m, int which, int who)
{
    BUG_ON(m->flat.element_bytes != sizeof(float));
    return m->architecture->pose_scale[which].offset + (size_t)who * POSE_NUMBERS;
}

enum status model_set_pose_scale(struct model *m, const struct pose_scale scales[MODEL_PEOPLE],
                                 struct errmsg *em)
{
    enum status st = ST_OK;
    for (int who = 0; who < MODEL_PEOPLE && st == ST_OK; who++) {
        st = shim_group_write(m->group, SHIM_PARAMETERS, scale_at(m, 0, who), scales[who].mean,
                              POSE_NUMBERS, em);
        if (st == ST_OK)
            st = shim_group_write(m->group, SHIM_PARAMETERS, scale_at(m, 1, who),
                                  scales[who].deviation, POSE_NUMBERS, em);
    }
    return st == ST_OK ? model_begin_average(m, em) : st;
}

enum status model_get_pose_scale(const struct model *m, struct pose_scale scales[MODEL_PEOPLE],
                                 struct errmsg *em)
{
    enum status st = ST_OK;
    for (int who = 0; who < MODEL_PEOPLE && st == ST_OK; who++) {
        st = shim_group_read(m->group, SHIM_PARAMETERS, scale_at(m, 0, who), scales[who].mean,
                             POSE_NUMBERS, em);
        if (st == ST_OK)
            st = shim_group_read(m->group, SHIM_PARAMETERS, scale_at(m, 1, who),
                                 scales[who].deviation, POSE_NUMBERS, em);
    }
    return st;
}

enum status model_exchange_parameters(struct model *m, struct errmsg *em)
{
    return shim_group_exchange(m->group, SHIM_PARAMETERS, SHIM_GRADIENTS, em);
}

enum status model_keep_moments(struct model *m, const struct model_range *ranges, size_t n,
                               struct errmsg *em)
{
    struct shim_range *kept = calloc(n + 1, sizeof *kept);
    if (!kept)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        kept[i] = (struct shim_range){ranges[i].first, ranges[i].count};
    enum status st = shim_group_keep_moments(m->group, kept, n, em);
    free(kept);
    if (st != ST_OK)
        return st;
    publish_moments(m, n == 1 && ranges[0].count == m->architecture->count);
    return ST_OK;
}

enum status model_moment_to_scratch(struct model *m, enum model_moment which,
                                    struct model_range range, struct errmsg *em)
{
    return shim_group_copy(m->group, flat_of(which), SHIM_GRADIENTS, range.first, range.count, em);
}

enum status model_moment_from_scratch(struct model *m, enum model_moment which,
                                      struct model_range range, struct errmsg *em)
{
    return shim_group_copy(m->group, SHIM_GRADIENTS, flat_of(which), range.first, range.count, em);
}

enum status model_gradient_squares(const struct model *m, struct model_range range, double *sums,
                                   struct errmsg *em)
{
    return shim_group_squares(m->group, SHIM_GRADIENTS, range.first, range.count, sums, em);
}

enum status model_squares_of(const struct model *m, const float *elements, size_t n, double *sums,
                             struct errmsg *em)
{
    BUG_ON(m->flat.element_bytes != sizeof *elements);
    return shim_group_squares_of(m->group, elements, n, sums, em);
}

enum status model_read_gradient(const struct model *m, struct model_range range, float *out,
                                struct errmsg *em)
{
    BUG_ON(m->flat.element_bytes != sizeof *out);
    return shim_group_read(m->group, SHIM_GRADIENTS, range.first, out, range.count, em);
}

/* Hashes in pieces; each hash is the next one's seed. Device memory is copied through a small
 * buffer. */
static enum status hash_parameters(const struct shim_group *g, bool on_host, size_t count,
                                   size_t element_bytes, uint64_t *hash, struct errmsg *em)
{
    const unsigned char *host = on_host ? shim_group_memory(g, SHIM_PARAMETERS) : NULL;
    void *buffer = on_host ? NULL : malloc(HASH_PIECE * element_bytes);
    enum status st = on_host || buffer ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (size_t done = 0; done < count && st == ST_OK; done += HASH_PIECE) {
        size_t n = MIN((size_t)HASH_PIECE, count - done);
        const void *piece = on_host ? host + done * element_bytes : buffer;
        if (!on_host)
            st = shim_group_read(g, SHIM_PARAMETERS, done, buffer, n, em);
        if (st == ST_OK)
            *hash = hash64(piece, n * element_bytes, *hash);
    }
    free(buffer);
    return st;
}

enum status model_hash(const struct model *m, uint64_t *hash_out, struct errmsg *em)
{
    uint64_t hash = m->vgg ? vgg_hash(m->vgg) : 0;
    size_t each = m->flat.element_bytes;
    bool on_host = strncmp(m->device, "cuda", 4) != 0;
    enum status st = hash_parameters(m->group, on_host, m->flat.count, each, &hash, em);
    if (st == ST_OK && m->discriminators)
        st = hash_parameters(m->discriminators->group, on_host, m->discriminators->count, each,
                             &hash, em);
    if (st == ST_OK)
        *hash_out = hash;
    return st;
}
