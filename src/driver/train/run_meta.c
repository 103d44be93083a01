#include "run_meta.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

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

char *run_meta_text(const struct session *s)
{
    char fingerprint[2][20];
    for (int p = 0; p < 2; p++)
        fingerprint_text(s, p, fingerprint[p]);
    json_t *meta =
        json_pack("{s:o, s:f, s:I, s:i, s:i, s:[s,s], s:[s,s], s:[s,s]}", "best_val_loss",
                  number_or_null(s->state.best_val_loss), "wall_s", s->state.wall_s,
                  "metrics_bytes", (json_int_t)s->state.metrics_bytes, "world_size",
                  comm_world_size(s->comm), "threads", s->threads, "fingerprints", fingerprint[0],
                  fingerprint[1], "people", set_get_info(s->sets[0])->person,
                  set_get_info(s->sets[1])->person, "consent", set_get_info(s->sets[0])->consent,
                  set_get_info(s->sets[1])->consent);
    if (meta) {
        json_object_set_new(meta, "save_s", json_real(s->state.save_s));
        json_object_set_new(meta, "stretch_s", json_real(s->state.stretch_s));
    }
    char *text = meta ? json_dumps(meta, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(meta);
    return text;
}

void run_meta_read(const char *text, struct run_meta *out)
{
    json_t *meta = json_loads(text ? text : "{}", 0, NULL);
    *out = (struct run_meta){
        .best_val_loss = number_of(meta, "best_val_loss", NAN),
        .wall_s = number_of(meta, "wall_s", 0),
        .save_s = number_of(meta, "save_s", 0),
        .stretch_s = number_of(meta, "stretch_s", 0),
        .metrics_bytes = (int64_t)number_of(meta, "metrics_bytes", 0),
        .world_size = (int)number_of(meta, "world_size", 0),
        .threads = (int)number_of(meta, "threads", 0),
    };
    for (size_t p = 0; p < 2; p++) {
        const char *print =
            json_string_value(json_array_get(json_object_get(meta, "fingerprints"), p));
        snprintf(out->fingerprints[p], sizeof out->fingerprints[p], "%s", print ? print : "");
    }
    json_decref(meta);
}
