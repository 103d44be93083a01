#include "fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

/* AddressSanitizer asks for it. Readers have to see that memory is short. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:quarantine_size_mb=16";
}

static char folder[64];

static void require(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    _exit(1);
}

const char *fuzz_file(const uint8_t *data, size_t n)
{
    static int fd = -1;
    static char path[32];
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    require(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, n, 0) == (ssize_t)n, path);
    return path;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *where)
{
    (void)s, (void)kind, (void)where;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void)
{
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "/dev/shm/bifrons-fuzz-XXXXXX");
        require(mkdtemp(folder) != NULL, folder);
        atexit(remove_folder);
    }
    return folder;
}

const char *fuzz_file_in_folder(const char *name, const uint8_t *data, size_t n)
{
    static char path[PATH_BYTES_MAX];
    require(path_join(path, sizeof path, fuzz_folder(), name), name);
    FILE *f = fopen(path, "w");
    require(f && fwrite(data, 1, n, f) == n && fclose(f) == 0, path);
    return path;
}

size_t fuzz_part(const uint8_t **at, size_t *left, const uint8_t **part)
{
    const uint8_t *end = *left > 0 ? memchr(*at, 0xFF, *left) : NULL;
    size_t n = end ? (size_t)(end - *at) : *left, taken = n + (end != NULL);
    *part = *at;
    *at += taken;
    *left -= taken;
    return n;
}

char *fuzz_text(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);
    require(text != NULL, "malloc");
    memcpy(text, data, n);
    text[n] = '\0';
    return text;
}
