/* The configuration of a run beside its preset and the defaults, and what bifrons plan computes
 * from it. */
#include <stdlib.h>
#include <string.h>

#include "config_schema.h"
#include "page_priv.h"
#include "plan.h"

#include "base/poison.h"

/* The configurations that are compared. */
struct configs {
    struct config run, preset, defaults;
    bool has_preset;
};

/* A key's value in TOML. */
static json_t *value_json(const struct config_key *key, const struct config *c)
{
    struct config_value v = config_key_load(key, c);
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return NULL;
    config_value_print(f, key, &v);
    json_t *value = fclose(f) == 0 ? json_text_or_null(text) : NULL;
    free(text);
    return value;
}

static json_t *keys_json(struct page_part *p, const struct configs *c)
{
    const struct config_key *keys;
    size_t n = config_schema(&keys);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object();
        json_put(o, "key", json_string(keys[i].name), &p->failed);
        json_put(o, "value", value_json(&keys[i], &c->run), &p->failed);
        json_put(o, "default", value_json(&keys[i], &c->defaults), &p->failed);
        if (c->has_preset)
            json_put(o, "preset", value_json(&keys[i], &c->preset), &p->failed);
        json_append(list, o, &p->failed);
    }
    return list;
}

/* --- The plan --------------------------------------------------------------------------------- */

static int64_t training_pictures(const struct page_part *p, const struct config *c)
{
    const json_t *people = json_object_get(json_object_get(p->object, "record"), "people");
    json_int_t most = 1;
    for (size_t i = 0; i < json_array_size(people); i++) {
        json_int_t n = json_integer_value(json_object_get(json_array_get(people, i), "pictures"));
        most = n > most && n <= PLAN_PICTURES_MAX ? n : most;
    }
    return (int64_t)((double)most * (1 - c->data.val_fraction));
}

static json_t *plan_json(const struct page_part *p, const struct config *c)
{
    json_int_t ranks =
        json_integer_value(json_object_get(json_object_get(p->object, "record"), "world_size"));
    const struct plan_request request = {
        .config = c,
        .cluster = p->cluster,
        .ranks = ranks > 0 && ranks <= PLAN_RANKS_MAX ? ranks : 1,
        .pictures = training_pictures(p, c),
    };
    struct errmsg em = {0};
    struct plan *plan = NULL;
    if (plan_new(&request, &plan, &em) != ST_OK)
        return json_null();
    double flops = plan_forward_flops(&plan->work) + plan_backward_flops(&plan->work);
    json_t *o =
        json_pack("{s:I, s:I, s:f, s:f, s:f, s:o}", "image_size", (json_int_t)c->model.image_size,
                  "global_batch", (json_int_t)plan->run.global_batch, "parameters",
                  plan_parameters_all(&plan->work), "step_flops",
                  flops * (double)plan->run.global_batch, "rank_bytes",
                  plan->memory[plan->precision].total, "step_s",
                  p->cluster ? json_real(plan->step[plan->precision].total) : json_null());
    plan_free(plan);
    return o;
}

/* One plan for each stage; a run without stages has one. */
static json_t *plans_json(struct page_part *p, const struct config *c)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < config_stage_count(c); i++) {
        struct config *stage = malloc(sizeof *stage);
        if (!stage) {
            p->failed = true;
            break;
        }
        *stage = *c;
        config_enter_stage(stage, i);
        stage->train.stages.n = 0; /* plan only this stage */
        json_append(list, plan_json(p, stage), &p->failed);
        free(stage);
    }
    return list;
}

/* --- Both ------------------------------------------------------------------------------------- */

static void read_preset(struct page_part *p, struct configs *c)
{
    const char *path =
        json_string_value(json_object_get(json_object_get(p->object, "record"), "config"));
    struct errmsg em = {0};
    config_init(&c->preset);
    if (!path)
        return;
    c->has_preset = file_exists(path) && config_merge_file(&c->preset, path, &em) == ST_OK;
    json_put(p->object, "preset", json_text_or_null(path), &p->failed);
    if (em.text[0])
        page_note_add(p, "the configuration is not compared with %s: %s", path, em.text);
}

void page_add_config(struct page_part *p)
{
    char path[PATH_BYTES_MAX];
    struct errmsg em = {0};
    struct configs *c = calloc(1, sizeof *c);
    if (!c || !page_path(p->run, "config.resolved.toml", path)) {
        p->failed = p->failed || !c;
        free(c);
        return;
    }
    config_init(&c->run);
    config_init(&c->defaults);
    if (config_merge_file(&c->run, path, &em) == ST_OK) {
        read_preset(p, c);
        json_put(p->object, "config", keys_json(p, c), &p->failed);
        json_put(p->object, "plans", plans_json(p, &c->run), &p->failed);
    } else {
        page_note_add(p, "no configuration: %s", em.text);
    }
    free(c);
}
