/* The networks that losses use, as work. */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "plan_work_priv.h"

#include "base/poison.h"

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
        .cpu_results = results,
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

/* ---- The adversarial loss's networks -----------------------------------------------------------
 */

/*
 * One person's discriminator sees three pictures of a pair: the reconstruction that the network
 * wants it to take for a picture, and for its own loss a reconstruction and a picture. The first
 * gives gradients of the input, the other two of weights. r1 takes the gradient of a picture, and
 * derives that once more.
 */
static void add_discriminator(struct plan_work *w, const struct config *c, char person)
{
    enum { KERNEL = 4, LAYERS = 4, RGB = 3 };
    int64_t width = c->adversary.channels, side = c->model.image_size;
    const int64_t channels[LAYERS + 1] = {RGB, width, 2 * width, 4 * width, 1};
    double r1 = c->adversary.r1 > 0;
    for (int i = 0; i < LAYERS; i++) {
        int64_t side_out = i < LAYERS - 1 ? side / 2 : side - 1;
        double weights = (double)(KERNEL * KERNEL * channels[i] * channels[i + 1]);
        double results = i < LAYERS - 1 ? 2 : 1;
        struct plan_layer *made = &w->layers[w->n_layers++];
        *made = (struct plan_layer){
            .part = PLAN_ADVERSARY,
            .parameters = weights + (double)channels[i + 1],
            .channels_in = (double)channels[i],
            .channels_out = (double)channels[i + 1],
            .in = (double)(side * side * channels[i]),
            .out = (double)(side_out * side_out * channels[i + 1]),
            .flops = 2 * weights * (double)(side_out * side_out),
            .results = results,
            .cpu_results = results,
            .forward = 3,
            .input_gradients = 1 + (i > 0 ? 2 : 0) + 2 * r1,
            .weight_gradients = 2 + r1,
        };
        snprintf(made->name, sizeof made->name, "discriminator_%c.%d", person, i);
        side = side_out;
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
