#include "replica.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIST_BYTES = 256 };

/* The number of ranks that have the hash of rank r. */
static int votes_for(const uint64_t *hashes, int ranks, int r)
{
    int votes = 0;
    for (int other = 0; other < ranks; other++)
        votes += hashes[other] == hashes[r];
    return votes;
}

/* Lists the ranks that do not have this hash: "2, 5". As many as fit. */
static void list_others(const uint64_t *hashes, int ranks, uint64_t hash, char *out)
{
    int n = 0;
    out[0] = '\0';
    for (int r = 0; r < ranks && n < LIST_BYTES - 16; r++)
        if (hashes[r] != hash)
            n += snprintf(out + n, (size_t)(LIST_BYTES - n), "%s%d", n > 0 ? ", " : "", r);
}

/* ST_DIVERGED if the ranks' hashes differ; the message names the ranks. */
static enum status compare_hashes(const uint64_t *hashes, int ranks, int64_t step,
                                  struct errmsg *em)
{
    int most = 0;
    for (int r = 1; r < ranks; r++)
        if (votes_for(hashes, ranks, r) > votes_for(hashes, ranks, most))
            most = r;
    int votes = votes_for(hashes, ranks, most);
    char list[LIST_BYTES];
    list_others(hashes, ranks, hashes[most], list);
    if (votes == ranks)
        return ST_OK;
    if (2 * votes > ranks)
        return FAIL(em, ST_DIVERGED,
                    "after step %" PRId64
                    " the parameters of rank%s %s differ from those of the other %d ranks: check "
                    "memory and node of the named rank%s, then resume from the last checkpoint",
                    step, ranks - votes > 1 ? "s" : "", list, votes, ranks - votes > 1 ? "s" : "");
    return FAIL(em, ST_DIVERGED,
                "after step %" PRId64 " the parameters of rank %d (%016" PRIx64
                ") and rank%s %s differ, and no majority shows which are right: check memory and "
                "nodes, then resume from the last checkpoint",
                step, most, hashes[most], ranks - votes > 1 ? "s" : "", list);
}

enum status replica_compare(struct comm *c, uint64_t hash, int64_t step, struct errmsg *em)
{
    int ranks = comm_world_size(c);
    uint64_t *hashes = calloc((size_t)ranks, sizeof *hashes);
    BUG_ON(!hashes); /* a few bytes; an error here would leave the other ranks waiting */
    hashes[comm_rank(c)] = hash;
    enum status st = comm_do(c, COMM_ALL_GATHER, hashes, (size_t)ranks, COMM_U64, 0, NULL, em);
    if (st == ST_OK)
        st = compare_hashes(hashes, ranks, step, em);
    free(hashes);
    return st;
}

enum status replica_check(struct session *s, struct errmsg *em)
{
    uint64_t hash = 0;
    if (comm_world_size(s->run.comm) == 1)
        return ST_OK;
    enum status st = comm_agree(s->run.comm, model_hash(s->stage.model, &hash, em), em);
    return st == ST_OK ? replica_compare(s->run.comm, hash, s->state.step, em) : st;
}
