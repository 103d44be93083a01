/* The communication thread alone: requests, deadlines, failures. MPI is not used. */
#include "comm_thread.h"
#include "stopped_clock.h"
#include "testing.h"

enum { REQUESTS = 1000 };

/* What the thread does with a request. */
struct work {
    _Atomic uint64_t run;      /* sequence of the last one */
    _Atomic uint64_t released; /* it waits in each later one */
    uint64_t fails_at;
    int n; /* requests that were run; no lock: comm_thread's must do */
};

static enum status run(void *context, const struct comm_request *r, struct errmsg *em)
{
    struct work *w = context;
    w->n++;
    atomic_store(&w->run, r->call.sequence);
    while (atomic_load(&w->released) < r->call.sequence)
        sched_yield();
    *(uint64_t *)r->range = r->call.sequence;
    return r->call.sequence == w->fails_at ? FAIL(em, ST_PEER, "number %d fails", (int)w->fails_at)
                                           : ST_OK;
}

static uint64_t ranges[REQUESTS + 1];
static struct errmsg em;

static struct comm_thread *start(struct work *w)
{
    struct comm_thread *t;
    em = (struct errmsg){0};
    memset(ranges, 0, sizeof ranges);
    assert_ok(comm_thread_new(run, w, &t, &em));
    return t;
}

static void push(struct comm_thread *t, uint64_t sequence)
{
    comm_thread_push(t,
                     &(struct comm_request){.call.sequence = sequence, .range = &ranges[sequence]});
}

static enum status outcome_of(struct comm_thread *t, uint64_t sequence)
{
    enum status outcome;
    assert_ok(comm_thread_wait(t, sequence, -1, &outcome, &em));
    return outcome;
}

static void requests_run_in_order(void **state)
{
    (void)state;
    struct work w = {.released = UINT64_MAX};
    struct comm_thread *t = start(&w);
    for (uint64_t i = 1; i <= REQUESTS; i++) {
        push(t, i);
        if (i % 7 == 0) { /* at once; the others below */
            assert_ok(outcome_of(t, i));
            assert_int_equal(ranges[i], i);
        }
    }
    for (uint64_t i = REQUESTS; i > 0; i--) {
        assert_ok(outcome_of(t, i));
        assert_int_equal(ranges[i], i);
    }
    comm_thread_free(t, false);
    assert_int_equal(w.n, REQUESTS);
}

static void closing_waits_for_what_was_begun(void **state)
{
    (void)state;
    struct work w = {.released = UINT64_MAX};
    struct comm_thread *t = start(&w);
    for (uint64_t i = 1; i <= 100; i++)
        push(t, i);
    comm_thread_free(t, false);
    assert_int_equal(w.n, 100);
}

static void a_deadline_ends_the_wait_only(void **state)
{
    (void)state;
    struct work w = {0};
    struct comm_thread *t = start(&w);
    enum status outcome;
    push(t, 1);
    assert_status(comm_thread_wait(t, 1, 0, &outcome, &em), ST_AGAIN);
    assert_status(comm_thread_wait(t, 1, 0.01, &outcome, &em), ST_AGAIN);
    atomic_store(&w.released, 1);
    assert_ok(outcome_of(t, 1));
    comm_thread_free(t, false);
}

static void after_a_failure_nothing_runs(void **state)
{
    (void)state;
    struct work w = {.released = UINT64_MAX, .fails_at = 50};
    struct comm_thread *t = start(&w);
    for (uint64_t i = 1; i <= 100; i++)
        push(t, i);
    assert_ok(outcome_of(t, 49));
    for (uint64_t i = 50; i <= 100; i++) {
        em = (struct errmsg){0};
        assert_status(outcome_of(t, i), ST_PEER);
        assert_string_equal(em.text, "number 50 fails");
    }
    assert_true(comm_thread_failed(t));
    comm_thread_free(t, false);
    assert_int_equal(w.n, 50);
}

static void a_thread_that_hangs_is_abandoned(void **state)
{
    (void)state;
    static struct work w;
    struct comm_thread *t = start(&w);
    push(t, 1);
    while (atomic_load(&w.run) == 0)
        sched_yield();
    comm_thread_free(t, true);
    atomic_store(&w.released, 1);
}

/* The process is stopped for long while the test waits, then the first request ends, later the
 * second. */
static void *stop_and_go_on(void *context)
{
    struct work *w = context;
    await_looks(1);
    stopped_s += 1000;
    atomic_store(&w->released, 1);
    await_looks(2);
    atomic_store(&w->released, 2);
    return NULL;
}

static void time_while_stopped_does_not_count(void **state)
{
    (void)state;
    struct work w = {0};
    struct comm_thread *t = start(&w);
    pthread_t other;
    enum status outcome;
    push(t, 1);
    push(t, 2);
    assert_int_equal(pthread_create(&other, NULL, stop_and_go_on, &w), 0);
    assert_ok(comm_thread_wait(t, 2, 100, &outcome, &em));
    pthread_join(other, NULL);
    comm_thread_free(t, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_run_in_order),
        cmocka_unit_test(closing_waits_for_what_was_begun),
        cmocka_unit_test(a_deadline_ends_the_wait_only),
        cmocka_unit_test(after_a_failure_nothing_runs),
        cmocka_unit_test(time_while_stopped_does_not_count),
        cmocka_unit_test(a_thread_that_hangs_is_abandoned), /* the last: its thread goes on */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
