/* Soft light, as in an illustration: warm shadows, a lit side, a thin rim from behind. */
#include "drawn_parts.h"

#include "base/poison.h"

struct light light_of(const struct scene *s)
{
    const struct rgb cool = {.930, .985, 1.075}, warm = {1.075, 1.000, .900};
    const struct rgb cool_shade = {1.04, .97, .95}, warm_shade = {.93, .95, 1.06};
    double w = .5 + .5 * s->warmth;
    struct light l = {
        .key = s->light,
        .rim = vec3_unit((struct vec3){-s->light.x * 1.4, -.35, -.55}),
        .half = vec3_unit(vec3_add(s->light, (struct vec3){0, 0, 1})),
        .lit = rgb_between(cool, warm, w),
        .shade = rgb_between(cool_shade, warm_shade, w),
        .rim_tint = rgb_between(s->glow, (struct rgb){1, 1, 1}, .3),
        .strength = s->strength,
    };
    return l;
}

static struct rgb rgb_clamp(struct rgb c)
{
    return (struct rgb){clamp(c.r, 0, 1), clamp(c.g, 0, 1), clamp(c.b, 0, 1)};
}

/* How much of the key light reaches a surface, 0..1; soft around the edge. */
static double key_on(const struct light *l, struct vec3 n)
{
    double t = smooth_step(-.55, .95, vec3_dot(n, l->key));
    return blend(.72, t, .45 + .55 * l->strength);
}

struct rgb light_skin(const struct light *l, struct rgb albedo, struct vec3 n, double closed)
{
    /* skin in the shade stays red, because blood scatters red light */
    struct rgb shade = {albedo.r * (.50 + .28 * albedo.r), albedo.g * (.40 + .28 * albedo.g),
                        albedo.b * (.40 + .30 * albedo.b)};
    struct rgb lit = rgb_scale(rgb_times(albedo, l->lit), 1.045);
    double t = key_on(l, n) * (1.0 - .55 * closed);
    struct rgb c = rgb_between(rgb_times(shade, l->shade), lit, t);
    double gloss = pow(clamp(vec3_dot(n, l->half), 0, 1), 26.0) * .085 * l->strength;
    double edge = pow(1.0 - clamp(n.z, 0, 1), 3.0) * clamp(vec3_dot(n, l->rim), 0, 1) * .55;
    c = rgb_between(c, rgb_times(l->lit, (struct rgb){1, .97, .93}), gloss);
    return rgb_clamp(
        rgb_between(c, rgb_times(l->rim_tint, rgb_between(albedo, (struct rgb){1, 1, 1}, .5)),
                    edge));
}

struct rgb light_hair(const struct light *l, const struct identity *id, struct vec3 n,
                      struct vec3 t, double tone)
{
    double along = vec3_dot(t, l->half), across = sqrt(1.0 - clamp(along * along, 0, 1));
    double t_key = blend(.62, smooth_step(-.6, 1.0, vec3_dot(n, l->key)), .4 + .6 * l->strength);
    double shine = pow(across, 14.0) * t_key * smooth_step(-.2, .7, n.z);
    double level = clamp(t_key * 1.1 + .16 * tone, 0, 1.15);
    struct rgb c = rgb_between(id->hair_dark, id->hair_base, level);
    c = rgb_between(c, id->hair_shine, clamp(shine * (.34 + .14 * tone), 0, 1));
    double edge = pow(1.0 - fabs(n.z), 2.0) * clamp(vec3_dot(n, l->rim), 0, 1) * .35;
    return rgb_clamp(rgb_between(rgb_times(c, l->lit), l->rim_tint, edge));
}

struct rgb light_flat(const struct light *l, struct rgb colour, struct vec3 n)
{
    double t = key_on(l, n);
    return rgb_clamp(
        rgb_between(rgb_scale(rgb_times(colour, l->shade), .66), rgb_times(colour, l->lit), t));
}
