#include "train_arguments.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "command.h"
#include "config_hint.h"
#include "config_sources.h"

#include "base/poison.h"

enum { RANKS_MAX = 1024 };
enum { FIND_LR_STEPS = 200, FIND_LR_STEPS_MIN = 20, FIND_LR_STEPS_MAX = 100000 };

enum train_option {
    OPTION_SET = 0x100, /* no letter */
    OPTION_RESUME,
    OPTION_INIT_FROM,
    OPTION_DRY_RUN,
    OPTION_PRINT_CONFIG,
    OPTION_PRINT_OUT,
    OPTION_PRINT_KEYS,
    OPTION_RANKS,
    OPTION_LAUNCHED,
    OPTION_FIND_LR,
    OPTION_FIND_BATCH,
    OPTION_CHART,
    OPTION_JSON,
    OPTION_CONSENT,
    OPTION_KEYS, /* OPTION_KEYS + i: row i of key_options */
};

/* The short form: options that stand for --set KEY=VALUE. */
static const struct {
    const char *name, *value, *key, *fixed; /* fixed: the value of an option without argument */
    const char *help;
} key_options[] = {
    {"data-a",     "DIR|H5", "data.a",             NULL,  "person A: a folder of pictures, or a set"},
    {"data-b",     "DIR|H5", "data.b",             NULL,  "person B: a folder of pictures, or a set"},
    {"epochs",     "N",      "train.epochs",       NULL,  "passes over the pictures (train.epochs)" },
    {"batch-size", "N",      "train.global_batch", NULL,
     "pictures of each person in a step, over all ranks (train.global_batch)"                       },
    {"image-size", "PIXELS", "model.image_size",   NULL,  "pixels a side (model.image_size)"        },
    {"lr",         "RATE",   "train.lr",           NULL,  "learning rate (train.lr)"                },
    {"seed",       "N",      "train.seed",         NULL,  "seed of everything random (train.seed)"  },
    {"device",     "NAME",   "train.device",       NULL,  "auto, cpu, cuda or cuda:N (train.device)"},
    {"perceptual", NULL,     "loss.perceptual",    "0.1",
     "perceptual loss with weight 0.1; needs loss.perceptual_weights"                               },
};

/* The options before they are applied: files are applied first, in any place on the line. */
struct request {
    struct train_arguments *out;
    struct config_sources sources;
};

/* Reports through argp, which ends the process; on silent ranks it only records the failure. */
#define REFUSE(state, ...) (argp_error((state), __VA_ARGS__), EINVAL)

static error_t keep(char *out, size_t out_bytes, const char *text, const char *option,
                    struct argp_state *state)
{
    if (text[0] == '\0')
        return REFUSE(state, "%s: a value is missing", option);
    if (strlen(text) >= out_bytes)
        return REFUSE(state, "%s: longer than %zu bytes", option, out_bytes - 1);
    snprintf(out, out_bytes, "%s", text);
    return 0;
}

static error_t assign(struct request *r, const char *name, const char *key, const char *value,
                      struct argp_state *state)
{
    if (!config_sources_set(&r->sources, name, key, value))
        return REFUSE(state, "more than %d assignments: put them into a config file",
                      CONFIG_ASSIGNMENTS_MAX);
    return 0;
}

static error_t add_file(struct request *r, const char *path, struct argp_state *state)
{
    if (!config_sources_file(&r->sources, path))
        return REFUSE(state, "more than %d config files", CONFIG_FILES_MAX);
    return 0;
}

static error_t take_ranks(struct train_arguments *a, const char *text, struct argp_state *state)
{
    char *end = NULL;
    long n = strtol(text, &end, 10);
    if (!*text || *end || n < 1 || n > RANKS_MAX)
        return REFUSE(state, "--ranks %s: a number of ranks from 1 to %d is wanted", text,
                      RANKS_MAX);
    a->ranks = (int)n;
    return 0;
}

static error_t take_launcher(struct train_arguments *a, const char *text, struct argp_state *state)
{
    char *end = NULL;
    long pid = strtol(text, &end, 10);
    if (!*text || *end || pid < 1 || !checked_int(pid, &a->launcher))
        return REFUSE(state, "--launched is what --ranks gives to the ranks: leave it out");
    return 0;
}

static error_t take_find_lr(struct train_arguments *a, const char *steps, struct argp_state *state)
{
    char *end = NULL;
    a->find_lr_steps = steps ? strtoll(steps, &end, 10) : FIND_LR_STEPS;
    if ((steps && (!*steps || *end)) || a->find_lr_steps < FIND_LR_STEPS_MIN ||
        a->find_lr_steps > FIND_LR_STEPS_MAX)
        return REFUSE(state, "--find-lr=%s: a number of steps from %d to %d is wanted", steps,
                      FIND_LR_STEPS_MIN, FIND_LR_STEPS_MAX);
    return 0;
}

/* Refuses options that exclude each other. */
static error_t check_options(const struct train_arguments *a, struct argp_state *state)
{
    bool lr = a->find_lr_steps > 0, batch = a->find_batch;
    const char *name = batch ? "--find-batch" : "--find-lr";
    if ((lr && batch) || ((lr || batch) && a->dry_run))
        return REFUSE(state, "%s and %s: give one of them", name,
                      a->dry_run ? "--dry-run" : "--find-lr");
    if ((lr || batch) && a->resume[0])
        return REFUSE(
            state,
            "%s starts from the beginning of a run, not from a checkpoint: leave --resume out%s",
            name, batch ? "" : ", or give its weights with --init-from");
    if (batch && a->init_from[0])
        return REFUSE(state, "--find-batch needs no weights: leave --init-from out");
    if (a->chart[0] && !lr)
        return REFUSE(state, "--chart goes with --find-lr");
    if (a->json && !lr && !batch)
        return REFUSE(state, "--json goes with --find-lr or --find-batch");
    return 0;
}

static error_t parse_key_option(int key, char *value, struct argp_state *state)
{
    size_t i = (size_t)(key - OPTION_KEYS);
    if (key < OPTION_KEYS || i >= ARRAY_LENGTH(key_options))
        return ARGP_ERR_UNKNOWN;
    const char *fixed = key_options[i].fixed;
    return assign(state->input, key_options[i].name, key_options[i].key, fixed ? fixed : value,
                  state);
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct request *r = state->input;
    struct train_arguments *a = r->out;
    switch (key) {
    case 'o':
        return keep(a->out, sizeof a->out, value, "--out", state);
    case OPTION_SET:
        return assign(r, "set", NULL, value, state);
    case OPTION_RESUME:
        return keep(a->resume, sizeof a->resume, value, "--resume", state);
    case OPTION_INIT_FROM:
        return keep(a->init_from, sizeof a->init_from, value, "--init-from", state);
    case OPTION_CONSENT:
        return keep(a->consent, sizeof a->consent, value, "--consent", state);
    case OPTION_DRY_RUN:
        a->dry_run = true;
        return 0;
    case OPTION_PRINT_CONFIG:
        a->print_config = true;
        return 0;
    case OPTION_PRINT_OUT:
        a->print_out = true;
        return 0;
    case OPTION_PRINT_KEYS:
        config_print_schema(stdout, true);
        exit(0);
    case OPTION_RANKS:
        return take_ranks(a, value, state);
    case OPTION_LAUNCHED:
        return take_launcher(a, value, state);
    case OPTION_FIND_LR:
        return take_find_lr(a, value, state);
    case OPTION_FIND_BATCH:
        a->find_batch = true;
        return 0;
    case OPTION_CHART:
        return keep(a->chart, sizeof a->chart, value, "--chart", state);
    case OPTION_JSON:
        a->json = true;
        return 0;
    case ARGP_KEY_ARG:
        return add_file(r, value, state);
    case ARGP_KEY_END:
        return check_options(a, state);
    default:
        return parse_key_option(key, value, state);
    }
}

/* The keys follow the options in --help. */
static char *help_filter(int key, const char *text, void *input)
{
    (void)input;
    char *longer = NULL;
    size_t n = 0;
    FILE *f = key == ARGP_KEY_HELP_POST_DOC ? open_memstream(&longer, &n) : NULL;
    if (!f)
        return (char *)text;
    fprintf(f, "%s\n\nConfiguration keys and their defaults:\n", text ? text : "");
    config_print_schema(f, false);
    fclose(f);
    return longer;
}

/* clang-format off */
static const struct argp_option general_options[] = {
    {"set", OPTION_SET, "KEY=VALUE", 0, "set a configuration key; may be given again", 1},
    {"out", 'o', "DIR", 0, "run folder (default runs/NAME)", 1},
    {"resume", OPTION_RESUME, "auto|none|PATH", 0,
     "auto (default): resume from the last good checkpoint of the run folder, if there is one; "
     "none: start new, in a folder without checkpoints; PATH: resume from this checkpoint", 1},
    {"init-from", OPTION_INIT_FROM, "PATH", 0, "start with the weights of a checkpoint", 1},
    {"ranks", OPTION_RANKS, "N", 0,
     "start N ranks on this node (with mpirun) and pass signals to them; do not use it in a batch "
     "job or under mpirun or srun", 1},
    {"launched", OPTION_LAUNCHED, "PID", OPTION_HIDDEN, NULL, 1},
    {"dry-run", OPTION_DRY_RUN, NULL, 0,
     "check everything, then end without training or writing", 1},
    {"print-config", OPTION_PRINT_CONFIG, NULL, 0, "print the resulting configuration and end", 1},
    {"print-out", OPTION_PRINT_OUT, NULL, 0,
     "print the run folder and end; prints nothing with --dry-run, --find-lr, --find-batch or "
     "--print-config", 1},
    {"print-keys", OPTION_PRINT_KEYS, NULL, 0, "print the keys as a Markdown table and end", 1},
    {NULL, 0, NULL, 0, "Measure instead of training; the run folder is not changed:", 2},
    {"find-lr", OPTION_FIND_LR, "STEPS", OPTION_ARG_OPTIONAL,
     "learning rate range test (200 steps): from the start of the run, the rate rises from 1e-6 to "
     "1; prints the losses and suggests a train.lr", 2},
    {"find-batch", OPTION_FIND_BATCH, NULL, 0,
     "run steps with 1, 2, 4 … pictures of each person on each rank; prints speed and memory and "
     "suggests a train.global_batch", 2},
    {"chart", OPTION_CHART, "OUT.png", 0, "draw the losses of --find-lr", 2},
    {"json", OPTION_JSON, NULL, 0, "print one JSON object instead of the table", 2},
    {NULL, 0, NULL, 0, "Short form, without a CONFIG:", 3},
    {"consent", OPTION_CONSENT, "TEXT", 0,
     "statement that the people in the pictures agreed; recorded with the sets", 3},
};
/* clang-format on */

static const char doc[] =
    "Trains on the sets of two people, given by CONFIG files or by --data-a and --data-b. --ranks "
    "N trains on N ranks; under mpirun or srun their number of ranks counts.\vExamples:\n  $ "
    "bifrons train configs/light128.toml --set data.a=a.h5 --set data.b=b.h5\n  $ bifrons train "
    "--data-a a.h5 --data-b b.h5 --epochs 50\n  $ bifrons train configs/debug.toml --ranks 2\n  $ "
    "bifrons train configs/demo.toml --find-lr --chart lr.png\n  $ bifrons train configs/demo.toml "
    "--ranks 2 --find-batch\n\nExit status: 0; 64 usage; 65 a set or checkpoint that cannot be "
    "used; 66 no such file or folder; 69 not in this build or machine; 70 failure while working; "
    "74 the run folder cannot be written; 75 stopped on request after a checkpoint: the same "
    "command goes on; 78 configuration; 130 interrupted twice.\n\nFiles:\n  runs/NAME/report.html  "
    "        the run on a page, for a browser\n  runs/NAME/checkpoints/best.pt  the best "
    "checkpoint; latest.pt: the newest\n  runs/NAME/run.json             how the run ended; "
    "docs/checkpoints.md lists all files";

static enum status parse_options(int argc, char **argv, struct request *r, struct errmsg *em)
{
    enum { GENERAL = ARRAY_LENGTH(general_options), KEYS = ARRAY_LENGTH(key_options) };
    struct argp_option options[GENERAL + KEYS + 1];
    memset(options, 0, sizeof options); /* a zero entry ends the list */
    memcpy(options, general_options, sizeof general_options);
    for (int i = 0; i < KEYS; i++)
        options[GENERAL + i] = (struct argp_option){.name = key_options[i].name,
                                                    .key = OPTION_KEYS + i,
                                                    .arg = key_options[i].value,
                                                    .doc = key_options[i].help,
                                                    .group = 3};
    struct argp argp = {options, parse_option, "[CONFIG...]", doc, command_help, help_filter, NULL};

    /* argp reorders its arguments, and takes the program's name from the first */
    char program[] = "bifrons train";
    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    if (!copy)
        return FAIL(em, ST_MEMORY, "out of memory");
    memcpy(copy, argv, (size_t)argc * sizeof *copy);
    copy[0] = program;
    /* every rank sees the same error: only one reports it */
    unsigned flags = launcher_rank_guess() > 0 ? ARGP_NO_ERRS : 0;
    error_t failed = argp_parse(&argp, argc, copy, flags, NULL, r);
    free(copy);
    return failed ? FAIL(em, ST_USAGE, "bad option; see bifrons train --help") : ST_OK;
}

/* Sets the name of the run and its folder, if they were not given. */
static enum status fill_names(const struct config_sources *s, struct train_arguments *a,
                              struct errmsg *em)
{
    if (s->n_files > 0)
        snprintf(a->config_path, sizeof a->config_path, "%s", s->files[s->n_files - 1]);
    if (a->config.name[0] == '\0' || a->config.name[0] == '.')
        snprintf(a->config.name, sizeof a->config.name, "run");
    if (a->out[0] == '\0' && !path_join(a->out, sizeof a->out, "runs", a->config.name))
        return FAIL(em, ST_USAGE, "the run folder's name is too long");
    return ST_OK;
}

/* If a folder of pictures no longer exists, uses the set that was packed from it. */
static void find_packed(struct train_arguments *a, int person)
{
    char *data = person == 0 ? a->config.data.a : a->config.data.b, packed[PATH_BYTES_MAX];
    char latest[PATH_BYTES_MAX];
    int n = snprintf(packed, sizeof packed, "%s/data/%c.h5", a->out, 'a' + person);
    bool names_a_set = strcmp(path_extension(data), ".h5") == 0;
    if (data[0] && !names_a_set && !folder_exists(data) && !file_exists(data) &&
        n < PATH_BYTES_MAX && file_exists(packed) &&
        path_join(latest, sizeof latest, a->out, "checkpoints/latest.pt") && file_exists(latest)) {
        snprintf(a->gone[person], sizeof a->gone[person], "%s", data);
        memcpy(data, packed, sizeof packed);
    }
}

enum status train_arguments_parse(int argc, char **argv, struct train_arguments *out,
                                  struct errmsg *em)
{
    memset(out, 0, sizeof *out);
    struct request r = {.out = out};
    enum status st = parse_options(argc, argv, &r, em);
    if (!out->resume[0])
        snprintf(out->resume, sizeof out->resume, "auto");
    if (st == ST_OK)
        st = config_sources_read(&r.sources, &out->config, em);
    const char *a = out->config.data.a, *b = out->config.data.b;
    if (st == ST_OK && r.sources.n_files == 0 && !out->print_config && (!*a || !*b))
        st =
            FAIL(em, ST_USAGE,
                 "what to train on is missing: give a CONFIG, as in bifrons train "
                 "configs/light128.toml, or --data-a and --data-b; bifrons train --help lists all");
    if (st == ST_OK)
        st = fill_names(&r.sources, out, em);
    for (int person = 0; person < 2 && st == ST_OK; person++)
        find_packed(out, person);
    out->folder_a = folder_exists(a);
    out->folder_b = folder_exists(b);
    return st;
}

/* --- Before the start ------------------------------------------------------------------------- */

static enum status refuse_without_consent(const char *folder, int argc, char **argv,
                                          struct errmsg *em)
{
    char *command = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&command, &n);
    if (!f)
        return FAIL(em, ST_MEMORY, "out of memory");
    command_print_line(f, "train", argc, argv);
    fputs(" --consent 'WHO agreed to WHAT, WHEN'", f);
    fclose(f);
    enum status st = FAIL(em, ST_USAGE,
                          "%s is a folder of pictures without a statement of consent: put one into "
                          "%s/consent.txt, or run: %s",
                          folder, folder, command);
    free(command);
    return st;
}

static enum status check_file(const char *key, const char *path, struct errmsg *em)
{
    struct errmsg why = {0};
    char hint[CONFIG_HINT_BYTES], shown[PATH_BYTES_MAX];
    if (access(path, F_OK) == 0 || errno != ENOENT) {
        enum status st = file_check_readable(path, &why);
        return st == ST_OK ? st : FAIL(em, st, "%s = \"%s\": %s", key, path, why.text);
    }
    config_path_hint(path, hint);
    snprintf(shown, sizeof shown, "%s", path);
    for (char *p = shown; *p; p++)
        *p = (char)(iscntrl((unsigned char)*p) ? '?' : *p);
    return FAIL(em, ST_NOINPUT,
                "%s = \"%s\": no such file or folder (relative paths start at the working "
                "directory); bifrons pack makes a set from a folder of pictures%s",
                key, shown, hint);
}

static enum status check_input(const char *key, const char *path, bool folder, bool consent,
                               int argc, char **argv, struct errmsg *em)
{
    char statement[PATH_BYTES_MAX];
    enum status st = folder ? ST_OK : check_file(key, path, em);
    if (st != ST_OK)
        return st;
    if (folder && !consent &&
        !(path_join(statement, sizeof statement, path, "consent.txt") && file_exists(statement)))
        return refuse_without_consent(path, argc, argv, em);
    return ST_OK;
}

static enum status check_perceptual(const struct config *c, struct errmsg *em)
{
    const char *path = c->loss.perceptual_weights;
    struct errmsg why = {0};
    char hint[CONFIG_HINT_BYTES];
    if (c->loss.perceptual == 0)
        return ST_OK;
    if (access(path, F_OK) == 0 || errno != ENOENT) {
        enum status st = file_check_readable(path, &why);
        return st == ST_OK ? st : FAIL(em, st, "loss.perceptual_weights: %s", why.text);
    }
    config_path_hint(path, hint);
    return FAIL(em, ST_NOINPUT,
                "loss.perceptual = %g needs the weights of VGG16 or VGG19, and "
                "loss.perceptual_weights %s%s%s. torchvision's vgg16-397923af.pth is such a file: "
                "curl -LO https://download.pytorch.org/models/vgg16-397923af.pth%s",
                c->loss.perceptual, path[0] ? "= \"" : "", path[0] ? path : "is not set",
                path[0] ? "\" is no file" : "", hint);
}

/* Checks early that the chart can be written: it is drawn after many steps. */
static enum status check_chart(const char *path, struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    path_folder(path, folder, sizeof folder);
    if (access(folder, W_OK) != 0)
        return FAIL_ERRNO(em, ST_IO, errno, "--chart %s: cannot write to %s", path, folder);
    return file_check_replaceable(path, em);
}

enum status train_arguments_check(const struct train_arguments *a, int world_size, int argc,
                                  char **argv, struct errmsg *em)
{
    bool consent = a->consent[0] != '\0';
    enum status st = config_check(&a->config, world_size, em);
    if (st == ST_OK && a->find_batch && a->config.train.reproducible)
        st = FAIL(
            em, ST_CONFIG,
            "--find-batch: with train.reproducible a batch is worked through slot by slot, and "
            "its size changes neither speed nor memory: set train.reproducible = false");
    if (st == ST_OK)
        st = check_input("data.a", a->config.data.a, a->folder_a, consent, argc, argv, em);
    if (st == ST_OK)
        st = check_input("data.b", a->config.data.b, a->folder_b, consent, argc, argv, em);
    if (st == ST_OK)
        st = check_perceptual(&a->config, em);
    if (st == ST_OK && a->chart[0])
        st = check_chart(a->chart, em);
    return st;
}
