#include "discriminator_step.h"

#include <inttypes.h>

#include "base/checked.h"
#include "base/log.h"
#include "model/discriminators.h"
#include "stage_open.h"

static bool takes_part(const struct session *s)
{
    return model_has_discriminators(s->stage.model) &&
           train_state_stage_steps(&s->state) >= s->run.config.discriminator.start_step;
}

static void log_discriminators(const struct stage *stage, const struct train_state *at)
{
    const struct config *c = &stage->run->config;
    log_info("discriminators: %s loss from step %" PRId64 " on; two, of %.2f M parameters each",
             c->discriminator.loss == MODEL_HINGE ? "hinge" : "least squares",
             at->stage_step + c->discriminator.start_step + 1,
             (double)model_discriminators_flat(stage->model).count / MODEL_PEOPLE / 1e6);
    if (c->train.cuda_graph == GRAPH_ON)
        log_info("train.cuda_graph: steps with the adversarial loss run without a graph");
}

enum status discriminator_step_open(struct stage *stage, const struct train_state *at,
                                    struct errmsg *em)
{
    struct model_flat flat = model_discriminators_flat(stage->model);
    if (flat.count == 0)
        return ST_OK;
    if (comm_rank(stage->comm) == 0)
        log_discriminators(stage, at);
    if (!stage->run->config.train.reproducible)
        return ST_OK;
    return slot_sum_new(stage->comm, flat.gradients, flat.count, stage_slots(stage),
                        &stage->discriminator_slots, em);
}

void discriminator_step_begin(struct session *s)
{
    model_set_discriminators(s->stage.model, takes_part(s));
}

void discriminator_step_add_slot(struct session *s)
{
    if (takes_part(s) && s->stage.discriminator_slots)
        slot_sum_add(s->stage.discriminator_slots);
}

enum status discriminator_step_sum(struct session *s, struct errmsg *em)
{
    struct model_flat flat = model_discriminators_flat(s->stage.model);
    if (!takes_part(s))
        return ST_OK;
    if (s->stage.discriminator_slots)
        return slot_sum_finish(s->stage.discriminator_slots, em);
    return comm_do(s->run.comm, COMM_ALL_REDUCE, flat.gradients, flat.count, COMM_F32, 0,
                   flat.stream, em);
}

enum status discriminator_step_is_finite(struct session *s, bool *finite_out, struct errmsg *em)
{
    if (takes_part(s))
        return model_discriminators_are_finite(s->stage.model, finite_out, em);
    *finite_out = true;
    return ST_OK;
}

enum status discriminator_step_update(struct session *s, double lr, struct errmsg *em)
{
    const struct config *c = &s->run.config;
    double share = c->train.lr > 0 ? lr / c->train.lr : s->state.guard.lr_scale;
    if (!takes_part(s))
        return ST_OK;
    s->state.discriminator_steps++;
    return model_update_discriminators(s->stage.model, share * c->discriminator.lr,
                                       s->state.discriminator_steps, em);
}

double discriminator_step_judged_loss(const struct config *c, const struct model_losses *l)
{
    double sum = 0;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        sum += l->term[who][MODEL_LOSS_ADVERSARIAL];
    return l->total - c->loss.adversarial * sum;
}

enum status discriminator_step_share(const struct stage *stage, struct errmsg *em)
{
    const struct model_flat flat = model_discriminators_flat(stage->model);
    void *const parts[] = {flat.parameters, flat.exp_avg, flat.exp_avg_sq};
    enum status st = ST_OK;
    for (size_t i = 0; i < ARRAY_LENGTH(parts) && st == ST_OK && flat.count > 0; i++)
        st = comm_do(stage->comm, COMM_BROADCAST, parts[i], flat.count, COMM_F32, 0, flat.stream,
                     em);
    return st;
}
