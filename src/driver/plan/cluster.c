/* The table of the keys of a cluster file, and the functions that read it. */
#include "cluster.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "config_hint.h"
#include "config_suggest.h"
#include "toml/toml.h"

#include "base/poison.h"

enum { PLACE_BYTES = PATH_BYTES_MAX + 32, VERSION = 1 };
static const double GIGA = 1e9, TERA = 1e12, MICRO = 1e-6, MILLI = 1e-3;

/* A number; its field is the value in the file times `unit`. */
struct row {
    struct config_key key; /* of type CONFIG_NUMBER; offset within struct cluster */
    double unit;
    bool required;
};

/* clang-format off */
#define ROW(name_, field, unit_, least, most, must) \
    {{.name = (name_), .type = CONFIG_NUMBER, .offset = offsetof(struct cluster, field), \
      .low.number = (least), .high.number = (most)}, (unit_), (must)}
#define NEEDED(name, field, unit, least, most) ROW(name, field, unit, least, most, true)
#define OPTIONAL(name, field, unit, least, most) ROW(name, field, unit, least, most, false)
/* clang-format on */

static const struct row rows[] = {
    NEEDED("node.devices", node.devices, 1, 1, CLUSTER_DEVICES_MAX),
    NEEDED("node.count", node.count, 1, 1, CLUSTER_NODES_MAX),
    NEEDED("node.memory_gb", node.memory_bytes, GIGA, 0.1, 1e6),
    OPTIONAL("device.memory_gb", device.memory_bytes, GIGA, 0.1, 1e5),
    OPTIONAL("device.reserved_gb", device.reserved_bytes, GIGA, 0, 1e5),
    NEEDED("device.fp32_tflops", device.fp32.peak_flops_per_s, TERA, 1e-6, 1e6),
    NEEDED("device.fp32_fraction", device.fp32.fraction, 1, 1e-4, 4),
    NEEDED("device.bf16_tflops", device.bf16.peak_flops_per_s, TERA, 1e-6, 1e6),
    NEEDED("device.bf16_fraction", device.bf16.fraction, 1, 1e-4, 4),
    OPTIONAL("device.channel_tile", device.channel_tile, 1, 1, 1024),
    NEEDED("device.bandwidth_gb_s", device.memory_bytes_per_s, GIGA, 1e-3, 1e6),
    NEEDED("device.bandwidth_fraction", device.memory_fraction, 1, 1e-4, 4),
    OPTIONAL("device.kernel_us", device.kernel_s, MICRO, 0, 1e6),
    OPTIONAL("device.launch_us", device.launch_s, MICRO, 0, 1e6),
    OPTIONAL("device.step_ms", device.step_s, MILLI, 0, 1e6),
    OPTIONAL("device.upload_gb_s", device.upload_bytes_per_s, GIGA, 0, 1e6),
    NEEDED("device.data_gb_s", device.data_bytes_per_s, GIGA, 1e-6, 1e6),
    NEEDED("link.within_gb_s", within.bytes_per_s, GIGA, 1e-6, 1e6),
    OPTIONAL("link.within_us", within.latency_s, MICRO, 0, 1e6),
    NEEDED("link.between_gb_s", between.bytes_per_s, GIGA, 1e-6, 1e6),
    OPTIONAL("link.between_us", between.latency_s, MICRO, 0, 1e6),
    NEEDED("link.overlap", overlap, 1, 0, 1),
};

static const char *const kinds[] = {"cpu", "gpu", NULL};

/* The keys that are not numbers. */
static const struct config_key words[] = {
    {.name = "cluster_version", .type = CONFIG_WHOLE, .low.whole = VERSION, .high.whole = VERSION},
    {.name = "name",
     .type = CONFIG_STRING,
     .bytes = CLUSTER_NAME_BYTES,
     .form = "a text of up to 127 bytes"                                                         },
    {.name = "device.kind",
     .type = CONFIG_WORD,
     .words = kinds,
     .high.whole = ARRAY_LENGTH(kinds) - 2                                                       },
};
enum { KEY_VERSION, KEY_NAME, KEY_KIND, KEY_WORDS };
enum { KEY_KINDS = KEY_WORDS + ARRAY_LENGTH(rows) };

/* The words, then the numbers. */
static const struct config_key *key_at(size_t i)
{
    return i < KEY_WORDS ? &words[i] : &rows[i - KEY_WORDS].key;
}

static bool is_required(size_t i)
{
    return i >= KEY_WORDS ? rows[i - KEY_WORDS].required : i != KEY_NAME;
}

static void store(struct cluster *c, size_t i, const struct config_value *v)
{
    if (i >= KEY_WORDS) {
        const struct row *row = &rows[i - KEY_WORDS];
        double value = v->number * row->unit;
        memcpy((char *)c + row->key.offset, &value, sizeof value);
    } else if (i == KEY_NAME) {
        snprintf(c->name, sizeof c->name, "%s", v->text);
    } else if (i == KEY_KIND) {
        c->gpu = v->whole == 1;
    }
}

static enum status refuse_unknown(const char *name, const char *place, struct errmsg *em)
{
    const struct config_key *all[KEY_KINDS];
    for (size_t i = 0; i < KEY_KINDS; i++)
        all[i] = key_at(i);
    char meant[CONFIG_SUGGESTION_BYTES];
    config_suggest_of(all, KEY_KINDS, name, meant);
    return FAIL(em, ST_CONFIG, "%s: unknown key %s%s", place, name,
                meant[0] ? meant : "; docs/plan.md lists the keys of a cluster");
}

static enum status take_entry(struct cluster *c, const struct toml_entry *e, const char *origin,
                              bool seen[static KEY_KINDS], struct errmsg *em)
{
    char place[PLACE_BYTES];
    struct config_value v;
    size_t i = 0;
    while (i < KEY_KINDS && strcmp(key_at(i)->name, e->key) != 0)
        i++;
    const struct toml_place *at = i < KEY_KINDS ? &e->value_place : &e->key_place;
    snprintf(place, sizeof place, "%s:%d:%d", origin, at->line, at->column);
    if (i == KEY_KINDS)
        return refuse_unknown(e->key, place, em);
    if (!config_key_coerce(key_at(i), e, &v))
        return config_key_refuse(key_at(i), e->key, e, place, em);
    store(c, i, &v);
    seen[i] = true;
    return ST_OK;
}

static enum status check(struct cluster *c, const char *origin, struct errmsg *em)
{
    if (!c->gpu) /* on CPUs ranks share the node's memory */
        c->device.memory_bytes = c->node.memory_bytes / c->node.devices;
    if (c->device.memory_bytes <= 0)
        return FAIL(em, ST_CONFIG,
                    "%s: device.memory_gb is missing: with device.kind = \"gpu\" it says how much "
                    "memory each GPU has",
                    origin);
    if (c->device.reserved_bytes >= c->device.memory_bytes)
        return FAIL(em, ST_CONFIG,
                    "%s: device.reserved_gb = %g is not less than the %g GB of a device", origin,
                    c->device.reserved_bytes / GIGA, c->device.memory_bytes / GIGA);
    return ST_OK;
}

static enum status parse_bytes(const char *text, size_t bytes, const char *origin,
                               struct cluster *out, struct errmsg *em)
{
    struct toml_document *t = NULL;
    const struct toml_entry *entries;
    bool seen[KEY_KINDS] = {0};
    struct cluster c = {.name = "unnamed", .device.channel_tile = 1};
    enum status st = toml_parse(text, bytes, origin, &t, em);
    if (st != ST_OK)
        return st;
    size_t n = toml_entries(t, &entries);
    for (size_t i = 0; i < n && st == ST_OK; i++)
        if (entries[i].kind != TOML_TABLE)
            st = take_entry(&c, &entries[i], origin, seen, em);
    toml_free(t);
    for (size_t i = 0; i < KEY_KINDS && st == ST_OK; i++)
        if (!seen[i] && is_required(i))
            st = FAIL(em, ST_CONFIG,
                      "%s: %s is missing; start from a copy of configs/clusters/, docs/plan.md "
                      "says how to measure it",
                      origin, key_at(i)->name);
    if (st == ST_OK)
        st = check(&c, origin, em);
    if (st == ST_OK)
        *out = c;
    return st;
}

enum status cluster_read(const char *path, struct cluster *out, struct errmsg *em)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    struct errmsg why = {0};
    char hint[PLACE_BYTES] = "";
    enum status st = file_read_all(path, TOML_BYTES_MAX, &bytes, &n, &why);
    if (st == ST_NOINPUT)
        config_file_hint(path, hint, sizeof hint);
    if (st != ST_OK)
        return FAIL(em, st, "%s%s", why.text, hint);
    st = parse_bytes((const char *)bytes, n, path, out, em);
    free(bytes);
    return st;
}
