#include "run_meta.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "base/checked.h"

#include "base/poison.h"

/* NaN has no JSON: null stands for "not yet". */
static json_t *number_or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static double number_of(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static void fingerprint_text(const struct session *s, int person, char out[static 20])
{
    snprintf(out, 20, "%016" PRIx64, set_get_info(s->sets[person])->fingerprint);
}

/* NULL where memory is out. */
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
    g.bad_in_a_row = (int32_t)number_of(object, "bad_in_a_row", 0);
    g.rollbacks = (int32_t)number_of(object, "rollbacks", 0);
    g.skipped = (int64_t)number_of(object, "skipped", 0);
    g.lr_scale = number_of(object, "lr_scale", 1);
    return g;
}

static json_t *pair_of(const double x[MODEL_PEOPLE])
{
    return json_pack("[o, o]", number_or_null(x[MODEL_A]), number_or_null(x[MODEL_B]));
}

static json_t *collapse_object(const struct collapse *c)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:[i, i], s:i}", "start", pair_of(c->start), "best",
                     pair_of(c->best), "variety", pair_of(c->variety), "travel",
                     number_or_null(c->travel), "kind", (int)c->kind[MODEL_A],
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
        c.in_a_row = (int32_t)fmin(fmax(number_of(object, "in_a_row", 0), 0), INT32_MAX);
    return c;
}

char *run_meta_text(const struct session *s)
{
    char fingerprint[2][20];
    for (int p = 0; p < 2; p++)
        fingerprint_text(s, p, fingerprint[p]);
    json_t *meta =
        json_pack("{s:o, s:f, s:I, s:i, s:i, s:[s,s], s:[s,s], s:[s,s], s:o}", "best_value",
                  number_or_null(s->state.best_value), "wall_s", s->state.wall_s, "metrics_bytes",
                  (json_int_t)s->state.metrics_bytes, "world_size", comm_world_size(s->comm),
                  "threads", s->threads.n, "fingerprints", fingerprint[0], fingerprint[1], "people",
                  set_get_info(s->sets[0])->person, set_get_info(s->sets[1])->person, "consent",
                  set_get_info(s->sets[0])->consent, set_get_info(s->sets[1])->consent, "guard",
                  guard_object(&s->state.guard));
    if (meta) {
        json_object_set_new(meta, "best_step", json_integer((json_int_t)s->state.best_step));
        json_object_set_new(meta, "best_seen", number_or_null(s->state.best_seen));
        json_object_set_new(meta, "stale", json_integer((json_int_t)s->state.stale));
        json_object_set_new(meta, "collapse", collapse_object(&s->state.collapse));
        json_object_set_new(meta, "save_s", json_real(s->state.save_s));
        json_object_set_new(meta, "stretch_s", json_real(s->state.stretch_s));
    }
    if (meta && s->config.train.stages.n > 0) {
        json_object_set_new(meta, "stage", json_integer((json_int_t)s->state.stage + 1));
        json_object_set_new(meta, "stage_step", json_integer((json_int_t)s->state.stage_step));
        json_object_set_new(meta, "stage_position",
                            json_integer((json_int_t)s->state.stage_position));
    }
    char *text = meta ? json_dumps(meta, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(meta);
    return text;
}

void run_meta_read(const char *text, struct run_meta *out)
{
    json_t *meta = json_loads(text ? text : "{}", 0, NULL);
    *out = (struct run_meta){
        .best_value = number_of(meta, "best_value", NAN),
        .best_step = (int64_t)number_of(meta, "best_step", 0),
        .best_seen = number_of(meta, "best_seen", NAN),
        .stale = (int64_t)number_of(meta, "stale", 0),
        .stage = (int64_t)number_of(meta, "stage", 1) - 1,
        .stage_step = (int64_t)number_of(meta, "stage_step", 0),
        .stage_position = (int64_t)number_of(meta, "stage_position", 0),
        .wall_s = number_of(meta, "wall_s", 0),
        .save_s = number_of(meta, "save_s", 0),
        .stretch_s = number_of(meta, "stretch_s", 0),
        .metrics_bytes = (int64_t)number_of(meta, "metrics_bytes", 0),
        .world_size = (int)number_of(meta, "world_size", 0),
        .threads = (int)number_of(meta, "threads", 0),
        .guard = guard_of(json_object_get(meta, "guard")),
        .collapse = collapse_of(json_object_get(meta, "collapse")),
    };
    for (size_t p = 0; p < 2; p++) {
        const char *print =
            json_string_value(json_array_get(json_object_get(meta, "fingerprints"), p));
        snprintf(out->fingerprints[p], sizeof out->fingerprints[p], "%s", print ? print : "");
    }
    json_decref(meta);
}
