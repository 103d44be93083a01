/* The checkpoints of a run folder: names, commit, pruning, and finding the one to resume from. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/log.h"
#include "run_folder.h"
#include "run_folder_priv.h"

#include "base/poison.h"

enum { NAME_BYTES = 64, KEPT_MIN = 2 };

static void name_of_step(int64_t step, const char *tail, char name[static NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "step-%010" PRId64 ".pt%s", step, tail);
}

int64_t checkpoint_step_of_name(const char *name, const char *tail)
{
    char same[NAME_BYTES], *end;
    if (strncmp(name, "step-", 5) != 0)
        return -1;
    long long step = strtoll(name + 5, &end, 10);
    if (step < 0 || step == LLONG_MAX)
        return -1;
    name_of_step(step, tail, same);
    return strcmp(name, same) == 0 ? step : -1;
}

enum status checkpoints_path(const char *out, const char *name, char path[static PATH_BYTES_MAX],
                             struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    if (!path_join(folder, sizeof folder, out, CHECKPOINTS_FOLDER) ||
        !path_join(path, PATH_BYTES_MAX, folder, name))
        return FAIL(em, ST_IO, "path too long: %s", out);
    return ST_OK;
}

static enum status path_of_step(const char *out, int64_t step, const char *tail,
                                char path[static PATH_BYTES_MAX], struct errmsg *em)
{
    char name[NAME_BYTES];
    name_of_step(step, tail, name);
    return checkpoints_path(out, name, path, em);
}

enum status checkpoints_newest_below(const char *out, int64_t limit, int64_t *step_out,
                                     struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    enum status st = checkpoints_path(out, "", folder, em);
    if (st != ST_OK)
        return st;
    int64_t newest = -1;
    DIR *d = opendir(folder);
    if (!d && errno != ENOENT)
        return FAIL_ERRNO(em, ST_IO, errno, "cannot read %s", folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        int64_t step = checkpoint_step_of_name(e->d_name, "");
        if (step < limit)
            newest = MAX(newest, step);
    }
    if (d)
        closedir(d);
    *step_out = newest;
    return ST_OK;
}

enum status run_folder_newest(const char *out, int64_t *step_out, struct errmsg *em)
{
    return checkpoints_newest_below(out, INT64_MAX, step_out, em);
}

enum status run_folder_checkpoint(const char *out, int64_t step, char path[static PATH_BYTES_MAX],
                                  struct errmsg *em)
{
    return path_of_step(out, step, "", path, em);
}

enum status run_folder_older(const char *out, int64_t limit, int64_t *step_out,
                             char path[static PATH_BYTES_MAX], struct errmsg *em)
{
    path[0] = '\0';
    enum status st = checkpoints_newest_below(out, limit, step_out, em);
    return st == ST_OK && *step_out >= 0 ? path_of_step(out, *step_out, "", path, em) : st;
}

enum status run_folder_temporary(const char *out, int64_t step, char path[static PATH_BYTES_MAX],
                                 struct errmsg *em)
{
    return path_of_step(out, step, ".tmp", path, em);
}

/* The step of the checkpoint that a link points at; -1 if it points elsewhere. */
static int64_t step_of_link(const char *out, const char *name)
{
    char path[PATH_BYTES_MAX], target[NAME_BYTES];
    if (checkpoints_path(out, name, path, NULL) != ST_OK)
        return -1;
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return -1;
    target[n] = '\0';
    return checkpoint_step_of_name(target, "");
}

static void point_link(const char *out, const char *name, int64_t step)
{
    struct errmsg em = {0};
    char path[PATH_BYTES_MAX], target[NAME_BYTES];
    name_of_step(step, "", target);
    enum status st = checkpoints_path(out, name, path, &em);
    if (st == ST_OK)
        st = symlink_replace(target, path, &em);
    if (st != ST_OK)
        log_warn("%s is saved, but %s", target, em.text);
}

/* Removes the checkpoint first: the next start removes a sidecar without checkpoint. */
static void remove_checkpoint(const char *out, int64_t step)
{
    static const char *const tails[] = {"", SIDECAR_EXTENSION};
    char path[PATH_BYTES_MAX];
    for (size_t i = 0; i < ARRAY_LENGTH(tails); i++) {
        if (path_of_step(out, step, tails[i], path, NULL) != ST_OK)
            return;
        if (unlink(path) != 0 && errno != ENOENT) {
            log_warn("cannot remove the old checkpoint %s: %s", path, strerror(errno));
            return;
        }
    }
}

/* Steps after `newest` are not counted: they were refused when this run began. */
static void prune(const char *out, int64_t newest, int keep)
{
    int64_t best = step_of_link(out, "best.pt"), latest = step_of_link(out, "latest.pt");
    int64_t step = newest + 1;
    for (int kept = 0;;) {
        if (checkpoints_newest_below(out, step, &step, NULL) != ST_OK || step < 0)
            return;
        if (kept < MAX(keep, KEPT_MIN))
            kept++;
        else if (step != best && step != latest)
            remove_checkpoint(out, step);
    }
}

enum status run_folder_commit_checkpoint(const char *out, const char *temporary,
                                         struct hash128 hash, int64_t step, bool best, int keep,
                                         struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = path_of_step(out, step, "", path, em);
    if (st == ST_OK)
        st = sidecar_write(path, hash, em);
    if (st == ST_OK)
        st = file_commit(temporary, path, em);
    if (st != ST_OK)
        return st;
    point_link(out, "latest.pt", step);
    if (best)
        point_link(out, "best.pt", step);
    prune(out, step, keep);
    return ST_OK;
}

/*
 * Without a hash we can only check that the zip archive is complete: it begins with a local header
 * and ends with the directory's end record (without a comment: neither we nor torch write one).
 */
static enum status check_archive(const char *path, struct errmsg *em)
{
    enum { END_BYTES = 22 };
    char start[4] = "", end[4] = "";
    int fd;
    enum status st = file_open(path, &fd, em);
    if (st != ST_OK)
        return st;
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t first = pread(fd, start, sizeof start, 0);
    ssize_t last =
        first < 0 ? -1 : pread(fd, end, sizeof end, size < END_BYTES ? 0 : size - END_BYTES);
    int reason = errno;
    close(fd);
    if (last < 0)
        return FAIL_ERRNO(em, ST_IO, reason, "cannot read %s", path);
    bool whole = size >= END_BYTES && memcmp(start, "PK\3\4", sizeof start) == 0 &&
                 memcmp(end, "PK\5\6", sizeof end) == 0;
    if (!whole)
        return FAIL(em, ST_DATA, "%s is no whole checkpoint: torn, or another kind of file", path);
    log_warn("%s has no " SIDECAR_EXTENSION " file next to it: its bytes are not checked", path);
    return ST_OK;
}

enum status run_folder_verify(const char *path, struct errmsg *em)
{
    char *file = realpath(path, NULL);
    if (!file)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open checkpoint %s", path);
    enum status st = sidecar_exists(file) ? sidecar_verify(file, "", em) : check_archive(file, em);
    free(file);
    return st;
}

void run_folder_set_aside(const char *out, int64_t good)
{
    static const char *const tails[] = {"", SIDECAR_EXTENSION};
    static const char *const links[] = {"latest.pt", "best.pt"};
    char from[PATH_BYTES_MAX], to[PATH_BYTES_MAX + 16];
    int64_t step = INT64_MAX;
    while (checkpoints_newest_below(out, step, &step, NULL) == ST_OK && step > good) {
        for (size_t i = 0; i < ARRAY_LENGTH(tails); i++) {
            if (path_of_step(out, step, tails[i], from, NULL) != ST_OK)
                return;
            snprintf(to, sizeof to, "%s.refused", from);
            if (rename(from, to) == 0)
                log_warn("renamed to %s", to);
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(links); i++)
        if (step_of_link(out, links[i]) > good)
            point_link(out, links[i], good);
}

bool run_folder_has_best(const char *out)
{
    char path[PATH_BYTES_MAX];
    return checkpoints_path(out, "best.pt", path, NULL) == ST_OK && file_exists(path);
}

void run_folder_relink(const char *out, int64_t latest, int64_t best)
{
    char path[PATH_BYTES_MAX];
    if (step_of_link(out, "latest.pt") != latest)
        point_link(out, "latest.pt", latest);
    if (best > 0 && step_of_link(out, "best.pt") != best &&
        path_of_step(out, best, "", path, NULL) == ST_OK && file_exists(path))
        point_link(out, "best.pt", best);
}

/* Compares the file with its hash, then asks the caller's `accept`. */
static enum status check_checkpoint(const char *path, int64_t step, run_folder_accept *accept,
                                    void *ctx, bool *final, struct errmsg *em)
{
    enum status st = run_folder_verify(path, em);
    return st == ST_OK && accept ? accept(ctx, path, step, final, em) : st;
}

/* True for failures that say nothing about the content of the file. A file that exists but cannot
 * be opened may be good. */
static bool is_ours(enum status st, const char *path)
{
    return st == ST_MEMORY || st == ST_IO || st == ST_TORCH || st == ST_NODEVICE ||
           (st == ST_NOINPUT && !file_is_missing(path));
}

static enum status none_is_good(const char *out, int refused, const struct errmsg *newest,
                                struct errmsg *em)
{
    static const char what_now[] =
        "Correct that, restore a checkpoint from a copy, or start another run with --out DIR";
    if (refused == 1)
        return FAIL(em, newest->code,
                    "the only checkpoint in %s/" CHECKPOINTS_FOLDER " was refused, because %s. %s",
                    out, newest->text, what_now);
    return FAIL(em, newest->code,
                "all %d checkpoints in %s/" CHECKPOINTS_FOLDER
                " were refused, the newest because %s. %s",
                refused, out, newest->text, what_now);
}

enum status run_folder_find_resume(const char *out, run_folder_accept *accept, void *ctx,
                                   char path[static PATH_BYTES_MAX], struct errmsg *em)
{
    struct errmsg newest = {0};
    int64_t step = INT64_MAX;
    int refused = 0;
    path[0] = '\0';
    for (;; refused++) {
        struct errmsg reason = {0};
        char candidate[PATH_BYTES_MAX];
        enum status st = checkpoints_newest_below(out, step, &step, em);
        if (st == ST_OK && step >= 0)
            st = path_of_step(out, step, "", candidate, em);
        if (st != ST_OK)
            return st;
        if (step < 0)
            break;
        bool final = false;
        st = check_checkpoint(candidate, step, accept, ctx, &final, &reason);
        if (st == ST_OK) {
            memcpy(path, candidate, sizeof candidate);
            return ST_OK;
        }
        if (final || is_ours(st, candidate))
            return FAIL(em, st, "%s", reason.text);
        log_warn("checkpoint refused: %s", reason.text);
        if (refused == 0)
            newest = reason;
    }
    if (refused > 0)
        return none_is_good(out, refused, &newest, em);
    log_info("no checkpoint in %s/" CHECKPOINTS_FOLDER ": starting from the beginning", out);
    return ST_OK;
}
