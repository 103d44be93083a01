/*
 * The result of `bifrons plan`: the work of a configuration, its memory, and, if a cluster is
 * given, the time of a step and how it scales.
 *
 *     struct plan *p;
 *     if (plan_new(&request, &p, &em) == ST_OK)
 *         plan_print(stdout, p);
 *     plan_free(p);
 */
#ifndef BIFRONS_DRIVER_PLAN_PLAN_H
#define BIFRONS_DRIVER_PLAN_PLAN_H

#include <stdio.h>

#include "plan_time.h"

enum plan_precision { PLAN_FP32, PLAN_BF16, PLAN_PRECISIONS };
enum { PLAN_RANKS_MAX = 1 << 24, PLAN_PICTURES_MAX = INT32_MAX };
enum { PLAN_POINTS_MAX = 32, PLAN_ADVICE_MAX = 8, PLAN_ADVICE_BYTES = 192 };

struct plan_request {
    const struct config *config;   /* borrowed as long as the plan exists, like cluster */
    const struct cluster *cluster; /* NULL: no times, no verdict on memory */
    int64_t ranks;                 /* to PLAN_RANKS_MAX; 0: all of the cluster's first node, or 1 */
    int64_t pictures;              /* training pictures of the person who has more: for epochs; at
                                      most PLAN_PICTURES_MAX */
};

/* One number of ranks of a scaling curve. */
struct plan_point {
    int64_t ranks, global_batch;
    double step_s, pictures_s, epoch_s;
    double efficiency; /* speed, as a share of ranks times the speed of one rank */
};

/* Ranks 1, 2, 4, ... up to all devices of the cluster. */
struct plan_curve {
    size_t n;
    struct plan_point points[PLAN_POINTS_MAX];
};

struct plan {
    struct plan_request request;
    struct plan_work work;
    struct plan_run run;           /* as configured */
    enum plan_precision precision; /* as configured */
    struct plan_memory memory[PLAN_PRECISIONS];
    struct plan_step step[PLAN_PRECISIONS]; /* with a cluster */
    struct plan_curve weak;   /* weak scaling: each rank has as many pictures as configured */
    struct plan_curve strong; /* strong scaling: constant batch, at least a pair a rank */
    bool fits[PLAN_PRECISIONS];
    int64_t micro_max; /* largest micro-batch that fits, in pairs; 0: none */
    size_t n_advice;   /* what to change if it does not fit */
    char advice[PLAN_ADVICE_MAX][PLAN_ADVICE_BYTES];
};

/* ST_CONFIG, ST_MEMORY. */
enum status plan_new(const struct plan_request *q, struct plan **out, struct errmsg *em) MUST_CHECK;
void plan_free(struct plan *p);

/* Fills fits, micro_max and advice. */
void plan_advise(struct plan *p);

/* As a table. */
void plan_print(FILE *f, const struct plan *p);
/* As one JSON object; docs/plan.md has its keys. ST_MEMORY. */
enum status plan_print_json(FILE *f, const struct plan *p, struct errmsg *em) MUST_CHECK;
/* The scaling curves as a PNG. ST_NODEVICE in a build without cairo, ST_IO. */
enum status plan_draw(const char *path, const struct plan *p, struct errmsg *em) MUST_CHECK;

#endif
