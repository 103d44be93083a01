/* The scene: what varies between pictures, and where the picture is cut. */
#include <stddef.h>

#include "base/checked.h"
#include "base/philox.h"
#include "drawn_parts.h"

#include "base/poison.h"

struct backdrop {
    struct rgb top, low, glow;
};
static const struct backdrop backdrops[] = {
    {{.62, .74, .80}, {.86, .89, .86}, {.98, .96, .88}}, /* morning sky */
    {{.93, .80, .68}, {.97, .90, .80}, {1.0, .97, .88}}, /* apricot */
    {{.35, .45, .50}, {.55, .63, .63}, {.75, .85, .84}}, /* slate */
    {{.58, .66, .52}, {.81, .84, .70}, {.97, .97, .80}}, /* sage */
    {{.45, .40, .54}, {.72, .63, .70}, {.95, .82, .80}}, /* heather */
    {{.87, .67, .62}, {.95, .83, .77}, {1.0, .93, .86}}, /* rose */
    {{.20, .25, .35}, {.37, .42, .52}, {.58, .66, .76}}, /* dusk */
    {{.84, .84, .81}, {.93, .92, .89}, {1.0, 1.0, .97}}, /* paper */
};

static double draw(struct philox *r, double low, double high)
{
    return philox_uniform(r, (float)low, (float)high);
}

/* Normal, limited to two standard deviations. */
static double draw_near_zero(struct philox *r, double sigma)
{
    return sigma * clamp(philox_normal(r), -2.0, 2.0);
}

static void draw_pose(struct scene *s, struct philox *r)
{
    const double degree = DRAWN_PI / 180.0;
    s->yaw = draw_near_zero(r, 15.0) * degree;
    s->pitch = draw_near_zero(r, 6.5) * degree;
    s->roll = draw_near_zero(r, 7.0) * degree;
}

static void draw_expression(struct scene *s, struct philox *r)
{
    double mood = draw(r, 0, 1), mouth = draw(r, 0, 1), lids = draw(r, 0, 1);
    double smile = draw(r, .35, 1.0), sober = draw(r, -.5, .35);
    double wide = draw(r, .45, 1.0), slight = draw(r, .15, .4), half = draw(r, .25, .6);
    double still = draw(r, 0.0, .12);
    s->smile = mood < .6 ? smile : sober;
    s->open = mouth < .33 ? wide : mouth < .48 ? slight : 0.0;
    s->blink = lids < .08 ? 1.0 : lids < .18 ? half : still;
    s->brows = draw(r, -.6, 1.0);
    s->gaze_x = draw(r, -1, 1);
    s->gaze_y = draw(r, -.7, .7);
}

static void draw_light(struct scene *s, struct philox *r)
{
    double azimuth = draw(r, -1.15, 1.15), elevation = draw(r, .2, .95);
    s->light = (struct vec3){sin(azimuth) * cos(elevation), -sin(elevation),
                             cos(azimuth) * cos(elevation)};
    s->warmth = draw(r, -.9, 1.0);
    s->strength = draw(r, .55, 1.0);
}

static void draw_backdrop(struct scene *s, struct philox *r)
{
    const struct backdrop *one = &backdrops[philox_below(r, ARRAY_LENGTH(backdrops))];
    const struct backdrop *other = &backdrops[philox_below(r, ARRAY_LENGTH(backdrops))];
    double share = draw(r, 0, .35);
    s->back_top = rgb_between(one->top, other->top, share);
    s->back_low = rgb_between(one->low, other->low, share);
    s->glow = one->glow;
    s->glow_x = .5 + .38 * s->light.x;
    s->glow_y = draw(r, .15, .5);
    for (size_t i = 0; i < ARRAY_LENGTH(s->spots); i++) {
        s->spots[i][0] = draw(r, -.05, 1.05);
        s->spots[i][1] = draw(r, -.05, .8);
        s->spots[i][2] = draw(r, .06, .2);
        s->spots[i][3] = draw(r, .06, .2);
    }
}

static void draw_framing(struct scene *s, struct philox *r)
{
    double x = draw(r, -1, 1), y = draw(r, -1, 1), zoom = draw(r, -1, 1), tilt = draw(r, -1, 1);
    if (s->loose) {
        s->shift_x = .13 * x;
        s->shift_y = .07 * y;
        s->zoom = exp(.22 * zoom);
        s->tilt = s->roll;
    } else {
        s->shift_x = .012 * x;
        s->shift_y = .012 * y;
        s->zoom = 1.0 + .025 * zoom;
        s->tilt = .035 * tilt;
    }
}

/* A neutral face in the light of `s`, with one quantity at step `index` of its range. */
static void set_series(struct scene *s, uint64_t index)
{
    static const struct {
        size_t offset;
        double low, high;
    } ranges[] = {
        {offsetof(struct scene, yaw),    -.45, .45},
        {offsetof(struct scene, pitch),  .2,   -.2},
        {offsetof(struct scene, brows),  -.6,  1.0},
        {offsetof(struct scene, open),   0.0,  1.0},
        {offsetof(struct scene, blink),  1.0,  0.0},
        {offsetof(struct scene, gaze_x), -1.0, 1.0},
    };
    size_t which = index / DRAWN_SERIES % ARRAY_LENGTH(ranges);
    double t = (double)(index % DRAWN_SERIES) / (DRAWN_SERIES - 1);
    s->yaw = s->pitch = s->roll = s->tilt = s->shift_x = s->shift_y = 0;
    s->zoom = 1.0;
    s->smile = s->open = s->blink = s->gaze_x = s->gaze_y = 0;
    s->brows = .2;
    *(double *)((char *)s + ranges[which].offset) = blend(ranges[which].low, ranges[which].high, t);
}

struct scene scene_of(const struct drawn_options *o, int person, uint64_t index)
{
    uint64_t scene = o->series ? 0 : index;
    struct philox r = philox_at(o->seed, PHILOX_POSE, scene * 2 + (uint64_t)person);
    struct scene s = {.loose = o->loose};
    draw_pose(&s, &r);
    draw_expression(&s, &r);
    draw_light(&s, &r);
    draw_backdrop(&s, &r);
    draw_framing(&s, &r);
    if (o->series)
        set_series(&s, index);
    return s;
}
