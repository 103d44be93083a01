/* Merging: entries of TOML text, checked against the schema, into the struct. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "config_schema.h"
#include "config_stages.h"
#include "config_suggest.h"
#include "toml/toml.h"

#include "base/poison.h"

void config_init(struct config *c)
{
    const struct config_key *keys;
    size_t n = config_schema(&keys);
    memset(c, 0, sizeof *c); /* padding too: configs with the same values have the same bytes */
    for (size_t i = 0; i < n; i++)
        config_key_store(&keys[i], &keys[i].initial, c);
}

/* Finds the key of a name that a user gave. Records the name of an earlier version in c->renamed.
 */
static const struct config_key *find_key(struct config *c, const char *name, const char *place)
{
    const struct config_key *key = config_key_find(name);
    if (!key || !strcmp(key->name, name))
        return key;
    size_t used = strlen(c->renamed), left = sizeof c->renamed - used;
    int n = snprintf(c->renamed + used, left, "%s%s is now called %s (%s)", used > 0 ? "; " : "",
                     name, key->name, place);
    if (n >= (int)left && left > 4)
        memcpy(c->renamed + sizeof c->renamed - 4, "...", 4); /* more, or a long path */
    return key;
}

static enum status refuse_unknown(const char *name, const char *place, struct errmsg *em)
{
    static const char stages[] = "train.stages.";
    char meant[CONFIG_SUGGESTION_BYTES];
    if (strncmp(name, stages, sizeof stages - 1) == 0)
        return FAIL(em, ST_CONFIG,
                    "%s: unknown key %s: each stage is a table of the list train.stages; begin it "
                    "with [[train.stages]]",
                    place, name);
    if (config_table_known(name))
        return FAIL(em, ST_CONFIG, "%s: %s is a table: give its keys, as in [%s]", place, name,
                    name);
    config_suggest_key(name, meant);
    return FAIL(em, ST_CONFIG, "%s: unknown key %s%s", place, name,
                meant[0] ? meant : "; bifrons train --help lists every key");
}

/* Refuses an unknown table that has no keys. */
static enum status refuse_table(const char *name, const char *place, struct errmsg *em)
{
    char meant[CONFIG_SUGGESTION_BYTES];
    config_suggest_table(name, meant);
    return meant[0] ? FAIL(em, ST_CONFIG, "%s: unknown table [%s]%s", place, name, meant)
                    : refuse_unknown(name, place, em);
}

static enum status merge_entry(struct config *c, const struct config_key *key,
                               const struct toml_entry *e, const struct config_origin *origin,
                               struct errmsg *em)
{
    struct config_value v;
    char place[CONFIG_PLACE_BYTES];
    /* a document has an entry */
    /* NOLINTNEXTLINE(analyzer-null-dereference,clang-analyzer-core.NullDereference) */
    if (key->type == CONFIG_STAGES && e->kind == TOML_TABLES)
        return config_stages_merge(&c->train.stages, e, origin, em);
    config_place(origin, &e->value_place, place);
    if (!config_key_coerce(key, e, &v))
        return config_key_refuse(key, key->name, e, place, em);
    config_key_store(key, &v, c);
    return ST_OK;
}

static enum status merge_document(struct config *c, const struct toml_document *t, const char *name,
                                  struct errmsg *em)
{
    const struct config_origin origin = {name, .placed = true};
    const struct toml_entry *entries;
    size_t n = toml_entries(t, &entries);
    for (size_t i = 0; i < n; i++) {
        const struct toml_entry *e = &entries[i];
        char place[CONFIG_PLACE_BYTES];
        config_place(&origin, &e->key_place, place);
        const struct config_key *key = find_key(c, e->key, place);
        enum status st = ST_OK;
        if (key)
            st = merge_entry(c, key, e, &origin, em);
        else if (e->kind != TOML_TABLE)
            st = refuse_unknown(e->key, place, em);
        else if (!config_table_known(e->key)) /* known tables may be empty */
            st = refuse_table(e->key, place, em);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum status merge_bytes(struct config *c, const char *text, size_t n, const char *origin,
                               struct errmsg *em)
{
    struct toml_document *t = NULL;
    enum status st = toml_parse(text, n, origin, &t, em);
    if (st != ST_OK)
        return st;
    struct config merged = *c;
    st = merge_document(&merged, t, origin, em);
    if (st == ST_OK)
        *c = merged;
    toml_free(t);
    return st;
}

enum status config_merge_text(struct config *c, const char *text, const char *origin,
                              struct errmsg *em)
{
    return merge_bytes(c, text, strlen(text), origin, em);
}

enum status config_merge_file(struct config *c, const char *path, struct errmsg *em)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    struct errmsg reading = {0};
    enum status st = file_read_all(path, TOML_BYTES_MAX, &bytes, &n, &reading);
    if (st == ST_DATA) /* the file is too long for a config */
        return FAIL(em, ST_CONFIG, "%s", reading.text);
    if (st != ST_OK)
        return FAIL(em, st, "%s", reading.text);
    st = merge_bytes(c, (const char *)bytes, n, path, em);
    free(bytes);
    return st;
}

/* --- --set ------------------------------------------------------------------------------------ */

/*
 * Parses "value = TEXT", with TEXT as it is or in quotes. NULL if that is not TOML, or more than
 * one value (a line break in TEXT).
 */
static struct toml_document *parse_value(const char *text, bool quoted,
                                         const struct toml_entry **entry_out)
{
    struct toml_document *t = NULL;
    char *line = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&line, &n);
    if (!f)
        return NULL;
    fputs("value = ", f);
    if (quoted)
        config_text_print(f, text);
    else
        fputs(text, f);
    if (fclose(f) == 0 && toml_parse(line, n, "", &t, NULL) == ST_OK &&
        (toml_entries(t, entry_out) != 1 || strcmp((*entry_out)->key, "value") != 0)) {
        toml_free(t);
        t = NULL;
    }
    free(line);
    return t;
}

static bool takes_strings(const struct config_key *key)
{
    return key->type == CONFIG_STRING || key->type == CONFIG_PATH || key->type == CONFIG_WORD ||
           key->off;
}

/* True if the key takes only strings: then 5 without quotes is a string, too. */
static bool takes_only_strings(const struct config_key *key)
{
    return takes_strings(key) && key->type != CONFIG_NUMBER && key->type != CONFIG_STAGES;
}

enum status config_merge_option(struct config *c, const char *key_name, const char *value,
                                const char *origin, struct errmsg *em)
{
    const struct config_key *key = find_key(c, key_name, origin);
    if (!key)
        return refuse_unknown(key_name, origin, em);
    const struct toml_entry *entry = NULL;
    struct toml_document *t = parse_value(value, false, &entry);
    /* a document has an entry */
    /* NOLINTNEXTLINE(analyzer-null-dereference,clang-analyzer-core.NullDereference) */
    if (t && entry->kind != TOML_STRING && takes_only_strings(key)) {
        toml_free(t);
        t = NULL;
    }
    if (!t)
        t = parse_value(value, true, &entry);
    if (!t)
        return FAIL(em, ST_CONFIG, "%s: the value of %s is not UTF-8 text", origin, key->name);
    enum status st = merge_entry(c, key, entry, &(struct config_origin){.name = origin}, em);
    toml_free(t);
    return st;
}

/* Copies the name before the '=', or the whole text. */
static void name_in(const char *assignment, char out[static 4 * KEY_NAME_BYTES])
{
    size_t from = strspn(assignment, " \t"), to = strcspn(assignment, "=");
    while (to > from && (assignment[to - 1] == ' ' || assignment[to - 1] == '\t'))
        to--;
    snprintf(out, (size_t)4 * KEY_NAME_BYTES, "%.*s",
             to > from ? (int)MIN(to - from, 4 * (size_t)KEY_NAME_BYTES) : 0, assignment + from);
}

enum status config_check_assignment(const char *assignment, struct errmsg *em)
{
    static const char form[] = "write --set KEY=VALUE, without blanks around =, as in";
    char name[4 * KEY_NAME_BYTES], allowed[KEY_ALLOWED_BYTES], meant[CONFIG_SUGGESTION_BYTES];
    const struct toml_entry empty = {.kind = TOML_STRING, .text = ""};
    struct config_value v;
    const char *equals = strchr(assignment, '=');
    name_in(assignment, name);
    const struct config_key *key = config_key_find(name);
    if (!name[0])
        return FAIL(em, ST_USAGE, "--set %s: the key is missing; %s --set train.lr=2e-4",
                    assignment, form);
    if (key && (!equals || (equals[1 + strspn(equals + 1, " \t")] == '\0' &&
                            !config_key_coerce(key, &empty, &v)))) {
        config_key_allowed(key, allowed);
        return FAIL(em, ST_USAGE, "--set %s: a value is missing; %s --set %s=VALUE. %s takes %s",
                    assignment, form, name, name, allowed);
    }
    if (equals)
        return ST_OK;
    config_suggest_key(name, meant);
    return FAIL(em, ST_USAGE, "--set %s: %s --set train.lr=2e-4%s", assignment, form, meant);
}

enum status config_merge_assignment(struct config *c, const char *assignment, struct errmsg *em)
{
    char name[4 * KEY_NAME_BYTES], origin[8 * KEY_NAME_BYTES];
    enum status st = config_check_assignment(assignment, em);
    if (st != ST_OK)
        return st;
    name_in(assignment, name);
    snprintf(origin, sizeof origin, "--set %s", assignment);
    const char *value = strchr(assignment, '=') + 1;
    return config_merge_option(c, name, value + strspn(value, " \t"), origin, em);
}
