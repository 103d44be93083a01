/* Reads a training state from a file that may be torn, foreign or of another architecture. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "checkpoint_priv.h"
#include "grow.h"
#include "model/checkpoint.h"
#include "zip_check.h"

#include "base/poison.h"

struct checkpoint {
    char *path;
    struct shim_archive *archive;
    struct model_config config;
    struct checkpoint_facts facts;
};

static enum status fail_missing(const struct checkpoint *c, const char *what, struct errmsg *em)
{
    return FAIL(em, ST_DATA, "%s is no checkpoint of bifrons: it has no readable \"%s\"", c->path,
                what);
}

/* A copy of a text entry; "" if it is absent. */
static char *copy_text(struct checkpoint *c, const char *key)
{
    const char *text = shim_get_string(shim_get(c->archive, shim_archive_root(c->archive), key));
    return strdup(text ? text : "");
}

static enum status read_facts(struct checkpoint *c, struct errmsg *em)
{
    struct shim_archive *a = c->archive;
    struct shim_value *root = shim_archive_root(a);
    const char *format = shim_get_string(shim_get(a, root, "format"));
    int64_t version = 0, position = -1;
    if (!format || strcmp(format, CHECKPOINT_FORMAT_NAME) != 0)
        return fail_missing(c, "format", em);
    if (!shim_get_int(shim_get(a, root, "format_version"), &version) || version < 1)
        return fail_missing(c, "format_version", em);
    if (version > CHECKPOINT_FORMAT_VERSION)
        return FAIL(
            em, ST_DATA,
            "%s is of format version %lld, this program reads up to %d; use a newer bifrons",
            c->path, (long long)version, CHECKPOINT_FORMAT_VERSION);
    if (!shim_get_int(shim_get(a, root, "epoch"), &c->facts.epoch) || c->facts.epoch < 0)
        return fail_missing(c, "epoch", em);
    if (!shim_get_int(shim_get(a, root, "step"), &c->facts.step) || c->facts.step < 0)
        return fail_missing(c, "step", em);
    if (!shim_get_int(shim_get(a, root, "position"), &position) || position < 0)
        return fail_missing(c, "position", em);
    c->facts.position = (uint64_t)position;
    c->facts.loss = c->facts.val_loss = NAN;
    (void)shim_get_int(shim_get(a, shim_get(a, root, "discriminators"), "step"),
                       &c->facts.discriminator_steps);
    (void)shim_get_double(shim_get(a, root, "loss"), &c->facts.loss);
    (void)shim_get_double(shim_get(a, root, "val_loss"), &c->facts.val_loss);
    struct shim_value *optimizer = shim_get(a, root, "optimizer_state_dict");
    struct shim_value *group = shim_get_at(a, shim_get(a, optimizer, "param_groups"), 0);
    (void)shim_get_double(shim_get(a, group, "lr"), &c->facts.lr);
    c->facts.config = copy_text(c, "config");
    c->facts.meta = copy_text(c, "meta");
    if (!c->facts.config || !c->facts.meta)
        return FAIL(em, ST_MEMORY, "out of memory reading %s", c->path);
    return checkpoint_config_read(a, shim_get(a, root, "model"), c->path, &c->config, em);
}

enum status checkpoint_open(const char *path, struct checkpoint **out, struct errmsg *em)
{
    enum status st = zip_check(path, em);
    if (st != ST_OK)
        return st;
    struct checkpoint *c = calloc(1, sizeof *c);
    if (!c || !(c->path = strdup(path)))
        st = FAIL(em, ST_MEMORY, "out of memory reading %s", path);
    if (st == ST_OK)
        st = shim_archive_read(path, &c->archive, em);
    if (st == ST_OK)
        st = read_facts(c, em);
    if (st != ST_OK) {
        checkpoint_free(c);
        return st;
    }
    *out = c;
    return ST_OK;
}

void checkpoint_free(struct checkpoint *c)
{
    if (!c)
        return;
    shim_archive_free(c->archive);
    free(c->facts.config);
    free(c->facts.meta);
    free(c->path);
    free(c);
}

const struct checkpoint_facts *checkpoint_get_facts(const struct checkpoint *c)
{
    return &c->facts;
}

double checkpoint_get_val_metric(const struct checkpoint *c, const char *key)
{
    double value = NAN;
    struct shim_value *root = shim_archive_root(c->archive);
    (void)shim_get_double(shim_get(c->archive, shim_get(c->archive, root, "val_metrics"), key),
                          &value);
    return value;
}

struct model_config checkpoint_get_config(const struct checkpoint *c)
{
    return c->config;
}

bool checkpoint_same_shape(const struct shim_value *v, const struct model_tensor *t)
{
    enum shim_dtype dtype;
    size_t n_dims;
    int64_t dims[SHIM_DIMS_MAX];
    if (!shim_get_tensor(v, &dtype, &n_dims, dims) || n_dims != (size_t)t->n_dims)
        return false;
    for (size_t i = 0; i < n_dims; i++)
        if (dims[i] != t->dims[i])
            return false;
    return true;
}

/* Where the file has the tensors of a flat array: in dict by name, or by index and key (Adam's
 * state). */
struct source {
    enum shim_flat which;
    const char *key; /* "exp_avg"; NULL: by name */
    struct shim_value *dict;
};

static const struct shim_value *find(const struct checkpoint *c, const struct source *s,
                                     const struct model_tensor *tensors, size_t index)
{
    if (!s->key)
        return shim_get(c->archive, s->dict, tensors[index].name);
    return shim_get(c->archive, shim_get_at(c->archive, s->dict, (int64_t)index), s->key);
}

static enum status check_source(const struct checkpoint *c, const struct architecture *a,
                                const struct source *s, struct errmsg *em)
{
    const struct model_tensor *tensors = a->tensors;
    size_t n = a->n_tensors;
    const char *kind = s->key ? s->key : "parameter";
    for (size_t i = 0; i < n; i++) {
        const struct shim_value *v = find(c, s, tensors, i);
        if (!checkpoint_same_shape(v, &tensors[i]))
            return FAIL(em, ST_DATA, "%s: %s \"%s\" is missing or of another shape", c->path, kind,
                        tensors[i].name);
        if (!shim_is_finite(v))
            return FAIL(em, ST_DATA,
                        "%s: %s \"%s\" holds values that are not finite; use an earlier checkpoint",
                        c->path, kind, tensors[i].name);
    }
    return ST_OK;
}

static enum status copy_source(const struct checkpoint *c, struct model *m, const struct source *s,
                               struct errmsg *em)
{
    const struct model_tensor *tensors;
    size_t n = model_layout(m, &tensors);
    enum status st = ST_OK;
    for (size_t i = 0; i < n && st == ST_OK; i++)
        st = shim_read_range(find(c, s, tensors, i), m->group, s->which, tensors[i].offset,
                             tensors[i].count, em);
    return st;
}

static enum status check_architecture(const struct checkpoint *c, const struct model_config *wanted,
                                      struct errmsg *em)
{
    char difference[96];
    if (architecture_same(&c->config, wanted, difference, sizeof difference))
        return ST_OK;
    return FAIL(em, ST_DATA,
                "%s is of another architecture than the one wanted: model.%s; set it as it was, or "
                "start without the checkpoint",
                c->path, difference);
}

static struct shim_value *parameters_of(const struct checkpoint *c, bool ema)
{
    struct shim_value *root = shim_archive_root(c->archive);
    struct shim_value *averaged = ema ? shim_get(c->archive, root, "ema_state_dict") : NULL;
    return averaged ? averaged : shim_get(c->archive, root, "model_state_dict");
}

/* The arrays that a restored model takes, in the order of checkpoint_array. At step 0 Adam has no
 * moments; the average is taken only if both file and model have one. */
struct sources {
    struct source list[CHECKPOINT_ARRAYS];
    size_t n;
    bool averages;
};

static struct sources sources_of(const struct checkpoint *c, const struct model_options *o,
                                 bool moments, bool ema)
{
    struct shim_archive *a = c->archive;
    struct shim_value *root = shim_archive_root(a);
    struct shim_value *adam = shim_get(a, shim_get(a, root, "optimizer_state_dict"), "state");
    struct shim_value *average = shim_get(a, root, "ema_state_dict");
    struct sources s = {.list = {{SHIM_PARAMETERS, NULL, parameters_of(c, ema)}}, .n = 1};
    if (moments && c->facts.step > 0) {
        s.list[s.n++] = (struct source){SHIM_EXP_AVG, "exp_avg", adam};
        s.list[s.n++] = (struct source){SHIM_EXP_AVG_SQ, "exp_avg_sq", adam};
    }
    s.averages = moments && average && o->ema > 0;
    if (s.averages)
        s.list[s.n++] = (struct source){SHIM_EMA, NULL, average};
    return s;
}

enum status checkpoint_check(const struct checkpoint *c, const struct model_options *o,
                             bool moments, bool ema, struct errmsg *em)
{
    struct architecture *wanted = NULL;
    struct sources s = sources_of(c, o, moments, ema);
    enum status st = check_architecture(c, &o->config, em);
    if (st == ST_OK)
        st = architecture_new(&o->config, &wanted, em);
    for (size_t i = 0; i < s.n && st == ST_OK; i++)
        st = check_source(c, wanted, &s.list[i], em);
    if (st == ST_OK && moments && o->loss_weight[MODEL_LOSS_ADVERSARIAL] > 0)
        st = discriminators_check(c->archive, c->path, &o->discriminator, em);
    architecture_free(wanted);
    return st;
}

enum status checkpoint_restore(const struct checkpoint *c, struct model *m, bool moments, bool ema,
                               struct errmsg *em)
{
    struct sources s = sources_of(c, &m->options, moments, ema);
    enum status st = checkpoint_check(c, &m->options, moments, ema, em);
    for (size_t i = 0; i < s.n && st == ST_OK; i++)
        st = copy_source(c, m, &s.list[i], em);
    if (st == ST_OK && !s.averages)
        st = model_begin_average(m, em);
    return moments && st == ST_OK ? discriminators_restore(c->archive, c->path, m, em) : st;
}

/* ---- Starting another network from the weights ----------------------------------------------- */

/* A file's parameters and their network. */
struct start {
    const struct checkpoint *checkpoint;
    struct source source;
    struct architecture *architecture;
};

static enum status read_tensor(void *ctx, size_t i, float *out, struct errmsg *em)
{
    const struct start *s = ctx;
    const struct model_tensor *t = &s->architecture->tensors[i];
    return shim_read_tensor(find(s->checkpoint, &s->source, s->architecture->tensors, i), SHIM_F32,
                            out, t->count, em);
}

static enum status copy_what_fits(const struct start *s, struct model *m, struct errmsg *em)
{
    const struct architecture *a = m->architecture;
    enum status st = ST_OK;
    for (size_t i = 0; i < a->n_tensors && st == ST_OK; i++) {
        const struct shim_value *v = find(s->checkpoint, &s->source, a->tensors, i);
        bool scale = &a->tensors[i] == a->pose_scale || &a->tensors[i] - 1 == a->pose_scale;
        if (!scale && checkpoint_same_shape(v, &a->tensors[i])) /* that of the sets is known */
            st = shim_read_range(v, m->group, SHIM_PARAMETERS, a->tensors[i].offset,
                                 a->tensors[i].count, em);
    }
    return st;
}

enum status checkpoint_start(const struct checkpoint *c, struct model *m, struct errmsg *em)
{
    struct start s = {
        .checkpoint = c, .source = {SHIM_PARAMETERS, NULL, parameters_of(c, true)}
    };
    struct errmsg why = {0};
    BUG_ON(m->flat.element_bytes != sizeof(float));
    if (grow_check(&c->config, &m->architecture->config, &why) != ST_OK)
        return FAIL(em, ST_DATA, "%s: %s", c->path, why.text);
    enum status st = architecture_new(&c->config, &s.architecture, em);
    if (st == ST_OK)
        st = check_source(c, s.architecture, &s.source, em);
    if (st == ST_OK)
        st = copy_what_fits(&s, m, em);
    if (st == ST_OK)
        st = grow(&(struct grow_source){s.architecture, read_tensor, &s}, m->architecture, m->group,
                  em);
    if (st == ST_OK)
        st = model_begin_average(m, em);
    architecture_free(s.architecture);
    return st;
}
