#include "folders.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sidecar.h"
#include "data/pack.h"
#include "run_folder.h"
#include "signals.h"

/* One person's folder, and the sets to compare it with. All paths are on rank 0. */
struct packing {
    const struct run *run;
    const struct train_arguments *arguments;
    int person;
    const char *folder;
    char kept[PATH_BYTES_MAX];  /* OUT/data/a.h5 */
    char fresh[PATH_BYTES_MAX]; /* OUT/data/.new/a.h5; in a dry run a.h5 in a temporary folder */
    char other[PATH_BYTES_MAX]; /* the other person's OUT/data/b.h5 */
    bool trained;               /* the run folder has checkpoints */
    bool there;                 /* `kept` exists; it may be damaged */
    struct set *before;         /* `kept` if it can be read, else NULL */
};

static bool data_path(const char *out, const char *folder, int person,
                      char path[static PATH_BYTES_MAX])
{
    int n = snprintf(path, PATH_BYTES_MAX, "%s/data/%s%c.h5", out, folder, 'a' + person);
    return n < PATH_BYTES_MAX;
}

static enum status set_paths(struct packing *p, struct errmsg *em)
{
    const char *out = p->run->out;
    return data_path(out, "", p->person, p->kept) && data_path(out, ".new/", p->person, p->fresh) &&
                   data_path(out, "", 1 - p->person, p->other)
               ? ST_OK
               : FAIL(em, ST_USAGE, "path too long: %s", out);
}

/* Removes the file, and its folder if that is then empty. */
static void remove_fresh(const char *path)
{
    char sidecar[SIDECAR_PATH_BYTES], folder[PATH_BYTES_MAX];
    sidecar_path(path, sidecar);
    path_folder(path, folder, sizeof folder);
    unlink(path);
    unlink(sidecar);
    rmdir(folder);
}

/* For a dry run, which does not change the run folder. */
static enum status choose_temporary(struct packing *p, struct errmsg *em)
{
    const char *parent = getenv("TMPDIR");
    char folder[PATH_BYTES_MAX - 16];
    int n =
        snprintf(folder, sizeof folder, "%s/bifrons-XXXXXX", parent && *parent ? parent : "/tmp");
    if (n < 0 || (size_t)n >= sizeof folder || !mkdtemp(folder))
        return FAIL_ERRNO(em, ST_IO, errno, "cannot pack %s into a temporary folder", p->folder);
    snprintf(p->fresh, sizeof p->fresh, "%s/%c.h5", folder, 'a' + p->person);
    return ST_OK;
}

/* ---- The sets that the run was trained on ---------------------------------------------------- */

static enum status refuse_size(const struct packing *p, int size, struct errmsg *em)
{
    int before = set_get_info(p->before)->size;
    return FAIL(
        em, ST_CONFIG,
        "%s was packed at %d px for the run in %s, and this configuration asks for %d px. "
        "Nothing was replaced. Set model.image_size (or train.stages) back, or start another "
        "run with --out DIR",
        p->kept, before, p->run->out, size);
}

static enum status refuse_exchanged(const struct packing *p, struct errmsg *em)
{
    return FAIL(em, ST_CONFIG,
                "%s holds the pictures of person %c of the run in %s, and is given as person %c's. "
                "Nothing was replaced. Exchange --data-a and --data-b, or start another run with "
                "--out DIR",
                p->folder, 'B' - p->person, p->run->out, 'A' + p->person);
}

static enum status refuse_change(const struct packing *p, const struct set_change *change,
                                 struct errmsg *em)
{
    char what[96] = "the same pictures, in another order";
    if (change->added > 0 || change->gone > 0)
        snprintf(what, sizeof what, "%" PRId64 " picture%s added, %" PRId64 " gone", change->added,
                 PLURAL(change->added), change->gone);
    return FAIL(
        em, ST_CONFIG,
        "%s is not what the run in %s was trained on: %s. Nothing was replaced. To continue with "
        "the earlier pictures, give --data-%c %s; to train on the new ones, another --out DIR",
        p->folder, p->run->out, what, 'a' + p->person, p->kept);
}

static bool is_others_set(const struct packing *p, uint64_t fingerprint)
{
    struct set *other = NULL;
    bool same = file_exists(p->other) && set_open(p->other, &other, NULL) == ST_OK &&
                set_get_info(other)->fingerprint == fingerprint;
    set_free(other);
    return same;
}

/* *use_fresh: train on the newly packed set, else on the older one. */
static enum status compare_with_trained(const struct packing *p, bool *use_fresh, struct errmsg *em)
{
    struct set *now = NULL;
    struct set_change change;
    enum status st = set_open(p->fresh, &now, em);
    if (st != ST_OK)
        return st;
    uint64_t fingerprint = set_get_info(now)->fingerprint;
    *use_fresh = false;
    if (fingerprint == set_get_info(p->before)->fingerprint)
        log_warn("the pictures in %s are the same, but their other data has changed (masks, true "
                 "swaps, landmarks, names, consent), or the version of Bifrons that packs them: "
                 "the run goes on with %s as it was packed",
                 p->folder, p->kept);
    else if (is_others_set(p, fingerprint))
        st = refuse_exchanged(p, em);
    else if ((st = set_compare(p->before, now, &change, em)) == ST_OK)
        st = refuse_change(p, &change, em);
    set_free(now);
    return st;
}

/* ---- Packing --------------------------------------------------------------------------------- */

static void log_report(const struct packing *p, const struct pack_report *r)
{
    for (size_t i = 0; i < r->n_skipped; i++)
        log_warn("skipped %s: %s", r->skipped[i].path, r->skipped[i].reason);
    for (size_t i = 0; i < r->n_notes; i++)
        log_at(r->notes[i].minor ? LOG_INFO : LOG_WARN, "%s: %s", r->notes[i].path,
               r->notes[i].reason);
    if (r->current)
        log_info("%s is up to date", p->kept);
    else if (r->n_packed > 0)
        log_info("packed %zu of %zu pictures of person %c", r->n_packed, r->n_found,
                 'A' + p->person);
}

/* True if the new set must not overwrite the kept one: a run was trained on the kept set, or needs
 * it if the new one is refused. */
static bool packs_aside(const struct packing *p)
{
    return p->there || p->trained;
}

/* Packs the folder, unless the kept set already has its pictures. */
static enum status pack(const struct packing *p, int size, bool *packed, struct errmsg *em)
{
    const struct train_arguments *a = p->arguments;
    bool look_only = a->dry_run && !(p->before && p->trained);
    const struct pack_options options = {
        .folders = &p->folder,
        .n_folders = 1,
        .output = packs_aside(p) ? p->fresh : p->kept,
        .known = p->kept,
        .look_only = look_only,
        .size = size,
        .consent = a->consent[0] ? a->consent : NULL,
        .stop = signals_pending,
    };
    struct pack_report report = {0};
    struct errmsg reason = {0};
    if (!a->dry_run)
        log_info("packing %s into %s", p->folder, p->kept);
    enum status st = pack_folders(&options, &report, &reason);
    log_report(p, &report);
    *packed = st == ST_OK && !report.current;
    pack_report_release(&report);
    if (st == ST_NOINPUT && p->before)
        return FAIL(em, st, "%s. --data-%c %s goes on with the pictures that were packed from it",
                    reason.text, 'a' + p->person, p->kept);
    if (st == ST_INTERRUPTED)
        return FAIL(em, ST_AGAIN, "stopped while packing %s; the same command begins again",
                    p->folder);
    if (st != ST_OK)
        return FAIL(em, st, "%s", reason.text);
    if (*packed && look_only)
        return FAIL(em, ST_USAGE,
                    "--dry-run writes nothing, and %s is a folder of pictures: pack it first with "
                    "bifrons pack",
                    p->folder);
    return ST_OK;
}

static enum status pack_or_keep(struct packing *p, bool *use_fresh, struct errmsg *em)
{
    int size = (int)config_largest_size(&p->run->config);
    bool packed = false;
    if (p->before && p->trained) {
        if (set_get_info(p->before)->size < size)
            return refuse_size(p, size, em);
        size = set_get_info(p->before)->size; /* larger than needed is fine */
    }
    enum status st = pack(p, size, &packed, em);
    *use_fresh = packed && packs_aside(p);
    if (st == ST_OK && *use_fresh && p->before && p->trained)
        st = compare_with_trained(p, use_fresh, em);
    return st;
}

static enum status make_folder_of(const char *path, struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    path_folder(path, folder, sizeof folder);
    return folder_make(folder, em);
}

/* Rank 0's part. */
static enum status pack_person(struct packing *p, bool *use_fresh, struct errmsg *em)
{
    int64_t newest = -1;
    bool dry_run = p->arguments->dry_run;
    enum status st = run_folder_newest(p->run->out, &newest, em);
    if (st == ST_OK)
        st = dry_run ? choose_temporary(p, em) : make_folder_of(p->kept, em);
    if (st == ST_OK && !dry_run)
        remove_fresh(p->fresh); /* left by a killed run */
    if (st != ST_OK)
        return st;
    p->trained = newest >= 0;
    p->there = file_exists(p->kept);
    if (p->there && set_open(p->kept, &p->before, NULL) != ST_OK)
        log_warn("%s cannot be read as a set: packing %s again", p->kept, p->folder);
    st = pack_or_keep(p, use_fresh, em);
    set_free(p->before);
    if (st != ST_OK || !*use_fresh)
        remove_fresh(p->fresh);
    return st;
}

enum status folders_pack(struct run *run, const struct train_arguments *a, struct errmsg *em)
{
    bool folder[2] = {a->folder_a, a->folder_b}; /* rank 0's view: nodes may differ */
    char *const data[2] = {run->config.data.a, run->config.data.b};
    enum status st = run_share_bytes(run, folder, sizeof folder, em);
    for (int person = 0; person < 2 && st == ST_OK; person++) {
        struct packing p = {.run = run, .arguments = a, .person = person, .folder = data[person]};
        bool use_fresh = false;
        if (a->gone[person][0] && comm_rank(run->comm) == 0)
            log_warn("%s is not there: going on with %s, packed from it earlier", a->gone[person],
                     data[person]);
        if (!folder[person])
            continue;
        st = set_paths(&p, em);
        if (st == ST_OK && comm_rank(run->comm) == 0)
            st = pack_person(&p, &use_fresh, em);
        st = comm_agree(run->comm, st, em);
        if (st == ST_OK)
            st = run_share_bytes(run, &use_fresh, sizeof use_fresh, em);
        if (st != ST_OK)
            return st;
        if (use_fresh)
            memcpy(run->fresh_set[person], p.fresh, sizeof p.fresh);
        memcpy(data[person], p.kept, sizeof p.kept);
    }
    return st;
}

/* ---- After packing --------------------------------------------------------------------------- */

enum status folders_keep(struct run *run, struct errmsg *em)
{
    const char *const kept[2] = {run->config.data.a, run->config.data.b};
    enum status st = ST_OK;
    for (int p = 0; p < 2 && st == ST_OK; p++) {
        char from[SIDECAR_PATH_BYTES], to[SIDECAR_PATH_BYTES];
        if (!run->fresh_set[p][0])
            continue;
        sidecar_path(run->fresh_set[p], from);
        sidecar_path(kept[p], to);
        st = file_commit(from, to, em);
        if (st == ST_OK)
            st = file_commit(run->fresh_set[p], kept[p], em);
        if (st == ST_OK && strcmp(set_path(run->sets[p]), run->fresh_set[p]) == 0)
            st = set_renamed(run->sets[p], kept[p], em);
        remove_fresh(run->fresh_set[p]); /* the folder */
        run->fresh_set[p][0] = '\0';
    }
    return st;
}

void folders_release(struct run *run)
{
    for (int p = 0; p < 2; p++)
        if (run->fresh_set[p][0])
            remove_fresh(run->fresh_set[p]);
}
