#include "adversary.h"

#include <inttypes.h>

#include "base/checked.h"
#include "base/log.h"
#include "model/adversary.h"
#include "stage_open.h"

static bool takes_part(const struct session *s)
{
    return model_has_adversary(s->stage.model) &&
           train_state_stage_steps(&s->state) >= s->run.config.adversary.start_step;
}

static void tell(const struct stage *stage, const struct train_state *at)
{
    const struct config *c = &stage->run->config;
    log_info("adversary: %s loss from step %" PRId64 " on, 2 discriminators of %.2f M parameters",
             c->adversary.loss == MODEL_HINGE ? "hinge" : "least squares",
             at->stage_step + c->adversary.start_step + 1,
             (double)model_adversary_flat(stage->model).count / MODEL_PEOPLE / 1e6);
    if (c->train.cuda_graph == GRAPH_ON)
        log_info("train.cuda_graph: steps with the adversarial loss run without a graph");
}

enum status adversary_open(struct stage *stage, const struct train_state *at, struct errmsg *em)
{
    struct model_flat flat = model_adversary_flat(stage->model);
    if (flat.count == 0)
        return ST_OK;
    if (comm_rank(stage->comm) == 0)
        tell(stage, at);
    if (!stage->run->config.train.reproducible)
        return ST_OK;
    return slot_sum_new(stage->comm, flat.gradients, flat.count, stage_slots(stage),
                        &stage->adversary_slots, em);
}

void adversary_begin_step(struct session *s)
{
    model_set_adversary(s->stage.model, takes_part(s));
}

void adversary_add_slot(struct session *s)
{
    if (takes_part(s) && s->stage.adversary_slots)
        slot_sum_add(s->stage.adversary_slots);
}

enum status adversary_sum(struct session *s, struct errmsg *em)
{
    struct model_flat flat = model_adversary_flat(s->stage.model);
    if (!takes_part(s))
        return ST_OK;
    if (s->stage.adversary_slots)
        return slot_sum_finish(s->stage.adversary_slots, em);
    return comm_do(s->run.comm, COMM_ALL_REDUCE, flat.gradients, flat.count, COMM_F32, 0,
                   flat.stream, em);
}

enum status adversary_is_finite(struct session *s, bool *finite_out, struct errmsg *em)
{
    if (takes_part(s))
        return model_adversary_is_finite(s->stage.model, finite_out, em);
    *finite_out = true;
    return ST_OK;
}

enum status adversary_update(struct session *s, double lr, struct errmsg *em)
{
    const struct config *c = &s->run.config;
    double share = c->train.lr > 0 ? lr / c->train.lr : s->state.guard.lr_scale;
    if (!takes_part(s))
        return ST_OK;
    s->state.adversary_step++;
    return model_update_adversary(s->stage.model, share * c->adversary.lr, s->state.adversary_step,
                                  em);
}

double adversary_judged_loss(const struct config *c, const struct model_losses *l)
{
    double sum = 0;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        sum += l->term[who][MODEL_LOSS_ADVERSARIAL];
    return l->total - c->loss.adversarial * sum;
}

enum status adversary_share(const struct stage *stage, struct errmsg *em)
{
    const struct model_flat flat = model_adversary_flat(stage->model);
    void *const parts[] = {flat.parameters, flat.exp_avg, flat.exp_avg_sq};
    enum status st = ST_OK;
    for (size_t i = 0; i < ARRAY_LENGTH(parts) && st == ST_OK && flat.count > 0; i++)
        st = comm_do(stage->comm, COMM_BROADCAST, parts[i], flat.count, COMM_F32, 0, flat.stream,
                     em);
    return st;
}
