/* Eyes and brows, each drawn in a frame on the skin whose +x points outwards. */
#include "drawn_parts.h"

#include "base/poison.h"

/* One eye, in its frame. */
struct eye {
    double half, upper, lower, tilt; /* half width; heights of the lids above and below centre */
    double closed;                   /* 0 open .. 1 shut */
    double gaze_x, gaze_y;           /* centre of the iris */
    double iris;                     /* radius */
    double light_x, light_y;         /* place of the key light's reflection */
    struct vec3 normal;
};

static struct eye eye_of(const struct portrait *p, double side)
{
    const struct identity *id = p->who;
    const struct scene *s = p->scene;
    double smile = clamp(s->smile, 0, 1), wide = clamp(s->brows, 0, 1);
    struct eye e = {.half = .200 * id->eye_size, .tilt = id->eye_tilt, .closed = s->blink};
    double open = (.110 + .014 * wide) * id->eye_height;
    e.lower = (.078 - .018 * smile) * id->eye_height;
    e.upper = blend(open - .012 * smile + .03 * s->gaze_y * -1.0, -.80 * e.lower, s->blink);
    e.iris = .116 * (.55 + .45 * id->eye_size);
    e.gaze_x = side * s->gaze_x * .074 * id->eye_size;
    e.gaze_y = s->gaze_y * .050 - .006;
    e.light_x = side * s->light.x * .05;
    e.light_y = -.035;
    e.normal = portrait_normal(p, side * id->eye_x, 0);
    return e;
}

static void upper_lid(cairo_t *cr, const struct eye *e, double lift)
{
    double h = e->upper + lift, k = 1.34;
    cairo_curve_to(cr, -e->half * .55, -h * k - e->tilt * .2, e->half * .42, -h * k - e->tilt,
                   e->half, -e->tilt);
}

/* The lower lid, from the outer to the inner corner. */
static void lower_lid_curve(const struct eye *e, struct vec2 c[static 4])
{
    c[0] = (struct vec2){e->half, -e->tilt};
    c[1] = (struct vec2){e->half * .62, e->lower * 1.25 - e->tilt * .3};
    c[2] = (struct vec2){-e->half * .42, e->lower * 1.38};
    c[3] = (struct vec2){-e->half, .025};
}

static void lower_lid(cairo_t *cr, const struct eye *e)
{
    struct vec2 c[4];
    lower_lid_curve(e, c);
    cairo_curve_to(cr, c[1].x, c[1].y, c[2].x, c[2].y, c[3].x, c[3].y);
}

static void eye_path(cairo_t *cr, const struct eye *e)
{
    cairo_new_path(cr);
    cairo_move_to(cr, -e->half, .025);
    upper_lid(cr, e, 0);
    lower_lid(cr, e);
    cairo_close_path(cr);
}

static void draw_white(const struct portrait *p, const struct eye *e)
{
    struct rgb white = light_flat(&p->light, (struct rgb){.985, .970, .955}, e->normal);
    struct rgb shade = rgb_between(rgb_scale(white, .80), p->who->flush, .12);
    cairo_pattern_t *g = cairo_pattern_create_linear(0, -e->upper, 0, e->lower);
    add_stop(g, 0, shade, 1);
    add_stop(g, .45, white, 1);
    add_stop(g, 1, rgb_between(white, p->who->flush, .10), 1);
    fill_with(p->cr, g);
    /* the pink corner by the nose */
    cairo_arc(p->cr, -e->half * .97, .028, e->half * .13, 0, 2 * DRAWN_PI);
    set_colour(p->cr, rgb_between(p->who->flush, p->who->skin, .25), .8);
    cairo_fill(p->cr);
}

static void draw_iris(const struct portrait *p, const struct eye *e)
{
    cairo_t *cr = p->cr;
    double x = e->gaze_x, y = e->gaze_y, r = e->iris;
    struct rgb colour = light_flat(&p->light, p->who->iris, e->normal),
               dark = rgb_scale(colour, .28);
    struct rgb light = rgb_between(colour, (struct rgb){1, .97, .85}, .38);
    cairo_pattern_t *g = cairo_pattern_create_radial(x, y + r * .45, r * .1, x, y, r);
    add_stop(g, 0, light, 1);
    add_stop(g, .45, colour, 1);
    add_stop(g, .82, rgb_scale(colour, .62), 1);
    add_stop(g, 1, dark, 1);
    cairo_arc(cr, x, y, r, 0, 2 * DRAWN_PI);
    fill_with(cr, g);
    cairo_set_line_width(cr, r * .045);
    for (int i = 0; i < 20; i++) {
        double a = 2 * DRAWN_PI * (i + .3 * sin(i * 7.0)) / 20;
        cairo_move_to(cr, x + cos(a) * r * .48, y + sin(a) * r * .48);
        cairo_line_to(cr, x + cos(a) * r * .84, y + sin(a) * r * .84);
    }
    set_colour(cr, light, .22);
    cairo_stroke(cr);
    cairo_arc(cr, x, y, r * .46, 0, 2 * DRAWN_PI);
    set_colour(cr, (struct rgb){.045, .035, .045}, 1);
    cairo_fill(cr);
}

/* Draws the lid's shadow on the eyeball, and the reflections. */
static void draw_gloss(const struct portrait *p, const struct eye *e)
{
    cairo_t *cr = p->cr;
    cairo_pattern_t *g = cairo_pattern_create_linear(0, -e->upper * 1.05, 0, e->lower * .5);
    add_stop(g, 0, (struct rgb){.12, .06, .08}, .46);
    add_stop(g, .38, (struct rgb){.12, .06, .08}, .18);
    add_stop(g, 1, (struct rgb){.12, .06, .08}, 0);
    cairo_set_source(cr, g);
    cairo_paint(cr);
    cairo_pattern_destroy(g);
    double r = e->iris, x = e->gaze_x, y = e->gaze_y;
    cairo_arc(cr, x + e->light_x, y + e->light_y, r * .23, 0, 2 * DRAWN_PI);
    set_colour(cr, (struct rgb){1, 1, 1}, .95);
    cairo_fill(cr);
    cairo_arc(cr, x - e->light_x * .8 - r * .06, y + r * .48, r * .11, 0, 2 * DRAWN_PI);
    set_colour(cr, (struct rgb){1, 1, 1}, .5);
    cairo_fill(cr);
}

/* Draws the closed part: skin down to the upper lid's edge. */
static void draw_lid(const struct portrait *p, const struct eye *e)
{
    if (e->closed < .15)
        return;
    struct eye open = *e;
    open.upper = .125 * p->who->eye_height;
    cairo_t *cr = p->cr;
    cairo_new_path(cr);
    cairo_move_to(cr, -e->half, .025);
    upper_lid(cr, &open, .01);
    double k = 1.34, h = e->upper;
    cairo_curve_to(cr, e->half * .42, -h * k - e->tilt, -e->half * .55, -h * k - e->tilt * .2,
                   -e->half, .025);
    struct rgb skin = rgb_between(p->who->skin, p->who->flush, p->who->feminine ? .24 : .14);
    struct rgb top = light_skin(&p->light, skin, e->normal, .40);
    struct rgb low = light_skin(&p->light, skin, e->normal, .0);
    cairo_pattern_t *g = cairo_pattern_create_linear(0, -open.upper * 1.05, 0, e->lower * .8);
    add_stop(g, 0, top, 1);
    add_stop(g, .6, low, 1);
    add_stop(g, 1, rgb_scale(low, .9), 1);
    fill_with(cr, g);
}

static void draw_crease(const struct portrait *p, const struct eye *e)
{
    cairo_t *cr = p->cr;
    struct rgb line =
        light_skin(&p->light, rgb_between(rgb_scale(p->who->skin, .55), p->who->flush, .3),
                   e->normal, .2);
    double lift = blend(.042, .13, e->closed) * p->who->eye_height;
    cairo_new_path(cr);
    cairo_move_to(cr, -e->half * .86, -.035 - lift * .3);
    double h = e->upper + lift;
    cairo_curve_to(cr, -e->half * .5, -h * 1.30, e->half * .42, -h * 1.32 - e->tilt, e->half * .98,
                   -e->tilt - lift * .55);
    cairo_set_line_width(cr, .014);
    set_colour(cr, line, .60 * (1 - .55 * e->closed));
    cairo_stroke(cr);
    /* below the eye */
    cairo_move_to(cr, -e->half * .75, e->lower + .045);
    cairo_curve_to(cr, -e->half * .3, e->lower + .085, e->half * .3, e->lower + .080, e->half * .7,
                   e->lower + .035);
    cairo_set_line_width(cr, .012);
    set_colour(cr, line, .06 + .16 * clamp(p->scene->smile, 0, 1));
    cairo_stroke(cr);
}

/* The upper lid's edge, t from the inner corner (0) to the outer (1). */
static struct vec2 lid_edge(const struct eye *e, double t)
{
    const double k = 1.34, u = 1 - t, h = e->upper;
    double b0 = u * u * u, b1 = 3 * u * u * t, b2 = 3 * u * t * t, b3 = t * t * t;
    return (struct vec2){e->half * (-b0 - b1 * .55 + b2 * .42 + b3),
                         b0 * .025 - b1 * (h * k + e->tilt * .2) - b2 * (h * k + e->tilt) -
                             b3 * e->tilt};
}

/* Draws a line that grows thicker towards the outer corner and ends beyond it. */
static void lash_line(const struct portrait *p, const struct eye *e, struct rgb ink)
{
    enum { STEPS = 18 };
    cairo_t *cr = p->cr;
    double lashes = p->who->lashes, wing = .035 * lashes;
    cairo_new_path(cr);
    for (int i = 0; i <= STEPS; i++) {
        double t = (double)i / STEPS;
        struct vec2 q = lid_edge(e, t);
        double thick =
            (.010 + .022 * lashes) * smooth_step(-.25, .75, t) * smooth_step(1.12, .9, t);
        cairo_line_to(cr, q.x * (1 + .02 * t), q.y - thick);
    }
    cairo_line_to(cr, e->half * 1.02 + wing, -e->tilt - wing * .85);
    for (int i = STEPS; i >= 0; i--) {
        struct vec2 q = lid_edge(e, (double)i / STEPS);
        cairo_line_to(cr, q.x, q.y + .007);
    }
    cairo_close_path(cr);
    set_colour(cr, ink, .95);
    cairo_fill(cr);
}

static void single_lashes(const struct portrait *p, const struct eye *e, struct rgb ink)
{
    cairo_t *cr = p->cr;
    double droop = blend(-.040, .050, e->closed);
    cairo_new_path(cr);
    for (int i = 0; i < 5; i++) {
        double t = .60 + .09 * i;
        struct vec2 q = lid_edge(e, t);
        cairo_move_to(cr, q.x - .008, q.y - .006);
        cairo_curve_to(cr, q.x + .006, q.y + droop * .25, q.x + .018, q.y + droop * .7,
                       q.x + .030 + .008 * i, q.y + droop);
    }
    cairo_set_line_width(cr, .012);
    set_colour(cr, ink, .80);
    cairo_stroke(cr);
}

static void draw_lashes(const struct portrait *p, const struct eye *e)
{
    cairo_t *cr = p->cr;
    struct rgb ink = rgb_between((struct rgb){.09, .05, .055}, p->who->hair_dark, .35);
    lash_line(p, e, ink);
    if (p->who->lashes > .5)
        single_lashes(p, e, ink);
    cairo_move_to(cr, e->half, -e->tilt);
    lower_lid(cr, e);
    cairo_set_line_width(cr, .009);
    set_colour(cr, rgb_between(ink, p->who->flush, .35), .5);
    cairo_stroke(cr);
}

void draw_eyes(const struct portrait *p)
{
    for (double side = -1; side <= 1; side += 2) {
        struct eye e = eye_of(p, side);
        portrait_frame(p, side * p->who->eye_x, 0, side);
        if (e.closed < .97) {
            cairo_save(p->cr);
            eye_path(p->cr, &e);
            cairo_clip_preserve(p->cr);
            draw_white(p, &e);
            draw_iris(p, &e);
            draw_gloss(p, &e);
            cairo_restore(p->cr);
        }
        draw_lid(p, &e);
        draw_crease(p, &e);
        draw_lashes(p, &e);
        cairo_restore(p->cr);
    }
}

static struct vec2 through(const cairo_matrix_t *m, double x, double y)
{
    struct vec2 q = {x, y};
    cairo_matrix_transform_point(m, &q.x, &q.y);
    return q;
}

void mark_eyes(const struct portrait *p, struct vec2 out[static FACE_POINTS])
{
    for (int right = 0; right < 2; right++) {
        double side = right ? 1 : -1;
        struct eye e = eye_of(p, side);
        cairo_matrix_t m = portrait_matrix(p, side * p->who->eye_x, 0, side);
        struct vec2 lower[4], at[6]; /* at: points of the left eye, from its outer corner */
        lower_lid_curve(&e, lower);
        at[0] = lower[0];
        at[1] = lid_edge(&e, 2.0 / 3);
        at[2] = lid_edge(&e, 1.0 / 3);
        at[3] = lower[3];
        at[4] = curve_at(lower, 2.0 / 3);
        at[5] = curve_at(lower, 1.0 / 3);
        static const int order[2][6] = {
            {0, 1, 2, 3, 4, 5},
            {3, 2, 1, 0, 5, 4}
        };
        for (int i = 0; i < 6; i++)
            out[(right ? POINT_RIGHT_EYE : POINT_LEFT_EYE) + i] =
                through(&m, at[order[right][i]].x, at[order[right][i]].y);
        out[POINT_PUPILS + right] = through(&m, e.gaze_x, e.gaze_y);
    }
}

/* --- brows -------------------------------------------------------------------------------------
 */

struct brow {
    double inner, outer, arch, thick; /* heights, y down; 0: the brow at rest */
    double width;
};

static double brow_middle(const struct brow *b, double t)
{
    double line = blend(b->inner, b->outer, t);
    return line - b->arch * sin(DRAWN_PI * pow(t, 1.35));
}

static double brow_half_thickness(const struct brow *b, double t)
{
    return b->thick * .5 * smooth_step(-.12, .16, t) * (1.0 - .80 * smooth_step(.45, 1.06, t));
}

static void brow_hairs(cairo_t *cr, const struct brow *b)
{
    for (int i = 0; i < 26; i++) {
        double t = (i + .5) / 26, wobble = sin(i * 12.9898);
        double x = (t - .5) * b->width, y = brow_middle(b, t), h = brow_half_thickness(b, t);
        double lean = blend(.012, .050, smooth_step(0, .35, t));
        cairo_move_to(cr, x - lean * .6, y + h * (.95 + .2 * wobble));
        cairo_curve_to(cr, x - lean * .2, y + h * .3, x + lean * .4, y - h * .5, x + lean,
                       y - h * (.85 + .3 * wobble) + .3 * lean * smooth_step(.4, 1, t));
    }
}

static void draw_brow(const struct portrait *p, const struct brow *b, struct rgb colour)
{
    enum { STEPS = 16 };
    cairo_t *cr = p->cr;
    cairo_new_path(cr);
    for (int i = 0; i <= 2 * STEPS + 1; i++) {
        bool above = i <= STEPS;
        double t = (above ? i : 2 * STEPS + 1 - i) / (double)STEPS;
        double h = brow_half_thickness(b, t);
        cairo_line_to(cr, (t - .5) * b->width, brow_middle(b, t) + (above ? -h : h));
    }
    cairo_close_path(cr);
    cairo_pattern_t *g = cairo_pattern_create_linear(-b->width / 2, 0, b->width / 2, 0);
    add_stop(g, 0, colour, .35);
    add_stop(g, .22, colour, .80);
    add_stop(g, 1, colour, .92);
    fill_with(cr, g);
    brow_hairs(cr, b);
    cairo_set_line_width(cr, .010);
    set_colour(cr, rgb_scale(colour, .8), .38);
    cairo_stroke(cr);
}

/* How far the scene lifts both brows. */
static double brow_lift(const struct portrait *p)
{
    double raise = p->scene->brows;
    return raise > 0 ? .085 * raise : .045 * raise;
}

static struct brow brow_of(const struct portrait *p)
{
    const struct identity *id = p->who;
    double raise = p->scene->brows;
    return (struct brow){.inner = .030 + id->brow_tilt - (raise < 0 ? .045 * raise : .01 * raise),
                         .outer = .012 - id->brow_tilt,
                         .arch = id->brow_arch + .02 * clamp(raise, 0, 1),
                         .thick = id->brow_thick,
                         .width = .50 * (.6 + .4 * id->eye_size)};
}

void draw_brows(const struct portrait *p)
{
    const struct identity *id = p->who;
    struct brow b = brow_of(p);
    struct rgb dark = rgb_between(id->hair_dark, id->hair_base, .45);
    for (double side = -1; side <= 1; side += 2) {
        struct rgb colour = light_flat(&p->light, dark, portrait_normal(p, side * .42, id->brow_y));
        portrait_frame(p, side * (id->eye_x + .015), id->brow_y - brow_lift(p), side);
        draw_brow(p, &b, colour);
        cairo_restore(p->cr);
    }
}

/* Marks points along the middle of each brow. */
void mark_brows(const struct portrait *p, struct vec2 out[static FACE_POINTS])
{
    enum { EACH = POINT_RIGHT_BROW - POINT_LEFT_BROW };
    const struct identity *id = p->who;
    struct brow b = brow_of(p);
    for (int right = 0; right < 2; right++) {
        double side = right ? 1 : -1;
        cairo_matrix_t m =
            portrait_matrix(p, side * (id->eye_x + .015), id->brow_y - brow_lift(p), side);
        for (int i = 0; i < EACH; i++) { /* from the inner end */
            double t = blend(.02, .98, (double)i / (EACH - 1));
            int to = right ? POINT_RIGHT_BROW + i : POINT_RIGHT_BROW - 1 - i;
            out[to] = through(&m, (t - .5) * b.width, brow_middle(&b, t));
        }
    }
}
