/* The network's layers as work, and those of the networks that losses use. */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "model/architecture.h"
#include "plan_work_priv.h"

#include "base/poison.h"

/* Results that are kept for each activation: of a stage on a GPU, convolution and activation. A CPU
 * computes both as one. */
static double results_of(const struct architecture_layer *l, bool fused)
{
    double results = 1 + l->activated + (l->residual == LAYER_ADDS_KEPT);
    switch (l->kind) {
    case LAYER_HALVE:
    case LAYER_TWICE:
        return fused ? 1 : results;
    case LAYER_SUBPIXEL:  /* shuffled */
    case LAYER_UNFLATTEN: /* laid out anew */
        return results + 1;
    case LAYER_CONV:
    case LAYER_NORM:
    case LAYER_FLATTEN:
        return results;
    }
    return results;
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

static void add_layer(struct plan_work *w, const struct config *c, const struct architecture *a,
                      const struct architecture_layer *l)
{
    double pictures = l->part == MODEL_ENCODER ? 2 : 1; /* A and B, or one of them */
    bool first = l == &a->layers[a->first_layer[MODEL_ENCODER]];
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
        .results = results_of(l, false),
        .fused_results = results_of(l, true),
        .forward = pictures,
        .plain = c->augment.back_translation > 0 ? pictures : 0,
        .input_gradients = first ? 0 : pictures,
        .weight_gradients = pictures,
    };
    snprintf(made->name, sizeof made->name, "%.*s", (int)(end ? end - name : 0), name);
}

/* ---- The perceptual loss's network ------------------------------------------------------------
 */

/* A convolution of VGG16 or VGG19 up to relu4_3, at 1 / 2^level of the picture's size. */
struct vgg_layer {
    const char *name;
    int level, n_in, n_out;
    bool tap, pooled; /* features are compared here; halved behind it */
    bool of_vgg19_only;
};

static const struct vgg_layer vgg_layers[] = {
    {"conv1_1", 0, 3,   64,  false, false, false},
    {"conv1_2", 0, 64,  64,  true,  true,  false},
    {"conv2_1", 1, 64,  128, false, false, false},
    {"conv2_2", 1, 128, 128, true,  true,  false},
    {"conv3_1", 2, 128, 256, false, false, false},
    {"conv3_2", 2, 256, 256, false, false, false},
    {"conv3_3", 2, 256, 256, true,  false, false},
    {"conv3_4", 2, 256, 256, false, false, true },
    {"conv4_1", 3, 256, 512, false, false, false},
    {"conv4_2", 3, 512, 512, false, false, false},
    {"conv4_3", 3, 512, 512, true,  false, false},
};

/* Reconstructions go forward and back, targets forward; no weight learns. */
static void add_vgg_layer(struct plan_work *w, const struct config *c, const struct vgg_layer *v)
{
    enum { KERNEL = 3, PEOPLE = 2 };
    double side = (double)(c->model.image_size >> v->level), pixels = side * side;
    double weights = (double)KERNEL * KERNEL * v->n_in * v->n_out;
    double results = 2 + (v->pooled ? 0.25 : 0) + (v->tap ? 1 : 0); /* 2 of a difference, of 4 */
    struct plan_layer *made = &w->layers[w->n_layers++];
    *made = (struct plan_layer){
        .part = PLAN_PERCEPTUAL,
        .parameters = weights + v->n_out,
        .channels_in = v->n_in,
        .channels_out = v->n_out,
        .in = pixels * v->n_in,
        .out = pixels * v->n_out,
        .flops = 2 * pixels * weights,
        .results = results,
        .fused_results = results,
        .forward = PEOPLE,
        .plain = PEOPLE,
        .input_gradients = PEOPLE,
    };
    snprintf(made->name, sizeof made->name, "perceptual.%s", v->name);
}

static void add_perceptual(struct plan_work *w, const struct config *c)
{
    bool vgg19 = strstr(path_name(c->loss.perceptual_weights), "19") != NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(vgg_layers); i++)
        if (vgg19 || !vgg_layers[i].of_vgg19_only)
            add_vgg_layer(w, c, &vgg_layers[i]);
}

enum status plan_layers_add(struct plan_work *w, const struct config *c, struct errmsg *em)
{
    struct architecture *a = NULL;
    struct model_config model = config_model(c);
    enum status st = architecture_new(&model, &a, em);
    if (st != ST_OK)
        return st;
    BUG_ON(a->n_layers + ARRAY_LENGTH(vgg_layers) > PLAN_LAYERS_MAX);
    for (size_t i = 0; i < a->n_layers; i++)
        add_layer(w, c, a, &a->layers[i]);
    architecture_free(a);
    if (c->loss.perceptual > 0)
        add_perceptual(w, c);
    return ST_OK;
}
