/* From head space to the canvas. */
#include "drawn_parts.h"

#include "base/poison.h"

/* The head turns around this point, the top of the neck; the camera is at this distance from it. */
static const struct vec3 pivot = {0.0, 1.0, -.45};
static const double camera_distance = 9.0;
/* Where a face extractor puts the eyes of a frontal face, in sides of the cut. */
static const double eye_height_in_crop = .42, eye_distance_in_crop = .30;
static const double eye_distance = .84, eye_depth = .86;

/* First yaw, then pitch, then roll. */
static void rotation_of(double yaw, double pitch, double roll, double out[9])
{
    double cy = cos(yaw), sy = sin(yaw), cp = cos(pitch), sp = sin(pitch);
    double cr = cos(roll), sr = sin(roll);
    const double turn[9] = {cy, 0, sy, -sy * sp, cp, cy * sp, -sy * cp, -sp, cy * cp};
    for (int column = 0; column < 3; column++) {
        double x = turn[column], y = turn[3 + column];
        out[column] = cr * x - sr * y;
        out[3 + column] = sr * x + cr * y;
        out[6 + column] = turn[6 + column];
    }
}

static struct vec3 rotate(const double m[9], struct vec3 p)
{
    return (struct vec3){m[0] * p.x + m[1] * p.y + m[2] * p.z, m[3] * p.x + m[4] * p.y + m[5] * p.z,
                         m[6] * p.x + m[7] * p.y + m[8] * p.z};
}

static struct vec3 rotate_about_pivot(const double m[9], struct vec3 p)
{
    struct vec3 from = {p.x - pivot.x, p.y - pivot.y, p.z - pivot.z};
    return vec3_add(rotate(m, from), pivot);
}

struct vec3 view_turn(const struct view *v, struct vec3 p)
{
    return rotate_about_pivot(v->head, p);
}

struct vec3 view_turn_body(const struct view *v, struct vec3 p)
{
    return rotate_about_pivot(v->body, p);
}

struct vec3 view_turn_direction(const struct view *v, struct vec3 d)
{
    return rotate(v->head, d);
}

static struct vec2 see(struct vec3 p)
{
    double s = camera_distance / (camera_distance - p.z);
    return (struct vec2){p.x * s, p.y * s};
}

struct vec2 view_screen(const struct view *v, struct vec3 turned)
{
    struct vec2 q = see(turned);
    return (struct vec2){v->a * q.x - v->b * q.y + v->tx, v->b * q.x + v->a * q.y + v->ty};
}

double view_unit(const struct view *v)
{
    return sqrt(v->a * v->a + v->b * v->b);
}

/*
 * A face extractor fits eyes, nose and mouth to a template by least squares. This is close to it,
 * and steadier: the middle between the eyes, the roll of the head, and a scale that restores half
 * of the eye distance that a turned head loses.
 */
static void cut_to_the_eyes(struct view *v, const struct scene *s, double side)
{
    struct vec2 left = see(view_turn(v, (struct vec3){-eye_distance / 2, 0, eye_depth}));
    struct vec2 right = see(view_turn(v, (struct vec3){eye_distance / 2, 0, eye_depth}));
    double dx = right.x - left.x, dy = right.y - left.y, seen = sqrt(dx * dx + dy * dy);
    double full = eye_distance * camera_distance / (camera_distance - eye_depth);
    double scale = side * eye_distance_in_crop / sqrt(seen * full) * s->zoom;
    double turn = s->tilt - atan2(dy, dx);
    double mx = (left.x + right.x) / 2, my = (left.y + right.y) / 2;
    v->a = scale * cos(turn);
    v->b = scale * sin(turn);
    v->tx = side * (.5 + s->shift_x) - (v->a * mx - v->b * my);
    v->ty = side * (eye_height_in_crop + s->shift_y) - (v->b * mx + v->a * my);
}

struct view view_of(const struct scene *s, int side)
{
    struct view v;
    rotation_of(s->yaw, s->pitch, s->roll, v.head);
    rotation_of(s->yaw * .35, 0.0, s->roll * .3, v.body);
    if (s->loose) {
        const double sides_high = 5.4;
        v.a = side / sides_high * s->zoom;
        v.b = 0.0;
        v.tx = side * (.5 + s->shift_x);
        v.ty = side * (.44 + s->shift_y);
    } else {
        cut_to_the_eyes(&v, s, side);
    }
    return v;
}
