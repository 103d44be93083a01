/* metrics.jsonl as columns of numbers, and events.jsonl. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "page_priv.h"

#include "base/poison.h"

enum {
    KINDS_MAX = 8,
    COLUMNS_MAX = 256,
    NAME_BYTES = 80,
    DEPTH_MAX = 6,
    ROWS_SHOWN = 1200,    /* of a kind, over all runs; if there are more, means of neighbouring rows
                             are shown */
    ROWS_SHOWN_MIN = 200, /* of a run */
    EVENTS_SHOWN = 2000,
};

/* Any key that has a number: "loss.a.l1". NaN: the row has no number there. */
struct column {
    char name[NAME_BYTES];
    double *value;
    size_t n, capacity;
};

/* The rows of one kind. */
struct table {
    char kind[16];
    size_t rows, n_columns;
    struct column columns[COLUMNS_MAX];
};

struct reader {
    struct table *tables[KINDS_MAX];
    size_t n_tables;
    long long kinds_left_out, columns_left_out;
    bool failed;
};

/* --- Reading ---------------------------------------------------------------------------------- */

/* NULL: there are too many kinds, or no memory. */
static struct table *table_of(struct reader *r, const char *kind)
{
    for (size_t i = 0; i < r->n_tables; i++)
        if (strcmp(r->tables[i]->kind, kind) == 0)
            return r->tables[i];
    if (r->n_tables == KINDS_MAX || strlen(kind) >= sizeof r->tables[0]->kind) {
        r->kinds_left_out++;
        return NULL;
    }
    struct table *t = calloc(1, sizeof *t);
    if (!t) {
        r->failed = true;
        return NULL;
    }
    snprintf(t->kind, sizeof t->kind, "%s", kind);
    r->tables[r->n_tables++] = t;
    return t;
}

/* Rows have their keys in the same order: *next is the column to try first. NULL: too many. */
static struct column *column_of(struct table *t, const char *name, size_t *next)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        struct column *c = &t->columns[(*next + i) % t->n_columns];
        if (strcmp(c->name, name) == 0) {
            *next = (size_t)(c - t->columns) + 1;
            return c;
        }
    }
    if (t->n_columns == COLUMNS_MAX)
        return NULL;
    struct column *c = &t->columns[t->n_columns++];
    snprintf(c->name, sizeof c->name, "%s", name);
    *next = t->n_columns;
    return c;
}

/* Puts a number into the row before t->rows; rows without one get NaN. */
static bool column_put(struct column *c, size_t row, double value)
{
    if (row >= c->capacity) {
        size_t capacity = MAX(2 * row, (size_t)256);
        double *grown = realloc(c->value, capacity * sizeof *grown);
        if (!grown)
            return false;
        c->value = grown;
        c->capacity = capacity;
    }
    while (c->n < row)
        c->value[c->n++] = NAN;
    c->value[row] = value;
    c->n = row + 1;
    return true;
}

static void take_number(struct reader *r, struct table *t, const char *name, const json_t *value,
                        size_t *next)
{
    struct column *c = column_of(t, name, next);
    double number = json_is_true(value) ? 1 : json_is_false(value) ? 0 : json_number_value(value);
    if (!c)
        r->columns_left_out++;
    else if (!column_put(c, t->rows, number))
        r->failed = true;
}

/* Walks through objects in objects; a key that has a number or a truth value becomes a column. */
static void take_row(struct reader *r, struct table *t, const json_t *row)
{
    struct {
        json_t *object;
        void *at;
        size_t prefix; /* bytes of the name before its own */
    } stack[DEPTH_MAX];
    char name[NAME_BYTES];
    size_t depth = 1, next = 0;
    stack[0].object = (json_t *)(uintptr_t)row;
    stack[0].at = json_object_iter(stack[0].object);
    stack[0].prefix = 0;
    while (depth > 0) {
        if (!stack[depth - 1].at) {
            depth--;
            continue;
        }
        json_t *object = stack[depth - 1].object;
        void *at = stack[depth - 1].at;
        json_t *value = json_object_iter_value(at);
        size_t prefix = stack[depth - 1].prefix;
        int n = snprintf(name + prefix, sizeof name - prefix, "%s", json_object_iter_key(at));
        stack[depth - 1].at = json_object_iter_next(object, at);
        if (n < 0 || prefix + (size_t)n + 2 > sizeof name) {
            r->columns_left_out++;
        } else if (json_is_object(value) && depth < DEPTH_MAX) {
            name[prefix + (size_t)n] = '.';
            stack[depth].object = value;
            stack[depth].at = json_object_iter(value);
            stack[depth++].prefix = prefix + (size_t)n + 1;
        } else if (json_is_number(value) || json_is_boolean(value)) {
            take_number(r, t, name, value, &next);
        }
    }
}

static bool take_line(void *reader, const json_t *row)
{
    struct reader *r = reader;
    const char *kind = json_string_value(json_object_get(row, "kind"));
    if (!kind || !json_is_number(json_object_get(row, "step")))
        return false;
    struct table *t = table_of(r, kind);
    if (t) {
        take_row(r, t, row);
        t->rows++;
    }
    return true;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* True for counters: several rows are shown by their last value, not by their mean. */
static bool is_counter(const char *name)
{
    static const char *const counters[] = {"step", "epoch", "position", "time", "stage"};
    for (size_t i = 0; i < ARRAY_LENGTH(counters); i++)
        if (strcmp(name, counters[i]) == 0)
            return true;
    return false;
}

/* The value that is shown for rows [from, to). */
static double shown_value(const struct column *c, size_t from, size_t to)
{
    double sum = 0, last = NAN, n = 0;
    for (size_t i = from; i < MIN(to, c->n); i++)
        if (isfinite(c->value[i])) {
            sum += last = c->value[i];
            n++;
        }
    return is_counter(c->name) ? last : n > 0 ? sum / n : NAN;
}

static json_t *number_json(double x)
{
    return fabs(x) < 1e15 && x == floor(x) ? json_integer((json_int_t)x) : json_number_or_null(x);
}

static json_t *table_json(struct page_part *p, const struct table *t)
{
    size_t shown_max = MAX(ROWS_SHOWN / p->n_runs, (size_t)ROWS_SHOWN_MIN);
    size_t each = (t->rows + shown_max - 1) / shown_max;
    json_t *columns = json_object();
    for (size_t k = 0; k < t->n_columns; k++) {
        json_t *values = json_array();
        for (size_t row = 0; row < t->rows; row += each)
            json_append(values, number_json(shown_value(&t->columns[k], row, row + each)),
                        &p->failed);
        json_put(columns, t->columns[k].name, values, &p->failed);
    }
    return json_pack("{s:I, s:I, s:o}", "rows", (json_int_t)t->rows, "each", (json_int_t)each,
                     "columns", columns);
}

void page_add_metrics(struct page_part *p)
{
    struct reader r = {0};
    json_t *all = json_object();
    page_read_lines(p, "metrics.jsonl", take_line, &r);
    p->failed = p->failed || r.failed;
    for (size_t i = 0; i < r.n_tables; i++) {
        json_put(all, r.tables[i]->kind, table_json(p, r.tables[i]), &p->failed);
        for (size_t k = 0; k < r.tables[i]->n_columns; k++)
            free(r.tables[i]->columns[k].value);
        free(r.tables[i]);
    }
    if (r.kinds_left_out > 0)
        page_note_add(p, "metrics.jsonl: %lld rows of further kinds are not shown",
                      r.kinds_left_out);
    if (r.columns_left_out > 0)
        page_note_add(p, "metrics.jsonl: %lld numbers of further keys are not shown",
                      r.columns_left_out);
    json_put(p->object, "metrics", all, &p->failed);
}

/* --- Events ----------------------------------------------------------------------------------- */

struct event_reader {
    struct page_part *part;
    json_t *list;
    long long left_out;
};

static bool take_event(void *reader, const json_t *row)
{
    struct event_reader *r = reader;
    if (!json_is_string(json_object_get(row, "event")) ||
        !json_is_number(json_object_get(row, "step")))
        return false;
    json_append(r->list, json_incref((json_t *)(uintptr_t)row), &r->part->failed);
    if (json_array_size(r->list) > EVENTS_SHOWN) {
        json_array_remove(r->list, 0);
        r->left_out++;
    }
    return true;
}

void page_add_events(struct page_part *p)
{
    struct event_reader r = {.part = p, .list = json_array()};
    page_read_lines(p, "events.jsonl", take_event, &r);
    if (r.left_out > 0)
        page_note_add(p, "events.jsonl: the first %lld events are not shown", r.left_out);
    json_put(p->object, "events", r.list, &p->failed);
}
