#include "resume_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "config_schema.h"
#include "config_stages.h"

#include "base/poison.h"

/* The key of a change that is not allowed; NULL if it is allowed. Keys of discriminators may change
 * if there were none before (!discriminators). */
static const struct config_key *changed_key(const char *name, size_t n, bool discriminators)
{
    static const char table[] = "discriminator.";
    char text[KEY_NAME_BYTES];
    snprintf(text, sizeof text, "%.*s", (int)MIN(n, sizeof text - 1), name);
    const struct config_key *key = config_key_find(text);
    if (!key || key->change.effect == CHANGE_FREE ||
        (!discriminators && strncmp(text, table, sizeof table - 1) == 0))
        return NULL;
    return key;
}

/* a line "key: old -> new" */
struct change {
    const char *line;
    size_t n, key; /* length of the line, and of its key */
};

/* Reads the next line of config_difference. */
static bool next_change(const char **lines, struct change *out)
{
    const char *line = *lines;
    *out = (struct change){line, strcspn(line, "\n"), strcspn(line, ":")};
    *lines = line + out->n + (line[out->n] == '\n');
    return *line != '\0';
}

/* True if the key belongs to a stage. */
static bool is_of_stage(const struct change *c)
{
    return c->key == strlen("model.image_size") && !strncmp(c->line, "model.image_size", c->key);
}

/* Refuses changed keys that must not change: those of a stage, or the others. */
static enum status refuse_changes(const char *lines, const char *path, bool discriminators,
                                  bool of_stage, struct errmsg *em)
{
    for (struct change c; next_change(&lines, &c);) {
        const struct config_key *key = changed_key(c.line, c.key, discriminators);
        if (key && key->change.effect == CHANGE_REFUSED && is_of_stage(&c) == of_stage)
            return FAIL(em, ST_CONFIG,
                        "%.*s (from %s) cannot change within a run: %s. Set it back, or start a "
                        "new run from these weights with --init-from and --out",
                        (int)c.n, c.line, path, key->change.why);
    }
    return ST_OK;
}

static void log_changes(const char *lines, bool discriminators, struct resume_changes *changed)
{
    snprintf(changed->keys, sizeof changed->keys, "%s", lines);
    for (struct change c; next_change(&lines, &c);) {
        const struct config_key *key = changed_key(c.line, c.key, discriminators);
        changed->losses = changed->losses || (key && key->change.effect == CHANGE_LOSSES);
        changed->best = changed->best || (key && key->change.effect == CHANGE_BEST);
        log_info("changed since the checkpoint: %.*s%s%s", (int)c.n, c.line, key ? "; " : "",
                 key ? key->change.why : "");
    }
}

static enum status check_stage_is_there(const struct config *now, int64_t stage, const char *path,
                                        struct errmsg *em)
{
    if (stage >= config_stage_count(now))
        return FAIL(em, ST_CONFIG,
                    "%s is of stage %" PRId64
                    ", and train.stages has fewer stages: set it back, or start a new run from "
                    "these weights with --init-from and --out",
                    path, stage + 1);
    return ST_OK;
}

/* Stages before the checkpoint's must not change: they have been trained. */
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

static enum status compare_sets(const struct run *run, const char *path,
                                const struct run_meta *meta, struct errmsg *em)
{
    for (int p = 0; p < 2; p++) {
        const char *mine = set_get_info(run->sets[p])->fingerprint_text;
        if (strcmp(mine, meta->fingerprints[p]) != 0 &&
            strcmp(mine, meta->fingerprints[1 - p]) == 0)
            return FAIL(em, ST_CONFIG,
                        "data.%c: %s holds other pictures than %s was trained on: those of person "
                        "%c. Exchange data.a and data.b",
                        'a' + p, run_set_name(run, p), path, 'B' - p);
        if (meta->fingerprints[p][0] && strcmp(mine, meta->fingerprints[p]) != 0)
            return FAIL(em, ST_CONFIG,
                        "data.%c: %s holds other pictures than %s was trained on (fingerprint %s, "
                        "then %s), so the saved position would mean others. Use the same set, or "
                        "start a new run from these weights with --init-from and --out",
                        'a' + p, run_set_name(run, p), path, mine, meta->fingerprints[p]);
    }
    return ST_OK;
}

/* Checks the keys that all stages share first: if one differs, the checkpoint is another run's. */
static enum status check_changes(const struct config *old, const struct config *now,
                                 const char *lines, int64_t stage, const char *path,
                                 struct resume_changes *changed, struct errmsg *em)
{
    bool discriminators = old->loss.adversarial > 0;
    enum status st = refuse_changes(lines, path, discriminators, false, em);
    if (st != ST_OK)
        return st;
    st = compare_stages(old, now, stage, path, em);
    if (st == ST_OK)
        st = refuse_changes(lines, path, discriminators, true, em);
    changed->stages = st == ST_CONFIG && stage > 0;
    if (st == ST_OK)
        log_changes(lines, discriminators, changed);
    return st;
}

/* After check_changes: train.seed and data.val_fraction decide what is held out, too. */
static enum status compare_held_out(const struct run *run, const char *path,
                                    const struct run_meta *meta, struct errmsg *em)
{
    for (int p = 0; p < 2; p++) {
        char mine[17];
        snprintf(mine, sizeof mine, "%016" PRIx64, order_held_out_hash(run->orders[p]));
        if (!meta->held_out[p][0] && meta->fingerprints[p][0] &&
            order_val_count(run->orders[p]) > 0 && set_get_info(run->sets[p])->has_time &&
            comm_rank(run->comm) == 0)
            log_warn("%s was trained when single frames of videos were held out: validations now "
                     "measure frames of %s that it was trained on. Begin a new run to trust them",
                     path, run_set_name(run, p));
        if (meta->held_out[p][0] && strcmp(mine, meta->held_out[p]) != 0)
            return FAIL(em, ST_CONFIG,
                        "data.%c: %s holds the pictures that %s was trained on, but not the same "
                        "/source and /time, so others would be held out. Use the same set, or "
                        "start a new run from these weights with --init-from and --out",
                        'a' + p, run_set_name(run, p), path);
    }
    return ST_OK;
}

enum status resume_check(const struct run *run, const char *path, const char *config_toml,
                         const struct run_meta *meta, struct resume_changes *changed,
                         struct errmsg *em)
{
    struct errmsg unreadable = {0};
    *changed = (struct resume_changes){0};
    enum status st = compare_sets(run, path, meta, em);
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
        lines = config_difference(old, &run->config);
    }
    st = check_changes(old, &run->config, lines ? lines : "", meta->state.stage, path, changed, em);
    if (st == ST_OK)
        st = compare_held_out(run, path, meta, em);
    free(lines);
    free(old);
    return st;
}
