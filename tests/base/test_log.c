/* Lines on stderr from several threads, on a terminal and on a pipe that does not block. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/log.h"
#include "testing.h"

enum { THREADS = 4, LINES = 300 };

/* Runs body in a child with `to` as stderr; only the caller keeps `from`, the end to read. */
static pid_t with_stderr(int from, int to, void (*body)(void))
{
    pid_t child = fork();
    if (child != 0)
        return child;
    close(from);
    dup2(to, STDERR_FILENO);
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
    log_init();
    body();
    _exit(0);
}

static void *log_lines(void *number)
{
    int thread = *(const int *)number;
    for (int i = 0; i < LINES; i++) {
        log_progress("thread %d at %d of %d", thread, i, LINES);
        log_warn("thread %d wrote line %d of %d", thread, i, LINES);
    }
    return NULL;
}

static void log_from_threads(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int t = 0; t < THREADS; t++) {
        numbers[t] = t;
        if (pthread_create(&threads[t], NULL, log_lines, &numbers[t]) != 0)
            _exit(1);
    }
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
}

/* The text without the bytes that clear a line, if it begins with them. */
static const char *without_clearing(const char *text)
{
    static const char clear[] = "\r\033[K";
    return strncmp(text, clear, sizeof clear - 1) == 0 ? text + sizeof clear - 1 : NULL;
}

/* Counts the warnings, and fails unless each is whole. Progress may stand before one. */
static int count_whole_lines(FILE *in, bool terminal)
{
    char line[4096];
    int next[THREADS] = {0}, n = 0, thread, i, end;
    for (; n < THREADS * LINES && fgets(line, sizeof line, in); n++) {
        const char *at = line, *cleared;
        while (terminal && (cleared = without_clearing(at))) {
            end = 0;
            at = cleared;
            if (sscanf(at, "thread %d at %d of 300%n", &thread, &i, &end) == 2 && end > 0)
                at += end;
        }
        end = 0;
        if (sscanf(at, "warning: thread %d wrote line %d of 300%n", &thread, &i, &end) != 2 ||
            end == 0 || strcmp(at + end, "\n") != 0)
            fail_msg("not a whole line: \"%s\"", line);
        assert_in_range(thread, 0, THREADS - 1);
        assert_int_equal(i, next[thread]++);
    }
    return n;
}

static void assert_ends_well(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void lines_of_threads_are_whole_on_a_terminal(void **state)
{
    (void)state;
    struct termios raw;
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    assert_true((slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
    assert_int_equal(tcgetattr(slave, &raw), 0);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
    pid_t child = with_stderr(master, slave, log_from_threads);
    FILE *in = fdopen(master, "r");
    assert_int_equal(count_whole_lines(in, true), THREADS * LINES);
    assert_ends_well(child);
    fclose(in);
    close(slave);
}

/* A small pipe: a writer finds it full again and again, first before the reader comes. */
static void lines_are_whole_on_a_full_pipe(void **state)
{
    (void)state;
    int ends[2], waiting = 0;
    assert_int_equal(pipe(ends), 0);
    int bytes = fcntl(ends[1], F_SETPIPE_SZ, 4096);
    assert_true(bytes > 0 && bytes < THREADS * LINES * 20);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    pid_t child = with_stderr(ends[0], ends[1], log_from_threads);
    close(ends[1]);
    while (waiting < bytes - 100 && ioctl(ends[0], FIONREAD, &waiting) == 0)
        continue;
    FILE *in = fdopen(ends[0], "r");
    assert_int_equal(count_whole_lines(in, false), THREADS * LINES);
    assert_ends_well(child);
    fclose(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_threads_are_whole_on_a_terminal),
        cmocka_unit_test(lines_are_whole_on_a_full_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
