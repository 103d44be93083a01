/* bifrons info: versions, devices, what this build can do; what to send with the report of a fault.
 */
#include <argp.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "comm/comm.h"
#include "command.h"
#include "data/set.h"
#include "data/video.h"
#include "engine.h"
#include "fault_report.h"
#include "model/model.h"
#include "run_record.h"
#include "tensorboard.h"

enum { OPTION_JSON = 256, OPTION_REPORT };

struct arguments {
    bool json, report;
    const char *run; /* NULL: none */
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_REPORT:
        a->report = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->run)
            argp_error(state, "takes one run folder");
        a->run = text;
        return 0;
    case ARGP_KEY_END:
        if (a->json && a->report)
            argp_error(state, "--json and --report exclude each other");
        if (a->run && !a->report)
            argp_error(state, "takes no arguments without --report");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* clang-format off */
static const struct argp_option options[] = {
    {"json", OPTION_JSON, NULL, 0, "print one JSON object", 0},
    {"report", OPTION_REPORT, NULL, 0,
     "print what to send with the report of a fault: also the machine and, of a run folder RUN, how it ended, its "
     "configuration, and its last events and metrics. Names of people, paths, hosts and messages are left out", 0},
    {0},
};
/* clang-format on */

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "[--report [RUN]]",
    .doc = "Prints versions, devices, and what this build can do.\v"
           "Examples:\n"
           "  $ bifrons info\n"
           "  $ bifrons info --report runs/light128\n\n"
           "Exit status: 0; 64 usage; 65 RUN is not a run folder; 66 no such folder."};

static json_t *facts(void)
{
    char gpus[256];
    comm_describe_gpus(gpus, sizeof gpus);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:i, s:b, s:b}", "bifrons",
                     BIFRONS_VERSION, "commit", run_record_commit(), "torch", model_torch_version(),
                     "mpi", comm_library_version(), "nccl", comm_nccl_version(), "hdf5",
                     set_library_version(), "cores", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN),
                     "threads", model_runtime_threads(), "cuda", gpus, "cuda_devices",
                     model_cuda_device_count(), "tensorboard", tensorboard_available(), "videos",
                     video_available());
}

static void print_facts(json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        if (json_is_string(value))
            printf("%-14s%s\n", key, json_string_value(value));
        else if (json_is_integer(value))
            printf("%-14s%d\n", key, (int)json_integer_value(value));
        else
            printf("%-14s%s\n", key, json_is_true(value) ? "yes" : "no");
    }
}

int engine_info(int argc, char **argv)
{
    struct arguments a = {0};
    struct errmsg em = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &a);
    json_t *root = facts();
    if (a.json) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_facts(root);
    }
    json_decref(root);
    enum status st = ST_OK;
    if (a.report)
        fault_report_machine();
    if (a.run)
        st = fault_report_run(a.run, &em);
    return st == ST_OK ? 0 : command_fail(&em);
}
