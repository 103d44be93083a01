/* The network's layers as work. */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "model/architecture.h"
#include "plan_work_priv.h"

#include "base/poison.h"

/* Results that are kept for each activation. A stage's convolution and activation are computed as
 * one, on a GPU those of blocks, too. */
static double results_of(const struct architecture_layer *l, bool gpu)
{
    double added = l->residual == LAYER_ADDS_KEPT, apart = 1 + l->activated + added;
    switch (l->kind) {
    case LAYER_HALVE:
    case LAYER_TWICE:
        return 1 + added;
    case LAYER_CONV:
        return gpu ? 1 + added : apart;
    case LAYER_SUBPIXEL:  /* shuffled */
    case LAYER_UNFLATTEN: /* laid out anew */
        return apart + 1;
    case LAYER_NORM:
    case LAYER_FLATTEN:
        return apart;
    }
    return apart;
}

static enum plan_part part_of(const struct architecture_layer *l)
{
    static const enum plan_part parts[MODEL_PARTS] = {
        [MODEL_ENCODER] = PLAN_ENCODER,
        [MODEL_DECODER_A] = PLAN_DECODER_A,
        [MODEL_DECODER_B] = PLAN_DECODER_B,
    };
    return parts[l->part];
}

static bool starts_part(const struct architecture *a, const struct architecture_layer *l)
{
    return l == &a->layers[a->first_layer[l->part]];
}

static void add_layer(struct plan_work *w, const struct config *c, const struct architecture *a,
                      const struct architecture_layer *l)
{
    double pictures = l->part == MODEL_ENCODER ? 2 : 1; /* A and B, or one of them */
    bool first = l->part == MODEL_ENCODER && starts_part(a, l);
    const char *name = a->tensors[l->weight].name, *end = strstr(name, ".weight");
    struct plan_layer *made = &w->layers[w->n_layers++];
    *made = (struct plan_layer){
        .part = part_of(l),
        .parameters = (double)architecture_layer_parameters(a, l),
        .channels_in = l->n_in,
        .channels_out = l->n_out,
        .in = (double)l->n_in * l->size_in * l->size_in,
        .out = architecture_layer_activations(l),
        .flops = 2 * architecture_layer_macs(a, l),
        .results = results_of(l, true),
        .cpu_results = results_of(l, false),
        .begins_piece = architecture_begins_piece(l) || starts_part(a, l),
        .head = l->output != LAYER_TO_NEXT,
        .forward = pictures,
        .plain = c->augment.back_translation > 0 ? pictures : 0,
        .input_gradients = first ? 0 : pictures,
        .weight_gradients = pictures,
    };
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
    for (int who = 0; who < 2 && a->mean_codes; who++)
        w->mean_codes += (double)a->mean_codes[who].count;
    architecture_free(a);
    return ST_OK;
}
