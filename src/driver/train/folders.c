#include "folders.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "data/pack.h"
#include "run_folder.h"

/* One person's folder, and the sets it is compared with. All paths are rank 0's. */
struct packing {
    const struct session *session;
    const struct train_arguments *arguments;
    int person;
    const char *folder;
    char kept[PATH_BYTES_MAX];  /* OUT/data/a.h5 */
    char fresh[PATH_BYTES_MAX]; /* OUT/data/a.new.h5 */
    char other[PATH_BYTES_MAX]; /* the other person's OUT/data/b.h5 */
    bool trained;               /* the run folder has checkpoints */
    bool there;                 /* `kept` is: it may be damaged */
    struct set *before;         /* `kept` where it can be read, else NULL */
};

static bool data_path(const char *out, int person, const char *extension,
                      char path[static PATH_BYTES_MAX])
{
    int n = snprintf(path, PATH_BYTES_MAX, "%s/data/%c%s", out, 'a' + person, extension);
    return n < PATH_BYTES_MAX;
}

static enum status set_paths(struct packing *p, struct errmsg *em)
{
    const char *out = p->session->out;
    return data_path(out, p->person, ".h5", p->kept) &&
                   data_path(out, p->person, ".new.h5", p->fresh) &&
                   data_path(out, 1 - p->person, ".h5", p->other)
               ? ST_OK
               : FAIL(em, ST_USAGE, "path too long: %s", out);
}

static void remove_set(const char *path)
{
    char sidecar[PATH_BYTES_MAX + 8];
    snprintf(sidecar, sizeof sidecar, "%s.xxh3", path);
    unlink(path);
    unlink(sidecar);
}

/* ---- What the run was trained on
 * ----------------------------------------------------------------- */

static enum status refuse_size(const struct packing *p, int size, struct errmsg *em)
{
    int before = set_get_info(p->before)->size;
    return FAIL(em, ST_CONFIG,
                "%s was packed at %d px for the run in %s, and this configuration asks for %d px. "
                "Nothing was replaced. Set model.image_size back, or start another run with --out "
                "DIR",
                p->kept, before, p->session->out, size);
}

static enum status refuse_exchanged(const struct packing *p, struct errmsg *em)
{
    return FAIL(em, ST_CONFIG,
                "%s holds the pictures of person %c of the run in %s, and is given as person %c's. "
                "Nothing was replaced. Exchange --data-a and --data-b, or start another run with "
                "--out DIR",
                p->folder, 'B' - p->person, p->session->out, 'A' + p->person);
}

static enum status refuse_change(const struct packing *p, const struct set_change *change,
                                 struct errmsg *em)
{
    char what[96] = "the same pictures, in another order";
    if (change->added > 0 || change->gone > 0)
        snprintf(what, sizeof what, "%" PRId64 " picture%s added, %" PRId64 " gone", change->added,
                 PLURAL(change->added), change->gone);
    return FAIL(em, ST_CONFIG,
                "%s is not what the run in %s was trained on: %s. Nothing was replaced. --data-%c "
                "%s goes on with the pictures of then; another --out DIR starts with those of now",
                p->folder, p->session->out, what, 'a' + p->person, p->kept);
}

static bool is_others_set(const struct packing *p, uint64_t fingerprint)
{
    struct set *other = NULL;
    bool same = file_exists(p->other) && set_open(p->other, &other, NULL) == ST_OK &&
                set_get_info(other)->fingerprint == fingerprint;
    set_free(other);
    return same;
}

/* *use_fresh: the newly packed set is to be trained on; else the older one is. */
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
        log_warn("masks, landmarks, names or the statement of consent of %s have changed: the run "
                 "goes on with %s as it was packed",
                 p->folder, p->kept);
    else if (is_others_set(p, fingerprint))
        st = refuse_exchanged(p, em);
    else if ((st = set_compare(p->before, now, &change, em)) == ST_OK)
        st = refuse_change(p, &change, em);
    set_free(now);
    return st;
}

/* ---- Packing
 * ------------------------------------------------------------------------------------- */

static void tell_report(const struct packing *p, const struct pack_report *r)
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

/* A dry run looks, and packs nothing. */
static enum status refuse_to_pack(const struct packing *p, struct errmsg *em)
{
    if (p->before && p->trained)
        return FAIL(em, ST_CONFIG,
                    "%s is not what the run in %s was trained on. --data-%c %s goes on with the "
                    "pictures of then; another --out DIR starts with those of now",
                    p->folder, p->session->out, 'a' + p->person, p->kept);
    return FAIL(em, ST_USAGE,
                "--dry-run writes nothing, and %s is a folder of pictures: pack it first with "
                "bifrons pack",
                p->folder);
}

/* Packs the folder unless the kept set holds its pictures already. */
static enum status pack(const struct packing *p, bool *packed, struct errmsg *em)
{
    const struct train_arguments *a = p->arguments;
    const char *output = p->there ? p->fresh : p->kept;
    const struct pack_options options = {
        .folders = &p->folder,
        .n_folders = 1,
        .output = output,
        .known = p->kept,
        .look_only = a->dry_run,
        .size = (int)config_largest_size(&p->session->config),
        .consent = a->consent[0] ? a->consent : NULL,
    };
    struct pack_report report = {0};
    struct errmsg reason = {0};
    if (!a->dry_run)
        log_info("packing %s into %s", p->folder, p->kept);
    enum status st = pack_folders(&options, &report, &reason);
    tell_report(p, &report);
    *packed = st == ST_OK && !report.current;
    pack_report_release(&report);
    if (st == ST_NOINPUT && p->before)
        return FAIL(em, st, "%s. --data-%c %s goes on with the pictures that were packed from it",
                    reason.text, 'a' + p->person, p->kept);
    if (st != ST_OK)
        return FAIL(em, st, "%s", reason.text);
    return *packed && a->dry_run ? refuse_to_pack(p, em) : ST_OK;
}

static enum status pack_or_keep(struct packing *p, bool *use_fresh, struct errmsg *em)
{
    int size = (int)config_largest_size(&p->session->config);
    bool packed = false;
    if (p->before && p->trained && set_get_info(p->before)->size != size)
        return refuse_size(p, size, em);
    enum status st = pack(p, &packed, em);
    *use_fresh = packed && p->there;
    if (st == ST_OK && *use_fresh && p->before && p->trained)
        st = compare_with_trained(p, use_fresh, em);
    return st;
}

/* Rank 0's part. */
static enum status pack_person(struct packing *p, bool *use_fresh, struct errmsg *em)
{
    int64_t newest = -1;
    char data[PATH_BYTES_MAX];
    enum status st = run_folder_newest(p->session->out, &newest, em);
    path_folder(p->kept, data, sizeof data);
    if (st == ST_OK && !p->arguments->dry_run) {
        remove_set(p->fresh); /* a killed run's */
        st = folder_make(data, em);
    }
    if (st != ST_OK)
        return st;
    p->trained = newest >= 0;
    p->there = file_exists(p->kept);
    if (p->there && set_open(p->kept, &p->before, NULL) != ST_OK)
        log_warn("%s cannot be read as a set: packing %s again", p->kept, p->folder);
    st = pack_or_keep(p, use_fresh, em);
    set_free(p->before);
    if (!p->arguments->dry_run && (st != ST_OK || !*use_fresh))
        remove_set(p->fresh);
    return st;
}

enum status folders_pack(struct session *s, const struct train_arguments *a, struct errmsg *em)
{
    const bool folder[2] = {a->folder_a, a->folder_b};
    char *const data[2] = {s->config.data.a, s->config.data.b};
    enum status st = ST_OK;
    for (int person = 0; person < 2 && st == ST_OK; person++) {
        struct packing p = {.session = s, .arguments = a, .person = person, .folder = data[person]};
        bool use_fresh = false;
        if (a->gone[person][0] && comm_rank(s->comm) == 0)
            log_warn("%s is not there: going on with %s, packed from it earlier", a->gone[person],
                     data[person]);
        if (!folder[person])
            continue;
        st = set_paths(&p, em);
        if (st == ST_OK && comm_rank(s->comm) == 0)
            st = pack_person(&p, &use_fresh, em);
        st = comm_agree(s->comm, st, em);
        if (st == ST_OK)
            st = session_share_bytes(s->comm, &use_fresh, sizeof use_fresh, em);
        if (st != ST_OK)
            return st;
        if (use_fresh)
            memcpy(s->fresh_set[person], p.fresh, sizeof p.fresh);
        memcpy(data[person], p.kept, sizeof p.kept);
    }
    return st;
}

/* ---- Afterwards
 * ---------------------------------------------------------------------------------- */

enum status folders_keep(struct session *s, struct errmsg *em)
{
    const char *const kept[2] = {s->config.data.a, s->config.data.b};
    enum status st = ST_OK;
    for (int p = 0; p < 2 && st == ST_OK; p++) {
        char from[PATH_BYTES_MAX + 8], to[PATH_BYTES_MAX + 8];
        if (!s->fresh_set[p][0])
            continue;
        snprintf(from, sizeof from, "%s.xxh3", s->fresh_set[p]);
        snprintf(to, sizeof to, "%s.xxh3", kept[p]);
        st = file_commit(from, to, em);
        if (st == ST_OK)
            st = file_commit(s->fresh_set[p], kept[p], em);
        s->fresh_set[p][0] = '\0';
    }
    return st;
}

void folders_release(struct session *s)
{
    for (int p = 0; p < 2; p++)
        if (s->fresh_set[p][0])
            remove_set(s->fresh_set[p]);
}
