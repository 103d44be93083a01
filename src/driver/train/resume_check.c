#include "resume_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "config_stages.h"

#include "base/poison.h"

enum effect {
    REFUSED,
    BEST,    /* the best value starts anew */
    LOSSES,  /* the best value and the guard's window start anew */
    LENGTH,  /* what is left is counted anew */
    NOT_BITS /* goes on, though not bit for bit as it would have */
};

/* The table of docs/checkpoints.md. Keys that are not here may change without a further word. */
static const struct rule {
    const char *key;
    enum effect effect;
    const char *why;
} rules[] = {
    {"train.seed",              REFUSED,
     "it decides the order of pictures, so the saved position would mean others"                          },
    {"model.image_size",        REFUSED,  "it is another network"                                         },
    {"model.code_size",         REFUSED,  "it is another network"                                         },
    {"model.latent",            REFUSED,  "it is another network"                                         },
    {"model.bottleneck",        REFUSED,  "it is another network"                                         },
    {"model.width",             REFUSED,  "it is another network"                                         },
    {"model.width_max",         REFUSED,  "it is another network"                                         },
    {"model.blocks",            REFUSED,  "it is another network"                                         },
    {"model.upsample",          REFUSED,  "it is another network"                                         },
    {"model.norm",              REFUSED,  "it is another network"                                         },
    {"model.mask",              REFUSED,  "it is another network"                                         },
    {"model.mean_codes",        REFUSED,  "it is another network"                                         },
    {"data.val_fraction",       REFUSED,  "held-out pictures would be among those trained on"             },
    {"train.adam_beta1",        REFUSED,  "the saved moments are means of that decay"                     },
    {"train.adam_beta2",        REFUSED,  "the saved moments are means of that decay"                     },
    {"loss.l1",                 LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"loss.dssim",              LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"loss.perceptual",         LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"loss.perceptual_weights", LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"loss.mask",               LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"loss.eyes",               LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"loss.mouth",              LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"loss.mask_head",          LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"loss.latent",             LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"data.masks",              LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"checkpoint.best",         BEST,     "best.pt is chosen anew, from the next validation on"           },
    {"loss.adversarial",        LOSSES,   "losses are of another kind: best.pt is chosen anew"            },
    {"adversary.channels",      REFUSED,  "they are other discriminators"                                 },
    {"adversary.beta1",         REFUSED,  "the saved moments are means of that decay"                     },
    {"adversary.beta2",         REFUSED,  "the saved moments are means of that decay"                     },
    {"train.global_batch",      LENGTH,   "the epochs that are left have steps of the new size"           },
    {"train.epochs",            LENGTH,   "a schedule of the learning rate is stretched to the new length"},
    {"train.max_steps",         LENGTH,   "a schedule of the learning rate is stretched to the new length"},
    {"train.stages",            LENGTH,   "stages to come are trained as it says now"                     },
    {"train.accumulate",        NOT_BITS, "sums are taken in another order: not bit-exact"                },
    {"train.reproducible",      NOT_BITS, "sums are taken in another order: not bit-exact"                },
    {"train.slot_size",         NOT_BITS, "sums are taken in another order: not bit-exact"                },
    {"train.precision",         NOT_BITS, "other arithmetic: not bit-exact"                               },
    {"train.device",            NOT_BITS, "other arithmetic: not bit-exact"                               },
};

/* rivals: were there discriminators? Their keys may change freely where there were none. */
static const struct rule *rule_of(const char *key, size_t n, bool rivals)
{
    if (!rivals && strncmp(key, "adversary.", strlen("adversary.")) == 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++)
        if (strlen(rules[i].key) == n && strncmp(rules[i].key, key, n) == 0)
            return &rules[i];
    return NULL;
}

/* "key: old -> new" */
struct change {
    const char *line;
    size_t n, key; /* of the line; of its key */
};

/* The next of the lines that config_difference writes. */
static bool next_change(const char **lines, struct change *out)
{
    const char *line = *lines;
    *out = (struct change){line, strcspn(line, "\n"), strcspn(line, ":")};
    *lines = line + out->n + (line[out->n] == '\n');
    return *line != '\0';
}

/* Which of the keys that cannot change is a stage's? */
static bool is_of_stage(const struct change *c)
{
    return c->key == strlen("model.image_size") && !strncmp(c->line, "model.image_size", c->key);
}

/* Refuses keys that cannot change, those of a stage or the others. */
static enum status refuse_changes(const char *lines, const char *path, bool rivals, bool of_stage,
                                  struct errmsg *em)
{
    for (struct change c; next_change(&lines, &c);) {
        const struct rule *rule = rule_of(c.line, c.key, rivals);
        if (rule && rule->effect == REFUSED && is_of_stage(&c) == of_stage)
            return FAIL(em, ST_CONFIG,
                        "%.*s (from %s) cannot change within a run: %s. Set it back, or start a "
                        "new run from these weights with --init-from and --out",
                        (int)c.n, c.line, path, rule->why);
    }
    return ST_OK;
}

static void tell_changes(const char *lines, bool rivals, struct resume_changes *changed)
{
    for (struct change c; next_change(&lines, &c);) {
        const struct rule *rule = rule_of(c.line, c.key, rivals);
        changed->losses = changed->losses || (rule && rule->effect == LOSSES);
        changed->best = changed->best || (rule && rule->effect == BEST);
        log_info("changed since the checkpoint: %.*s%s%s", (int)c.n, c.line, rule ? "; " : "",
                 rule ? rule->why : "");
    }
}

static enum status check_stage_is_there(const struct config *now, int64_t stage, const char *path,
                                        struct errmsg *em)
{
    if (stage >= config_stage_count(now))
        return FAIL(em, ST_CONFIG,
                    "%s is of stage %" PRId64 ", and train.stages has not as many: set it back, or "
                    "start a new run from these weights with --init-from and --out",
                    path, stage + 1);
    return ST_OK;
}

/* The stages before the checkpoint's have been trained as they were. */
static enum status compare_stages(const struct config *old, const struct config *now, int64_t stage,
                                  const char *path, struct errmsg *em)
{
    const struct config_stage *before = old->train.stages.list, *after = now->train.stages.list;
    int64_t i = 0, trained = MIN(MIN(stage, old->train.stages.n), now->train.stages.n);
    char *text = NULL;
    size_t n = 0;
    while (i < trained && config_stage_equal(&before[i], &after[i]))
        i++;
    if (i == trained)
        return check_stage_is_there(now, stage, path, em);
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return FAIL(em, ST_MEMORY, "out of memory");
    config_stage_print(f, &before[i]);
    fputs(" -> ", f);
    config_stage_print(f, &after[i]);
    fclose(f);
    enum status st =
        FAIL(em, ST_CONFIG,
             "stage %" PRId64 " of train.stages: %s (from %s) cannot change within a run: it has "
             "been trained. Set it back, or start a new run from these weights with --init-from "
             "and --out",
             i + 1, text, path);
    free(text);
    return st;
}

static enum status compare_sets(const struct session *s, const char *path,
                                const struct run_meta *meta, struct errmsg *em)
{
    for (int p = 0; p < 2; p++) {
        char mine[20];
        snprintf(mine, sizeof mine, "%016" PRIx64, set_get_info(s->sets[p])->fingerprint);
        if (strcmp(mine, meta->fingerprints[p]) != 0 &&
            strcmp(mine, meta->fingerprints[1 - p]) == 0)
            return FAIL(em, ST_CONFIG,
                        "data.%c: %s holds other pictures than %s was trained on: those of person "
                        "%c. Exchange data.a and data.b",
                        'a' + p, session_set_name(s, p), path, 'B' - p);
        if (meta->fingerprints[p][0] && strcmp(mine, meta->fingerprints[p]) != 0)
            return FAIL(em, ST_CONFIG,
                        "data.%c: %s holds other pictures than %s was trained on (fingerprint %s, "
                        "then %s), so the saved position would mean others. Use the same set, or "
                        "start a new run from these weights with --init-from and --out",
                        'a' + p, session_set_name(s, p), path, mine, meta->fingerprints[p]);
    }
    return ST_OK;
}

/* What is of no stage comes first: where that differs, the checkpoint is another run's. */
static enum status judge_changes(const struct config *old, const struct config *now,
                                 const char *lines, int64_t stage, const char *path,
                                 struct resume_changes *changed, struct errmsg *em)
{
    bool rivals = old->loss.adversarial > 0;
    enum status st = refuse_changes(lines, path, rivals, false, em);
    if (st != ST_OK)
        return st;
    st = compare_stages(old, now, stage, path, em);
    if (st == ST_OK)
        st = refuse_changes(lines, path, rivals, true, em);
    changed->stages = st == ST_CONFIG && stage > 0;
    if (st == ST_OK)
        tell_changes(lines, rivals, changed);
    return st;
}

enum status resume_check(const struct session *s, const char *path, const char *config_toml,
                         const struct run_meta *meta, struct resume_changes *changed,
                         struct errmsg *em)
{
    struct errmsg unreadable = {0};
    *changed = (struct resume_changes){0};
    enum status st = compare_sets(s, path, meta, em);
    if (st != ST_OK)
        return st;
    struct config *old = calloc(1, sizeof *old);
    if (!old)
        return FAIL(em, ST_MEMORY, "out of memory");
    config_init(old);
    char *lines = NULL;
    if (config_toml && config_merge_text(old, config_toml, "checkpoint", &unreadable) != ST_OK) {
        log_warn("%s: its configuration cannot be compared: %s", path, unreadable.text);
        config_init(old);
    } else if (config_toml) {
        lines = config_difference(old, &s->config);
    }
    st = judge_changes(old, &s->config, lines ? lines : "", meta->stage, path, changed, em);
    free(lines);
    free(old);
    return st;
}
