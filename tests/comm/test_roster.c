/*
 * The two tables in shared memory, roster and board, with threads as the ranks of a node: a reader
 * never sees half of a line.
 */

#include "board.h"
#include "one_mapping.h"
#include "roster.h"
#include "testing.h"

enum { RANKS = 3, LINES = 100000, BYTES_MAX = 4096 };

/* ---- a communicator between threads -----------------------------------------------------------
 */

static pthread_barrier_t meeting;
static unsigned char shared[RANKS * BYTES_MAX];

static enum status share_bytes(struct comm *c, const void *mine, size_t n, void *all,
                               struct errmsg *em)
{
    if (n > BYTES_MAX)
        return FAIL(em, ST_INTERNAL, "too many bytes");
    memcpy(shared + n * (size_t)c->place.rank, mine, n);
    pthread_barrier_wait(&meeting);
    memcpy(all, shared, n * RANKS);
    pthread_barrier_wait(&meeting);
    return ST_OK;
}

struct rank {
    pthread_t thread;
    struct comm comm;
    struct errmsg em;
    const char *wrong; /* NULL: nothing */
    int seen;          /* lines of other ranks; wanted are LINES */
};

/* Runs live(struct rank *) as each rank. */
static void as_ranks(void *(*live)(void *rank))
{
    static const struct comm_ops ops = {.share_bytes = share_bytes};
    struct rank ranks[RANKS] = {0};
    assert_int_equal(pthread_barrier_init(&meeting, NULL, RANKS), 0);
    for (int r = 0; r < RANKS; r++) {
        ranks[r].comm.ops = &ops;
        ranks[r].comm.place = (struct comm_place){.rank = r,
                                                  .world_size = RANKS,
                                                  .local_rank = r,
                                                  .local_size = RANKS,
                                                  .node_count = 1,
                                                  .host = "here"};
        assert_int_equal(pthread_create(&ranks[r].thread, NULL, live, &ranks[r]), 0);
    }
    for (int r = 0; r < RANKS; r++)
        pthread_join(ranks[r].thread, NULL);
    for (int r = 0; r < RANKS; r++)
        if (ranks[r].wrong)
            fail_msg("rank %d: %s; %s", r, ranks[r].wrong, ranks[r].em.text);
    pthread_barrier_destroy(&meeting);
}

/* ---- roster -----------------------------------------------------------------------------------
 */

/* A line of which every field is k. */
static struct roster_line line_of(uint64_t k)
{
    return (struct roster_line){
        .process = {(int64_t)k, k    },
        .activity = k,
        .phase = k,
        .step = (int64_t)k,
        .deadline_s = (double)k,
        .waiting = k,
        .last = { k, k, COMM_ALL_REDUCE, COMM_F32, (int)k},
        .waiting_bucket = (int32_t)k,
        .last_bucket = (int32_t)k,
        .n_buckets = (int32_t)k,
        .saved = k % 2
    };
}

static bool is_whole(const struct roster_line *l)
{
    struct roster_line w = line_of(l->activity);
    return l->process.pid == w.process.pid && l->process.started == w.process.started &&
           l->phase == w.phase && l->step == w.step && l->deadline_s == w.deadline_s &&
           l->waiting == w.waiting && comm_call_same(&l->last, &w.last) &&
           l->waiting_bucket == w.waiting_bucket && l->last_bucket == w.last_bucket &&
           l->n_buckets == w.n_buckets && l->saved == w.saved;
}

static void *write_and_read_lines(void *context)
{
    struct rank *me = context;
    struct roster *roster;
    if (roster_open(&me->comm, &roster, &me->em) != ST_OK) {
        me->wrong = "no roster";
        return NULL;
    }
    for (uint64_t k = 1; k <= LINES || me->seen < LINES; k++) {
        struct roster_line line = line_of(k);
        roster_write(roster, me->comm.place.rank, &line);
        for (int r = 0; r < RANKS; r++) {
            uint64_t version = roster_read(roster, r, &line);
            if (version % 2 == 0 && (!is_whole(&line) || line.activity != version / 2))
                me->wrong = "half of a line";
            me->seen += version > 0 && r != me->comm.place.rank;
        }
    }
    pthread_barrier_wait(&meeting);
    roster_free(roster);
    return NULL;
}

static void lines_of_the_roster_are_whole(void **state)
{
    (void)state;
    as_ranks(write_and_read_lines);
}

/* ---- board ------------------------------------------------------------------------------------
 */

static struct comm_call call_of(uint64_t sequence)
{
    return (struct comm_call){sequence, sequence * 3, COMM_BROADCAST, COMM_F64, (int)sequence};
}

static void *begin_and_read_calls(void *context)
{
    struct rank *me = context;
    struct board *board = NULL;
    struct comm_call call, other;
    int who;
    if (board_open(&me->comm, &board, &me->em) != ST_OK || !board) {
        me->wrong = "no board";
        return NULL;
    }
    for (uint64_t k = 1; k <= LINES || me->seen < LINES; k++) {
        call = call_of(k);
        if (!board_begin(board, &call, &who, &other))
            me->wrong = "the same call counts as another";
        for (int r = 0; r < RANKS; r++) {
            struct board_line line = board_read(board, r);
            call = call_of(line.last.sequence);
            if (line.last.sequence > 0 && !comm_call_same(&line.last, &call))
                me->wrong = "half of a call";
            me->seen += line.last.sequence > 0 && r != me->comm.place.rank;
        }
        board_done(board, k);
    }
    pthread_barrier_wait(&meeting);
    call = call_of(UINT64_C(1) << 30);
    call.count += me->comm.place.rank == 1;
    if (me->comm.place.rank == 1 && !board_begin(board, &call, &who, &other))
        me->wrong = "nobody else has begun";
    pthread_barrier_wait(&meeting);
    if (me->comm.place.rank != 1 && (board_begin(board, &call, &who, &other) || who != 1))
        me->wrong = "another call counts as the same";
    pthread_barrier_wait(&meeting);
    board_free(board);
    return NULL;
}

static void calls_on_the_board_are_whole(void **state)
{
    (void)state;
    as_ranks(begin_and_read_calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_the_roster_are_whole),
        cmocka_unit_test(calls_on_the_board_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
