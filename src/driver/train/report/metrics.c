#include "metrics.h"

#include <stdlib.h>

#include "append.h"
#include "base/checked.h"
#include "base/json.h"

#include "base/poison.h"

struct metrics {
    struct append_file file;
};

static const char *const kinds[] = {
#define X(name, text) [METRICS_##name] = (text),
    METRICS_KIND_MAP(X)
#undef X
};

enum status metrics_open(const char *path, int64_t truncate_at, struct metrics **out,
                         struct errmsg *em)
{
    struct metrics *m = malloc(sizeof *m);
    if (!m)
        return FAIL(em, ST_MEMORY, "out of memory opening %s", path);
    enum status st = append_open_lines(&m->file, path, truncate_at, em);
    if (st != ST_OK) {
        free(m);
        return st;
    }
    *out = m;
    return ST_OK;
}

/* A row being built. Errors are checked once, at the end. */
struct row_writer {
    bool nonfinite, failed;
};

/* json_real(NAN) is NULL: such a number becomes null and marks the row as nonfinite. */
static void put_number(struct row_writer *w, json_t *object, const char *key, double value)
{
    if (!isfinite(value))
        w->nonfinite = true;
    json_put(object, key, json_number_or_null(value), &w->failed);
}

static json_t *losses_of_person(struct row_writer *w, const struct metrics_row *row, int person)
{
    json_t *o = json_object();
    for (int i = 0; i < MODEL_LOSSES; i++)
        if (!row->absent[i])
            put_number(w, o, model_loss_key((enum model_loss)i), row->losses.term[person][i]);
    return o;
}

static json_t *losses_object(struct row_writer *w, const struct metrics_row *row)
{
    json_t *o = json_object();
    put_number(w, o, "total", row->losses.total);
    json_put(o, "a", losses_of_person(w, row, MODEL_A), &w->failed);
    json_put(o, "b", losses_of_person(w, row, MODEL_B), &w->failed);
    return o;
}

static json_t *val_metrics_object(struct row_writer *w, const struct val_metrics *m)
{
    json_t *o = json_object();
    for (int i = 0; i < VAL_NUMBERS; i++)
        if (!isnan(m->number[i]))
            put_number(w, o, val_metrics_key(i), m->number[i]);
    return o;
}

static json_t *faces_object(struct row_writer *w, const struct metrics_row *row)
{
    json_t *o = json_object();
    for (size_t i = 0; i < row->n_faces; i++)
        put_number(w, o, row->faces[i].name, row->faces[i].value);
    return o;
}

/* NULL if out of memory. */
static json_t *row_object(const struct metrics_row *row)
{
    struct row_writer w = {0};
    json_t *o = json_object();
    json_put(o, "kind", json_string(kinds[row->kind]), &w.failed);
    if (row->stage > 0)
        json_put(o, "stage", json_integer(row->stage), &w.failed);
    json_put(o, "step", json_integer(row->step), &w.failed);
    json_put(o, "epoch", json_integer(row->epoch), &w.failed);
    json_put(o, "position", json_integer((json_int_t)row->position), &w.failed);
    put_number(&w, o, "time", row->time_s);
    if (row->kind == METRICS_FACES)
        json_put(o, "faces", faces_object(&w, row), &w.failed);
    else
        json_put(o, "loss", losses_object(&w, row), &w.failed);
    if (row->kind == METRICS_VAL)
        json_put(o, "metrics", val_metrics_object(&w, &row->val_metrics), &w.failed);
    if (row->kind == METRICS_TRAIN) {
        put_number(&w, o, "lr", row->lr);
        put_number(&w, o, "grad_norm", row->grad_norm);
        put_number(&w, o, "images_per_s", row->images_per_s);
        put_number(&w, o, "step_ms", row->step_ms);
        put_number(&w, o, "data_wait_ms", row->data_wait_ms);
        put_number(&w, o, "sum_wait_ms", row->sum_wait_ms);
    }
    if (row->skipped)
        json_put(o, "skipped", json_true(), &w.failed);
    if (w.nonfinite)
        json_put(o, "nonfinite", json_true(), &w.failed);
    if (w.failed) {
        json_decref(o);
        return NULL;
    }
    return o;
}

enum status metrics_write(struct metrics *m, const struct metrics_row *row, struct errmsg *em)
{
    json_t *o = row_object(row);
    enum status st = append_json(&m->file, o, em);
    json_decref(o);
    return st;
}

enum status metrics_cut(struct metrics *m, int64_t offset, struct errmsg *em)
{
    return append_cut(&m->file, MIN(offset, m->file.end), em);
}

int64_t metrics_offset(const struct metrics *m)
{
    return m->file.end;
}

void metrics_close(struct metrics *m)
{
    if (!m)
        return;
    append_close(&m->file);
    free(m);
}
