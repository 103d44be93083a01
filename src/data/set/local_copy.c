#include "data/local_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/sidecar.h"

#include "base/poison.h"

enum { SUFFIX_BYTES = 16, RECORD_BYTES = 160, PIECE_BYTES = 4 << 20 };

/* Paths of a copy, its record, and its .part file. */
struct names {
    char copy[PATH_BYTES_MAX], part[PATH_BYTES_MAX + SUFFIX_BYTES],
        record[PATH_BYTES_MAX + SUFFIX_BYTES];
};

/* Named after the whole path, because person.h5 is a common name. */
static bool name_copy(const char *path, const char *folder, struct names *n)
{
    char name[PATH_BYTES_MAX];
    char *whole = realpath(path, NULL);
    if (!whole)
        return false;
    int length = snprintf(name, sizeof name, "%016" PRIx64 "-%s", hash64(whole, strlen(whole), 0),
                          path_name(whole));
    free(whole);
    if (length < 0 || (size_t)length >= sizeof name ||
        !path_join(n->copy, sizeof n->copy, folder, name))
        return false;
    snprintf(n->part, sizeof n->part, "%s.part", n->copy);
    snprintf(n->record, sizeof n->record, "%s.staged", n->copy);
    return true;
}

/* "size seconds nanoseconds " of the original; the hash of the copy follows. */
static void describe(const struct stat *original, char out[static RECORD_BYTES])
{
    snprintf(out, RECORD_BYTES, "%lld %lld %ld ", (long long)original->st_size,
             (long long)original->st_mtim.tv_sec, original->st_mtim.tv_nsec);
}

/* True if the record describes the original and the copy has its size; gives the record's hash. */
static bool read_record(const struct names *n, const struct stat *original,
                        char hex_out[static HASH128_HEX_BYTES])
{
    char wanted[RECORD_BYTES];
    struct stat copy;
    struct errmsg ignored = {0};
    uint8_t *text;
    size_t bytes;
    if (lstat(n->copy, &copy) != 0 || !S_ISREG(copy.st_mode) || copy.st_uid != geteuid() ||
        copy.st_size != original->st_size ||
        file_read_all(n->record, RECORD_BYTES, &text, &bytes, &ignored) != ST_OK)
        return false;
    describe(original, wanted);
    size_t head = strlen(wanted);
    bool same = bytes == head + HASH128_HEX_BYTES && memcmp(text, wanted, head) == 0;
    if (same)
        snprintf(hex_out, HASH128_HEX_BYTES, "%s", (const char *)text + head);
    free(text);
    return same;
}

bool local_copy_find(const char *path, const char *folder, char copy_out[static PATH_BYTES_MAX])
{
    char hex[HASH128_HEX_BYTES];
    struct names n;
    struct stat original;
    if (stat(path, &original) != 0 || !name_copy(path, folder, &n) ||
        !read_record(&n, &original, hex))
        return false;
    memcpy(copy_out, n.copy, PATH_BYTES_MAX);
    return true;
}

static bool has_hash(const char *path, const char *hex)
{
    char found[HASH128_HEX_BYTES];
    struct errmsg ignored = {0};
    struct hash128 h;
    if (hash128_file(path, &h, &ignored) != ST_OK)
        return false;
    hash128_hex(h, found);
    return strcmp(found, hex) == 0;
}

/* ---- Copying --------------------------------------------------------------------------------- */

static enum status check_room(const struct names *n, const char *folder, int64_t bytes,
                              struct errmsg *em)
{
    struct statvfs disk;
    const double gib = 1 << 30;
    if (statvfs(folder, &disk) != 0)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot look at %s", folder);
    double free_bytes = (double)disk.f_bavail * (double)disk.f_frsize;
    if (free_bytes < (double)bytes)
        return FAIL(em, ST_IO, "%s needs %.2f GiB, but %s has %.2f GiB left", n->copy,
                    (double)bytes / gib, folder, free_bytes / gib);
    return ST_OK;
}

/* Opens the .part file; a lock keeps other processes away. */
static enum status open_part(const struct names *n, int *fd_out, struct errmsg *em)
{
    struct stat held, named;
    int fd = open(n->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot write %s", n->part);
    bool mine = flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &held) == 0 &&
                lstat(n->part, &named) == 0 && held.st_ino == named.st_ino &&
                held.st_uid == geteuid() && ftruncate(fd, 0) == 0;
    if (!mine) {
        close(fd);
        return FAIL(em, ST_IO, "%s is being written by another process", n->part);
    }
    *fd_out = fd;
    return ST_OK;
}

static enum status write_piece(int fd, const char *bytes, size_t n, const char *path,
                               struct errmsg *em)
{
    for (size_t done = 0; done < n;) {
        ssize_t wrote = write(fd, bytes + done, n - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return FAIL_ERRNO(em, ST_IO, errno, "cannot write %s", path);
        done += (size_t)wrote;
    }
    return ST_OK;
}

static enum status copy_bytes(int from, const char *path, int to, const char *part, int64_t bytes,
                              struct errmsg *em)
{
    char *piece = malloc(PIECE_BYTES);
    if (!piece)
        return FAIL(em, ST_MEMORY, "out of memory");
    /* reserve all the room now, so that hours of copying cannot fail for lack of it */
    int refused = bytes > 0 ? posix_fallocate(to, 0, bytes) : 0;
    enum status st = refused ? FAIL_ERRNO(em, ST_IO, refused, "no room for %s", part) : ST_OK;
    int64_t done = 0;
    while (st == ST_OK) {
        ssize_t got = read(from, piece, PIECE_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            st = FAIL_ERRNO(em, ST_IO, errno, "cannot read %s", path);
        if (got <= 0)
            break;
        st = write_piece(to, piece, (size_t)got, part, em);
        done += got;
    }
    free(piece);
    if (st == ST_OK && done != bytes)
        st = FAIL(em, ST_IO, "%s changed its length while it was copied", path);
    return st;
}

/* Hashes the copy, and compares the hash with the original's sidecar if that can be read. */
static enum status hash_copy(const char *path, const struct names *n,
                             char hex_out[static HASH128_HEX_BYTES], struct errmsg *em)
{
    char wanted[HASH128_HEX_BYTES];
    struct hash128 h;
    struct errmsg why = {0};
    enum status st = hash128_file(n->part, &h, em);
    if (st != ST_OK)
        return st;
    hash128_hex(h, hex_out);
    st = sidecar_read(path, wanted, &why);
    if (st == ST_DATA || (st == ST_OK && strcmp(wanted, hex_out) != 0))
        return FAIL(em, ST_DATA,
                    "the copy of %s does not have the hash in %s" SIDECAR_EXTENSION
                    ": check the set itself with bifrons inspect --verify",
                    path, path);
    return ST_OK;
}

/* Renames the finished .part to the copy, and writes the record. */
static enum status put_in_place(const char *path, const struct stat *original,
                                const struct names *n, struct errmsg *em)
{
    char record[RECORD_BYTES + HASH128_HEX_BYTES], hex[HASH128_HEX_BYTES];
    struct stat now;
    enum status st = hash_copy(path, n, hex, em);
    if (st != ST_OK)
        return st;
    if (stat(path, &now) != 0 || now.st_size != original->st_size ||
        now.st_mtim.tv_sec != original->st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != original->st_mtim.tv_nsec)
        return FAIL(em, ST_IO, "%s changed while it was copied", path);
    describe(original, record);
    size_t head = strlen(record);
    snprintf(record + head, sizeof record - head, "%s\n", hex);
    unlink(n->record); /* first: a record must never describe another copy */
    if (rename(n->part, n->copy) != 0)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot write %s", n->copy);
    return file_write_atomic(n->record, record, strlen(record), em);
}

static enum status make_copy(const char *path, const char *folder, const struct stat *original,
                             const struct names *n, struct errmsg *em)
{
    int from = -1, to = -1;
    enum status st = open_part(n, &to, em);
    if (st == ST_OK)
        st = check_room(n, folder, original->st_size, em);
    if (st == ST_OK && (from = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        st = FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open %s", path);
    if (st == ST_OK)
        st = copy_bytes(from, path, to, n->part, original->st_size, em);
    if (st == ST_OK)
        st = put_in_place(path, original, n, em);
    if (st != ST_OK && to >= 0)
        unlink(n->part);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return st;
}

enum status local_copy_make(const char *path, const char *folder,
                            char copy_out[static PATH_BYTES_MAX], bool *made_out, struct errmsg *em)
{
    char hex[HASH128_HEX_BYTES];
    struct names n;
    struct stat original;
    if (stat(path, &original) != 0 || !S_ISREG(original.st_mode))
        return FAIL(em, ST_NOINPUT, "cannot open %s: no such file", path);
    enum status st = folder_make(folder, em);
    if (st != ST_OK)
        return st;
    if (!name_copy(path, folder, &n))
        return FAIL(em, ST_IO, "the path of a copy of %s in %s is too long", path, folder);
    bool current = read_record(&n, &original, hex) && has_hash(n.copy, hex);
    if (!current)
        st = make_copy(path, folder, &original, &n, em);
    if (st != ST_OK)
        return st;
    memcpy(copy_out, n.copy, PATH_BYTES_MAX);
    *made_out = !current;
    return ST_OK;
}
