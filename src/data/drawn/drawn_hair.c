/* Draws locks of hair: which are behind the head, in what order, how each is lit. */
#include <stdlib.h>

#include "base/checked.h"
#include "drawn_hair.h"

#include "base/poison.h"

/* When a lock is drawn. */
enum layer { LAYER_NONE, LAYER_BEHIND, LAYER_BEARD, LAYER_FRONT };

/* A lock as seen in this picture. */
struct seen_lock {
    struct vec2 px[LOCK_POINTS];
    struct vec3 turned[LOCK_POINTS];
    double depth;
    enum layer layer;
    bool over_head; /* its lower half passes over the head: it casts a shadow there */
    const struct lock *lock;
};

struct hair {
    struct locks locks;
    struct seen_lock seen[LOCKS_MAX];
};

/* Is the point behind the head's surface, at a pixel that shows the head? */
static bool point_covered(const struct portrait *p, double x, double y, double z)
{
    const double margin = .03;
    if (x < 0 || y < 0 || x >= p->side || y >= p->side)
        return false;
    size_t i = (size_t)y * (size_t)p->side + (size_t)x;
    return z + margin < (double)p->depth[i];
}

static bool point_over_head(const struct portrait *p, struct vec2 px)
{
    return point_covered(p, px.x, px.y, -1e3);
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
        s.over_head |= i >= LOCK_POINTS / 2 && point_over_head(p, px);
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
    return l->width * (.12 + .88 * smooth_step(-.1, .34, t)) *
           (1.0 - pow(t, 4.0) * blend(.95, .30, l->blunt));
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

static int point_within(int i)
{
    return i < 0 ? 0 : i >= LOCK_POINTS ? LOCK_POINTS - 1 : i;
}

/*
 * Adds a line through points from..to, at `at` half widths from the middle line: a Catmull-Rom
 * spline, or straight lines if the points are too close to see a difference.
 */
static void lock_side(const struct portrait *p, const struct seen_lock *s, double at, int from,
                      int to)
{
    const double close = 7.0; /* canvas pixels */
    int step = to > from ? 1 : -1;
    double dx = s->px[to].x - s->px[from].x, dy = s->px[to].y - s->px[from].y;
    bool straight = sqrt(dx * dx + dy * dy) < close * abs(to - from);
    struct vec2 q0, q1 = beside(p, s, from, at), q2 = q1, q3 = beside(p, s, from + step, at);
    for (int i = from; i != to; i += step) {
        q0 = q1;
        q1 = q2;
        q2 = q3;
        q3 = beside(p, s, point_within(i + 2 * step), at);
        if (straight)
            cairo_line_to(p->cr, q2.x, q2.y);
        else
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

/* Colours along the lock: dark at the root, a little dark at the tip, bright between. */
static cairo_pattern_t *ribbon_colours(const struct portrait *p, const struct seen_lock *s)
{
    enum { STOPS = 4 };
    struct vec2 a = s->px[0], b = s->px[LOCK_POINTS - 1];
    cairo_pattern_t *g = cairo_pattern_create_linear(a.x, a.y, b.x, b.y);
    double dx = b.x - a.x, dy = b.y - a.y, n = dx * dx + dy * dy + 1e-9, before = 0;
    for (int i = 0; i < STOPS; i++) {
        int k = i * (LOCK_POINTS - 1) / (STOPS - 1);
        double along = ((s->px[k].x - a.x) * dx + (s->px[k].y - a.y) * dy) / n;
        double shade = i == 0 ? -.30 : i == STOPS - 1 ? -.18 : 0;
        before = clamp(along, before, 1);
        add_stop(g, before, lock_colour(p, s, k, s->lock->tone + shade), 1);
    }
    return g;
}

/* A thin line along the lock, `at` half widths from its middle. */
static void draw_strand(const struct portrait *p, const struct seen_lock *s, double at,
                        struct rgb colour, double opacity)
{
    struct vec2 start = beside(p, s, 0, at);
    cairo_move_to(p->cr, start.x, start.y);
    lock_side(p, s, at, 0, LOCK_POINTS - 1);
    cairo_set_line_width(p->cr, .010 * view_unit(&p->view));
    set_colour(p->cr, colour, opacity);
    cairo_stroke(p->cr);
}

static void draw_ribbon(const struct portrait *p, const struct seen_lock *s)
{
    const double fine = 120; /* canvas pixels a unit; below this, thin lines cannot be seen */
    const int middle = LOCK_POINTS / 2;
    double tone = s->lock->tone;
    lock_path(p, s);
    if (s->layer == LAYER_BEHIND) {
        set_colour(p->cr, lock_colour(p, s, middle, tone - .55), 1);
        cairo_fill(p->cr);
        return;
    }
    fill_with(p->cr, ribbon_colours(p, s));
    struct rgb dark = rgb_between(p->who->hair_dark, lock_colour(p, s, middle, -.6), .35);
    draw_strand(p, s, -.97, dark, .34);
    draw_strand(p, s, .45, lock_colour(p, s, middle, tone + 1.0), .40);
    if (view_unit(&p->view) > fine) {
        draw_strand(p, s, .97, dark, .28);
        draw_strand(p, s, -.45, lock_colour(p, s, middle, tone - .8), .40);
    }
}

static void draw_whisker(const struct portrait *p, const struct seen_lock *s)
{
    lock_path(p, s);
    set_colour(p->cr, lock_colour(p, s, LOCK_POINTS / 2, s->lock->tone), 1);
    cairo_fill(p->cr);
}

/* Draws a tuft that winds inwards. */
static void draw_curl(const struct portrait *p, const struct seen_lock *s)
{
    cairo_t *cr = p->cr;
    double r = .5 * s->lock->width * view_unit(&p->view), x = s->px[0].x, y = s->px[0].y;
    double tone = s->lock->tone, turn = tone * 9.0;
    struct rgb middle = lock_colour(p, s, 0, tone), bright = lock_colour(p, s, 0, tone + .9);
    struct rgb dark = rgb_between(p->who->hair_dark, middle, .45);
    bright = rgb_between(bright, p->who->hair_shine, .10);
    cairo_pattern_t *g = cairo_pattern_create_radial(x + p->light.key.x * r * .3,
                                                     y + p->light.key.y * r * .4, 0, x, y, r);
    add_stop(g, 0, rgb_between(middle, bright, .4), 1);
    add_stop(g, .7, middle, 1);
    add_stop(g, 1, rgb_between(middle, dark, .6), 1);
    cairo_new_path(cr);
    cairo_arc(cr, x, y, r, 0, 2 * DRAWN_PI);
    fill_with(cr, g);
    for (int i = 0; i < 3; i++) {
        double wind = r * (.86 - .25 * i), at = turn + 2.3 * i;
        cairo_set_line_width(cr, r * .10);
        cairo_arc(cr, x, y, wind, at, at + 3.4);
        set_colour(cr, dark, .42);
        cairo_stroke(cr);
        cairo_arc(cr, x, y, wind - r * .10, at + .5, at + 2.9);
        set_colour(cr, bright, .38);
        cairo_stroke(cr);
    }
}

/* Draws the lock in one colour, for the mask and for shadows. */
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
    if (s->lock->clinging)
        draw_whisker(p, s);
    else if (s->lock->curl)
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

/* Darkens the face a little below hair that hangs over it, away from the light. */
static void draw_hair_shadow(const struct portrait *p, const struct hair *h)
{
    cairo_t *cr = p->cr;
    double unit = view_unit(&p->view), dx = -.06 * p->light.key.x * unit, dy = .055 * unit;
    cairo_push_group(cr);
    cairo_translate(cr, dx, dy);
    set_colour(cr, rgb_scale(p->who->flush, .38), 1);
    for (size_t i = 0; i < h->locks.n; i++)
        if (h->seen[i].layer == LAYER_FRONT && h->seen[i].over_head)
            draw_flat(p, &h->seen[i]);
    cairo_translate(cr, -dx, -dy);
    cairo_surface_t *head = head_silhouette(p);
    cairo_set_operator(cr, CAIRO_OPERATOR_DEST_IN);
    cairo_set_source_surface(cr, head, 0, 0);
    cairo_paint(cr);
    cairo_surface_destroy(head);
    cairo_pop_group_to_source(cr);
    cairo_paint_with_alpha(cr, .20 + .08 * p->scene->strength);
}

void draw_hair_front(const struct portrait *p, const struct hair *h)
{
    draw_layer(p, h, LAYER_BEARD);
    draw_hair_shadow(p, h);
    draw_layer(p, h, LAYER_FRONT);
}
