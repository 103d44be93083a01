/* Checks of keys against each other: config_check. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "config.h"
#include "model/architecture.h"

#include "base/poison.h"

static enum status check_sets(const struct config *c, struct errmsg *em)
{
    for (int i = 0; i < 2; i++)
        if ((i == 0 ? c->data.a : c->data.b)[0] == '\0')
            return FAIL(em, ST_CONFIG,
                        "data.%c is not set: name person %c's set (made by bifrons pack) in the "
                        "config, or give --set data.%c=FILE.h5",
                        "ab"[i], "AB"[i], "ab"[i]);
    return ST_OK;
}

static const struct {
    const char *key;
    int facts; /* enum loss_facts */
} losses[LOSSES] = {
/* clang-format off */
#define X(name, key, weight, facts, help) {"loss." #key, facts},
    LOSS_MAP(X)
#undef X
    /* clang-format on */
};

/* At least one loss that compares reconstructions with pictures must have a weight. */
static enum status check_losses_compare(const struct config *c, struct errmsg *em)
{
    char names[256] = "";
    size_t used = 0;
    for (int i = 0; i < LOSSES; i++) {
        if (!(losses[i].facts & LOSS_COMPARES))
            continue;
        if (c->loss.weight[i] > 0)
            return ST_OK;
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                     used > 0 ? ", " : "", losses[i].key);
    }
    return FAIL(em, ST_CONFIG, "%s are all 0, so there is nothing to learn from: set loss.l1 = 1.0",
                names);
}

/* Refuses a loss whose inputs the configuration turns off. */
static enum status check_loss_needs(const struct config *c, int i, struct errmsg *em)
{
    const char *key = losses[i].key;
    double weight = c->loss.weight[i];
    bool masks = losses[i].facts & LOSS_NEEDS_MASKS, swaps = losses[i].facts & LOSS_NEEDS_SWAPS;
    if ((losses[i].facts & LOSS_NEEDS_POINTS) && !c->model.pose)
        return FAIL(em, ST_CONFIG,
                    "%s = %g is about the pose that model.pose = \"none\" leaves out: set "
                    "model.pose = \"given\" or %s = 0",
                    key, weight, key);
    if (masks && !c->model.mask)
        return FAIL(em, ST_CONFIG,
                    "%s = %g needs the decoders' masks, but model.mask = false: set model.mask = "
                    "true or %s = 0",
                    key, weight, key);
    if (masks && !c->data.masks)
        return FAIL(em, ST_CONFIG,
                    "%s = %g needs masks, but data.masks = false: set data.masks = true or %s = 0",
                    key, weight, key);
    if (swaps && c->augment.back_translation == 0)
        return FAIL(em, ST_CONFIG,
                    "%s = %g needs the network's own swaps, but there are none: set "
                    "augment.back_translation = 0.5 or %s = 0",
                    key, weight, key);
    return ST_OK;
}

static enum status check_model(const struct config *c, struct errmsg *em)
{
    enum status st = architecture_check(&c->model, em);
    if (st == ST_OK)
        st = check_losses_compare(c, em);
    for (int i = 0; i < LOSSES && st == ST_OK; i++)
        if (c->loss.weight[i] > 0)
            st = check_loss_needs(c, i, em);
    if (st == ST_OK && c->model.pose && c->loss.pose == 0)
        st =
            FAIL(em, ST_CONFIG,
                 "model.pose needs loss.pose, which trains the prediction: set loss.pose = 0.2, or "
                 "model.pose = \"none\"");
    if (st == ST_OK && c->loss.mask > 0 && !c->data.masks)
        st = FAIL(em, ST_CONFIG,
                  "loss.mask = %g needs masks, but data.masks = false: set loss.mask = 0 or "
                  "data.masks = true",
                  c->loss.mask);
    return st;
}

static enum status check_batch(const struct config *c, int world_size, struct errmsg *em)
{
    int64_t batch = c->train.global_batch, ranks = world_size > 0 ? world_size : 1;
    if (batch < ranks)
        return FAIL(em, ST_CONFIG,
                    "train.global_batch = %" PRId64 " is smaller than the %" PRId64
                    " ranks, so some would have nothing to do: set it to %" PRId64
                    " or more, or start fewer ranks",
                    batch, ranks, ranks);
    int64_t share = (batch + ranks - 1) / ranks;
    if (c->train.cuda_graph == GRAPH_ON && c->train.recompute)
        return FAIL(em, ST_CONFIG,
                    "train.recompute and train.cuda_graph exclude each other: set one to false");
    if (c->train.accumulate > share)
        return FAIL(em, ST_CONFIG,
                    "train.accumulate = %" PRId64 " cannot divide the %" PRId64
                    " pictures a rank has in a step: set it to %" PRId64
                    " or less, or raise train.global_batch = %" PRId64,
                    c->train.accumulate, share, share, batch);
    return ST_OK;
}

enum status config_check_device(const struct config *c, const char *device, struct errmsg *em)
{
    if (c->train.reproducible && strncmp(device, "cuda", 4) == 0)
        return FAIL(em, ST_CONFIG,
                    "train.reproducible works on the CPU in this version, not on \"%s\": set "
                    "train.device = \"cpu\"",
                    device);
    return ST_OK;
}

static enum status check_exactness(const struct config *c, int world_size, struct errmsg *em)
{
    int64_t size = c->train.slot_size, slots = (c->train.global_batch + size - 1) / size;
    if (!c->train.reproducible)
        return ST_OK;
    if (slots < world_size)
        return FAIL(em, ST_CONFIG,
                    "train.global_batch = %" PRId64 " makes %" PRId64
                    " slots of train.slot_size = %" PRId64
                    ", and some of the %d ranks would have nothing to do: lower train.slot_size, "
                    "raise train.global_batch, or start fewer ranks",
                    c->train.global_batch, slots, size, world_size);
    if (c->train.threads == 0)
        return FAIL(em, ST_CONFIG,
                    "train.reproducible needs the number of threads to be the same everywhere: set "
                    "train.threads, to 1 for instance");
    if (c->comm.wire == WIRE_BF16)
        return FAIL(em, ST_CONFIG,
                    "train.reproducible adds gradients in fp32: set comm.wire = \"fp32\"");
    return config_check_device(c, c->train.device, em);
}

/* The checks that depend on the number of ranks. */
static enum status check_ranks(const struct config *c, int world_size, struct errmsg *em)
{
    enum status st = check_batch(c, world_size, em);
    return st == ST_OK ? check_exactness(c, world_size, em) : st;
}

static enum status fail_of_stage(int64_t i, const struct errmsg *why, struct errmsg *em)
{
    return FAIL(em, why->code, "stage %" PRId64 " of train.stages: %s", i + 1, why->text);
}

/* A stage begins with the weights of the stage before, so its network must not be smaller. */
static enum status check_growth(const struct config *before, const struct config *c,
                                struct errmsg *em)
{
    const struct model_config *from = &before->model, *to = &c->model;
    if (to->image_size < from->image_size)
        return FAIL(em, ST_CONFIG,
                    "image_size = %d is less than the %d of the stage before, and a network can "
                    "only grow: put the stages in the order of their sizes",
                    to->image_size, from->image_size);
    return architecture_check_growth(from, to, em);
}

static enum status check_stages(const struct config *c, struct errmsg *em)
{
    struct config before = *c, stage = *c;
    for (int64_t i = 0; i < config_stage_count(c); i++) {
        struct errmsg why = {0};
        config_enter_stage(&stage, i);
        enum status st = check_model(&stage, &why);
        if (st == ST_OK && i > 0)
            st = check_growth(&before, &stage, &why);
        if (st != ST_OK)
            return fail_of_stage(i, &why, em);
        before = stage;
    }
    return ST_OK;
}

enum status config_check_ranks(const struct config *c, int64_t first, int world_size,
                               struct errmsg *em)
{
    struct config stage = *c;
    if (c->train.stages.n == 0)
        return check_ranks(c, world_size, em);
    for (int64_t i = first; i < c->train.stages.n; i++) {
        struct errmsg why = {0};
        config_enter_stage(&stage, i);
        if (check_ranks(&stage, world_size, &why) != ST_OK)
            return fail_of_stage(i, &why, em);
    }
    return ST_OK;
}

enum status config_check_sizes(const struct config *c, int world_size, struct errmsg *em)
{
    enum status st = c->train.stages.n == 0 ? check_model(c, em) : check_stages(c, em);
    return st == ST_OK ? config_check_ranks(c, config_stage_count(c) - 1, world_size, em) : st;
}

enum status config_check(const struct config *c, int world_size, struct errmsg *em)
{
    enum status st = check_sets(c, em);
    return st == ST_OK ? config_check_sizes(c, world_size, em) : st;
}
