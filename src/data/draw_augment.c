#include "data/draw_augment.h"

#include <stddef.h>

#include "base/checked.h"
#include "base/philox.h"

static bool chance(struct philox *p, float probability)
{
    return philox_uniform(p, 0.0f, 1.0f) < probability;
}

static void draw_flip(struct philox *p, float strength, struct augment_draw *d)
{
    d->flip = chance(p, strength);
}

static void draw_rotate_deg(struct philox *p, float strength, struct augment_draw *d)
{
    const float degree = 3.14159265358979323846f / 180.0f;
    float rotate = strength * degree;
    d->rotate = philox_uniform(p, -rotate, rotate);
}

static void draw_zoom(struct philox *p, float strength, struct augment_draw *d)
{
    d->zoom = philox_uniform(p, 1.0f - strength, 1.0f + strength);
}

static void draw_shift(struct philox *p, float strength, struct augment_draw *d)
{
    float shift = 2.0f * strength; /* normalised coordinates: the picture is 2 wide */
    d->shift_x = philox_uniform(p, -shift, shift);
    d->shift_y = philox_uniform(p, -shift, shift);
}

/* Control points [y][x], x and y of each: normal, limited to two standard deviations. */
static void draw_warp(struct philox *p, float strength, struct augment_draw *d)
{
    for (int y = 0; y < AUGMENT_GRID; y++)
        for (int x = 0; x < AUGMENT_GRID; x++)
            for (int axis = 0; axis < 2; axis++) {
                float z = philox_normal(p);
                d->warp[y][x][axis] = 2.0f * strength * MIN(MAX(z, -2.0f), 2.0f);
            }
}

static void draw_colour_transfer(struct philox *p, float strength, struct augment_draw *d)
{
    d->colour_transfer = chance(p, strength);
}

static void draw_colour_jitter(struct philox *p, float strength, struct augment_draw *d)
{
    for (int c = 0; c < 3; c++)
        d->gain[c] = philox_uniform(p, 1.0f - strength, 1.0f + strength);
    for (int c = 0; c < 3; c++)
        d->offset[c] = philox_uniform(p, -strength / 2, strength / 2);
}

static void draw_surroundings(struct philox *p, float strength, struct augment_draw *d)
{
    d->surroundings = chance(p, strength);
}

static void draw_back_translation(struct philox *p, float strength, struct augment_draw *d)
{
    d->back_translation = chance(p, strength);
}

static void draw_predicted_pose(struct philox *p, float strength, struct augment_draw *d)
{
    d->predicted_pose = chance(p, strength);
}

/* 0 for half of the pictures. */
static float half_uniform(struct philox *p, float strength)
{
    float x = philox_uniform(p, -strength, strength);
    return MAX(x, 0.0f);
}

static void draw_blur(struct philox *p, float strength, struct augment_draw *d)
{
    d->blur = half_uniform(p, strength);
}

static void draw_noise(struct philox *p, float strength, struct augment_draw *d)
{
    d->noise = half_uniform(p, strength);
}

/* In the order of drawing: add a new one at the end. */
static const struct {
    size_t strength; /* offset of a double in struct augment_config */
    bool fades;
    void (*draw)(struct philox *p, float strength, struct augment_draw *d);
} rows[] = {
#define ROW(name, fades)                                          \
    {                                                             \
        offsetof(struct augment_config, name), fades, draw_##name \
    }
    ROW(flip, false),         ROW(rotate_deg, false),   ROW(zoom, false),
    ROW(shift, false),        ROW(warp, true),          ROW(colour_transfer, false),
    ROW(colour_jitter, true), ROW(surroundings, false), ROW(back_translation, false),
    ROW(blur, true),          ROW(noise, true),         ROW(predicted_pose, false),
#undef ROW
};

struct augment_draw augment_draw_at(const struct augment_config *strength,
                                    const struct augment_course *course, uint64_t seed,
                                    enum order_person person, uint64_t position)
{
    struct philox p =
        philox_at(seed, person == ORDER_PERSON_A ? PHILOX_AUGMENT_A : PHILOX_AUGMENT_B, position);
    struct augment_draw d = {0};
    double fade = augment_fade_at(course, position);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        double full = *(const double *)((const char *)strength + rows[i].strength);
        rows[i].draw(&p, (float)(rows[i].fades ? fade * full : full), &d);
    }
    return d;
}

/* ---- The course of a run --------------------------------------------------------------------- */

struct augment_course augment_course_of(const struct augment_config *strength, uint64_t batch,
                                        uint64_t begin, uint64_t end)
{
    uint64_t off = (uint64_t)strength->off_steps * batch;
    return (struct augment_course){
        .begin = begin,
        .full_from = begin + (uint64_t)strength->ramp_steps * batch,
        .off_from = strength->off_steps == 0 ? UINT64_MAX : end - MIN(off, end - begin),
    };
}

double augment_fade_at(const struct augment_course *course, uint64_t position)
{
    if (position >= course->off_from)
        return 0.0;
    if (position >= course->full_from)
        return 1.0;
    return (double)(position - course->begin) / (double)(course->full_from - course->begin);
}
