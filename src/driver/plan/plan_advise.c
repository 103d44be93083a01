/* Checks whether the memory suffices, and advises what to change. */
#include <inttypes.h>
#include <stdio.h>

#include "base/checked.h"
#include "plan.h"

#include "base/poison.h"

static bool fits(const struct plan *p, const struct plan_run *run)
{
    struct plan_memory m = plan_memory_of(&p->work, run, p->request.cluster);
    return plan_fits(&m, run, p->request.cluster);
}

/* The smallest train.accumulate that fits; 0 if none does. */
static int64_t least_accumulate(const struct plan *p, struct plan_run run)
{
    int64_t share = plan_share(&run);
    for (int64_t pairs = plan_micro(&run); pairs >= 1; pairs--) {
        run.accumulate = (share + pairs - 1) / pairs;
        if (fits(p, &run))
            return run.accumulate;
    }
    return 0;
}

/* The largest micro-batch that fits, in pairs, found by doubling and bisection. */
static int64_t most_pairs(const struct plan *p)
{
    struct plan_run run = p->run;
    int64_t low = 0, high = 1;
    run.accumulate = 1;
    for (run.global_batch = run.ranks; high < 65536 && fits(p, &run);
         run.global_batch = high * run.ranks) {
        low = high;
        high *= 2;
    }
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        run.global_batch = middle * run.ranks;
        if (fits(p, &run))
            low = middle;
        else
            high = middle;
    }
    return low;
}

#define ADVISE(p, ...)                                                              \
    do {                                                                            \
        if ((p)->n_advice < PLAN_ADVICE_MAX)                                        \
            snprintf((p)->advice[(p)->n_advice++], PLAN_ADVICE_BYTES, __VA_ARGS__); \
    } while (0)

static void advise_accumulate(struct plan *p)
{
    int64_t pieces = p->request.config->train.reproducible ? 0 : least_accumulate(p, p->run);
    if (pieces > 0)
        ADVISE(p,
               "train.accumulate = %" PRId64 ": the same batch in more and smaller micro-batches",
               pieces);
}

static void advise_zero(struct plan *p)
{
    struct plan_run run = p->run;
    if (run.zero || run.ranks == 1)
        return;
    run.zero = true;
    if (fits(p, &run))
        ADVISE(p, "train.zero = 1: each rank keeps only its shard of Adam's moments");
    else if (least_accumulate(p, p->run) == 0 && least_accumulate(p, run) > 0)
        ADVISE(p, "train.zero = 1 and train.accumulate = %" PRId64, least_accumulate(p, run));
}

static void advise_recompute(struct plan *p)
{
    struct plan_run run = p->run;
    if (run.recompute || run.graph == GRAPH_ON)
        return;
    run.recompute = true;
    if (fits(p, &run))
        ADVISE(p, "train.recompute = true: levels are computed again in backward, not kept");
    else if (least_accumulate(p, p->run) == 0 && least_accumulate(p, run) > 0)
        ADVISE(p, "train.recompute = true and train.accumulate = %" PRId64,
               least_accumulate(p, run));
}

static void advise_batch(struct plan *p)
{
    if (p->micro_max > 0)
        ADVISE(p, "train.global_batch = %" PRId64 ": at most %" PRId64 " pairs a rank at once",
               p->micro_max * p->run.ranks * p->run.accumulate, p->micro_max);
}

static void advise_precision(struct plan *p)
{
    if (!p->run.bf16 && p->fits[PLAN_BF16])
        ADVISE(p, "train.precision = \"bf16\": activations take half the memory");
}

void plan_advise(struct plan *p)
{
    for (int i = 0; i < PLAN_PRECISIONS; i++) {
        struct plan_run run = p->run;
        run.bf16 = i == PLAN_BF16;
        p->fits[i] = fits(p, &run);
    }
    p->micro_max = most_pairs(p);
    if (p->fits[p->precision])
        return;
    advise_accumulate(p);
    advise_zero(p);
    advise_recompute(p);
    advise_batch(p);
    advise_precision(p);
    if (p->n_advice == 0)
        ADVISE(p, "a device with more memory, or a smaller model (model.latent, model.image_size): "
                  "the state alone is too large");
}
