/* What is opened for each stage: loader, model, and later (step.c) what sums its gradients. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "device.h"
#include "feed.h"
#include "norm.h"
#include "run_plan.h"
#include "session.h"
#include "zero.h"

static struct priority priority_of(const struct config *c)
{
    return (struct priority){.eyes = c->loss.eyes, .mouth = c->loss.mouth};
}

/* What a loss needs of the sets, both must have. */
static enum status check_losses(const struct session *s, struct errmsg *em)
{
    const struct config *c = &s->config;
    const struct {
        const char *key, *what, *file;
        double weight;
        bool landmarks;
    } needs[] = {
  /* clang-format off */
        {"loss.mask", "masks", "its masks folder", c->loss.mask, false},
        {"loss.eyes", "landmarks", "landmarks.csv", c->loss.eyes, true},
        {"loss.mouth", "landmarks", "landmarks.csv", c->loss.mouth, true},
#define X(name, key, weight, facts, help) \
        {"loss." #key, "masks", "its masks folder", \
         (facts) & LOSS_NEEDS_MASKS ? c->loss.key : 0, false},
        LOSS_MAP(X)
#undef X
  /* clang-format on */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(needs); i++)
        for (int p = 0; p < 2 && needs[i].weight > 0; p++) {
            const struct set_info *info = set_get_info(s->sets[p]);
            if (!(needs[i].landmarks ? info->has_landmarks : info->has_masks))
                return FAIL(em, ST_CONFIG,
                            "%s = %g needs %s, and %s (data.%c) has none: pack it with %s, or set "
                            "%s = 0",
                            needs[i].key, needs[i].weight, needs[i].what, session_set_name(s, p),
                            "ab"[p], needs[i].file, needs[i].key);
        }
    return ST_OK;
}

static enum status open_loader(struct session *s, struct errmsg *em)
{
    const struct loader_source sources[2] = {
        {s->sets[0], s->orders[0]},
        {s->sets[1], s->orders[1]}
    };
    int64_t ranks = comm_world_size(s->comm);
    int64_t share = (s->config.train.global_batch + ranks - 1) / ranks;
    int64_t micro = (share + s->config.train.accumulate - 1) / s->config.train.accumulate;
    if (s->config.train.reproducible)
        micro = s->config.train.slot_size;
    bool masks = session_uses_masks(s);
    const struct priority priority = priority_of(&s->config);
    if (s->config.model.mask && s->config.loss.mask_head == 0 && comm_rank(s->comm) == 0)
        log_warn("model.mask: nothing tells the decoders what a mask is; set loss.mask_head = 1");
    enum status st = check_losses(s, em);
    if (st == ST_OK)
        st = loader_new(sources, &s->config.augment, s->config.train.seed, &s->loader, em);
    if (st != ST_OK)
        return st;
    loader_set_priority(s->loader, &priority);
    const struct feed_options options = {
        .loader = s->loader,
        .capacity = (size_t)micro,
        .size = (int)s->config.model.image_size,
        .masks = masks,
        .noise = s->config.augment.noise > 0,
        .priority = priority_unit(&priority) > 0,
    };
    return feed_new(&options, &s->feed, em);
}

static enum model_precision precision_of(const struct config *c, const char *device)
{
    if (c->train.precision == PRECISION_AUTO)
        return device_prefers_bf16(device) ? MODEL_BF16 : MODEL_FP32;
    return c->train.precision == PRECISION_BF16 ? MODEL_BF16 : MODEL_FP32;
}

struct model_options session_model_options(const struct config *c, const char *device)
{
    const struct priority priority = priority_of(c);
    int64_t f = c->train.freeze;
    struct model_options options = {
        .config = config_model(c),
        .device = device,
        .precision = precision_of(c, device),
        .perceptual_weights = c->loss.perceptual_weights,
        .adversary = {.loss = (enum model_adversary_loss)c->adversary.loss,
                      .channels = (int)c->adversary.channels,
                      .r1 = c->adversary.r1,
                      .beta1 = c->adversary.beta1,
                      .beta2 = c->adversary.beta2},
        .mask_weight = c->loss.mask,
        .priority_weight = priority_unit(&priority),
        .adam_beta1 = c->train.adam_beta1,
        .adam_beta2 = c->train.adam_beta2,
        .adam_eps = c->train.adam_eps,
        .init = (enum model_init)c->train.init,
        .weight_decay = c->train.weight_decay,
        .ema = c->train.ema,
        .frozen = {[MODEL_ENCODER] = f == FREEZE_ENCODER,
                      [MODEL_DECODER_A] = f == FREEZE_DECODERS || f == FREEZE_DECODER_A,
                      [MODEL_DECODER_B] = f == FREEZE_DECODERS || f == FREEZE_DECODER_B},
        .seed = c->train.seed,
        .recompute = c->train.recompute,
    };
    _Static_assert(sizeof options.loss_weight == sizeof c->loss.weight, "one table of losses");
    memcpy(options.loss_weight, c->loss.weight, sizeof options.loss_weight);
    return options;
}

static enum status open_model(struct session *s, struct errmsg *em)
{
    char device[CONFIG_TEXT_BYTES];
    size_t count = 0;
    device_resolve(s->config.train.device, comm_device(s->comm), device);
    struct model_options options = session_model_options(&s->config, device);
    options.cuda_graph = run_plan_takes_graph(s, &options);
    if (s->config.train.reproducible && strncmp(device, "cuda", 4) == 0)
        return FAIL(em, ST_CONFIG,
                    "train.reproducible works on the CPU in this version, and this rank works on "
                    "\"%s\": set train.device = \"cpu\"",
                    device);
    model_runtime_configure(s->threads.n, s->config.train.deterministic);
    enum status st = model_parameter_count(&options.config, &count, em);
    memcpy(options.colours, s->colours, sizeof options.colours);
    void **const parts[] = {&s->memory.parameters, &s->memory.gradients, &s->memory.exp_avg,
                            &s->memory.exp_avg_sq};
    s->memory.moments_later = zero_is_on(s);
    size_t n_parts = s->memory.moments_later ? 2 : ARRAY_LENGTH(parts);
    for (size_t i = 0; i < n_parts && st == ST_OK; i++)
        st = comm_alloc(s->comm, count * sizeof(float), parts[i], em);
    return st == ST_OK ? model_new(&options, &s->memory, &s->model, em) : st;
}

static void note_kernels(const struct model *m)
{
    struct errmsg why = {0};
    if (model_kernels(m, &why) != ST_OK)
        log_warn("steps take longer: libtorch's kernels stand in for ours, which cannot be used on "
                 "this GPU (%s)",
                 why.text);
}

/* From the stage's beginning to its end, wherever the run stands. */
static void plan_augmentation(struct session *s)
{
    uint64_t batch = (uint64_t)s->config.train.global_batch;
    int64_t left = MAX(s->steps_total - s->state.step, 0);
    uint64_t end = s->state.position + (uint64_t)left * batch;
    struct augment_course course =
        augment_course_of(&s->config.augment, batch, s->state.stage_position, end);
    loader_set_course(s->loader, &course);
}

enum status session_open_stage(struct session *s, struct errmsg *em)
{
    watchdog_enter(s->watchdog, WATCH_PREPARE, s->state.step);
    enum status st = comm_agree(s->comm, open_loader(s, em), em);
    if (st != ST_OK)
        return st;
    plan_augmentation(s);
    st = comm_agree(s->comm, open_model(s, em), em);
    if (st == ST_OK && comm_rank(s->comm) == 0)
        note_kernels(s->model);
    return st;
}

void session_close_stage(struct session *s)
{
    slot_sum_free(s->slot_sum);
    slot_sum_free(s->adversary_slots);
    norm_free(s->norm);
    reducer_free(s->reducer);
    model_free(s->model);
    comm_free(s->comm, s->memory.parameters);
    comm_free(s->comm, s->memory.gradients);
    comm_free(s->comm, s->memory.exp_avg);
    comm_free(s->comm, s->memory.exp_avg_sq);
    feed_free(s->feed);
    loader_free(s->loader);
    s->slot_sum = s->adversary_slots = NULL;
    s->norm = NULL;
    s->reducer = NULL;
    s->model = NULL;
    s->memory = (struct model_memory){0};
    s->feed = NULL;
    s->loader = NULL;
}
