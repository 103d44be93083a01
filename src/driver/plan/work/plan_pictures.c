/*
 * The operations on whole pictures around the network: those of model/augment.c and model/loss.c. A
 * row is a group of operations that the configuration turns on or off. Numbers are elements per
 * pixel of one person's picture. An operation keeps its result until the step ends, and moves what
 * it reads and writes.
 */
#include "plan_work_priv.h"

#include <math.h>

#include "base/checked.h"
#include "base/poison.h"

struct row {
    double times; /* 0: not used */
    double kept, moved, moved_back;
    double operations, operations_back;
    double flops, flops_back; /* of convolutions */
};

static void add_rows(struct plan_pictures *p, const struct config *c, const struct row *rows,
                     size_t n)
{
    double size = (double)c->model.image_size, pixels = 2 * size * size; /* of both people */
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        double times = r->times;
        p->kept += times * r->kept * pixels;
        p->forward_moved += times * r->moved * pixels;
        p->backward_moved += times * r->moved_back * pixels;
        p->forward_flops += times * r->flops * pixels;
        p->backward_flops += times * r->flops_back * pixels;
        p->forward_operations += times * 2 * r->operations;
        p->backward_operations += times * 2 * r->operations_back;
    }
}

/* Radius of the blur in pixels, of the narrow or the wide kernel; 0: no blur. */
static double blur_radius(const struct config *c)
{
    double share = c->augment.blur > 1.0 / 128 ? 1.0 / 32 : 1.0 / 128;
    return c->augment.blur > 0 ? ceil(3 * share * (double)c->model.image_size) : 0;
}

static void add_augmentation(struct plan_pictures *p, const struct config *c)
{
    const struct augment_config *a = &c->augment;
    bool places = a->flip > 0 || a->rotate_deg > 0 || a->zoom > 0 || a->shift > 0;
    bool warps = a->warp > 0, transfers = a->colour_transfer > 0;
    bool converts = transfers && a->colour_space == AUGMENT_LAB;
    bool surrounds = a->surroundings > 0 && c->data.masks;
    /* clang-format off */
    const struct row rows[] = {
    /*   times                   kept  moved, back  operations, back  FLOPs, back */
        {1,                      6.75,    17,    0,          8,    0,     0,    0}, /* bytes to numbers; both people as one batch */
        {c->data.masks,          1.25,     2,    0,          4,    0,     0,    0},
        {places || warps,        2,        3,    0,          4,    0,     0,    0}, /* the grid */
        {places,                 8,       18,    0,          2,    0,     0,    0}, /* samples 4 channels along the grid */
        {warps,                  12,      26,    0,          6,    0,     0,    0}, /* makes a grid and samples along it */
        {transfers,              16,      36,    0,          9,    0,     0,    0},
        {converts,               140,    330,    0,         90,    0,     0,    0}, /* to L*a*b* and back */
        {surrounds,              11,      29,    0,          6,    0,     0,    0},
        {blur_radius(c),         18,      48,    0,          6,    0,     0,    0}, /* sums pictures shifted along rows, then columns */
        {a->colour_jitter > 0,   9,       18,    0,          7,    0,     0,    0},
        {a->noise > 0,           13,      27,    0,          7,    0,     0,    0},
    };
    /* clang-format on */
    add_rows(p, c, rows, ARRAY_LENGTH(rows));
}

static void add_losses(struct plan_pictures *p, const struct config *c)
{
    bool prioritises = c->loss.eyes > 0 || c->loss.mouth > 0;
    bool weighs = (c->loss.mask > 0 && c->data.masks) || prioritises;
    /* clang-format off */
    const struct row losses[] = {
    /*   times                   kept  moved, back  operations, back  FLOPs, back */
        {1,                         6,    12,   15,          2,    3,     0,    0}, /* sigmoid, in fp32 */
        {c->loss.l1 > 0,            6,    18,   18,          6,    8,     0,    0},
        /* ten Gaussian blurs of 11 taps and 3 channels; six depend on the network's output */
        {c->loss.dssim > 0,        84,   215,  250,         45,   60,   660,  396},
        {c->loss.gradient > 0,     15,    45,   75,         14,   22,     0,    0}, /* neighbours along rows and columns */
        {weighs,                    5,    13,    7,          5,    3,     0,    0},
        {prioritises,               3,     5,    0,          4,    0,     0,    0}, /* a map of eyes and mouth */
        {c->model.mask,             6,    15,   12,          6,    6,     0,    0},
    };
    /* clang-format on */
    add_rows(p, c, losses, ARRAY_LENGTH(losses));
}

void plan_pictures_add(struct plan_work *w, const struct config *c)
{
    add_augmentation(&w->augmentation, c);
    add_losses(&w->losses, c);
    double size = (double)c->model.image_size;
    w->stored_bytes = 2 * size * size * (3 + (c->data.masks ? 1 : 0));
}
