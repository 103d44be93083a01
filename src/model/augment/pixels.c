#include "pixels.h"

#include "shim/upload.h"

#include "base/poison.h"

enum { CHANNELS = 3, PLANES = 4 };

/* What becomes of the bytes (n, S, S, channels) of a batch: (n, channels, S, S), scaled. */
struct plane {
    const uint8_t *bytes;
    struct shim_tensor **out;
    int64_t channels;
    double scale, offset;
};

static size_t planes_of(const struct batch *b, int who, struct samples *out,
                        struct plane planes[PLANES])
{
    const double byte = 1.0 / 255.0, noise = 1.0 / AUGMENT_NOISE_UNIT;
    const double no_noise = -(double)AUGMENT_NOISE_ZERO / AUGMENT_NOISE_UNIT;
    const struct plane all[PLANES] = {
        {b->images[who],   &out->images,   CHANNELS, byte,  0.0     },
        {b->masks[who],    &out->masks,    1,        byte,  0.0     },
        {b->noise[who],    &out->noise,    CHANNELS, noise, no_noise},
        {b->priority[who], &out->priority, 1,        byte,  0.0     },
    };
    size_t n = 0;
    for (int i = 0; i < PLANES && b->images[who]; i++)
        if (all[i].bytes)
            planes[n++] = all[i];
    return n;
}

void pixels_upload(struct shim_scope *s, const struct batch *b, struct samples out[MODEL_PEOPLE])
{
    struct plane planes[MODEL_PEOPLE * PLANES];
    struct shim_array arrays[MODEL_PEOPLE * PLANES] = {0};
    struct shim_tensor *stored[MODEL_PEOPLE * PLANES];
    const int64_t order[] = {0, 3, 1, 2};
    size_t n = 0;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        out[who] = (struct samples){0};
        n += planes_of(b, who, &out[who], planes + n);
    }
    for (size_t i = 0; i < n; i++)
        arrays[i] = (struct shim_array){
            SHIM_U8, planes[i].bytes, 4, {(int64_t)b->n, b->size, b->size, planes[i].channels}
        };
    shim_from_arrays(s, arrays, n, stored);
    for (size_t i = 0; i < n; i++) {
        struct shim_tensor *x = shim_channels_last(s, shim_permute(s, stored[i], 4, order), false);
        *planes[i].out = shim_affine(s, x, planes[i].scale, planes[i].offset);
    }
}

void pixels_download(struct shim_scope *s, struct shim_tensor *x, uint8_t *bytes, size_t n,
                     int image_size, int channels)
{
    size_t size = (size_t)image_size;
    const int64_t order[] = {0, 2, 3, 1};
    x = shim_affine(s, shim_clamp(s, x, 0.0, 1.0), 255.0, 0.0);
    x = shim_permute(s, shim_round(s, x), 4, order);
    shim_to_memory(s, x, SHIM_U8, bytes, n * size * size * (size_t)channels);
}
