/* Draws locks: which lie behind the head, in what order, how each is lit. */
#include <stdlib.h>

#include "base/checked.h"
#include "drawn_hair.h"

#include "base/poison.h"

/* Where a lock comes in the order of drawing. */
enum layer { LAYER_NONE, LAYER_BEHIND, LAYER_BEARD, LAYER_FRONT };

/* A lock as this picture sees it. */
struct seen_lock {
    struct vec2 px[LOCK_POINTS];
    struct vec3 turned[LOCK_POINTS];
    double depth;
    enum layer layer;
    const struct lock *lock;
};

struct hair {
    struct locks locks;
    struct seen_lock seen[LOCKS_MAX];
};

/* Below the head's surface, at a pixel that shows the head. */
static bool point_covered(const struct portrait *p, double x, double y, double z)
{
    const double margin = .03;
    if (x < 0 || y < 0 || x >= p->side || y >= p->side)
        return false;
    size_t i = (size_t)y * (size_t)p->side + (size_t)x;
    return z + margin < (double)p->depth[i];
}

static bool point_buried(const struct portrait *p, struct vec2 px, double z, double reach)
{
    return point_covered(p, px.x - reach, px.y, z) && point_covered(p, px.x + reach, px.y, z) &&
           point_covered(p, px.x, px.y - reach, z) && point_covered(p, px.x, px.y + reach, z);
}

static bool point_near_canvas(const struct portrait *p, struct vec2 px, double reach)
{
    return px.x > -reach && px.y > -reach && px.x < p->side + reach && px.y < p->side + reach;
}

static struct seen_lock see_lock(const struct portrait *p, const struct lock *l)
{
    const double behind_neck = -.42;
    struct seen_lock s = {.lock = l};
    double reach = .6 * l->width * view_unit(&p->view);
    int hidden = 0, near = 0, buried = 0;
    for (int i = 0; i < LOCK_POINTS; i++) {
        struct vec3 at = l->clinging ? head_express(p->scene, l->at[i]) : l->at[i];
        struct vec3 turned = view_turn(&p->view, at);
        struct vec2 px = view_screen(&p->view, turned);
        s.turned[i] = turned;
        s.px[i] = px;
        s.depth += turned.z / LOCK_POINTS;
        near += point_near_canvas(p, px, reach);
        buried += point_buried(p, px, turned.z, reach);
        if (i >= LOCK_POINTS / 3)
            hidden += turned.z < behind_neck || point_covered(p, px.x, px.y, turned.z);
    }
    bool behind = hidden * 2 > LOCK_POINTS - LOCK_POINTS / 3;
    if (near == 0 || (behind && (buried == LOCK_POINTS || l->clinging)))
        s.layer = LAYER_NONE;
    else
        s.layer = l->clinging ? LAYER_BEARD : behind ? LAYER_BEHIND : LAYER_FRONT;
    return s;
}

static int compare_depth(const void *a, const void *b)
{
    const struct seen_lock *x = a, *y = b;
    if (x->depth != y->depth)
        return x->depth < y->depth ? -1 : 1;
    return x->lock < y->lock ? -1 : x->lock > y->lock;
}

enum status hair_new(const struct portrait *p, struct hair **out, struct errmsg *em)
{
    struct hair *h = malloc(sizeof *h);
    if (!h)
        return FAIL(em, ST_MEMORY, "out of memory drawing hair");
    locks_grow(&h->locks, p->who);
    for (size_t i = 0; i < h->locks.n; i++)
        h->seen[i] = see_lock(p, &h->locks.all[i]);
    qsort(h->seen, h->locks.n, sizeof h->seen[0], compare_depth);
    *out = h;
    return ST_OK;
}

void hair_free(struct hair *h)
{
    free(h);
}

/* --- one lock ----------------------------------------------------------------------------------
 */

static double width_at(const struct lock *l, double t)
{
    return l->width * (.12 + .88 * smooth_step(-.1, .34, t)) * (1.0 - pow(t, 4.0) * .95);
}

static struct vec2 sideways(const struct seen_lock *s, int i)
{
    int a = i > 0 ? i - 1 : 0, b = i < LOCK_POINTS - 1 ? i + 1 : LOCK_POINTS - 1;
    double dx = s->px[b].x - s->px[a].x, dy = s->px[b].y - s->px[a].y, n = sqrt(dx * dx + dy * dy);
    return n > 1e-9 ? (struct vec2){-dy / n, dx / n} : (struct vec2){1, 0};
}

static struct vec2 beside(const struct portrait *p, const struct seen_lock *s, int i, double at)
{
    struct vec2 n = sideways(s, i);
    double w = .5 * at * width_at(s->lock, (double)i / (LOCK_POINTS - 1)) * view_unit(&p->view);
    return (struct vec2){s->px[i].x + n.x * w, s->px[i].y + n.y * w};
}

/* Smooth through points a..b at `at` half widths from the middle line (Catmull-Rom). */
static void lock_side(const struct portrait *p, const struct seen_lock *s, double at, int from,
                      int to)
{
    int step = to > from ? 1 : -1;
    for (int i = from; i != to; i += step) {
        int before = clamp(i - step, 0, LOCK_POINTS - 1) == i - step ? i - step : i;
        int after =
            clamp(i + 2 * step, 0, LOCK_POINTS - 1) == i + 2 * step ? i + 2 * step : i + step;
        struct vec2 q0 = beside(p, s, before, at), q1 = beside(p, s, i, at);
        struct vec2 q2 = beside(p, s, i + step, at), q3 = beside(p, s, after, at);
        cairo_curve_to(p->cr, q1.x + (q2.x - q0.x) / 6, q1.y + (q2.y - q0.y) / 6,
                       q2.x - (q3.x - q1.x) / 6, q2.y - (q3.y - q1.y) / 6, q2.x, q2.y);
    }
}

static void lock_path(const struct portrait *p, const struct seen_lock *s)
{
    struct vec2 start = beside(p, s, 0, 1);
    cairo_new_path(p->cr);
    cairo_move_to(p->cr, start.x, start.y);
    lock_side(p, s, 1, 0, LOCK_POINTS - 1);
    struct vec2 turn = beside(p, s, LOCK_POINTS - 1, -1);
    cairo_line_to(p->cr, turn.x, turn.y);
    lock_side(p, s, -1, LOCK_POINTS - 1, 0);
    cairo_close_path(p->cr);
}

static struct rgb lock_colour(const struct portrait *p, const struct seen_lock *s, int i,
                              double tone)
{
    int a = i > 0 ? i - 1 : 0, b = i < LOCK_POINTS - 1 ? i + 1 : LOCK_POINTS - 1;
    struct vec3 t = {s->turned[b].x - s->turned[a].x, s->turned[b].y - s->turned[a].y,
                     s->turned[b].z - s->turned[a].z};
    struct vec3 q = s->lock->at[i];
    struct vec3 out = {q.x, MIN(q.y - skull_centre.y, .25), q.z - skull_centre.z};
    return light_hair(&p->light, p->who, vec3_unit(view_turn_direction(&p->view, out)),
                      vec3_unit(t), tone);
}

static void draw_ribbon(const struct portrait *p, const struct seen_lock *s)
{
    enum { STOPS = 5 };
    cairo_t *cr = p->cr;
    struct vec2 a = s->px[0], b = s->px[LOCK_POINTS - 1];
    cairo_pattern_t *g = cairo_pattern_create_linear(a.x, a.y, b.x, b.y);
    double dx = b.x - a.x, dy = b.y - a.y, n = dx * dx + dy * dy + 1e-9;
    double before = 0;
    for (int i = 0; i < STOPS; i++) {
        int k = i * (LOCK_POINTS - 1) / (STOPS - 1);
        double along = ((s->px[k].x - a.x) * dx + (s->px[k].y - a.y) * dy) / n;
        before = clamp(along, before, 1);
        double root = s->layer == LAYER_BEHIND ? -.55 : -.30 * (i == 0) - .18 * (i == STOPS - 1);
        add_stop(g, before, lock_colour(p, s, k, s->lock->tone + root), 1);
    }
    lock_path(p, s);
    fill_keeping_path(cr, g);
    struct rgb dark = rgb_between(p->who->hair_dark, lock_colour(p, s, LOCK_POINTS / 2, -.6), .35);
    double unit = view_unit(&p->view);
    cairo_set_line_width(cr, .007 * unit);
    set_colour(cr, dark, s->lock->clinging ? .12 : .30);
    cairo_stroke(cr);
    if (s->layer != LAYER_FRONT)
        return;
    for (int i = -1; i <= 1; i += 2) {
        struct vec2 start = beside(p, s, 1, i * .45);
        cairo_move_to(cr, start.x, start.y);
        lock_side(p, s, i * .45, 1, LOCK_POINTS - 2);
        struct rgb strand = lock_colour(p, s, LOCK_POINTS / 2, s->lock->tone + (i > 0 ? 1.0 : -.8));
        cairo_set_line_width(cr, .010 * unit);
        set_colour(cr, strand, .40);
        cairo_stroke(cr);
    }
}

static void draw_curl(const struct portrait *p, const struct seen_lock *s)
{
    cairo_t *cr = p->cr;
    double r = .5 * s->lock->width * view_unit(&p->view), x = s->px[0].x, y = s->px[0].y;
    struct rgb c = lock_colour(p, s, 0, s->lock->tone),
               bright = lock_colour(p, s, 0, s->lock->tone + .8);
    struct rgb dark = rgb_between(p->who->hair_dark, c, .45);
    bright = rgb_between(bright, p->who->hair_shine, .16);
    cairo_pattern_t *g = cairo_pattern_create_radial(x + p->light.key.x * r * .35,
                                                     y + p->light.key.y * r * .45, r * .1, x, y, r);
    add_stop(g, 0, bright, 1);
    add_stop(g, .55, c, 1);
    add_stop(g, 1, dark, 1);
    cairo_new_path(cr);
    cairo_arc(cr, x, y, r, 0, 2 * DRAWN_PI);
    fill_with(cr, g);
    double turn = s->lock->tone * 9.0;
    cairo_set_line_width(cr, r * .14);
    cairo_arc(cr, x, y, r * .68, turn, turn + 3.6);
    set_colour(cr, dark, .55);
    cairo_stroke(cr);
    cairo_arc(cr, x + r * .05, y, r * .36, turn + 2, turn + 5.6);
    set_colour(cr, bright, .55);
    cairo_stroke(cr);
}

/* One flat colour: for the mask and for shadows. */
static void draw_flat(const struct portrait *p, const struct seen_lock *s)
{
    if (s->lock->curl) {
        cairo_new_path(p->cr);
        cairo_arc(p->cr, s->px[0].x, s->px[0].y, .5 * s->lock->width * view_unit(&p->view), 0,
                  2 * DRAWN_PI);
    } else {
        lock_path(p, s);
    }
    cairo_fill(p->cr);
}

static void draw_lock(const struct portrait *p, const struct seen_lock *s)
{
    if (s->lock->curl)
        draw_curl(p, s);
    else
        draw_ribbon(p, s);
}

/* --- all of them ---------------------------------------------------------------------------------
 */

static void draw_layer(const struct portrait *p, const struct hair *h, enum layer layer)
{
    for (size_t i = 0; i < h->locks.n; i++)
        if (h->seen[i].layer == layer)
            draw_lock(p, &h->seen[i]);
}

void draw_hair_behind(const struct portrait *p, const struct hair *h)
{
    draw_layer(p, h, LAYER_BEHIND);
}

void draw_hair_shape(const struct portrait *p, const struct hair *h)
{
    for (size_t i = 0; i < h->locks.n; i++)
        if (h->seen[i].layer == LAYER_FRONT)
            draw_flat(p, &h->seen[i]);
}

static cairo_surface_t *head_silhouette(const struct portrait *p)
{
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_A8, p->side, p->side);
    unsigned char *bytes = cairo_image_surface_get_data(s);
    if (!bytes)
        return s;
    size_t stride = (size_t)cairo_image_surface_get_stride(s), side = (size_t)p->side;
    cairo_surface_flush(s);
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++)
            bytes[y * stride + x] = p->depth[y * side + x] > DEPTH_NONE ? 255 : 0;
    cairo_surface_mark_dirty(s);
    return s;
}

/* What hangs over the face darkens it, a little below and away from the light. */
static void draw_hair_shadow(const struct portrait *p, const struct hair *h)
{
    cairo_t *cr = p->cr;
    double unit = view_unit(&p->view), dx = -.06 * p->light.key.x * unit, dy = .055 * unit;
    cairo_push_group(cr);
    cairo_translate(cr, dx, dy);
    set_colour(cr, rgb_scale(p->who->flush, .38), 1);
    draw_hair_shape(p, h);
    cairo_translate(cr, -dx, -dy);
    cairo_surface_t *head = head_silhouette(p);
    cairo_set_operator(cr, CAIRO_OPERATOR_DEST_IN);
    cairo_set_source_surface(cr, head, 0, 0);
    cairo_paint(cr);
    cairo_surface_destroy(head);
    cairo_pop_group_to_source(cr);
    cairo_paint_with_alpha(cr, .30 + .08 * p->scene->strength);
}

void draw_hair_front(const struct portrait *p, const struct hair *h)
{
    draw_layer(p, h, LAYER_BEARD);
    draw_hair_shadow(p, h);
    draw_layer(p, h, LAYER_FRONT);
}
