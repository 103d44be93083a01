/*
 * bifrons inspect --uses SET FOLDER...: what holds a person's pictures, if the person withdraws
 * consent. Run folders, checkpoints and reports record a fingerprint of the set that they were
 * trained on, so a set is found under any name.
 */
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/file.h"
#include "data/set.h"
#include "inspect.h"
#include "page.h"
#include "trained_on.h"
#include "uses_pictures.h"

/* base/poison.h is left out: fts.h needs what it forbids */

enum { RECORD_BYTES_MAX = 16 << 20 };

enum kind { KIND_RUN, KIND_CHECKPOINT, KIND_SET, KIND_REPORT, KINDS };
static const char *const kinds[KINDS] = {"run", "checkpoint", "set", "report"};

struct uses {
    struct set *set;
    const char *fingerprint; /* of set */
    json_t *found;           /* [{"kind", "path", "as", "match"}, …] */
    json_t *unreadable;      /* [{"path", "reason"}, …] */
    struct uses_pictures pictures;
    int64_t n_read[KINDS];
    int64_t links; /* to folders, which are not followed */
};

static void add_found(struct uses *u, enum kind kind, const char *path, const char *as,
                      const char *match)
{
    json_array_append_new(u->found, json_pack("{s:s, s:o, s:s, s:s}", "kind", kinds[kind], "path",
                                              json_text_or_null(path), "as", as, "match", match));
}

static void add_unreadable(struct uses *u, const char *path, const char *reason)
{
    json_array_append_new(u->unreadable, json_pack("{s:o, s:o}", "path", json_text_or_null(path),
                                                   "reason", json_text_or_null(reason)));
}

/* "pictures": the same set; "name": other pictures of a person of that name; NULL: neither. */
static const char *find_match(const struct uses *u, const char *fingerprint, const char *person)
{
    const char *name = set_get_info(u->set)->person;
    if (strcmp(fingerprint, u->fingerprint) == 0)
        return "pictures";
    return name[0] != '\0' && strcmp(person, name) == 0 ? "name" : NULL;
}

/* Records how a file's sets match. Returns the better match of both, as find_match names it; "":
 * none. */
static const char *record_matches(struct uses *u, enum kind kind, const char *path,
                                  const struct trained_on sets[2])
{
    const char *best = "";
    u->n_read[kind]++;
    for (int p = 0; p < 2; p++) {
        const char *how = find_match(u, sets[p].fingerprint, sets[p].person);
        if (!how)
            continue;
        add_found(u, kind, path, p == 0 ? "A" : "B", how);
        if (strcmp(best, "pictures") != 0)
            best = how;
    }
    return best;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Of run.json. False: it has no people. */
static bool names_of_run(const json_t *record, struct trained_on sets[2])
{
    const json_t *people = json_object_get(record, "people");
    memset(sets, 0, 2 * sizeof *sets);
    for (size_t p = 0; p < 2; p++) {
        const json_t *person = json_array_get(people, p);
        const char *name = json_string_value(json_object_get(person, "person")),
                   *print = json_string_value(json_object_get(person, "fingerprint"));
        snprintf(sets[p].person, sizeof sets[p].person, "%s", name ? name : "");
        snprintf(sets[p].fingerprint, sizeof sets[p].fingerprint, "%s", print ? print : "");
    }
    return json_is_array(people);
}

static enum status read_run(struct uses *u, const char *path, struct errmsg *em)
{
    struct trained_on sets[2];
    char folder[PATH_BYTES_MAX];
    uint8_t *bytes;
    size_t n;
    enum status st = file_read_all(path, RECORD_BYTES_MAX, &bytes, &n, em);
    if (st != ST_OK)
        return st;
    json_t *record = json_loadb((const char *)bytes, n, 0, NULL);
    free(bytes);
    if (!names_of_run(record, sets))
        st = FAIL(em, ST_DATA, "not the record of a run of bifrons, or damaged");
    json_decref(record);
    path_folder(path, folder, sizeof folder);
    if (st == ST_OK)
        record_matches(u, KIND_RUN, folder, sets);
    return st;
}

/* The report of a run in its own folder is a part of the run. */
static enum status read_report(struct uses *u, const char *path, struct errmsg *em)
{
    struct trained_on sets[2];
    char folder[PATH_BYTES_MAX], record[PATH_BYTES_MAX];
    json_t *page;
    path_folder(path, folder, sizeof folder);
    if (strcmp(path_name(path), "report.html") == 0 &&
        path_join(record, sizeof record, folder, "run.json") && file_exists(record))
        return ST_OK;
    enum status st = page_read(path, &page, em);
    const json_t *runs = json_object_get(page, "runs");
    for (size_t i = 0; i < json_array_size(runs); i++)
        if (names_of_run(json_object_get(json_array_get(runs, i), "record"), sets))
            record_matches(u, KIND_REPORT, path, sets);
    json_decref(page);
    return st;
}

static enum status read_checkpoint(struct uses *u, const char *path, struct errmsg *em)
{
    struct trained_on sets[2];
    json_t *record;
    enum status st = inspect_read_record(path, &record, em);
    if (st != ST_OK)
        return st;
    trained_on_names(record, sets);
    json_decref(record);
    return uses_pictures_checkpoint(&u->pictures, path,
                                    record_matches(u, KIND_CHECKPOINT, path, sets), em);
}

static enum status read_set(struct uses *u, const char *path, struct errmsg *em)
{
    struct set_change change;
    struct set *s;
    enum status st = set_open(path, &s, em);
    if (st != ST_OK)
        return st;
    u->n_read[KIND_SET]++;
    const struct set_info *info = set_get_info(s);
    const char *how = find_match(u, info->fingerprint_text, info->person);
    st = set_compare(u->set, s, &change, em);
    if (st == ST_OK && change.added < info->n && (!how || strcmp(how, "name") == 0))
        how = "some pictures";
    if (st == ST_OK && how) {
        add_found(u, KIND_SET, path, info->person, how);
        uses_pictures_sheet(&u->pictures, path, how);
    }
    set_free(s);
    return st;
}

static enum status read_file(struct uses *u, const char *path, struct errmsg *em)
{
    struct errmsg reason = {0};
    enum status st = ST_OK;
    if (strcmp(path_name(path), "run.json") == 0)
        st = read_run(u, path, &reason);
    else if (strcmp(path_extension(path), ".pt") == 0)
        st = read_checkpoint(u, path, &reason);
    else if (strcmp(path_extension(path), ".h5") == 0)
        st = read_set(u, path, &reason);
    else if (strcmp(path_extension(path), ".html") == 0)
        st = read_report(u, path, &reason);
    else
        st = uses_pictures_look(&u->pictures, path, &reason);
    if (st == ST_MEMORY)
        return FAIL(em, st, "%s", reason.text);
    if (st != ST_OK)
        add_unreadable(u, path, reason.text);
    return ST_OK;
}

/* --- folders ---------------------------------------------------------------------------------- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Files whose names read_file reads. */
static bool is_of_interest(const char *path)
{
    const char *extension = path_extension(path);
    return strcmp(path_name(path), "run.json") == 0 || strcmp(extension, ".pt") == 0 ||
           strcmp(extension, ".h5") == 0 || strcmp(extension, ".html") == 0 ||
           uses_pictures_reads(path);
}

/* A link to a file is followed, unless the walk of `root` meets the file itself. */
static enum status read_link(struct uses *u, const char *root, const char *path, struct errmsg *em)
{
    char file[PATH_MAX], folder[PATH_MAX];
    struct stat target;
    bool there = stat(path, &target) == 0;
    if (there && S_ISDIR(target.st_mode))
        u->links++;
    if (!is_of_interest(path) || (there && !S_ISREG(target.st_mode)))
        return ST_OK;
    if (!there || !realpath(path, file) || !realpath(root, folder)) {
        add_unreadable(u, path, "a link to a file that cannot be reached");
        return ST_OK;
    }
    size_t n = strlen(folder);
    bool below = strncmp(file, folder, n) == 0 && (file[n] == '/' || folder[n - 1] == '/');
    return below && is_of_interest(file) ? ST_OK : read_file(u, path, em);
}

static enum status walk(struct uses *u, const char *folder, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], *const roots[] = {path, NULL};
    enum status st = ST_OK;
    if (!folder_exists(folder))
        return FAIL(em, ST_NOINPUT, "--uses: no such folder: %s", folder);
    FTS *tree = path_join(path, sizeof path, "", folder)
                    ? fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name)
                    : NULL;
    if (!tree)
        return FAIL_ERRNO(em, ST_NOINPUT, errno, "cannot open folder %s", folder);
    FTSENT *e;
    while (st == ST_OK && (errno = 0, e = fts_read(tree)) != NULL) {
        if (e->fts_info == FTS_F)
            st = read_file(u, e->fts_path, em);
        else if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
            add_unreadable(u, e->fts_path, strerror(e->fts_errno));
        else if (e->fts_info == FTS_DC)
            add_unreadable(u, e->fts_path, "a folder that holds itself");
        else if (e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE)
            st = read_link(u, folder, e->fts_path, em);
    }
    if (st == ST_OK && errno != 0) /* the walk ended early */
        add_unreadable(u, folder, strerror(errno));
    fts_close(tree);
    return st;
}

/* --- printing --------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Describes what an entry of `found` holds. */
static void describe(const json_t *entry, char *out, size_t out_bytes)
{
    const char *kind = text_of(entry, "kind"), *how = text_of(entry, "match");
    bool same = strcmp(how, "pictures") == 0, name = strcmp(how, "name") == 0;
    const char *what = same   ? "these pictures"
                       : name ? "other pictures of a person of this name"
                              : "some of these pictures";
    if (strcmp(kind, "folder") == 0)
        snprintf(out, out_bytes, "faces %s",
                 name ? "of a person of this name" : "that may be this person's");
    else if (strcmp(kind, "sheet") == 0)
        snprintf(out, out_bytes, "the contact sheet of a set: %s", what);
    else if (strcmp(kind, "drawn") == 0)
        snprintf(out, out_bytes, "%lld picture%s drawn by %s",
                 json_integer_value(json_object_get(entry, "n")),
                 PLURAL(json_integer_value(json_object_get(entry, "n"))),
                 same ? "a checkpoint of these pictures" : "a checkpoint of a person of this name");
    else if (strcmp(kind, kinds[KIND_SET]) == 0)
        snprintf(out, out_bytes, "%s", what);
    else
        snprintf(out, out_bytes, "%s as person %s", what, text_of(entry, "as"));
}

static void print_uses(const struct uses *u)
{
    char line[2 * PATH_BYTES_MAX + 256], what[PATH_BYTES_MAX];
    size_t i;
    json_t *entry;
    const struct set_info *info = set_get_info(u->set);
    snprintf(line, sizeof line, "%s: %" PRId64 " pictures of %s, fingerprint %s", set_path(u->set),
             info->n, info->person, u->fingerprint);
    inspect_print("uses of", line);
    json_array_foreach(u->found, i, entry)
    {
        describe(entry, what, sizeof what);
        snprintf(line, sizeof line, "%s: %s", text_of(entry, "path"), what);
        inspect_print(text_of(entry, "kind"), line);
    }
    if (json_array_size(u->found) == 0)
        inspect_print("found", "nothing that was trained on these pictures, and no copy of them");
    json_array_foreach(u->unreadable, i, entry)
    {
        snprintf(line, sizeof line, "%s: %s", text_of(entry, "path"), text_of(entry, "reason"));
        inspect_print("unreadable", line);
    }
    snprintf(line, sizeof line,
             "%" PRId64 " run%s, %" PRId64 " checkpoint%s, %" PRId64 " set%s and %" PRId64
             " other report%s; %zu could not be read%s",
             u->n_read[KIND_RUN], PLURAL(u->n_read[KIND_RUN]), u->n_read[KIND_CHECKPOINT],
             PLURAL(u->n_read[KIND_CHECKPOINT]), u->n_read[KIND_SET], PLURAL(u->n_read[KIND_SET]),
             u->n_read[KIND_REPORT], PLURAL(u->n_read[KIND_REPORT]), json_array_size(u->unreadable),
             json_array_size(u->unreadable) > 0 ? ", and may hold them, too" : "");
    inspect_print("looked at", line);
    if (u->links > 0) {
        snprintf(line, sizeof line,
                 "%" PRId64 " link%s to folders %s not followed: give these folders, too", u->links,
                 PLURAL(u->links), u->links == 1 ? "was" : "were");
        inspect_print("links", line);
    }
    if (u->pictures.unknown > 0) {
        snprintf(line, sizeof line,
                 "%" PRId64
                 " picture%s drawn by a checkpoint that is not here, or that the picture does not "
                 "name: their person is not known",
                 u->pictures.unknown, u->pictures.unknown == 1 ? " is" : "s are");
        inspect_print("unknown", line);
    }
    inspect_print("not seen", "copies and sheets under other names, folders without a person.txt, "
                              "pictures whose XMP data and notes are gone");
}

static enum status print_json(struct uses *u, struct errmsg *em)
{
    return json_print(stdout,
                      json_pack("{s:s, s:o, s:o, s:s, s:O, s:O, s:I, s:I, s:I, s:I, s:I, s:I}",
                                "kind", "uses", "path", json_text_or_null(set_path(u->set)),
                                "person", json_text_or_null(set_get_info(u->set)->person),
                                "fingerprint", u->fingerprint, "found", u->found, "unreadable",
                                u->unreadable, "runs", (json_int_t)u->n_read[KIND_RUN],
                                "checkpoints", (json_int_t)u->n_read[KIND_CHECKPOINT], "sets",
                                (json_int_t)u->n_read[KIND_SET], "reports",
                                (json_int_t)u->n_read[KIND_REPORT], "links", (json_int_t)u->links,
                                "unknown", (json_int_t)u->pictures.unknown),
                      JSON_COMPACT, em);
}

enum status inspect_uses(const struct inspect_options *o, struct errmsg *em)
{
    struct uses u = {.found = json_array(), .unreadable = json_array()};
    enum status st = set_open(o->uses, &u.set, em);
    if (st == ST_OK)
        u.fingerprint = set_get_info(u.set)->fingerprint_text;
    if (st == ST_OK)
        st = uses_pictures_init(&u.pictures, set_get_info(u.set)->person, u.found, em);
    for (size_t i = 0; i < o->n_paths && st == ST_OK; i++)
        st = walk(&u, o->paths[i], em);
    if (st == ST_OK)
        uses_pictures_judge(&u.pictures);
    if (st == ST_OK && json_array_size(u.found) == 0 && u.pictures.unknown == 0 &&
        u.n_read[KIND_RUN] + u.n_read[KIND_CHECKPOINT] + u.n_read[KIND_SET] +
                u.n_read[KIND_REPORT] ==
            0 &&
        json_array_size(u.unreadable) == 0)
        st = FAIL(em, ST_NOINPUT,
                  "--uses: no run, checkpoint or set in %s%s: give the folders that hold your runs",
                  o->paths[0], o->n_paths > 1 ? " and the other folders" : "");
    if (st == ST_OK && o->json)
        st = print_json(&u, em);
    else if (st == ST_OK)
        print_uses(&u);
    uses_pictures_release(&u.pictures);
    set_free(u.set);
    json_decref(u.found);
    json_decref(u.unreadable);
    return st;
}
