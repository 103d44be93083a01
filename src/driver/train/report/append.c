#include "append.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"

#include "base/poison.h"

enum { PIECE_BYTES = 4096, REAL_DIGITS = 9 };

enum status append_open(struct append_file *f, const char *path, bool new_only, bool *exists_out,
                        struct errmsg *em)
{
    *f = APPEND_FILE_NONE;
    if (exists_out)
        *exists_out = false;
    if (snprintf(f->path, sizeof f->path, "%s", path) >= (int)sizeof f->path)
        return FAIL(em, ST_IO, "path too long: %s", path);
    enum status st = file_check_replaceable(path, em);
    if (st != ST_OK)
        return st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (new_only ? O_EXCL : 0), 0666);
    if (fd < 0) {
        if (exists_out)
            *exists_out = errno == EEXIST;
        return FAIL_ERRNO(em, ST_IO, errno, "cannot write %s", path);
    }
    off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0) {
        st = FAIL_ERRNO(em, ST_IO, errno, "cannot append to %s", path);
        close(fd);
        return st;
    }
    f->fd = fd;
    f->end = end;
    return ST_OK;
}

enum status append_cut(struct append_file *f, int64_t size, struct errmsg *em)
{
    BUG_ON(size < 0 || size > f->end);
    if (ftruncate(f->fd, (off_t)size) != 0)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot cut %s to %lld bytes", f->path,
                          (long long)size);
    f->end = size;
    f->torn = false;
    return ST_OK;
}

/* Finds the end of the last whole line that ends at or before `size`; 0: there is none. */
static enum status last_line(const struct append_file *f, int64_t size, int64_t *end_out,
                             struct errmsg *em)
{
    char piece[PIECE_BYTES];
    while (size > 0) {
        size_t want = (size_t)MIN(size, PIECE_BYTES);
        ssize_t got = pread(f->fd, piece, want, (off_t)(size - (int64_t)want));
        if (got < 0 && errno == EINTR)
            continue;
        if (got != (ssize_t)want)
            return FAIL_ERRNO(em, ST_IO, got < 0 ? errno : EIO, "cannot read %s", f->path);
        size_t n = want;
        while (n > 0 && piece[n - 1] != '\n')
            n--;
        if (n > 0) {
            *end_out = size - (int64_t)(want - n);
            return ST_OK;
        }
        size -= (int64_t)want;
    }
    *end_out = 0;
    return ST_OK;
}

enum status append_open_lines(struct append_file *f, const char *path, int64_t size_max,
                              struct errmsg *em)
{
    int64_t end = 0;
    enum status st = append_open(f, path, false, NULL, em);
    if (st != ST_OK)
        return st;
    st = last_line(f, MIN(f->end, size_max), &end, em);
    if (st == ST_OK && end < f->end)
        st = append_cut(f, end, em);
    if (st != ST_OK)
        append_close(f);
    return st;
}

static enum status write_at(int fd, const uint8_t *bytes, size_t n, int64_t offset,
                            const char *path, struct errmsg *em)
{
    while (n > 0) {
        ssize_t done = pwrite(fd, bytes, n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return FAIL_ERRNO(em, ST_IO, errno, "cannot write %s", path);
        bytes += done;
        offset += done;
        n -= (size_t)done;
    }
    return ST_OK;
}

enum status append_write(struct append_file *f, const void *bytes, size_t n, struct errmsg *em)
{
    struct stat s;
    if (fstat(f->fd, &s) == 0 && s.st_nlink == 0)
        return FAIL(em, ST_IO, "%s was removed while in use; the next start makes a new one",
                    f->path);
    if (f->torn) {
        enum status st = append_cut(f, f->end, em);
        if (st != ST_OK)
            return st;
    }
    enum status st = write_at(f->fd, bytes, n, f->end, f->path, em);
    if (st == ST_OK)
        f->end += (int64_t)n;
    else
        f->torn = ftruncate(f->fd, (off_t)f->end) != 0;
    return st;
}

enum status append_json(struct append_file *f, const json_t *object, struct errmsg *em)
{
    char *line =
        object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;
    if (!line)
        return FAIL(em, ST_MEMORY, "out of memory writing %s", f->path);
    size_t n = strlen(line);
    line[n] = '\n'; /* replaces the final zero byte */
    enum status st = append_write(f, line, n + 1, em);
    free(line);
    return st;
}

void append_close(struct append_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    *f = APPEND_FILE_NONE;
}
