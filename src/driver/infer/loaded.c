#include "loaded.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "data/file_kind.h"
#include "device.h"
#include "model/checkpoint.h"

/* The mean of a person's 128 numbers, if it is there and whole. */
static struct set_identity identity_of(const json_t *numbers)
{
    struct set_identity identity = {.known = json_array_size(numbers) == SET_IDENTITY_NUMBERS};
    for (size_t i = 0; i < SET_IDENTITY_NUMBERS && identity.known; i++) {
        const json_t *number = json_array_get(numbers, i);
        identity.known = json_is_number(number) && isfinite(json_number_value(number));
        identity.mean[i] = (float)json_number_value(number);
    }
    return identity;
}

static void take_meta(struct loaded *l, const char *text)
{
    json_t *meta = json_loads(text ? text : "{}", 0, NULL);
    for (size_t p = 0; p < 2; p++) {
        const char *name = json_string_value(json_array_get(json_object_get(meta, "people"), p));
        const char *print =
            json_string_value(json_array_get(json_object_get(meta, "fingerprints"), p));
        name = name ? name : p == 0 ? "A" : "B";
        snprintf(l->people[p], sizeof l->people[p], "%.*s",
                 (int)text_fit(name, sizeof l->people[p] - 1), name);
        const char *consent =
            json_string_value(json_array_get(json_object_get(meta, "consent"), p));
        l->identities[p] = identity_of(
            json_array_get(json_object_get(json_object_get(meta, "identity"), "mean"), p));
        l->pupils[p] = json_number_value(json_array_get(json_object_get(meta, "pupils"), p));
        snprintf(l->consent[p], sizeof l->consent[p], "%s", consent ? consent : "");
        snprintf(l->fingerprints[p], sizeof l->fingerprints[p], "%s", print ? print : "");
    }
    json_decref(meta);
}

enum status loaded_open(const char *path, const char *device, struct loaded *out, struct errmsg *em)
{
    struct loaded l = {0};
    struct checkpoint *c = NULL;
    struct hash128 hash;
    config_init(&l.config);
    /* first report if the file cannot be read, then its kind */
    enum status st = folder_exists(path) ? ST_OK : file_check_readable(path, em);
    if (st == ST_OK)
        st = file_kind_expect(path, FILE_CHECKPOINT, "checkpoint of bifrons train", em);
    if (st == ST_OK)
        st = checkpoint_open(path, &c, em);
    if (st == ST_OK)
        st = hash128_file(path, &hash, em);
    if (st != ST_OK)
        goto out;
    hash128_hex(hash, l.hash);
    const struct checkpoint_facts *facts = checkpoint_get_facts(c);
    l.step = facts->step;
    take_meta(&l, facts->meta);
    if (facts->config) {
        st = config_merge_text(&l.config, facts->config, path, em);
        if (st != ST_OK)
            goto out;
    }
    char resolved[CONFIG_TEXT_BYTES];
    device_resolve(device[0] ? device : l.config.train.device,
                   model_cuda_device_count() > 0 ? 0 : -1, resolved);
    struct model_options options = {
        .config = checkpoint_get_config(c),
        .device = resolved,
        .loss_weight = {[MODEL_LOSS_L1] = 1.0},
        .adam_beta1 = l.config.train.adam_beta1,
        .adam_beta2 = l.config.train.adam_beta2,
        .adam_eps = l.config.train.adam_eps,
    };
    st = model_new(&options, NULL, &l.model, em);
    if (st == ST_OK)
        st = checkpoint_restore(c, l.model, false, true, em);
    if (st == ST_OK && options.config.pose)
        st = model_get_pose_scale(l.model, l.poses, em);
out:
    checkpoint_free(c);
    if (st != ST_OK) {
        loaded_release(&l);
        return st;
    }
    *out = l;
    return ST_OK;
}

enum loaded_set loaded_compare_set(const struct loaded *l, int person, const struct set *s)
{
    const char *fingerprint = set_get_info(s)->fingerprint_text;
    if (!l->fingerprints[person][0])
        return LOADED_SET_UNKNOWN;
    if (strcmp(fingerprint, l->fingerprints[person]) == 0)
        return LOADED_SET_TRAINED;
    return strcmp(fingerprint, l->fingerprints[1 - person]) == 0 ? LOADED_SET_EXCHANGED
                                                                 : LOADED_SET_ANOTHER;
}

bool loaded_takes_points(const struct loaded *l)
{
    return model_get_options(l->model)->config.pose == MODEL_POSE_GIVEN;
}

void loaded_release(struct loaded *l)
{
    model_free(l->model);
    *l = (struct loaded){0};
}
