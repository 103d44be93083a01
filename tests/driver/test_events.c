#include "lines_file.h"

#include "events.h"

static int set_up(void **unused)
{
    (void)unused;
    return make_file("events.jsonl");
}

static void write_event(bool new_run, enum event_kind kind, const char *text)
{
    struct errmsg em = {0};
    struct events *e = NULL;
    assert_ok(events_open(path, new_run, &e, &em));
    assert_ok(events_write(e, kind, 7, 1.5, text, &em));
    events_close(e);
}

static char *content(void)
{
    struct errmsg em = {0};
    uint8_t *bytes = NULL;
    size_t n;
    assert_ok(file_read_all(path, 1 << 20, &bytes, &n, &em));
    return (char *)bytes;
}

static void a_text_that_is_not_utf8_is_kept(void **unused)
{
    (void)unused;
    write_event(true, EVENT_FAILED, "cannot read caf\xe9.h5");
    char *lines = content();
    assert_non_null(strstr(lines, "\"text\":\"cannot read caf?.h5\"}\n"));
    free(lines);
}

static void a_new_run_empties_the_file(void **unused)
{
    (void)unused;
    write_event(true, EVENT_STOPPED, "earlier");
    write_event(true, EVENT_START, "");
    char *lines = content();
    assert_null(strstr(lines, "earlier"));
    assert_non_null(strstr(lines, "{\"event\":\"start\",\"step\":7,\"time\":1.5,"));
    free(lines);
}

static void a_resumed_run_cuts_a_torn_line_only(void **unused)
{
    (void)unused;
    write_event(true, EVENT_START, "first");
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs("{\"event\":\"torn", f);
    fclose(f);
    write_event(false, EVENT_RESUME, "second");
    char *lines = content();
    assert_null(strstr(lines, "torn"));
    assert_non_null(strstr(lines, "first\"}\n{\"event\":\"resume\""));
    free(lines);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_text_that_is_not_utf8_is_kept),
        TEST(a_new_run_empties_the_file),
        TEST(a_resumed_run_cuts_a_torn_line_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
