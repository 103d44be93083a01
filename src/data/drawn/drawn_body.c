/* Background, neck and clothes. */
#include "base/checked.h"
#include "drawn_parts.h"

#include "base/poison.h"

static void glow(cairo_t *cr, double x, double y, double radius, struct rgb c, double opacity)
{
    cairo_pattern_t *g = cairo_pattern_create_radial(x, y, 0, x, y, radius);
    add_stop(g, 0, c, opacity);
    add_stop(g, .5, c, opacity * .45);
    add_stop(g, 1, c, 0);
    cairo_set_source(cr, g);
    cairo_paint(cr);
    cairo_pattern_destroy(g);
}

void draw_background(const struct portrait *p)
{
    const struct scene *s = p->scene;
    cairo_t *cr = p->cr;
    double side = p->side;
    cairo_pattern_t *g = cairo_pattern_create_linear(0, 0, 0, side);
    add_stop(g, 0, s->back_top, 1);
    add_stop(g, 1, s->back_low, 1);
    cairo_set_source(cr, g);
    cairo_paint(cr);
    cairo_pattern_destroy(g);
    glow(cr, s->glow_x * side, s->glow_y * side, side * .75, s->glow, .75 * s->strength);
    for (size_t i = 0; i < ARRAY_LENGTH(s->spots); i++) {
        const double *spot = s->spots[i];
        cairo_arc(cr, spot[0] * side, spot[1] * side, spot[2] * side, 0, 2 * DRAWN_PI);
        set_colour(cr, s->glow, spot[3]);
        cairo_fill(cr);
    }
}

/* --- paths on the plane of the shoulders ----------------------------------------------------- */

static struct vec2 on_body(const struct portrait *p, double x, double y, double z)
{
    return view_screen(&p->view, view_turn_body(&p->view, (struct vec3){x, y, z}));
}

static void body_move(const struct portrait *p, double x, double y)
{
    struct vec2 q = on_body(p, x, y, -.25);
    cairo_move_to(p->cr, q.x, q.y);
}

static void body_curve(const struct portrait *p, double x1, double y1, double x2, double y2,
                       double x3, double y3)
{
    struct vec2 a = on_body(p, x1, y1, -.25), b = on_body(p, x2, y2, -.25);
    struct vec2 c = on_body(p, x3, y3, -.25);
    cairo_curve_to(p->cr, a.x, a.y, b.x, b.y, c.x, c.y);
}

static cairo_pattern_t *body_gradient(const struct portrait *p, double x0, double y0, double x1,
                                      double y1)
{
    struct vec2 a = on_body(p, x0, y0, -.25), b = on_body(p, x1, y1, -.25);
    return cairo_pattern_create_linear(a.x, a.y, b.x, b.y);
}

static struct vec3 facing(double x)
{
    return vec3_unit((struct vec3){x, -.15, sqrt(MAX(1.0 - x * x, .05))});
}

static void draw_neck(const struct portrait *p)
{
    const struct identity *id = p->who;
    cairo_t *cr = p->cr;
    double w = id->neck;
    /* the top of the neck moves with the head */
    double top_x = 0, top_y = 1.0;
    struct vec2 tl = portrait_place(p, (struct vec3){top_x - w * 1.02, top_y - .25, -.25});
    struct vec2 tr = portrait_place(p, (struct vec3){top_x + w * 1.02, top_y - .25, -.25});
    struct vec2 ml = on_body(p, -w * .96, 1.50, -.25), mr = on_body(p, w * .96, 1.50, -.25);
    struct vec2 sl = on_body(p, -id->shoulders * .62, 2.10, -.25),
                sr = on_body(p, id->shoulders * .62, 2.10, -.25);
    struct vec2 bl = on_body(p, -.8, 2.9, -.25), br = on_body(p, .8, 2.9, -.25);
    struct vec2 kl = on_body(p, -w * 1.02, 1.86, -.25), kr = on_body(p, w * 1.02, 1.86, -.25);
    cairo_new_path(cr);
    cairo_move_to(cr, tl.x, tl.y);
    cairo_curve_to(cr, ml.x, ml.y, kl.x, kl.y, sl.x, sl.y);
    cairo_line_to(cr, bl.x, bl.y);
    cairo_line_to(cr, br.x, br.y);
    cairo_line_to(cr, sr.x, sr.y);
    cairo_curve_to(cr, kr.x, kr.y, mr.x, mr.y, tr.x, tr.y);
    cairo_close_path(cr);
    cairo_pattern_t *g = body_gradient(p, -w * 1.05, 1.5, w * 1.05, 1.5);
    for (int i = 0; i <= 6; i++) {
        double t = i / 6.0, x = 2 * t - 1;
        add_stop(g, t, light_skin(&p->light, id->skin, facing(x * .92), .12), 1);
    }
    fill_keeping_path(cr, g);
    /* the chin's shadow falls away from the light */
    struct rgb shade = light_skin(&p->light, rgb_between(id->skin, id->flush, .25), facing(0), 1);
    double fall = -.22 * p->scene->light.x;
    cairo_save(cr);
    cairo_clip(cr);
    struct vec2 c = on_body(p, fall, 1.05, .1), edge = on_body(p, fall, 1.05 + .92, .1);
    double r = edge.y - c.y;
    cairo_translate(cr, c.x, c.y);
    cairo_scale(cr, 1.15, 1);
    g = cairo_pattern_create_radial(0, 0, r * .35, 0, 0, r);
    double strong = .62 + .3 * p->scene->strength;
    add_stop(g, 0, rgb_scale(shade, .86), strong);
    add_stop(g, .55, shade, strong * .85);
    add_stop(g, 1, shade, 0);
    cairo_set_source(cr, g);
    cairo_paint(cr);
    cairo_pattern_destroy(g);
    cairo_restore(cr);
}

static void draw_throat(const struct portrait *p)
{
    struct rgb line = light_skin(&p->light, rgb_scale(p->who->skin, .62), facing(0), .3);
    double w = p->who->neck;
    cairo_new_path(p->cr);
    for (double side = -1; side <= 1; side += 2) {
        body_move(p, side * w * .34, 2.07);
        body_curve(p, side * w * .8, 2.02, side * w * 1.3, 2.05, side * w * 1.9, 2.02);
    }
    cairo_set_line_width(p->cr, .022 * view_unit(&p->view));
    set_colour(p->cr, line, .22);
    cairo_stroke(p->cr);
}

/* Half width and depth of the neckline, and its pull towards a V. */
struct neckline {
    double half, top, low, pull;
};

static struct neckline neckline_of(const struct identity *id)
{
    double w = id->neck;
    switch (id->collar) {
    case COLLAR_V:
        return (struct neckline){w * 1.28, 1.78, 2.62, .12};
    case COLLAR_SHIRT:
        return (struct neckline){w * 1.10, 1.62, 2.30, .10};
    case COLLAR_TURTLE:
        return (struct neckline){w * 1.06, 1.50, 1.62, .95};
    case COLLAR_CREW:
        break;
    }
    return (struct neckline){w * 1.22, 1.74, 2.08, .95};
}

static void garment_path(const struct portrait *p, const struct neckline *n)
{
    double s = p->who->shoulders, h = n->half;
    cairo_new_path(p->cr);
    body_move(p, -h, n->top);
    body_curve(p, -h * blend(.55, 1, n->pull), blend(n->top, n->low, blend(.6, .85, n->pull)),
               -h * .55 * n->pull, n->low, 0, n->low);
    body_curve(p, h * .55 * n->pull, n->low, h * blend(.55, 1, n->pull),
               blend(n->top, n->low, blend(.6, .85, n->pull)), h, n->top);
    body_curve(p, h + .25, n->top + .16, s * .80, 1.98, s * .97, 2.20);
    body_curve(p, s * 1.20, 2.42, s * 1.28, 3.2, s * 1.36, 5.0);
    body_curve(p, s * .5, 5.0, -s * .5, 5.0, -s * 1.36, 5.0);
    body_curve(p, -s * 1.28, 3.2, -s * 1.20, 2.42, -s * .97, 2.20);
    body_curve(p, -s * .80, 1.98, -h - .25, n->top + .16, -h, n->top);
    cairo_close_path(p->cr);
}

static void draw_seams(const struct portrait *p, const struct neckline *n, struct rgb dark)
{
    cairo_t *cr = p->cr;
    double unit = view_unit(&p->view), h = n->half, s = p->who->shoulders;
    double band = p->who->collar == COLLAR_TURTLE ? .0 : .085;
    cairo_new_path(cr);
    body_move(p, -h - band, n->top + band * .4);
    body_curve(p, -h * blend(.55, 1, n->pull) - band,
               blend(n->top, n->low, blend(.6, .85, n->pull)) + band, -h * .55 * n->pull,
               n->low + band * 1.25, 0, n->low + band * 1.25);
    body_curve(p, h * .55 * n->pull, n->low + band * 1.25, h * blend(.55, 1, n->pull) + band,
               blend(n->top, n->low, blend(.6, .85, n->pull)) + band, h + band, n->top + band * .4);
    for (double side = -1; side <= 1; side += 2) {
        body_move(p, side * s * .70, 2.65);
        body_curve(p, side * s * .78, 2.9, side * s * .74, 3.3, side * s * .80, 3.8);
    }
    cairo_set_line_width(cr, .024 * unit);
    set_colour(cr, dark, .5);
    cairo_stroke(cr);
}

static void draw_shirt_collar(const struct portrait *p, const struct neckline *n)
{
    cairo_t *cr = p->cr;
    for (double side = -1; side <= 1; side += 2) {
        struct rgb c = light_flat(&p->light, p->who->cloth_inner, facing(side * .4));
        cairo_new_path(cr);
        body_move(p, side * n->half * 1.04, n->top - .10);
        body_curve(p, side * n->half * 1.0, n->top + .2, side * .2, n->low - .2, side * .03,
                   n->low);
        body_curve(p, side * .2, n->low + .05, side * .30, n->low + .14, side * .42, n->low + .24);
        body_curve(p, side * .62, n->low - .1, side * n->half * 1.3, n->top + .3,
                   side * n->half * 1.34, n->top + .10);
        body_curve(p, side * n->half * 1.2, n->top, side * n->half * 1.1, n->top - .1,
                   side * n->half * 1.04, n->top - .10);
        cairo_pattern_t *g = body_gradient(p, side * .1, n->low, side * n->half * 1.3, n->top);
        add_stop(g, 0, c, 1);
        add_stop(g, 1, rgb_scale(c, .82), 1);
        fill_keeping_path(cr, g);
        cairo_set_line_width(cr, .016 * view_unit(&p->view));
        set_colour(cr, rgb_scale(c, .6), .6);
        cairo_stroke(cr);
    }
}

static void draw_turtle_collar(const struct portrait *p, const struct neckline *n)
{
    cairo_t *cr = p->cr;
    double w = n->half;
    cairo_new_path(cr);
    body_move(p, -w, n->top - .05);
    body_curve(p, -w * .6, n->low + .02, w * .6, n->low + .02, w, n->top - .05);
    body_curve(p, w * 1.06, n->top + .2, w * 1.1, n->top + .3, w * 1.2, n->top + .46);
    body_curve(p, w * .6, n->low + .58, -w * .6, n->low + .58, -w * 1.2, n->top + .46);
    body_curve(p, -w * 1.1, n->top + .3, -w * 1.06, n->top + .2, -w, n->top - .05);
    cairo_close_path(cr);
    cairo_pattern_t *g = body_gradient(p, -w, 1.7, w, 1.7);
    for (int i = 0; i <= 4; i++)
        add_stop(g, i / 4.0,
                 light_flat(&p->light, rgb_scale(p->who->cloth, 1.04), facing(.45 * i - .9)), 1);
    fill_keeping_path(cr, g);
    cairo_set_line_width(cr, .018 * view_unit(&p->view));
    set_colour(cr, rgb_scale(p->who->cloth, .45), .35);
    cairo_stroke(cr);
}

static void draw_garment(const struct portrait *p)
{
    const struct identity *id = p->who;
    cairo_t *cr = p->cr;
    struct neckline n = neckline_of(id);
    double s = id->shoulders;
    garment_path(p, &n);
    cairo_pattern_t *g = body_gradient(p, -s * 1.2, 2.3, s * 1.2, 2.3);
    for (int i = 0; i <= 6; i++)
        add_stop(g, i / 6.0, light_flat(&p->light, id->cloth, facing(.28 * i - .84)), 1);
    fill_keeping_path(cr, g);
    g = body_gradient(p, 0, 1.8, 0, 4.2);
    add_stop(g, 0, (struct rgb){0, 0, 0}, 0);
    add_stop(g, 1, (struct rgb){0, 0, .05}, .35);
    fill_with(cr, g);
    struct rgb dark = rgb_scale(light_flat(&p->light, id->cloth, facing(0)), .62);
    draw_seams(p, &n, dark);
    if (id->collar == COLLAR_SHIRT)
        draw_shirt_collar(p, &n);
    if (id->collar == COLLAR_TURTLE)
        draw_turtle_collar(p, &n);
}

void draw_body(const struct portrait *p)
{
    draw_neck(p);
    draw_throat(p);
    draw_garment(p);
}
