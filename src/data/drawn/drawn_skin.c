/*
 * The head: a mesh, shaded at its corners and filled into a picture with a depth buffer, which
 * tells hair and mask what is in front. The canvas is larger than the picture, which smooths edges.
 */
#include <stdlib.h>

#include "base/checked.h"
#include "drawn_hair.h"

#include "base/poison.h"

struct corner {
    struct vec3 rest;   /* head space */
    struct vec3 turned; /* view space */
    struct vec2 px;
    double azimuth, hairline, hair, beard; /* hair and beard: 0 bare .. 1 covered */
    struct rgb colour;
    double face;
};

/* Rows from crown to chin; columns around the head, from behind. The last column repeats the
 * first. */
struct mesh {
    int rows, columns;
    struct corner *corners;
};

static struct corner *corner_at(const struct mesh *m, int row, int column)
{
    return &m->corners[row * (m->columns + 1) + column];
}

static double hair_thickness(const struct identity *id)
{
    switch (id->hair) {
    case HAIR_CROP:
        return .10;
    case HAIR_SIDE:
        return .09;
    case HAIR_CURLS:
        return .16;
    case HAIR_BUN:
        return .07;
    case HAIR_BOB:
    case HAIR_LONG:
        break;
    }
    return .10;
}

/* Places a corner in head space; corners are denser at the front. */
static void place_corner(const struct portrait *p, const struct mesh *m, int row, int column)
{
    const struct identity *id = p->who;
    struct corner *c = corner_at(m, row, column);
    double u = 2.0 * column / m->columns - 1.0, phi = DRAWN_PI * row / m->rows;
    double azimuth = DRAWN_PI * (.55 * u + .45 * u * u * u);
    double reach = row * 2 < m->rows ? skull_radii(id).y : id->chin - skull_centre.y;
    double y = skull_centre.y - reach * cos(phi);
    struct vec3 rest = head_around(id, azimuth, y);
    c->azimuth = azimuth;
    c->rest = rest;
    rest = head_skin(id, p->scene, rest);
    c->hairline = head_hairline(id, azimuth);
    /* the distance is measured at right angles to the line, which is steep in front of the ears */
    double slope = (head_hairline(id, azimuth + .04) - head_hairline(id, azimuth - .04)) / .08;
    c->hair = smooth_step(.035, -.06, (y - c->hairline) / sqrt(1 + slope * slope));
    c->beard = beard_cover(id, c->rest);
    double lift = hair_thickness(id) * c->hair + (id->beard > .5 ? .035 * c->beard : 0.0);
    struct vec3 out = vec3_unit((struct vec3){rest.x, rest.y - skull_centre.y, rest.z});
    rest = vec3_add(rest, vec3_scale(out, lift));
    c->turned = view_turn(&p->view, head_express(p->scene, rest));
    c->px = view_screen(&p->view, c->turned);
}

static struct rgb skin_albedo(const struct portrait *p, const struct corner *c)
{
    const struct identity *id = p->who;
    double x = fabs(c->rest.x), y = c->rest.y, front = smooth_step(0, .4, c->rest.z);
    double smile = clamp(p->scene->smile, 0, 1);
    double flush =
        .27 * (.6 + .4 * id->cheek + .25 * smile) * bump(x - .58, .17) * bump(y - .36, .13);
    flush += .22 * bump(x, .11) * bump(y - id->nose_tip, .09);
    flush += .12 * bump(y - id->chin + .12, .12) * bump(x, .2);
    flush += .10 * bump(x - id->eye_x, .2) * bump(y + .04, .13);
    return rgb_between(id->skin, id->flush, clamp(flush, 0, 1) * front);
}

/* How much of the sky is hidden from a place on the face. */
static double closedness(const struct portrait *p, const struct corner *c)
{
    const struct identity *id = p->who;
    double x = fabs(c->rest.x), y = c->rest.y, front = smooth_step(0, .4, c->rest.z);
    double inner_eye = .55 * bump(x - .17, .075) * bump(y + .06, .11);
    double socket = .22 * bump(x - id->eye_x, .22) * bump(y + .13, .08);
    double under_nose = .55 * bump(x, .13) * bump(y - id->nose_tip - .125, .045);
    double under_lip = .45 * bump(x, .16) * bump(y - id->mouth_y - id->lip_lower - .10, .04);
    double under_hair = .40 * smooth_step(c->hairline + .28, c->hairline, y);
    double under_jaw = .8 * smooth_step(id->chin - .09, id->chin, y);
    return clamp((inner_eye + socket + under_nose + under_lip) * front + under_hair + under_jaw, 0,
                 1);
}

static struct rgb hair_colour(const struct portrait *p, const struct corner *c, struct vec3 n)
{
    /* strands run down the head from the part or the crown */
    struct vec3 out = vec3_unit((struct vec3){c->rest.x, c->rest.y - skull_centre.y, c->rest.z});
    struct vec3 down =
        vec3_unit(vec3_cross(vec3_cross(out, (struct vec3){.25 * p->who->part, -1, -.3}), out));
    double tone = -.35 + .25 * sin(c->azimuth * 37.0) * sin(c->azimuth * 11.0 + 1.0);
    return light_hair(&p->light, p->who, n, view_turn_direction(&p->view, down), tone);
}

static void shade_corner(const struct portrait *p, struct corner *c, struct vec3 n)
{
    if (n.z < -.3)
        return; /* turned away: not visible */
    const struct identity *id = p->who;
    double cover = c->hair, beard = c->beard * id->beard;
    struct rgb skin = light_skin(&p->light, skin_albedo(p, c), n, closedness(p, c));
    if (beard > 0) {
        struct vec3 down = view_turn_direction(&p->view, (struct vec3){c->rest.x * .3, 1, 0});
        struct rgb hair = light_hair(&p->light, id, n, vec3_unit(down), -.3);
        skin = rgb_between(skin, hair, clamp(beard * .92, 0, .92));
    }
    c->colour = cover > 0 ? rgb_between(skin, hair_colour(p, c, n), cover) : skin;
    double brow_line = smooth_step(-.66, -.56, c->rest.y);
    double sides = smooth_step(1.32, 1.18, fabs(c->azimuth));
    c->face = brow_line * sides * (1.0 - cover);
}

static struct vec3 normal_at(const struct mesh *m, int row, int column)
{
    /* at the poles a row is one point: use the slope of the next row */
    int last = m->columns, r = row < 1 ? 1 : row > m->rows - 1 ? m->rows - 1 : row;
    int left = column == 0 ? last - 1 : column - 1, right = column == last ? 1 : column + 1;
    struct vec3 a = corner_at(m, r, left)->turned, b = corner_at(m, r, right)->turned;
    struct vec3 c = corner_at(m, r - 1, column)->turned;
    struct vec3 d = corner_at(m, r + 1, column)->turned;
    struct vec3 across = {b.x - a.x, b.y - a.y, b.z - a.z},
                down = {d.x - c.x, d.y - c.y, d.z - c.z};
    return vec3_unit(vec3_cross(across, down));
}

static uint32_t to_byte(double x)
{
    return (uint32_t)(255.0 * clamp(x, 0, 1) + .5);
}

static uint32_t pack_argb(struct rgb c)
{
    return 0xFF000000u | to_byte(c.r) << 16 | to_byte(c.g) << 8 | to_byte(c.b);
}

struct target {
    uint32_t *pixels;
    size_t stride; /* pixels */
};

/* A number that is linear over a triangle: at + x dx + y dy at (x, y). */
struct plane {
    double at, dx, dy;
};

static struct plane plane_through(const struct vec2 px[3], double area, double a, double b,
                                  double c)
{
    double dx =
        (a * (px[1].y - px[2].y) + b * (px[2].y - px[0].y) + c * (px[0].y - px[1].y)) / area;
    double dy =
        (a * (px[2].x - px[1].x) + b * (px[0].x - px[2].x) + c * (px[1].x - px[0].x)) / area;
    return (struct plane){a - dx * px[0].x - dy * px[0].y, dx, dy};
}

static double plane_value(const struct plane *p, double x, double y)
{
    return p->at + p->dx * x + p->dy * y;
}

struct triangle {
    struct plane u, v, depth, r, g, b, face; /* u, v: weights of the first two corners */
    int x0, x1, y0, y1;                      /* pixels it may cover */
};

/* False: turned away, without area, or off the canvas. */
static bool triangle_of(const struct corner *const k[3], int side, struct triangle *out)
{
    const struct vec2 px[3] = {k[0]->px, k[1]->px, k[2]->px};
    double area =
        (px[1].x - px[0].x) * (px[2].y - px[0].y) - (px[1].y - px[0].y) * (px[2].x - px[0].x);
    double left = MIN(px[0].x, MIN(px[1].x, px[2].x)), right = MAX(px[0].x, MAX(px[1].x, px[2].x));
    double top = MIN(px[0].y, MIN(px[1].y, px[2].y)), low = MAX(px[0].y, MAX(px[1].y, px[2].y));
    if (area < 1e-9 || right < 0 || low < 0 || left >= side || top >= side)
        return false;
    *out = (struct triangle){
        .u = plane_through(px, area, 1, 0, 0),
        .v = plane_through(px, area, 0, 1, 0),
        .depth = plane_through(px, area, k[0]->turned.z, k[1]->turned.z, k[2]->turned.z),
        .r = plane_through(px, area, k[0]->colour.r, k[1]->colour.r, k[2]->colour.r),
        .g = plane_through(px, area, k[0]->colour.g, k[1]->colour.g, k[2]->colour.g),
        .b = plane_through(px, area, k[0]->colour.b, k[1]->colour.b, k[2]->colour.b),
        .face = plane_through(px, area, k[0]->face, k[1]->face, k[2]->face),
        .x0 = (int)clamp(ceil(left - .5), 0, side),
        .x1 = (int)clamp(floor(right - .5), -1, side - 1),
        .y0 = (int)clamp(ceil(top - .5), 0, side),
        .y1 = (int)clamp(floor(low - .5), -1, side - 1),
    };
    return true;
}

static void fill_triangle(const struct portrait *p, struct target to, const struct triangle *t)
{
    const double margin = -1e-6; /* neighbours share an edge: no pixel may be missed between them */
    for (int row = t->y0; row <= t->y1; row++) {
        double y = row + .5;
        for (int column = t->x0; column <= t->x1; column++) {
            double x = column + .5, u = plane_value(&t->u, x, y), v = plane_value(&t->v, x, y);
            if (u < margin || v < margin || u + v > 1.0 - margin)
                continue;
            size_t i = (size_t)row * (size_t)p->side + (size_t)column;
            double z = plane_value(&t->depth, x, y);
            if (z <= (double)p->depth[i])
                continue;
            p->depth[i] = (float)z;
            p->face[i] = (uint8_t)(255.0 * clamp(plane_value(&t->face, x, y), 0, 1) + .5);
            struct rgb c = {plane_value(&t->r, x, y), plane_value(&t->g, x, y),
                            plane_value(&t->b, x, y)};
            to.pixels[(size_t)row * to.stride + (size_t)column] = pack_argb(c);
        }
    }
}

static void fill_mesh(const struct portrait *p, struct target to, const struct mesh *m)
{
    for (int row = 0; row < m->rows; row++) {
        for (int column = 0; column < m->columns; column++) {
            const struct corner *a = corner_at(m, row, column), *b = corner_at(m, row, column + 1);
            const struct corner *c = corner_at(m, row + 1, column);
            const struct corner *d = corner_at(m, row + 1, column + 1);
            const struct corner *const halves[2][3] = {
                {a, b, d},
                {a, d, c}
            };
            struct triangle t;
            for (int i = 0; i < 2; i++)
                if (triangle_of(halves[i], p->side, &t))
                    fill_triangle(p, to, &t);
        }
    }
}

static void clear_buffers(struct portrait *p)
{
    size_t n = (size_t)p->side * (size_t)p->side;
    for (size_t i = 0; i < n; i++) {
        p->depth[i] = DEPTH_NONE;
        p->face[i] = 0;
    }
}

enum status head_shade(struct portrait *p, struct errmsg *em)
{
    enum status st = ST_OK;
    bool fine = p->side > 512;
    struct mesh m = {.rows = fine ? 112 : 76, .columns = fine ? 144 : 100};
    size_t n = (size_t)(m.rows + 1) * (size_t)(m.columns + 1);
    cairo_surface_t *layer = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, p->side, p->side);
    m.corners = calloc(n, sizeof *m.corners);
    if (!m.corners || cairo_surface_status(layer) != CAIRO_STATUS_SUCCESS) {
        st = FAIL(em, ST_MEMORY, "out of memory drawing a face");
        goto out;
    }
    clear_buffers(p);
    for (int row = 0; row <= m.rows; row++)
        for (int column = 0; column <= m.columns; column++)
            place_corner(p, &m, row, column);
    for (int row = 0; row <= m.rows; row++)
        for (int column = 0; column <= m.columns; column++)
            shade_corner(p, corner_at(&m, row, column), normal_at(&m, row, column));
    cairo_surface_flush(layer);
    struct target target = {(uint32_t *)(void *)cairo_image_surface_get_data(layer),
                            (size_t)cairo_image_surface_get_stride(layer) / sizeof(uint32_t)};
    fill_mesh(p, target, &m);
    cairo_surface_mark_dirty(layer);
    p->head = layer;
    layer = NULL;
out:
    if (layer)
        cairo_surface_destroy(layer);
    free(m.corners);
    return st;
}

void draw_head(const struct portrait *p)
{
    cairo_set_source_surface(p->cr, p->head, 0, 0);
    cairo_paint(p->cr);
}

/* Marks the edge of the face as seen from the front, from ear to ear: level with the eyes at the
 * ears, elsewhere slightly inside the edge. The points lie on the skin, so they turn with the
 * head. */
void mark_jaw(const struct portrait *p, struct vec2 out[static FACE_POINTS])
{
    const double beside = 85 * DRAWN_PI / 180, above_the_pole = .03;
    const struct identity *id = p->who;
    for (int i = -POINT_CHIN; i <= POINT_CHIN; i++) {
        double u = fabs((double)i / POINT_CHIN);
        double y = (id->chin - above_the_pole) * cos(u * DRAWN_PI / 2);
        double azimuth = (i < 0 ? -beside : beside) * sqrt(sqrt(u));
        struct vec3 skin = head_skin(id, p->scene, head_around(id, azimuth, y));
        out[POINT_CHIN + i] = portrait_place(p, head_express(p->scene, skin));
    }
}
