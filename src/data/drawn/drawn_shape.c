/* The shape of a head: half an ellipsoid above the eyes, a jaw below them, and relief in front. */
#include "base/checked.h"
#include "drawn_parts.h"

#include "base/poison.h"

const struct vec3 skull_centre = {0.0, -.38, -.04};
static const double skull_height = 1.06; /* from its centre */
static const double squareness = 2.25;   /* exponent of a horizontal slice; 2: an ellipse */
static const double front_depth = .96, back_depth = 1.10;

struct vec3 skull_radii(const struct identity *id)
{
    return (struct vec3){id->width, skull_height, (front_depth + back_depth) / 2};
}

/* A horizontal slice: half width, depth in front and behind. */
struct slice {
    double width, front, back;
};

/* The horizontal slice of the head at height y. */
static struct slice slice_at(const struct identity *id, double y)
{
    double from = y - skull_centre.y;
    if (from < 0) {
        double t = clamp(-from / skull_height, 0.0, 1.0), round = sqrt(1.0 - t * t);
        return (struct slice){id->width * round, front_depth * round, back_depth * round};
    }
    double s = clamp(from / (id->chin - skull_centre.y), 0.0, 1.0);
    double width = pow(1.0 - pow(s, id->jaw), .55) * (1.0 - id->taper * s * s);
    double front = (1.0 - .06 * s) * sqrt(1.0 - pow(s, 11.0));
    double back = pow(1.0 - pow(s, 1.6), .8);
    return (struct slice){id->width * width, front_depth * front, back_depth * back};
}

static double signed_power(double x, double exponent)
{
    return x < 0 ? -pow(-x, exponent) : pow(x, exponent);
}

struct vec3 head_around(const struct identity *id, double azimuth, double y)
{
    struct slice slice = slice_at(id, y);
    double c = cos(azimuth);
    return (struct vec3){slice.width * signed_power(sin(azimuth), 2.0 / squareness), y,
                         (c > 0 ? slice.front : slice.back) * signed_power(c, 2.0 / squareness)};
}

struct vec3 head_front(const struct identity *id, double x, double y)
{
    struct slice slice = slice_at(id, y);
    double t = clamp(fabs(x) / (slice.width + 1e-6), 0.0, 1.0);
    return (struct vec3){x, y, slice.front * pow(1.0 - pow(t, squareness), 1.0 / squareness)};
}

static double nose_relief(const struct identity *id, double x, double y)
{
    const double root = -.10;
    double along = clamp((y - root) / (id->nose_tip - root), 0.0, 1.0);
    double rise = id->nose_rise * (.20 + .80 * pow(along, 1.5));
    double ends = smooth_step(root - .16, root + .10, y) *
                  smooth_step(id->nose_tip + .17, id->nose_tip + .01, y);
    double ridge = rise * ends * bump(x, blend(.075, id->nose_width * .78, along * along));
    double wing = bump(y - id->nose_tip - .045, .062) *
                  bump(fabs(x) - id->nose_width * 1.02, id->nose_width * .42);
    return ridge + id->nose_rise * .30 * wing;
}

double head_relief(const struct identity *id, const struct scene *s, double x, double y)
{
    double side = fabs(x);
    double socket = -.085 * bump(side - id->eye_x + .02, .20) * bump(y + .02, .15);
    double brow = (id->feminine ? .012 : .035) * bump(y - id->brow_y, .09) * bump(side - .36, .3);
    double smile = clamp(s->smile, 0.0, 1.0);
    double cheek =
        (.035 * id->cheek + .05 * smile) * bump(side - .56, .20) * bump(y - .36 + .05 * smile, .18);
    double muzzle = .07 * bump(x, .30) * bump(y - id->mouth_y, .17);
    double groove = -.045 * bump(x, .20) * bump(y - id->mouth_y - .20, .055);
    double chin = .075 * bump(x, .19) * bump(y - id->chin + .20, .11);
    return nose_relief(id, x, y) + socket + brow + cheek + muzzle + groove + chin;
}

struct vec3 head_skin(const struct identity *id, const struct scene *s, struct vec3 around)
{
    if (around.z > 0)
        around.z += head_relief(id, s, around.x, around.y) * smooth_step(0, .3, around.z);
    return around;
}

struct vec3 head_express(const struct scene *s, struct vec3 p)
{
    double jaw = smooth_step(.62, 1.10, p.y) * smooth_step(-.35, .45, p.z);
    p.y += .15 * s->open * jaw;
    return p;
}

double head_hairline(const struct identity *id, double azimuth)
{
    /* forehead, temples, in front of the ear, over the ear, nape */
    const double degree = DRAWN_PI / 180.0;
    const double recess = id->feminine ? .02 : -.08, burn = id->feminine ? .10 : .30;
    const double at[] = {0, 26, 45, 62, 74, 84, 96, 108, 140, 181};
    const double y[] = {id->hairline,
                        id->hairline + .00 + recess,
                        id->hairline + .16 + recess,
                        -.36,
                        -.10,
                        burn,
                        burn - .05,
                        .30,
                        .75,
                        .85};
    double a = fabs(azimuth) / degree;
    size_t i = 1;
    while (i + 1 < ARRAY_LENGTH(at) && a > at[i])
        i++;
    double t = smooth_step(at[i - 1], at[i], a);
    return blend(y[i - 1], y[i], t);
}
