/* Every item once, whatever the number of threads, failures and stops. */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "testing.h"

enum { ITEMS = 500 };

static struct errmsg em;
static bool no_threads;
static atomic_int begun;
static int stop_at;

struct job {
    atomic_int worked[ITEMS];
    size_t fails;
    pthread_t caller;
    bool by_caller; /* an item was worked on by the caller's thread */
    size_t shown;
};

int __real_thread_start(pthread_t *out, void *(*run)(void *context), void *context);
int __wrap_thread_start(pthread_t *out, void *(*run)(void *context), void *context);
int __wrap_thread_start(pthread_t *out, void *(*run)(void *context), void *context)
{
    return no_threads ? EAGAIN : __real_thread_start(out, run, context);
}

static enum status work(void *context, size_t i, struct errmsg *why)
{
    struct job *j = context;
    atomic_fetch_add(&begun, 1);
    atomic_fetch_add(&j->worked[i], 1);
    if (pthread_equal(pthread_self(), j->caller))
        j->by_caller = true;
    return i == j->fails ? FAIL(why, ST_DATA, "item %zu is damaged", i) : ST_OK;
}

static void show(void *context, size_t done)
{
    struct job *j = context;
    assert_true(pthread_equal(pthread_self(), j->caller));
    assert_true(done >= j->shown && done <= ITEMS);
    j->shown = done;
}

static bool stop(void)
{
    return atomic_load(&begun) >= stop_at;
}

static struct job job(void)
{
    return (struct job){.fails = ITEMS, .caller = pthread_self()};
}

static enum status run(struct job *j, int threads)
{
    const struct pool_options o = {
        .n = ITEMS, .threads = threads, .stop = stop, .progress = show, .context = j};
    return pool_run(&o, work, &em);
}

static int begin(void **state)
{
    (void)state;
    no_threads = false;
    atomic_store(&begun, 0);
    stop_at = INT32_MAX;
    return 0;
}

/* Items before `n` were worked on once, the others never. */
static void assert_worked(struct job *j, int n)
{
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(j->worked[i], i < n);
}

static void each_item_is_worked_on_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= POOL_THREADS_MAX; threads *= 4) {
        struct job j = job();
        assert_ok(run(&j, threads));
        assert_worked(&j, ITEMS);
        assert_false(j.by_caller);
        assert_int_equal(j.shown, ITEMS);
    }
}

static void no_item_is_begun_after_a_failure(void **state)
{
    (void)state;
    struct job j = job();
    j.fails = 100;
    assert_status(run(&j, 4), ST_DATA);
    assert_string_equal(em.text, "item 100 is damaged");
    assert_true(begun > 100 && begun < ITEMS);
    assert_worked(&j, begun);
}

static void no_item_is_begun_after_a_stop(void **state)
{
    (void)state;
    struct job j = job();
    stop_at = 50;
    assert_ok(run(&j, 4));
    assert_true(begun >= 50 && begun < 50 + 4);
    assert_worked(&j, begun);
}

static void without_threads_the_caller_works(void **state)
{
    (void)state;
    struct job j = job();
    no_threads = true;
    assert_ok(run(&j, 4));
    assert_worked(&j, ITEMS);
    assert_true(j.by_caller);
}

static void nothing_to_do(void **state)
{
    (void)state;
    const struct pool_options o = {.threads = 4};
    assert_ok(pool_run(&o, work, &em));
    assert_int_equal(begun, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_item_is_worked_on_once, begin),
        cmocka_unit_test_setup(no_item_is_begun_after_a_failure, begin),
        cmocka_unit_test_setup(no_item_is_begun_after_a_stop, begin),
        cmocka_unit_test_setup(without_threads_the_caller_works, begin),
        cmocka_unit_test_setup(nothing_to_do, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
