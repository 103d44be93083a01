#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"

enum { PAGE = 4096, BLOCKS_MAX = 256, SPINS = 200, LOOK_MS = 500, BREAKING_S = 1 };

#define SEGMENTS_BYTES_MAX ((size_t)32 << 40) /* of address space, all ranks of a node together */

enum { WHOLE, BREAKING, BROKEN };

struct node_board {
    _Alignas(64) _Atomic uint32_t arrived;
    _Alignas(64) _Atomic uint32_t round; /* number of completed barriers; a futex */
    _Atomic uint32_t state;
    _Atomic uint32_t said;
    struct errmsg why; /* valid from BROKEN on */
    struct node_slot slots[];
};

/* Memory that node_alloc gave. Blocks are sorted by offset. */
struct block {
    size_t offset, bytes;
};

struct node {
    int me, n_ranks, fd;
    char name[NODE_NAME_BYTES];
    bool linked, peers_visible;
    unsigned char **segments; /* (n_ranks) */
    size_t segment_bytes, limit, head_bytes, buffer_at, partial_at;
    struct node_board *board; /* in segments[0] */
    double looked_s;
    pthread_mutex_t lock; /* for the blocks */
    struct block blocks[BLOCKS_MAX];
    int n_blocks;
};

static size_t round_up(size_t n)
{
    return (n + PAGE - 1) / PAGE * PAGE;
}

/* The size of a segment: a rank's share of the node's memory, limited by the address space. */
static size_t segment_bytes_of(int n_ranks)
{
    size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    return round_up(MIN(memory, SEGMENTS_BYTES_MAX) / (size_t)n_ranks);
}

static bool take_pages(struct node *n, size_t offset, size_t bytes)
{
    if (offset + bytes > n->limit)
        return false;
    int code;
    do {
        code = posix_fallocate(n->fd, (off_t)offset, (off_t)bytes);
    } while (code == EINTR);
    return code == 0;
}

static enum status make_segment(struct node *n, struct errmsg *em)
{
    shared_file_name("segment", n->name);
    n->fd = shared_file_make(n->name);
    if (n->fd < 0)
        return FAIL_ERRNO(em, ST_MEMORY, errno, "no shared memory: /dev/shm%s", n->name);
    n->linked = true;
    if (ftruncate(n->fd, (off_t)n->segment_bytes) != 0)
        return FAIL_ERRNO(em, ST_MEMORY, errno, "no shared memory: /dev/shm%s", n->name);
    if (!take_pages(n, 0, n->head_bytes))
        return FAIL(em, ST_MEMORY, "/dev/shm has no room for %zu KiB a rank; enlarge it",
                    n->head_bytes >> 10);
    return ST_OK;
}

enum status node_new(int local_rank, int local_size, const struct node_limits *limits,
                     struct node **out, struct errmsg *em)
{
    struct node *n = calloc(1, sizeof *n);
    if (!n)
        return FAIL(em, ST_MEMORY, "out of memory");
    n->me = local_rank;
    n->n_ranks = local_size;
    n->fd = -1;
    pthread_mutex_init(&n->lock, NULL);
    n->segments = calloc((size_t)local_size, sizeof *n->segments);
    n->segment_bytes = segment_bytes_of(local_size);
    n->limit =
        limits->segment_bytes ? MIN(limits->segment_bytes, n->segment_bytes) : n->segment_bytes;
    n->buffer_at = round_up(sizeof *n->board + (size_t)local_size * sizeof(struct node_slot));
    n->partial_at = n->buffer_at + NODE_BUFFER_BYTES;
    bool partial = limits->between_nodes && local_rank == 0;
    n->head_bytes = n->partial_at + (partial ? NODE_PARTIAL_BYTES : 0);
    enum status st = n->segments ? make_segment(n, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st != ST_OK) {
        node_free(n);
        return st;
    }
    *out = n;
    return ST_OK;
}

static void unlink_segment(struct node *n)
{
    if (n->linked)
        shm_unlink(n->name);
    n->linked = false;
}

void node_free(struct node *n)
{
    if (!n)
        return;
    unlink_segment(n);
    for (int r = 0; r < n->n_ranks && n->segments; r++)
        if (n->segments[r])
            munmap(n->segments[r], n->segment_bytes);
    if (n->fd >= 0)
        close(n->fd);
    free(n->segments);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

const char *node_name(const struct node *n)
{
    return n->name;
}

void node_settle(struct node *n)
{
    unlink_segment(n);
    n->peers_visible = true;
    for (int r = 0; r < n->n_ranks; r++)
        n->peers_visible &= process_state_of(&node_slot(n, r)->process) != PROCESS_GONE;
}

static enum status map_segment(struct node *n, int rank, const char *name, struct errmsg *em)
{
    int fd = rank == n->me ? n->fd : shm_open(name, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return FAIL_ERRNO(em, ST_MEMORY, errno, "/dev/shm%s of a rank on the same host", name);
    void *memory =
        mmap(NULL, n->segment_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    int code = errno;
    if (rank != n->me)
        close(fd);
    if (memory == MAP_FAILED)
        return FAIL_ERRNO(em, ST_MEMORY, code, "cannot map %zu MiB of shared memory",
                          n->segment_bytes >> 20);
    n->segments[rank] = memory;
    return ST_OK;
}

enum status node_attach(struct node *n, const char *names, struct errmsg *em)
{
    enum status st = ST_OK;
    for (int r = 0; r < n->n_ranks && st == ST_OK; r++)
        st = map_segment(n, r, names + (size_t)r * NODE_NAME_BYTES, em);
    if (st == ST_OK) {
        n->board = (struct node_board *)(void *)n->segments[0];
        n->board->slots[n->me].process = process_self();
    }
    return st;
}

struct node_slot *node_slot(struct node *n, int local_rank)
{
    return &n->board->slots[local_rank];
}

void *node_buffer(struct node *n, int local_rank)
{
    return n->segments[local_rank] + n->buffer_at;
}

void *node_partial(struct node *n)
{
    return n->segments[0] + n->partial_at;
}

void *node_at(struct node *n, int local_rank, uint64_t offset)
{
    return n->segments[local_rank] + offset;
}

uint64_t node_offset(const struct node *n, const void *range, size_t bytes)
{
    uintptr_t base = (uintptr_t)n->segments[n->me], at = (uintptr_t)range;
    if (at < base + n->head_bytes || at - base > n->segment_bytes ||
        bytes > n->segment_bytes - (at - base))
        return NODE_NOWHERE;
    return at - base;
}

/* ---- memory --------------------------------------------------------------------------------- */

void *node_alloc(struct node *n, size_t bytes)
{
    void *memory = NULL;
    if (bytes > n->segment_bytes)
        return NULL;
    bytes = round_up(MAX(bytes, 1));
    pthread_mutex_lock(&n->lock);
    struct block *last = n->n_blocks ? &n->blocks[n->n_blocks - 1] : NULL;
    size_t offset = last ? last->offset + last->bytes : round_up(n->head_bytes);
    if (n->n_blocks < BLOCKS_MAX && bytes <= n->segment_bytes - offset) {
        if (take_pages(n, offset, bytes)) {
            n->blocks[n->n_blocks++] = (struct block){offset, bytes};
            memory = n->segments[n->me] + offset;
        } else if (offset + bytes <= n->limit) { /* give back the pages it got before it failed */
            fallocate(n->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                      (off_t)bytes);
        }
    }
    pthread_mutex_unlock(&n->lock);
    return memory;
}

/* Gives pages back at once, but addresses only when all later blocks are released, too. */
bool node_release(struct node *n, void *memory)
{
    uint64_t offset = node_offset(n, memory, 0);
    if (offset == NODE_NOWHERE)
        return false;
    pthread_mutex_lock(&n->lock);
    int b = 0;
    while (b < n->n_blocks && n->blocks[b].offset != offset)
        b++;
    BUG_ON(b == n->n_blocks); /* memory is not the start of a block */
    fallocate(n->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
              (off_t)n->blocks[b].bytes);
    n->n_blocks--;
    memmove(&n->blocks[b], &n->blocks[b + 1], (size_t)(n->n_blocks - b) * sizeof *n->blocks);
    pthread_mutex_unlock(&n->lock);
    return true;
}

bool node_says(struct node *n)
{
    return atomic_exchange(&n->board->said, 1) == 0;
}

/* ---- barrier -------------------------------------------------------------------------------- */

static void futex_wait(_Atomic uint32_t *word, uint32_t seen, int ms)
{
    struct timespec most = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    syscall(SYS_futex, word, FUTEX_WAIT, seen, &most, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

enum status node_check(struct node *n, struct errmsg *em)
{
    uint32_t state = atomic_load(&n->board->state);
    if (state == WHOLE)
        return ST_OK;
    double until_s = clock_seconds() + BREAKING_S;
    while ((state = atomic_load(&n->board->state)) != BROKEN && clock_seconds() < until_s)
        sched_yield();
    if (state != BROKEN) /* the rank was killed while it wrote `why` */
        return FAIL(em, ST_PEER, "a rank on this host has ended while it reported a failure");
    if (em && em->code == ST_OK)
        *em = n->board->why;
    return n->board->why.code;
}

enum status node_break(struct node *n, const struct errmsg *why, struct errmsg *em)
{
    uint32_t whole = WHOLE;
    if (atomic_compare_exchange_strong(&n->board->state, &whole, BREAKING)) {
        n->board->why = *why;
        atomic_store(&n->board->state, BROKEN);
        futex_wake(&n->board->round);
    }
    return node_check(n, em);
}

void node_missing(struct node *n, char *text, size_t text_bytes)
{
    uint64_t here = atomic_load(&node_slot(n, n->me)->barriers);
    size_t used = 0;
    text[0] = '\0';
    for (int r = 0; r < n->n_ranks; r++) {
        struct node_slot *s = node_slot(n, r);
        if (atomic_load(&s->barriers) >= here || used >= text_bytes)
            continue;
        int wrote = snprintf(text + used, text_bytes - used, "%srank %d (pid %lld)",
                             used ? ", " : "", s->rank, (long long)s->process.pid);
        used += (size_t)MAX(wrote, 0);
    }
}

/* Checks that the node's ranks still run. A rank in another PID namespace is invisible: only a
 * deadline then shows that it is gone. */
static enum status check_peers(struct node *n, struct errmsg *em)
{
    uint64_t here = atomic_load(&node_slot(n, n->me)->barriers);
    for (int r = 0; r < n->n_ranks; r++) {
        struct node_slot *s = node_slot(n, r);
        if (r == n->me || atomic_load(&s->barriers) >= here ||
            process_state_of(&s->process) != PROCESS_GONE)
            continue;
        struct errmsg gone = {0};
        FAIL(&gone, ST_PEER, "rank %d (pid %lld) has ended while others waited for it", s->rank,
             (long long)s->process.pid);
        return node_break(n, &gone, em);
    }
    return ST_OK;
}

static enum status wait_for_round(struct node *n, uint32_t round, struct errmsg *em)
{
    _Atomic uint32_t *word = &n->board->round;
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(word) != round)
            return ST_OK;
        atomic_signal_fence(memory_order_seq_cst);
    }
    n->looked_s = clock_seconds();
    while (atomic_load(word) == round) {
        enum status st = node_check(n, em);
        if (st != ST_OK)
            return st;
        futex_wait(word, round, LOOK_MS);
        if (!n->peers_visible || clock_seconds() - n->looked_s < LOOK_MS / 1000.0)
            continue;
        n->looked_s = clock_seconds();
        if (atomic_load(word) == round && (st = check_peers(n, em)) != ST_OK)
            return st;
    }
    return ST_OK;
}

enum status node_barrier(struct node *n, struct errmsg *em)
{
    struct node_board *b = n->board;
    enum status st = node_check(n, em);
    if (st != ST_OK)
        return st;
    uint32_t round = atomic_load(&b->round);
    atomic_fetch_add(&node_slot(n, n->me)->barriers, 1);
    if (atomic_fetch_add(&b->arrived, 1) + 1 == (uint32_t)n->n_ranks) {
        atomic_store(&b->arrived, 0);
        atomic_store(&b->round, round + 1);
        futex_wake(&b->round);
    } else {
        st = wait_for_round(n, round, em);
    }
    return st;
}
