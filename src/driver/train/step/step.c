#include "step.h"

#include <math.h>

#include "base/checked.h"
#include "base/clock.h"
#include "discriminator_step.h"
#include "feed.h"
#include "norm.h"
#include "replica.h"
#include "stage_open.h"
#include "vote.h"
#include "zero.h"

enum status step_try(const struct stage *stage, struct errmsg *em)
{
    const struct config *c = &stage->run->config;
    size_t batch = (size_t)c->train.global_batch, first, count, micro_first, micro_count;
    comm_shard(batch, comm_world_size(stage->comm), comm_rank(stage->comm), &first, &count);
    comm_shard(count, (int)c->train.accumulate, 0, &micro_first, &micro_count);
    /* with train.reproducible the feed holds one slot only */
    micro_count = MIN(micro_count, feed_get_options(stage->feed)->capacity);
    const struct batch *samples;
    enum status st = feed_take(stage->feed, first, micro_count, &samples, em);
    if (st != ST_OK)
        return st;
    struct model_losses ignored;
    reducer_observe(stage->reducer);
    return model_backward(stage->model, samples, (double)batch, &ignored, em);
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* A step is divided into parts, each one forward and backward pass: the micro-batches of this rank,
 * or its slots with train.reproducible. */
struct part {
    size_t first, n; /* samples of the step */
    size_t unit;     /* where its losses go in the vote (vote.h); 0 without slots */
};

static size_t part_count(const struct stage *stage)
{
    size_t first, count = (size_t)stage->run->config.train.accumulate;
    if (stage->slot_sum)
        comm_shard(stage_slots(stage), comm_world_size(stage->comm), comm_rank(stage->comm), &first,
                   &count);
    return count;
}

static struct part part_at(const struct stage *stage, size_t i)
{
    const struct config *c = &stage->run->config;
    size_t batch = (size_t)c->train.global_batch, size = (size_t)c->train.slot_size;
    int ranks = comm_world_size(stage->comm), rank = comm_rank(stage->comm);
    size_t first, count, micro_first, micro_count;
    if (stage->slot_sum) {
        comm_shard(stage_slots(stage), ranks, rank, &first, &count);
        size_t slot = first + i;
        return (struct part){slot * size, MIN(size, batch - slot * size), slot};
    }
    comm_shard(batch, ranks, rank, &first, &count);
    comm_shard(count, (int)c->train.accumulate, (int)i, &micro_first, &micro_count);
    return (struct part){first + micro_first, micro_count, 0};
}

/* Starts to read the samples of the next part: of this step, or the first of the next step. */
static void read_ahead(struct session *s, size_t i)
{
    uint64_t position = s->state.position;
    if (++i == part_count(&s->stage)) {
        if (s->state.step + 1 >= s->stage.steps_total)
            return;
        position += (uint64_t)s->run.config.train.global_batch;
        i = 0;
    }
    struct part next = part_at(&s->stage, i);
    feed_ahead(s->stage.feed, position + next.first, next.n);
}

/* The state of a step while its gradients are computed. */
struct work {
    struct session *s;
    struct vote *vote;
    double data_wait_s;
};

/* Forward and backward of part i. Adds its losses to its unit of the vote. */
static enum status train_part(struct work *w, size_t i, struct errmsg *em)
{
    struct session *s = w->s;
    struct part part = part_at(&s->stage, i);
    const struct batch *samples;
    double before = clock_seconds();
    watchdog_enter(s->run.watchdog, WATCH_READ, s->state.step + 1);
    enum status st = feed_take(s->stage.feed, s->state.position + part.first, part.n, &samples, em);
    w->data_wait_s += clock_seconds() - before;
    if (st != ST_OK)
        return st;
    watchdog_enter(s->run.watchdog, WATCH_COMPUTE, s->state.step + 1);
    read_ahead(s, i);
    struct model_losses losses;
    st = model_backward(s->stage.model, samples, (double)s->run.config.train.global_batch, &losses,
                        em);
    if (st == ST_OK)
        vote_add_losses(w->vote, part.unit, &losses);
    return st;
}

/* Runs this rank's micro-batches. Buckets are sent during the last one; if that is empty, in
 * reducer_flush. */
static enum status run_micro_batches(struct work *w, struct errmsg *em)
{
    size_t n = part_count(&w->s->stage);
    enum status st = model_zero_gradients(w->s->stage.model, em);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        if (i == n - 1)
            reducer_arm(w->s->stage.reducer);
        st = train_part(w, i, em);
    }
    return st;
}

/* Runs this rank's slots, each alone. */
static enum status run_slots(struct work *w, struct errmsg *em)
{
    size_t n = part_count(&w->s->stage);
    enum status st = ST_OK;
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        st = model_zero_gradients(w->s->stage.model, em);
        if (st == ST_OK)
            st = train_part(w, i, em);
        if (st == ST_OK) {
            slot_sum_add(w->s->stage.slot_sum);
            discriminator_step_add_slot(w->s);
        }
    }
    return st;
}

/* Sums gradients and votes over ranks. Every rank starts the same collectives and waits for them
 * all, even after a failure. */
static enum status sum_gradients(struct session *s, enum status local, struct vote *v,
                                 struct errmsg *em)
{
    watchdog_enter(s->run.watchdog, WATCH_REDUCE, s->state.step + 1);
    if (s->stage.slot_sum) {
        enum status summed = slot_sum_finish(s->stage.slot_sum, em);
        enum status voted = vote_take(s->run.comm, local, v, em);
        return voted != ST_OK ? voted : summed;
    }
    enum status sent = reducer_flush(s->stage.reducer, em),
                voted = vote_take(s->run.comm, local, v, em);
    enum status summed = reducer_wait(s->stage.reducer, em);
    if (summed == ST_OK) /* here, so that sum_wait_s includes it; the norm would wait in any case */
        summed = comm_finish(s->run.comm, model_flat(s->stage.model)->stream, em);
    return voted != ST_OK ? voted : sent != ST_OK ? sent : summed;
}

/* ---- A step ---------------------------------------------------------------------------------- */

/* Everything up to the update. */
static enum status step_gradients(struct session *s, uint64_t flags, struct step_report *r,
                                  struct errmsg *em)
{
    struct vote v;
    vote_init(&v, s->stage.slot_sum ? stage_slots(&s->stage) : 1, 0);
    vote_set_flags(&v, flags);
    struct work w = {.s = s, .vote = &v};
    discriminator_step_begin(s);
    enum status local = s->stage.slot_sum ? run_slots(&w, em) : run_micro_batches(&w, em);
    double before = clock_seconds();
    enum status st = sum_gradients(s, local, &v, em);
    r->sum_wait_s = clock_seconds() - before;
    if (st == ST_OK) /* the same on all ranks */
        st = discriminator_step_sum(s, em);
    r->data_wait_s = w.data_wait_s;
    r->losses = vote_losses(&v);
    r->flags = vote_flags(&v);
    vote_release(&v);
    return st;
}

static bool replica_check_due(const struct session *s)
{
    int64_t every = s->run.config.train.replica_check_steps;
    return every > 0 && s->state.step % every == 0;
}

/* The verdict is the same on every rank, because losses and summed gradient are. The status may
 * differ. */
static enum status judge(struct session *s, struct step_report *r, struct errmsg *em)
{
    bool also_finite = true;
    struct guard *g = &s->state.guard;
    watchdog_enter(s->run.watchdog, WATCH_UPDATE, s->state.step + 1);
    enum status st = norm_measure(&s->stage, s->stage.norm, &r->grad_norm, em);
    if (st == ST_OK)
        st = discriminator_step_is_finite(s, &also_finite, em);
    if (st == ST_OK) {
        bool finite = isfinite(r->grad_norm) && also_finite && isfinite(r->losses.total);
        r->judged_loss = discriminator_step_judged_loss(&s->run.config, &r->losses);
        r->loss_limit = guard_limit(g, &s->run.config.guard);
        r->verdict = guard_judge(g, &s->run.config.guard, r->judged_loss, finite);
    }
    return st;
}

/* COLLECTIVE with train.zero. The status may differ between ranks. */
static enum status update(struct session *s, const struct step_report *r, struct errmsg *em)
{
    const struct model_step step = {
        .step = train_state_stage_steps(&s->state) + 1,
        .lr = r->lr,
        .gradient_scale = norm_clip_factor(r->grad_norm, s->run.config.train.clip_norm),
    };
    enum status st = zero_update(&s->stage, &step, em);
    return st == ST_OK ? discriminator_step_update(s, r->lr, em) : st;
}

/* COLLECTIVE. The status is the same on every rank. */
static enum status judge_and_update(struct session *s, struct step_report *r, struct errmsg *em)
{
    enum status st = judge(s, r, em);
    if (zero_is_on(&s->stage)) /* zero_update is collective: no rank may enter it alone */
        st = comm_agree(s->run.comm, st, em);
    if (st == ST_OK && r->verdict == GUARD_GOOD)
        st = update(s, r, em);
    return comm_agree(s->run.comm, st, em);
}

/* With discriminators, reconstructions may differ from the pictures for a while: their losses
 * cannot show a collapse. */
static void record_losses(struct session *s, const struct step_report *r)
{
    double loss[MODEL_PEOPLE];
    bool compares = s->run.config.loss.adversarial == 0;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        loss[who] = compares ? collapse_loss(&s->run.config, &r->losses, who) : NAN;
    s->state.train_loss = r->losses.total;
    collapse_record_step(&s->state.collapse, loss,
                         s->run.config.train.freeze == FREEZE_NONE ? r->lr : NAN);
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
    /* a skipped step consumes its pictures, too: the position stays the only cursor */
    s->state.step++;
    s->state.position += (uint64_t)s->run.config.train.global_batch;
    if (r.verdict == GUARD_GOOD)
        record_losses(s, &r);
    if (replica_check_due(s))
        st = replica_check(s, em);
    r.duration_s = clock_seconds() - start;
    *out = r;
    return st;
}

enum status step_before_save(struct session *s, struct errmsg *em)
{
    enum status st = ST_OK;
    if (s->run.config.train.replica_check_steps > 0)
        st = replica_check(s, em);
    return st == ST_OK ? zero_gather_moments(&s->stage, em) : st;
}

enum status step_after_save(struct session *s, struct errmsg *em)
{
    return comm_agree(s->run.comm, zero_shed_moments(&s->stage, em), em);
}
