/* A child process and its link: bytes, deadlines, crashes, and its end with the parent. */
#include "testing.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/checked.h"
#include "base/child.h"

enum { MEGABYTE = 1 << 20, LONG_S = 60 };

static struct errmsg em;

static int echo(int link, void *context)
{
    static char bytes[MEGABYTE];
    size_t n = 0;
    (void)context;
    for (ssize_t more; n < sizeof bytes && (more = read(link, bytes + n, sizeof bytes - n)) > 0;)
        n += (size_t)more;
    for (size_t done = 0; done < n;)
        done += (size_t)write(link, bytes + done, n - done);
    return 7;
}

static int say_and_crash(int link, void *context)
{
    if (write(link, context, 5) == 5)
        raise(SIGSEGV);
    return 0;
}

static int wait_for_more(int link, void *context)
{
    char byte;
    (void)context;
    return read(link, &byte, 1) == 0 ? 3 : 4;
}

static int ask_oneself_to_end(int link, void *context)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < ARRAY_LENGTH(signals); i++)
        raise(signals[i]);
    return write(link, context, 5) == 5 ? 6 : 0;
}

static int never_read(int link, void *context)
{
    (void)link, (void)context;
    pause();
    return 0;
}

static int write_on(int link, void *context)
{
    static const char bytes[MEGABYTE];
    (void)context;
    while (write(link, bytes, sizeof bytes) > 0)
        ;
    return 0;
}

/* They reach all processes of a job; the parent decides what they mean. */
static void test_signals_that_ask_to_end_are_ignored(void **state)
{
    struct child c;
    char text[6] = "", word[] = "hello";
    (void)state;
    assert_ok(child_start(ask_oneself_to_end, word, &c, &em));
    assert_int_equal(child_receive(&c, text, 5, LONG_S), CHILD_OK);
    assert_string_equal(text, word);
    assert_int_equal(WEXITSTATUS(child_end(&c, LONG_S)), 6);
}

static void test_bytes_go_both_ways(void **state)
{
    static char out[MEGABYTE], in[MEGABYTE];
    struct child c;
    (void)state;
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (char)(i * 7);
    assert_ok(child_start(echo, NULL, &c, &em));
    assert_int_equal(child_send(&c, out, sizeof out, LONG_S), CHILD_OK);
    assert_int_equal(child_receive(&c, in, sizeof in, LONG_S), CHILD_OK);
    assert_memory_equal(in, out, sizeof in);
    int how = child_end(&c, LONG_S);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 7);
}

static void test_what_a_child_said_before_its_crash_arrives(void **state)
{
    char text[5], word[] = "hello";
    struct child c;
    (void)state;
    assert_ok(child_start(say_and_crash, word, &c, &em));
    assert_int_equal(child_receive(&c, text, sizeof text, LONG_S), CHILD_OK);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(child_receive(&c, text, 1, LONG_S), CHILD_GONE);
    assert_int_equal(child_send(&c, text, 1, LONG_S), CHILD_GONE); /* and no SIGPIPE */
    int how = child_end(&c, LONG_S);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGSEGV);
}

static void test_a_child_sees_the_end_of_the_link_and_ends_by_itself(void **state)
{
    struct child c;
    (void)state;
    assert_ok(child_start(wait_for_more, NULL, &c, &em));
    int how = child_end(&c, LONG_S);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 3);
}

static void test_deadlines(void **state)
{
    static char much[4 * MEGABYTE]; /* more than a socket holds */
    struct child c;
    (void)state;
    assert_ok(child_start(never_read, NULL, &c, &em));
    assert_int_equal(child_receive(&c, much, 1, 0), CHILD_LATE);
    assert_int_equal(child_send(&c, much, sizeof much, 0.05), CHILD_LATE);
    int how = child_end(&c, 0.05);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

static void test_a_child_that_never_stops_writing_is_ended(void **state)
{
    static const double within_s[] = {0, 0.05};
    struct child c;
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(within_s); i++) {
        assert_ok(child_start(write_on, NULL, &c, &em));
        int how = child_end(&c, within_s[i]);
        assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    }
}

/* The middle process starts a child and ends; the child's end of the link then closes. */
static int start_and_end(int link, void *context)
{
    struct child c;
    (void)context;
    struct errmsg why = {0};
    bool started = child_start(never_read, NULL, &c, &why) == ST_OK;
    return started && write(link, &c.pid, sizeof c.pid) == sizeof c.pid ? 0 : 1;
}

static void test_a_child_ends_with_its_parent(void **state)
{
    struct child middle;
    pid_t pid;
    (void)state;
    assert_ok(child_start(start_and_end, NULL, &middle, &em));
    assert_int_equal(child_receive(&middle, &pid, sizeof pid, LONG_S), CHILD_OK);
    assert_int_equal(child_receive(&middle, &pid, 1, LONG_S), CHILD_GONE); /* both have closed it */
    (void)child_end(&middle, LONG_S);
}

static void test_a_message_that_a_child_sent_is_made_safe(void **state)
{
    (void)state;
    struct errmsg sent;
    memset(&sent, 'x', sizeof sent);
    assert_false(child_message_fits(&sent));
    assert_int_equal(strlen(sent.where), sizeof sent.where - 1);
    assert_int_equal(strlen(sent.text), sizeof sent.text - 1);
    sent.code = ST_INTERRUPTED;
    assert_true(child_message_fits(&sent));
    sent.code = (enum status)(ST_INTERRUPTED + 1);
    assert_false(child_message_fits(&sent));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_go_both_ways),
        cmocka_unit_test(test_signals_that_ask_to_end_are_ignored),
        cmocka_unit_test(test_what_a_child_said_before_its_crash_arrives),
        cmocka_unit_test(test_a_child_sees_the_end_of_the_link_and_ends_by_itself),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_a_child_that_never_stops_writing_is_ended),
        cmocka_unit_test(test_a_child_ends_with_its_parent),
        cmocka_unit_test(test_a_message_that_a_child_sent_is_made_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
