/* cmocka with its prerequisites, and a scratch folder for each test program. */
#ifndef BIFRONS_TESTS_TESTING_H
#define BIFRONS_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/status.h"

/* Fails the test with the message where a status is not the wanted one. */
#define assert_status(expression, wanted)                                               \
    do {                                                                                \
        enum status status_got = (expression);                                          \
        if (status_got != (wanted))                                                     \
            fail_msg("%s: got %s, wanted %s: %s", #expression, status_name(status_got), \
                     status_name(wanted), em.text);                                     \
    } while (0)
#define assert_ok(expression) assert_status(expression, ST_OK)
#define assert_text_has(text, part)                                     \
    do {                                                                \
        if (!strstr((text), (part)))                                    \
            fail_msg("\"%s\" does not contain \"%s\"", (text), (part)); \
    } while (0)

/* cmocka's assert_float_equal compares in float. */
#define assert_near(got, wanted, tolerance)                                       \
    do {                                                                          \
        double near_got = (got), near_wanted = (wanted);                          \
        double near_off = near_got - near_wanted;                                 \
        if (!(near_off <= (tolerance) && -near_off <= (tolerance)))               \
            fail_msg("%s: got %.17g, wanted %.17g", #got, near_got, near_wanted); \
    } while (0)

/* A new empty folder under TMPDIR; the caller frees the path and removes the tree. */
static inline char *scratch_new(void)
{
    const char *parent = getenv("TMPDIR");
    char *path = NULL;
    size_t n = strlen(parent ? parent : "/tmp") + sizeof "/bifrons-test-XXXXXX";
    path = malloc(n);
    assert_non_null(path);
    snprintf(path, n, "%s/bifrons-test-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

#endif
