#include "pixels.h"

#include "shim/shim.h"

#include "base/poison.h"

enum { CHANNELS = 3 };

/* Bytes (n, S, S, channels) to (n, channels, S, S), scaled; NULL from NULL. */
static struct shim_tensor *upload(struct shim_scope *s, const uint8_t *bytes, size_t n,
                                  int64_t size, int64_t channels, double scale, double offset)
{
    if (!bytes)
        return NULL;
    const int64_t dims[] = {(int64_t)n, size, size, channels}, order[] = {0, 3, 1, 2};
    struct shim_tensor *x = shim_from_memory(s, SHIM_U8, bytes, 4, dims);
    x = shim_permute(s, x, 4, order);
    return shim_affine(s, shim_channels_last(s, x, false), scale, offset);
}

struct samples pixels_upload(struct shim_scope *s, const struct batch *b, int who)
{
    const double byte = 1.0 / 255.0, noise = 1.0 / AUGMENT_NOISE_UNIT;
    const double no_noise = -(double)AUGMENT_NOISE_ZERO / AUGMENT_NOISE_UNIT;
    return (struct samples){
        .images = upload(s, b->images[who], b->n, b->size, CHANNELS, byte, 0.0),
        .masks = upload(s, b->masks[who], b->n, b->size, 1, byte, 0.0),
        .noise = upload(s, b->noise[who], b->n, b->size, CHANNELS, noise, no_noise),
        .priority = upload(s, b->priority[who], b->n, b->size, 1, byte, 0.0),
    };
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
