#include "run_meta.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/json.h"

#include "base/poison.h"

static double number_of(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

/* The whole number of this key; `least` if it is missing, or not from least to most. */
static int64_t whole_of(const json_t *object, const char *key, int64_t least, int64_t most)
{
    const json_t *value = json_object_get(object, key);
    json_int_t number = json_integer_value(value); /* 0 if it is none */
    return number >= least && number <= most ? number : least;
}

/* NULL if out of memory. */
static json_t *guard_object(const struct guard *g)
{
    json_t *losses = json_array();
    for (int i = 0; i < g->n; i++)
        json_array_append_new(losses,
                              json_real(
                                  g->window[(g->next - g->n + i + GUARD_WINDOW) % GUARD_WINDOW]));
    return json_pack("{s:o, s:i, s:i, s:I, s:f}", "losses", losses, "bad_in_a_row",
                     (int)g->bad_in_a_row, "rollbacks", (int)g->rollbacks, "skipped",
                     (json_int_t)g->skipped, "lr_scale", g->lr_scale);
}

static struct guard guard_of(const json_t *object)
{
    struct guard g;
    const json_t *losses = json_object_get(object, "losses");
    guard_init(&g);
    size_t n = MIN(json_array_size(losses), (size_t)GUARD_WINDOW);
    for (size_t i = 0; i < n; i++)
        g.window[i] = json_number_value(json_array_get(losses, i));
    g.n = (int32_t)n;
    g.next = (int32_t)(n % GUARD_WINDOW);
    g.bad_in_a_row = (int32_t)whole_of(object, "bad_in_a_row", 0, INT32_MAX);
    g.rollbacks = (int32_t)whole_of(object, "rollbacks", 0, INT32_MAX);
    g.skipped = whole_of(object, "skipped", 0, INT64_MAX);
    g.lr_scale = number_of(object, "lr_scale", 1);
    return g;
}

static json_t *pair_of(const double x[MODEL_PEOPLE])
{
    return json_pack("[o, o]", json_number_or_null(x[MODEL_A]), json_number_or_null(x[MODEL_B]));
}

static json_t *collapse_object(const struct collapse *c)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:[i, i], s:i}", "start", pair_of(c->start), "best",
                     pair_of(c->best), "variety", pair_of(c->variety), "travel",
                     json_number_or_null(c->travel), "kind", (int)c->kind[MODEL_A],
                     (int)c->kind[MODEL_B], "in_a_row", (int)c->in_a_row);
}

static void read_pair(const json_t *object, const char *key, double out[MODEL_PEOPLE])
{
    const json_t *pair = json_object_get(object, key);
    for (size_t who = 0; who < MODEL_PEOPLE; who++)
        if (json_is_number(json_array_get(pair, who)))
            out[who] = json_number_value(json_array_get(pair, who));
}

static struct collapse collapse_of(const json_t *object)
{
    struct collapse c;
    double kind[MODEL_PEOPLE] = {COLLAPSE_NONE, COLLAPSE_NONE};
    collapse_forget(&c);
    read_pair(object, "start", c.start);
    read_pair(object, "best", c.best);
    read_pair(object, "variety", c.variety);
    read_pair(object, "kind", kind);
    c.travel = number_of(object, "travel", NAN);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        if (kind[who] > COLLAPSE_NONE && kind[who] < COLLAPSE_KINDS)
            c.kind[who] = (int32_t)kind[who];
    if (c.kind[MODEL_A] != COLLAPSE_NONE || c.kind[MODEL_B] != COLLAPSE_NONE)
        c.in_a_row = (int32_t)whole_of(object, "in_a_row", 0, INT32_MAX);
    return c;
}

enum kind { WHOLE, NUMBER, SECONDS, GUARD, COLLAPSE, STAGE, IN_STAGE };

static const struct row {
    const char *key;
    enum kind kind;
    size_t offset; /* in struct train_state */
} rows[] = {
#define META(type, name, kind, shown) {#name, kind, offsetof(struct train_state, name)},
    TRAIN_STATE(STATE_SKIP, STATE_SKIP, META)
#undef META
};

/* A stage is counted from 0 and written from 1. */
static int first_of(const struct row *row)
{
    return row->kind == STAGE ? 1 : 0;
}

static json_t *row_write(const struct row *row, const struct train_state *t)
{
    const void *field = (const char *)t + row->offset;
    const int64_t *whole = field;
    const double *number = field;
    switch (row->kind) {
    case WHOLE:
    case STAGE:
    case IN_STAGE:
        return json_integer(*whole + first_of(row));
    case NUMBER:
    case SECONDS:
        return json_number_or_null(*number);
    case GUARD:
        return guard_object(field);
    case COLLAPSE:
        return collapse_object(field);
    }
    return NULL;
}

static void row_read(const struct row *row, const json_t *meta, struct train_state *t)
{
    void *field = (char *)t + row->offset;
    int64_t *whole = field;
    double *number = field;
    switch (row->kind) {
    case WHOLE:
    case STAGE:
    case IN_STAGE:
        *whole = whole_of(meta, row->key, first_of(row), INT64_MAX) - first_of(row);
        break;
    case NUMBER:
    case SECONDS:
        *number = number_of(meta, row->key, row->kind == NUMBER ? NAN : 0);
        break;
    case GUARD:
        *(struct guard *)field = guard_of(json_object_get(meta, row->key));
        break;
    case COLLAPSE:
        *(struct collapse *)field = collapse_of(json_object_get(meta, row->key));
        break;
    }
}

/* NULL if not known. */
static json_t *identity_of(const struct set_identity *identity)
{
    json_t *numbers = identity && identity->known ? json_array() : NULL;
    for (int i = 0; i < SET_IDENTITY_NUMBERS && numbers; i++)
        json_array_append_new(numbers, json_real((double)identity->mean[i]));
    return numbers;
}

static void put_identities(json_t *meta, const struct set_identity *const of[2])
{
    json_t *a = identity_of(of[0]), *b = identity_of(of[1]);
    if (a || b)
        json_object_set_new(meta, "identity",
                            json_pack("{s:[o, o]}", "mean", a ? a : json_null(),
                                      b ? b : json_null()));
}

char *run_meta_text(const struct run_meta *m, bool stages)
{
    json_t *meta =
        json_pack("{s:i, s:i, s:[s,s], s:[s,s], s:[s,s], s:[s,s]}", "world_size", m->world_size,
                  "threads", m->threads, "fingerprints", m->fingerprints[0], m->fingerprints[1],
                  "held_out", m->held_out[0], m->held_out[1], "people", m->people[0], m->people[1],
                  "consent", m->consent[0], m->consent[1]);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (stages || (rows[i].kind != STAGE && rows[i].kind != IN_STAGE))
            json_object_set_new(meta, rows[i].key, row_write(&rows[i], &m->state));
    put_identities(meta, m->identities);
    if (m->pupils[0] > 0 || m->pupils[1] > 0)
        json_object_set_new(meta, "pupils", json_pack("[f, f]", m->pupils[0], m->pupils[1]));
    char *text = meta ? json_dumps(meta, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(meta);
    return text;
}

/* The text of person p; "" if there is none. */
static void read_text(const json_t *meta, const char *key, size_t p, char out[static 17])
{
    const char *text = json_string_value(json_array_get(json_object_get(meta, key), p));
    snprintf(out, 17, "%s", text ? text : "");
}

void run_meta_read(const char *text, struct run_meta *out)
{
    json_t *meta = json_loads(text ? text : "{}", 0, NULL);
    *out = (struct run_meta){
        .world_size = (int)whole_of(meta, "world_size", 0, INT_MAX),
        .threads = (int)whole_of(meta, "threads", 0, INT_MAX),
    };
    train_state_init(&out->state);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        row_read(&rows[i], meta, &out->state);
    for (size_t p = 0; p < 2; p++) {
        read_text(meta, "fingerprints", p, out->fingerprints[p]);
        read_text(meta, "held_out", p, out->held_out[p]);
    }
    json_decref(meta);
}

void run_meta_put_facts(const struct train_state *t, struct checkpoint_number numbers[VAL_NUMBERS],
                        struct checkpoint_facts *facts)
{
#define FACT(type, name, fact) facts->fact = t->name;
#define METRICS(type, name, group)        \
    for (int i = 0; i < VAL_NUMBERS; i++) \
        numbers[i] = (struct checkpoint_number){val_metrics_key(i), t->name.number[i]};
    TRAIN_STATE(FACT, METRICS, STATE_SKIP)
#undef FACT
#undef METRICS
    facts->val_metrics = numbers;
    facts->n_val_metrics = VAL_NUMBERS;
}

void run_meta_of(const struct checkpoint *c, struct run_meta *out)
{
    const struct checkpoint_facts *facts = checkpoint_get_facts(c);
    struct train_state *t = &out->state;
    run_meta_read(facts->meta, out);
#define FACT(type, name, fact) t->name = facts->fact;
#define METRICS(type, name, group)        \
    for (int i = 0; i < VAL_NUMBERS; i++) \
        t->name.number[i] = checkpoint_get_val_metric(c, val_metrics_key(i));
    TRAIN_STATE(FACT, METRICS, STATE_SKIP)
#undef FACT
#undef METRICS
}
