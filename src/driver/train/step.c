#include "step.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
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

static enum status all_reduce(struct comm *c, void *range, size_t n, enum comm_dtype dtype,
                              void *stream, struct errmsg *em)
{
    struct comm_ticket ticket = {0};
    enum status st = comm_all_reduce_begin(c, range, n, dtype, stream, &ticket, em);
    return st == ST_OK ? comm_wait(c, &ticket, COMM_NO_DEADLINE, em) : st;
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

/* Forward and backward of this rank's share, micro-batch by micro-batch. */
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
    v->failed = local != ST_OK;
    enum status st = all_reduce(s->comm, v, sizeof *v / sizeof(double), COMM_F64, NULL, em);
    if (st != ST_OK)
        return st;
    return v->failed > 0 ? comm_agree(s->comm, local, em) : ST_OK;
}

enum status step_run(struct session *s, uint64_t flags, struct step_report *out, struct errmsg *em)
{
    double start = clock_seconds();
    struct step_vote v = {0};
    struct step_report r = {.lr = schedule_lr(&s->config, s->state.step + 1, s->steps_total)};
    for (int i = 0; i < FLAG_NUMBERS; i++)
        v.flags[i] = (flags >> i) & 1 ? 1.0 : 0.0;

    enum status st = vote(s, accumulate_gradients(s, v.losses, &r.data_wait_s, em), &v, em);
    if (st != ST_OK)
        return st;
    r.losses = losses_from(v.losses);
    for (int i = 0; i < FLAG_NUMBERS; i++)
        r.flags |= (uint64_t)(v.flags[i] > 0) << i;
    if (!isfinite(r.losses.total))
        return FAIL(em, ST_DIVERGED,
                    "the loss of step %lld is not a finite number; resume from the last "
                    "checkpoint with a lower train.lr",
                    (long long)s->state.step + 1);

    const struct model_flat *flat = model_flat(s->model);
    st = all_reduce(s->comm, flat->gradients, flat->count, COMM_F32, flat->stream, em);
    if (st == ST_OK)
        st = comm_agree(s->comm, model_update(s->model, r.lr, s->state.step + 1, em), em);
    if (st != ST_OK)
        return st;
    s->state.step++;
    s->state.position += (uint64_t)s->config.train.global_batch;
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
