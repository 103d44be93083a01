#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "data/set.h"
#include "data/sheet.h"
#include "inspect.h"

enum { PARTS = 8 };

/* Names of the datasets a set has; returns how many. */
static int list_parts(const struct set_info *info, const char *parts[static PARTS])
{
    const struct {
        bool has;
        const char *name;
    } all[PARTS] = {
        {true,                                            "images"   },
        {true,                                            "names"    },
        {info->has_hashes,                                "xxh3"     },
        {info->has_masks,                                 "masks"    },
        {info->has_truth,                                 "truth"    },
        {info->has_landmarks && !info->landmarks_derived, "landmarks"},
        {info->has_points,                                "points"   },
        {info->has_matrix,                                "matrix"   },
    };
    int n = 0;
    for (int i = 0; i < PARTS; i++)
        if (all[i].has)
            parts[n++] = all[i].name;
    return n;
}

static json_t *set_json(const struct inspect_options *o, const struct set_info *info)
{
    const char *parts[PARTS];
    char fingerprint[17];
    int n = list_parts(info, parts);
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, info->fingerprint);
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_string(parts[i]));
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:i, s:o, s:o, s:o, s:o, s:s, s:b, s:o}", "kind",
                     "set", "path", inspect_text(o->path), "person", inspect_text(info->person),
                     "consent", inspect_text(info->consent), "n", (json_int_t)info->n, "size",
                     info->size, "parts", list, "creator", inspect_text(info->creator), "created",
                     inspect_text(info->created), "source_hash", inspect_text(info->source_hash),
                     "fingerprint", fingerprint, "direct", info->direct, "verified",
                     o->verify ? json_true() : json_null());
}

static const char *or_missing(const char *text, const char *missing)
{
    return text[0] != '\0' ? text : missing;
}

static void print_set(const struct inspect_options *o, const struct set_info *info)
{
    const char *parts[PARTS];
    char line[256];
    size_t used = 0;
    int n = list_parts(info, parts);
    inspect_print("set", o->path);
    inspect_print("person", or_missing(info->person, "(not named)"));
    inspect_print("consent", or_missing(info->consent, "(none: bifrons train refuses this set)"));
    snprintf(line, sizeof line, "%" PRId64 " of %d x %d px", info->n, info->size, info->size);
    inspect_print("pictures", line);
    for (int i = 0; i < n; i++)
        used +=
            (size_t)snprintf(line + used, sizeof line - used, "%s%s", i > 0 ? ", " : "", parts[i]);
    inspect_print("parts", line);
    inspect_print("created", or_missing(info->created, "(not said)"));
    inspect_print("creator", or_missing(info->creator, "(not said)"));
    inspect_print("source hash", or_missing(info->source_hash, "(none)"));
    snprintf(line, sizeof line, "%016" PRIx64, info->fingerprint);
    inspect_print("fingerprint", line);
    inspect_print("hashes", o->verify          ? "verified"
                            : info->has_hashes ? "stored; --verify compares them"
                                               : "none stored");
}

enum status inspect_set(const struct inspect_options *o, struct errmsg *em)
{
    struct set *s;
    enum status st = set_open(o->path, &s, em);
    if (st != ST_OK)
        return st;
    if (o->verify)
        st = set_verify(s, em);
    if (st == ST_OK && o->sheet && (st = sheet_write(s, o->sheet, em)) == ST_OK)
        log_info("contact sheet: %s", o->sheet);
    if (st == ST_OK && o->json)
        st = inspect_print_json(set_json(o, set_get_info(s)), em);
    else if (st == ST_OK)
        print_set(o, set_get_info(s));
    set_free(s);
    return st;
}
