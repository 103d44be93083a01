#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init.h"
#include "mean_codes.h"
#include "model_priv.h"

#include "base/poison.h"

/* ---- Opening a model ------------------------------------------------------------------------- */

static bool good_weight(double w)
{
    return isfinite(w) && w >= 0.0;
}

static enum status check_options(const struct model_options *o, struct errmsg *em)
{
    double sum = 0.0;
    for (int i = 0; i < MODEL_OWN_LOSSES; i++) {
        if (!good_weight(o->loss_weight[i]))
            return FAIL(em, ST_CONFIG, "loss.%s = %g: a weight is 0 or more",
                        model_loss_key((enum model_loss)i), o->loss_weight[i]);
        bool compares = model_loss_facts((enum model_loss)i) & LOSS_COMPARES;
        sum += compares ? o->loss_weight[i] : 0.0;
    }
    if (sum == 0.0)
        return FAIL(em, ST_CONFIG, "every loss of the pictures has weight 0: set loss.l1 = 1");
    if (!good_weight(o->priority_weight))
        return FAIL(em, ST_CONFIG, "loss.eyes or loss.mouth = %g: a weight is 0 or more",
                    o->priority_weight);
    if (!good_weight(o->mask_weight))
        return FAIL(em, ST_CONFIG, "loss.mask = %g: a weight is 0 or more", o->mask_weight);
    if (!(o->adam_beta1 >= 0.0 && o->adam_beta1 < 1.0 && o->adam_beta2 >= 0.0 &&
          o->adam_beta2 < 1.0 && o->adam_eps > 0.0))
        return FAIL(em, ST_CONFIG,
                    "Adam with betas %g and %g and eps %g: betas lie in [0, 1), eps above 0",
                    o->adam_beta1, o->adam_beta2, o->adam_eps);
    if (!good_weight(o->weight_decay) || !(o->ema >= 0.0 && o->ema < 1.0))
        return FAIL(em, ST_CONFIG,
                    "train.weight_decay = %g and train.ema = %g: the first is 0 or more, the "
                    "second lies in [0, 1)",
                    o->weight_decay, o->ema);
    return ST_OK;
}

static enum status choose_device(struct model *m, struct errmsg *em)
{
    const char *wanted = m->options.device ? m->options.device : "auto";
    if (strcmp(wanted, "auto") == 0)
        wanted = shim_cuda_count() > 0 ? "cuda" : "cpu";
    snprintf(m->device, sizeof m->device, "%s", wanted);
    m->options.device = m->device;
    if (m->options.cuda_graph && strncmp(wanted, "cuda", 4) != 0)
        return FAIL(em, ST_CONFIG,
                    "train.cuda_graph = true needs a GPU, and the device here is \"%s\"; set it to "
                    "false",
                    wanted);
    BUG_ON(m->options.cuda_graph && m->options.recompute);
    return shim_device_check(wanted, em);
}

static enum status take_memory(struct model *m, const struct model_memory *memory,
                               struct errmsg *em)
{
    void *arrays[SHIM_FLATS] = {0};
    if (memory) {
        arrays[SHIM_PARAMETERS] = memory->parameters;
        arrays[SHIM_GRADIENTS] = memory->gradients;
        arrays[SHIM_EXP_AVG] = memory->exp_avg;
        arrays[SHIM_EXP_AVG_SQ] = memory->exp_avg_sq;
        if (memory->moments_later) /* never read; the group needs some memory to start with */
            arrays[SHIM_EXP_AVG] = arrays[SHIM_EXP_AVG_SQ] = memory->gradients;
    }
    bool fp64 = m->options.precision == MODEL_FP64;
    enum shim_dtype dtype = fp64 ? SHIM_F64 : SHIM_F32;
    enum status st = shim_scope_new(m->device, dtype, &m->scope, em);
    if (st == ST_OK)
        st = shim_group_new(m->device, dtype, m->architecture->count, arrays, &m->group, em);
    if (st == ST_OK && memory && memory->moments_later)
        st = shim_group_keep_moments(m->group, NULL, 0, em);
    if (st != ST_OK)
        return st;
    bool moments = !memory || !memory->moments_later;
    m->flat = (struct model_flat){
        .parameters = shim_group_memory(m->group, SHIM_PARAMETERS),
        .gradients = shim_group_memory(m->group, SHIM_GRADIENTS),
        .exp_avg = moments ? shim_group_memory(m->group, SHIM_EXP_AVG) : NULL,
        .exp_avg_sq = moments ? shim_group_memory(m->group, SHIM_EXP_AVG_SQ) : NULL,
        .count = m->architecture->count,
        .element_bytes = fp64 ? sizeof(double) : sizeof(float),
        .stream = shim_stream(m->scope),
    };
    return network_init(&m->network, m->architecture, m->group, dtype, m->options.recompute, em);
}

/* Opens VGG and the discriminators, where their losses have a weight. */
static enum status open_loss_networks(struct model *m, struct errmsg *em)
{
    const struct model_options *o = &m->options;
    enum shim_dtype dtype = o->precision == MODEL_FP64 ? SHIM_F64 : SHIM_F32;
    bool autocast = o->precision == MODEL_BF16;
    enum status st = ST_OK;
    if (o->loss_weight[MODEL_LOSS_PERCEPTUAL] > 0.0)
        st = vgg_open(o->perceptual_weights, m->device, dtype, autocast, &m->vgg, em);
    if (st == ST_OK && o->loss_weight[MODEL_LOSS_ADVERSARIAL] > 0.0)
        st = discriminators_new(&o->discriminator, m->device, dtype, autocast, o->seed,
                                &m->discriminators, em);
    m->options.perceptual_weights = NULL; /* it points to the caller's memory */
    return st;
}

enum status model_new(const struct model_options *o, const struct model_memory *memory,
                      struct model **out, struct errmsg *em)
{
    enum status st = check_options(o, em);
    if (st != ST_OK)
        return st;
    struct model *m = calloc(1, sizeof *m);
    if (!m)
        return FAIL(em, ST_MEMORY, "no memory for a model");
    m->options = *o;
    st = architecture_new(&o->config, &m->architecture, em);
    if (st == ST_OK)
        m->options.config = m->architecture->config;
    if (st == ST_OK)
        st = choose_device(m, em);
    if (st == ST_OK)
        st = take_memory(m, memory, em);
    if (st == ST_OK)
        st =
            init_parameters(m->architecture, m->group, m->flat.element_bytes, o->init, o->seed, em);
    if (st == ST_OK)
        st = open_loss_networks(m, em);
    if (st == ST_OK)
        st = model_begin_average(m, em);
    if (st == ST_OK)
        st = frozen_init(m->architecture, m->options.frozen, m->group, &m->trainable, em);
    if (st == ST_OK)
        *out = m;
    else
        model_free(m);
    return st;
}

void model_free(struct model *m)
{
    if (!m)
        return;
    recorded_release(&m->recorded);
    shim_scope_free(m->scope);
    vgg_free(m->vgg);
    discriminators_free(m->discriminators);
    shim_group_free(m->group);
    network_release(&m->network);
    architecture_free(m->architecture);
    free(m);
}

const struct model_options *model_get_options(const struct model *m)
{
    return &m->options;
}

const struct model_flat *model_flat(const struct model *m)
{
    return &m->flat;
}

void model_join_streams(void *model)
{
    struct model *m = model;
    shim_join_lanes(m->scope);
}

int model_perceptual_depth(const struct model *m)
{
    return m->vgg ? vgg_depth(m->vgg) : 0;
}

enum status model_kernels(const struct model *m, struct errmsg *em)
{
    const char *number = strchr(m->device, ':');
    if (strncmp(m->device, "cuda", 4) != 0)
        return ST_OK;
    return shim_cuda_kernels(number ? strtol(number + 1, NULL, 10) : 0, em);
}

int64_t model_gpu_peak_bytes(const struct model *m)
{
    int64_t used = 0, peak = 0;
    if (strncmp(m->device, "cuda", 4) != 0 || shim_memory(m->device, &used, &peak, NULL) != ST_OK)
        return 0;
    return peak;
}

size_t model_layout(const struct model *m, const struct model_tensor **tensors_out)
{
    *tensors_out = m->architecture->tensors;
    return m->architecture->n_tensors;
}

const struct architecture *model_architecture(const struct model *m)
{
    return m->architecture;
}

enum status model_parameter_count(const struct model_config *c, size_t *count_out,
                                  struct errmsg *em)
{
    struct architecture *a = NULL;
    enum status st = architecture_new(c, &a, em);
    if (st == ST_OK)
        *count_out = a->count;
    architecture_free(a);
    return st;
}

void model_on_gradient_ready(struct model *m, void (*fn)(void *ctx, size_t offset, size_t count),
                             void *ctx)
{
    shim_group_on_ready(m->group, fn, ctx);
}

/* ---- Update ---------------------------------------------------------------------------------- */

enum status model_update(struct model *m, const struct model_step *step, struct errmsg *em)
{
    return model_update_range(m, step, (struct model_range){0, m->architecture->count}, em);
}

enum status model_update_range(struct model *m, const struct model_step *step,
                               struct model_range range, struct errmsg *em)
{
    double soon = (1.0 + (double)step->step) / (10.0 + (double)step->step);
    const struct shim_adam adam = {
        .lr = step->lr,
        .beta1 = m->options.adam_beta1,
        .beta2 = m->options.adam_beta2,
        .eps = m->options.adam_eps,
        .weight_decay = m->options.weight_decay,
        .gradient_scale = step->gradient_scale,
        .ema = fmin(m->options.ema, soon),
        .step = step->step,
    };
    enum status st = ST_OK;
    for (size_t i = 0; i < m->trainable.n && st == ST_OK; i++) {
        struct model_range part = frozen_common(m->trainable.ranges[i], range);
        if (part.count > 0)
            st = shim_group_adam(m->group, part.first, part.count, &adam, em);
    }
    struct model_range means = frozen_common(m->trainable.mean_codes, range);
    if (means.count > 0 && st == ST_OK)
        st = shim_group_sgd(m->group, means.first, means.count,
                            mean_code_rate(&m->network, step->step), adam.ema, em);
    return st;
}
