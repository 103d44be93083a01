/* The list train.stages: reads it, prints it, and applies it to the keys. */
#include "config_stages.h"

#include <stddef.h>
#include <string.h>

#include "base/checked.h"
#include "toml/toml.h"

#include "base/poison.h"

/* The keys of a stage, and the keys that they replace. */
static const struct stage_row {
    const char *name, *stands_for;
    size_t offset, bytes; /* of the field in struct config_stage */
} rows[] = {
/* clang-format off */
#define ROW(name, stands_for) \
    {#name, stands_for, offsetof(struct config_stage, name), \
     sizeof(((struct config_stage *)0)->name)}
    /* clang-format on */
    ROW(image_size, "model.image_size"),
    ROW(epochs, "train.epochs"),
    ROW(global_batch, "train.global_batch"),
    ROW(lr, "train.lr"),
#undef ROW
};

static const struct config_stage nothing_said = {-1, -1, -1, -1};

/* The key that it replaces, with the field of the stage. */
static struct config_key key_of(const struct stage_row *row)
{
    struct config_key key = *config_key_find(row->stands_for);
    key.offset = row->offset;
    key.bytes = row->bytes; /* the field of the key may be narrower */
    return key;
}

static bool is_said(const struct config_key *key, const struct config_value *v)
{
    return key->type == CONFIG_NUMBER ? v->number >= 0 : v->whole >= 0;
}

/* --- From TOML -------------------------------------------------------------------------------- */

void config_place(const struct config_origin *origin, const struct toml_place *at,
                  char out[static CONFIG_PLACE_BYTES])
{
    if (origin->placed)
        snprintf(out, CONFIG_PLACE_BYTES, "%s:%d:%d", origin->name, at->line, at->column);
    else
        snprintf(out, CONFIG_PLACE_BYTES, "%s", origin->name);
}

static const struct stage_row *find_row(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (!strcmp(rows[i].name, name))
            return &rows[i];
    return NULL;
}

static enum status merge_member(struct config_stages *stages, const struct toml_entry *e,
                                const struct config_origin *origin, struct errmsg *em)
{
    char place[CONFIG_PLACE_BYTES], name[KEY_NAME_BYTES];
    struct config_value v;
    const struct stage_row *row = find_row(e->key);
    config_place(origin, row ? &e->value_place : &e->key_place, place);
    if (!row)
        return FAIL(em, ST_CONFIG,
                    "%s: unknown key %s in stage %zu of train.stages; a stage may set image_size, "
                    "epochs, global_batch and lr",
                    place, e->key, e->table + 1);
    struct config_key key = key_of(row);
    snprintf(name, sizeof name, "%s of stage %zu of train.stages", row->name, e->table + 1);
    if (!config_key_coerce(&key, e, &v))
        return config_key_refuse(&key, name, e, place, em);
    config_key_store(&key, &v, &stages->list[e->table]);
    return ST_OK;
}

enum status config_stages_merge(struct config_stages *stages, const struct toml_entry *e,
                                const struct config_origin *origin, struct errmsg *em)
{
    struct config_stages merged = {.n = (int64_t)e->n_tables};
    char place[CONFIG_PLACE_BYTES];
    if (e->n_tables > CONFIG_STAGES_MAX) {
        config_place(origin, &e->value_place, place);
        return FAIL(em, ST_CONFIG, "%s: train.stages has %zu stages, %d are the most", place,
                    e->n_tables, CONFIG_STAGES_MAX);
    }
    for (size_t i = 0; i < e->n_tables; i++)
        merged.list[i] = nothing_said;
    for (size_t i = 0; i < e->n_members; i++) {
        enum status st = merge_member(&merged, &e->members[i], origin, em);
        if (st != ST_OK)
            return st;
    }
    *stages = merged;
    return ST_OK;
}

void config_stages_allowed(char out[static KEY_ALLOWED_BYTES])
{
    snprintf(out, KEY_ALLOWED_BYTES,
             "\"off\", or up to %d tables of image_size, epochs, global_batch and lr, as "
             "[{image_size = 128}, {image_size = 256}]",
             CONFIG_STAGES_MAX);
}

/* --- As TOML ---------------------------------------------------------------------------------- */

void config_stage_print(FILE *f, const struct config_stage *stage)
{
    const char *before = "";
    fputc('{', f);
    for (size_t k = 0; k < ARRAY_LENGTH(rows); k++) {
        struct config_key key = key_of(&rows[k]);
        struct config_value v = config_key_load(&key, stage);
        if (!is_said(&key, &v))
            continue;
        fprintf(f, "%s%s = ", before, rows[k].name);
        config_value_print(f, &key, &v);
        before = ", ";
    }
    fputc('}', f);
}

void config_stages_print(FILE *f, const struct config_stages *stages)
{
    for (int64_t i = 0; i < stages->n; i++) {
        fputs(i == 0 ? "[" : ", ", f);
        config_stage_print(f, &stages->list[i]);
    }
    fputc(']', f);
}

bool config_stage_equal(const struct config_stage *a, const struct config_stage *b)
{
    bool same = true;
    for (size_t k = 0; k < ARRAY_LENGTH(rows) && same; k++) {
        struct config_key key = key_of(&rows[k]);
        struct config_value mine = config_key_load(&key, a), other = config_key_load(&key, b);
        same = config_value_equal(&key, &mine, &other);
    }
    return same;
}

bool config_stages_equal(const struct config_stages *a, const struct config_stages *b)
{
    bool same = a->n == b->n;
    for (int64_t i = 0; i < a->n && same; i++)
        same = config_stage_equal(&a->list[i], &b->list[i]);
    return same;
}

/* --- Stages of a configuration ---------------------------------------------------------------- */

int64_t config_stage_count(const struct config *c)
{
    return MAX(c->train.stages.n, 1);
}

/* Fills in the values that the stage does not set from the configuration. */
static void complete(struct config_stage *stage, const struct config *c)
{
    for (size_t k = 0; k < ARRAY_LENGTH(rows); k++) {
        struct config_key key = key_of(&rows[k]);
        struct config_value v = config_key_load(&key, stage);
        if (is_said(&key, &v))
            continue;
        v = config_key_load(config_key_find(rows[k].stands_for), c);
        config_key_store(&key, &v, stage);
    }
}

void config_enter_stage(struct config *c, int64_t i)
{
    struct config_stages *stages = &c->train.stages;
    if (stages->n == 0)
        return;
    for (int64_t each = 0; each < stages->n; each++)
        complete(&stages->list[each], c);
    for (size_t k = 0; k < ARRAY_LENGTH(rows); k++) {
        struct config_key key = key_of(&rows[k]);
        struct config_value v = config_key_load(&key, &stages->list[i]);
        config_key_store(config_key_find(rows[k].stands_for), &v, c);
    }
}

int64_t config_largest_size(const struct config *c)
{
    int64_t largest = 0;
    for (int64_t i = 0; i < config_stage_count(c); i++) {
        struct config of_stage = *c;
        config_enter_stage(&of_stage, i);
        largest = MAX(largest, of_stage.model.image_size);
    }
    return largest;
}

int64_t config_largest_batch(const struct config *c)
{
    int64_t largest = 0;
    for (int64_t i = 0; i < config_stage_count(c); i++) {
        struct config of_stage = *c;
        config_enter_stage(&of_stage, i);
        largest = MAX(largest, of_stage.train.global_batch);
    }
    return largest;
}
