#include "step.h"

#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "replica.h"
#include "schedule.h"
#include "vote.h"
#include "zero.h"

static struct model_batch batch_view(const struct loader_batch *b)
{
    struct model_batch view = {.n = b->n};
    for (int p = 0; p < MODEL_PEOPLE; p++) {
        view.images[p] = b->images[p];
        view.masks[p] = b->masks[p];
        view.draws[p] = b->draws[p];
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
    micro_count = MIN(micro_count, s->batch.capacity);
    enum status st = loader_fill(s->loader, first, micro_count, &s->batch, em);
    if (st != ST_OK)
        return st;
    struct model_batch view = batch_view(&s->batch);
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
    if (st != ST_OK)
        return st;
    model_on_gradient_ready(s->model, reducer_ready, s->reducer);
    bool several = comm_world_size(s->comm) > 1;
    if (several)
        st = comm_agree(s->comm, try_backward(s, em), em);
    if (st == ST_OK)
        st = reducer_plan(s->reducer, em);
    if (st == ST_OK)
        tell_plan(s);
    return st == ST_OK ? zero_prepare_load(s, em) : st;
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* Samples of a step on their way to gradients and losses. */
struct work {
    struct session *s;
    struct vote *vote;
    double data_wait_s;
};

/* Forward and backward of n samples from the first-th of this step's; their losses go to a unit of
 * the vote. */
static enum status run_samples(struct work *w, size_t first, size_t n, size_t unit,
                               struct errmsg *em)
{
    struct session *s = w->s;
    double before = clock_seconds();
    watchdog_enter(s->watchdog, WATCH_READ, s->state.step + 1);
    enum status st = loader_fill(s->loader, s->state.position + first, n, &s->batch, em);
    w->data_wait_s += clock_seconds() - before;
    if (st != ST_OK)
        return st;
    watchdog_enter(s->watchdog, WATCH_COMPUTE, s->state.step + 1);
    struct model_batch view = batch_view(&s->batch);
    struct model_losses losses;
    st = model_backward(s->model, &view, (double)s->config.train.global_batch, &losses, em);
    if (st == ST_OK)
        vote_add_losses(w->vote, unit, &losses);
    return st;
}

/* This rank's share, micro-batch by micro-batch; in the last one buckets go out. A rank whose last
 * micro-batch is empty sends them all in reducer_flush. */
static enum status run_micro_batches(struct work *w, struct errmsg *em)
{
    struct session *s = w->s;
    size_t first, count;
    int micros = (int)s->config.train.accumulate;
    comm_shard((size_t)s->config.train.global_batch, comm_world_size(s->comm), comm_rank(s->comm),
               &first, &count);
    enum status st = model_zero_gradients(s->model, em);
    for (int i = 0; i < micros && st == ST_OK; i++) {
        size_t micro_first, micro_count;
        comm_shard(count, micros, i, &micro_first, &micro_count);
        if (i == micros - 1)
            reducer_arm(s->reducer);
        st = run_samples(w, first + micro_first, micro_count, 0, em);
    }
    return st;
}

/* This rank's share of the slots, each alone. */
static enum status run_slots(struct work *w, struct errmsg *em)
{
    struct session *s = w->s;
    size_t batch = (size_t)s->config.train.global_batch, size = (size_t)s->config.train.slot_size;
    size_t first, count;
    comm_shard(slots_of(s), comm_world_size(s->comm), comm_rank(s->comm), &first, &count);
    enum status st = ST_OK;
    for (size_t slot = first; slot < first + count && st == ST_OK; slot++) {
        st = model_zero_gradients(s->model, em);
        if (st == ST_OK)
            st = run_samples(w, slot * size, MIN(size, batch - slot * size), slot, em);
        if (st == ST_OK)
            slot_sum_add(s->slot_sum);
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
    vote_init(&v, s->slot_sum ? slots_of(s) : 1);
    vote_set_flags(&v, flags);
    struct work w = {.s = s, .vote = &v};
    enum status local = s->slot_sum ? run_slots(&w, em) : run_micro_batches(&w, em);
    enum status st = sum_gradients(s, local, &v, em);
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
    bool finite = true;
    struct guard *g = &s->state.guard;
    watchdog_enter(s->watchdog, WATCH_UPDATE, s->state.step + 1);
    enum status st = zero_gradient_is_finite(s, &finite, em);
    if (st == ST_OK) {
        r->loss_limit = guard_limit(g, &s->config.guard);
        r->verdict = guard_judge(g, &s->config.guard, r->losses.total, finite);
    }
    if (st == ST_OK && r->verdict == GUARD_GOOD)
        st = zero_update(s, r->lr, s->state.step + 1, em);
    return zero_is_on(s) ? st : comm_agree(s->comm, st, em);
}

enum status step_run(struct session *s, uint64_t flags, struct step_report *out, struct errmsg *em)
{
    double start = clock_seconds();
    struct step_report r = {.lr = s->state.guard.lr_scale *
                                  schedule_lr(&s->config, s->state.step + 1, s->steps_total)};
    enum status st = step_gradients(s, flags, &r, em);
    if (st == ST_OK)
        st = judge_and_update(s, &r, em);
    if (st != ST_OK)
        return st;
    s->state.step++;
    s->state.position += (uint64_t)s->config.train.global_batch;
    if (r.verdict == GUARD_GOOD)
        s->state.train_loss = r.losses.total;
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

/* ---- Validation ------------------------------------------------------------------------------ */

/* Losses of the pairs [first, first + n) of held-out pictures, divided by all. */
static enum status validate_pairs(struct session *s, int64_t first, int64_t n, int64_t all,
                                  struct vote *v, size_t unit, struct errmsg *em)
{
    enum { PART_MAX = 256 };
    int64_t rows[2][PART_MAX];
    int64_t part = MIN((int64_t)s->batch.capacity, PART_MAX);
    for (int64_t done = 0; done < n; done += part) {
        int64_t now = MIN(part, n - done);
        for (int p = 0; p < 2; p++)
            for (int64_t i = 0; i < now; i++) {
                int64_t count = order_val_count(s->orders[p]);
                rows[p][i] = order_val_row(s->orders[p], (first + done + i) % count);
            }
        struct model_losses losses;
        enum status st = loader_fill_rows(s->loader, rows[0], rows[1], (size_t)now, &s->batch, em);
        struct model_batch view = batch_view(&s->batch);
        if (st == ST_OK)
            st = model_evaluate(s->model, &view, (double)all, &losses, em);
        if (st != ST_OK)
            return st;
        vote_add_losses(v, unit, &losses);
    }
    return ST_OK;
}

/* This rank's share: of slots, each a unit of the vote, where the run is reproducible. */
static enum status validate_share(struct session *s, int64_t pairs, struct vote *v,
                                  struct errmsg *em)
{
    int64_t size = s->slot_sum ? s->config.train.slot_size : 1;
    size_t first, count;
    comm_shard((size_t)((pairs + size - 1) / size), comm_world_size(s->comm), comm_rank(s->comm),
               &first, &count);
    if (!s->slot_sum)
        return validate_pairs(s, (int64_t)first, (int64_t)count, pairs, v, 0, em);
    enum status st = ST_OK;
    for (size_t slot = first; slot < first + count && st == ST_OK; slot++) {
        int64_t begin = (int64_t)slot * size;
        st = validate_pairs(s, begin, MIN(size, pairs - begin), pairs, v, slot, em);
    }
    return st;
}

enum status step_validate(struct session *s, struct model_losses *out, struct errmsg *em)
{
    int64_t n[2] = {order_val_count(s->orders[0]), order_val_count(s->orders[1])};
    int64_t pairs = MIN(n[0], n[1]) > 0 ? MAX(n[0], n[1]) : 0;
    struct vote v;
    vote_init(&v, s->slot_sum ? (size_t)MAX(pairs, 1) : 1);
    enum status st = vote_take(s->comm, validate_share(s, pairs, &v, em), &v, em);
    struct model_losses losses = vote_losses(&v);
    vote_release(&v);
    if (st != ST_OK)
        return st;
    *out = losses;
    s->state.val_loss = pairs > 0 ? out->total : NAN;
    return ST_OK;
}
