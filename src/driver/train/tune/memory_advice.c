#include "memory_advice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

static PRINTF_LIKE(2, 3) void add(struct errmsg *em, const char *fmt, ...)
{
    size_t used = strlen(em->text);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(em->text + used, sizeof em->text - used, fmt, ap);
    va_end(ap);
}

/* Pairs of pictures in a step of the rank with most. */
static int64_t pairs_a_step(const struct config *c, int ranks)
{
    return (c->train.global_batch + ranks - 1) / ranks;
}

/* Pairs of pictures that this rank computes at once. */
static int64_t pairs_at_once(const struct config *c, int ranks)
{
    int64_t share = pairs_a_step(c, ranks);
    return c->train.reproducible ? MIN(c->train.slot_size, share)
                                 : (share + c->train.accumulate - 1) / c->train.accumulate;
}

/* Appends ways to use less memory, the cheapest first. */
static void add_remedies(const struct config *c, int ranks, int64_t pairs, struct errmsg *em)
{
    add(em, " Try ");
    if (pairs > 1 && c->train.reproducible)
        add(em, "train.slot_size = %" PRId64 ", ", pairs / 2);
    else if (pairs > 1)
        add(em, "train.accumulate = %" PRId64 " (the same result in smaller micro-batches), ",
            MIN(2 * c->train.accumulate, pairs_a_step(c, ranks)));
    if (!c->train.recompute)
        add(em, "train.recompute = true%s, ",
            c->train.cuda_graph == GRAPH_ON ? " with train.cuda_graph = false" : "");
    if (ranks > 1 && c->train.zero == 0)
        add(em, "train.zero = 1, ");
    if (c->train.global_batch > ranks)
        add(em, "a smaller train.global_batch, ");
    add(em, "or a smaller model.image_size or model.width. bifrons plan shows what a configuration "
            "needs");
}

/* Makes the message begin with "out of memory: "; those of libtorch's allocators do not. */
static void add_prefix(struct errmsg *em)
{
    static const char start[] = "out of memory: ";
    char before[sizeof em->text];
    if (strncmp(em->text, start, strlen("out of memory")) == 0)
        return;
    memcpy(before, em->text, sizeof before);
    em->text[0] = '\0';
    add(em, "%s%.*s", start, (int)(sizeof before - sizeof start), before);
}

void memory_advice_add(const struct session *s, struct errmsg *em)
{
    const struct config *c = &s->run.config;
    int ranks = comm_world_size(s->run.comm);
    int64_t pairs = pairs_at_once(c, ranks);
    char stage[SESSION_STAGE_TEXT_BYTES];
    session_stage_text(s, stage);
    add_prefix(em);
    add(em,
        ". %s%s rank works on %" PRId64 " + %" PRId64
        " pictures of %d px at once: train.global_batch = %" PRId64 " on %d rank%s, ",
        stage, stage[0] ? ": a" : "A", pairs, pairs, c->model.image_size, c->train.global_batch,
        ranks, PLURAL(ranks));
    if (c->train.reproducible)
        add(em, "train.slot_size = %" PRId64 ", ", c->train.slot_size);
    add(em, "train.accumulate = %" PRId64 ", train.recompute = %s.", c->train.accumulate,
        c->train.recompute ? "true" : "false");
    add_remedies(c, ranks, pairs, em);
}
