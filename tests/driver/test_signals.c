/* Requests to stop, each in a child of its own: a request is for the life of a process. */
#include "signals.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#include "testing.h"

enum { AS_WANTED = 0, NOT_AS_WANTED = 1, STILL_ALIVE = 2, TIME_LEFT = 3, NO_TIME_LEFT = 4 };

/* How a child that runs `body` ends. */
static int run_child(int (*body)(int), int argument)
{
    int how;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signals_install();
        _exit(signals_pending() ? NOT_AS_WANTED : body(argument));
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

static int stays_and_asks(int signal_number)
{
    raise(signal_number);
    return signals_pending() ? AS_WANTED : NOT_AS_WANTED;
}

static void usr1_term_int_and_hup_ask_for_a_stop(void **state)
{
    (void)state;
    assert_int_equal(run_child(stays_and_asks, SIGUSR1), AS_WANTED);
    assert_int_equal(run_child(stays_and_asks, SIGTERM), AS_WANTED);
    assert_int_equal(run_child(stays_and_asks, SIGINT), AS_WANTED);
    assert_int_equal(run_child(stays_and_asks, SIGHUP), AS_WANTED);
}

/* As nohup starts it. */
static void an_ignored_hup_stays_ignored(void **state)
{
    (void)state;
    signal(SIGHUP, SIG_IGN);
    int ignored = run_child(stays_and_asks, SIGHUP);
    signal(SIGHUP, SIG_DFL);
    assert_int_equal(ignored, NOT_AS_WANTED);
}

static int interrupt_twice(int between)
{
    raise(SIGINT);
    if (between)
        raise(between);
    raise(SIGINT);
    return STILL_ALIVE;
}

static void a_second_int_ends_at_once(void **state)
{
    (void)state;
    assert_int_equal(run_child(interrupt_twice, 0), 130);
    assert_int_equal(run_child(interrupt_twice, SIGTERM), 130);
}

static void usr2_ends_at_once(void **state)
{
    (void)state;
    assert_int_equal(run_child(stays_and_asks, SIGUSR2), 130);
}

static int int_after(int signal_number)
{
    raise(signal_number);
    raise(signal_number);
    raise(SIGINT);
    return signals_pending() ? AS_WANTED : NOT_AS_WANTED;
}

static void only_int_counts_towards_it(void **state)
{
    (void)state;
    assert_int_equal(run_child(int_after, SIGTERM), AS_WANTED);
    assert_int_equal(run_child(int_after, SIGUSR1), AS_WANTED);
}

static int wait_to_be_asked(void)
{
    sigset_t none;
    sigemptyset(&none);
    while (!signals_pending())
        sigsuspend(&none);
    if (isinf(signals_time_left()))
        return TIME_LEFT;
    if (signals_await_end(SIGNALS_CALLED_OFF) != SIGNALS_MPIRUN)
        return NOT_AS_WANTED;
    signals_call_off();
    return signals_await_end(SIGNALS_MPIRUN) == SIGNALS_CALLED_OFF ? NO_TIME_LEFT : NOT_AS_WANTED;
}

/* What a child, with signals blocked until it waits for them, says of the time it has left after
 * one of its parent's or of its own. */
static int time_left_after(int signal_number, bool from_parent)
{
    int how;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signals_install();
        if (!from_parent)
            kill(getpid(), signal_number);
        _exit(wait_to_be_asked());
    }
    if (from_parent)
        assert_int_equal(kill(child, signal_number), 0);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

static void only_a_term_of_mpirun_leaves_no_time(void **state)
{
    (void)state;
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    assert_int_equal(time_left_after(SIGTERM, true), NO_TIME_LEFT);
    assert_int_equal(time_left_after(SIGTERM, false), TIME_LEFT);
    assert_int_equal(time_left_after(SIGUSR1, true), TIME_LEFT);
    unsetenv("OMPI_COMM_WORLD_SIZE");
    assert_int_equal(time_left_after(SIGTERM, true), TIME_LEFT);
}

static int write_to_nobody(int unused)
{
    (void)unused;
    int ends[2];
    if (pipe(ends) != 0)
        return NOT_AS_WANTED;
    close(ends[0]);
    return write(ends[1], "x", 1) == -1 && errno == EPIPE ? AS_WANTED : NOT_AS_WANTED;
}

static void a_lost_reader_is_an_error_not_the_end(void **state)
{
    (void)state;
    assert_int_equal(run_child(write_to_nobody, 0), AS_WANTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usr1_term_int_and_hup_ask_for_a_stop),
        cmocka_unit_test(an_ignored_hup_stays_ignored),
        cmocka_unit_test(a_second_int_ends_at_once),
        cmocka_unit_test(usr2_ends_at_once),
        cmocka_unit_test(only_int_counts_towards_it),
        cmocka_unit_test(only_a_term_of_mpirun_leaves_no_time),
        cmocka_unit_test(a_lost_reader_is_an_error_not_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
