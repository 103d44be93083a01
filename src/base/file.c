#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool path_join(char *out, size_t out_bytes, const char *a, const char *b)
{
    bool alone = b[0] == '/' || a[0] == '\0';
    const char *slash = alone || a[strlen(a) - 1] == '/' ? "" : "/";
    int n = snprintf(out, out_bytes, "%s%s%s", alone ? "" : a, slash, b);
    return n >= 0 && (size_t)n < out_bytes;
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *path_extension(const char *path)
{
    const char *name = path_name(path), *dot = strrchr(name, '.');
    return dot && dot != name ? dot : name + strlen(name);
}

void path_stem(const char *path, char *out, size_t out_bytes)
{
    const char *name = path_name(path);
    snprintf(out, out_bytes, "%.*s", (int)(path_extension(path) - name), name);
}

void path_folder(const char *path, char *out, size_t out_bytes)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(out, out_bytes, ".");
    else
        snprintf(out, out_bytes, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

bool file_exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && !S_ISDIR(s.st_mode);
}

bool folder_exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

enum status folder_make(const char *path, struct errmsg *em)
{
    char partial[PATH_BYTES_MAX];
    if (!path_join(partial, sizeof partial, "", path))
        return FAIL(em, ST_IO, "path too long: %s", path);
    for (char *p = partial + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char kept = *p;
        *p = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            return FAIL_ERRNO(em, ST_IO, errno, "cannot make folder %s", partial);
        *p = kept;
        if (kept == '\0')
            break;
    }
    if (!folder_exists(path))
        return FAIL(em, ST_IO, "cannot make folder %s: a file of that name is in the way", path);
    return ST_OK;
}

static const char *what_it_is(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

enum status file_read_all(const char *path, size_t bytes_max, uint8_t **bytes_out, size_t *n_out,
                          struct errmsg *em)
{
    enum status st = ST_OK;
    uint8_t *bytes = NULL;
    struct stat s;
    /* what it is before it is opened, since that alone moves some devices; and no wait for the
       writer of a FIFO that takes its place */
    bool other = stat(path, &s) == 0 && !S_ISREG(s.st_mode);
    int fd = other ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (!other && (fd < 0 || fstat(fd, &s) != 0)) {
        st = FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
        goto out;
    }
    if (!S_ISREG(s.st_mode)) {
        st = FAIL(em, ST_NOINPUT, "%s is %s, not a regular file", path, what_it_is(s.st_mode));
        goto out;
    }
    if ((uintmax_t)s.st_size > bytes_max) {
        st = FAIL(em, ST_DATA, "%s has %jd bytes, more than the %zu allowed here", path,
                  (intmax_t)s.st_size, bytes_max);
        goto out;
    }
    size_t size = (size_t)s.st_size, done = 0;
    bytes = malloc(size + 1);
    if (!bytes) {
        st = FAIL(em, ST_MEMORY, "out of memory reading %s", path);
        goto out;
    }
    while (done < size) {
        ssize_t n = read(fd, bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            st = FAIL_ERRNO(em, ST_IO, errno, "cannot read %s", path);
            goto out;
        }
        if (n == 0)
            break; /* shrank while we read: what is there is what we report */
        done += (size_t)n;
    }
    bytes[done] = 0;
    *bytes_out = bytes;
    *n_out = done;
    bytes = NULL;
out:
    free(bytes);
    if (fd >= 0)
        close(fd);
    return st;
}

static enum status write_all(int fd, const void *bytes, size_t n, const char *path,
                             struct errmsg *em)
{
    const uint8_t *p = bytes;
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return FAIL_ERRNO(em, ST_IO, errno, "cannot write %s", path);
        p += done;
        n -= (size_t)done;
    }
    return ST_OK;
}

static enum status sync_path(const char *path, int flags, struct errmsg *em)
{
    int fd = open(path, flags | O_CLOEXEC);
    /* some file systems cannot sync a folder and say EINVAL: they order renames by themselves */
    bool good = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    int reason = errno;
    if (fd >= 0)
        close(fd);
    return good ? ST_OK : FAIL_ERRNO(em, ST_IO, reason, "cannot sync %s to disk", path);
}

enum status file_sync(const char *path, struct errmsg *em)
{
    return sync_path(path, O_RDONLY, em);
}

static enum status sync_folder_of(const char *path, struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    path_folder(path, folder, sizeof folder);
    return sync_path(folder, O_RDONLY | O_DIRECTORY, em);
}

/* A rename would replace a device or a pipe by a file. */
static enum status check_replaceable(const char *path, struct errmsg *em)
{
    struct stat s;
    if (lstat(path, &s) != 0 || S_ISREG(s.st_mode) || S_ISLNK(s.st_mode))
        return ST_OK;
    return FAIL(em, ST_IO, "cannot write %s: it is %s", path,
                S_ISDIR(s.st_mode) ? "a folder" : "a device, a pipe or a socket, not a file");
}

enum status file_commit(const char *temporary, const char *path, struct errmsg *em)
{
    enum status st = check_replaceable(path, em);
    if (st == ST_OK)
        st = sync_path(temporary, O_RDONLY, em);
    if (st != ST_OK)
        return st;
    if (rename(temporary, path) != 0)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot rename %s to %s", temporary, path);
    return sync_folder_of(path, em);
}

static enum status temporary_name(const char *path, char out[static PATH_BYTES_MAX],
                                  struct errmsg *em)
{
    int n = snprintf(out, PATH_BYTES_MAX, "%s.tmp.%ld", path, (long)getpid());
    return n < PATH_BYTES_MAX ? ST_OK : FAIL(em, ST_IO, "path too long: %s", path);
}

enum status file_write_atomic(const char *path, const void *bytes, size_t n, struct errmsg *em)
{
    char temporary[PATH_BYTES_MAX];
    enum status st = check_replaceable(path, em);
    if (st == ST_OK)
        st = temporary_name(path, temporary, em);
    if (st != ST_OK)
        return st;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot write %s", path);
    st = write_all(fd, bytes, n, path, em);
    if (close(fd) != 0 && st == ST_OK)
        st = FAIL_ERRNO(em, ST_IO, errno, "cannot write %s", path);
    if (st == ST_OK)
        st = file_commit(temporary, path, em);
    if (st != ST_OK)
        unlink(temporary);
    return st;
}

enum status symlink_replace(const char *target, const char *path, struct errmsg *em)
{
    char temporary[PATH_BYTES_MAX];
    enum status st = temporary_name(path, temporary, em);
    if (st != ST_OK)
        return st;
    unlink(temporary);
    if (symlink(target, temporary) != 0 || rename(temporary, path) != 0) {
        st = FAIL_ERRNO(em, ST_IO, errno, "cannot point %s at %s", path, target);
        unlink(temporary);
        return st;
    }
    return sync_folder_of(path, em);
}
