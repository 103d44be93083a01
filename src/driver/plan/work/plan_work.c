#include "plan_work_priv.h"

#include "base/checked.h"
#include "base/poison.h"

const char *plan_part_name(enum plan_part part)
{
    static const char *const names[PLAN_PARTS] = {"encoder", "decoder_a", "decoder_b", "pose",
                                                  "perceptual"};
    return names[part];
}

enum status plan_work_init(struct plan_work *w, const struct config *c, struct errmsg *em)
{
    *w = (struct plan_work){0};
    enum status st = plan_layers_add(w, c, em);
    if (st != ST_OK)
        return st;
    plan_loss_networks_add(w, c);
    plan_pictures_add(w, c);
    return ST_OK;
}

double plan_parameters(const struct plan_work *w, enum plan_part part)
{
    double sum = part == PLAN_ENCODER ? w->mean_codes : part == PLAN_POSE ? w->pose_scale : 0;
    for (size_t i = 0; i < w->n_layers; i++)
        if (w->layers[i].part == part)
            sum += w->layers[i].parameters;
    return sum;
}

double plan_parameters_all(const struct plan_work *w)
{
    double sum = 0;
    for (enum plan_part part = 0; part < PLAN_NETWORK; part++)
        sum += plan_parameters(w, part);
    return sum;
}

double plan_layer_forward_flops(const struct plan_layer *l)
{
    return (l->forward + l->plain) * l->flops;
}

double plan_layer_backward_flops(const struct plan_layer *l)
{
    return (l->input_gradients + l->weight_gradients) * l->flops;
}

double plan_forward_flops(const struct plan_work *w)
{
    double sum = w->losses.forward_flops;
    for (size_t i = 0; i < w->n_layers; i++)
        sum += plan_layer_forward_flops(&w->layers[i]);
    return sum;
}

double plan_backward_flops(const struct plan_work *w)
{
    double sum = w->losses.backward_flops;
    for (size_t i = 0; i < w->n_layers; i++)
        sum += plan_layer_backward_flops(&w->layers[i]);
    return sum;
}

bool plan_layer_recomputable(const struct plan_layer *l)
{
    return l->part < PLAN_NETWORK && !l->head;
}

double plan_recomputed_flops(const struct plan_work *w)
{
    double sum = 0;
    for (size_t i = 0; i < w->n_layers; i++)
        if (plan_layer_recomputable(&w->layers[i]))
            sum += w->layers[i].forward * w->layers[i].flops;
    return sum;
}
