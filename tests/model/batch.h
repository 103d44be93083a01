/* Invented pictures and small models for the tests of src/model. */
#ifndef BIFRONS_TESTS_MODEL_BATCH_H
#define BIFRONS_TESTS_MODEL_BATCH_H

#include "testing.h"

#include "base/philox.h"
#include "model/model.h"

enum { SIZE = 64, PICTURE = SIZE * SIZE * 3, MASK = SIZE * SIZE, SAMPLES = 4 };

/* Two people with SAMPLES pictures each: a slope and noise of their own colours. */
struct people {
    uint8_t images[MODEL_PEOPLE][SAMPLES * PICTURE];
    uint8_t masks[MODEL_PEOPLE][SAMPLES * MASK];
    struct augment_draw draws[MODEL_PEOPLE][SAMPLES];
};

static inline struct people *people_new(void)
{
    struct people *p = malloc(sizeof *p);
    assert_non_null(p);
    struct philox noise = philox_at(7, PHILOX_IDENTITY, 1);
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        for (size_t i = 0; i < SAMPLES * PICTURE; i++) {
            size_t x = i / 3 % SIZE, channel = i % 3;
            p->images[who][i] =
                (uint8_t)(20 * who + 30 * (int)channel + (int)x + (int)philox_below(&noise, 60));
        }
        for (size_t i = 0; i < SAMPLES * MASK; i++)
            p->masks[who][i] = i % SIZE > 20 && i % SIZE < 45 ? 255 : 0;
        for (int i = 0; i < SAMPLES; i++)
            p->draws[who][i] = AUGMENT_NONE;
    }
    return p;
}

/* n samples from the first on; masks and draws left out. */
static inline struct model_batch people_batch(const struct people *p, size_t first, size_t n)
{
    return (struct model_batch){
        .n = n,
        .images = {p->images[MODEL_A] + first * PICTURE, p->images[MODEL_B] + first * PICTURE},
    };
}

static inline struct model_options small_options(void)
{
    return (struct model_options){
        .config = {.image_size = SIZE,    .latent = 16            },
        .device = "cpu",
        .precision = MODEL_FP64,
        .loss_weight = {[MODEL_LOSS_L1] = 1.0, [MODEL_LOSS_DSSIM] = 0.5},
        .adam_beta1 = 0.9,
        .adam_beta2 = 0.999,
        .adam_eps = 1e-8,
        .seed = 11,
    };
}

static inline struct model *model_make(const struct model_options *o)
{
    struct errmsg em = {0};
    struct model *m = NULL;
    assert_ok(model_new(o, NULL, &m, &em));
    return m;
}

#endif
