/*
 * The operations on whole pictures around the network: what model/augment.c and model/loss.c do, a
 * row for each group of operations that the configuration turns on or off. Numbers are elements a
 * pixel of one person's picture. An operation keeps its result until the step ends and moves what
 * it reads and writes.
 */
#include "plan_work_priv.h"

#include "base/checked.h"
#include "base/poison.h"

struct row {
    bool (*on)(const struct config *c);
    double kept, moved, moved_back;
    double operations, operations_back;
    double flops, flops_back; /* of convolutions */
};

static bool always(const struct config *c)
{
    (void)c;
    return true;
}

static bool masks(const struct config *c)
{
    return c->data.masks;
}

static bool places(const struct config *c)
{
    const struct augment_config *a = &c->augment;
    return a->flip > 0 || a->rotate_deg > 0 || a->zoom > 0 || a->shift > 0;
}

static bool warps(const struct config *c)
{
    return c->augment.warp > 0;
}

static bool has_grid(const struct config *c)
{
    return places(c) || warps(c);
}

static bool transfers(const struct config *c)
{
    return c->augment.colour_transfer > 0;
}

static bool surrounds(const struct config *c)
{
    return c->augment.surroundings > 0 && c->data.masks;
}

static bool jitters(const struct config *c)
{
    return c->augment.colour_jitter > 0;
}

static bool clamps(const struct config *c)
{
    return transfers(c) || jitters(c);
}

static bool l1(const struct config *c)
{
    return c->loss.l1 > 0;
}

static bool dssim(const struct config *c)
{
    return c->loss.dssim > 0;
}

static bool weighs(const struct config *c)
{
    return c->loss.mask > 0 && c->data.masks;
}

/*     on          kept  moved, back  operations, back  FLOPs, back */
static const struct row augmentation[] = {
    {always,    6.75, 17, 0, 8, 0, 0, 0}, /* bytes to numbers; both people as one batch */
    {masks,     1.25, 2,  0, 4, 0, 0, 0},
    {has_grid,  2,    3,  0, 4, 0, 0, 0},
    {places,    8,    18, 0, 2, 0, 0, 0}, /* samples 4 channels along the grid */
    {warps,     12,   26, 0, 6, 0, 0, 0}, /* a grid of its own, and samples */
    {transfers, 13,   30, 0, 8, 0, 0, 0},
    {surrounds, 11,   29, 0, 6, 0, 0, 0},
    {jitters,   6,    12, 0, 6, 0, 0, 0},
    {clamps,    3,    6,  0, 1, 0, 0, 0},
};
static const struct row losses[] = {
    {always, 6,  12,  15,  2,  3,  0,   0  }, /* sigmoid, in fp32 */
    {l1,     6,  18,  18,  6,  8,  0,   0  },
 /* ten Gaussian blurs of 11 taps and 3 channels; six of them depend on the network's output */
    {dssim,  84, 215, 250, 45, 60, 660, 396},
    {weighs, 5,  13,  7,   5,  3,  0,   0  },
};

static void add_rows(struct plan_pictures *p, const struct config *c, const struct row *rows,
                     size_t n)
{
    double size = (double)c->model.image_size, pixels = 2 * size * size; /* of both people */
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        if (!r->on(c))
            continue;
        p->kept += r->kept * pixels;
        p->forward_moved += r->moved * pixels;
        p->backward_moved += r->moved_back * pixels;
        p->forward_flops += r->flops * pixels;
        p->backward_flops += r->flops_back * pixels;
        p->forward_operations += 2 * r->operations;
        p->backward_operations += 2 * r->operations_back;
    }
}

void plan_pictures_add(struct plan_work *w, const struct config *c)
{
    add_rows(&w->augmentation, c, augmentation, ARRAY_LENGTH(augmentation));
    add_rows(&w->losses, c, losses, ARRAY_LENGTH(losses));
    w->encodings = c->augment.back_translation > 0 ? 1 : 0;
    double size = (double)c->model.image_size;
    w->stored_bytes = 2 * size * size * (3 + (c->data.masks ? 1 : 0));
}
