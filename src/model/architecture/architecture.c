#include "model/architecture.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"

#include "base/poison.h"

enum { WIDTH_SIZE = 64 /* pixels a side where there are model.width channels */ };

/* ---- Keys ------------------------------------------------------------------------------------ */

/* clang-format off */
#define WHOLE(field, value, least, most, help) \
    {.name = #field, .offset = offsetof(struct model_config, field), \
     .initial = (value), .low = (least), .high = (most)},
#define WORD(field, help, ...) \
    {.name = #field, .offset = offsetof(struct model_config, field), \
     .words = (const char *const[]){__VA_ARGS__, NULL}, \
     .high = (int)ARRAY_LENGTH(((const char *const[]){__VA_ARGS__})) - 1},
#define SWITCH(field, help) WORD(field, help, "false", "true")
/* clang-format on */
static const struct architecture_key keys[] = {MODEL_KEYS(WHOLE, WORD, SWITCH)};

size_t architecture_keys(const struct architecture_key **keys_out)
{
    *keys_out = keys;
    return ARRAY_LENGTH(keys);
}

int architecture_get(const struct model_config *c, const struct architecture_key *key)
{
    int value;
    memcpy(&value, (const char *)c + key->offset, sizeof value);
    return value == 0 ? key->initial : value;
}

void architecture_set(struct model_config *c, const struct architecture_key *key, int value)
{
    memcpy((char *)c + key->offset, &value, sizeof value);
}

static void print_value(char *out, size_t bytes, const struct architecture_key *key, int value)
{
    if (key->words && value >= 0 && value <= key->high)
        snprintf(out, bytes, "%s", key->words[value]);
    else
        snprintf(out, bytes, "%d", value);
}

bool architecture_same(const struct model_config *a, const struct model_config *b, char *out,
                       size_t out_bytes)
{
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        int old = architecture_get(a, &keys[i]), now = architecture_get(b, &keys[i]);
        char texts[2][16];
        if (old == now)
            continue;
        print_value(texts[0], sizeof texts[0], &keys[i], old);
        print_value(texts[1], sizeof texts[1], &keys[i], now);
        snprintf(out, out_bytes, "%s: %s -> %s", keys[i].name, texts[0], texts[1]);
        return false;
    }
    return true;
}

/* ---- Checking -------------------------------------------------------------------------------- */

struct model_config architecture_resolve(const struct model_config *c)
{
    struct model_config r = *c;
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        architecture_set(&r, &keys[i], architecture_get(c, &keys[i]));
    return r;
}

static enum status check_ranges(const struct model_config *c, struct errmsg *em)
{
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        int value = architecture_get(c, &keys[i]);
        if (value < keys[i].low || value > keys[i].high)
            return FAIL(em, ST_CONFIG, "model.%s = %d: from %d to %d is possible", keys[i].name,
                        value, keys[i].low, keys[i].high);
    }
    return ST_OK;
}

/* "64, 128, 256 or 512" for a code size of 4. */
static void list_sizes(int code_size, char *out, size_t bytes)
{
    size_t n = 0;
    for (int size = code_size * 2; size <= MODEL_SIZE_MAX_PX && n < bytes; size *= 2)
        if (size >= keys[0].low)
            n += (size_t)snprintf(out + n, bytes - n, "%s%d",
                                  n == 0                          ? ""
                                  : 2 * size <= MODEL_SIZE_MAX_PX ? ", "
                                                                  : " or ",
                                  size);
}

static enum status check_sizes(const struct model_config *c, struct errmsg *em)
{
    int size = c->image_size;
    while (size % 2 == 0 && size > c->code_size)
        size /= 2;
    if (size == c->code_size && c->image_size > c->code_size)
        return ST_OK;
    char possible[64];
    list_sizes(c->code_size, possible, sizeof possible);
    return FAIL(em, ST_CONFIG,
                "model.image_size = %d cannot be halved to model.code_size = %d; set it to %s",
                c->image_size, c->code_size, possible);
}

static enum status check(const struct model_config *c, struct errmsg *em)
{
    enum status st = check_ranges(c, em);
    if (st == ST_OK)
        st = check_sizes(c, em);
    if (st == ST_OK && c->norm == MODEL_NORM_GROUP && c->blocks == 0)
        st = FAIL(em, ST_CONFIG,
                  "model.norm = \"group\" normalizes in residual blocks, but model.blocks = 0: set "
                  "model.blocks to 1 or more, or model.norm = \"none\"");
    return st;
}

enum status architecture_check(const struct model_config *c, struct errmsg *em)
{
    struct model_config r = architecture_resolve(c);
    return check(&r, em);
}

/* ---- Channels -------------------------------------------------------------------------------- */

int architecture_channels(const struct model_config *c, int size)
{
    struct model_config r = architecture_resolve(c);
    int channels = r.width, at;
    for (at = WIDTH_SIZE; at < size; at *= 2)
        channels /= 2;
    for (; at / 2 >= size; at /= 2)
        channels *= 2;
    return MIN(channels, r.width_max);
}

enum status architecture_check_growth(const struct model_config *from,
                                      const struct model_config *to, struct errmsg *em)
{
    int channels = architecture_channels(to, to->image_size / 2);
    if (to->image_size <= from->image_size || channels >= ARCHITECTURE_CARRIED_CHANNELS)
        return ST_OK;
    return FAIL(em, ST_CONFIG,
                "pictures of %d px cannot grow to %d px: that takes %d channels at %d px, but "
                "model.width = %d gives %d: increase model.width",
                from->image_size, to->image_size, ARCHITECTURE_CARRIED_CHANNELS, to->image_size / 2,
                to->width, channels);
}
