/* bifrons info: versions, devices, what this build can do. */
#include <argp.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "comm/comm.h"
#include "command.h"
#include "data/set.h"
#include "data/video.h"
#include "engine.h"
#include "model/model.h"
#include "run_record.h"
#include "tensorboard.h"

enum { OPTION_JSON = 256 };

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    (void)text;
    switch (key) {
    case OPTION_JSON:
        *(bool *)state->input = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "takes no arguments");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* clang-format off */
static const struct argp_option options[] = {
    {"json", OPTION_JSON, NULL, 0, "print one JSON object", 0},
    {0},
};
/* clang-format on */

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .doc = "Prints versions, devices, and what this build can do.",
};

int engine_info(int argc, char **argv)
{
    bool json = false;
    argp_parse(&parser, argc, argv, 0, NULL, &json);
    char gpus[256];
    comm_describe_gpus(gpus, sizeof gpus);
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:i, s:b, s:b}", "bifrons",
                  BIFRONS_VERSION, "commit", run_record_commit(), "torch", model_torch_version(),
                  "mpi", comm_library_version(), "nccl", comm_nccl_version(), "hdf5",
                  set_library_version(), "cores", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN),
                  "threads", model_runtime_threads(), "cuda", gpus, "cuda_devices",
                  model_cuda_device_count(), "tensorboard", tensorboard_available(), "videos",
                  video_available());
    if (json) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
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
    json_decref(root);
    return 0;
}
