/* Ears, freckles and glasses. */
#include "base/philox.h"
#include "drawn_parts.h"

#include "base/poison.h"

/* The frame of an ear: a plate at the side of the head, turned half backwards. */
static void ear_frame(const struct portrait *p, double side)
{
    const struct identity *id = p->who;
    double size = id->ear;
    struct vec3 at = head_around(id, side * 1.60, .10);
    at.x -= side * .02;
    struct vec3 out = {at.x + side * .80 * size, at.y - .05, at.z - .62 * size};
    struct vec3 down = {at.x - side * .10, at.y + 1.0 * size, at.z + .12};
    struct vec2 o = portrait_place(p, at), u = portrait_place(p, out), v = portrait_place(p, down);
    cairo_matrix_t m;
    cairo_matrix_init(&m, u.x - o.x, u.y - o.y, v.x - o.x, v.y - o.y, o.x, o.y);
    cairo_save(p->cr);
    cairo_transform(p->cr, &m);
}

void draw_ear(const struct portrait *p, double side)
{
    cairo_t *cr = p->cr;
    struct vec3 n = vec3_unit(view_turn_direction(&p->view, (struct vec3){side * .75, 0, .65}));
    struct rgb albedo = rgb_between(p->who->skin, p->who->flush, .22);
    struct rgb skin = light_skin(&p->light, albedo, n, .05);
    struct rgb deep = light_skin(&p->light, rgb_between(p->who->skin, p->who->flush, .5), n, .85);
    ear_frame(p, side);
    cairo_new_path(cr);
    cairo_move_to(cr, -.02, -.16);
    cairo_curve_to(cr, .05, -.34, .27, -.36, .27, -.14);
    cairo_curve_to(cr, .27, .02, .19, .08, .16, .20);
    cairo_curve_to(cr, .14, .33, .02, .34, -.02, .22);
    cairo_close_path(cr);
    cairo_pattern_t *g = cairo_pattern_create_linear(-.03, 0, .27, -.05);
    add_stop(g, 0, light_skin(&p->light, p->who->skin, n, .25), 1);
    add_stop(g, .4, skin, 1);
    add_stop(g, 1, light_skin(&p->light, albedo, n, 0), 1);
    fill_with(cr, g);
    cairo_move_to(cr, .035, -.14);
    cairo_curve_to(cr, .09, -.27, .215, -.27, .205, -.12);
    cairo_curve_to(cr, .20, -.01, .12, .03, .115, .11);
    cairo_curve_to(cr, .06, .16, .05, .08, .07, .02);
    cairo_curve_to(cr, .10, -.05, .05, -.06, .035, -.14);
    set_colour(cr, deep, .62);
    cairo_fill(cr);
    cairo_move_to(cr, .08, -.10);
    cairo_curve_to(cr, .13, -.18, .18, -.15, .165, -.08);
    cairo_curve_to(cr, .15, -.02, .11, -.01, .105, .05);
    cairo_set_line_width(cr, .022);
    set_colour(cr, skin, .75);
    cairo_stroke(cr);
    cairo_restore(cr);
}

void draw_skin_details(const struct portrait *p)
{
    const struct identity *id = p->who;
    if (id->freckles <= 0)
        return;
    struct philox r = philox_at(id->seed, PHILOX_IDENTITY, 2000 + id->person);
    int n = (int)(26 * id->freckles) + 14;
    struct rgb brown = rgb_between(id->flush, rgb_scale(id->skin, .55), .55);
    for (int i = 0; i < n; i++) {
        double x = .75 * clamp(.5 * (double)philox_normal(&r), -1, 1);
        double y = .30 + .10 * (double)philox_normal(&r),
               size = (double)philox_uniform(&r, .008f, .017f);
        if (fabs(x) < .3 && y < .12)
            continue;
        portrait_frame(p, x, clamp(y, .1, .55), 1);
        cairo_arc(p->cr, 0, 0, size, 0, 2 * DRAWN_PI);
        cairo_restore(p->cr);
        set_colour(p->cr, light_flat(&p->light, brown, portrait_normal(p, x, y)), .42);
        cairo_fill(p->cr);
    }
}

/* --- glasses: a flat front before the face, arms back to the ears --------------------------------
 */

static struct vec2 on_glasses(const struct portrait *p, double x, double y)
{
    return portrait_place(p, (struct vec3){x, y, 1.06 - .13 * x * x});
}

static void glasses_curve(const struct portrait *p, double x1, double y1, double x2, double y2,
                          double x3, double y3)
{
    struct vec2 a = on_glasses(p, x1, y1), b = on_glasses(p, x2, y2), c = on_glasses(p, x3, y3);
    cairo_curve_to(p->cr, a.x, a.y, b.x, b.y, c.x, c.y);
}

static void lens_path(const struct portrait *p, double cx)
{
    const double w = .315, h = .245, y = .015, k = .78;
    struct vec2 start = on_glasses(p, cx - w, y);
    cairo_new_path(p->cr);
    cairo_move_to(p->cr, start.x, start.y);
    glasses_curve(p, cx - w, y - h * k, cx - w * k, y - h, cx, y - h);
    glasses_curve(p, cx + w * k, y - h, cx + w, y - h * k, cx + w, y);
    glasses_curve(p, cx + w, y + h * k, cx + w * k, y + h, cx, y + h);
    glasses_curve(p, cx - w * k, y + h, cx - w, y + h * k, cx - w, y);
    cairo_close_path(p->cr);
}

void draw_glasses(const struct portrait *p)
{
    const struct identity *id = p->who;
    if (!id->glasses)
        return;
    cairo_t *cr = p->cr;
    struct rgb frame =
        light_flat(&p->light, rgb_scale(id->hair_dark, .8), (struct vec3){0, -.3, .95});
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    for (double side = -1; side <= 1; side += 2) {
        lens_path(p, side * id->eye_x * 1.02);
        struct vec2 a = on_glasses(p, side * .42 - .3, -.25),
                    b = on_glasses(p, side * .42 + .25, .25);
        cairo_pattern_t *g = cairo_pattern_create_linear(a.x, a.y, b.x, b.y);
        add_stop(g, 0, (struct rgb){1, 1, 1}, .22);
        add_stop(g, .42, (struct rgb){1, 1, 1}, .05);
        add_stop(g, .43, (struct rgb){1, 1, 1}, 0);
        add_stop(g, 1, (struct rgb){1, 1, 1}, .08);
        fill_keeping_path(cr, g);
        cairo_set_line_width(cr, .034 * view_unit(&p->view));
        set_colour(cr, frame, 1);
        cairo_stroke(cr);
        double hinge = side * (id->eye_x * 1.02 + .315);
        struct vec2 h = on_glasses(p, hinge, -.05);
        struct vec3 ear = head_around(id, side * 1.45, -.03);
        if (side * p->scene->yaw < .25) { /* the far arm is behind the face */
            struct vec2 e = portrait_place(p, ear);
            cairo_move_to(cr, h.x, h.y);
            cairo_line_to(cr, e.x, e.y);
            cairo_set_line_width(cr, .030 * view_unit(&p->view));
            cairo_stroke(cr);
        }
    }
    struct vec2 start = on_glasses(p, -id->eye_x * 1.02 + .31, -.03);
    cairo_move_to(cr, start.x, start.y);
    glasses_curve(p, -.05, -.08, .05, -.08, id->eye_x * 1.02 - .31, -.03);
    cairo_set_line_width(cr, .032 * view_unit(&p->view));
    cairo_stroke(cr);
}
