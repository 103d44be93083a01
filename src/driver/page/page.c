#include "page.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/version.h"
#include "page_priv.h"
#include "page_template.h"

#include "base/poison.h"

enum { PICTURES_BYTES = 6 << 20, NOTE_BYTES = 1024, START_BYTES = 256, READ_BYTES_MAX = 64 << 20 };

/* Every report begins with it. */
static const char mark[] = "<meta name=\"generator\" content=\"Bifrons report\">";

struct page {
    struct page_run *runs;
    size_t n_runs, bytes;
    const struct cluster *cluster;
    json_t *notes;
};

/* --- Parts ------------------------------------------------------------------------------------ */

void page_note_add(struct page_part *p, const char *fmt, ...)
{
    char text[NOTE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_append(p->notes, json_text_or_null(text), &p->failed);
}

bool page_path(const struct page_run *r, const char *name, char path[static PATH_BYTES_MAX])
{
    return path_join(path, PATH_BYTES_MAX, r->folder, name);
}

void page_read_lines(struct page_part *p, const char *name, page_take_line *take, void *ctx)
{
    char path[PATH_BYTES_MAX], *line = NULL;
    size_t capacity = 0;
    long long lines = 0, bad = 0, first_bad = 0;
    struct errmsg em = {0};
    FILE *f = NULL;
    if (!page_path(p->run, name, path) || !file_exists(path))
        return;
    if (file_open_stream(path, &f, &em) != ST_OK) {
        page_note_add(p, "%s", em.text);
        return;
    }
    for (ssize_t n; (n = getline(&line, &capacity, f)) > 0;) {
        json_t *row = json_loadb(line, (size_t)n, 0, NULL);
        lines++;
        if (!json_is_object(row) || !take(ctx, row)) {
            bad++;
            first_bad = first_bad > 0 ? first_bad : lines;
        }
        json_decref(row);
    }
    if (ferror(f))
        page_note_add(p, "%s: reading failed after line %lld", path, lines);
    if (bad > 0)
        page_note_add(p, "%s: %lld of %lld lines cannot be read (the first: line %lld); left out",
                      path, bad, lines, first_bad);
    free(line);
    fclose(f);
}

/* NULL: out of memory. */
static json_t *run_object(struct page *p, struct page_run *r)
{
    struct page_part part = {.run = r,
                             .object = json_object(),
                             .notes = json_array(),
                             .picture_bytes = PICTURES_BYTES / p->n_runs,
                             .n_runs = p->n_runs,
                             .cluster = p->cluster};
    json_put(part.object, "folder", json_text_or_null(r->folder), &part.failed);
    page_add_record(&part);
    page_add_config(&part);
    page_add_metrics(&part);
    page_add_events(&part);
    page_add_previews(&part);
    json_array_extend(p->notes, part.notes);
    json_put(part.object, "notes", part.notes, &part.failed);
    if (!part.failed)
        return part.object;
    json_decref(part.object);
    return NULL;
}

/* All data of the page; NULL: out of memory. */
static json_t *page_object(struct page *p)
{
    char made[32];
    clock_iso8601(made);
    json_t *runs = json_array();
    for (size_t i = 0; i < p->n_runs; i++)
        if (json_array_append_new(runs, run_object(p, &p->runs[i])) != 0) {
            json_decref(runs);
            return NULL;
        }
    return json_pack("{s:s, s:s, s:o}", "version", BIFRONS_VERSION, "made", made, "runs", runs);
}

/* --- The file --------------------------------------------------------------------------------- */

/* Writes the JSON between the halves of the template. Its '<' are escaped, so no text can end the
 * script element. */
static enum status write_text(struct page *p, const char *json, const char *path, struct errmsg *em)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return FAIL(em, ST_MEMORY, "out of memory writing %s", path);
    fwrite(page_head, 1, sizeof page_head, f);
    for (const char *c = json; *c;) {
        size_t plain = strcspn(c, "<");
        fwrite(c, 1, plain, f);
        c += plain;
        if (*c == '<') {
            fputs("\\u003c", f);
            c++;
        }
    }
    fwrite(page_tail, 1, sizeof page_tail, f);
    bool good = !ferror(f);
    enum status st = fclose(f) == 0 && good ? file_write_atomic(path, text, n, em)
                                            : FAIL(em, ST_MEMORY, "out of memory writing %s", path);
    p->bytes = n;
    free(text);
    return st;
}

enum status page_write(struct page *p, const char *path, struct errmsg *em)
{
    enum status st =
        file_check_ours(path, START_BYTES, mark, sizeof mark - 1, "report of Bifrons", em);
    if (st != ST_OK)
        return st;
    json_decref(p->notes);
    p->notes = json_array();
    json_t *o = page_object(p);
    char *json = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    st = json ? write_text(p, json, path, em)
              : FAIL(em, ST_MEMORY, "out of memory writing %s", path);
    free(json);
    json_decref(o);
    return st;
}

/* --- Checks ----------------------------------------------------------------------------------- */

enum status page_check_run(const char *folder, struct errmsg *em)
{
    static const char *const files[] = {"run.json", "metrics.jsonl", "config.resolved.toml"};
    char path[PATH_BYTES_MAX];
    if (!folder_exists(folder))
        return FAIL(em, ST_NOINPUT,
                    "no such folder: %s; give a run folder, as train --out named it", folder);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (path_join(path, sizeof path, folder, files[i]) && file_exists(path))
            return ST_OK;
    return FAIL(em, ST_DATA,
                "%s is not a run folder: it has no run.json, metrics.jsonl or "
                "config.resolved.toml. Give the folder that train --out named",
                folder);
}

enum status page_read(const char *path, json_t **data_out, struct errmsg *em)
{
    static const char open_tag[] = "<script type=\"application/json\" id=\"data\">";
    uint8_t *bytes = NULL;
    size_t n = 0;
    *data_out = NULL;
    if (!file_has_mark(path, START_BYTES, mark, sizeof mark - 1))
        return file_check_readable(path, em);
    enum status st = file_read_all(path, READ_BYTES_MAX, &bytes, &n, em);
    if (st != ST_OK)
        return st;
    const char *data = strstr((const char *)bytes, open_tag);
    const char *end = data ? strchr(data + sizeof open_tag - 1, '<') : NULL; /* none is in JSON */
    if (end)
        *data_out = json_loadb(data + sizeof open_tag - 1,
                               (size_t)(end - data) + 1 - sizeof open_tag, 0, NULL);
    free(bytes);
    return *data_out ? ST_OK : FAIL(em, ST_DATA, "%s: a damaged report", path);
}

/* --- Open and free ---------------------------------------------------------------------------- */

enum status page_new(const struct page_request *request, struct page **out, struct errmsg *em)
{
    enum status st = ST_OK;
    struct page *p = calloc(1, sizeof *p);
    struct page_run *runs = calloc(request->n_runs, sizeof *runs);
    if (!p || !runs) {
        free(p);
        free(runs);
        return FAIL(em, ST_MEMORY, "out of memory");
    }
    *p = (struct page){.runs = runs, .n_runs = request->n_runs, .cluster = request->cluster};
    for (size_t i = 0; i < p->n_runs && st == ST_OK; i++)
        if (!path_join(runs[i].folder, sizeof runs[i].folder, "", request->runs[i]))
            st = FAIL(em, ST_USAGE, "path too long: %s", request->runs[i]);
    if (st == ST_OK)
        *out = p;
    else
        page_free(p);
    return st;
}

const char *page_note(const struct page *p, size_t i)
{
    return json_string_value(json_array_get(p->notes, i));
}

size_t page_bytes(const struct page *p)
{
    return p->bytes;
}

void page_free(struct page *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_runs; i++)
        page_run_release(&p->runs[i]);
    free(p->runs);
    json_decref(p->notes);
    free(p);
}
