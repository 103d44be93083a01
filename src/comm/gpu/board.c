#include "board.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/poison.h"

/* Calls kept of each rank: more than can be in flight. */
enum { CALLS = 128, NAME_BYTES = 64 };

enum report { REPORT_BEGUN = 1, REPORT_WRITTEN };

/* A call under its number; the number is written last, and taken away first. */
struct post {
    _Atomic uint64_t sequence, count, what; /* what: kind, dtype and root in 16 bits each */
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

/* Where a rank is, and the name under which it would make the memory. */
struct offer {
    char host[COMM_HOST_BYTES];
    char name[NAME_BYTES];
};

static size_t bytes_for(int world_size)
{
    return sizeof(struct shared) + (size_t)world_size * sizeof(struct line);
}

static struct shared *map(const char *name, int flags, size_t bytes)
{
    int fd = shm_open(name, O_RDWR | flags, 0600);
    if (fd < 0)
        return NULL;
    /* fallocate, or the first write to a full /dev/shm would end in SIGBUS */
    void *memory = MAP_FAILED;
    struct stat s;
    bool fits = flags ? posix_fallocate(fd, 0, (off_t)bytes) == 0
                      : fstat(fd, &s) == 0 && s.st_size >= (off_t)bytes;
    if (fits)
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

/* The lowest rank of a host makes the memory, the others open it, then its name goes. */
static enum status map_together(struct comm *host, struct board *b, struct offer *all,
                                struct errmsg *em)
{
    struct offer mine = {0};
    struct timespec now;
    int leader = 0, me = host->place.rank;
    clock_gettime(CLOCK_REALTIME, &now);
    memcpy(mine.host, host->place.host, sizeof mine.host);
    snprintf(mine.name, sizeof mine.name, "/bifrons-board-%ld-%lld-%ld", (long)getpid(),
             (long long)now.tv_sec, now.tv_nsec);
    enum status st = host->ops->share_bytes(host, &mine, sizeof mine, all, em);
    if (st != ST_OK)
        return st;
    while (strcmp(all[leader].host, mine.host) != 0)
        leader++;
    if (leader == me)
        b->shared = map(all[me].name, O_CREAT | O_EXCL, b->bytes);
    st = comm_barrier(host, em);
    if (st == ST_OK && leader != me)
        b->shared = map(all[leader].name, 0, b->bytes);
    if (b->shared)
        atomic_store(&b->shared->lines[me].present, 1);
    if (st == ST_OK)
        st = comm_barrier(host, em);
    if (leader == me)
        shm_unlink(all[me].name);
    return st;
}

enum status board_open(struct comm *host, struct board **out, struct errmsg *em)
{
    struct board *b = calloc(1, sizeof *b);
    struct offer *all = calloc((size_t)host->place.world_size, sizeof *all);
    enum status st = b && all ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    st = comm_agree(host, st, em);
    if (st == ST_OK) {
        b->rank = host->place.rank;
        b->world_size = host->place.world_size;
        b->bytes = bytes_for(b->world_size);
        st = map_together(host, b, all, em);
    }
    free(all);
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
    if (b && b->shared)
        munmap(b->shared, b->bytes);
    free(b);
}

static uint64_t pack(const struct board_call *c)
{
    return (uint64_t)(uint16_t)c->kind << 32 | (uint64_t)(uint16_t)c->dtype << 16 |
           (uint16_t)c->root;
}

/* The call a rank has posted under that number; false where it has none, or no more. */
static bool posted(const struct line *l, uint64_t sequence, struct board_call *out)
{
    const struct post *p = &l->posts[sequence % CALLS];
    if (atomic_load(&p->sequence) != sequence)
        return false;
    uint64_t what = atomic_load(&p->what);
    *out = (struct board_call){
        .sequence = sequence,
        .count = atomic_load(&p->count),
        .kind = (int32_t)(what >> 32),
        .dtype = (int32_t)(what >> 16 & 0xffff),
        .root = (int32_t)(what & 0xffff),
    };
    return atomic_load(&p->sequence) == sequence;
}

bool board_begin(struct board *b, const struct board_call *mine, int *rank_out,
                 struct board_call *other_out)
{
    if (!b)
        return true;
    struct line *l = &b->shared->lines[b->rank];
    struct post *p = &l->posts[mine->sequence % CALLS];
    atomic_store(&p->sequence, 0);
    atomic_store(&p->count, mine->count);
    atomic_store(&p->what, pack(mine));
    atomic_store(&p->sequence, mine->sequence);
    atomic_store(&l->last, mine->sequence);
    for (int r = 0; r < b->world_size; r++)
        if (r != b->rank && posted(&b->shared->lines[r], mine->sequence, other_out) &&
            (other_out->count != mine->count || pack(other_out) != pack(mine))) {
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
        out.last = (struct board_call){0};
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
