#include "data/augment.h"

#include "base/checked.h"
#include "base/philox.h"

static float warp_step(struct philox *p, float deviation)
{
    float z = philox_normal(p);
    return deviation * MIN(MAX(z, -2.0f), 2.0f);
}

struct augment_draw augment_draw_at(const struct augment_config *strength, uint64_t seed,
                                    enum order_person person, uint64_t position)
{
    const float degree = 3.14159265358979323846f / 180.0f;
    struct philox p =
        philox_at(seed, person == ORDER_PERSON_A ? PHILOX_AUGMENT_A : PHILOX_AUGMENT_B, position);
    struct augment_draw d = {0};
    float rotate = (float)strength->rotate_deg * degree, zoom = (float)strength->zoom;
    float shift = 2.0f * (float)strength->shift; /* the picture is 2 wide in its coordinates */
    float warp = 2.0f * (float)strength->warp, jitter = (float)strength->colour_jitter;

    d.flip = philox_uniform(&p, 0.0f, 1.0f) < (float)strength->flip;
    d.rotate = philox_uniform(&p, -rotate, rotate);
    d.zoom = philox_uniform(&p, 1.0f - zoom, 1.0f + zoom);
    d.shift_x = philox_uniform(&p, -shift, shift);
    d.shift_y = philox_uniform(&p, -shift, shift);
    for (int y = 0; y < AUGMENT_GRID; y++)
        for (int x = 0; x < AUGMENT_GRID; x++)
            for (int axis = 0; axis < 2; axis++)
                d.warp[y][x][axis] = warp_step(&p, warp);
    d.colour_transfer = philox_uniform(&p, 0.0f, 1.0f) < (float)strength->colour_transfer;
    for (int c = 0; c < 3; c++)
        d.gain[c] = philox_uniform(&p, 1.0f - jitter, 1.0f + jitter);
    for (int c = 0; c < 3; c++)
        d.offset[c] = philox_uniform(&p, -jitter / 2, jitter / 2);
    d.surroundings = philox_uniform(&p, 0.0f, 1.0f) < (float)strength->surroundings;
    d.back_translation = philox_uniform(&p, 0.0f, 1.0f) < (float)strength->back_translation;
    return d;
}
