#include "run_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/log.h"
#include "plan_time.h"

bool run_plan_of(const struct config *c, int ranks, enum model_precision precision,
                 struct plan_work *work, struct plan_run *run)
{
    struct errmsg ignored = {0};
    *run = plan_run_of(c, ranks);
    run->bf16 = precision == MODEL_BF16;
    return plan_work_init(work, c, &ignored) == ST_OK;
}

bool run_plan_takes_graph(const struct config *c, int ranks, const struct model_options *o)
{
    struct plan_work work;
    struct plan_run run;
    if (c->train.cuda_graph != GRAPH_AUTO)
        return c->train.cuda_graph == GRAPH_ON;
    return strncmp(o->device, "cuda", 4) == 0 && run_plan_of(c, ranks, o->precision, &work, &run) &&
           plan_takes_graph(&work, &run);
}

static void log_memory(const struct session *s, const struct config *c)
{
    const struct model_options *o = model_get_options(s->stage.model);
    struct cluster here = {.gpu = strncmp(o->device, "cuda", 4) == 0};
    struct plan_work work;
    struct plan_run run;
    if (!run_plan_of(c, comm_world_size(s->run.comm), o->precision, &work, &run))
        return;
    struct plan_memory m = plan_memory_of(&work, &run, &here);
    double state = m.parameters + m.gradients + m.moments;
    log_info("memory: about %.2f GB a rank, %.2f GB of it parameters, gradients and moments, at "
             "%d px; rank 0's copy for checkpoints takes %.2f GB of host memory",
             m.total / 1e9, state / 1e9, c->model.image_size, m.copy / 1e9);
    double host = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    double wanted = m.copy + (here.gpu ? 0 : comm_local_size(s->run.comm) * m.total);
    if (wanted > host)
        log_warn("the ranks of this node need about %.1f GB, and it has %.1f GB: raise "
                 "train.accumulate, or see bifrons plan",
                 wanted / 1e9, host / 1e9);
}

void run_plan_log_memory(const struct session *s)
{
    for (int64_t i = s->state.stage; i < config_stage_count(&s->run.config); i++) {
        struct config c = s->run.config;
        config_enter_stage(&c, i);
        log_memory(s, &c);
    }
}

/* The values of configs/clusters/cpu2.toml. Only ratios of times are computed with them. The ratio
 * of arithmetic to memory matters for these; on GPUs it is within a factor of two. */
static const struct cluster typical = {
    .node = {.devices = CLUSTER_DEVICES_MAX, .count = CLUSTER_NODES_MAX},
    .device = {.fp32 = {0.394e12, 1},
             .bf16 = {0.815e12, 1},
             .channel_tile = 1,
             .memory_bytes_per_s = 10.1e9,
             .memory_fraction = 1,
             .data_bytes_per_s = 1e9},
    .within = {4.4e9,   14e-6                                      },
    .between = {1.25e9,                              50e-6                                                   },
};

/* The time of a step; 0 if it is not known. */
static double typical_s(const struct session *s, const struct config *c)
{
    struct plan_work work;
    struct plan_run run;
    if (!run_plan_of(c, comm_world_size(s->run.comm), model_get_options(s->stage.model)->precision,
                     &work, &run))
        return 0;
    return plan_step_of(&work, &run, &typical).total;
}

double run_plan_steps_to_come(const struct session *s)
{
    double now = typical_s(s, &s->run.config), sum = 0;
    int64_t most = s->run.config.train.max_steps, end = s->stage.steps_total;
    for (int64_t i = s->state.stage + 1; i < config_stage_count(&s->run.config) && now > 0; i++) {
        struct config c = s->run.config;
        config_enter_stage(&c, i);
        int64_t steps = c.train.epochs * run_steps_per_epoch(&s->run, c.train.global_batch);
        if (most > 0)
            steps = MIN(steps, MAX(most - end, 0));
        sum += (double)steps * typical_s(s, &c) / now;
        end += steps;
    }
    return sum;
}
