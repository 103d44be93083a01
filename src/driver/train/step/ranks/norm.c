#include "norm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "comm/reducer.h"
#include "zero.h"

#include "base/poison.h"

struct norm {
    size_t count, chunks; /* of the flat gradient */
    size_t *cut, n_cut;   /* chunks that are split between shards, ascending */
    /* one sum over ranks: failures, the sums of the chunks, the elements of the split chunks */
    double *numbers;
    size_t n_numbers;
    float *elements; /* (n_cut, MODEL_CHUNK) */
    double *cut_sums;
};

static double *sums_of(const struct norm *n)
{
    return n->numbers + 1;
}

static int compare(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return (left > right) - (left < right);
}

/* Finds the chunks that a shard boundary splits. */
static enum status find_cuts(const struct stage *stage, struct norm *n, struct errmsg *em)
{
    const struct reducer_range *buckets;
    size_t n_buckets = reducer_buckets(stage->reducer, &buckets), found = 0;
    int ranks = comm_world_size(stage->comm);
    n->cut = calloc(n_buckets * ((size_t)ranks + 1) + 1, sizeof *n->cut);
    if (!n->cut)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = 0; i < n_buckets; i++)
        for (int rank = 0; rank <= ranks; rank++) {
            size_t first = buckets[i].count, count;
            if (rank < ranks)
                comm_shard(buckets[i].count, ranks, rank, &first, &count);
            size_t bound = buckets[i].first + first;
            if (bound % MODEL_CHUNK != 0 && bound < n->count)
                n->cut[found++] = bound / MODEL_CHUNK;
        }
    qsort(n->cut, found, sizeof *n->cut, compare);
    for (size_t i = 0; i < found; i++)
        if (i == 0 || n->cut[i] != n->cut[i - 1])
            n->cut[n->n_cut++] = n->cut[i];
    return ST_OK;
}

enum status norm_new(const struct stage *stage, struct norm **out, struct errmsg *em)
{
    struct norm *n = calloc(1, sizeof *n);
    if (!n)
        return FAIL(em, ST_MEMORY, "out of memory");
    n->count = model_flat(stage->model)->count;
    n->chunks = (n->count + MODEL_CHUNK - 1) / MODEL_CHUNK;
    enum status st = zero_is_on(stage) ? find_cuts(stage, n, em) : ST_OK;
    if (st == ST_OK) {
        n->n_numbers = 1 + n->chunks + n->n_cut * MODEL_CHUNK;
        n->numbers = calloc(n->n_numbers, sizeof *n->numbers);
        n->elements = calloc(n->n_cut * MODEL_CHUNK + 1, sizeof *n->elements);
        n->cut_sums = calloc(n->n_cut + 1, sizeof *n->cut_sums);
        if (!n->numbers || !n->elements || !n->cut_sums)
            st = FAIL(em, ST_MEMORY, "out of memory");
    }
    if (st != ST_OK) {
        norm_free(n);
        return st;
    }
    *out = n;
    return ST_OK;
}

void norm_free(struct norm *n)
{
    if (!n)
        return;
    free(n->cut);
    free(n->numbers);
    free(n->elements);
    free(n->cut_sums);
    free(n);
}

/* Elements [first, end) of one split chunk. */
static enum status put_piece(const struct stage *stage, struct norm *n, size_t first, size_t end,
                             struct errmsg *em)
{
    float piece[MODEL_CHUNK];
    if (first >= end)
        return ST_OK;
    size_t chunk = first / MODEL_CHUNK;
    const size_t *found = bsearch(&chunk, n->cut, n->n_cut, sizeof *n->cut, compare);
    BUG_ON(!found);
    size_t slot = (size_t)(found - n->cut);
    double *to = sums_of(n) + n->chunks + slot * MODEL_CHUNK + first % MODEL_CHUNK;
    struct model_range range = {first, end - first};
    enum status st = model_read_gradient(stage->model, range, piece, em);
    for (size_t i = 0; i < range.count && st == ST_OK; i++)
        to[i] = (double)piece[i];
    return st;
}

/* This rank's part of [first, end): whole chunks, and split ones at both ends. */
static enum status put_shard(const struct stage *stage, struct norm *n, size_t first, size_t end,
                             struct errmsg *em)
{
    size_t from = (first + MODEL_CHUNK - 1) / MODEL_CHUNK * MODEL_CHUNK;
    size_t to = end == n->count ? end : end / MODEL_CHUNK * MODEL_CHUNK;
    enum status st = put_piece(stage, n, first, MIN(from, end), em);
    if (st == ST_OK && from < to)
        st = model_gradient_squares(stage->model, (struct model_range){from, to - from},
                                    sums_of(n) + from / MODEL_CHUNK, em);
    if (st == ST_OK && from <= to)
        st = put_piece(stage, n, to, end, em);
    return st;
}

static enum status put_shards(const struct stage *stage, struct norm *n, struct errmsg *em)
{
    const struct reducer_range *buckets;
    size_t n_buckets = reducer_buckets(stage->reducer, &buckets);
    enum status st = ST_OK;
    for (size_t i = 0; i < n_buckets && st == ST_OK; i++) {
        size_t first, count;
        comm_shard(buckets[i].count, comm_world_size(stage->comm), comm_rank(stage->comm), &first,
                   &count);
        first += buckets[i].first;
        if (count > 0)
            st = put_shard(stage, n, first, first + count, em);
    }
    return st;
}

/* COLLECTIVE: every rank gets the sums of all chunks. */
static enum status share_sums(const struct stage *stage, struct norm *n, struct errmsg *em)
{
    memset(n->numbers, 0, n->n_numbers * sizeof *n->numbers);
    enum status local = put_shards(stage, n, em);
    n->numbers[0] = local != ST_OK;
    enum status st =
        comm_do(stage->comm, COMM_ALL_REDUCE, n->numbers, n->n_numbers, COMM_F64, 0, NULL, em);
    if (st == ST_OK && n->numbers[0] > 0)
        st = comm_agree(stage->comm, local, em);
    if (st != ST_OK)
        return st;
    for (size_t i = 0; i < n->n_cut * MODEL_CHUNK; i++)
        n->elements[i] = (float)sums_of(n)[n->chunks + i];
    st = model_squares_of(stage->model, n->elements, n->n_cut * MODEL_CHUNK, n->cut_sums, em);
    for (size_t i = 0; i < n->n_cut; i++)
        sums_of(n)[n->cut[i]] = n->cut_sums[i];
    return comm_agree(stage->comm, st, em);
}

enum status norm_measure(const struct stage *stage, struct norm *n, double *out, struct errmsg *em)
{
    struct model_range all = {0, n->count};
    enum status st = zero_is_on(stage) ? share_sums(stage, n, em)
                                       : model_gradient_squares(stage->model, all, sums_of(n), em);
    if (st != ST_OK)
        return st;
    double sum = 0;
    for (size_t i = 0; i < n->chunks; i++)
        sum += sums_of(n)[i];
    *out = sqrt(sum);
    return ST_OK;
}

double norm_clip_factor(double norm, double limit)
{
    return limit > 0 ? fmin(1, limit / (norm + 1e-6)) : 1;
}
