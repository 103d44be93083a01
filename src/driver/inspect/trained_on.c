#include "trained_on.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "data/set.h"
#include "inspect.h"

void trained_on_names(const json_t *record, struct trained_on out[static 2])
{
    memset(out, 0, 2 * sizeof *out);
    const char *text = json_string_value(json_object_get(record, "meta"));
    json_t *meta = json_loads(text ? text : "{}", 0, NULL);
    for (size_t p = 0; p < 2; p++) {
        const char *name = json_string_value(json_array_get(json_object_get(meta, "people"), p));
        const char *print =
            json_string_value(json_array_get(json_object_get(meta, "fingerprints"), p));
        snprintf(out[p].person, sizeof out[p].person, "%s", name ? name : "");
        snprintf(out[p].fingerprint, sizeof out[p].fingerprint, "%s", print ? print : "");
    }
    json_decref(meta);
}

static void read_paths(const json_t *record, struct trained_on out[static 2])
{
    const char *text = json_string_value(json_object_get(record, "config"));
    struct config *c = calloc(1, sizeof *c);
    if (!c)
        return;
    config_init(c);
    if (text && config_merge_text(c, text, "config", NULL) == ST_OK) {
        memcpy(out[0].path, c->data.a, sizeof out[0].path);
        memcpy(out[1].path, c->data.b, sizeof out[1].path);
    }
    free(c);
}

/* Compares the recorded fingerprint with that of the set as it is now. */
static enum trained_on_now compare_with_set(struct trained_on *t)
{
    struct set *set = NULL;
    if (!t->path[0] || !t->fingerprint[0])
        return TRAINED_ON_UNKNOWN;
    if (!file_exists(t->path))
        return TRAINED_ON_MISSING;
    if (set_open(t->path, &set, NULL) != ST_OK)
        return TRAINED_ON_UNREADABLE;
    memcpy(t->fingerprint_now, set_get_info(set)->fingerprint_text, sizeof t->fingerprint_now);
    set_free(set);
    return strcmp(t->fingerprint, t->fingerprint_now) == 0 ? TRAINED_ON_SAME : TRAINED_ON_OTHER;
}

void trained_on_read(const json_t *record, struct trained_on out[static 2])
{
    trained_on_names(record, out);
    read_paths(record, out);
    for (int p = 0; p < 2; p++)
        out[p].now = compare_with_set(&out[p]);
}

void trained_on_print(const struct trained_on sets[static 2])
{
    for (int p = 0; p < 2; p++) {
        const struct trained_on *t = &sets[p];
        char name[16], line[PATH_BYTES_MAX + 512], change[128];
        snprintf(change, sizeof change, "holds other pictures now (fingerprint %s, trained on %s)",
                 t->fingerprint_now, t->fingerprint);
        const char *const now[] = {
            [TRAINED_ON_UNKNOWN] = "",
            [TRAINED_ON_SAME] = "the set it was trained on",
            [TRAINED_ON_OTHER] = change,
            [TRAINED_ON_UNREADABLE] = "cannot be read as a set now",
            [TRAINED_ON_MISSING] = "is not there now",
        };
        if (t->now == TRAINED_ON_UNKNOWN)
            continue;
        snprintf(name, sizeof name, "person %c", 'A' + p);
        snprintf(line, sizeof line, "%s; %s: %s", t->person, t->path, now[t->now]);
        inspect_print(name, line);
    }
}

json_t *trained_on_json(const struct trained_on sets[static 2])
{
    static const char *const now[] = {NULL, "same", "other", "unreadable", "missing"};
    json_t *list = json_array();
    for (int p = 0; p < 2; p++)
        if (sets[p].now != TRAINED_ON_UNKNOWN)
            json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:s?}", "person",
                                                  json_text_or_null(sets[p].person), "path",
                                                  json_text_or_null(sets[p].path), "fingerprint",
                                                  json_text_or_null(sets[p].fingerprint), "now",
                                                  now[sets[p].now]));
    return list;
}
