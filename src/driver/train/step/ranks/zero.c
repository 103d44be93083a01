#include "zero.h"

#include <stdlib.h>

#include "comm/reducer.h"

bool zero_is_on(const struct stage *stage)
{
    return stage->run->config.train.zero > 0 && comm_world_size(stage->comm) > 1;
}

static struct model_range shard_of(const struct stage *stage, struct reducer_range bucket)
{
    size_t first, count;
    comm_shard(bucket.count, comm_world_size(stage->comm), comm_rank(stage->comm), &first, &count);
    return (struct model_range){bucket.first + first, count};
}

static int compare_ranges(const void *a, const void *b)
{
    size_t left = ((const struct model_range *)a)->first;
    size_t right = ((const struct model_range *)b)->first;
    return (left > right) - (left < right);
}

static enum status keep_shards(const struct stage *stage, struct errmsg *em)
{
    const struct reducer_range *buckets;
    size_t n = reducer_buckets(stage->reducer, &buckets), kept = 0;
    struct model_range *shards = calloc(n, sizeof *shards);
    if (!shards)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        shards[kept] = shard_of(stage, buckets[i]);
        kept += shards[kept].count > 0;
    }
    qsort(shards, kept, sizeof *shards, compare_ranges);
    enum status st = model_keep_moments(stage->model, shards, kept, em);
    free(shards);
    return st;
}

static struct model_range everything(const struct stage *stage)
{
    return (struct model_range){0, model_flat(stage->model)->count};
}

static enum status keep_all(const struct stage *stage, struct errmsg *em)
{
    struct model_range all = everything(stage);
    return model_keep_moments(stage->model, &all, 1, em);
}

enum status zero_prepare_load(const struct stage *stage, struct errmsg *em)
{
    if (!zero_is_on(stage))
        return ST_OK;
    return comm_agree(stage->comm,
                      comm_rank(stage->comm) == 0 ? keep_all(stage, em) : keep_shards(stage, em),
                      em);
}

/* Calls `before` on each bucket of a flat array and starts to gather it; then waits for all. A rank
 * whose `before` fails still takes part. */
static enum status gather_buckets(const struct stage *stage, float *array,
                                  enum status (*before)(void *ctx, struct model_range shard,
                                                        struct errmsg *em),
                                  void *ctx, struct errmsg *em)
{
    const struct reducer_range *buckets;
    size_t n = reducer_buckets(stage->reducer, &buckets);
    struct comm_ticket *tickets = calloc(n, sizeof *tickets);
    BUG_ON(!tickets); /* a few bytes; an error here would leave the other ranks waiting */
    enum status local = ST_OK, st = ST_OK;
    comm_record_buckets(stage->comm, n);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        struct model_range shard = shard_of(stage, buckets[i]);
        if (local == ST_OK && shard.count > 0)
            local = before(ctx, shard, em);
        st = comm_all_gather_begin(stage->comm, array + buckets[i].first, buckets[i].count,
                                   COMM_F32, model_flat(stage->model)->stream, &tickets[i], em);
    }
    for (size_t i = 0; i < n; i++) {
        enum status waited = comm_wait(stage->comm, &tickets[i], COMM_DEFAULT_DEADLINE, em);
        st = st == ST_OK ? waited : st;
    }
    free(tickets);
    return st == ST_OK ? comm_agree(stage->comm, local, em) : st;
}

struct update {
    struct model *model;
    const struct model_step *step;
};

static enum status update_shard(void *ctx, struct model_range shard, struct errmsg *em)
{
    const struct update *u = ctx;
    return model_update_range(u->model, u->step, shard, em);
}

enum status zero_update(const struct stage *stage, const struct model_step *step, struct errmsg *em)
{
    if (!zero_is_on(stage))
        return model_update(stage->model, step, em);
    struct update u = {stage->model, step};
    return gather_buckets(stage, model_flat(stage->model)->parameters, update_shard, &u, em);
}

/* ---- Moments between shards and rank 0, through the flat gradient ---------------------------- */

static enum status shards_from_scratch(const struct stage *stage, enum model_moment which,
                                       struct errmsg *em)
{
    const struct reducer_range *buckets;
    size_t n = reducer_buckets(stage->reducer, &buckets);
    enum status st = ST_OK;
    for (size_t i = 0; i < n && st == ST_OK; i++)
        st = model_moment_from_scratch(stage->model, which, shard_of(stage, buckets[i]), em);
    return st;
}

static enum status share_moment(const struct stage *stage, enum model_moment which,
                                struct errmsg *em)
{
    const struct model_flat *flat = model_flat(stage->model);
    enum status st = ST_OK;
    if (comm_rank(stage->comm) == 0)
        st = model_moment_to_scratch(stage->model, which, everything(stage), em);
    st = comm_agree(stage->comm, st, em);
    if (st == ST_OK)
        st = comm_do(stage->comm, COMM_BROADCAST, flat->gradients, flat->count, COMM_F32, 0,
                     flat->stream, em);
    if (st == ST_OK)
        st = comm_agree(stage->comm, shards_from_scratch(stage, which, em), em);
    return st;
}

enum status zero_share_moments(const struct stage *stage, struct errmsg *em)
{
    enum status st = ST_OK;
    if (!zero_is_on(stage))
        return ST_OK;
    for (int which = 0; which < model_moments(stage->model) && st == ST_OK; which++)
        st = share_moment(stage, (enum model_moment)which, em);
    return st == ST_OK ? comm_agree(stage->comm, zero_shed_moments(stage, em), em) : st;
}

struct to_scratch {
    struct model *model;
    enum model_moment which;
};

static enum status shard_to_scratch(void *ctx, struct model_range shard, struct errmsg *em)
{
    const struct to_scratch *to = ctx;
    return model_moment_to_scratch(to->model, to->which, shard, em);
}

enum status zero_moment_to_scratch(const struct stage *stage, enum model_moment which,
                                   struct errmsg *em)
{
    struct to_scratch to = {stage->model, which};
    if (!zero_is_on(stage))
        return comm_agree(stage->comm, shard_to_scratch(&to, everything(stage), em), em);
    return gather_buckets(stage, model_flat(stage->model)->gradients, shard_to_scratch, &to, em);
}

static enum status gather_moment(const struct stage *stage, enum model_moment which,
                                 struct errmsg *em)
{
    enum status st = zero_moment_to_scratch(stage, which, em);
    if (st == ST_OK && comm_rank(stage->comm) == 0)
        st = model_moment_from_scratch(stage->model, which, everything(stage), em);
    return comm_agree(stage->comm, st, em);
}

enum status zero_gather_moments(const struct stage *stage, struct errmsg *em)
{
    if (!zero_is_on(stage))
        return ST_OK;
    enum status st =
        comm_agree(stage->comm, comm_rank(stage->comm) == 0 ? keep_all(stage, em) : ST_OK, em);
    for (int which = 0; which < model_moments(stage->model) && st == ST_OK; which++)
        st = gather_moment(stage, (enum model_moment)which, em);
    return st;
}

enum status zero_shed_moments(const struct stage *stage, struct errmsg *em)
{
    return zero_is_on(stage) && comm_rank(stage->comm) == 0 ? keep_shards(stage, em) : ST_OK;
}
