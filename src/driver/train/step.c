#include "step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "schedule.h"

enum { LOSS_NUMBERS = 1 + MODEL_PEOPLE * MODEL_LOSSES, FLAG_NUMBERS = 2 };

/* What ranks tell each other in one sum a step: losses, then how many ranks set each flag. */
struct step_vote {
    double failed; /* ranks that could not do their part */
    double losses[LOSS_NUMBERS];
    double flags[FLAG_NUMBERS];
};

static void add_losses(double sum[LOSS_NUMBERS], const struct model_losses *l)
{
    sum[0] += l->total;
    const double *terms = &l->term[0][0];
    for (int i = 0; i < MODEL_PEOPLE * MODEL_LOSSES; i++)
        sum[1 + i] += terms[i];
}

static struct model_losses losses_from(const double sum[LOSS_NUMBERS])
{
    struct model_losses l = {.total = sum[0]};
    memcpy(l.term, sum + 1, sizeof l.term);
    return l;
}

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

/* Forward and backward of this rank's share, micro-batch by micro-batch; in the last one buckets go
 * out. A rank whose last micro-batch is empty sends them all in reducer_flush. */
static enum status accumulate_gradients(struct session *s, double losses[LOSS_NUMBERS],
                                        double *data_wait_s, struct errmsg *em)
{
    size_t batch = (size_t)s->config.train.global_batch, first, count;
    int micros = (int)s->config.train.accumulate;
    comm_shard(batch, comm_world_size(s->comm), comm_rank(s->comm), &first, &count);
    enum status st = model_zero_gradients(s->model, em);
    for (int i = 0; i < micros && st == ST_OK; i++) {
        size_t micro_first, micro_count;
        comm_shard(count, micros, i, &micro_first, &micro_count);
        double before = clock_seconds();
        st = loader_fill(s->loader, s->state.position + first + micro_first, micro_count, &s->batch,
                         em);
        *data_wait_s += clock_seconds() - before;
        if (st != ST_OK)
            break;
        struct model_batch view = batch_view(&s->batch);
        struct model_losses l;
        if (i == micros - 1)
            reducer_arm(s->reducer);
        st = model_backward(s->model, &view, (double)batch, &l, em);
        if (st == ST_OK)
            add_losses(losses, &l);
    }
    return st;
}

/* Sums losses, flags and failures over ranks; a failure anywhere becomes the same one everywhere.
 */
static enum status vote(struct session *s, enum status local, struct step_vote *v,
                        struct errmsg *em)
{
    struct comm_ticket ticket = {0};
    v->failed = local != ST_OK;
    enum status st =
        comm_all_reduce_begin(s->comm, v, sizeof *v / sizeof(double), COMM_F64, NULL, &ticket, em);
    if (st == ST_OK)
        st = comm_wait(s->comm, &ticket, COMM_NO_DEADLINE, em);
    if (st != ST_OK)
        return st;
    return v->failed > 0 ? comm_agree(s->comm, local, em) : ST_OK;
}

/* The sums of gradients and of votes. Whatever has failed, every rank begins the same collectives
 * and waits for all of them. */
static enum status sum_gradients(struct session *s, enum status local, struct step_vote *v,
                                 struct errmsg *em)
{
    enum status sent = reducer_flush(s->reducer, em), voted = vote(s, local, v, em);
    enum status summed = reducer_wait(s->reducer, em);
    return voted != ST_OK ? voted : sent != ST_OK ? sent : summed;
}

/* ---- Opening --------------------------------------------------------------------------------- */

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
    };
    enum status st = reducer_new(&options, &s->reducer, em);
    free(ranges);
    return st;
}

/* One backward on the first samples of this rank. */
static enum status try_backward(struct session *s, struct errmsg *em)
{
    size_t batch = (size_t)s->config.train.global_batch, first, count, micro_first, micro_count;
    comm_shard(batch, comm_world_size(s->comm), comm_rank(s->comm), &first, &count);
    comm_shard(count, (int)s->config.train.accumulate, 0, &micro_first, &micro_count);
    enum status st = loader_fill(s->loader, first, micro_count, &s->batch, em);
    if (st != ST_OK)
        return st;
    struct model_batch view = batch_view(&s->batch);
    struct model_losses ignored;
    reducer_observe(s->reducer);
    return model_backward(s->model, &view, (double)batch, &ignored, em);
}

enum status step_open(struct session *s, struct errmsg *em)
{
    enum status st = comm_agree(s->comm, new_reducer(s, em), em);
    if (st != ST_OK)
        return st;
    model_on_gradient_ready(s->model, reducer_ready, s->reducer);
    bool several = comm_world_size(s->comm) > 1;
    if (several)
        st = comm_agree(s->comm, try_backward(s, em), em);
    if (st == ST_OK)
        st = reducer_plan(s->reducer, em);
    if (st == ST_OK && several && comm_rank(s->comm) == 0)
        log_info("reducer: %s", reducer_get_description(s->reducer));
    return st;
}

/* ---- A step ---------------------------------------------------------------------------------- */

/* Losses and summed gradient are the same on every rank, and so is the verdict. */
static enum status judge_and_update(struct session *s, struct step_report *r, struct errmsg *em)
{
    bool finite = true;
    struct guard *g = &s->state.guard;
    enum status st = model_gradient_is_finite(s->model, &finite, em);
    if (st != ST_OK)
        return st;
    r->loss_limit = guard_limit(g, &s->config.guard);
    r->verdict = guard_judge(g, &s->config.guard, r->losses.total, finite);
    if (r->verdict != GUARD_GOOD)
        return ST_OK;
    return model_update(s->model, r->lr, s->state.step + 1, em);
}

enum status step_run(struct session *s, uint64_t flags, struct step_report *out, struct errmsg *em)
{
    double start = clock_seconds();
    struct step_vote v = {0};
    struct step_report r = {.lr = s->state.guard.lr_scale *
                                  schedule_lr(&s->config, s->state.step + 1, s->steps_total)};
    for (int i = 0; i < FLAG_NUMBERS; i++)
        v.flags[i] = (flags >> i) & 1 ? 1.0 : 0.0;

    enum status local = accumulate_gradients(s, v.losses, &r.data_wait_s, em);
    enum status st = sum_gradients(s, local, &v, em);
    if (st != ST_OK)
        return st;
    r.losses = losses_from(v.losses);
    for (int i = 0; i < FLAG_NUMBERS; i++)
        r.flags |= (uint64_t)(v.flags[i] > 0) << i;
    st = comm_agree(s->comm, judge_and_update(s, &r, em), em);
    if (st != ST_OK)
        return st;
    s->state.step++;
    s->state.position += (uint64_t)s->config.train.global_batch;
    if (r.verdict == GUARD_GOOD)
        s->state.train_loss = r.losses.total;
    r.duration_s = clock_seconds() - start;
    *out = r;
    return ST_OK;
}

/* Losses of the pairs [first, first + n) of held-out pictures, divided by all. */
static enum status validate_part(struct session *s, int64_t first, int64_t n, int64_t all,
                                 double losses[LOSS_NUMBERS], struct errmsg *em)
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
        struct model_losses l;
        enum status st = loader_fill_rows(s->loader, rows[0], rows[1], (size_t)now, &s->batch, em);
        struct model_batch view = batch_view(&s->batch);
        if (st == ST_OK)
            st = model_evaluate(s->model, &view, (double)all, &l, em);
        if (st != ST_OK)
            return st;
        add_losses(losses, &l);
    }
    return ST_OK;
}

enum status step_validate(struct session *s, struct model_losses *out, struct errmsg *em)
{
    int64_t n[2] = {order_val_count(s->orders[0]), order_val_count(s->orders[1])};
    int64_t pairs = MIN(n[0], n[1]) > 0 ? MAX(n[0], n[1]) : 0;
    struct step_vote v = {0};
    size_t first, count;
    comm_shard((size_t)pairs, comm_world_size(s->comm), comm_rank(s->comm), &first, &count);
    enum status local = validate_part(s, (int64_t)first, (int64_t)count, pairs, v.losses, em);
    enum status st = vote(s, local, &v, em);
    if (st != ST_OK)
        return st;
    *out = losses_from(v.losses);
    s->state.val_loss = pairs > 0 ? out->total : NAN;
    return ST_OK;
}
