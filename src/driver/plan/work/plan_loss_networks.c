/* The work of the networks that losses use. */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "model/loss_networks.h"
#include "plan_work_priv.h"

#include "base/poison.h"

/* ---- The network of the perceptual loss ------------------------------------------------------ */

/* Reconstructions go forward and backward, targets only forward; weights are fixed. pooled: a
 * pooling layer follows. */
static void add_vgg_conv(struct plan_work *w, const struct config *c, const struct vgg_conv *v,
                         bool pooled)
{
    enum { PEOPLE = 2 };
    int size = (int)c->model.image_size >> v->level;
    struct plan_layer *made = &w->layers[w->n_layers++];
    *made = plan_layer_of(&(struct architecture_layer){.kind = LAYER_CONV,
                                                       .kernel = VGG_KERNEL,
                                                       .n_in = v->n_in,
                                                       .n_out = v->n_out,
                                                       .size_in = size,
                                                       .size_out = size});
    made->part = PLAN_PERCEPTUAL;
    made->results = 2 + (pooled ? 0.25 : 0) + (v->tap ? 1 : 0); /* 2 of a difference, of 4 */
    made->cpu_results = made->results;
    made->forward = PEOPLE;
    made->plain = PEOPLE;
    made->input_gradients = PEOPLE;
    snprintf(made->name, sizeof made->name, "perceptual.%s", v->name);
}

static void add_perceptual(struct plan_work *w, const struct config *c)
{
    int depth = strstr(path_name(c->loss.perceptual_weights), "19") ? 19 : 16;
    const struct vgg_conv *convs[VGG_CONVS_MAX];
    int n = vgg_convs(depth, convs);
    for (int i = 0; i < n; i++)
        add_vgg_conv(w, c, convs[i], i + 1 < n && convs[i + 1]->level > convs[i]->level);
}

/* ---- The networks of the adversarial loss ---------------------------------------------------- */

/*
 * A discriminator runs three times per pair: on the reconstruction for the network's loss, and on a
 * reconstruction and a picture for its own loss. The first run gives gradients of the input, the
 * other two of weights. r1 needs the gradient at a picture and its derivative.
 */
static void add_discriminator(struct plan_work *w, const struct config *c, char person)
{
    struct architecture_layer layers[DISCRIMINATOR_LAYERS];
    double r1 = c->discriminator.r1 > 0;
    discriminator_layers((int)c->discriminator.channels, (int)c->model.image_size, layers);
    for (int i = 0; i < DISCRIMINATOR_LAYERS; i++) {
        struct plan_layer *made = &w->layers[w->n_layers++];
        *made = plan_layer_of(&layers[i]);
        made->part = PLAN_DISCRIMINATORS;
        made->results = 1 + layers[i].activated;
        made->cpu_results = made->results;
        made->forward = 3;
        made->input_gradients = 1 + (i > 0 ? 2 : 0) + 2 * r1;
        made->weight_gradients = 2 + r1;
        snprintf(made->name, sizeof made->name, "discriminator_%c.%d", person, i);
    }
}

void plan_loss_networks_add(struct plan_work *w, const struct config *c)
{
    size_t before = w->n_layers;
    if (c->loss.perceptual > 0)
        add_perceptual(w, c);
    if (c->loss.adversarial > 0) {
        add_discriminator(w, c, 'a');
        add_discriminator(w, c, 'b');
    }
    BUG_ON(w->n_layers - before > PLAN_LOSS_LAYERS_MAX);
}
