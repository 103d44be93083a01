/* A small model and pictures for the tests of src/model. */
#ifndef BIFRONS_TESTS_MODEL_FIXTURE_H
#define BIFRONS_TESTS_MODEL_FIXTURE_H

#include "base/philox.h"
#include "model/model.h"
#include "testing.h"

enum { SIDE = 64, PICTURE = SIDE * SIDE * 3, MASK = SIDE * SIDE, N_MAX = 4 };

struct pictures {
    uint8_t images[MODEL_PEOPLE][N_MAX * PICTURE];
    uint8_t masks[MODEL_PEOPLE][N_MAX * MASK];
};

/* Smooth pictures that differ between people and samples; discs as masks. */
static inline void draw_pictures(struct pictures *p)
{
    for (int person = 0; person < MODEL_PEOPLE; person++)
        for (int i = 0; i < N_MAX; i++)
            for (int y = 0; y < SIDE; y++)
                for (int x = 0; x < SIDE; x++) {
                    int at = (i * SIDE + y) * SIDE + x;
                    int dx = x - SIDE / 2 - i, dy = y - SIDE / 2;
                    p->masks[person][at] = dx * dx + dy * dy < 400 ? 255 : 0;
                    for (int c = 0; c < 3; c++)
                        p->images[person][at * 3 + c] =
                            (uint8_t)(40 + 60 * person + ((x * (c + 1) + y * (i + 2)) % 97));
                }
}

static inline struct model_options small_options(enum model_precision precision)
{
    return (struct model_options){
        .config = {.image_size = SIDE, .latent = 16, .width = 16, .width_max = 64},
        .device = "cpu",
        .precision = precision,
        .loss_weight = {[MODEL_LOSS_L1] = 1,   [MODEL_LOSS_DSSIM] = 0.5              },
        .adam_beta1 = 0.9,
        .adam_beta2 = 0.999,
        .adam_eps = 1e-8,
        .seed = 5,
    };
}

static inline struct model *model_make(const struct model_options *o)
{
    struct errmsg em = {0};
    struct model *m = NULL;
    assert_ok(model_new(o, NULL, &m, &em));
    return m;
}

/* Samples [first, first + n) of both people. */
static inline struct batch part_of(struct pictures *p, size_t first, size_t n)
{
    return (struct batch){
        .n = n,
        .size = SIDE,
        .images = {p->images[0] + first * PICTURE, p->images[1] + first * PICTURE},
        .masks = {p->masks[0] + first * MASK,     p->masks[1] + first * MASK    },
    };
}

#endif
