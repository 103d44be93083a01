#include "testing.h"

static enum status fails_twice(struct errmsg *em)
{
    enum status first = FAIL(em, ST_DATA, "row %d of %s is short", 3, "a.h5");
    enum status second = FAIL(em, ST_IO, "cannot write");
    return first == ST_DATA && second == ST_IO ? first : ST_OK;
}

static void first_message_wins(void **state)
{
    (void)state;
    struct errmsg em = {0};
    assert_int_equal(fails_twice(&em), ST_DATA);
    assert_int_equal(em.code, ST_DATA);
    assert_string_equal(em.text, "row 3 of a.h5 is short");
    assert_string_equal(em.where, "fails_twice");
    assert_int_equal(fails_twice(NULL), ST_DATA);
}

static void exit_codes_are_the_documented_ones(void **state)
{
    (void)state;
    assert_int_equal(status_exit_code(ST_OK), 0);
    assert_int_equal(status_exit_code(ST_USAGE), 64);
    assert_int_equal(status_exit_code(ST_DATA), 65);
    assert_int_equal(status_exit_code(ST_NOINPUT), 66);
    assert_int_equal(status_exit_code(ST_PEER), 70);
    assert_int_equal(status_exit_code(ST_IO), 74);
    assert_int_equal(status_exit_code(ST_AGAIN), 75);
    assert_int_equal(status_exit_code(ST_CONFIG), 78);
    assert_int_equal(status_exit_code(ST_INTERRUPTED), 130);
}

static void errno_text_is_appended(void **state)
{
    (void)state;
    struct errmsg em = {0};
    assert_int_equal(FAIL_ERRNO(&em, ST_NOINPUT, 2, "cannot open %s", "x"), ST_NOINPUT);
    assert_string_equal(em.text, "cannot open x: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_message_wins),
        cmocka_unit_test(exit_codes_are_the_documented_ones),
        cmocka_unit_test(errno_text_is_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
