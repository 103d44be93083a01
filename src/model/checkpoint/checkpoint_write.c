/* Writes a training state: the dicts of torch.load, and the record for readers without libtorch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/json.h"
#include "base/version.h"
#include "checkpoint_priv.h"
#include "model/checkpoint.h"

#include "base/poison.h"

/* Indices of checkpoint_array. */
enum array { PARAMETERS, EXP_AVG, EXP_AVG_SQ, AVERAGE };

/* Where the arrays come from: the model, or a snapshot of it. */
struct source {
    const struct model *model;
    const struct checkpoint_snapshot *snapshot; /* NULL: the model's own arrays */
};

static struct shim_value *tensor_of(struct shim_archive *a, const struct source *s,
                                    enum array which, const struct model_tensor *t)
{
    if (!s->snapshot)
        return shim_value_range(a, s->model->group, checkpoint_array[which], t->offset, SHIM_F32,
                                (size_t)t->n_dims, t->dims);
    return shim_value_view(a, SHIM_F32, s->snapshot->copy[which] + t->offset, (size_t)t->n_dims,
                           t->dims);
}

static struct shim_value *model_state(struct shim_archive *a, const struct source *s,
                                      enum array which)
{
    const struct model_tensor *tensors;
    size_t n = model_layout(s->model, &tensors);
    struct shim_value *dict = shim_value_dict(a);
    for (size_t i = 0; i < n; i++)
        shim_put(a, dict, tensors[i].name, tensor_of(a, s, which, &tensors[i]));
    return dict;
}

/* The only parameter group, with every key of torch.optim.Adam's. */
static struct shim_value *param_group(struct shim_archive *a, const struct model *m, double lr,
                                      size_t n_tensors)
{
    static const char *const off[] = {"amsgrad", "maximize", "capturable", "differentiable"};
    struct shim_value *group = shim_value_dict(a), *params = shim_value_list(a);
    const struct model_options *o = model_get_options(m);
    shim_put(a, group, "lr", shim_value_double(a, lr));
    shim_put(a, group, "betas", shim_value_pair(a, o->adam_beta1, o->adam_beta2));
    shim_put(a, group, "eps", shim_value_double(a, o->adam_eps));
    shim_put(a, group, "weight_decay", shim_value_double(a, o->weight_decay));
    shim_put(a, group, "decoupled_weight_decay", shim_value_bool(a, o->weight_decay > 0));
    for (size_t i = 0; i < ARRAY_LENGTH(off); i++)
        shim_put(a, group, off[i], shim_value_bool(a, false));
    shim_put(a, group, "foreach", shim_value_none(a));
    shim_put(a, group, "fused", shim_value_none(a));
    for (size_t i = 0; i < n_tensors; i++)
        shim_append(a, params, shim_value_int(a, (int64_t)i));
    shim_put(a, group, "params", params);
    return group;
}

static struct shim_value *optimizer_state(struct shim_archive *a, const struct source *s,
                                          const struct checkpoint_facts *facts)
{
    const struct model_tensor *tensors;
    size_t n = model_layout(s->model, &tensors);
    const float step = (float)(facts->step - facts->stage_step);
    struct shim_value *optimizer = shim_value_dict(a), *state = shim_value_dict(a),
                      *groups = shim_value_list(a);
    for (size_t i = 0; i < n && step > 0; i++) {
        struct shim_value *one = shim_value_dict(a);
        shim_put(a, one, "step", shim_value_tensor(a, SHIM_F32, &step, 0, NULL));
        shim_put(a, one, "exp_avg", tensor_of(a, s, EXP_AVG, &tensors[i]));
        shim_put(a, one, "exp_avg_sq", tensor_of(a, s, EXP_AVG_SQ, &tensors[i]));
        shim_put_at(a, state, (int64_t)i, one);
    }
    shim_append(a, groups, param_group(a, s->model, facts->lr, n));
    shim_put(a, optimizer, "state", state);
    shim_put(a, optimizer, "param_groups", groups);
    return optimizer;
}

static json_t *parameters_json(const struct architecture *a)
{
    json_t *object = json_object();
    for (int part = 0; part < MODEL_PARTS; part++)
        if (a->part_count[part] > 0)
            json_object_set_new(object, architecture_part_name(part),
                                json_integer((json_int_t)a->part_count[part]));
    json_object_set_new(object, "total", json_integer((json_int_t)a->count));
    return object;
}

/* The text of the record bifrons.json. */
static char *summary_text(const struct model *m, const struct checkpoint_facts *facts)
{
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:s, s:s}", "format",
                  CHECKPOINT_FORMAT_NAME, "format_version", CHECKPOINT_FORMAT_VERSION, "creator",
                  "bifrons " BIFRONS_VERSION, "model",
                  checkpoint_config_json(&m->architecture->config), "parameters",
                  parameters_json(m->architecture), "epoch", (json_int_t)facts->epoch, "step",
                  (json_int_t)facts->step, "position", (json_int_t)facts->position, "loss",
                  json_number_or_null(facts->loss), "val_loss",
                  json_number_or_null(facts->val_loss), "config",
                  facts->config ? facts->config : "", "meta", facts->meta ? facts->meta : "{}");
    json_t *metrics = json_object();
    for (size_t i = 0; i < facts->n_val_metrics; i++)
        if (isfinite(facts->val_metrics[i].value))
            json_object_set_new(metrics, facts->val_metrics[i].key,
                                json_real(facts->val_metrics[i].value));
    json_object_set_new(root, "val_metrics", metrics);
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    return text;
}

static void put_val_metrics(struct shim_archive *a, struct shim_value *root,
                            const struct checkpoint_facts *facts)
{
    struct shim_value *metrics = shim_value_dict(a);
    for (size_t i = 0; i < facts->n_val_metrics; i++)
        if (isfinite(facts->val_metrics[i].value))
            shim_put(a, metrics, facts->val_metrics[i].key,
                     shim_value_double(a, facts->val_metrics[i].value));
    shim_put(a, root, "val_metrics", metrics);
}

static void put_facts(struct shim_archive *a, struct shim_value *root, const struct model *m,
                      const struct checkpoint_facts *facts)
{
    shim_put(a, root, "format", shim_value_string(a, CHECKPOINT_FORMAT_NAME));
    shim_put(a, root, "format_version", shim_value_int(a, CHECKPOINT_FORMAT_VERSION));
    shim_put(a, root, "creator", shim_value_string(a, "bifrons " BIFRONS_VERSION));
    shim_put(a, root, "torch_version", shim_value_string(a, shim_torch_version()));
    shim_put(a, root, "model", checkpoint_config_value(a, &m->architecture->config));
    shim_put(a, root, "epoch", shim_value_int(a, facts->epoch));
    shim_put(a, root, "step", shim_value_int(a, facts->step));
    shim_put(a, root, "position", shim_value_int(a, (int64_t)facts->position));
    shim_put(a, root, "loss", shim_value_double(a, facts->loss));
    shim_put(a, root, "val_loss", shim_value_double(a, facts->val_loss));
    put_val_metrics(a, root, facts);
    shim_put(a, root, "config", shim_value_string(a, facts->config ? facts->config : ""));
    shim_put(a, root, "meta", shim_value_string(a, facts->meta ? facts->meta : "{}"));
}

static enum status write_archive(const struct source *s, const struct checkpoint_facts *facts,
                                 const char *path, struct hash128_stream *hash, struct errmsg *em)
{
    struct shim_archive *a = NULL;
    char *summary = summary_text(s->model, facts);
    enum status st =
        summary ? shim_archive_new(&a, em)
                : FAIL(em, ST_INTERNAL,
                       "cannot write checkpoint %s: config or meta is not UTF-8, or out of memory",
                       path);
    if (st == ST_OK) {
        struct shim_value *root = shim_archive_root(a);
        shim_put(a, root, "model_state_dict", model_state(a, s, PARAMETERS));
        if (model_get_options(s->model)->ema > 0)
            shim_put(a, root, "ema_state_dict", model_state(a, s, AVERAGE));
        shim_put(a, root, "optimizer_state_dict", optimizer_state(a, s, facts));
        discriminators_put(a, root, s->model, s->snapshot ? s->snapshot->discriminators : NULL,
                           facts->discriminator_steps);
        put_facts(a, root, s->model, facts);
        st = shim_archive_write(a, path, CHECKPOINT_RECORD, summary, strlen(summary), hash, em);
    }
    shim_archive_free(a);
    free(summary);
    return st;
}

enum status checkpoint_write(const struct model *m, const struct checkpoint_facts *facts,
                             const char *path, struct errmsg *em)
{
    return write_archive(&(struct source){.model = m}, facts, path, NULL, em);
}

enum status checkpoint_snapshot_write(const struct checkpoint_snapshot *s,
                                      const struct checkpoint_facts *facts, const char *path,
                                      struct hash128 *hash_out, struct errmsg *em)
{
    const struct source from = {.model = s->model, .snapshot = s};
    struct hash128_stream *hash = hash128_stream_new();
    enum status st = hash ? write_archive(&from, facts, path, hash, em)
                          : FAIL(em, ST_MEMORY, "out of memory writing %s", path);
    if (st == ST_OK)
        *hash_out = hash128_stream_get(hash);
    hash128_stream_free(hash);
    return st;
}
