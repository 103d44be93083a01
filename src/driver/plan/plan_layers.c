/* The network's layers as work. */
#include <stdio.h>

#include "base/checked.h"
#include "plan_work_priv.h"

#include "base/poison.h"

enum { CODE_SIZE = 4, KERNEL = 4 };

/* Channels of the activations of `resolution` squared. */
static int channels_at(int image_size, int latent, int resolution)
{
    if (resolution == image_size)
        return 3;
    switch (resolution) {
    case CODE_SIZE:
        return latent;
    case 8:
    case 16:
        return 256;
    case 32:
        return 128;
    case 64:
        return 64;
    default:
        return 32;
    }
}

static void add_layer(struct plan_work *w, enum plan_part part, int from, int to, int in, int out)
{
    int outer = MAX(from, to), inner = MIN(from, to);
    struct plan_layer *l = &w->layers[w->n_layers++];
    double weights = (double)KERNEL * KERNEL * in * out;
    *l = (struct plan_layer){
        .part = part,
        .pictures = part == PLAN_ENCODER ? 2 : 1,
        .parameters = weights + out,
        .in = (double)from * from * in,
        .out = (double)to * to * out,
        .flops = 2 * weights * inner * inner,
        .input_gradient = !(part == PLAN_ENCODER && in == 3),
        .activation = true,
    };
    snprintf(l->name, sizeof l->name, "%s.r%d", plan_part_name(part), outer);
}

enum status plan_layers_add(struct plan_work *w, const struct config *c, struct errmsg *em)
{
    int size = (int)c->model.image_size, latent = (int)c->model.latent;
    if (size != 64 && size != 128 && size != 256)
        return FAIL(em, ST_CONFIG, "model.image_size = %d: set it to 64, 128 or 256", size);
    for (int r = size; r > CODE_SIZE; r /= 2)
        add_layer(w, PLAN_ENCODER, r, r / 2, channels_at(size, latent, r),
                  channels_at(size, latent, r / 2));
    for (enum plan_part part = PLAN_DECODER_A; part <= PLAN_DECODER_B; part++)
        for (int r = CODE_SIZE; r < size; r *= 2)
            add_layer(w, part, r, 2 * r, channels_at(size, latent, r),
                      channels_at(size, latent, 2 * r));
    return ST_OK;
}
