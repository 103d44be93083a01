/* cmocka with its prerequisites, and a scratch folder for each test program. */
#ifndef BIFRONS_TESTS_TESTING_H
#define BIFRONS_TESTS_TESTING_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

enum { SCRATCH_MAX = 64, SCRATCH_PATH_BYTES = 512 };

/* Folders to remove when the process that made them ends; children that exit leave them alone. */
static struct {
    char paths[SCRATCH_MAX][SCRATCH_PATH_BYTES];
    int n;
    pid_t owner;
} scratch_made;

static inline int scratch_remove_one(const char *path, const struct stat *info, int kind,
                                     struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

static inline void scratch_remove_all(void)
{
    for (int i = 0; i < scratch_made.n && scratch_made.owner == getpid(); i++)
        nftw(scratch_made.paths[i], scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A new empty folder under TMPDIR, removed at the end; the caller frees the path. */
static inline char *scratch_new(void)
{
    const char *parent = getenv("TMPDIR");
    assert_true(scratch_made.n < SCRATCH_MAX);
    char *path = scratch_made.paths[scratch_made.n];
    snprintf(path, SCRATCH_PATH_BYTES, "%s/bifrons-test-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(path));
    if (scratch_made.n++ == 0) {
        scratch_made.owner = getpid();
        atexit(scratch_remove_all);
    }
    return strdup(path);
}

#endif
