#include "data/drawn.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

void drawn_face_release(struct drawn_face *f)
{
    picture_release(&f->image);
    picture_release(&f->truth);
    free(f->mask);
    *f = (struct drawn_face){0};
}

#ifndef BIFRONS_CAIRO

bool drawn_available(void)
{
    return false;
}

enum status drawn_face_draw(const struct drawn_options *o, int person, uint64_t index,
                            struct drawn_face *out, struct errmsg *em)
{
    (void)o;
    (void)person;
    (void)index;
    (void)out;
    return FAIL(em, ST_NODEVICE,
                "this build cannot draw faces: install libcairo2-dev and build bifrons again");
}

const char *drawn_person_name(uint64_t seed, int person)
{
    (void)seed;
    return person == 0 ? "A" : "B";
}

#else

#include "drawn_parts.h"

#include "base/poison.h"

bool drawn_available(void)
{
    return true;
}

const char *drawn_person_name(uint64_t seed, int person)
{
    return identity_of(seed, person).name;
}

/* Canvas pixels for one picture pixel: averaging them smooths edges. */
static int oversampling(int size)
{
    return size <= 96 ? 3 : 2;
}

static void paint_portrait(const struct portrait *p, const struct hair *hair)
{
    double yaw = p->scene->yaw, far = yaw > 0 ? 1 : -1;
    bool turned = fabs(yaw) > .14; /* then the near ear lies on the head */
    draw_background(p);
    draw_hair_behind(p, hair);
    draw_body(p);
    draw_ear(p, far);
    if (!turned)
        draw_ear(p, -far);
    draw_head(p);
    draw_skin_details(p);
    draw_nose(p);
    draw_mouth(p);
    draw_eyes(p);
    draw_brows(p);
    if (turned)
        draw_ear(p, -far);
    draw_glasses(p);
    draw_hair_front(p, hair);
}

/* The mask (side, side): the mesh's face, without the hair before it. */
static enum status paint_mask(struct portrait *p, const struct hair *hair, struct errmsg *em)
{
    enum status st = ST_OK;
    size_t side = (size_t)p->side;
    cairo_surface_t *holes = cairo_image_surface_create(CAIRO_FORMAT_A8, p->side, p->side);
    cairo_t *kept = p->cr;
    p->cr = cairo_create(holes);
    cairo_set_source_rgba(p->cr, 0, 0, 0, 1);
    draw_hair_shape(p, hair);
    if (cairo_status(p->cr) != CAIRO_STATUS_SUCCESS) {
        st = FAIL(em, ST_MEMORY, "out of memory drawing a mask");
        goto out;
    }
    cairo_surface_flush(holes);
    const unsigned char *bytes = cairo_image_surface_get_data(holes);
    size_t stride = (size_t)cairo_image_surface_get_stride(holes);
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++)
            p->face[y * side + x] =
                (uint8_t)(p->face[y * side + x] * (255 - bytes[y * stride + x]) / 255);
out:
    cairo_destroy(p->cr);
    cairo_surface_destroy(holes);
    p->cr = kept;
    return st;
}

static void shrink_canvas(cairo_surface_t *canvas, int times, struct picture *out)
{
    cairo_surface_flush(canvas);
    const unsigned char *bytes = cairo_image_surface_get_data(canvas);
    size_t stride = (size_t)cairo_image_surface_get_stride(canvas);
    unsigned area = (unsigned)(times * times);
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++) {
            unsigned sum[3] = {0};
            for (int v = 0; v < times; v++) {
                const unsigned char *row = bytes + (size_t)(y * times + v) * stride;
                for (int u = 0; u < times; u++) {
                    uint32_t pixel;
                    memcpy(&pixel, row + (size_t)(x * times + u) * sizeof pixel, sizeof pixel);
                    sum[0] += pixel >> 16 & 255;
                    sum[1] += pixel >> 8 & 255;
                    sum[2] += pixel & 255;
                }
            }
            uint8_t *to = out->rgb + ((size_t)y * (size_t)out->width + (size_t)x) * 3;
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)((sum[c] + area / 2) / area);
        }
    }
}

static void shrink_mask(const uint8_t *face, int times, int size, uint8_t *out)
{
    size_t side = (size_t)size * (size_t)times;
    unsigned area = (unsigned)(times * times);
    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            unsigned sum = 0;
            for (int v = 0; v < times; v++)
                for (int u = 0; u < times; u++)
                    sum += face[(size_t)(y * times + v) * side + (size_t)(x * times + u)];
            out[(size_t)y * (size_t)size + (size_t)x] = (uint8_t)((sum + area / 2) / area);
        }
    }
}

static void mark_landmarks(const struct portrait *p, int times, float out[SET_LANDMARKS][2])
{
    const struct identity *id = p->who;
    struct vec2 left = mouth_end(p, -1), right = mouth_end(p, 1);
    const double at[SET_LANDMARKS][2] = {
        {-id->eye_x, 0           },
        {id->eye_x,  0           },
        {0,          id->nose_tip},
        {left.x,     left.y      },
        {right.x,    right.y     }
    };
    for (int i = 0; i < SET_LANDMARKS; i++) {
        struct vec2 px = portrait_place(p, portrait_face(p, at[i][0], at[i][1]));
        out[i][0] = (float)(px.x / times - .5);
        out[i][1] = (float)(px.y / times - .5);
    }
}

static void mark_points(const struct portrait *p, int times, float out[FACE_POINTS][2])
{
    struct vec2 px[FACE_POINTS];
    mark_jaw(p, px);
    mark_brows(p, px);
    mark_nose(p, px);
    mark_eyes(p, px);
    mark_mouth(p, px);
    for (int i = 0; i < FACE_POINTS; i++) {
        out[i][0] = (float)(px[i].x / times - .5);
        out[i][1] = (float)(px[i].y / times - .5);
    }
}

/* Draws one person in a scene; also mask, landmarks and points, if wanted. */
static enum status portrait_draw(const struct identity *who, const struct scene *scene, int size,
                                 struct picture *image, struct drawn_face *marked,
                                 struct errmsg *em)
{
    enum status st = ST_OK;
    int times = oversampling(size), side = size * times;
    size_t area = (size_t)side * (size_t)side;
    struct hair *hair = NULL;
    cairo_surface_t *canvas = cairo_image_surface_create(CAIRO_FORMAT_RGB24, side, side);
    struct portrait p = {
        .who = who,
        .scene = scene,
        .view = view_of(scene, side),
        .light = light_of(scene),
        .cr = cairo_create(canvas),
        .side = side,
        .depth = malloc(area * sizeof(float)),
        .face = malloc(area),
    };
    /* the canvas is shrunk afterwards, so coarse edges are fine */
    cairo_set_antialias(p.cr, CAIRO_ANTIALIAS_FAST);
    cairo_set_tolerance(p.cr, .4);
    if (!p.depth || !p.face) {
        st = FAIL(em, ST_MEMORY, "out of memory drawing a face of %d pixels", size);
        goto out;
    }
    if ((st = head_shade(&p, em)) != ST_OK || (st = hair_new(&p, &hair, em)) != ST_OK)
        goto out;
    paint_portrait(&p, hair);
    if (cairo_status(p.cr) != CAIRO_STATUS_SUCCESS) {
        st = FAIL(em, ST_MEMORY, "cannot draw a face: %s",
                  cairo_status_to_string(cairo_status(p.cr)));
        goto out;
    }
    if ((st = picture_init(image, size, size, em)) != ST_OK)
        goto out;
    shrink_canvas(canvas, times, image);
    if (marked) {
        if ((st = paint_mask(&p, hair, em)) != ST_OK)
            goto out;
        shrink_mask(p.face, times, size, marked->mask);
        mark_landmarks(&p, times, marked->landmarks);
        mark_points(&p, times, marked->points);
    }
out:
    hair_free(hair);
    if (p.head)
        cairo_surface_destroy(p.head);
    free(p.face);
    free(p.depth);
    cairo_destroy(p.cr);
    cairo_surface_destroy(canvas);
    return st;
}

enum status drawn_face_draw(const struct drawn_options *o, int person, uint64_t index,
                            struct drawn_face *out, struct errmsg *em)
{
    BUG_ON(o->size < DRAWN_SIZE_MIN || o->size > DRAWN_SIZE_MAX || person < 0 || person > 1);
    struct identity shown = identity_of(o->seed, person), other = identity_of(o->seed, 1 - person);
    struct scene scene = scene_of(o, person, index);
    double roll = o->loose ? scene.roll : scene.tilt; /* the cut removes the rest of the roll */
    struct drawn_face f = {
        .mask = malloc((size_t)o->size * (size_t)o->size),
        .pose = {(float)scene.yaw, (float)-scene.pitch, (float)roll},
    };
    enum status st = ST_OK;
    if (!f.mask)
        st = FAIL(em, ST_MEMORY, "out of memory drawing a face of %d pixels", o->size);
    if (st == ST_OK)
        st = portrait_draw(&shown, &scene, o->size, &f.image, &f, em);
    if (st == ST_OK)
        st = portrait_draw(&other, &scene, o->size, &f.truth, NULL, em);
    if (st != ST_OK)
        drawn_face_release(&f);
    else
        *out = f;
    return st;
}

#endif
