#include "plan.h"

#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/poison.h"

/* ---- Scaling --------------------------------------------------------------------------------- */

static struct plan_point point_of(const struct plan *p, struct plan_run run)
{
    struct plan_step step = plan_step_of(&p->work, &run, p->request.cluster);
    double batch = (double)run.global_batch;
    return (struct plan_point){
        .ranks = run.ranks,
        .global_batch = run.global_batch,
        .step_s = step.total,
        .pictures_s = 2 * batch / step.total,
        .epoch_s = ceil((double)p->request.pictures / batch) * step.total,
    };
}

static void add_point(struct plan_curve *curve, struct plan_point point)
{
    double one = curve->n > 0 ? curve->points[0].pictures_s : point.pictures_s;
    point.efficiency = point.pictures_s / one / (double)point.ranks;
    curve->points[curve->n++] = point;
}

static void scale(struct plan *p)
{
    const struct cluster *c = p->request.cluster;
    int64_t all = (int64_t)(c->node.devices * c->node.count), share = plan_share(&p->run);
    for (int64_t ranks = 1, i = 0; i < PLAN_POINTS_MAX; i++) {
        struct plan_run run = p->run;
        run.ranks = ranks;
        run.zero = p->request.config->train.zero > 0 && ranks > 1;
        run.global_batch = share * ranks;
        add_point(&p->weak, point_of(p, run));
        run.global_batch = p->run.global_batch;
        if (ranks <= run.global_batch) {
            run.accumulate = MIN(run.accumulate, plan_share(&run));
            add_point(&p->strong, point_of(p, run));
        }
        if (ranks == all)
            break;
        ranks = MIN(2 * ranks, all);
    }
}

/* ---- All of it ------------------------------------------------------------------------------- */

enum status plan_new(const struct plan_request *q, struct plan **out, struct errmsg *em)
{
    struct plan *p = calloc(1, sizeof *p);
    if (!p)
        return FAIL(em, ST_MEMORY, "out of memory");
    p->request = *q;
    if (q->ranks == 0)
        p->request.ranks =
            q->cluster ? MIN((int64_t)q->cluster->node.devices, q->config->train.global_batch) : 1;
    enum status st = config_check_sizes(q->config, (int)p->request.ranks, em);
    if (st == ST_OK)
        st = plan_work_init(&p->work, q->config, em);
    if (st != ST_OK) {
        plan_free(p);
        return st;
    }
    p->run = plan_run_of(q->config, p->request.ranks);
    p->precision = p->run.bf16 ? PLAN_BF16 : PLAN_FP32;
    for (int i = 0; i < PLAN_PRECISIONS; i++) {
        struct plan_run run = p->run;
        run.bf16 = i == PLAN_BF16;
        p->memory[i] = plan_memory_of(&p->work, &run, q->cluster);
        if (q->cluster)
            p->step[i] = plan_step_of(&p->work, &run, q->cluster);
    }
    if (q->cluster) {
        scale(p);
        plan_advise(p);
    }
    *out = p;
    return ST_OK;
}

void plan_free(struct plan *p)
{
    free(p);
}
