/* Hair styles: where locks begin, how they run, where they end. */
#include "base/checked.h"
#include "drawn_hair.h"

#include "base/poison.h"

static const double degree = DRAWN_PI / 180.0;

static double draw(struct philox *r, double low, double high)
{
    return philox_uniform(r, (float)low, (float)high);
}

/* Azimuth from the front, elevation from the skull's equator. */
static struct vec3 direction(double azimuth, double elevation)
{
    return (struct vec3){sin(azimuth) * cos(elevation), -sin(elevation),
                         cos(azimuth) * cos(elevation)};
}

static struct vec3 over_skull(const struct identity *id, struct vec3 d, double lift)
{
    struct vec3 r = skull_radii(id), u = vec3_unit(d);
    struct vec3 q = {u.x / r.x, u.y / r.y, u.z / r.z};
    double reach = 1.0 / sqrt(vec3_dot(q, q));
    return vec3_add(skull_centre, vec3_scale(u, reach + lift));
}

/* The direction at t on the great circle from a to b. */
static struct vec3 between_directions(struct vec3 a, struct vec3 b, double t)
{
    double angle = acos(clamp(vec3_dot(a, b), -1, 1));
    if (angle < 1e-3)
        return b;
    return vec3_scale(vec3_add(vec3_scale(a, sin((1 - t) * angle)), vec3_scale(b, sin(t * angle))),
                      1.0 / sin(angle));
}

static double hairline_elevation(const struct identity *id, double azimuth)
{
    double rise = (skull_centre.y - head_hairline(id, azimuth)) / skull_radii(id).y;
    return asin(clamp(rise, -.6, .9));
}

static struct lock *next_lock(struct locks *h)
{
    BUG_ON(h->n >= LOCKS_MAX);
    struct lock *l = &h->all[h->n++];
    *l = (struct lock){.width = .1};
    return l;
}

/* A lock that lies on the skull between two directions, then hangs. */
struct drape {
    struct vec3 from, to;      /* directions */
    double lift_from, lift_to; /* above the bare skull */
    double bulge;              /* additional lift half way */
    double down_to;            /* y of the tip; it hangs only if that is below `to` */
    double out, curl;          /* of the hanging part: outwards in the middle, inwards at the tip */
    double wave, phase;        /* sideways sway of the hanging part */
    double width, tone, blunt;
};

static void grow_drape(struct locks *h, const struct identity *id, const struct drape *d)
{
    struct vec3 end = over_skull(id, d->to, d->lift_to);
    double arc = acos(clamp(vec3_dot(vec3_unit(d->from), vec3_unit(d->to)), -1, 1)) * 1.1;
    double hang = d->down_to > end.y ? d->down_to - end.y : 0.0;
    double share = arc / (arc + hang + 1e-9); /* share of the length that lies on the skull */
    struct vec3 away = vec3_unit((struct vec3){end.x, 0, end.z});
    struct lock *l = next_lock(h);
    for (int i = 0; i < LOCK_POINTS; i++) {
        double t = (double)i / (LOCK_POINTS - 1);
        if (t <= share) {
            double u = t / share;
            double lift = blend(d->lift_from, d->lift_to, u) + d->bulge * sin(DRAWN_PI * u);
            l->at[i] =
                over_skull(id, between_directions(vec3_unit(d->from), vec3_unit(d->to), u), lift);
            continue;
        }
        double u = (t - share) / (1 - share);
        double off = d->out * sin(DRAWN_PI * MIN(u * .8, 1.0)) - d->curl * u * u * u;
        double sway = d->wave * sin(u * 9.0 + d->phase) * smooth_step(0, .4, u);
        l->at[i] = (struct vec3){end.x + away.x * off + away.z * sway, end.y + hang * u,
                                 end.z + away.z * off - away.x * sway};
    }
    l->width = d->width;
    l->tone = d->tone;
    l->blunt = d->blunt;
}

/* --- long hair, from a part --------------------------------------------------------------------
 */

static struct vec3 part_direction(const struct identity *id, double elevation)
{
    return vec3_unit((struct vec3){.20 * id->part, -sin(elevation), cos(elevation)});
}

static bool has_fringe(const struct identity *id)
{
    return id->fringe > .55;
}

static void grow_fringe(struct locks *h, const struct identity *id, struct philox *r)
{
    enum { COUNT = 27 };
    if (!has_fringe(id))
        return;
    for (int i = 0; i < COUNT; i++) {
        double u = 2.0 * i / (COUNT - 1) - 1, azimuth = (u * 52 + draw(r, -1, 1)) * degree;
        struct drape d = {
            .from = direction(azimuth * .6, (62 + draw(r, -6, 6)) * degree),
            .to = direction(azimuth, (25 - 6 * u * u) * degree),
            .lift_from = .10,
            .lift_to = .11,
            .bulge = .06,
            .down_to = -.46 + .12 * u * u + draw(r, -.03, .03),
            .out = .03,
            .curl = .03,
            .wave = .015,
            .phase = draw(r, 0, 6),
            .width = draw(r, .15, .19),
            .tone = draw(r, -.5, .9),
            .blunt = draw(r, .25, .65),
        };
        grow_drape(h, id, &d);
    }
}

static void grow_falling(struct locks *h, const struct identity *id, struct philox *r)
{
    enum { ALONG = 27, LAYERS = 3 };
    bool is_long = id->hair == HAIR_LONG;
    double first = has_fringe(id) ? 58 : 33; /* where the part begins */
    double tips = is_long ? 2.0 + .7 * id->length : .98 + .30 * id->length;
    for (int layer = 0; layer < LAYERS; layer++) {
        for (int k = 0; k < ALONG * 2; k++) {
            double side = k % 2 ? 1 : -1, u = (double)(k / 2) / (ALONG - 1);
            double azimuth = side * (blend(63, 178, u) + draw(r, -3, 3)) * degree;
            double high = blend(first, 112, pow(u, .8)) * degree;
            struct drape d = {
                .from = part_direction(id, high + draw(r, -2, 2) * degree),
                .to = direction(azimuth, blend(8, -8, u) * degree),
                .lift_from = .10 + .012 * layer,
                .lift_to = .13 + .03 * layer,
                .bulge = .05,
                .down_to = tips + draw(r, -.10, .06) - .10 * u + (is_long ? draw(r, -.3, 0) : 0),
                .out = is_long ? .10 : .12,
                .curl = is_long ? .02 : .26 - .12 * u,
                .wave = is_long ? .075 : .02,
                .phase = draw(r, 0, .9) + 2.0 * u,
                .width = draw(r, .11, .18),
                .tone = draw(r, -.9, .8) + .15 * layer,
                .blunt = is_long ? 0.0 : draw(r, .2, .7),
            };
            grow_drape(h, id, &d);
        }
    }
    grow_fringe(h, id, r);
}

/* --- swept back into a bun ------------------------------------------------------------------- */

static void grow_bun(struct locks *h, const struct identity *id, struct philox *r)
{
    enum { AROUND = 84, ROUNDS = 26, STRANDS = 3 };
    struct vec3 knot = direction(180 * degree, 70 * degree);
    for (int i = 0; i < AROUND; i++) {
        double azimuth = (360.0 * i / AROUND - 180 + draw(r, -2, 2)) * degree;
        struct drape d = {
            .from = direction(azimuth, hairline_elevation(id, azimuth) + draw(r, .0, .12)),
            .to = knot,
            .lift_from = .035,
            .lift_to = .12,
            .bulge = .05 + draw(r, 0, .02),
            .down_to = -9,
            .width = draw(r, .13, .18),
            .tone = draw(r, -.8, .8),
        };
        grow_drape(h, id, &d);
    }
    struct vec3 middle = over_skull(id, knot, .30);
    for (int i = 0; i < ROUNDS; i++) {
        struct lock *l = next_lock(h);
        double tilt = draw(r, -.9, .9), turn = draw(r, 0, 2 * DRAWN_PI);
        for (int k = 0; k < LOCK_POINTS; k++) {
            double a = turn + 3.4 * k / (LOCK_POINTS - 1);
            struct vec3 ring = {cos(a) * cos(tilt), sin(tilt), sin(a) * cos(tilt)};
            l->at[k] = vec3_add(middle, vec3_scale(ring, .34));
        }
        l->width = draw(r, .10, .16);
        l->tone = draw(r, -.7, .9);
    }
    for (int i = 0; i < 2 * STRANDS; i++) {
        double side = i % 2 ? 1 : -1;
        struct drape d = {
            .from = direction(side * 40 * degree, 38 * degree),
            .to = direction(side * (68 + draw(r, -5, 5)) * degree, 0),
            .lift_from = .06,
            .lift_to = .06,
            .down_to = draw(r, .5, 1.0),
            .out = .07,
            .curl = .05,
            .wave = .05,
            .phase = draw(r, 0, 6),
            .width = draw(r, .03, .055),
            .tone = draw(r, 0, .9),
        };
        grow_drape(h, id, &d);
    }
}

/* --- short hair ------------------------------------------------------------------------------ */

/* Cropped sides and back: short locks that point down. */
static void grow_sides(struct locks *h, const struct identity *id, struct philox *r)
{
    enum { AROUND = 34, ROWS = 4 };
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < AROUND; i++) {
            double side = i % 2 ? 1 : -1, u = (double)(i / 2) / (AROUND / 2 - 1);
            double azimuth = side * (blend(66, 178, u) + draw(r, -3, 3)) * degree;
            double low = hairline_elevation(id, azimuth), t = (row + draw(r, .0, .6)) / ROWS;
            double elevation = blend(42 * degree, low, t);
            struct drape d = {
                .from = direction(azimuth * .98, elevation + 14 * degree),
                .to = direction(azimuth - side * 3 * degree, elevation - 4 * degree),
                .lift_from = .09,
                .lift_to = .055,
                .bulge = .02,
                .down_to = -9,
                .width = draw(r, .07, .11),
                .tone = draw(r, -1, .2),
            };
            grow_drape(h, id, &d);
        }
    }
}

/* On top: tufts rise from the front hairline and lie back, to the side away from the part. */
static void grow_crop(struct locks *h, const struct identity *id, struct philox *r)
{
    enum { ROWS = 7, ACROSS = 15 };
    grow_sides(h, id, r);
    for (int row = 0; row < ROWS; row++) {
        double back = 1.0 - (double)row / (ROWS - 1); /* from the crown to the front */
        for (int i = 0; i < ACROSS; i++) {
            double u = 2.0 * i / (ACROSS - 1) - 1;
            double azimuth = (u * blend(56, 100, back) + draw(r, -4, 4)) * degree;
            double front = hairline_elevation(id, azimuth) + 1 * degree;
            double elevation = blend(front, 84 * degree, back * .9) + draw(r, -3, 3) * degree;
            double sweep = -id->part * (26 + draw(r, -12, 12)) * degree;
            double lift = blend(.26, .14, back) * (1 - .55 * u * u);
            struct drape d = {
                .from = direction(azimuth, elevation),
                .to = direction(azimuth + sweep, elevation + blend(34, 16, back) * degree),
                .lift_from = .05,
                .lift_to = lift + draw(r, -.04, .08),
                .bulge = .055,
                .down_to = -9,
                .width = draw(r, .10, .16),
                .tone = draw(r, -.7, .9),
            };
            grow_drape(h, id, &d);
        }
    }
}

/* A side part: hair combed over the top, ending above the other ear. */
static void grow_side_part(struct locks *h, const struct identity *id, struct philox *r)
{
    enum { ALONG = 22, LAYERS = 3 };
    grow_sides(h, id, r);
    for (int layer = 0; layer < LAYERS; layer++) {
        for (int k = ALONG - 1; k >= 0; k--) {
            double u = (double)k / (ALONG - 1), high = blend(30, 125, u) * degree;
            struct vec3 from = vec3_unit((struct vec3){.50 * id->part, -sin(high), cos(high)});
            double azimuth = -id->part * (blend(52, 150, u) + draw(r, -6, 6)) * degree;
            struct drape over = {
                .from = from,
                .to = direction(azimuth, (blend(34, 22, u) + draw(r, -6, 6)) * degree),
                .lift_from = .10,
                .lift_to = .13,
                .bulge = blend(.15, .05, u) - .02 * layer,
                .down_to = -9,
                .width = draw(r, .11, .17),
                .tone = draw(r, -.7, .8),
            };
            grow_drape(h, id, &over);
            struct drape near = over;
            near.to =
                direction(id->part * (blend(58, 150, u) + draw(r, -5, 5)) * degree, 22 * degree);
            near.bulge = .015;
            near.tone = draw(r, -.9, .4);
            grow_drape(h, id, &near);
        }
    }
}

static void grow_curls(struct locks *h, const struct identity *id, struct philox *r)
{
    enum { COUNT = 500 };
    double low = id->feminine ? -52 : -20, thick = id->feminine ? .26 : .13;
    const double golden = 2.39996322973;
    for (int i = 0; i < COUNT; i++) {
        double elevation = asin(blend(sin(low * degree), 1.0, (i + .5) / COUNT));
        double azimuth = remainder(i * golden, 2 * DRAWN_PI) + draw(r, -.08, .08);
        double line = hairline_elevation(id, azimuth);
        bool hangs = id->feminine && fabs(azimuth) > 86 * degree; /* beside and behind the face */
        if (elevation < line && !hangs)
            continue;
        double lift =
            thick * smooth_step(-.05, .5, elevation - line + (fabs(azimuth) > 1.2 ? .5 : 0));
        struct lock *l = next_lock(h);
        struct vec3 at =
            over_skull(id, direction(azimuth, elevation), .05 + lift + draw(r, -.04, .04));
        for (int k = 0; k < LOCK_POINTS; k++)
            l->at[k] = at;
        l->curl = true;
        l->width = draw(r, .24, .34) * (id->feminine ? 1.15 : .9);
        l->tone = draw(r, -.8, .8);
    }
}

/* --- beard ----------------------------------------------------------------------------------- */

double beard_cover(const struct identity *id, struct vec3 rest)
{
    if (id->beard <= 0 || rest.z < -.25)
        return 0;
    double x = fabs(rest.x), y = rest.y, mouth = id->mouth_y;
    double edge = blend(mouth + .08, .30, smooth_step(.30, .88, x));
    double cheeks = smooth_step(edge - .02, edge + .13, y) * smooth_step(.30, .44, x);
    double below = smooth_step(mouth + .16, mouth + .25, y);
    double lip = bump(y - mouth + .125, .045) * smooth_step(.40, .28, x) * 1.1;
    double corners = bump(x - id->mouth_width - .055, .055) * smooth_step(mouth - .15, mouth, y);
    double soul = .8 * bump(x, .05) * bump(y - mouth - .15, .05);
    return clamp(MAX(MAX(cheeks, below), MAX(lip, MAX(corners, soul))), 0, 1);
}

/* A short lock on the face, from (x, y) along (dx, dy). */
static void grow_whisker(struct locks *h, const struct identity *id, struct philox *r,
                         struct vec3 root, double dx, double dy)
{
    const struct scene at_rest = {0};
    struct lock *l = next_lock(h);
    for (int k = 0; k < LOCK_POINTS; k++) {
        double t = (double)k / (LOCK_POINTS - 1);
        double x = root.x + dx * t, y = root.y + dy * t;
        struct vec3 q = head_front(id, x, y);
        q.z = MAX(q.z, root.z - .05) + head_relief(id, &at_rest, x, root.y) + .045;
        l->at[k] = q;
    }
    l->width = draw(r, .024, .042);
    l->tone = draw(r, -.8, .9);
    l->clinging = true;
}

static void grow_beard(struct locks *h, const struct identity *id, struct philox *r)
{
    enum { TRIES = 700, COUNT = 220, LIP = 44 };
    if (id->beard < .5)
        return;
    for (int i = 0, grown = 0; i < TRIES && grown < COUNT; i++) {
        double y = draw(r, .28, id->chin - .01), azimuth = draw(r, -1.5, 1.5);
        struct vec3 root = head_around(id, azimuth, y);
        bool lip = fabs(root.x) < id->mouth_width && y < id->mouth_y + .1;
        if (lip || beard_cover(id, root) < .6)
            continue;
        double length = draw(r, .09, .16);
        grow_whisker(h, id, r, root, root.x * .2 * length, length);
        grown++;
    }
    for (int i = 0; i < LIP; i++) {
        double u = 2 * (i + draw(r, 0, 1)) / LIP - 1, x = u * id->mouth_width * 1.02;
        double y = id->mouth_y - .165 + .05 * u * u + draw(r, -.015, .03);
        grow_whisker(h, id, r, head_front(id, x, y), u * .10, .075 + .03 * fabs(u));
    }
}

void locks_grow(struct locks *h, const struct identity *id)
{
    struct philox r = philox_at(id->seed, PHILOX_IDENTITY, 3000 + id->person);
    h->n = 0;
    switch (id->hair) {
    case HAIR_BOB:
    case HAIR_LONG:
        grow_falling(h, id, &r);
        break;
    case HAIR_BUN:
        grow_bun(h, id, &r);
        break;
    case HAIR_CROP:
        grow_crop(h, id, &r);
        break;
    case HAIR_SIDE:
        grow_side_part(h, id, &r);
        break;
    case HAIR_CURLS:
        grow_curls(h, id, &r);
        break;
    }
    grow_beard(h, id, &r);
}
