/* run.json, the sets that it names, and the checkpoints that are there. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "data/pose.h"
#include "data/set.h"
#include "data/sheet.h"
#include "page_priv.h"

#include "base/poison.h"

enum {
    RECORD_BYTES_MAX = 16 << 20,
    SHEET_SIDE_MAX = 820,
    CHECKPOINTS_MAX = 1000,
    POSES_SHOWN = 300,
    SHEETS_RUNS_MAX = 4, /* of a page with more runs, none has sheets */
};

/* --- run.json --------------------------------------------------------------------------------- */

/* null if there is none or it is damaged. */
static json_t *read_record(struct page_part *p)
{
    char path[PATH_BYTES_MAX];
    struct errmsg em = {0};
    json_error_t where;
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!page_path(p->run, "run.json", path) || !file_exists(path)) {
        page_note_add(p, "%s has no run.json: hosts, versions and people are not known",
                      p->run->folder);
        return json_null();
    }
    if (file_read_all(path, RECORD_BYTES_MAX, &bytes, &n, &em) != ST_OK) {
        page_note_add(p, "%s", em.text);
        return json_null();
    }
    json_t *record = json_loadb((const char *)bytes, n, 0, &where);
    free(bytes);
    if (json_is_object(record))
        return record;
    page_note_add(p, "%s is damaged: %s", path, record ? "it is no object" : where.text);
    json_decref(record);
    return json_null();
}

/* --- Sets ------------------------------------------------------------------------------------- */

static json_t *sheet_json(struct page_part *p, struct set *set)
{
    struct picture sheet = {0};
    struct errmsg em = {0};
    if (sheet_draw(set, false, &sheet, &em) != ST_OK) {
        page_note_add(p, "%s", em.text);
        return json_null();
    }
    json_t *uri = page_picture_uri(&sheet, NULL, SHEET_SIDE_MAX);
    picture_release(&sheet);
    return uri;
}

/* Yaw and pitch of a face in degrees; false: not known. */
static bool read_turn(struct set *set, int64_t row, double turn[2])
{
    struct errmsg em = {0};
    float angles[SET_ANGLES], points[FACE_POINTS][2];
    if (set_get_info(set)->has_pose) {
        if (set_read_pose(set, row, angles, &em) != ST_OK)
            return false;
        turn[0] = (double)angles[0];
        turn[1] = (double)angles[1];
    } else {
        if (set_read_points(set, row, points, &em) != ST_OK)
            return false;
        struct pose_turn t = pose_degrees(pose_turn_of((const float(*)[2])points));
        turn[0] = t.yaw;
        turn[1] = t.pitch;
    }
    return isfinite(turn[0]) && isfinite(turn[1]);
}

/* Tenths of a degree, rounded down: a face stays in its cell of 10 degrees. */
static double tenths(double degrees)
{
    return floor(10 * degrees) / 10;
}

/* [[yaw, pitch], …] of faces that are spread evenly over the set. */
static json_t *poses_json(struct page_part *p, struct set *set)
{
    int64_t n = set_get_info(set)->n, shown = MIN(n, (int64_t)POSES_SHOWN);
    json_t *list = json_array();
    double turn[2];
    for (int64_t i = 0; i < shown; i++)
        if (read_turn(set, i * n / shown, turn))
            json_append(list, json_pack("[f, f]", tenths(turn[0]), tenths(turn[1])), &p->failed);
    return list;
}

/* The set of a person as it is now: {"now": "same", …} or {"now": "…, and why"}. */
static json_t *set_json(struct page_part *p, const json_t *person)
{
    const char *path = json_string_value(json_object_get(person, "set"));
    const char *trained_on = json_string_value(json_object_get(person, "fingerprint"));
    struct set *set = NULL;
    struct errmsg em = {0};
    json_t *o = json_object();
    if (!path || !file_exists(path)) {
        json_put(o, "now", json_string("not found from the folder in which this was written"),
                 &p->failed);
        return o;
    }
    if (set_open(path, &set, &em) != ST_OK) {
        json_put(o, "now", json_text_or_null(em.text), &p->failed);
        return o;
    }
    const struct set_info *info = set_get_info(set);
    bool same = trained_on && strcmp(trained_on, info->fingerprint_text) == 0;
    json_put(o, "now", json_string(same ? "same" : "holds other pictures now"), &p->failed);
    if (same) {
        json_put(o, "size", json_integer(info->size), &p->failed);
        json_put(o, "masks", json_boolean(info->has_masks), &p->failed);
        json_put(o, "points", json_boolean(info->has_points), &p->failed);
        json_put(o, "truth", json_boolean(info->has_truth), &p->failed);
        if (p->n_runs <= SHEETS_RUNS_MAX)
            json_put(o, "sheet", sheet_json(p, set), &p->failed);
        json_put(o, "pose", json_boolean(info->has_pose), &p->failed);
        if (info->has_pose || info->has_points)
            json_put(o, "poses", poses_json(p, set), &p->failed);
    }
    set_free(set);
    return o;
}

static json_t *sets_json(struct page_part *p, const json_t *record)
{
    const json_t *people = json_object_get(record, "people");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(people) && i < 2; i++)
        json_append(list, set_json(p, json_array_get(people, i)), &p->failed);
    return list;
}

/* --- Checkpoints ------------------------------------------------------------------------------ */

static json_t *link_json(const char *folder, const char *name)
{
    char path[PATH_BYTES_MAX], target[256];
    ssize_t n =
        path_join(path, sizeof path, folder, name) ? readlink(path, target, sizeof target - 1) : -1;
    target[n > 0 ? n : 0] = '\0';
    return n > 0 ? json_text_or_null(target) : json_null();
}

static json_t *checkpoints_json(struct page_part *p)
{
    char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
    struct stat s;
    json_t *list = json_array();
    DIR *d = page_path(p->run, "checkpoints", folder) ? opendir(folder) : NULL;
    for (struct dirent *e; d && (e = readdir(d)) && json_array_size(list) < CHECKPOINTS_MAX;)
        if (strncmp(e->d_name, "step-", 5) == 0 && strcmp(path_extension(e->d_name), ".pt") == 0 &&
            path_join(path, sizeof path, folder, e->d_name) && stat(path, &s) == 0)
            json_append(list,
                        json_pack("{s:o, s:I}", "name", json_text_or_null(e->d_name), "bytes",
                                  (json_int_t)s.st_size),
                        &p->failed);
    if (d)
        closedir(d);
    return json_pack("{s:o, s:o, s:o}", "files", list, "best",
                     d ? link_json(folder, "best.pt") : json_null(), "latest",
                     d ? link_json(folder, "latest.pt") : json_null());
}

void page_add_record(struct page_part *p)
{
    json_t *record = read_record(p);
    if (!p->run->sets && json_is_object(record))
        p->run->sets = sets_json(p, record);
    json_put(p->object, "record", record, &p->failed);
    json_put(p->object, "sets", p->run->sets ? json_incref(p->run->sets) : json_array(),
             &p->failed);
    json_put(p->object, "checkpoints", checkpoints_json(p), &p->failed);
}
