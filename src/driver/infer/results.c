#include "results.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "base/log.h"
#include "data/video_writer.h"

#include "base/poison.h"

enum { NAME_ATTEMPTS = 3 };

/* Names the i-th result: the stem of its picture; if that is not unique, the whole name; if that is
 * not unique either (a set packed from several folders), the name and the row. */
static void name_result(const struct results *r, int64_t i, int attempt,
                        char name[static RESULT_NAME_BYTES])
{
    const char *whole = source_name(r->source, i);
    if (attempt == 0)
        path_stem(whole, name, RESULT_NAME_BYTES);
    else if (attempt == 1)
        snprintf(name, RESULT_NAME_BYTES, "%s", whole);
    else
        snprintf(name, RESULT_NAME_BYTES, "%.256s-%" PRId64, whole, i);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(**(char(*const *)[RESULT_NAME_BYTES])a, **(char(*const *)[RESULT_NAME_BYTES])b);
}

/* Gives each result a unique name: a.jpg and a.png would both give a.png. */
static enum status name_results(struct results *r, struct errmsg *em)
{
    size_t n = (size_t)r->source->n;
    char(**sorted)[RESULT_NAME_BYTES] = calloc(n, sizeof *sorted);
    uint8_t *attempt = calloc(n, 1);
    bool shared = true;
    r->names = calloc(n, sizeof *r->names);
    enum status st = sorted && attempt && r->names ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int round = 0; round < NAME_ATTEMPTS && shared && st == ST_OK; round++) {
        shared = false;
        for (size_t i = 0; i < n; i++) {
            name_result(r, (int64_t)i, attempt[i], r->names[i]);
            sorted[i] = &r->names[i];
        }
        qsort(sorted, n, sizeof *sorted, compare_names);
        for (size_t i = 1; i < n; i++)
            if (strcmp(*sorted[i - 1], *sorted[i]) == 0) {
                attempt[sorted[i - 1] - r->names] = attempt[sorted[i] - r->names] =
                    (uint8_t)(round + 1);
                shared = true;
            }
    }
    if (st == ST_OK && shared)
        st = FAIL(em, ST_USAGE, "several pictures of %s would get the same name; rename them",
                  r->input);
    free(attempt);
    free(sorted);
    return st;
}

/* Refuses an output that would replace the input. */
static enum status keep_apart(const char *input, const char *output, struct errmsg *em)
{
    if (!file_same(input, output))
        return ST_OK;
    return FAIL(em, ST_USAGE, "the result would overwrite its input %s; name another place with -o",
                input);
}

static bool goes_to_folder(const struct results *r)
{
    const char *out = r->out;
    size_t n = strlen(out);
    if (r->sheet)
        return false;
    return r->source->folder || r->source->set || folder_exists(out) ||
           (n > 0 && out[n - 1] == '/') || path_extension(out)[0] == '\0';
}

/* Checks -o before any work. Results must be PNG, which keeps their marks. */
static enum status check_out(const struct results *r, struct errmsg *em)
{
    const char *out = r->out, *end = path_extension(out);
    if (goes_to_folder(r)) {
        if (file_exists(out))
            return FAIL(em, ST_USAGE,
                        "-o %s: a file is there, and results go to a folder; name "
                        "another place",
                        out);
        if (!folder_exists(out) && (strcasecmp(end, ".png") == 0 || picture_extension_known(out)))
            return FAIL(em, ST_USAGE,
                        "-o %s: the results are several pictures: name a folder, or ask for one "
                        "sheet of them with --grid",
                        out);
        return ST_OK;
    }
    if (folder_exists(out))
        return FAIL(em, ST_USAGE, "-o %s is a folder: --grid writes one file; name a .png", out);
    if (strcasecmp(end, ".png") != 0)
        return FAIL(em, ST_USAGE,
                    "-o %s: results are PNG, which keeps the mark that a trained model made them: "
                    "-o %.*s.png%s",
                    out, (int)(strlen(out) - strlen(end)), out,
                    r->sheet ? "" : ", or the name of a folder");
    return ST_OK;
}

enum status results_make_folder(const struct results *r, struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    if (goes_to_folder(r))
        return folder_make(r->out, em);
    path_folder(r->out, folder, sizeof folder);
    return folder_make(folder, em);
}

enum status results_place(const struct results *r, int64_t i, char out[static PATH_BYTES_MAX],
                          struct errmsg *em)
{
    char file[RESULT_NAME_BYTES + 8];
    const char *place = r->out;
    snprintf(file, sizeof file, "%s.png", r->names[i]);
    bool fits = goes_to_folder(r) ? path_join(out, PATH_BYTES_MAX, place, file)
                                  : path_join(out, PATH_BYTES_MAX, "", place);
    if (!fits)
        return FAIL(em, ST_IO, "path too long: %s/%s", place, file);
    return r->source->set ? ST_OK : keep_apart(r->source->paths[i], out, em);
}

/* Checks before any work that no result replaces an input. */
static enum status check_places(const struct results *r, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = ST_OK;
    if (r->sheet)
        return picture_check_output(r->out, em);
    for (int64_t i = 0; i < r->source->n && st == ST_OK; i++)
        if ((st = results_place(r, i, path, em)) == ST_OK)
            st = picture_check_output(path, em);
    return st;
}

enum status results_check(struct results *r, struct errmsg *em)
{
    enum status st = keep_apart(r->input, r->out, em);
    if (st != ST_OK || r->source->video)
        return st == ST_OK ? video_check_output(r->out, em) : st;
    st = check_out(r, em);
    if (st == ST_OK)
        st = name_results(r, em);
    return st == ST_OK ? check_places(r, em) : st;
}

void earlier_results_look(struct earlier_results *e, const char *path, bool kept)
{
    if (file_exists(path))
        name_list_add(kept ? &e->kept : &e->replaced, path);
}

void earlier_results_log(struct earlier_results *e, const char *noun)
{
    if (e->replaced.n > 0)
        log_info("%zu earlier %s%s replaced: %s", e->replaced.n, noun,
                 e->replaced.n == 1 ? " is" : "s are", name_list_text(&e->replaced));
    if (e->kept.n > 0)
        log_warn("%zu %s%s of an earlier run %s left as %s: %s", e->kept.n, noun, PLURAL(e->kept.n),
                 e->kept.n == 1 ? "is" : "are", e->kept.n == 1 ? "it was" : "they were",
                 name_list_text(&e->kept));
}

void results_release(struct results *r)
{
    free(r->names);
    *r = (struct results){0};
}
