/* Calls of collectives: their text, their packed form, and the check that all ranks agree. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "comm_priv.h"

void comm_call_describe(const struct comm_call *call, char *text, size_t text_bytes)
{
    static const char *const kinds[] = {"all-reduce", "reduce-scatter", "all-gather", "broadcast",
                                        "gather"};
    static const char *const dtypes[] = {"f32", "f64", "bf16", "u8", "u64"};
    int n = snprintf(text, text_bytes, "collective %" PRIu64 " (%s of %" PRIu64 " x %s",
                     call->sequence, kinds[call->kind], call->count, dtypes[call->dtype]);
    bool rooted = call->kind == COMM_BROADCAST || call->kind == COMM_GATHER;
    if (n > 0 && (size_t)n < text_bytes && rooted)
        n += snprintf(text + n, text_bytes - (size_t)n, ", root %d", call->root);
    if (n > 0 && (size_t)n < text_bytes)
        snprintf(text + n, text_bytes - (size_t)n, ")");
}

uint64_t comm_call_pack(const struct comm_call *call)
{
    return (uint64_t)call->kind << 40 | (uint64_t)call->dtype << 32 | (uint32_t)call->root;
}

struct comm_call comm_call_unpack(uint64_t sequence, uint64_t count, uint64_t packed)
{
    return (struct comm_call){
        .sequence = sequence,
        .count = count,
        .kind = (enum comm_kind)(packed >> 40),
        .dtype = (enum comm_dtype)(packed >> 32 & 0xff),
        .root = (int)(uint32_t)packed,
    };
}

void comm_progress_begin(struct comm_progress *p, const struct comm_call *call)
{
    atomic_store(&p->count, call->count);
    atomic_store(&p->what, comm_call_pack(call));
    atomic_store(&p->sequence, call->sequence);
}

void comm_progress_wait(struct comm_progress *p, uint64_t sequence)
{
    atomic_store(&p->waiting, sequence);
}

void comm_progress_go_on(struct comm_progress *p)
{
    atomic_store(&p->waiting, 0);
    atomic_fetch_add(&p->waits, 1);
}

void comm_progress_read(const struct comm_progress *p, struct comm_call *out)
{
    *out =
        comm_call_unpack(atomic_load(&p->sequence), atomic_load(&p->count), atomic_load(&p->what));
}

enum { BUCKET_BITS = 16 };

void comm_record_buckets(struct comm *c, size_t n)
{
    atomic_store(&c->progress.buckets, c->sequence << BUCKET_BITS | (n & ((1 << BUCKET_BITS) - 1)));
}

int comm_progress_bucket(const struct comm_progress *p, uint64_t sequence, int *n_out)
{
    uint64_t buckets = atomic_load(&p->buckets), before = buckets >> BUCKET_BITS;
    *n_out = (int)(buckets & ((1 << BUCKET_BITS) - 1));
    return sequence > before && sequence - before <= (uint64_t)*n_out ? (int)(sequence - before)
                                                                      : 0;
}

void comm_call_segment(const struct comm_call *call, int n_ranks, int r, size_t *first,
                       size_t *count)
{
    if (call->kind != COMM_BROADCAST) {
        comm_shard(call->count, n_ranks, r, first, count);
        return;
    }
    *first = 0;
    *count = r == call->root ? call->count : 0;
}

bool comm_call_same(const struct comm_call *a, const struct comm_call *b)
{
    return a->sequence == b->sequence && a->count == b->count && a->kind == b->kind &&
           a->dtype == b->dtype && a->root == b->root;
}

/* The call that most ranks begin counts as right; without a majority, that of the lowest rank. */
static int find_usual(const struct comm_call *calls, int n)
{
    int best = 0, best_votes = 0;
    for (int i = 0; i < n; i++) {
        int votes = 0;
        for (int k = 0; k < n; k++)
            votes += comm_call_same(&calls[i], &calls[k]);
        if (votes > best_votes) {
            best = i;
            best_votes = votes;
        }
    }
    return best;
}

enum status comm_calls_compare(const struct comm_call *calls, const int *ranks, int n,
                               struct errmsg *em)
{
    int odd = 1;
    while (odd < n && comm_call_same(&calls[odd], &calls[0]))
        odd++;
    if (odd >= n)
        return ST_OK;
    int usual = find_usual(calls, n);
    for (odd = 0; comm_call_same(&calls[odd], &calls[usual]);)
        odd++;
    char its[128], others[128];
    comm_call_describe(&calls[odd], its, sizeof its);
    comm_call_describe(&calls[usual], others, sizeof others);
    return FAIL(em, ST_INTERNAL,
                "ranks are out of step: rank %d began %s, rank %d %s; nothing was summed. Do all "
                "ranks run the same program?",
                ranks[odd], its, ranks[usual], others);
}
