#include "run_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "build_commit.h"
#include "command.h"

#include "base/poison.h"

struct run_record {
    char path[PATH_BYTES_MAX];
    json_t *root;
};

const char *run_record_commit(void)
{
    return BIFRONS_COMMIT;
}

/* --- Values ----------------------------------------------------------------------------------- */

static json_t *time_now(void)
{
    char text[32];
    clock_iso8601(text);
    return json_string(text);
}

/* --- Parts ------------------------------------------------------------------------------------ */

static json_t *program_object(bool *failed)
{
    json_t *o = json_object();
    json_put(o, "version", json_string(BIFRONS_VERSION), failed);
    json_put(o, "commit", json_text_or_null(BIFRONS_COMMIT), failed);
    return o;
}

static json_t *libraries_object(const struct run_record_facts *f, bool *failed)
{
    json_t *o = json_object();
    json_put(o, "torch", json_text_or_null(f->torch_version), failed);
    json_put(o, "mpi", json_text_or_null(f->mpi_version), failed);
    json_put(o, "hdf5", json_text_or_null(f->hdf5_version), failed);
    return o;
}

static json_t *ranks_array(const struct run_record_facts *f, bool *failed)
{
    json_t *all = json_array();
    for (int rank = 0; f->hosts && rank < f->world_size; rank++) {
        json_t *o = json_object();
        json_put(o, "rank", json_integer(rank), failed);
        json_put(o, "host", json_text_or_null(f->hosts[rank]), failed);
        json_append(all, o, failed);
    }
    return all;
}

static json_t *people_array(const struct run_record_facts *f, bool *failed)
{
    json_t *all = json_array();
    for (int i = 0; i < RUN_RECORD_PEOPLE; i++) {
        const struct run_record_person *p = &f->people[i];
        json_t *o = json_object();
        json_put(o, "person", json_text_or_null(p->person), failed);
        json_put(o, "set", json_text_or_null(p->set_path), failed);
        json_put(o, "fingerprint", json_text_or_null(p->fingerprint), failed);
        json_put(o, "pictures", json_integer(p->pictures), failed);
        json_put(o, "consent", json_text_or_null(p->consent), failed);
        json_append(all, o, failed);
    }
    return all;
}

static json_t *resume_object(const struct run_record_facts *f, bool *failed)
{
    json_t *o = json_object();
    json_put(o, "started", time_now(), failed);
    json_put(o, "from_step", json_integer(f->from_step), failed);
    json_put(o, "world_size", json_integer(f->world_size), failed);
    return o;
}

/* --- History ---------------------------------------------------------------------------------- */

static bool history_is_usable(const json_t *old)
{
    return json_is_string(json_object_get(old, "started")) &&
           json_is_array(json_object_get(old, "resumes"));
}

/* The earlier record; NULL if there is none that can be continued. */
static json_t *history_read(const char *path)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    struct errmsg reason = {0};
    json_error_t where;
    json_t *old = NULL;
    if (!file_exists(path))
        return NULL;
    enum status st = file_read_all(path, RUN_RECORD_BYTES_MAX, &bytes, &n, &reason);
    if (st == ST_OK)
        old = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, &where);
    free(bytes);
    if (history_is_usable(old))
        return old;
    json_decref(old);

    char aside[PATH_BYTES_MAX + 16];
    snprintf(aside, sizeof aside, "%s.%s", path, st == ST_OK ? "damaged" : "unread");
    if (rename(path, aside) != 0)
        log_warn("%s will be replaced: %s", path, strerror(errno));
    else if (st != ST_OK)
        log_warn("%s; it is kept as %s and a new record begun", reason.text, aside);
    else
        log_warn("%s is not a run record; it is kept as %s and a new one begun", path, aside);
    return NULL;
}

static void put_history(json_t *root, const struct run_record_facts *f, const char *path,
                        bool *failed)
{
    json_t *old = f->resumed ? history_read(path) : NULL;
    json_t *resumes = old ? json_incref(json_object_get(old, "resumes")) : json_array();
    json_put(root, "started", old ? json_incref(json_object_get(old, "started")) : time_now(),
             failed);
    if (f->resumed)
        json_append(resumes, resume_object(f, failed), failed);
    json_put(root, "resumes", resumes, failed);
    json_decref(old);
}

/* --- The record ------------------------------------------------------------------------------- */

static void put_facts(json_t *root, const struct run_record_facts *f, bool *failed)
{
    json_put(root, "bifrons", program_object(failed), failed);
    json_put(root, "libraries", libraries_object(f, failed), failed);
    json_put(root, "config", json_text_or_null(f->config_path), failed);
    /* a TOML integer, so below 2^63 */
    json_put(root, "seed", json_integer((json_int_t)f->seed), failed);
    json_put(root, "device", json_text_or_null(f->device), failed);
    json_put(root, "precision", json_text_or_null(f->precision), failed);
    json_put(root, "backend", json_text_or_null(f->backend), failed);
    json_put(root, "reducer", json_text_or_null(f->reducer), failed);
    json_put(root, "world_size", json_integer(f->world_size), failed);
    json_put(root, "ranks", ranks_array(f, failed), failed);
    json_put(root, "people", people_array(f, failed), failed);
}

static void put_no_outcome(json_t *root, bool *failed)
{
    static const char *const keys[] = {"ended", "exit",  "message", "where",       "stage",
                                       "step",  "epoch", "seconds", "images_per_s"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        json_put(root, keys[i], json_null(), failed);
}

enum status run_record_new(const char *path, const struct run_record_facts *facts,
                           struct run_record **out, struct errmsg *em)
{
    bool failed = false;
    struct run_record *r = calloc(1, sizeof *r);
    if (!r)
        return FAIL(em, ST_MEMORY, "out of memory preparing %s", path);
    if (snprintf(r->path, sizeof r->path, "%s", path) >= (int)sizeof r->path) {
        run_record_free(r);
        return FAIL(em, ST_IO, "path too long: %s", path);
    }
    r->root = json_object();
    put_facts(r->root, facts, &failed);
    put_history(r->root, facts, path, &failed);
    put_no_outcome(r->root, &failed);
    if (failed) {
        run_record_free(r);
        return FAIL(em, ST_MEMORY, "out of memory preparing %s", path);
    }
    *out = r;
    return ST_OK;
}

enum status run_record_end(struct run_record *r, const struct run_record_outcome *o,
                           struct errmsg *em)
{
    bool failed = false;
    json_put(r->root, "ended", time_now(), &failed);
    json_put(r->root, "exit", json_string(status_name(o->status)), &failed);
    json_put(r->root, "message", json_text_or_null(o->error ? o->error->text : NULL), &failed);
    json_put(r->root, "where",
             o->error ? json_sprintf("%s:%d", o->error->where, o->error->line) : json_null(),
             &failed);
    json_put(r->root, "stage", o->stage > 0 ? json_integer(o->stage) : json_null(), &failed);
    json_put(r->root, "step", json_integer(o->step), &failed);
    json_put(r->root, "epoch", json_integer(o->epoch), &failed);
    json_put(r->root, "seconds", json_number_or_null(o->seconds), &failed);
    json_put(r->root, "images_per_s", json_number_or_null(o->images_per_s), &failed);
    return failed ? FAIL(em, ST_MEMORY, "out of memory preparing %s", r->path) : ST_OK;
}

enum status run_record_write(const struct run_record *r, struct errmsg *em)
{
    char *text = json_dumps(r->root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (!text)
        return FAIL(em, ST_MEMORY, "out of memory writing %s", r->path);
    size_t n = strlen(text);
    text[n] = '\n'; /* replaces the final zero byte */
    enum status st = file_write_atomic(r->path, text, n + 1, em);
    free(text);
    return st;
}

void run_record_free(struct run_record *r)
{
    if (!r)
        return;
    json_decref(r->root);
    free(r);
}
