/*
 * The configuration of a run: one struct, filled from defaults, then TOML files, then --set and the
 * options of the short form. Later values replace earlier ones. config_schema.c is the table of
 * keys: name, type, range, default, help, and what a change means for a resumed run. Validation,
 * --help, docs/config.md, the resolved file and resume use it.
 *
 *     struct config c;      // some 20 kB
 *     config_init(&c);
 *     enum status st = config_merge_file(&c, "configs/light128.toml", &em);
 *     if (st == ST_OK)
 *         st = config_merge_assignment(&c, "train.lr=1e-3", &em);
 *     if (st == ST_OK)
 *         st = config_check(&c, world_size, &em);
 */
#ifndef BIFRONS_DRIVER_CONFIG_H
#define BIFRONS_DRIVER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/augment_draw.h"
#include "base/file.h"
#include "base/losses.h"
#include "base/status.h"
#include "model/model_config.h"

enum {
    CONFIG_VERSION = 1,
    CONFIG_TEXT_BYTES = 64,
    CONFIG_STAGES_MAX = 16,
    CONFIG_RENAMED_BYTES = 512
};

enum config_schedule { SCHEDULE_CONSTANT, SCHEDULE_ONE_CYCLE, SCHEDULE_COSINE };
enum config_precision { PRECISION_AUTO, PRECISION_FP32, PRECISION_BF16 };
/* The value that chooses best.pt: the loss, or BEST_METRICS + the number of a mean of
 * val_metrics.h. */
enum config_best { BEST_LOSS, BEST_METRICS };
enum config_freeze {
    FREEZE_NONE,
    FREEZE_ENCODER,
    FREEZE_DECODERS,
    FREEZE_DECODER_A,
    FREEZE_DECODER_B
};
enum config_wire { WIRE_FP32, WIRE_BF16 };
enum config_graph { GRAPH_OFF, GRAPH_ON, GRAPH_AUTO };
enum config_faces { FACES_OFF, FACES_ON, FACES_AUTO };

/* How a run reacts to steps that would spoil it: guard.h. */
struct config_guard {
    double spike;     /* robust deviations; 0: off */
    int64_t patience; /* bad steps in a row before going back */
    double lr_factor;
    int64_t rollbacks;
};

/* One of train.stages: its values for model.image_size and the train keys of the same names; -1:
 * not set. */
struct config_stage {
    int64_t image_size, epochs, global_batch;
    double lr;
};
struct config_stages {
    int64_t n; /* 0: "off" */
    struct config_stage list[CONFIG_STAGES_MAX];
};

struct config {
    int64_t config_version;
    char name[CONFIG_TEXT_BYTES]; /* of the run; the default run folder is runs/NAME */
    struct {
        char a[PATH_BYTES_MAX], b[PATH_BYTES_MAX]; /* relative to the working directory */
        char local_dir[PATH_BYTES_MAX];            /* "": none */
        double val_fraction;
        bool masks; /* use /masks for loss weights and colour transfer if both sets have them */
    } data;
    struct model_config model;
    struct {
        union { /* base/losses.h: by key, or in the table's order */
            struct {
#define X(name, key, ...) double key;
                LOSS_MAP(X)
#undef X
            };
            double weight[LOSSES];
        };
        char perceptual_weights[PATH_BYTES_MAX];
        double mask;        /* extra weight of face pixels, see model_options.mask_weight */
        double eyes, mouth; /* extra weight of the pixels around them, see data/priority.h */
    } loss;
    struct model_discriminators discriminator;
    struct augment_config augment;
    struct {
        int64_t epochs, max_steps; /* max_steps 0: no limit */
        double max_minutes;        /* 0: no limit */
        int64_t global_batch;      /* pictures of each person in a step, over all ranks */
        int64_t accumulate;        /* micro-batches of a rank in a step */
        union {                    /* model/model_config.h: one by one, or together */
            struct {
                MODEL_TRAINING_FIELDS
            };
            struct model_training training;
        };
        double lr;
        int64_t schedule;     /* enum config_schedule */
        double warmup;        /* share of all steps */
        int64_t warmup_steps; /* replaces warmup; 0: use warmup */
        int64_t freeze;       /* enum config_freeze */
        int64_t early_stop;   /* validations; 0: off */
        double clip_norm;     /* 0: off */
        char device[CONFIG_TEXT_BYTES];
        int64_t threads;   /* per rank; 0: see base/thread_count.h */
        int64_t precision; /* enum config_precision */
        bool deterministic;
        int64_t cuda_graph; /* enum config_graph */
        bool reproducible;
        int64_t slot_size;           /* positions in a slot, with reproducible */
        int64_t zero;                /* ZeRO stage: 0 or 1 */
        int64_t replica_check_steps; /* 0: never */
        double timeout_s;            /* 0 = "off" */
        struct config_stages stages;
    } train;
    struct {
        int64_t backend;  /* enum comm_backend: auto, self, mpi, nccl */
        double bucket_mb; /* 0: planned */
        int64_t wire;     /* enum config_wire */
    } comm;
    struct {
        int64_t every_steps; /* 0: at each epoch only */
        double every_minutes;
        int64_t keep;
        int64_t best; /* enum config_best, or BEST_METRICS + which mean */
    } checkpoint;
    struct config_guard guard;
    struct {
        double every_s;      /* seconds between plain progress lines */
        int64_t every_steps; /* steps between rows of metrics.jsonl */
        bool tensorboard, report;
        int64_t preview_epochs; /* epochs between previews; 0: only at the end */
        int64_t faces;          /* enum config_faces */
    } log;
    /* Not a key: a message on keys that were given by an earlier name; "": none. */
    char renamed[CONFIG_RENAMED_BYTES];
};

/* Defaults of every key. */
void config_init(struct config *c);
/*
 * A merge that fails leaves *c unchanged. ST_CONFIG names the place, the key, the allowed values
 * and the given one; for an unknown key, the nearest known one.
 */
/* Merges a TOML file. ST_NOINPUT, ST_CONFIG, ST_MEMORY. */
enum status config_merge_file(struct config *c, const char *path, struct errmsg *em) MUST_CHECK;
/* Merges TOML text; origin names it in messages ("checkpoint latest.pt"). */
enum status config_merge_text(struct config *c, const char *text, const char *origin,
                              struct errmsg *em) MUST_CHECK;
/* Checks that the text after --set has the form KEY=VALUE. ST_USAGE says what the key takes, if it
 * is known. */
enum status config_check_assignment(const char *assignment, struct errmsg *em) MUST_CHECK;
/*
 * Merges one "key.path=value" of --set: TOML syntax, or text without quotes for a string. Also
 * ST_USAGE, as config_check_assignment.
 */
enum status config_merge_assignment(struct config *c, const char *assignment,
                                    struct errmsg *em) MUST_CHECK;
/* The same for an option of a key; origin names it in messages: "--epochs 50". */
enum status config_merge_option(struct config *c, const char *key, const char *value,
                                const char *origin, struct errmsg *em) MUST_CHECK;
/* Number of stages; 1 if train.stages is "off". */
int64_t config_stage_count(const struct config *c);
/*
 * Turns the configuration into that of stage i, from 0: copies the values of the stage to the keys
 * that the program reads. First fills in the values that stages do not set, so that other stages
 * can be entered later. Does nothing without train.stages.
 */
void config_enter_stage(struct config *c, int64_t i);
/* The largest model.image_size and train.global_batch of all stages. */
int64_t config_largest_size(const struct config *c);
int64_t config_largest_batch(const struct config *c);

/* Checks keys against each other: sets named, batch >= world size, sizes that fit together. Stages
 * must grow; the last one is checked against the world size, because every run reaches it. */
enum status config_check(const struct config *c, int world_size, struct errmsg *em) MUST_CHECK;
/* The same, but sets need not be named. */
enum status config_check_sizes(const struct config *c, int world_size,
                               struct errmsg *em) MUST_CHECK;
/* The checks that depend on the world size, for every stage from `first` on; earlier stages have
 * been trained. */
enum status config_check_ranks(const struct config *c, int64_t first, int world_size,
                               struct errmsg *em) MUST_CHECK;

/* Checks that the run can use this device, chosen from train.device and the GPUs of the ranks. */
enum status config_check_device(const struct config *c, const char *device,
                                struct errmsg *em) MUST_CHECK;

/*
 * Every key in schema order as TOML; merging it into any config gives the same config. The caller
 * frees it. NULL if out of memory.
 */
char *config_to_toml(const struct config *c);
/* Prints the schema: for --help (plain) or docs/config.md (markdown). */
void config_print_schema(FILE *f, bool markdown);
/* One line "key: old -> new" for each key that differs; the caller frees it. NULL if none
 * differs. */
char *config_difference(const struct config *old, const struct config *new_config);

#endif
