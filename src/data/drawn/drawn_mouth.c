/* The nose's lines and the mouth. The mouth is wide, so each of its points follows the skin. */
#include "base/checked.h"
#include "drawn_parts.h"

#include "base/poison.h"

/* --- paths in face coordinates ------------------------------------------------------------------
 */

static struct vec2 on_face(const struct portrait *p, double x, double y)
{
    return portrait_place(p, portrait_face(p, x, y));
}

static void face_move(const struct portrait *p, double x, double y)
{
    struct vec2 q = on_face(p, x, y);
    cairo_move_to(p->cr, q.x, q.y);
}

static void face_curve(const struct portrait *p, double x1, double y1, double x2, double y2,
                       double x3, double y3)
{
    struct vec2 a = on_face(p, x1, y1), b = on_face(p, x2, y2), c = on_face(p, x3, y3);
    cairo_curve_to(p->cr, a.x, a.y, b.x, b.y, c.x, c.y);
}

/* Adds a curve that begins at the current point. */
static void face_path(const struct portrait *p, const struct vec2 c[static 4])
{
    face_curve(p, c[1].x, c[1].y, c[2].x, c[2].y, c[3].x, c[3].y);
}

/* The point at t of such a curve, on the canvas. */
static struct vec2 face_path_at(const struct portrait *p, const struct vec2 c[static 4], double t)
{
    struct vec2 seen[4];
    for (int i = 0; i < 4; i++)
        seen[i] = on_face(p, c[i].x, c[i].y);
    return curve_at(seen, t);
}

static cairo_pattern_t *face_gradient(const struct portrait *p, double y0, double y1)
{
    struct vec2 a = on_face(p, 0, y0), b = on_face(p, 0, y1);
    return cairo_pattern_create_linear(a.x, a.y, b.x, b.y);
}

/* --- nose ---------------------------------------------------------------------------------------
 */

static void draw_nostrils(const struct portrait *p, struct rgb ink)
{
    const struct identity *id = p->who;
    cairo_t *cr = p->cr;
    double w = id->nose_width, y = id->nose_tip + .088;
    for (double side = -1; side <= 1; side += 2) {
        portrait_frame(p, side * w * .52, y, side);
        cairo_new_path(cr);
        cairo_move_to(cr, -w * .24, .006);
        cairo_curve_to(cr, -w * .12, -.034, w * .25, -.040, w * .36, -.002);
        cairo_curve_to(cr, w * .2, .016, -w * .05, .020, -w * .24, .006);
        set_colour(cr, ink, .78);
        cairo_fill(cr);
        cairo_restore(cr);
    }
}

static void draw_wings(const struct portrait *p, struct rgb ink)
{
    const struct identity *id = p->who;
    double w = id->nose_width, y = id->nose_tip;
    for (double side = -1; side <= 1; side += 2) {
        cairo_new_path(p->cr);
        face_move(p, side * w * 1.22, y - .045);
        face_curve(p, side * w * 1.52, y + .01, side * w * 1.45, y + .10, side * w * 1.05,
                   y + .088);
        cairo_set_line_width(p->cr, .016 * view_unit(&p->view));
        set_colour(p->cr, ink, .40);
        cairo_stroke(p->cr);
    }
    cairo_new_path(p->cr);
    face_move(p, -w * .30, y + .112);
    face_curve(p, -w * .12, y + .130, w * .12, y + .130, w * .30, y + .112);
    cairo_set_line_width(p->cr, .014 * view_unit(&p->view));
    set_colour(p->cr, ink, .38);
    cairo_stroke(p->cr);
}

static void draw_nose_shine(const struct portrait *p)
{
    const struct identity *id = p->who;
    double lean = p->scene->light.x * .03;
    portrait_frame(p, lean, id->nose_tip - .02, 1);
    cairo_scale(p->cr, .050, .040);
    cairo_pattern_t *g = cairo_pattern_create_radial(0, 0, 0, 0, 0, 1);
    add_stop(g, 0, (struct rgb){1, 1, 1}, .42 * p->scene->strength);
    add_stop(g, 1, (struct rgb){1, 1, 1}, 0);
    cairo_arc(p->cr, 0, 0, 1, 0, 2 * DRAWN_PI);
    fill_with(p->cr, g);
    cairo_restore(p->cr);
}

/* Marks the ridge down to the tip, then wing, nostril, middle, nostril, wing below it. */
void mark_nose(const struct portrait *p, struct vec2 out[static FACE_POINTS])
{
    const struct identity *id = p->who;
    const double root = -.04, w = id->nose_width, y = id->nose_tip;
    const struct vec2 below[] = {
        {-w * 1.05, y + .088},
        {-w * .52,  y + .100},
        {0,         y + .126},
        {w * .52,   y + .100},
        {w * 1.05,  y + .088}
    };
    for (int i = 0; i <= POINT_NOSE_TIP - POINT_NOSE; i++)
        out[POINT_NOSE + i] =
            on_face(p, 0, blend(root, y, (double)i / (POINT_NOSE_TIP - POINT_NOSE)));
    for (size_t i = 0; i < ARRAY_LENGTH(below); i++)
        out[POINT_NOSTRILS + i] = on_face(p, below[i].x, below[i].y);
}

void draw_nose(const struct portrait *p)
{
    struct rgb deep = rgb_between(rgb_scale(p->who->skin, .38), rgb_scale(p->who->flush, .45), .5);
    struct rgb ink = light_flat(&p->light, deep, portrait_normal(p, 0, p->who->nose_tip));
    draw_nostrils(p, ink);
    draw_wings(p, ink);
    draw_nose_shine(p);
}

/* --- mouth ----------------------------------------------------------------------------------- */

struct mouth {
    double half, ends; /* half width; y of its ends */
    double top, low;   /* y of the opening's edges at the middle; equal when shut */
    double upper, lower;
};

static struct mouth mouth_of(const struct portrait *p)
{
    const struct identity *id = p->who;
    const struct scene *s = p->scene;
    double smile = clamp(s->smile, 0, 1), frown = clamp(-s->smile, 0, 1), open = s->open;
    struct mouth m;
    m.half = id->mouth_width * (1 + .22 * smile - .06 * frown - .14 * open * (1 - smile));
    m.ends = id->mouth_y - .075 * smile + .035 * frown + .05 * open * (1 - smile);
    m.top = id->mouth_y + .026 * smile - .012 * frown - .022 * open;
    m.low = m.top + .235 * open;
    m.upper = id->lip_upper * (1 - .22 * smile - .12 * open);
    m.lower = id->lip_lower * (1 - .14 * smile - .14 * open);
    return m;
}

struct vec2 mouth_end(const struct portrait *p, double side)
{
    struct mouth m = mouth_of(p);
    return (struct vec2){side * m.half, m.ends};
}

struct curve {
    struct vec2 at[4];
};

/* The opening's upper edge, towards the end on side `to`, 1 or -1. */
static struct curve opening_top(const struct mouth *m, double to)
{
    return (struct curve){
        {
         {-to * m->half, m->ends},
         {-to * m->half * .55, blend(m->ends, m->top, 1.22)},
         {to * m->half * .55, blend(m->ends, m->top, 1.22)},
         {to * m->half, m->ends},
         }
    };
}

static struct curve opening_low(const struct mouth *m, double to)
{
    double wide = blend(.55, .72, clamp((m->low - m->top) / .2, 0, 1));
    return (struct curve){
        {
         {-to * m->half, m->ends},
         {-to * m->half * wide, blend(m->ends, m->low, 1.30)},
         {to * m->half * wide, blend(m->ends, m->low, 1.30)},
         {to * m->half, m->ends},
         }
    };
}

/* The upper lip's outer edge, from the end on that side to its peak. */
static struct curve upper_edge(const struct mouth *m, double side)
{
    double peak = m->top - m->upper, w = side * m->half;
    return (struct curve){
        {
         {w * 1.02, m->ends},
         {w * .62, blend(m->ends, peak, .62)},
         {w * .40, peak - .004},
         {w * .24, peak},
         }
    };
}

static double upper_dip(const struct mouth *m)
{
    return m->top - m->upper + m->upper * .26;
}

/* The lower lip's outer edge, from the end on that side to its middle. */
static struct curve lower_edge(const struct mouth *m, double side)
{
    double low = m->low + m->lower, w = side * m->half;
    return (struct curve){
        {
         {side < 0 ? w * .99 : w, m->ends},
         {w * .72, blend(m->ends, low, .72)},
         {w * .46, low + .004},
         {0, low + .004},
         }
    };
}

static bool mouth_is_open(const struct mouth *m)
{
    return m->low - m->top > .012;
}

/* Adds a curve backwards, from its end to its start. */
static void face_path_back(const struct portrait *p, const struct curve *c)
{
    face_curve(p, c->at[2].x, c->at[2].y, c->at[1].x, c->at[1].y, c->at[0].x, c->at[0].y);
}

static void opening_path(const struct portrait *p, const struct mouth *m)
{
    cairo_new_path(p->cr);
    face_move(p, -m->half, m->ends);
    face_path(p, opening_top(m, 1).at);
    face_path(p, opening_low(m, -1).at);
    cairo_close_path(p->cr);
}

static void upper_lip_path(const struct portrait *p, const struct mouth *m)
{
    double peak = m->top - m->upper, dip = upper_dip(m), w = m->half;
    struct curve left = upper_edge(m, -1), right = upper_edge(m, 1);
    cairo_new_path(p->cr);
    face_move(p, left.at[0].x, left.at[0].y);
    face_path(p, left.at);
    face_curve(p, -w * .13, peak, -w * .08, dip, 0, dip);
    face_curve(p, w * .08, dip, w * .13, peak, w * .24, peak);
    face_path_back(p, &right);
    face_path(p, opening_top(m, -1).at);
    cairo_close_path(p->cr);
}

static void lower_lip_path(const struct portrait *p, const struct mouth *m)
{
    struct curve left = lower_edge(m, -1), right = lower_edge(m, 1);
    cairo_new_path(p->cr);
    face_move(p, left.at[0].x, left.at[0].y);
    face_path(p, opening_low(m, 1).at);
    face_path(p, right.at);
    face_path_back(p, &left);
    cairo_close_path(p->cr);
}

static void draw_teeth(const struct portrait *p, const struct mouth *m, struct vec3 n)
{
    cairo_t *cr = p->cr;
    double gap = m->low - m->top, deep = MIN(.105, gap * .62 + .03);
    double w = m->half * .80, edge = m->top + deep;
    struct rgb white = light_flat(&p->light, (struct rgb){.975, .955, .920}, n);
    cairo_new_path(cr);
    face_move(p, -w, m->ends - .03);
    face_curve(p, -w * .9, blend(m->ends, edge, .9), -w * .6, edge, 0, edge);
    face_curve(p, w * .6, edge, w * .9, blend(m->ends, edge, .9), w, m->ends - .03);
    face_curve(p, w * .5, m->top - .09, -w * .5, m->top - .09, -w, m->ends - .03);
    cairo_close_path(cr);
    cairo_pattern_t *g = face_gradient(p, m->top - .01, edge);
    add_stop(g, 0, rgb_scale(white, .84), 1);
    add_stop(g, .45, white, 1);
    add_stop(g, 1, rgb_scale(white, .94), 1);
    fill_with(cr, g);
    cairo_set_line_width(cr, .006 * view_unit(&p->view));
    for (int i = -2; i <= 2; i++) {
        double x = i * .078;
        face_move(p, x, m->top - .02);
        face_curve(p, x, edge - .05, x, edge - .03, x * .99, edge - .012);
    }
    set_colour(cr, rgb_between(white, p->who->flush, .5), .35);
    cairo_stroke(cr);
}

static void draw_inside(const struct portrait *p, const struct mouth *m, struct vec3 n)
{
    cairo_t *cr = p->cr;
    cairo_save(cr);
    opening_path(p, m);
    cairo_clip_preserve(cr);
    set_colour(cr, light_flat(&p->light, (struct rgb){.26, .06, .075}, n), 1);
    cairo_fill(cr);
    double gap = m->low - m->top;
    portrait_frame(p, 0, m->low + .02, 1);
    cairo_scale(cr, m->half * .62, gap * .42 + .02);
    cairo_pattern_t *g = cairo_pattern_create_radial(0, -.2, .1, 0, 0, 1);
    add_stop(g, 0, light_flat(&p->light, (struct rgb){.86, .40, .40}, n), 1);
    add_stop(g, 1, light_flat(&p->light, (struct rgb){.62, .22, .24}, n), 1);
    cairo_arc(cr, 0, 0, 1, 0, 2 * DRAWN_PI);
    fill_with(cr, g);
    cairo_restore(cr);
    draw_teeth(p, m, n);
    cairo_restore(cr);
}

static void draw_lips(const struct portrait *p, const struct mouth *m, struct vec3 n)
{
    cairo_t *cr = p->cr;
    struct rgb lip = light_flat(&p->light, p->who->lips, n);
    struct rgb pale = rgb_between(lip, (struct rgb){1, .88, .85}, .30);
    upper_lip_path(p, m);
    cairo_pattern_t *g = face_gradient(p, m->top - m->upper, m->top + .02);
    add_stop(g, 0, rgb_between(lip, light_flat(&p->light, p->who->skin, n), .22), 1);
    add_stop(g, 1, rgb_scale(lip, .74), 1);
    fill_with(cr, g);
    lower_lip_path(p, m);
    g = face_gradient(p, m->low, m->low + m->lower);
    add_stop(g, 0, rgb_scale(lip, .88), 1);
    add_stop(g, .45, pale, 1);
    add_stop(g, 1, rgb_between(lip, light_flat(&p->light, p->who->skin, n), .18), 1);
    fill_with(cr, g);
    /* a shine on the lower lip, towards the light */
    portrait_frame(p, p->scene->light.x * .07, m->low + m->lower * .46, 1);
    cairo_scale(cr, m->half * .30, m->lower * .24);
    g = cairo_pattern_create_radial(0, 0, 0, 0, 0, 1);
    add_stop(g, 0, (struct rgb){1, 1, 1}, (p->who->feminine ? .50 : .22) * p->scene->strength);
    add_stop(g, 1, (struct rgb){1, 1, 1}, 0);
    cairo_arc(cr, 0, 0, 1, 0, 2 * DRAWN_PI);
    fill_with(cr, g);
    cairo_restore(cr);
}

static void draw_mouth_lines(const struct portrait *p, const struct mouth *m, struct vec3 n)
{
    cairo_t *cr = p->cr;
    double unit = view_unit(&p->view), smile = clamp(p->scene->smile, 0, 1);
    struct rgb line = light_flat(&p->light, rgb_scale(p->who->lips, .36), n);
    struct rgb fold =
        light_flat(&p->light, rgb_between(rgb_scale(p->who->skin, .58), p->who->flush, .35), n);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_new_path(cr);
    face_move(p, -m->half * 1.03, m->ends - .004);
    face_path(p, opening_top(m, 1).at);
    cairo_set_line_width(cr, .017 * unit);
    set_colour(cr, line, .82);
    cairo_stroke(cr);
    for (double side = -1; side <= 1; side += 2) {
        double x = m->half + .015;
        face_move(p, side * x, m->ends - .025 * (1 + smile));
        face_curve(p, side * (x + .025), m->ends - .01, side * (x + .025), m->ends + .02, side * x,
                   m->ends + .03);
        cairo_set_line_width(cr, .016 * unit);
        set_colour(cr, fold, .25 + .35 * smile);
        cairo_stroke(cr);
        /* from the nose to beside the mouth */
        double w = p->who->nose_width, y = p->who->nose_tip;
        face_move(p, side * (w * 1.55), y + .05);
        face_curve(p, side * (w * 1.5 + .10), y + .12, side * (x + .07), m->ends - .16,
                   side * (x + .085), m->ends - .03);
        cairo_set_line_width(cr, .018 * unit);
        set_colour(cr, fold, smile * (p->who->feminine ? .13 : .26));
        cairo_stroke(cr);
    }
}

void draw_mouth(const struct portrait *p)
{
    struct mouth m = mouth_of(p);
    struct vec3 n = portrait_normal(p, 0, p->who->mouth_y);
    draw_lips(p, &m, n);
    if (mouth_is_open(&m))
        draw_inside(p, &m, n);
    draw_mouth_lines(p, &m, n);
}

/* Marks the mouth's points. In a shut mouth both inner edges are its line. */
void mark_mouth(const struct portrait *p, struct vec2 out[static FACE_POINTS])
{
    struct mouth m = mouth_of(p);
    struct curve top = opening_top(&m, 1), low = mouth_is_open(&m) ? opening_low(&m, 1) : top;
    struct curve upper[2] = {upper_edge(&m, -1), upper_edge(&m, 1)},
                 lower[2] = {lower_edge(&m, -1), lower_edge(&m, 1)};
    struct vec2 *lips = out + POINT_LIPS, *inner = out + POINT_INNER_LIPS;
    lips[0] = face_path_at(p, top.at, 0);
    lips[1] = face_path_at(p, upper[0].at, .5);
    lips[2] = face_path_at(p, upper[0].at, 1);
    lips[3] = on_face(p, 0, upper_dip(&m));
    lips[4] = face_path_at(p, upper[1].at, 1);
    lips[5] = face_path_at(p, upper[1].at, .5);
    lips[6] = face_path_at(p, top.at, 1);
    lips[7] = face_path_at(p, lower[1].at, 1.0 / 3);
    lips[8] = face_path_at(p, lower[1].at, 2.0 / 3);
    lips[9] = face_path_at(p, lower[1].at, 1);
    lips[10] = face_path_at(p, lower[0].at, 2.0 / 3);
    lips[11] = face_path_at(p, lower[0].at, 1.0 / 3);
    for (int i = 0; i < 5; i++) /* from the left corner */
        inner[i] = face_path_at(p, top.at, blend(.08, .92, i / 4.0));
    for (int i = 0; i < 3; i++) /* and back, below */
        inner[5 + i] = face_path_at(p, low.at, blend(.71, .29, i / 2.0));
}
