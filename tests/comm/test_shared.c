/*
 * The collectives through shared memory, with threads of one process as the ranks of a node. So
 * ThreadSanitizer sees whether memory that several ranks use is written and read in turn. It tells
 * memory by its address: here all ranks have a segment at one address (one_mapping.h).
 */
#include "base/checked.h"
#include "comm_mpi.h"
#include "one_mapping.h"
#include "testing.h"

enum { RANKS = 3, ROUNDS = 3, COUNT_MAX = 3000 };

/* ---- a rank -----------------------------------------------------------------------------------
 */

struct rank {
    pthread_t thread;
    int rank, wrong; /* wrong: elements; -1: a call failed */
    struct mpi mpi;
    struct errmsg em;
};

static pthread_barrier_t meeting;
static char names[RANKS][NODE_NAME_BYTES];

static bool join(struct rank *r)
{
    static const int lowest_ranks[RANKS] = {0};
    const struct node_limits limits = {0};
    struct mpi *m = &r->mpi;
    bool sound = comm_layout_init(&m->layout, lowest_ranks, RANKS, r->rank, &r->em) == ST_OK &&
                 node_new(r->rank, RANKS, &limits, &m->shm, &r->em) == ST_OK;
    if (sound)
        memcpy(names[r->rank], node_name(m->shm), NODE_NAME_BYTES);
    pthread_barrier_wait(&meeting);
    sound = sound && node_attach(m->shm, names[0], &r->em) == ST_OK;
    pthread_barrier_wait(&meeting);
    if (sound)
        node_settle(m->shm);
    m->versions = calloc(RANKS, sizeof *m->versions);
    m->outs = calloc(RANKS, sizeof *m->outs);
    pthread_barrier_wait(&meeting);
    return sound && m->versions && m->outs;
}

/* What a rank gives as element i, and what it should then hold. */
static float given(int rank, size_t i)
{
    return (float)(rank * 100 + (int)(i % 89));
}

static float wanted(const struct comm_call *call, size_t i)
{
    float sum = 0;
    for (int r = 0; r < RANKS; r++) {
        size_t first, n;
        comm_call_segment(call, RANKS, r, &first, &n);
        if (call->kind == COMM_ALL_REDUCE || call->kind == COMM_REDUCE_SCATTER)
            sum += given(r, i);
        else if (i >= first && i - first < n)
            return given(r, i);
    }
    return sum;
}

/* One collective. No barrier of the test stands between it and the next one. */
static void carry_out(struct rank *r, struct comm_call *call, float *range)
{
    size_t first = 0, n = call->count;
    call->sequence++;
    for (size_t i = 0; i < call->count; i++)
        range[i] = given(r->rank, i);
    const struct comm_request request = {.call = *call, .range = range};
    if (mpi_run_shared(&r->mpi, &request, &r->em) != ST_OK) {
        r->wrong = -1;
        return;
    }
    if (call->kind == COMM_REDUCE_SCATTER)
        comm_call_segment(call, RANKS, r->rank, &first, &n);
    for (size_t i = first; i < first + n; i++)
        r->wrong += range[i] != wanted(call, i);
}

static void *live(void *context)
{
    static const enum comm_kind kinds[] = {COMM_ALL_REDUCE, COMM_REDUCE_SCATTER, COMM_ALL_GATHER,
                                           COMM_BROADCAST};
    static const size_t counts[] = {1, 500, COUNT_MAX}; /* the last one is not short */
    struct rank *r = context;
    if (!join(r)) {
        r->wrong = -1;
        return NULL;
    }
    float *shared = node_alloc(r->mpi.shm, COUNT_MAX * sizeof *shared);
    float *own = calloc(COUNT_MAX, sizeof *own);
    struct comm_call call = {.dtype = COMM_F32};
    for (int round = 0; round < ROUNDS * 2 && shared && own && r->wrong == 0; round++)
        for (size_t k = 0; k < ARRAY_LENGTH(kinds); k++)
            for (size_t c = 0; c < ARRAY_LENGTH(counts); c++) {
                call.kind = kinds[k];
                call.count = counts[c];
                call.root = call.kind == COMM_BROADCAST ? round % RANKS : 0;
                carry_out(r, &call, round % 2 ? shared : own);
            }
    if (!shared || !own || r->mpi.shm == NULL)
        r->wrong = -1;
    pthread_barrier_wait(&meeting);
    free(own);
    free(r->mpi.outs);
    free(r->mpi.versions);
    node_free(r->mpi.shm);
    comm_layout_release(&r->mpi.layout);
    return NULL;
}

static void memory_is_used_in_turn(void **state)
{
    (void)state;
    static struct rank ranks[RANKS];
    assert_int_equal(pthread_barrier_init(&meeting, NULL, RANKS), 0);
    for (int i = 0; i < RANKS; i++) {
        ranks[i].rank = i;
        assert_int_equal(pthread_create(&ranks[i].thread, NULL, live, &ranks[i]), 0);
    }
    for (int i = 0; i < RANKS; i++)
        pthread_join(ranks[i].thread, NULL);
    for (int i = 0; i < RANKS; i++)
        if (ranks[i].wrong != 0)
            fail_msg("rank %d: %d wrong; %s", i, ranks[i].wrong, ranks[i].em.text);
    pthread_barrier_destroy(&meeting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_is_used_in_turn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
