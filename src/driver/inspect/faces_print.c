#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/checked.h"
#include "data/picture_folder.h"
#include "faces.h"
#include "inspect.h"

#include "base/poison.h"

static const char *const angles[SET_ANGLES] = {"yaw", "pitch", "roll"};

static void list_unusual(const struct unusual *u, const struct set *s, const char *what, char *out,
                         size_t out_bytes)
{
    struct name_list names = {0};
    char text[SET_NAME_BYTES_MAX + 32];
    for (int64_t i = 0; i < MIN(u->n, FACES_WORST_MAX); i++) {
        snprintf(text, sizeof text, "%s (%.2f)", set_name(s, u->worst[i].row), u->worst[i].value);
        name_list_add(&names, text);
    }
    names.n = (size_t)u->n;
    snprintf(out, out_bytes, "; %" PRId64 " %s: %s", u->n, what, name_list_text(&names));
}

/* Rounded, and never "-0". */
static double whole(double value)
{
    return round(value) + 0.0;
}

static void print_poses(const struct faces *f, int64_t n)
{
    char line[256];
    int64_t unknown = n - f->angles[0].known;
    if (f->angles[0].known == 0)
        return;
    int used =
        snprintf(line, sizeof line, "degrees, from /%s",
                 f->pose_from_points ? "points: estimated; pitch relative to its median" : "pose");
    if (unknown > 0)
        snprintf(line + used, sizeof line - (size_t)used,
                 "; not known of %" PRId64 " of %" PRId64 " pictures", unknown, n);
    inspect_print("pose", line);
    for (int i = 0; i < SET_ANGLES; i++) {
        const struct spread *a = &f->angles[i];
        char name[16];
        snprintf(name, sizeof name, "  %s", angles[i]);
        snprintf(line, sizeof line,
                 "%.0f to %.0f; 5 %% below %.0f, half below %.0f, 5 %% above %.0f", whole(a->least),
                 whole(a->most), whole(a->p5), whole(a->p50), whole(a->p95));
        inspect_print(name, line);
    }
}

void faces_print(const struct faces *f, const struct set *s)
{
    char line[2048];
    int64_t n = set_get_info(s)->n;
    print_poses(f, n);
    if (f->sharpness.known > 0) {
        const struct spread *a = &f->sharpness;
        int used =
            snprintf(line, sizeof line, "%.2f to %.2f, half below %.2f", a->least, a->most, a->p50);
        if (n > FACES_LOOKED_AT_MAX && a->known < n)
            used += snprintf(line + used, sizeof line - (size_t)used,
                             " (%" PRId64 " of %" PRId64 " pictures; --verify looks at all)",
                             a->known, n);
        if (f->blurred.n > 0)
            list_unusual(&f->blurred, s, "less than half as sharp as most", line + used,
                         sizeof line - (size_t)used);
        inspect_print("sharpness", line);
    }
    if (f->identity.known > 0) {
        const struct spread *a = &f->identity;
        int used = snprintf(line, sizeof line,
                            "distance to the person's mean: %.2f to %.2f, half below %.2f",
                            a->least, a->most, a->p50);
        if (a->known < n)
            used += snprintf(line + used, sizeof line - (size_t)used,
                             "; not known of %" PRId64 " of %" PRId64 " pictures", n - a->known, n);
        if (f->strangers.n > 0)
            list_unusual(&f->strangers, s, "may show another person", line + used,
                         sizeof line - (size_t)used);
        inspect_print("identity", line);
    }
    if (f->sources > 0) {
        snprintf(line, sizeof line, "%" PRId64 " file%s", f->sources, PLURAL(f->sources));
        inspect_print("sources", line);
    }
    if (f->time.known > 0) {
        snprintf(line, sizeof line, "%.1f to %.1f s", f->time.least, f->time.most);
        inspect_print("time", line);
    }
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *spread_json(const struct spread *a)
{
    return a->known == 0
               ? json_null()
               : json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "known", (json_int_t)a->known, "least",
                           a->least, "p5", a->p5, "p50", a->p50, "p95", a->p95, "most", a->most);
}

static json_t *unusual_json(const struct unusual *u, const struct set *s)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < MIN(u->n, FACES_WORST_MAX); i++)
        json_array_append_new(list, json_pack("{s:o, s:f}", "name",
                                              json_text_or_null(set_name(s, u->worst[i].row)),
                                              "value", u->worst[i].value));
    return list;
}

json_t *faces_json(const struct faces *f, const struct set *s)
{
    json_t *pose = json_null(), *sharpness = spread_json(&f->sharpness),
           *identity = spread_json(&f->identity);
    if (f->angles[0].known > 0)
        pose = json_pack("{s:s, s:o, s:o, s:o}", "from", f->pose_from_points ? "points" : "pose",
                         angles[0], spread_json(&f->angles[0]), angles[1],
                         spread_json(&f->angles[1]), angles[2], spread_json(&f->angles[2]));
    if (json_is_object(sharpness)) {
        json_object_set_new(sharpness, "n_blurred", json_integer(f->blurred.n));
        json_object_set_new(sharpness, "blurred", unusual_json(&f->blurred, s));
    }
    if (json_is_object(identity)) {
        json_object_set_new(identity, "n_strangers", json_integer(f->strangers.n));
        json_object_set_new(identity, "strangers", unusual_json(&f->strangers, s));
    }
    return json_pack("{s:o, s:o, s:o, s:I, s:o}", "pose", pose, "sharpness", sharpness, "identity",
                     identity, "sources", (json_int_t)f->sources, "time", spread_json(&f->time));
}
