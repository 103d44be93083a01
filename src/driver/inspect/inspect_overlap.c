/*
 * bifrons inspect A.h5 B.h5 --overlap OUT.png: where the poses of two people overlap. A decoder has
 * learned only the poses in its person's pictures, so a swap works in poses that both sets have.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/log.h"
#include "data/chart.h"
#include "faces.h"
#include "inspect.h"

#include "base/poison.h"

enum { SETS = 2, LIMIT_FIRST = 10, LIMIT_LAST = 80, LIMIT_STEP = 5, GAP_LEAST = 3, CELL = 10 };

/* A gap: one set has at least this share of its faces beyond a limit, the other less than a tenth
 * of the first set's share. */
static const double GAP_SHARE = 0.01, GAP_RATIO = 0.1;

static const struct {
    int angle, sign;
    const char *what;
} directions[] = {
    {0, -1, "turned to the left" },
    {0, 1,  "turned to the right"},
    {1, -1, "turned down"        },
    {1, 1,  "turned up"          },
};

struct side {
    struct set *set;
    struct face_poses poses;
    int64_t known, near; /* near: faces whose cell also has a face of the other set */
};

/* Faces of `who` beyond a limit of which the other set has too few. */
struct gap {
    int who;
    size_t direction;
    int degrees;
    int64_t n[SETS];
};

struct overlap {
    struct side sides[SETS];
    struct gap gaps[SETS * ARRAY_LENGTH(directions)];
    size_t n_gaps;
    double apart; /* set_identity_distance */
};

static bool is_known(const struct side *s, int64_t i)
{
    return !isnan(s->poses.angle[0][i]) && !isnan(s->poses.angle[1][i]);
}

/* --- measuring -------------------------------------------------------------------------------- */

static int64_t count_beyond(const struct side *s, size_t direction, int degrees)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->poses.n; i++)
        n += is_known(s, i) &&
             directions[direction].sign * s->poses.angle[directions[direction].angle][i] > degrees;
    return n;
}

/* Records a gap: the least turn beyond which the other set has too few faces, if there is one. */
static void find_gap(struct overlap *o, int who, size_t direction)
{
    const struct side *own = &o->sides[who], *other = &o->sides[1 - who];
    for (int degrees = LIMIT_FIRST; degrees <= LIMIT_LAST; degrees += LIMIT_STEP) {
        int64_t n = count_beyond(own, direction, degrees),
                n_other = count_beyond(other, direction, degrees);
        double share = (double)n / (double)own->known,
               share_other = (double)n_other / (double)other->known;
        if (n < GAP_LEAST || share < GAP_SHARE)
            return;
        if (share_other > GAP_RATIO * share)
            continue;
        struct gap *g = &o->gaps[o->n_gaps++];
        *g = (struct gap){.who = who, .direction = direction, .degrees = degrees};
        g->n[who] = n;
        g->n[1 - who] = n_other;
        return;
    }
}

/* Cells of CELL x CELL degrees, so that the time does not grow with the product of the sets' sizes.
 */
enum { CELLS = 360 / CELL + 1 };

static int cell_of(double angle)
{
    return MIN(MAX((int)floor((angle + 180) / CELL), 0), CELLS - 1);
}

static void mark_cells(const struct side *s, bool marked[CELLS][CELLS])
{
    for (int64_t i = 0; i < s->poses.n; i++)
        if (is_known(s, i))
            marked[cell_of(s->poses.angle[0][i])][cell_of(s->poses.angle[1][i])] = true;
}

static void count_near(struct side *s, bool marked[CELLS][CELLS])
{
    for (int64_t i = 0; i < s->poses.n; i++)
        s->near +=
            is_known(s, i) && marked[cell_of(s->poses.angle[0][i])][cell_of(s->poses.angle[1][i])];
}

static enum status open_sides(struct overlap *o, const char *const paths[SETS], struct errmsg *em)
{
    enum status st = ST_OK;
    bool points = false;
    for (int p = 0; p < SETS && st == ST_OK; p++)
        st = set_open(paths[p], &o->sides[p].set, em);
    for (int p = 0; p < SETS && st == ST_OK; p++)
        points = points || !set_get_info(o->sides[p].set)->has_pose;
    for (int p = 0; p < SETS && st == ST_OK; p++) {
        struct side *s = &o->sides[p];
        st = face_poses_read(s->set, points, &s->poses, em);
        for (int64_t i = 0; i < s->poses.n && st == ST_OK; i++)
            s->known += is_known(s, i);
        if (st == ST_OK && s->known == 0)
            st = FAIL(em, ST_DATA, "%s: the pose of no face is known", paths[p]);
    }
    return st;
}

static enum status measure(struct overlap *o, struct errmsg *em)
{
    struct set_identity means[SETS];
    bool marked[SETS][CELLS][CELLS] = {0};
    for (int p = 0; p < SETS; p++)
        mark_cells(&o->sides[p], marked[p]);
    for (int p = 0; p < SETS; p++) {
        count_near(&o->sides[p], marked[1 - p]);
        for (size_t d = 0; d < ARRAY_LENGTH(directions); d++)
            find_gap(o, p, d);
    }
    for (int p = 0; p < SETS; p++) {
        enum status st = set_mean_identity(o->sides[p].set, &means[p], em);
        if (st != ST_OK)
            return st;
    }
    o->apart = set_identity_distance(&means[0], &means[1]);
    return ST_OK;
}

/* --- printing --------------------------------------------------------------------------------- */

static const char *person_name(const struct side *s)
{
    const struct set_info *info = set_get_info(s->set);
    return info->person[0] != '\0' ? info->person : set_path(s->set);
}

static double percent(int64_t n, int64_t of)
{
    return 100 * (double)n / (double)of;
}

static void print_gap(const struct overlap *o, const struct gap *g)
{
    char line[2 * SET_TEXT_BYTES_MAX + 256];
    const struct side *own = &o->sides[g->who], *other = &o->sides[1 - g->who];
    int used = snprintf(line, sizeof line,
                        "%s has %" PRId64 " of %" PRId64 " faces %s beyond %d degrees, %s has ",
                        person_name(own), g->n[g->who], own->known, directions[g->direction].what,
                        g->degrees, person_name(other));
    if (g->n[1 - g->who] == 0)
        snprintf(line + used, sizeof line - (size_t)used, "none");
    else
        snprintf(line + used, sizeof line - (size_t)used, "%" PRId64 " of %" PRId64,
                 g->n[1 - g->who], other->known);
    inspect_print("gap", line);
}

static void print_overlap(const struct overlap *o)
{
    char line[2 * SET_TEXT_BYTES_MAX + 256];
    for (int p = 0; p < SETS; p++) {
        const struct side *s = &o->sides[p], *other = &o->sides[1 - p];
        snprintf(line, sizeof line,
                 "%.0f %% of %s's %" PRId64 " faces are turned as some face of %s is, within cells "
                 "of %d degrees%s",
                 percent(s->near, s->known), person_name(s), s->known, person_name(other), CELL,
                 s->poses.from_points ? " (from /points: roughly)" : "");
        inspect_print("overlap", line);
    }
    for (size_t i = 0; i < o->n_gaps; i++)
        print_gap(o, &o->gaps[i]);
    snprintf(line, sizeof line,
             "the means of their identities are %.2f apart: %s (two people: %.2f or more)",
             o->apart,
             o->apart < SET_PEOPLE_APART ? "both sets seem to show one person" : "two people",
             SET_PEOPLE_APART);
    if (!isnan(o->apart))
        inspect_print("identity", line);
    inspect_print("advice",
                  o->n_gaps == 0
                      ? "both people turn equally far in each direction"
                      : "swaps of faces in a gap will be poor: add pictures of the person who "
                        "has few, or leave such faces out");
}

static json_t *overlap_json(const struct overlap *o)
{
    json_t *sets = json_array(), *gaps = json_array();
    for (int p = 0; p < SETS; p++) {
        const struct side *s = &o->sides[p];
        json_array_append_new(sets, json_pack("{s:o, s:o, s:I, s:I, s:s}", "path",
                                              json_text_or_null(set_path(s->set)), "person",
                                              json_text_or_null(person_name(s)), "known",
                                              (json_int_t)s->known, "near", (json_int_t)s->near,
                                              "from", s->poses.from_points ? "points" : "pose"));
    }
    for (size_t i = 0; i < o->n_gaps; i++) {
        const struct gap *g = &o->gaps[i];
        json_array_append_new(gaps, json_pack("{s:i, s:s, s:i, s:[I, I]}", "set", g->who, "faces",
                                              directions[g->direction].what, "beyond", g->degrees,
                                              "n", (json_int_t)g->n[0], (json_int_t)g->n[1]));
    }
    return json_pack("{s:s, s:o, s:o, s:o}", "kind", "overlap", "sets", sets, "gaps", gaps, "apart",
                     isnan(o->apart) ? json_null() : json_real(o->apart));
}

static enum status draw(const struct overlap *o, const char *path, struct errmsg *em)
{
    struct chart_line dots[SETS];
    struct picture picture;
    char title[2 * SET_TEXT_BYTES_MAX + 16];
    for (int p = 0; p < SETS; p++)
        dots[p] = (struct chart_line){.name = p == 0 ? "A" : "B",
                                      .dots = true,
                                      .n = (size_t)o->sides[p].poses.n,
                                      .x = o->sides[p].poses.angle[0],
                                      .y = o->sides[p].poses.angle[1]};
    const struct chart_panel panel = {
        "Yaw and pitch of each face",
        {"yaw, degrees: to the picture's left | right", 0, 0, 0},
        {"pitch, degrees: down | up",                   0, 0, 0},
        dots,
        SETS
    };
    snprintf(title, sizeof title, "A: %s, B: %s", person_name(&o->sides[0]),
             person_name(&o->sides[1]));
    enum status st = chart_draw(title, "A swap works where both overlap", &panel, 1, &picture, em);
    if (st != ST_OK)
        return st;
    st = picture_write_png(path, &picture, NULL, em);
    picture_release(&picture);
    if (st == ST_OK)
        log_info("plot of the poses: %s", path);
    return st;
}

enum status inspect_overlap(const struct inspect_options *o, struct errmsg *em)
{
    const char *const paths[SETS] = {o->paths[0], o->paths[1]};
    struct overlap overlap = {0};
    enum status st = open_sides(&overlap, paths, em);
    if (st == ST_OK)
        st = measure(&overlap, em);
    if (st == ST_OK && o->json)
        st = json_print(stdout, overlap_json(&overlap), JSON_COMPACT, em);
    else if (st == ST_OK)
        print_overlap(&overlap);
    if (st == ST_OK)
        st = draw(&overlap, o->overlap, em);
    for (int p = 0; p < SETS; p++) {
        face_poses_release(&overlap.sides[p].poses);
        set_free(overlap.sides[p].set);
    }
    return st;
}
