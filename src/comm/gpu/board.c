#include "board.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "shared_memory.h"

#include "base/poison.h"

/* The last calls kept for each rank: more than can be in flight. */
enum { CALLS = 128 };

enum report { REPORT_BEGUN = 1, REPORT_WRITTEN };

/* A posted call. The writer clears `sequence` first and sets it last. */
struct post {
    _Atomic uint64_t sequence, count, what; /* what: comm_call_pack's */
};

struct line {
    _Atomic uint64_t last, done;
    _Atomic uint32_t present, failed;
    struct post posts[CALLS];
};

struct board {
    int rank, world_size;
    size_t bytes;
    struct shared {
        _Atomic uint32_t report; /* enum report; 0 at first */
        struct line lines[];
    } * shared;
};

static size_t bytes_for(int world_size)
{
    return sizeof(struct shared) + (size_t)world_size * sizeof(struct line);
}

enum status board_open(struct comm *host, struct board **out, struct errmsg *em)
{
    struct board *b = calloc(1, sizeof *b);
    void *memory = NULL;
    enum status st = comm_agree(host, b ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    if (st == ST_OK) {
        b->rank = host->place.rank;
        b->world_size = host->place.world_size;
        b->bytes = bytes_for(b->world_size);
        st = shared_memory_open(host, "board", b->bytes, &memory, em);
    }
    if (st == ST_OK && memory) {
        b->shared = memory;
        atomic_store(&b->shared->lines[b->rank].present, 1);
    }
    if (st == ST_OK)
        st = comm_barrier(host, em); /* now every rank has filled in its line */
    if (st == ST_OK && b->shared) {
        *out = b;
        return ST_OK;
    }
    if (st == ST_OK)
        *out = NULL;
    board_free(b);
    return st;
}

void board_free(struct board *b)
{
    if (b)
        shared_memory_close(b->shared, b->bytes);
    free(b);
}

/* The call that a rank has posted with this sequence; false if it has not, or not any more. */
static bool posted(const struct line *l, uint64_t sequence, struct comm_call *out)
{
    const struct post *p = &l->posts[sequence % CALLS];
    if (atomic_load(&p->sequence) != sequence)
        return false;
    *out = comm_call_unpack(sequence, atomic_load(&p->count), atomic_load(&p->what));
    return atomic_load(&p->sequence) == sequence;
}

bool board_begin(struct board *b, const struct comm_call *mine, int *rank_out,
                 struct comm_call *other_out)
{
    if (!b)
        return true;
    struct line *l = &b->shared->lines[b->rank];
    struct post *p = &l->posts[mine->sequence % CALLS];
    atomic_store(&p->sequence, 0);
    atomic_store(&p->count, mine->count);
    atomic_store(&p->what, comm_call_pack(mine));
    atomic_store(&p->sequence, mine->sequence);
    atomic_store(&l->last, mine->sequence);
    for (int r = 0; r < b->world_size; r++)
        if (r != b->rank && posted(&b->shared->lines[r], mine->sequence, other_out) &&
            !comm_call_same(other_out, mine)) {
            *rank_out = r;
            return false;
        }
    return true;
}

void board_done(struct board *b, uint64_t sequence)
{
    if (b)
        atomic_store(&b->shared->lines[b->rank].done, sequence);
}

void board_fail(struct board *b)
{
    if (b)
        atomic_store(&b->shared->lines[b->rank].failed, 1);
}

int board_failed_rank(const struct board *b)
{
    for (int r = 0; b && r < b->world_size; r++)
        if (atomic_load(&b->shared->lines[r].failed))
            return r;
    return -1;
}

struct board_line board_read(const struct board *b, int rank)
{
    struct board_line out = {0};
    if (!b)
        return out;
    const struct line *l = &b->shared->lines[rank];
    out.present = atomic_load(&l->present);
    out.failed = atomic_load(&l->failed);
    out.done = atomic_load(&l->done);
    if (!posted(l, atomic_load(&l->last), &out.last))
        out.last = (struct comm_call){0};
    return out;
}

bool board_claim_report(struct board *b)
{
    uint32_t nobody = 0;
    return !b || atomic_compare_exchange_strong(&b->shared->report, &nobody, REPORT_BEGUN);
}

void board_reported(struct board *b)
{
    if (b)
        atomic_store(&b->shared->report, REPORT_WRITTEN);
}

void board_await_report(struct board *b)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    for (int ms = 0; b && ms < 1000 && atomic_load(&b->shared->report) != REPORT_WRITTEN; ms++)
        nanosleep(&nap, NULL);
}
