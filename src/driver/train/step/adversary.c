#include "adversary.h"

#include <inttypes.h>

#include "base/checked.h"
#include "base/log.h"
#include "model/adversary.h"

static bool takes_part(const struct session *s)
{
    return model_has_adversary(s->model) &&
           session_stage_steps(s) >= s->config.adversary.start_step;
}

static void tell(const struct session *s)
{
    const struct config *c = &s->config;
    log_info("adversary: %s loss from step %" PRId64 " on, 2 discriminators of %.2f M parameters",
             c->adversary.loss == MODEL_HINGE ? "hinge" : "least squares",
             s->state.stage_step + c->adversary.start_step + 1,
             (double)model_adversary_flat(s->model).count / MODEL_PEOPLE / 1e6);
    if (c->train.cuda_graph == GRAPH_ON)
        log_info("train.cuda_graph: steps with the adversarial loss run without a graph");
}

enum status adversary_open(struct session *s, struct errmsg *em)
{
    struct model_flat flat = model_adversary_flat(s->model);
    int64_t size = s->config.train.slot_size;
    int64_t slots = (s->config.train.global_batch + size - 1) / size;
    if (flat.count == 0)
        return ST_OK;
    if (comm_rank(s->comm) == 0)
        tell(s);
    if (!s->config.train.reproducible)
        return ST_OK;
    return slot_sum_new(s->comm, flat.gradients, flat.count, (size_t)slots, &s->adversary_slots,
                        em);
}

void adversary_begin_step(struct session *s)
{
    model_set_adversary(s->model, takes_part(s));
}

void adversary_add_slot(struct session *s)
{
    if (takes_part(s) && s->adversary_slots)
        slot_sum_add(s->adversary_slots);
}

enum status adversary_sum(struct session *s, struct errmsg *em)
{
    struct model_flat flat = model_adversary_flat(s->model);
    struct comm_ticket ticket = {0};
    if (!takes_part(s))
        return ST_OK;
    if (s->adversary_slots)
        return slot_sum_finish(s->adversary_slots, em);
    enum status st = comm_all_reduce_begin(s->comm, flat.gradients, flat.count, COMM_F32,
                                           flat.stream, &ticket, em);
    return st == ST_OK ? comm_wait(s->comm, &ticket, COMM_NO_DEADLINE, em) : st;
}

enum status adversary_is_finite(struct session *s, bool *finite_out, struct errmsg *em)
{
    if (takes_part(s))
        return model_adversary_is_finite(s->model, finite_out, em);
    *finite_out = true;
    return ST_OK;
}

enum status adversary_update(struct session *s, double lr, struct errmsg *em)
{
    const struct config *c = &s->config;
    double share = c->train.lr > 0 ? lr / c->train.lr : s->state.guard.lr_scale;
    if (!takes_part(s))
        return ST_OK;
    s->state.adversary_step++;
    return model_update_adversary(s->model, share * c->adversary.lr, s->state.adversary_step, em);
}

double adversary_judged_loss(const struct session *s, const struct model_losses *l)
{
    double sum = 0;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        sum += l->term[who][MODEL_LOSS_ADVERSARIAL];
    return l->total - s->config.loss.adversarial * sum;
}

enum status adversary_share(struct session *s, struct errmsg *em)
{
    const struct model_flat flat = model_adversary_flat(s->model);
    void *const parts[] = {flat.parameters, flat.exp_avg, flat.exp_avg_sq};
    enum status st = ST_OK;
    for (size_t i = 0; i < ARRAY_LENGTH(parts) && st == ST_OK && flat.count > 0; i++) {
        struct comm_ticket ticket = {0};
        st = comm_broadcast_begin(s->comm, parts[i], flat.count, COMM_F32, 0, flat.stream, &ticket,
                                  em);
        if (st == ST_OK)
            st = comm_wait(s->comm, &ticket, COMM_NO_DEADLINE, em);
    }
    return st;
}
