/* A thread beside the loop: one job at a time, waited for with a deadline. */
#include "worker.h"

#include <pthread.h>
#include <signal.h>

#include "testing.h"

static struct errmsg em;

struct gate {
    int pipe[2];
    bool passed;
    sigset_t mask;
};

/* Works until a byte comes. */
static void pass_gate(void *ctx)
{
    struct gate *g = ctx;
    char byte;
    pthread_sigmask(SIG_SETMASK, NULL, &g->mask);
    g->passed = read(g->pipe[0], &byte, 1) == 1;
}

static struct gate gate_new(void)
{
    struct gate g = {0};
    assert_int_equal(pipe(g.pipe), 0);
    return g;
}

static void open_gate(struct gate *g)
{
    assert_int_equal(write(g->pipe[1], "x", 1), 1);
}

static void gate_release(struct gate *g)
{
    close(g->pipe[0]);
    close(g->pipe[1]);
}

static void a_job_is_waited_for(void **state)
{
    (void)state;
    struct worker *w;
    struct gate g = gate_new();
    assert_ok(worker_new(&w, &em));
    assert_true(worker_wait(w, 0));
    for (int i = 0; i < 3; i++) {
        g.passed = false;
        worker_start(w, pass_gate, &g);
        assert_false(worker_wait(w, 0));
        assert_false(worker_wait(w, 0.01));
        open_gate(&g);
        assert_true(worker_wait(w, i == 0 ? 60 : WORKER_NO_DEADLINE));
        assert_true(g.passed);
    }
    worker_free(w);
    gate_release(&g);
}

static void freeing_waits_for_the_job(void **state)
{
    (void)state;
    struct worker *w;
    struct gate g = gate_new();
    assert_ok(worker_new(&w, &em));
    worker_start(w, pass_gate, &g);
    open_gate(&g);
    worker_free(w);
    assert_true(g.passed);
    worker_free(NULL);
    gate_release(&g);
}

static void signals_are_the_main_threads(void **state)
{
    (void)state;
    struct worker *w;
    sigset_t ours;
    struct gate g = gate_new();
    assert_ok(worker_new(&w, &em));
    worker_start(w, pass_gate, &g);
    open_gate(&g);
    worker_free(w);
    assert_true(sigismember(&g.mask, SIGUSR1) && sigismember(&g.mask, SIGTERM) &&
                sigismember(&g.mask, SIGINT));
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &ours), 0);
    assert_false(sigismember(&ours, SIGUSR1));
    gate_release(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_waited_for),
        cmocka_unit_test(freeing_waits_for_the_job),
        cmocka_unit_test(signals_are_the_main_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
