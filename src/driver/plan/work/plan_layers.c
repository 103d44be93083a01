/* The work of the network's layers. */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "model/architecture.h"
#include "plan_work_priv.h"

#include "base/poison.h"

/* How many results are kept for each activation. */
static double results_of(const struct architecture_layer *l, bool gpu)
{
    struct layer_facts f = layer_facts(l);
    bool fused = gpu ? f.fused_gpu : f.fused_cpu;
    return 1 + (l->activated && !fused) + (l->residual == LAYER_ADDS_KEPT) + f.rearranged;
}

static enum plan_part part_of(const struct architecture_layer *l)
{
    static const enum plan_part parts[MODEL_PARTS] = {
        [MODEL_ENCODER] = PLAN_ENCODER,
        [MODEL_DECODER_A] = PLAN_DECODER_A,
        [MODEL_DECODER_B] = PLAN_DECODER_B,
        [MODEL_POSE] = PLAN_POSE,
    };
    return parts[l->part];
}

struct plan_layer plan_layer_of(const struct architecture_layer *l)
{
    return (struct plan_layer){
        .parameters = (double)layer_parameters(l),
        .channels_in = l->n_in,
        .channels_out = l->n_out,
        .in = (double)l->n_in * l->size_in * l->size_in,
        .out = layer_activations(l),
        .flops = 2 * layer_macs(l),
    };
}

static void add_layer(struct plan_work *w, const struct config *c, const struct architecture *a,
                      const struct architecture_layer *l)
{
    bool shared = l->part == MODEL_ENCODER || l->part == MODEL_POSE;
    double pictures = shared ? 2 : 1; /* A and B, or one of them */
    const char *name = a->tensors[l->weight].name, *end = strstr(name, ".weight");
    struct plan_layer *made = &w->layers[w->n_layers++];
    *made = plan_layer_of(l);
    made->part = part_of(l);
    made->results = results_of(l, true);
    made->cpu_results = results_of(l, false);
    made->begins_piece = l->begins_piece;
    made->head = l->output != LAYER_TO_NEXT;
    made->forward = pictures;
    made->plain = c->augment.back_translation > 0 ? pictures : 0;
    made->input_gradients = l == a->layers ? 0 : pictures; /* pictures need no gradients */
    made->weight_gradients = pictures;
    snprintf(made->name, sizeof made->name, "%.*s", (int)(end ? end - name : 0), name);
}

enum status plan_layers_add(struct plan_work *w, const struct config *c, struct errmsg *em)
{
    struct architecture *a = NULL;
    enum status st = architecture_new(&c->model, &a, em);
    if (st != ST_OK)
        return st;
    BUG_ON(a->n_layers > PLAN_LAYERS_MAX - PLAN_LOSS_LAYERS_MAX);
    for (size_t i = 0; i < a->n_layers; i++)
        add_layer(w, c, a, &a->layers[i]);
    for (int i = 0; i < 2 && a->pose_scale; i++)
        w->pose_scale += (double)a->pose_scale[i].count;
    for (int who = 0; who < 2 && a->mean_codes; who++)
        w->mean_codes += (double)a->mean_codes[who].count;
    architecture_free(a);
    return ST_OK;
}
