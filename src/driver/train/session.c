#include "session.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adversary.h"
#include "base/checked.h"
#include "base/log.h"
#include "colours.h"
#include "device.h"
#include "norm.h"
#include "plan_memory.h"
#include "staging.h"
#include "validate.h"
#include "zero.h"

static const char person_letter[2] = {'A', 'B'};

int64_t session_epoch_pictures(const struct session *s)
{
    return s->steps_per_epoch * s->config.train.global_batch;
}

int64_t session_epoch(const struct session *s)
{
    return (int64_t)s->state.position / session_epoch_pictures(s);
}

bool session_at_epoch_end(const struct session *s)
{
    int64_t epoch = session_epoch_pictures(s), position = (int64_t)s->state.position;
    return position / epoch > (position - s->config.train.global_batch) / epoch;
}

enum status session_share_bytes(struct comm *c, void *range, size_t n, struct errmsg *em)
{
    struct comm_ticket ticket = {0};
    enum status st = comm_broadcast_begin(c, range, n, COMM_U8, 0, NULL, &ticket, em);
    return st == ST_OK ? comm_wait(c, &ticket, COMM_NO_DEADLINE, em) : st;
}

enum status session_share_text(struct comm *c, const char *text, char **text_out, struct errmsg *em)
{
    size_t n = comm_rank(c) == 0 && text ? strlen(text) : 0;
    enum status st = session_share_bytes(c, &n, sizeof n, em);
    if (st != ST_OK)
        return st;
    char *copy = calloc(1, n + 1);
    st = comm_agree(c, copy ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    if (st == ST_OK) {
        if (comm_rank(c) == 0 && n > 0)
            memcpy(copy, text, n);
        st = session_share_bytes(c, copy, n, em);
    }
    if (st != ST_OK) {
        free(copy);
        return st;
    }
    *text_out = copy;
    return ST_OK;
}

static enum status open_set(struct session *s, int person, const char *path, struct errmsg *em)
{
    enum status st = set_open(path, &s->sets[person], em);
    if (st != ST_OK)
        return st;
    const struct set_info *info = set_get_info(s->sets[person]);
    if (info->consent[0] == '\0')
        return FAIL(em, ST_DATA,
                    "%s: the set of person %c (\"%s\") carries no consent statement; pack it again "
                    "with --consent \"who agreed to what\"",
                    path, person_letter[person], info->person);
    st = order_new(set_hashes(s->sets[person]), info->n, s->config.data.val_fraction,
                   s->config.train.seed, (enum order_person)person, &s->orders[person], em);
    if (st != ST_OK)
        return st;
    int64_t n = order_train_count(s->orders[person]), batch = s->config.train.global_batch;
    if (n < batch)
        return FAIL(em, ST_DATA,
                    "%s: %lld training pictures of person %c are fewer than a batch of %lld; add "
                    "pictures or lower train.global_batch",
                    path, (long long)n, person_letter[person], (long long)batch);
    return ST_OK;
}

static enum status open_sets(struct session *s, struct errmsg *em)
{
    struct staging staged;
    enum status st = staging_prepare(s, &staged, em);
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = open_set(s, p, staged.path[p], em);
    return st;
}

/* Every rank must have read the same pictures: a stale copy on one node would train on silently. */
static enum status check_same_sets(struct session *s, struct errmsg *em)
{
    uint64_t mine[2], root[2];
    for (int p = 0; p < 2; p++)
        mine[p] = root[p] = set_get_info(s->sets[p])->fingerprint;
    enum status st = session_share_bytes(s->comm, root, sizeof root, em);
    if (st != ST_OK)
        return st;
    for (int p = 0; p < 2 && st == ST_OK; p++)
        if (mine[p] != root[p])
            st =
                FAIL(em, ST_DATA,
                     "%s on host %s holds other pictures than on rank 0's host; copy the same file "
                     "to every node",
                     set_path(s->sets[p]), comm_host_name(s->comm));
    return comm_agree(s->comm, st, em);
}

static void note_sets(const struct session *s)
{
    const struct set_info *info[2] = {set_get_info(s->sets[0]), set_get_info(s->sets[1])};
    for (int p = 0; p < 2; p++) {
        log_info("person %c: %s, %lld pictures of %d px (%lld to train on, %lld held out)",
                 person_letter[p], info[p]->person, (long long)info[p]->n, info[p]->size,
                 (long long)order_train_count(s->orders[p]),
                 (long long)order_val_count(s->orders[p]));
        if (info[p]->n < 500)
            log_warn("%s: 500 pictures or more are recommended", set_path(s->sets[p]));
        if (info[p]->size < s->config.model.image_size)
            log_warn("%s: pictures of %d px are enlarged to %lld px; pack them larger if the "
                     "sources allow",
                     set_path(s->sets[p]), info[p]->size, (long long)s->config.model.image_size);
    }
    if (info[0]->fingerprint == info[1]->fingerprint)
        log_warn("data.a and data.b hold the same pictures: a swap cannot be learned from them");
}

static bool use_masks(const struct session *s)
{
    return s->config.data.masks && set_get_info(s->sets[0])->has_masks &&
           set_get_info(s->sets[1])->has_masks;
}

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
        {"loss.mask",      "masks",     "its masks folder", c->loss.mask,      false},
        {"loss.mask_head", "masks",     "its masks folder", c->loss.mask_head, false},
        {"loss.eyes",      "landmarks", "landmarks.csv",    c->loss.eyes,      true },
        {"loss.mouth",     "landmarks", "landmarks.csv",    c->loss.mouth,     true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(needs); i++)
        for (int p = 0; p < 2 && needs[i].weight > 0; p++) {
            const struct set_info *info = set_get_info(s->sets[p]);
            if (!(needs[i].landmarks ? info->has_landmarks : info->has_masks))
                return FAIL(em, ST_CONFIG,
                            "%s = %g needs %s, and %s (data.%c) has none: pack it with %s, or set "
                            "%s = 0",
                            needs[i].key, needs[i].weight, needs[i].what, set_path(s->sets[p]),
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
    bool masks = use_masks(s);
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

/* Cores this rank may use: its own binding where a launcher bound it, else a fair share. */
static int default_threads(const struct comm *c)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    int mine = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    if (mine < online)
        return MAX(mine, 1);
    return MAX(mine / comm_local_size(c), 1);
}

static enum model_precision precision_of(const struct config *c, const char *device)
{
    if (c->train.precision == PRECISION_AUTO)
        return device_prefers_bf16(device) ? MODEL_BF16 : MODEL_FP32;
    return c->train.precision == PRECISION_BF16 ? MODEL_BF16 : MODEL_FP32;
}

void session_loss_weights(const struct config *c, double weights[static MODEL_OWN_LOSSES])
{
    weights[MODEL_LOSS_L1] = c->loss.l1;
    weights[MODEL_LOSS_DSSIM] = c->loss.dssim;
    weights[MODEL_LOSS_PERCEPTUAL] = c->loss.perceptual;
    weights[MODEL_LOSS_MASK_HEAD] = c->loss.mask_head;
    weights[MODEL_LOSS_ADVERSARIAL] = c->loss.adversarial;
}

static struct model_options model_options_of(const struct config *c, const char *device)
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
        .weight_decay = c->train.weight_decay,
        .ema = c->train.ema,
        .frozen = {[MODEL_ENCODER] = f == FREEZE_ENCODER,
                      [MODEL_DECODER_A] = f == FREEZE_DECODERS || f == FREEZE_DECODER_A,
                      [MODEL_DECODER_B] = f == FREEZE_DECODERS || f == FREEZE_DECODER_B},
        .seed = c->train.seed,
        .recompute = c->train.recompute,
    };
    session_loss_weights(c, options.loss_weight);
    return options;
}

/* train.cuda_graph; "auto" as bifrons plan decides. */
static bool takes_graph(const struct session *s, const struct model_options *o)
{
    struct plan_work work;
    struct errmsg ignored = {0};
    struct plan_run run = plan_run_of(&s->config, comm_world_size(s->comm));
    run.bf16 = o->precision == MODEL_BF16;
    if (s->config.train.cuda_graph != GRAPH_AUTO)
        return s->config.train.cuda_graph == GRAPH_ON;
    return strncmp(o->device, "cuda", 4) == 0 &&
           plan_work_init(&work, &s->config, &ignored) == ST_OK && plan_takes_graph(&work, &run);
}

static enum status open_model(struct session *s, struct errmsg *em)
{
    char device[CONFIG_TEXT_BYTES];
    size_t count = 0;
    device_resolve(s->config.train.device, comm_device(s->comm), device);
    struct model_options options = model_options_of(&s->config, device);
    options.cuda_graph = takes_graph(s, &options);
    if (s->config.train.reproducible && strncmp(device, "cuda", 4) == 0)
        return FAIL(em, ST_CONFIG,
                    "train.reproducible works on the CPU in this version, and this rank works on "
                    "\"%s\": set train.device = \"cpu\"",
                    device);
    model_runtime_configure(s->threads, s->config.train.deterministic);
    enum status st = model_parameter_count(&options.config, &count, em);
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = colours_measure(s->sets[p], s->orders[p], use_masks(s),
                             (enum augment_space)s->config.augment.colour_space,
                             &options.colours[p], em);
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

static void plan_steps(struct session *s)
{
    int64_t longer = MAX(order_train_count(s->orders[0]), order_train_count(s->orders[1]));
    int64_t batch = s->config.train.global_batch;
    s->steps_per_epoch = (longer + batch - 1) / batch;
    s->steps_total = s->config.train.epochs * s->steps_per_epoch;
    if (s->config.train.max_steps > 0)
        s->steps_total = MIN(s->steps_total, s->config.train.max_steps);
}

static void plan_augmentation(struct session *s)
{
    int64_t batch = s->config.train.global_batch, left = s->steps_total - s->state.step;
    uint64_t end = s->state.position + (uint64_t)(MAX(left, 0) * batch);
    struct augment_course course = augment_course_of(&s->config.augment, (uint64_t)batch, end);
    loader_set_course(s->loader, &course);
}

static void plan_rest(struct session *s)
{
    int64_t batch = s->config.train.global_batch, position = (int64_t)s->state.position;
    if (position == s->state.step * batch)
        return;
    int64_t left = MAX(s->config.train.epochs * session_epoch_pictures(s) - position, 0);
    s->steps_total = s->state.step + (left + batch - 1) / batch;
    if (s->config.train.max_steps > 0)
        s->steps_total = MIN(s->steps_total, s->config.train.max_steps);
}

void session_plan_rest(struct session *s)
{
    plan_rest(s);
    plan_augmentation(s);
}

enum status session_share_state(struct session *s, struct errmsg *em)
{
    const struct model_flat *flat = model_flat(s->model);
    void *const parts[] = {flat->parameters, flat->exp_avg, flat->exp_avg_sq, flat->average};
    size_t n = zero_is_on(s) ? 1 : 1 + (size_t)model_moments(s->model);
    enum status st = session_share_bytes(s->comm, &s->state, sizeof s->state, em);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        struct comm_ticket ticket = {0};
        st = comm_broadcast_begin(s->comm, parts[i], flat->count, COMM_F32, 0, flat->stream,
                                  &ticket, em);
        if (st == ST_OK)
            st = comm_wait(s->comm, &ticket, COMM_NO_DEADLINE, em);
    }
    if (st == ST_OK)
        st = adversary_share(s, em);
    return st == ST_OK ? zero_share_moments(s, em) : st;
}

enum status session_open(struct session *s, struct errmsg *em)
{
    s->state = (struct train_state){.train_loss = NAN,
                                    .val_loss = NAN,
                                    .best_value = NAN,
                                    .best_seen = NAN};
    val_metrics_clear(&s->state.val_metrics);
    guard_init(&s->state.guard);
    s->threads =
        s->config.train.threads > 0 ? (int)s->config.train.threads : default_threads(s->comm);
    int near_gpu = comm_stay_near_gpu(s->comm);
    if (near_gpu > 0 && comm_rank(s->comm) == 0)
        log_info("rank 0 keeps to the %d processors next to its GPU", near_gpu);
    enum status st = comm_agree(s->comm, open_sets(s, em), em);
    if (st == ST_OK)
        st = check_same_sets(s, em);
    if (st != ST_OK)
        return st;
    if (comm_rank(s->comm) == 0)
        note_sets(s);
    plan_steps(s);
    st = comm_agree(s->comm, validate_check(s, em), em);
    if (st == ST_OK)
        st = comm_agree(s->comm, open_loader(s, em), em);
    if (st == ST_OK)
        st = comm_agree(s->comm, open_model(s, em), em);
    if (st == ST_OK && comm_rank(s->comm) == 0)
        note_kernels(s->model);
    return st;
}

void session_close(struct session *s)
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
    for (int p = 0; p < 2; p++) {
        order_free(s->orders[p]);
        set_free(s->sets[p]);
    }
}
