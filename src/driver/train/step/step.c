#include "step.h"

#include <math.h>
#include <stdlib.h>

#include "adversary.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "feed.h"
#include "norm.h"
#include "replica.h"
#include "vote.h"
#include "zero.h"

static struct model_batch batch_view(const struct loader_batch *b)
{
    struct model_batch view = {.n = b->n};
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        view.images[p] = b->images[p];
        view.masks[p] = b->masks[p];
        view.draws[p] = b->draws[p];
        view.priority[p] = b->priority[p];
        view.noise[p] = b->noise[p];
    }
    return view;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static size_t slots_of(const struct session *s)
{
    size_t batch = (size_t)s->config.train.global_batch, size = (size_t)s->config.train.slot_size;
    return (batch + size - 1) / size;
}

static enum status new_reducer(struct session *s, struct errmsg *em)
{
    const struct model_flat *flat = model_flat(s->model);
    const struct model_tensor *tensors;
    size_t n = model_layout(s->model, &tensors);
    struct reducer_range *ranges = calloc(n, sizeof *ranges);
    if (!ranges)
        return FAIL(em, ST_MEMORY, "out of memory for the reducer");
    for (size_t i = 0; i < n; i++)
        ranges[i] = (struct reducer_range){tensors[i].offset, tensors[i].count};
    struct reducer_options options = {
        .comm = s->comm,
        .gradients = flat->gradients,
        .count = flat->count,
        .dtype = COMM_F32,
        .stream = flat->stream,
        .tensors = ranges,
        .n_tensors = n,
        .bucket_bytes = (size_t)(s->config.comm.bucket_mb * (1 << 20)),
        .wire = s->config.comm.wire == WIRE_BF16 ? REDUCER_WIRE_BF16 : REDUCER_WIRE_SAME,
        .scatter = zero_is_on(s),
    };
    enum status st = reducer_new(&options, &s->reducer, em);
    free(ranges);
    return st;
}

static enum status new_slot_sum(struct session *s, struct errmsg *em)
{
    const struct model_flat *flat = model_flat(s->model);
    if (!s->config.train.reproducible)
        return ST_OK;
    return slot_sum_new(s->comm, flat->gradients, flat->count, slots_of(s), &s->slot_sum, em);
}

/* One backward on the first samples of this rank. */
static enum status try_backward(struct session *s, struct errmsg *em)
{
    size_t batch = (size_t)s->config.train.global_batch, first, count, micro_first, micro_count;
    comm_shard(batch, comm_world_size(s->comm), comm_rank(s->comm), &first, &count);
    comm_shard(count, (int)s->config.train.accumulate, 0, &micro_first, &micro_count);
    micro_count = MIN(micro_count, feed_get_options(s->feed)->capacity);
    const struct loader_batch *samples;
    enum status st = feed_take(s->feed, first, micro_count, &samples, em);
    if (st != ST_OK)
        return st;
    struct model_batch view = batch_view(samples);
    struct model_losses ignored;
    reducer_observe(s->reducer);
    return model_backward(s->model, &view, (double)batch, &ignored, em);
}

static void tell_plan(const struct session *s)
{
    char cost[160];
    if (comm_rank(s->comm) != 0)
        return;
    if (comm_world_size(s->comm) > 1)
        log_info("reducer: %s", reducer_get_description(s->reducer));
    if (s->slot_sum) {
        slot_sum_describe(s->slot_sum, cost, sizeof cost);
        log_info("reproducible: %s", cost);
    }
}

enum status step_open(struct session *s, struct errmsg *em)
{
    enum status st = comm_agree(s->comm, new_reducer(s, em), em);
    if (st == ST_OK)
        st = comm_agree(s->comm, new_slot_sum(s, em), em);
    if (st == ST_OK)
        st = comm_agree(s->comm, adversary_open(s, em), em);
    if (st != ST_OK)
        return st;
    model_on_gradient_ready(s->model, reducer_ready, s->reducer);
    bool several = comm_world_size(s->comm) > 1;
    if (several)
        st = comm_agree(s->comm, try_backward(s, em), em);
    if (st == ST_OK)
        st = reducer_plan(s->reducer, em);
    if (st == ST_OK)
        st = comm_agree(s->comm, norm_new(s, &s->norm, em), em);
    if (st == ST_OK)
        tell_plan(s);
    return st == ST_OK ? zero_prepare_load(s, em) : st;
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* A step's work is cut into parts, each one forward and backward: this rank's micro-batches, or its
 * slots where the run is reproducible. */
struct part {
    size_t first, n; /* samples of the step */
    size_t unit;     /* of the vote */
};

static size_t part_count(const struct session *s)
{
    size_t first, count = (size_t)s->config.train.accumulate;
    if (s->slot_sum)
        comm_shard(slots_of(s), comm_world_size(s->comm), comm_rank(s->comm), &first, &count);
    return count;
}

static struct part part_at(const struct session *s, size_t i)
{
    size_t batch = (size_t)s->config.train.global_batch, size = (size_t)s->config.train.slot_size;
    int ranks = comm_world_size(s->comm), rank = comm_rank(s->comm);
    size_t first, count, micro_first, micro_count;
    if (s->slot_sum) {
        comm_shard(slots_of(s), ranks, rank, &first, &count);
        size_t slot = first + i;
        return (struct part){slot * size, MIN(size, batch - slot * size), slot};
    }
    comm_shard(batch, ranks, rank, &first, &count);
    comm_shard(count, (int)s->config.train.accumulate, (int)i, &micro_first, &micro_count);
    return (struct part){first + micro_first, micro_count, 0};
}

/* Lets the feed begin what comes after part i: the next one, or the first of the next step. */
static void read_ahead(struct session *s, size_t i)
{
    uint64_t position = s->state.position;
    if (++i == part_count(s)) {
        if (s->state.step + 1 >= s->steps_total)
            return;
        position += (uint64_t)s->config.train.global_batch;
        i = 0;
    }
    struct part next = part_at(s, i);
    feed_ahead(s->feed, position + next.first, next.n);
}

/* Samples of a step on their way to gradients and losses. */
struct work {
    struct session *s;
    struct vote *vote;
    double data_wait_s;
};

/* Forward and backward of part i; its losses go to its unit of the vote. */
static enum status run_part(struct work *w, size_t i, struct errmsg *em)
{
    struct session *s = w->s;
    struct part part = part_at(s, i);
    const struct loader_batch *samples;
    double before = clock_seconds();
    watchdog_enter(s->watchdog, WATCH_READ, s->state.step + 1);
    enum status st = feed_take(s->feed, s->state.position + part.first, part.n, &samples, em);
    w->data_wait_s += clock_seconds() - before;
    if (st != ST_OK)
        return st;
    watchdog_enter(s->watchdog, WATCH_COMPUTE, s->state.step + 1);
    read_ahead(s, i);
    struct model_batch view = batch_view(samples);
    struct model_losses losses;
    st = model_backward(s->model, &view, (double)s->config.train.global_batch, &losses, em);
    if (st == ST_OK)
        vote_add_losses(w->vote, part.unit, &losses);
    return st;
}

/* This rank's share, micro-batch by micro-batch; in the last one buckets go out. A rank whose last
 * micro-batch is empty sends them all in reducer_flush. */
static enum status run_micro_batches(struct work *w, struct errmsg *em)
{
    size_t n = part_count(w->s);
    enum status st = model_zero_gradients(w->s->model, em);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        if (i == n - 1)
            reducer_arm(w->s->reducer);
        st = run_part(w, i, em);
    }
    return st;
}

/* This rank's share of the slots, each alone. */
static enum status run_slots(struct work *w, struct errmsg *em)
{
    size_t n = part_count(w->s);
    enum status st = ST_OK;
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        st = model_zero_gradients(w->s->model, em);
        if (st == ST_OK)
            st = run_part(w, i, em);
        if (st == ST_OK) {
            slot_sum_add(w->s->slot_sum);
            adversary_add_slot(w->s);
        }
    }
    return st;
}

/* The sums of gradients and of votes. Whatever has failed, every rank begins the same collectives
 * and waits for all of them. */
static enum status sum_gradients(struct session *s, enum status local, struct vote *v,
                                 struct errmsg *em)
{
    watchdog_enter(s->watchdog, WATCH_REDUCE, s->state.step + 1);
    if (s->slot_sum) {
        enum status summed = slot_sum_finish(s->slot_sum, em);
        enum status voted = vote_take(s->comm, local, v, em);
        return voted != ST_OK ? voted : summed;
    }
    enum status sent = reducer_flush(s->reducer, em), voted = vote_take(s->comm, local, v, em);
    enum status summed = reducer_wait(s->reducer, em);
    return voted != ST_OK ? voted : sent != ST_OK ? sent : summed;
}

/* ---- A step ---------------------------------------------------------------------------------- */

/* Everything up to the update. */
static enum status step_gradients(struct session *s, uint64_t flags, struct step_report *r,
                                  struct errmsg *em)
{
    struct vote v;
    vote_init(&v, s->slot_sum ? slots_of(s) : 1, 0);
    vote_set_flags(&v, flags);
    struct work w = {.s = s, .vote = &v};
    adversary_begin_step(s);
    enum status local = s->slot_sum ? run_slots(&w, em) : run_micro_batches(&w, em);
    double before = clock_seconds();
    enum status st = sum_gradients(s, local, &v, em);
    r->sum_wait_s = clock_seconds() - before;
    if (st == ST_OK) /* so on all ranks, or on none */
        st = adversary_sum(s, em);
    r->data_wait_s = w.data_wait_s;
    r->losses = vote_losses(&v);
    r->flags = vote_flags(&v);
    vote_release(&v);
    return st;
}

static bool replica_check_due(const struct session *s)
{
    int64_t every = s->config.train.replica_check_steps;
    return every > 0 && s->state.step % every == 0;
}

/* Losses and summed gradient are the same on every rank, and so is the verdict. */
static enum status judge_and_update(struct session *s, struct step_report *r, struct errmsg *em)
{
    bool also_finite = true;
    struct guard *g = &s->state.guard;
    watchdog_enter(s->watchdog, WATCH_UPDATE, s->state.step + 1);
    enum status st = norm_measure(s, s->norm, &r->grad_norm, em);
    if (st == ST_OK)
        st = adversary_is_finite(s, &also_finite, em);
    if (st == ST_OK) {
        bool finite = isfinite(r->grad_norm) && also_finite && isfinite(r->losses.total);
        r->judged_loss = adversary_judged_loss(s, &r->losses);
        r->loss_limit = guard_limit(g, &s->config.guard);
        r->verdict = guard_judge(g, &s->config.guard, r->judged_loss, finite);
    }
    const struct model_step step = {
        .step = session_stage_steps(s) + 1,
        .lr = r->lr,
        .gradient_scale = norm_clip_factor(r->grad_norm, s->config.train.clip_norm),
    };
    if (st == ST_OK && r->verdict == GUARD_GOOD)
        st = zero_update(s, &step, em);
    if (st == ST_OK && r->verdict == GUARD_GOOD)
        st = adversary_update(s, r->lr, em);
    return zero_is_on(s) ? st : comm_agree(s->comm, st, em);
}

/* Against discriminators reconstructions may stray from the pictures for a while: then their losses
 * are none to compare with. */
static void note_losses(struct session *s, const struct step_report *r)
{
    double loss[MODEL_PEOPLE];
    bool compares = s->config.loss.adversarial == 0;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        loss[who] = compares ? collapse_loss(&s->config, &r->losses, who) : NAN;
    s->state.train_loss = r->losses.total;
    collapse_note_step(&s->state.collapse, loss,
                       s->config.train.freeze == FREEZE_NONE ? r->lr : NAN);
}

enum status step_run(struct session *s, uint64_t flags, struct step_report *out, struct errmsg *em)
{
    double start = clock_seconds();
    struct step_report r = {.lr = session_lr(s, s->state.step + 1)};
    enum status st = step_gradients(s, flags, &r, em);
    if (st == ST_OK)
        st = judge_and_update(s, &r, em);
    if (st != ST_OK)
        return st;
    s->state.step++;
    s->state.position += (uint64_t)s->config.train.global_batch;
    if (r.verdict == GUARD_GOOD)
        note_losses(s, &r);
    if (replica_check_due(s))
        st = replica_check(s, em);
    r.duration_s = clock_seconds() - start;
    *out = r;
    return st;
}

enum status step_before_save(struct session *s, struct errmsg *em)
{
    enum status st = ST_OK;
    if (s->config.train.replica_check_steps > 0)
        st = replica_check(s, em);
    return st == ST_OK ? zero_gather_moments(s, em) : st;
}

enum status step_after_save(struct session *s, struct errmsg *em)
{
    return comm_agree(s->comm, zero_shed_moments(s, em), em);
}
