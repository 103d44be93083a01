/*
 * Plans the buckets and their order.
 *
 * The tensors, in the order in which their gradients become final, are cut into runs. A run can be
 * a bucket if its tensors lie side by side in the flat gradient. Dynamic programming over (number
 * of buckets, number of tensors) finds the cuts. It assumes that the sum of a bucket starts when
 * its last tensor is final and the link is free, and takes latency + bytes / bandwidth. Of all
 * plans that end about as early as the best one, the plan with the fewest buckets wins.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "reducer_priv.h"

#include "base/poison.h"

enum { PROBE_SMALL = 256, PROBE_LARGE = 1 << 20 }; /* elements */
/* A plan is as good as the best one if its wait after backward is at most 1.1 times that of the
 * best plan, plus 50 us. */
static const double GOOD_SHARE = 1.1, GOOD_S = 50e-6;

struct link {
    double latency_s, s_per_byte;
};

/* ---- Measuring ------------------------------------------------------------------------------- */

static enum status time_sum(struct reducer *r, size_t count, double *seconds, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int i = 0; i < 2 && st == ST_OK; i++) { /* the first round warms up memory and links */
        struct comm_ticket ticket = {0};
        struct reducer_range range = {0, count};
        st = comm_barrier(r->options.comm, em);
        double before = clock_seconds();
        if (st == ST_OK)
            st = reducer_send(r, range, &ticket, em);
        if (st == ST_OK)
            st = reducer_receive(r, range, &ticket, em);
        if (st == ST_OK)
            st = comm_finish(r->options.comm, r->options.stream, em);
        *seconds = clock_seconds() - before;
    }
    return st;
}

static enum status measure_link(struct reducer *r, struct link *link, struct errmsg *em)
{
    size_t small = MIN((size_t)PROBE_SMALL, r->options.count);
    size_t large = MIN((size_t)PROBE_LARGE, r->options.count);
    double small_s = 0, large_s = 0;
    enum status st = time_sum(r, small, &small_s, em);
    if (st == ST_OK)
        st = time_sum(r, large, &large_s, em);
    if (st != ST_OK)
        return st;
    double bytes = (double)((large - small) * r->element_bytes);
    *link = (struct link){small_s, bytes > 0 ? fmax(large_s - small_s, 0) / bytes : 0};
    return ST_OK;
}

/* ---- Planning, on rank 0 --------------------------------------------------------------------- */

/* Assumes that tensors without a gradient in the observed backward become final at its end. */
static void complete_observation(struct reducer *r)
{
    struct reducer_observation *seen = &r->seen;
    double end_s = seen->n > 0 ? seen->ready_s[seen->n - 1] : 0;
    for (size_t tensor = r->options.n_tensors; tensor-- > 0;) {
        bool known = false;
        for (size_t i = 0; i < seen->n; i++)
            known = known || seen->tensor[i] == tensor;
        if (known)
            continue;
        seen->tensor[seen->n] = tensor;
        seen->ready_s[seen->n++] = end_s;
    }
}

/* The smallest range that holds the tensors added so far. They lie side by side if the range has no
 * more elements than the tensors together. */
struct hull {
    size_t low, high, sum;
};

static const struct hull no_hull = {.low = SIZE_MAX};

static bool grow(const struct reducer *r, struct hull *h, size_t seen)
{
    struct reducer_range tensor = r->tensors[r->seen.tensor[seen]];
    h->low = MIN(h->low, tensor.first);
    h->high = MAX(h->high, tensor.first + tensor.count);
    h->sum += tensor.count;
    return h->high - h->low == h->sum;
}

/* Buckets of at most limit elements, or of one tensor that is larger. */
static void plan_fixed(struct reducer *r, size_t limit)
{
    r->n_buckets = 0;
    for (size_t begin = 0, next; begin < r->seen.n; begin = next) {
        struct hull h = no_hull;
        next = begin;
        for (size_t i = begin; i < r->seen.n && (i == begin || h.sum < limit); i++)
            if (grow(r, &h, i) &&
                (i == begin || h.sum <= limit)) { /* a later tensor may fill a gap */
                r->ranges[r->n_buckets] = (struct reducer_range){h.low, h.sum};
                next = i + 1;
            }
        r->n_buckets++;
    }
}

/* The table of the dynamic programming: row k, column j is the best plan of k buckets for the first
 * j tensors. */
struct table {
    size_t n; /* tensors */
    double *end_s;
    size_t *cut; /* tensors before the last bucket */
};

static size_t cell(const struct table *t, size_t buckets, size_t tensors)
{
    return buckets * (t->n + 1) + tensors;
}

/* Fills column j: tries every first tensor i of the last bucket that makes it one range. */
static void fill_column(const struct reducer *r, const struct link *link, struct table *t, size_t j)
{
    struct hull h = no_hull;
    for (size_t i = j; i-- > 0;) {
        if (!grow(r, &h, i))
            continue;
        double takes_s = link->latency_s + link->s_per_byte * (double)(h.sum * r->element_bytes);
        for (size_t k = 1; k <= j; k++) {
            /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): plan_soonest fills all cells */
            double end_s = fmax(t->end_s[cell(t, k - 1, i)], r->seen.ready_s[j - 1]) + takes_s;
            if (end_s < t->end_s[cell(t, k, j)]) {
                t->end_s[cell(t, k, j)] = end_s;
                t->cut[cell(t, k, j)] = i;
            }
        }
    }
}

static void take_plan(struct reducer *r, const struct table *t)
{
    double backward_s = r->seen.ready_s[t->n - 1], best_s = INFINITY;
    for (size_t k = 1; k <= t->n; k++)
        best_s = fmin(best_s, t->end_s[cell(t, k, t->n)] - backward_s);
    size_t buckets = 1;
    /* the best plan is in the table, so the search ends within it */
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    while (t->end_s[cell(t, buckets, t->n)] - backward_s > best_s * GOOD_SHARE + GOOD_S)
        buckets++;
    r->n_buckets = buckets;
    for (size_t k = buckets, end = t->n; k > 0; k--) {
        size_t begin = t->cut[cell(t, k, end)];
        struct hull h = no_hull;
        for (size_t i = begin; i < end; i++)
            (void)grow(r, &h, i);
        r->ranges[k - 1] = (struct reducer_range){h.low, h.sum};
        end = begin;
    }
}

static enum status plan_soonest(struct reducer *r, const struct link *link, struct errmsg *em)
{
    struct table t = {.n = r->seen.n};
    size_t cells = (t.n + 1) * (t.n + 1);
    t.end_s = malloc(cells * sizeof *t.end_s);
    t.cut = calloc(cells, sizeof *t.cut);
    enum status st =
        t.end_s && t.cut ? ST_OK : FAIL(em, ST_MEMORY, "out of memory planning buckets");
    if (st == ST_OK) {
        for (size_t i = 0; i < cells; i++)
            t.end_s[i] = INFINITY;
        t.end_s[0] = 0;
        for (size_t j = 1; j <= t.n; j++)
            fill_column(r, link, &t, j);
        take_plan(r, &t);
    }
    free(t.end_s);
    free(t.cut);
    return st;
}

static void describe(struct reducer *r, const struct link *link)
{
    double least = INFINITY, most = 0, unit = (double)(1 << 20);
    for (size_t i = 0; i < r->n_buckets; i++) {
        double size = (double)(r->ranges[i].count * r->element_bytes) / unit;
        least = fmin(least, size);
        most = fmax(most, size);
    }
    char *out = r->description;
    int n =
        snprintf(out, REDUCER_TEXT_BYTES, "%zu bucket%s of ", r->n_buckets, PLURAL(r->n_buckets));
    if (r->n_buckets > 1)
        n += snprintf(out + n, REDUCER_TEXT_BYTES - (size_t)n, "%.2f to ", least);
    n += snprintf(out + n, REDUCER_TEXT_BYTES - (size_t)n, "%.2f MiB, ", most);
    if (comm_world_size(r->options.comm) == 1)
        snprintf(out + n, REDUCER_TEXT_BYTES - (size_t)n, "not summed: there is one rank");
    else if (r->options.bucket_bytes > 0)
        snprintf(out + n, REDUCER_TEXT_BYTES - (size_t)n, "%.2f MiB at most by comm.bucket_mb",
                 (double)r->options.bucket_bytes / unit);
    else
        snprintf(out + n, REDUCER_TEXT_BYTES - (size_t)n,
                 "planned from gradients that become final over %.1f ms and a link of %.0f MiB/s "
                 "and %.2f ms a sum",
                 r->seen.ready_s[r->seen.n - 1] * 1e3,
                 link->s_per_byte > 0 ? 1 / (link->s_per_byte * unit) : INFINITY,
                 link->latency_s * 1e3);
}

static enum status plan_here(struct reducer *r, const struct link *link, struct errmsg *em)
{
    complete_observation(r);
    enum status st = ST_OK;
    if (r->options.bucket_bytes > 0)
        plan_fixed(r, MAX(r->options.bucket_bytes / r->element_bytes, (size_t)1));
    else
        st = plan_soonest(r, link, em);
    if (st == ST_OK)
        describe(r, link);
    return st;
}

/* ---- Agreeing -------------------------------------------------------------------------------- */

static enum status share(struct reducer *r, void *range, size_t bytes, struct errmsg *em)
{
    return comm_do(r->options.comm, COMM_BROADCAST, range, bytes, COMM_U8, 0, NULL, em);
}

/* What all ranks must have in common before the first bucket is summed. */
struct signature {
    uint64_t count, n_tensors, dtype, wire, scatter;
};

static struct signature signature_of(const struct reducer *r)
{
    const struct reducer_options *o = &r->options;
    return (struct signature){o->count, o->n_tensors, o->dtype, o->wire, o->scatter};
}

/* Checks this before the first sum: another size or type would hang or give wrong sums. */
static enum status check_signature(struct reducer *r, struct errmsg *em)
{
    struct signature mine = signature_of(r), root = mine;
    enum status st = share(r, &root, sizeof root, em);
    if (st != ST_OK)
        return st;
    if (memcmp(&mine, &root, sizeof mine) != 0)
        st = FAIL(em, ST_INTERNAL,
                  "rank %d has %zu gradients in %zu tensors (type %d, wire %d, sharded "
                  "%d), rank 0 has %zu in %zu (%d, %d, %d): every rank must run the same program "
                  "with the same configuration",
                  comm_rank(r->options.comm), (size_t)mine.count, (size_t)mine.n_tensors,
                  (int)mine.dtype, (int)mine.wire, (int)mine.scatter, (size_t)root.count,
                  (size_t)root.n_tensors, (int)root.dtype, (int)root.wire, (int)root.scatter);
    return comm_agree(r->options.comm, st, em);
}

static bool is_bound(const struct reducer *r, size_t element)
{
    bool found = element == r->options.count;
    for (size_t i = 0; i < r->options.n_tensors; i++)
        found = found || r->tensors[i].first == element;
    return found;
}

/* Checks that rank 0's buckets fit this rank's tensors. */
static enum status check_buckets(const struct reducer *r, struct errmsg *em)
{
    for (size_t i = 0; i < r->n_buckets; i++) {
        size_t first = r->ranges[i].first, end = first + r->ranges[i].count;
        if (end <= first || end > r->options.count || !is_bound(r, first) || !is_bound(r, end))
            return FAIL(em, ST_INTERNAL,
                        "bucket %zu of %zu, elements %zu to %zu, is not made of whole tensors on "
                        "rank %d: every rank must run the same program with the same configuration",
                        i + 1, r->n_buckets, first, end, comm_rank(r->options.comm));
    }
    return ST_OK;
}

enum status reducer_plan(struct reducer *r, struct errmsg *em)
{
    struct link link = {0};
    struct comm *c = r->options.comm;
    r->seen.on = false;
    enum status st = check_signature(r, em);
    if (st == ST_OK && r->options.bucket_bytes == 0)
        st = measure_link(r, &link, em);
    if (st == ST_OK)
        st = comm_agree(c, comm_rank(c) == 0 ? plan_here(r, &link, em) : ST_OK, em);
    uint64_t n = r->n_buckets;
    if (st == ST_OK)
        st = share(r, &n, sizeof n, em);
    r->n_buckets = MIN((size_t)n, r->options.n_tensors);
    if (st == ST_OK)
        st = share(r, r->ranges, r->n_buckets * sizeof *r->ranges, em);
    if (st == ST_OK)
        st = comm_agree(c, check_buckets(r, em), em);
    for (size_t i = 0; i < r->n_buckets; i++)
        r->buckets[i] =
            (struct reducer_bucket){.range = r->ranges[i], .missing = r->ranges[i].count};
    return st;
}
