#include "run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "run_folder_priv.h"

#include "base/poison.h"

enum { HOLDER_BYTES_MAX = 320, LOCK_TRIES = 10, WAIT_TRIES = 300 };
#define LOCK_NAME ".lock"

struct run_folder {
    char out[PATH_BYTES_MAX];
    int lock; /* descriptor of OUT/.lock; -1 if the file system has no locks */
    bool made_parent, made_out, made_lock;
    bool begun, unlockable;
};

/* Reads "process 123 on NODE" as the holder wrote it; only for the message. */
static void read_holder(int fd, char holder[static HOLDER_BYTES_MAX])
{
    ssize_t n = pread(fd, holder, HOLDER_BYTES_MAX - 1, 0);
    holder[n > 0 ? n : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    for (char *p = holder; *p; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
            *p = '?';
    if (!holder[0])
        snprintf(holder, HOLDER_BYTES_MAX, "another process");
}

static void write_holder(int fd)
{
    char host[256] = "", holder[HOLDER_BYTES_MAX];
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    int n = snprintf(holder, sizeof holder, "process %ld on %s\n", (long)getpid(), host);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, holder, (size_t)n, 0) != n)
        log_debug("the lock is held, but not labelled: %s", strerror(errno));
}

/* True if `path` is still the file that we locked: a holder that never began its run removes the
 * file. */
static bool is_still_named(int fd, const char *path)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

static enum status refuse_in_use(const char *out, int fd, struct errmsg *em)
{
    char holder[HOLDER_BYTES_MAX];
    read_holder(fd, holder);
    return FAIL(em, ST_USAGE,
                "run folder %s is in use by %s: wait for it or stop it, or choose another folder "
                "with --out DIR",
                out, holder);
}

/* ST_OK with a descriptor, or with -1 if the file was removed meanwhile: try again. */
static enum status try_lock(struct run_folder *f, const char *path, struct errmsg *em)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool was_there = file_exists(path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot write to run folder %s: open %s", f->out, path);
    if (fcntl(fd, F_SETLK, &whole) == 0) {
        if (is_still_named(fd, path)) {
            write_holder(fd);
            f->lock = fd;
            f->made_lock = !was_there;
        } else {
            close(fd);
        }
        return ST_OK;
    }
    int reason = errno;
    enum status st = reason == EACCES || reason == EAGAIN ? refuse_in_use(f->out, fd, em) : ST_OK;
    close(fd);
    if (st != ST_OK)
        return st;
    log_warn("%s cannot be locked (%s): make sure that no other run uses this folder", path,
             strerror(reason));
    f->unlockable = true;
    return ST_OK;
}

/*
 * A record lock: unlike flock's, forked children do not inherit it, so it ends with this process.
 * No other place in this process may open the file: closing it would unlock.
 */
static enum status take_lock(struct run_folder *f, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, f->out, LOCK_NAME))
        return FAIL(em, ST_IO, "path too long: %s", f->out);
    enum status st = ST_OK;
    for (int i = 0; i < LOCK_TRIES && st == ST_OK && f->lock < 0 && !f->unlockable; i++)
        st = try_lock(f, path, em);
    if (st == ST_OK && f->lock < 0 && !f->unlockable)
        st = FAIL(em, ST_USAGE, "several processes try to use run folder %s; try again", f->out);
    return st;
}

/* take_lock for wait_s seconds: the lock of a node that is gone lasts until its file server
 * notices. */
static enum status await_lock(struct run_folder *f, double wait_s, struct errmsg *em)
{
    double end_s = clock_seconds() + wait_s, nap_s = wait_s / WAIT_TRIES;
    struct timespec nap = {.tv_sec = (time_t)nap_s, .tv_nsec = (long)(fmod(nap_s, 1) * 1e9)};
    char wait[32];
    clock_format_duration(wait_s, wait, sizeof wait);
    for (bool told = false;; told = true) {
        struct errmsg reason = {0};
        enum status st = take_lock(f, &reason);
        if (st != ST_USAGE || clock_seconds() >= end_s) {
            if (st != ST_OK)
                *em = reason;
            return st;
        }
        if (!told)
            log_warn("%s; waiting up to %s for it", reason.text, wait);
        if (nanosleep(&nap, NULL) != 0)
            return FAIL(em, ST_AGAIN, "%s; a signal ended the wait for it", reason.text);
    }
}

static enum status refuse_other_run(const char *out, struct errmsg *em)
{
    int64_t newest;
    enum status st = run_folder_newest(out, &newest, em);
    if (st == ST_OK && newest >= 0)
        st = FAIL(em, ST_USAGE,
                  "%s already holds a run, with checkpoints up to step %lld: --resume auto goes on "
                  "with it, --out DIR starts another",
                  out, (long long)newest);
    return st;
}

/* True for "NAME.tmp" and "NAME.tmp.123", where NAME is a file that we write. */
static bool is_temporary_of_ours(const char *name)
{
    static const char *const ours[] = {"step-",    "latest.pt",   "best.pt", "config.resolved.toml",
                                       "run.json", "report.html", "a.h5",    "b.h5"};
    const char *mark = NULL;
    for (const char *p = name; (p = strstr(p, ".tmp")); p++)
        mark = p;
    if (!mark || (mark[4] && (mark[4] != '.' || mark[5 + strspn(mark + 5, "0123456789")])))
        return false;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strncmp(name, ours[i], strlen(ours[i])) == 0)
            return true;
    return false;
}

/* True for a sidecar without its checkpoint: the run was killed between writing the two. */
static bool is_orphan(const char *folder, const char *name)
{
    char path[PATH_BYTES_MAX];
    if (checkpoint_step_of_name(name, SIDECAR_EXTENSION) < 0 ||
        !path_join(path, sizeof path, folder, name))
        return false;
    path[strlen(path) - strlen(SIDECAR_EXTENSION)] = '\0';
    return access(path, F_OK) != 0 && errno == ENOENT;
}

/* Files that cannot be removed stay; they do no harm. */
static void remove_leftovers(const char *out, const char *inner)
{
    char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
    DIR *d = path_join(folder, sizeof folder, out, inner) ? opendir(folder) : NULL;
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        if (!is_temporary_of_ours(e->d_name) && !is_orphan(folder, e->d_name))
            continue;
        if (path_join(path, sizeof path, folder, e->d_name) && unlink(path) == 0)
            log_debug("removed %s, left unfinished by an earlier run", path);
    }
    closedir(d);
}

void run_folder_clean(const char *out)
{
    static const char *const inner[] = {"", "previews", CHECKPOINTS_FOLDER, "data"};
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++)
        remove_leftovers(out, inner[i]);
}

static enum status make_inner_folder(const char *out, const char *name, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, out, name))
        return FAIL(em, ST_IO, "path too long: %s", out);
    return folder_make(path, em);
}

static enum status lay_out(const char *out, const char *config_toml, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = make_inner_folder(out, "previews", em);
    if (st == ST_OK)
        st = make_inner_folder(out, CHECKPOINTS_FOLDER, em);
    if (st != ST_OK)
        return st;
    run_folder_clean(out);
    if (!path_join(path, sizeof path, out, "config.resolved.toml"))
        return FAIL(em, ST_IO, "path too long: %s", out);
    return file_write_atomic(path, config_toml, strlen(config_toml), em);
}

static enum status make_out(struct run_folder *f, struct errmsg *em)
{
    char parent[PATH_BYTES_MAX];
    path_folder(f->out, parent, sizeof parent);
    f->made_parent = !folder_exists(parent);
    f->made_out = !folder_exists(f->out);
    return folder_make(f->out, em);
}

enum status run_folder_open(const char *out, bool continues, double wait_s,
                            struct run_folder **folder, struct errmsg *em)
{
    struct run_folder *f = calloc(1, sizeof *f);
    if (!f)
        return FAIL(em, ST_MEMORY, "out of memory");
    f->lock = -1;
    enum status st = path_join(f->out, sizeof f->out, "", out)
                         ? make_out(f, em)
                         : FAIL(em, ST_USAGE, "path too long: %s", out);
    if (st == ST_OK)
        st = await_lock(f, wait_s, em);
    if (st == ST_OK && !continues)
        st = refuse_other_run(out, em);
    if (st != ST_OK) {
        run_folder_free(f);
        return st;
    }
    *folder = f;
    return ST_OK;
}

/* Checks the lock without taking it. */
static enum status check_lock(const char *out, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = path_join(path, sizeof path, out, LOCK_NAME) ? open(path, O_RDWR | O_CLOEXEC) : -1;
    enum status st = ST_OK;
    if (fd >= 0 && fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK)
        st = refuse_in_use(out, fd, em);
    if (fd >= 0)
        close(fd);
    return st;
}

enum status run_folder_check(const char *out, bool continues, struct errmsg *em)
{
    char there[PATH_BYTES_MAX], parent[PATH_BYTES_MAX];
    if (!path_join(there, sizeof there, "", out))
        return FAIL(em, ST_USAGE, "path too long: %s", out);
    while (access(there, F_OK) != 0 && errno == ENOENT) {
        path_folder(there, parent, sizeof parent);
        memcpy(there, parent, sizeof there);
    }
    int reason = access(there, F_OK) != 0 ? errno : folder_exists(there) ? 0 : ENOTDIR;
    if (reason == 0 && access(there, W_OK | X_OK) != 0)
        reason = errno;
    if (reason != 0)
        return FAIL_ERRNO(em, ST_IO, reason, "cannot write to run folder %s: %s", out, there);
    enum status st = check_lock(out, em);
    return st == ST_OK && !continues ? refuse_other_run(out, em) : st;
}

enum status run_folder_begin(struct run_folder *f, const char *config_toml, struct errmsg *em)
{
    f->begun = true;
    return lay_out(f->out, config_toml, em);
}

/* The lock is still held, so a process that waits for it notices that the file was removed. */
static void remove_traces(const struct run_folder *f)
{
    char path[PATH_BYTES_MAX];
    if (f->made_lock && path_join(path, sizeof path, f->out, LOCK_NAME))
        unlink(path);
    path_folder(f->out, path, sizeof path);
    if (f->made_out && rmdir(f->out) == 0 && f->made_parent)
        rmdir(path);
}

void run_folder_free(struct run_folder *f)
{
    if (!f)
        return;
    if (!f->begun)
        remove_traces(f);
    if (f->lock >= 0)
        close(f->lock);
    free(f);
}
