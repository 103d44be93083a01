#include "augment_priv.h"
#include "pixels.h"
#include "shim/shim.h"

#include "base/poison.h"

enum status model_augment(const struct batch *b, const struct augment_colours colours[MODEL_PEOPLE],
                          uint8_t *const inputs[MODEL_PEOPLE], uint8_t *const targets[MODEL_PEOPLE],
                          struct errmsg *em)
{
    struct shim_scope *s;
    struct samples stored[MODEL_PEOPLE];
    enum status st = shim_scope_new("cpu", SHIM_F32, &s, em);
    if (st != ST_OK)
        return st;
    shim_no_grad(s, true);
    pixels_upload(s, b, stored);
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        int other = MODEL_PEOPLE - 1 - who;
        if (!b->images[who])
            continue;
        struct augmented r = augment_apply(s, b->draws[who], b->n, b->size, stored[who],
                                           stored[other], &colours[who], &colours[other]);
        pixels_download(s, r.input.images, inputs[who], b->n, b->size, AUGMENT_CHANNELS);
        pixels_download(s, r.target.images, targets[who], b->n, b->size, AUGMENT_CHANNELS);
    }
    st = shim_scope_check(s, em);
    shim_scope_free(s);
    return st;
}
