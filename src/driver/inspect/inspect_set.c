#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "data/points.h"
#include "data/set.h"
#include "data/sheet.h"
#include "faces.h"
#include "inspect.h"

enum { PARTS = 12 };

/* Lists the names of the datasets of a set; returns how many. */
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
        {info->has_pose,                                  "pose"     },
        {info->has_identity,                              "identity" },
        {info->has_source,                                "source"   },
        {info->has_time,                                  "time"     },
    };
    int n = 0;
    for (int i = 0; i < PARTS; i++)
        if (all[i].has)
            parts[n++] = all[i].name;
    return n;
}

/* Counts of known points. */
struct known {
    int least, most; /* of a picture */
    int64_t all, n,
        without;     /* n: pictures (0: no points in the set); without: pictures without any */
    int64_t outside; /* known points outside the picture */
};

static enum status count_points(struct set *s, struct known *out, struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    float points[FACE_POINTS][2], edge = (float)info->size - .5f;
    enum status st = ST_OK;
    *out = (struct known){.least = FACE_POINTS, .n = info->has_points ? info->n : 0};
    for (int64_t row = 0; row < out->n && st == ST_OK; row++) {
        st = set_read_points(s, row, points, em);
        int known = st == ST_OK ? points_known((const float(*)[2])points) : 0;
        out->least = MIN(out->least, known);
        out->most = MAX(out->most, known);
        out->all += known;
        out->without += known == 0;
        for (int i = 0; i < FACE_POINTS; i++) /* comparisons with NaN are false */
            out->outside += points[i][0] < -.5f || points[i][1] < -.5f || points[i][0] > edge ||
                            points[i][1] > edge;
    }
    return st;
}

static json_t *known_json(const struct known *k)
{
    return k->n == 0 ? json_null()
                     : json_pack("{s:i, s:i, s:f, s:I, s:I}", "least", k->least, "most", k->most,
                                 "mean", (double)k->all / (double)k->n, "without",
                                 (json_int_t)k->without, "outside", (json_int_t)k->outside);
}

static void print_known(const struct known *k)
{
    char line[256];
    int used =
        k->least == k->most
            ? snprintf(line, sizeof line, "%d of %d known in each picture", k->most, FACE_POINTS)
            : snprintf(line, sizeof line, "%d to %d of %d known a picture, %.1f on average",
                       k->least, k->most, FACE_POINTS, (double)k->all / (double)k->n);
    if (k->without > 0)
        used += snprintf(line + used, sizeof line - (size_t)used,
                         "; none in %" PRId64 " of %" PRId64 " pictures", k->without, k->n);
    if (k->outside > 0)
        snprintf(line + used, sizeof line - (size_t)used, "; %" PRId64 " outside of the picture",
                 k->outside);
    if (k->n > 0)
        inspect_print("points", line);
}

static json_t *set_json(const struct inspect_options *o, const struct set *s,
                        const struct known *known, const struct faces *faces)
{
    const struct set_info *info = set_get_info(s);
    const char *parts[PARTS];
    int n = list_parts(info, parts);
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_string(parts[i]));
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:i, s:o, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:o}",
                     "kind", "set", "path", json_text_or_null(o->paths[0]), "person",
                     json_text_or_null(info->person), "consent", json_text_or_null(info->consent),
                     "n", (json_int_t)info->n, "size", info->size, "parts", list, "creator",
                     json_text_or_null(info->creator), "created", json_text_or_null(info->created),
                     "source_hash", json_text_or_null(info->source_hash), "fingerprint",
                     info->fingerprint_text, "direct", info->direct, "points", known_json(known),
                     "faces", faces_json(faces, s), "verified",
                     o->verify ? json_true() : json_null());
}

static const char *or_missing(const char *text, const char *missing)
{
    return text[0] != '\0' ? text : missing;
}

static void print_set(const struct inspect_options *o, const struct set *s,
                      const struct known *known, const struct faces *faces)
{
    const struct set_info *info = set_get_info(s);
    const char *parts[PARTS];
    char line[256];
    size_t used = 0;
    int n = list_parts(info, parts);
    inspect_print("set", o->paths[0]);
    inspect_print("person", or_missing(info->person, "(not named)"));
    inspect_print("consent", or_missing(info->consent, "(none: bifrons train refuses this set)"));
    snprintf(line, sizeof line, "%" PRId64 " of %d x %d px", info->n, info->size, info->size);
    inspect_print("pictures", line);
    for (int i = 0; i < n; i++)
        used +=
            (size_t)snprintf(line + used, sizeof line - used, "%s%s", i > 0 ? ", " : "", parts[i]);
    inspect_print("parts", line);
    print_known(known);
    faces_print(faces, s);
    inspect_print("created", or_missing(info->created, "(not said)"));
    inspect_print("creator", or_missing(info->creator, "(not said)"));
    inspect_print("source hash", or_missing(info->source_hash, "(none)"));
    inspect_print("fingerprint", info->fingerprint_text);
    inspect_print("hashes", o->verify          ? "verified"
                            : info->has_hashes ? "stored; --verify compares them"
                                               : "none stored");
}

enum status inspect_set(const struct inspect_options *o, struct errmsg *em)
{
    struct set *s;
    enum status st = set_open(o->paths[0], &s, em);
    if (st != ST_OK)
        return st;
    if (o->verify)
        st = set_verify(s, em);
    struct known known;
    if (st == ST_OK)
        st = count_points(s, &known, em);
    struct faces faces;
    if (st == ST_OK)
        st = faces_measure(s, o->verify, &faces, em);
    if (st == ST_OK && o->sheet && (st = sheet_write(s, o->points, o->sheet, em)) == ST_OK)
        log_info("contact sheet: %s", o->sheet);
    if (st == ST_OK && o->json)
        st = json_print(stdout, set_json(o, s, &known, &faces), JSON_COMPACT, em);
    else if (st == ST_OK)
        print_set(o, s, &known, &faces);
    set_free(s);
    return st;
}
