/* For tests of files of lines: a folder for such a file, made before each test, removed after. */
#ifndef TESTS_DRIVER_LINES_FILE_H
#define TESTS_DRIVER_LINES_FILE_H

#include "testing.h"

#include "base/file.h"

static char *folder;
static char path[PATH_BYTES_MAX];

static int make_file(const char *name)
{
    folder = scratch_new();
    return path_join(path, sizeof path, folder, name) ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    unlink(path);
    rmdir(folder);
    free(folder);
    return 0;
}

#endif
