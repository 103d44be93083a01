#include "roster.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared_memory.h"

#include "base/poison.h"

enum { WORDS = (sizeof(struct roster_line) + 7) / 8 };
enum report { REPORT_BEGUN = 1, REPORT_WRITTEN };

/* A line and its version, which is odd while the line is being written. The line is stored in
 * words, so that a reader never sees half of a number. */
struct entry {
    _Alignas(64) _Atomic uint64_t version;
    _Atomic uint64_t words[WORDS];
};

struct roster {
    int n_ranks;
    bool shared;
    size_t bytes;
    struct page {
        _Atomic uint32_t report; /* enum report; 0 at first */
        struct entry entries[];
    } * page;
};

enum status roster_open(struct comm *c, struct roster **out, struct errmsg *em)
{
    struct roster *r = calloc(1, sizeof *r);
    void *memory = NULL;
    enum status st = comm_agree(c, r ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    if (st == ST_OK) {
        r->n_ranks = c->place.world_size;
        r->bytes = sizeof *r->page + (size_t)r->n_ranks * sizeof *r->page->entries;
        st = shared_memory_open(c, "roster", r->bytes, &memory, em);
    }
    if (st == ST_OK) {
        r->shared = memory != NULL;
        r->page = memory ? memory : aligned_alloc(64, (r->bytes + 63) / 64 * 64);
        if (r->page && !memory)
            memset(r->page, 0, r->bytes);
        st = comm_agree(c, r->page ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    }
    if (st != ST_OK) {
        roster_free(r);
        return st;
    }
    *out = r;
    return ST_OK;
}

void roster_free(struct roster *r)
{
    if (r && r->shared)
        shared_memory_close(r->page, r->bytes);
    else if (r)
        free(r->page);
    free(r);
}

void roster_write(struct roster *r, int rank, const struct roster_line *line)
{
    struct entry *e = &r->page->entries[rank];
    uint64_t words[WORDS] = {0};
    memcpy(words, line, sizeof *line);
    atomic_fetch_add(&e->version, 1);
    for (int i = 0; i < WORDS; i++)
        atomic_store(&e->words[i], words[i]);
    atomic_fetch_add(&e->version, 1);
}

/* A writer that is stopped or killed while writing leaves an odd version: the line is read anyway.
 */
uint64_t roster_read(const struct roster *r, int rank, struct roster_line *out)
{
    enum { TRIES = 1000 };
    const struct entry *e = &r->page->entries[rank];
    uint64_t words[WORDS], before = 0;
    for (int try = 0; try < TRIES; try++) {
        before = atomic_load(&e->version);
        for (int i = 0; i < WORDS; i++)
            words[i] = atomic_load(&e->words[i]);
        if (before % 2 == 0 && atomic_load(&e->version) == before)
            break;
    }
    memcpy(out, words, sizeof *out);
    return before;
}

bool roster_claim_report(struct roster *r)
{
    uint32_t nobody = 0;
    return atomic_compare_exchange_strong(&r->page->report, &nobody, REPORT_BEGUN);
}

void roster_reported(struct roster *r)
{
    atomic_store(&r->page->report, REPORT_WRITTEN);
}

void roster_await_report(struct roster *r)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    for (int ms = 0; ms < 2000 && atomic_load(&r->page->report) != REPORT_WRITTEN; ms++)
        nanosleep(&nap, NULL);
}
