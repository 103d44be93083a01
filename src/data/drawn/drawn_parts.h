/*
 * Shared by the files that draw people. Head space: the origin is between the eyes; x to the
 * viewer's right, y down, z towards the viewer; half a face is about one unit wide. The pose maps
 * head space to view space, and a similarity maps that to the canvas:
 *
 *     struct vec2 px = view_screen(&p->view, view_turn(&p->view, head_point));
 *
 * Layers, from the back: background, hair behind, body, far ear, head (shaded mesh with a depth
 * buffer), features as vector shapes in frames that follow the surface, near ear, hair in front.
 */
#ifndef BIFRONS_DATA_DRAWN_PARTS_H
#define BIFRONS_DATA_DRAWN_PARTS_H

#include <cairo.h>
#include <math.h>
#include <stdint.h>

#include "base/points.h"
#include "base/status.h"
#include "data/drawn.h"

#define DRAWN_PI 3.14159265358979323846

struct vec2 {
    double x, y;
};
struct vec3 {
    double x, y, z;
};
struct rgb {
    double r, g, b;
};

/* --- small arithmetic ------------------------------------------------------------------------ */

static inline double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static inline double blend(double a, double b, double t)
{
    return a + (b - a) * t;
}

/* 0 below low, 1 above high, smooth between; low > high reverses it. */
static inline double smooth_step(double low, double high, double x)
{
    double t = clamp((x - low) / (high - low), 0.0, 1.0);
    return t * t * (3.0 - 2.0 * t);
}

/* The point of a cubic Bézier curve at t, from 0 to 1. */
static inline struct vec2 curve_at(const struct vec2 c[static 4], double t)
{
    double u = 1 - t, b[4] = {u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t};
    return (struct vec2){b[0] * c[0].x + b[1] * c[1].x + b[2] * c[2].x + b[3] * c[3].x,
                         b[0] * c[0].y + b[1] * c[1].y + b[2] * c[2].y + b[3] * c[3].y};
}

/* exp(-(distance / sigma)^2 / 2) */
static inline double bump(double distance, double sigma)
{
    double d = distance / sigma;
    return exp(-0.5 * d * d);
}

static inline struct vec3 vec3_add(struct vec3 a, struct vec3 b)
{
    return (struct vec3){a.x + b.x, a.y + b.y, a.z + b.z};
}

static inline struct vec3 vec3_scale(struct vec3 a, double s)
{
    return (struct vec3){a.x * s, a.y * s, a.z * s};
}

static inline double vec3_dot(struct vec3 a, struct vec3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline struct vec3 vec3_unit(struct vec3 a)
{
    double n = sqrt(vec3_dot(a, a));
    return n > 1e-12 ? vec3_scale(a, 1.0 / n) : (struct vec3){0, 0, 1};
}

static inline struct vec3 vec3_cross(struct vec3 a, struct vec3 b)
{
    return (struct vec3){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

static inline struct rgb rgb_between(struct rgb a, struct rgb b, double t)
{
    return (struct rgb){blend(a.r, b.r, t), blend(a.g, b.g, t), blend(a.b, b.b, t)};
}

static inline struct rgb rgb_times(struct rgb a, struct rgb b)
{
    return (struct rgb){a.r * b.r, a.g * b.g, a.b * b.b};
}

static inline struct rgb rgb_scale(struct rgb a, double s)
{
    return (struct rgb){a.r * s, a.g * s, a.b * s};
}

/* --- who: never varies between pictures of a person ------------------------------------------ */

enum hair_style { HAIR_BOB, HAIR_LONG, HAIR_BUN, HAIR_CROP, HAIR_SIDE, HAIR_CURLS };
enum collar { COLLAR_CREW, COLLAR_V, COLLAR_SHIRT, COLLAR_TURTLE };

struct identity {
    bool feminine;
    const char *name;
    /* head */
    double width, chin, jaw, taper, cheek; /* chin: y of its lowest point */
    struct rgb skin, flush;
    double freckles, beard; /* 0 = none */
    bool glasses;
    /* features */
    double eye_x, eye_size, eye_height, eye_tilt, lashes;
    struct rgb iris;
    double brow_y, brow_thick, brow_arch, brow_tilt;
    double nose_tip, nose_width, nose_rise;
    double mouth_y, mouth_width, lip_upper, lip_lower;
    struct rgb lips;
    double ear;
    /* hair */
    enum hair_style hair;
    struct rgb hair_dark, hair_base, hair_shine;
    double hairline, part, fringe, length; /* part: -1 or 1, the side it lies on */
    uint64_t seed, person;                 /* for locks and freckles */
    /* clothes */
    struct rgb cloth, cloth_inner;
    enum collar collar;
    double neck, shoulders;
};

/* Depends on (seed, person) only. */
struct identity identity_of(uint64_t seed, int person);

/* --- scene: the same for a picture and its true swap ----------------------------------------- */

struct scene {
    double yaw, pitch, roll;             /* radians; right, down, clockwise */
    double smile, open, brows, blink;    /* smile and brows -1..1, open and blink 0..1 */
    double gaze_x, gaze_y;               /* -1..1, right and down */
    struct vec3 light;                   /* unit, towards the light, view space */
    double warmth, strength;             /* -1..1, 0..1 */
    struct rgb back_top, back_low, glow; /* background */
    double glow_x, glow_y;
    double spots[5][4]; /* x, y, radius, opacity */
    /* framing, in sides of the cut */
    double shift_x, shift_y, zoom, tilt; /* tilt: the roll that is left after the cut */
    bool loose;
};

/* Depends on its arguments only. */
struct scene scene_of(const struct drawn_options *o, int person, uint64_t index);

/* --- where on the canvas -----------------------------------------------------------------------
 */

struct view {
    double head[9], body[9]; /* rotations */
    double a, b, tx, ty;     /* x' = a x - b y + tx, y' = b x + a y + ty */
};

/* The cut depends on the scene only, so that a picture and its true swap share it. */
struct view view_of(const struct scene *s, int side);
struct vec3 view_turn(const struct view *v, struct vec3 p);
struct vec3 view_turn_body(const struct view *v, struct vec3 p);
/* Turns a direction; does not move it. */
struct vec3 view_turn_direction(const struct view *v, struct vec3 d);
struct vec2 view_screen(const struct view *v, struct vec3 turned);
/* Canvas pixels a unit. */
double view_unit(const struct view *v);

/* --- the head's shape ----------------------------------------------------------------------------
 */

extern const struct vec3 skull_centre;
/* Half axes of the skull above the eyes. */
struct vec3 skull_radii(const struct identity *id);
/* A point around the head at an azimuth from the front, positive to the viewer's right; without
 * nose, sockets, lips. */
struct vec3 head_around(const struct identity *id, double azimuth, double y);
/* The front of the bare head above (x, y). */
struct vec3 head_front(const struct identity *id, double x, double y);
/* What nose, sockets, cheeks and chin add to z at (x, y). */
double head_relief(const struct identity *id, const struct scene *s, double x, double y);
/* The skin: `around` with the relief of head_relief, where the head faces forwards. */
struct vec3 head_skin(const struct identity *id, const struct scene *s, struct vec3 around);
/* Moves a point of the resting face with the open mouth. */
struct vec3 head_express(const struct scene *s, struct vec3 p);
/* y of the hairline at an azimuth: hair grows above it (smaller y). */
double head_hairline(const struct identity *id, double azimuth);

/* --- light ----------------------------------------------------------------------------------- */

struct light {
    struct vec3 key, rim, half; /* unit, view space; half: between key and viewer */
    struct rgb lit, shade, rim_tint;
    double strength;
};

struct light light_of(const struct scene *s);
/* Colour of a matt surface with unit normal n; closed: 0..1, how much of the sky is hidden. */
struct rgb light_skin(const struct light *l, struct rgb albedo, struct vec3 n, double closed);
/* Colour of hair along unit tangent t; tone: -1..1, the lock's lightness. */
struct rgb light_hair(const struct light *l, const struct identity *id, struct vec3 n,
                      struct vec3 t, double tone);
/* Colour of a flat surface (iris, lips, cloth) that faces n, in this light. */
struct rgb light_flat(const struct light *l, struct rgb colour, struct vec3 n);

/* --- one drawing ----------------------------------------------------------------------------- */

struct portrait {
    const struct identity *who;
    const struct scene *scene;
    struct view view;
    struct light light;
    cairo_t *cr;
    int side;      /* canvas pixels */
    float *depth;  /* (side, side) view z of the head, or DEPTH_NONE */
    uint8_t *face; /* (side, side) 255 = face */
    cairo_surface_t *head;
};
#define DEPTH_NONE (-1e9f)

struct vec2 portrait_place(const struct portrait *p, struct vec3 head_point);
/* A point of the face's surface (with expression), and its unit normal in view space. */
struct vec3 portrait_face(const struct portrait *p, double x, double y);
struct vec3 portrait_normal(const struct portrait *p, double x, double y);
/*
 * A frame on the face: (0, 0) is the face's point (x, y), and units are head units along the
 * surface. mirror -1 reverses x, so that +x points outwards for both eyes.
 */
cairo_matrix_t portrait_matrix(const struct portrait *p, double x, double y, double mirror);
/* Enters that frame; leave it with cairo_restore. */
void portrait_frame(const struct portrait *p, double x, double y, double mirror);

void set_colour(cairo_t *cr, struct rgb c, double opacity);
void add_stop(cairo_pattern_t *g, double at, struct rgb c, double opacity);
/* Fills the current path with the pattern; clears the path and frees the pattern. */
void fill_with(cairo_t *cr, cairo_pattern_t *g);
void fill_keeping_path(cairo_t *cr, cairo_pattern_t *g);

void draw_background(const struct portrait *p);
void draw_body(const struct portrait *p);
void draw_ear(const struct portrait *p, double side);
void draw_glasses(const struct portrait *p);
/* Fills depth, face and head (a layer that the caller destroys); does not draw yet. ST_MEMORY. */
enum status head_shade(struct portrait *p, struct errmsg *em) MUST_CHECK;
void draw_head(const struct portrait *p);
void draw_skin_details(const struct portrait *p);
void draw_eyes(const struct portrait *p);
void draw_brows(const struct portrait *p);
void draw_nose(const struct portrait *p);
void draw_mouth(const struct portrait *p);
/* The mouth's end on side -1 or 1, in face coordinates. */
struct vec2 mouth_end(const struct portrait *p, double side);

/* Set the points of base/points.h of one part in out, on the canvas, including hidden ones. */
void mark_jaw(const struct portrait *p, struct vec2 out[static FACE_POINTS]);
void mark_brows(const struct portrait *p, struct vec2 out[static FACE_POINTS]);
void mark_nose(const struct portrait *p, struct vec2 out[static FACE_POINTS]);
void mark_eyes(const struct portrait *p, struct vec2 out[static FACE_POINTS]); /* and pupils */
void mark_mouth(const struct portrait *p, struct vec2 out[static FACE_POINTS]);

struct hair;
/* Sorts locks into those before and behind the head, by its depth; call after head_shade.
 * ST_MEMORY. */
enum status hair_new(const struct portrait *p, struct hair **out, struct errmsg *em) MUST_CHECK;
void hair_free(struct hair *h);
void draw_hair_behind(const struct portrait *p, const struct hair *h);
void draw_hair_front(const struct portrait *p, const struct hair *h);
/* Draws the same shapes in cairo's current colour, to cut them out of the mask. */
void draw_hair_shape(const struct portrait *p, const struct hair *h);

#endif
