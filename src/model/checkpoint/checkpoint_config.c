/* The architecture in a checkpoint: a dict of keys; the values are numbers, words and booleans as
 * in the configuration. */
#include <jansson.h>
#include <string.h>

#include "base/checked.h"
#include "checkpoint_priv.h"

#include "base/poison.h"

static bool is_switch(const struct architecture_key *key)
{
    return key->words && strcmp(key->words[0], "false") == 0;
}

/* Python's class of before this key reads files of networks without it, too. */
static bool is_left_out(const struct architecture_key *key, int value)
{
    return strcmp(key->name, "pose") == 0 && value == MODEL_POSE_NONE;
}

struct shim_value *checkpoint_config_value(struct shim_archive *a, const struct model_config *c)
{
    const struct architecture_key *keys;
    size_t n = architecture_keys(&keys);
    struct shim_value *dict = shim_value_dict(a);
    for (size_t i = 0; i < n; i++) {
        int value = architecture_get(c, &keys[i]);
        if (is_left_out(&keys[i], value))
            continue;
        struct shim_value *v = is_switch(&keys[i]) ? shim_value_bool(a, value)
                               : keys[i].words     ? shim_value_string(a, keys[i].words[value])
                                                   : shim_value_int(a, value);
        shim_put(a, dict, keys[i].name, v);
    }
    return dict;
}

json_t *checkpoint_config_json(const struct model_config *c)
{
    const struct architecture_key *keys;
    size_t n = architecture_keys(&keys);
    json_t *object = json_object();
    for (size_t i = 0; i < n; i++) {
        int value = architecture_get(c, &keys[i]);
        if (is_left_out(&keys[i], value))
            continue;
        json_object_set_new(object, keys[i].name,
                            is_switch(&keys[i]) ? json_boolean(value)
                            : keys[i].words     ? json_string(keys[i].words[value])
                                                : json_integer(value));
    }
    return object;
}

/* false: v is not a value of the key. */
static bool read_value(const struct shim_value *v, const struct architecture_key *key, int *out)
{
    int64_t number;
    bool on;
    const char *word = shim_get_string(v);
    if (is_switch(key) && shim_get_bool(v, &on)) {
        *out = on;
        return true;
    }
    if (!key->words && shim_get_int(v, &number) && number >= key->low && number <= key->high) {
        *out = (int)number;
        return true;
    }
    for (int i = 0; word && key->words && i <= key->high; i++)
        if (strcmp(word, key->words[i]) == 0) {
            *out = i;
            return true;
        }
    return false;
}

enum status checkpoint_config_read(struct shim_archive *a, const struct shim_value *dict,
                                   const char *path, struct model_config *out, struct errmsg *em)
{
    const struct architecture_key *keys;
    size_t n = architecture_keys(&keys);
    struct model_config c = {0};
    struct errmsg why = {0};
    for (size_t i = 0; i < n; i++) {
        const struct shim_value *v = shim_get(a, dict, keys[i].name);
        int value = 0;
        /* old files of the light model have image_size and latent only */
        if (v && !read_value(v, &keys[i], &value))
            return FAIL(em, ST_DATA,
                        "%s: its model's \"%s\" has a value that this program does not know; use a "
                        "newer bifrons, or another checkpoint",
                        path, keys[i].name);
        if (!v && i == 0)
            return FAIL(em, ST_DATA, "%s is no checkpoint of bifrons: it has no readable \"model\"",
                        path);
        architecture_set(&c, &keys[i], value);
    }
    if (architecture_check(&c, &why) != ST_OK)
        return FAIL(em, ST_DATA, "%s: its model cannot be built: %s", path, why.text);
    *out = c;
    return ST_OK;
}
