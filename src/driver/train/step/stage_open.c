#include "stage_open.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "device.h"
#include "discriminator_step.h"
#include "feed.h"
#include "follow.h"
#include "norm.h"
#include "run_plan.h"
#include "step.h"
#include "zero.h"

static struct priority priority_of(const struct config *c)
{
    return (struct priority){.eyes = c->loss.eyes, .mouth = c->loss.mouth};
}

/* Both sets must have the arrays that the losses need. */
static enum status check_losses(const struct run *run, struct errmsg *em)
{
    const struct config *c = &run->config;
    const struct {
        const char *key, *what, *file;
        double weight;
        bool landmarks;
    } needs[] = {
  /* clang-format off */
        {"loss.mask", "masks", "its masks folder", c->loss.mask, false},
        {"loss.eyes", "landmarks", "landmarks.csv or points.csv", c->loss.eyes, true},
        {"loss.mouth", "landmarks", "landmarks.csv or points.csv", c->loss.mouth, true},
#define X(name, key, weight, facts, help) \
        {"loss." #key, "masks", "its masks folder", \
         (facts) & LOSS_NEEDS_MASKS ? c->loss.key : 0, false},
        LOSS_MAP(X)
#undef X
  /* clang-format on */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(needs); i++)
        for (int p = 0; p < 2 && needs[i].weight > 0; p++) {
            const struct set_info *info = set_get_info(run->sets[p]);
            if (!(needs[i].landmarks ? info->has_landmarks : info->has_masks))
                return FAIL(em, ST_CONFIG,
                            "%s = %g needs %s, and %s (data.%c) has none: pack it with %s, or set "
                            "%s = 0",
                            needs[i].key, needs[i].weight, needs[i].what, run_set_name(run, p),
                            "ab"[p], needs[i].file, needs[i].key);
        }
    return ST_OK;
}

static enum status open_loader(struct stage *stage, struct errmsg *em)
{
    const struct run *run = stage->run;
    const struct config *c = &run->config;
    const struct loader_source sources[2] = {
        {run->sets[0], run->orders[0]},
        {run->sets[1], run->orders[1]}
    };
    int64_t ranks = comm_world_size(run->comm);
    int64_t share = (c->train.global_batch + ranks - 1) / ranks;
    int64_t micro = (share + c->train.accumulate - 1) / c->train.accumulate;
    if (c->train.reproducible)
        micro = c->train.slot_size;
    const struct priority priority = priority_of(c);
    unsigned arrays = (run_uses_masks(run) ? BATCH_MASKS : 0) |
                      (c->augment.noise > 0 ? BATCH_NOISE : 0) |
                      (priority_unit(&priority) > 0 ? BATCH_PRIORITY : 0) |
                      (c->model.pose ? BATCH_POSE | BATCH_POSE_KNOWN : 0);
    if (c->model.mask && c->loss.mask_head == 0 && comm_rank(run->comm) == 0)
        log_warn("model.mask: no loss trains the decoders' masks; set loss.mask_head = 1");
    enum status st = check_losses(run, em);
    if (st == ST_OK)
        st = loader_new(sources, &c->augment, c->train.seed, &stage->loader, em);
    if (st != ST_OK)
        return st;
    loader_set_priority(stage->loader, &priority);
    loader_set_pose(stage->loader, run->measures.poses);
    const struct feed_options options = {
        .loader = stage->loader,
        .capacity = (size_t)micro,
        .size = c->model.image_size,
        .arrays = arrays,
    };
    return feed_new(&options, &stage->feed, em);
}

static enum model_precision precision_of(const struct config *c, const char *device)
{
    if (c->train.precision == PRECISION_AUTO)
        return device_prefers_bf16(device) ? MODEL_BF16 : MODEL_FP32;
    return c->train.precision == PRECISION_BF16 ? MODEL_BF16 : MODEL_FP32;
}

struct model_options stage_model_options(const struct config *c, const char *device)
{
    const struct priority priority = priority_of(c);
    int64_t f = c->train.freeze;
    struct model_options options = {
        .config = c->model,
        .training = c->train.training,
        .discriminator = c->discriminator,
        .device = device,
        .precision = precision_of(c, device),
        .perceptual_weights = c->loss.perceptual_weights,
        .mask_weight = c->loss.mask,
        .priority_weight = priority_unit(&priority),
        .frozen = {[MODEL_ENCODER] = f == FREEZE_ENCODER,
                   [MODEL_DECODER_A] = f == FREEZE_DECODERS || f == FREEZE_DECODER_A,
                   [MODEL_DECODER_B] = f == FREEZE_DECODERS || f == FREEZE_DECODER_B},
    };
    _Static_assert(sizeof options.loss_weight == sizeof c->loss.weight, "one table of losses");
    memcpy(options.loss_weight, c->loss.weight, sizeof options.loss_weight);
    return options;
}

/* Keeps the scale of a checkpoint, because its network was trained with it, even if the sets have
 * another. */
static enum status take_pose_scale(struct stage *stage, struct errmsg *em)
{
    struct pose_scale scales[MODEL_PEOPLE];
    if (!stage->run->config.model.pose)
        return ST_OK;
    enum status st = model_get_pose_scale(stage->model, scales, em);
    feed_pause(stage->feed);
    if (st == ST_OK)
        loader_set_pose(stage->loader, scales);
    return comm_agree(stage->comm, st, em);
}

static enum status open_model(struct stage *stage, struct errmsg *em)
{
    const struct run *run = stage->run;
    const struct config *c = &run->config;
    char device[CONFIG_TEXT_BYTES];
    size_t count = 0;
    device_resolve(c->train.device, comm_device(run->comm), device);
    struct model_options options = stage_model_options(c, device);
    options.cuda_graph = run_plan_takes_graph(c, comm_world_size(run->comm), &options);
    enum status st = config_check_device(c, device, em);
    if (st != ST_OK)
        return st;
    model_runtime_configure(run->threads.n, c->train.deterministic);
    st = model_parameter_count(&options.config, &count, em);
    memcpy(options.colours, run->measures.colours, sizeof options.colours);
    void **const parts[] = {&stage->memory.parameters, &stage->memory.gradients,
                            &stage->memory.exp_avg, &stage->memory.exp_avg_sq};
    stage->memory.moments_later = zero_is_on(stage);
    size_t n_parts = stage->memory.moments_later ? 2 : ARRAY_LENGTH(parts);
    for (size_t i = 0; i < n_parts && st == ST_OK; i++)
        st = comm_alloc(run->comm, count * sizeof(float), parts[i], em);
    if (st == ST_OK)
        st = model_new(&options, &stage->memory, &stage->model, em);
    if (st == ST_OK && options.config.pose)
        st = model_set_pose_scale(stage->model, run->measures.poses, em);
    return st;
}

static void log_kernels(const struct model *m)
{
    struct errmsg why = {0};
    if (model_kernels(m, &why) != ST_OK)
        log_warn("steps take longer: this GPU cannot use our kernels (%s), so libtorch's are used",
                 why.text);
}

/* Over the whole stage, whatever step the run is at. */
static void plan_augmentation(const struct stage *stage, const struct train_state *at)
{
    uint64_t batch = (uint64_t)stage->run->config.train.global_batch;
    int64_t left = MAX(stage->steps_total - at->step, 0);
    uint64_t end = at->position + (uint64_t)left * batch;
    struct augment_course course =
        augment_course_of(&stage->run->config.augment, batch, at->stage_position, end);
    loader_set_course(stage->loader, &course);
}

enum status stage_open(struct stage *stage, const struct train_state *at, struct errmsg *em)
{
    watchdog_enter(stage->run->watchdog, WATCH_PREPARE, at->step);
    enum status st = comm_agree(stage->comm, open_loader(stage, em), em);
    if (st != ST_OK)
        return st;
    plan_augmentation(stage, at);
    st = comm_agree(stage->comm, open_model(stage, em), em);
    if (st == ST_OK && comm_rank(stage->comm) == 0)
        log_kernels(stage->model);
    return st;
}

/* ---- What sums gradients --------------------------------------------------------------------- */

size_t stage_slots(const struct stage *stage)
{
    const struct config *c = &stage->run->config;
    size_t batch = (size_t)c->train.global_batch, size = (size_t)c->train.slot_size;
    return (batch + size - 1) / size;
}

static enum status new_reducer(struct stage *stage, struct errmsg *em)
{
    const struct config *c = &stage->run->config;
    const struct model_flat *flat = model_flat(stage->model);
    const struct model_tensor *tensors;
    size_t n = model_layout(stage->model, &tensors);
    struct reducer_range *ranges = calloc(n, sizeof *ranges);
    if (!ranges)
        return FAIL(em, ST_MEMORY, "out of memory for the reducer");
    for (size_t i = 0; i < n; i++)
        ranges[i] = (struct reducer_range){tensors[i].offset, tensors[i].count};
    struct reducer_options options = {
        .comm = stage->comm,
        .gradients = flat->gradients,
        .count = flat->count,
        .dtype = COMM_F32,
        .stream = flat->stream,
        .join_streams = model_join_streams,
        .context = stage->model,
        .tensors = ranges,
        .n_tensors = n,
        .bucket_bytes = (size_t)(c->comm.bucket_mb * (1 << 20)),
        .wire = c->comm.wire == WIRE_BF16 ? REDUCER_WIRE_BF16 : REDUCER_WIRE_SAME,
        .scatter = zero_is_on(stage),
    };
    enum status st = reducer_new(&options, &stage->reducer, em);
    free(ranges);
    return st;
}

static enum status new_slot_sum(struct stage *stage, struct errmsg *em)
{
    const struct model_flat *flat = model_flat(stage->model);
    if (!stage->run->config.train.reproducible)
        return ST_OK;
    return slot_sum_new(stage->comm, flat->gradients, flat->count, stage_slots(stage),
                        &stage->slot_sum, em);
}

static void log_sums(const struct stage *stage)
{
    char cost[160];
    if (comm_rank(stage->comm) != 0)
        return;
    if (comm_world_size(stage->comm) > 1)
        log_info("reducer: %s", reducer_get_description(stage->reducer));
    if (stage->slot_sum) {
        slot_sum_describe(stage->slot_sum, cost, sizeof cost);
        log_info("reproducible: %s", cost);
    }
}

enum status stage_open_sums(struct stage *stage, const struct train_state *at, struct errmsg *em)
{
    enum status st = comm_agree(stage->comm, new_reducer(stage, em), em);
    if (st == ST_OK)
        st = comm_agree(stage->comm, new_slot_sum(stage, em), em);
    if (st == ST_OK)
        st = comm_agree(stage->comm, discriminator_step_open(stage, at, em), em);
    if (st != ST_OK)
        return st;
    model_on_gradient_ready(stage->model, reducer_ready, stage->reducer);
    if (comm_world_size(stage->comm) > 1)
        st = comm_agree(stage->comm, step_try(stage, em), em);
    if (st == ST_OK)
        st = reducer_plan(stage->reducer, em);
    if (st == ST_OK)
        st = comm_agree(stage->comm, norm_new(stage, &stage->norm, em), em);
    if (st == ST_OK)
        log_sums(stage);
    return st == ST_OK ? zero_prepare_load(stage, em) : st;
}

void stage_close(struct stage *stage)
{
    for (int p = 0; p < MODEL_PEOPLE; p++)
        follow_reader_free(stage->readers[p]);
    slot_sum_free(stage->slot_sum);
    slot_sum_free(stage->discriminator_slots);
    norm_free(stage->norm);
    reducer_free(stage->reducer);
    model_free(stage->model);
    comm_free(stage->comm, stage->memory.parameters);
    comm_free(stage->comm, stage->memory.gradients);
    comm_free(stage->comm, stage->memory.exp_avg);
    comm_free(stage->comm, stage->memory.exp_avg_sq);
    feed_free(stage->feed);
    loader_free(stage->loader);
    *stage = (struct stage){.run = stage->run,
                            .comm = stage->comm,
                            .steps_per_epoch = stage->steps_per_epoch,
                            .steps_total = stage->steps_total};
}

enum status stage_share_state(struct stage *stage, struct train_state *t, struct errmsg *em)
{
    const struct model_flat *flat = model_flat(stage->model);
    void *const parts[] = {flat->parameters, flat->exp_avg, flat->exp_avg_sq, flat->average};
    size_t n = zero_is_on(stage) ? 1 : 1 + (size_t)model_moments(stage->model);
    enum status st = run_share_bytes(stage->run, t, sizeof *t, em);
    for (size_t i = 0; i < n && st == ST_OK; i++)
        st = comm_do(stage->comm, COMM_BROADCAST, parts[i], flat->count, COMM_F32, 0, flat->stream,
                     em);
    if (st == ST_OK)
        st = discriminator_step_share(stage, em);
    if (st == ST_OK)
        st = take_pose_scale(stage, em);
    return st == ST_OK ? zero_share_moments(stage, em) : st;
}
