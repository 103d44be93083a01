/* bifrons plan: estimates what a configuration needs and how fast it is, without running it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "command.h"
#include "config_sources.h"
#include "data/set.h"
#include "plan.h"

enum { KEY_SET = 1000, KEY_CLUSTER, KEY_RANKS, KEY_PICTURES, KEY_CHART, KEY_JSON };
enum { PICTURES_DEFAULT = 10000 };

struct arguments {
    struct config_sources sources;
    const char *cluster, *chart;
    int64_t ranks, pictures; /* 0: not given */
    bool json;
};

/* clang-format off */
static const struct argp_option options[] = {
    {"set", KEY_SET, "KEY=VALUE", 0, "set a configuration key; may be given again", 1},
    {"cluster", KEY_CLUSTER, "FILE", 0,
     "predict times on the cluster this file describes, and whether it fits there", 1},
    {"ranks", KEY_RANKS, "N", 0, "ranks to share the batch (default: the devices of one node)", 1},
    {"pictures", KEY_PICTURES, "N", 0,
     "pictures of the person who has more, for the length of an epoch (default: as many as data.a "
     "and data.b hold, else 10,000)", 1},
    {"chart", KEY_CHART, "OUT.png", 0, "draw how speed grows with the number of ranks", 1},
    {"json", KEY_JSON, NULL, 0,
     "print one JSON object (keys in docs/plan.md); with train.stages, for the last stage", 1},
    {0},
};
/* clang-format on */

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case KEY_SET:
        if (!config_sources_set(&a->sources, "set", NULL, arg))
            argp_error(state, "more than %d assignments: put them into a file",
                       CONFIG_ASSIGNMENTS_MAX);
        return 0;
    case KEY_CLUSTER:
        a->cluster = arg;
        return 0;
    case KEY_RANKS:
        a->ranks = command_number(state, "ranks", arg, 1, PLAN_RANKS_MAX);
        return 0;
    case KEY_PICTURES:
        a->pictures = command_number(state, "pictures", arg, 1, PLAN_PICTURES_MAX);
        return 0;
    case KEY_CHART:
        a->chart = arg;
        return 0;
    case KEY_JSON:
        a->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (!config_sources_file(&a->sources, arg))
            argp_error(state, "more than %d configuration files", CONFIG_FILES_MAX);
        return 0;
    case ARGP_KEY_END:
        if (a->sources.n_files == 0)
            argp_error(state, "which configuration? Try configs/light128.toml");
        if (a->chart && !a->cluster)
            argp_error(state, "--chart needs a --cluster to predict for");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "CONFIG...",
    .doc = "Estimates what a configuration needs, without running it: parameters, arithmetic, "
           "memory of a rank, bytes summed over ranks. For a cluster: whether it fits, the time of "
           "a step and how it scales.\vFiles and --set work as in bifrons train. docs/plan.md has "
           "the formulas, the keys of a cluster's file and how to measure them; configs/clusters "
           "has examples.\n\nExamples:\n  $ bifrons plan configs/light128.toml\n  $ bifrons plan "
           "configs/light128.toml \\\n      --cluster configs/clusters/gpu8x80.toml --chart "
           "scaling.png\n  $ "
           "bifrons plan configs/light128.toml --set train.global_batch=64 --ranks 2 \\\n      "
           "--cluster "
           "configs/clusters/cpu2.toml\n\nExit status: 0, also where it does not fit; 64 usage; 66 "
           "no such file; 69 a chart in a build without cairo; 74 the chart cannot be written; 78 "
           "configuration."};

/* Training pictures of a set; 0 if there is none or it cannot be opened. */
static int64_t pictures_in(const char *path, double val_fraction)
{
    struct set *s = NULL;
    struct errmsg why = {0};
    if (path[0] == '\0' || !file_exists(path))
        return 0;
    if (set_open(path, &s, &why) != ST_OK) {
        log_warn("its pictures are not counted: %s", why.text);
        return 0;
    }
    double n = (double)set_get_info(s)->n * (1 - val_fraction);
    set_free(s);
    return (int64_t)n;
}

static int64_t pictures_of(const struct arguments *a, const struct config *c)
{
    if (a->pictures > 0)
        return a->pictures;
    int64_t first = pictures_in(c->data.a, c->data.val_fraction);
    int64_t found = MAX(first, pictures_in(c->data.b, c->data.val_fraction));
    return found > 0 ? found : PICTURES_DEFAULT;
}

/* Plans a stage. JSON and the chart, if requested, are of the last stage. */
static enum status plan_stage(const struct arguments *a, const struct config *c,
                              const struct cluster *cluster, bool last, struct errmsg *em)
{
    struct plan *p = NULL;
    struct plan_request q = {c, cluster, a->ranks, pictures_of(a, c)};
    enum status st = plan_new(&q, &p, em);
    if (st == ST_OK && !a->json)
        plan_print(stdout, p);
    if (st == ST_OK && a->json && last)
        st = plan_print_json(stdout, p, em);
    if (st == ST_OK && a->chart && last)
        st = plan_draw(a->chart, p, em);
    plan_free(p);
    return st;
}

/* Prints the stage's epochs, limited by train.max_steps. *steps: in, the steps of earlier stages;
 * out, with those of this stage. */
static void print_stage(const struct config *c, int64_t i, int64_t pictures, int64_t *steps)
{
    int64_t epoch = (pictures + c->train.global_batch - 1) / c->train.global_batch;
    int64_t begin = *steps, most = c->train.max_steps;
    char limit[96] = "";
    *steps += c->train.epochs * epoch;
    if (most > 0 && *steps > most) {
        *steps = MAX(begin, most);
        snprintf(limit, sizeof limit,
                 " of %" PRId64 ", the last step is %" PRId64 " (train.max_steps)", c->train.epochs,
                 most);
    }
    printf("%sstage %" PRId64 " of %" PRId64 ": %d px, epochs = %" PRId64 "%s\n\n",
           i > 0 ? "\n" : "", i + 1, c->train.stages.n, c->model.image_size,
           (*steps - begin + epoch - 1) / epoch, limit);
}

static enum status plan_for(const struct arguments *a, struct config *c, struct errmsg *em)
{
    struct cluster cluster;
    enum status st = config_sources_read(&a->sources, c, em);
    if (c->renamed[0])
        log_warn("%s", c->renamed);
    if (st == ST_OK && a->cluster)
        st = cluster_read(a->cluster, &cluster, em);
    if (st == ST_OK)
        st = config_check_sizes(c, 1, em);
    int64_t stages = config_stage_count(c), steps = 0;
    if (st == ST_OK && stages > 1 && (a->json || a->chart))
        log_info("%s: the last of %" PRId64 " stages", a->json ? "JSON" : a->chart, stages);
    for (int64_t i = 0; i < stages && st == ST_OK; i++) {
        struct config stage = *c;
        config_enter_stage(&stage, i);
        if (c->train.stages.n > 0 && !a->json)
            print_stage(&stage, i, pictures_of(a, &stage), &steps);
        stage.train.stages.n = 0; /* plan only this stage */
        st = plan_stage(a, &stage, a->cluster ? &cluster : NULL, i + 1 == stages, em);
    }
    return st;
}

int command_plan(int argc, char **argv)
{
    struct arguments a = {0};
    struct errmsg em = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &a);
    struct config *c = malloc(sizeof *c);
    enum status st = c ? plan_for(&a, c, &em) : FAIL(&em, ST_MEMORY, "out of memory");
    free(c);
    return st == ST_OK ? 0 : command_fail(&em);
}
