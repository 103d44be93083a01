#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/text.h"

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
    size_t n = (size_t)(path_extension(path) - name);
    snprintf(out, out_bytes, "%.*s", (int)(n < out_bytes ? n : text_fit(name, out_bytes - 1)),
             name);
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

bool file_is_missing(const char *path)
{
    struct stat s;
    return stat(path, &s) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

bool folder_exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

bool folder_has_entries(const char *path)
{
    DIR *d = opendir(path);
    bool any = false;
    for (const struct dirent *e; d && !any && (e = readdir(d)) != NULL;)
        any = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    return any;
}

bool file_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
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
        int reason = mkdir(partial, 0777) == 0 ? 0 : errno;
        /* NFS may refuse to make a folder that is there, in a parent that is not writable */
        if (reason != 0 && reason != EEXIST && !folder_exists(partial))
            return FAIL_ERRNO(em, ST_IO, reason, "cannot make folder %s", partial);
        *p = kept;
        if (kept == '\0')
            break;
    }
    if (!folder_exists(path))
        return FAIL(em, ST_IO, "cannot make folder %s: a file of that name is in the way", path);
    return ST_OK;
}

/* The kind of something that is not a regular file, for messages. */
static const char *kind_name(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

static enum status refuse_kind(const char *path, mode_t mode, struct errmsg *em)
{
    const char *remedy = S_ISDIR(mode)    ? ""
                         : S_ISFIFO(mode) ? "; write its contents to a file first: several ranks "
                                            "may read it, and more than once"
                                          : "";
    return FAIL(em, ST_NOINPUT, "cannot read %s: it is %s, not a regular file%s", path,
                kind_name(mode), remedy);
}

enum status file_open(const char *path, int *fd_out, struct errmsg *em)
{
    enum status st = ST_OK;
    struct stat s;
    char first;
    /* check before opening: opening some devices has effects. O_NONBLOCK, in case a pipe takes its
     * place in between */
    if (stat(path, &s) != 0)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
    if (!S_ISREG(s.st_mode))
        return refuse_kind(path, s.st_mode, em);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) != 0)
        st = FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
    else if (!S_ISREG(s.st_mode))
        st = refuse_kind(path, s.st_mode, em);
    else if (pread(fd, &first, 1, 0) < 0)
        st = FAIL_ERRNO(em, ST_IO, errno, "cannot read %s", path);
    if (st == ST_OK)
        *fd_out = fd;
    else if (fd >= 0)
        close(fd);
    return st;
}

enum status file_open_stream(const char *path, FILE **out, struct errmsg *em)
{
    int fd;
    enum status st = file_open(path, &fd, em);
    if (st != ST_OK)
        return st;
    if (!(*out = fdopen(fd, "rb"))) {
        st = FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
        close(fd);
    }
    return st;
}

enum status file_check_readable(const char *path, struct errmsg *em)
{
    int fd;
    enum status st = file_open(path, &fd, em);
    if (st == ST_OK)
        close(fd);
    return st;
}

enum status file_check_replaceable(const char *path, struct errmsg *em)
{
    struct stat s, link;
    if (stat(path, &s) != 0)
        return ST_OK; /* writing will report the error */
    if (!S_ISREG(s.st_mode))
        return FAIL(em, ST_IO, "cannot write %s: it is %s, not a regular file", path,
                    kind_name(s.st_mode));
    if (strncmp(path, "/dev/", 5) == 0 && lstat(path, &link) == 0 && S_ISLNK(link.st_mode))
        return FAIL(em, ST_IO, "cannot write %s: it is a device, not a regular file", path);
    return ST_OK;
}

bool file_has_mark(const char *path, int within, const void *mark, size_t n)
{
    uint8_t bytes[FILE_MARK_WITHIN];
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    off_t from = within < 0 ? MAX(lseek(fd, 0, SEEK_END) + within, 0) : 0;
    ssize_t got = pread(fd, bytes, MIN((size_t)abs(within), sizeof bytes), from);
    close(fd);
    for (ssize_t i = 0; i + (ssize_t)n <= got; i++)
        if (memcmp(bytes + i, mark, n) == 0)
            return true;
    return false;
}

enum status file_check_ours(const char *path, int within, const void *mark, size_t n,
                            const char *what, struct errmsg *em)
{
    struct stat s;
    enum status st = file_check_replaceable(path, em);
    if (st != ST_OK || stat(path, &s) != 0 || s.st_size == 0 ||
        file_has_mark(path, within, mark, n))
        return st;
    return FAIL(em, ST_USAGE,
                "%s is there already and is no %s: it is not replaced. Name another file, or "
                "remove it first",
                path, what);
}

/* Reads to the end and ignores the reported length: it is 0 for files in /proc. */
static enum status read_to_end(int fd, const char *path, size_t guess, size_t bytes_max,
                               uint8_t **bytes_out, size_t *n_out, struct errmsg *em)
{
    size_t room = 0, done = 0;
    for (;;) {
        if (done == room) {
            room = done == 0 ? guess + 1 : done <= bytes_max / 2 ? 2 * done : bytes_max + 1;
            uint8_t *more = realloc(*bytes_out, room + 1);
            if (!more)
                return FAIL(em, ST_MEMORY, "out of memory reading %s", path);
            *bytes_out = more;
        }
        ssize_t n = read(fd, *bytes_out + done, room - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FAIL_ERRNO(em, ST_IO, errno, "cannot read %s", path);
        if (n == 0)
            break;
        done += (size_t)n;
        if (done > bytes_max)
            return FAIL(em, ST_DATA, "%s has more than the %zu bytes allowed here", path,
                        bytes_max);
    }
    (*bytes_out)[done] = 0;
    *n_out = done;
    return ST_OK;
}

enum status file_read_all(const char *path, size_t bytes_max, uint8_t **bytes_out, size_t *n_out,
                          struct errmsg *em)
{
    uint8_t *bytes = NULL;
    struct stat s;
    int fd;
    enum status st = file_open(path, &fd, em);
    if (st != ST_OK)
        return st;
    if (fstat(fd, &s) != 0)
        st = FAIL_ERRNO(em, ST_IO, errno, "cannot read %s", path);
    else if ((uintmax_t)s.st_size > bytes_max)
        st = FAIL(em, ST_DATA, "%s has %jd bytes, more than the %zu allowed here", path,
                  (intmax_t)s.st_size, bytes_max);
    else
        st = read_to_end(fd, path, (size_t)s.st_size, bytes_max, &bytes, n_out, em);
    close(fd);
    if (st == ST_OK)
        *bytes_out = bytes;
    else
        free(bytes);
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
    int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);
    /* EINVAL: this file system cannot sync a folder; such file systems order renames themselves */
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

enum status file_commit(const char *temporary, const char *path, struct errmsg *em)
{
    enum status st = file_check_replaceable(path, em);
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
    enum status st = file_check_replaceable(path, em);
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
