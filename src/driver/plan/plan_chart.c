/* Draws the scaling curves: speed and efficiency. */
#include <inttypes.h>
#include <stdio.h>

#include "base/checked.h"
#include "data/chart.h"
#include "plan.h"

#include "base/poison.h"

enum { TEXT_BYTES = 256, WEAK = 0, STRONG, IDEAL, LINES };

struct curves {
    double ranks[LINES][PLAN_POINTS_MAX], speed[LINES][PLAN_POINTS_MAX];
    double efficiency[LINES][PLAN_POINTS_MAX];
    size_t n[LINES];
};

static void take(struct curves *c, int line, const struct plan_curve *curve)
{
    c->n[line] = curve->n;
    for (size_t i = 0; i < curve->n; i++) {
        c->ranks[line][i] = (double)curve->points[i].ranks;
        c->speed[line][i] = curve->points[i].pictures_s;
        c->efficiency[line][i] = 100 * curve->points[i].efficiency;
    }
}

/* The ideal: ranks times the speed of one rank of the weak curve. */
static void take_ideal(struct curves *c, const struct plan_curve *weak)
{
    c->n[IDEAL] = weak->n;
    for (size_t i = 0; i < weak->n; i++) {
        c->ranks[IDEAL][i] = (double)weak->points[i].ranks;
        c->speed[IDEAL][i] = weak->points[0].pictures_s * (double)weak->points[i].ranks;
        c->efficiency[IDEAL][i] = 100;
    }
}

static void describe(const struct plan *p, char title[static TEXT_BYTES],
                     char subtitle[static TEXT_BYTES])
{
    const struct config *c = p->request.config;
    snprintf(title, TEXT_BYTES, "%s on %s", c->name, p->request.cluster->name);
    snprintf(subtitle, TEXT_BYTES,
             "%d px, %.1f M parameters, %s. Weak scaling: %" PRId64 " + %" PRId64
             " pictures a rank; strong: %" PRId64 " + %" PRId64 " over all ranks. Predicted by "
             "bifrons plan.",
             c->model.image_size, plan_parameters_all(&p->work) / 1e6,
             p->precision == PLAN_BF16 ? "bf16" : "fp32", plan_share(&p->run), plan_share(&p->run),
             p->run.global_batch, p->run.global_batch);
}

enum status plan_draw(const char *path, const struct plan *p, struct errmsg *em)
{
    static const char *const names[LINES] = {"weak", "strong", "ideal"};
    char title[TEXT_BYTES], subtitle[TEXT_BYTES];
    struct curves c = {0};
    struct chart_line speed[LINES], efficiency[LINES];
    struct picture picture;
    take(&c, WEAK, &p->weak);
    take(&c, STRONG, &p->strong);
    take_ideal(&c, &p->weak);
    for (int i = 0; i < LINES; i++) {
        speed[i] = (struct chart_line){names[i], i == IDEAL, c.n[i], c.ranks[i], c.speed[i], false};
        efficiency[i] =
            (struct chart_line){names[i], i == IDEAL, c.n[i], c.ranks[i], c.efficiency[i], false};
    }
    const struct chart_panel panels[] = {
        {"Speed",      {"ranks", 2, 0, 0}, {"pictures a second", 10, 0, 0}, speed,      LINES},
        {"Efficiency", {"ranks", 2, 0, 0}, {"% of ideal", 0, 0, 100},       efficiency, LINES},
    };
    describe(p, title, subtitle);
    enum status st = chart_draw(title, subtitle, panels, ARRAY_LENGTH(panels), &picture, em);
    if (st != ST_OK)
        return st;
    st = picture_write_png(path, &picture, NULL, em);
    picture_release(&picture);
    return st;
}
