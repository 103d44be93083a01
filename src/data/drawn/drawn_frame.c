/* From face coordinates to cairo: points, frames on the skin, colours. */
#include "drawn_parts.h"

#include "base/poison.h"

struct vec2 portrait_place(const struct portrait *p, struct vec3 head_point)
{
    return view_screen(&p->view, view_turn(&p->view, head_point));
}

struct vec3 portrait_face(const struct portrait *p, double x, double y)
{
    struct vec3 q = head_front(p->who, x, y);
    q.z += head_relief(p->who, p->scene, x, y);
    return q;
}

struct vec3 portrait_normal(const struct portrait *p, double x, double y)
{
    const double step = .04;
    struct vec3 l = head_front(p->who, x - step, y), r = head_front(p->who, x + step, y);
    struct vec3 u = head_front(p->who, x, y - step), d = head_front(p->who, x, y + step);
    struct vec3 across = {2 * step, 0, r.z - l.z}, down = {0, 2 * step, d.z - u.z};
    return vec3_unit(view_turn_direction(&p->view, vec3_cross(across, down)));
}

cairo_matrix_t portrait_matrix(const struct portrait *p, double x, double y, double mirror)
{
    const double step = .05;
    struct vec3 at = portrait_face(p, x, y);
    struct vec3 r = head_front(p->who, x + step, y), l = head_front(p->who, x - step, y);
    struct vec3 d = head_front(p->who, x, y + step), u = head_front(p->who, x, y - step);
    struct vec2 o = portrait_place(p, at);
    struct vec2 rx = portrait_place(p, (struct vec3){at.x + step, at.y, at.z + (r.z - l.z) / 2});
    struct vec2 dy = portrait_place(p, (struct vec3){at.x, at.y + step, at.z + (d.z - u.z) / 2});
    cairo_matrix_t m;
    cairo_matrix_init(&m, mirror * (rx.x - o.x) / step, mirror * (rx.y - o.y) / step,
                      (dy.x - o.x) / step, (dy.y - o.y) / step, o.x, o.y);
    return m;
}

void portrait_frame(const struct portrait *p, double x, double y, double mirror)
{
    cairo_matrix_t m = portrait_matrix(p, x, y, mirror);
    cairo_save(p->cr);
    cairo_transform(p->cr, &m);
}

void set_colour(cairo_t *cr, struct rgb c, double opacity)
{
    cairo_set_source_rgba(cr, c.r, c.g, c.b, opacity);
}

void add_stop(cairo_pattern_t *g, double at, struct rgb c, double opacity)
{
    cairo_pattern_add_color_stop_rgba(g, at, c.r, c.g, c.b, opacity);
}

void fill_keeping_path(cairo_t *cr, cairo_pattern_t *g)
{
    cairo_set_source(cr, g);
    cairo_fill_preserve(cr);
    cairo_pattern_destroy(g);
}

void fill_with(cairo_t *cr, cairo_pattern_t *g)
{
    fill_keeping_path(cr, g);
    cairo_new_path(cr);
}
