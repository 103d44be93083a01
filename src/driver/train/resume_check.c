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

/* lines: "key: old -> new", as config_difference writes them. */
static enum status judge_changes(const char *lines, const char *path, bool rivals,
                                 struct resume_changes *changed, struct errmsg *em)
{
    for (const char *line = lines; *line;) {
        size_t n = strcspn(line, "\n"), key = strcspn(line, ":");
        const struct rule *rule = rule_of(line, key, rivals);
        if (rule && rule->effect == REFUSED)
            return FAIL(em, ST_CONFIG,
                        "%.*s (from %s) cannot change within a run: %s. Set it back, or start a "
                        "new run from these weights with --init-from and --out",
                        (int)n, line, path, rule->why);
        changed->losses = changed->losses || (rule && rule->effect == LOSSES);
        changed->best = changed->best || (rule && rule->effect == BEST);
        log_info("changed since the checkpoint: %.*s%s%s", (int)n, line, rule ? "; " : "",
                 rule ? rule->why : "");
        line += n + (line[n] == '\n');
    }
    return ST_OK;
}

/* The stages before the checkpoint's have been trained as they were. */
static enum status compare_stages(const struct config *old, const struct config *now, int64_t stage,
                                  const char *path, struct errmsg *em)
{
    const struct config_stage *before = old->train.stages.list, *after = now->train.stages.list;
    int64_t i = 0;
    char *text = NULL;
    size_t n = 0;
    while (i < MIN(stage, old->train.stages.n) && config_stage_equal(&before[i], &after[i]))
        i++;
    if (i == MIN(stage, old->train.stages.n))
        return ST_OK;
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
        if (meta->fingerprints[p][0] && strcmp(mine, meta->fingerprints[p]) != 0)
            return FAIL(em, ST_CONFIG,
                        "data.%c: %s holds other pictures than %s was trained on (fingerprint %s, "
                        "then %s), so the saved position would mean others. Use the same set, or "
                        "start a new run from these weights with --init-from and --out",
                        'a' + p, set_path(s->sets[p]), path, mine, meta->fingerprints[p]);
    }
    return ST_OK;
}

enum status resume_check(const struct session *s, const char *path, const char *config_toml,
                         const struct run_meta *meta, struct resume_changes *changed,
                         struct errmsg *em)
{
    struct errmsg unreadable = {0};
    *changed = (struct resume_changes){0};
    enum status st = compare_sets(s, path, meta, em);
    if (st != ST_OK || !config_toml)
        return st;
    struct config *old = calloc(1, sizeof *old);
    if (!old)
        return FAIL(em, ST_MEMORY, "out of memory");
    config_init(old);
    if (config_merge_text(old, config_toml, "checkpoint", &unreadable) != ST_OK) {
        log_warn("%s: its configuration cannot be compared: %s", path, unreadable.text);
    } else {
        char *difference = config_difference(old, &s->config);
        st = compare_stages(old, &s->config, meta->stage, path, em);
        if (difference && st == ST_OK)
            st = judge_changes(difference, path, old->loss.adversarial > 0, changed, em);
        free(difference);
    }
    free(old);
    return st;
}
