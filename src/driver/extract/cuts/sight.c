#include "sight.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "sharpness.h"

#include "base/poison.h"

#define OUTSIDE_MAX 0.05 /* of the outline's points */

const char *verdict_name(enum verdict v)
{
    static const char *const names[VERDICTS] = {
        [KEPT] = "kept",
        [UNREADABLE] = "unreadable",
        [NO_FACE] = "no face",
        [TOO_SMALL] = "too small",
        [CUT_OFF] = "cut off by the border",
        [BLURRED] = "blurred",
        [DUPLICATE] = "nearly the same as the one before",
        [OTHER_PERSON] = "other person",
        [UNSURE] = "unsure",
        [UNLIKE] = "unlike all other faces",
    };
    return names[v];
}

/* ---- One face -------------------------------------------------------------------------------- */

static enum status cut_picture(const struct sight_rules *r, const struct pyramid *p,
                               struct cut *cut, struct errmsg *em)
{
    struct picture out = {0};
    size_t count = (size_t)r->size * (size_t)r->size * 3;
    float *pixels = malloc(count * sizeof *pixels);
    enum status st =
        pixels ? picture_init(&out, r->size, r->size, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK) {
        pyramid_sample(p, &cut->map, r->size, r->size, pixels);
        for (size_t i = 0; i < count; i++)
            out.rgb[i] = (uint8_t)lrintf(pixels[i]);
        sight_gist(out.rgb, r->size, cut->gist);
        st = picture_encode_png(&out, NULL, &cut->picture, &cut->picture_bytes, em);
    }
    picture_release(&out);
    free(pixels);
    return st;
}

static enum status cut_mask(const struct sight_rules *r, const struct face *face, struct cut *cut,
                            struct errmsg *em)
{
    struct picture out = {0};
    size_t count = (size_t)r->size * (size_t)r->size;
    uint8_t *mask = malloc(count);
    enum status st =
        mask ? picture_init(&out, r->size, r->size, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK) {
        shape_mask(face, &cut->map, r->size, mask);
        for (size_t i = 0; i < 3 * count; i++)
            out.rgb[i] = mask[i / 3];
        st = picture_encode_png(&out, NULL, &cut->mask, &cut->mask_bytes, em);
    }
    picture_release(&out);
    free(mask);
    return st;
}

static enum verdict judge(const struct sight_rules *r, const struct picture *p,
                          const struct face *face, const struct cut *cut, enum person person)
{
    if (person == PERSON_OTHER)
        return OTHER_PERSON;
    if (cut->side < r->side_min)
        return TOO_SMALL;
    if (shape_outside(face, p) > OUTSIDE_MAX)
        return CUT_OFF;
    if (cut->sharpness < r->sharpness_min)
        return BLURRED;
    return person == PERSON_UNSURE ? UNSURE : KEPT;
}

static enum status take(const struct sight_rules *r, const struct pyramid *p,
                        const struct face *face, enum person person, double distance,
                        struct cut *cut, struct errmsg *em)
{
    double points[FACE_POINTS][2];
    *cut = (struct cut){.score = face->score,
                        .side = shape_side(face),
                        .distance = distance,
                        .pose = pose_of(face),
                        .map = shape_cut(face, r->coverage, r->size)};
    struct similarity to_cut = similarity_inverse(&cut->map);
    shape_points(face, points);
    for (int i = 0; i < FACE_POINTS; i++)
        similarity_apply(&to_cut, points[i][0], points[i][1], cut->points[i]);
    memcpy(cut->identity, face->identity, sizeof cut->identity);
    enum status st = sharpness_of(p, face, &cut->sharpness, em);
    if (st != ST_OK)
        return st;
    cut->verdict = judge(r, &p->levels[0], face, cut, person);
    if (cut->verdict != KEPT && cut->verdict != UNSURE)
        return ST_OK;
    st = cut_picture(r, p, cut, em);
    return st == ST_OK ? cut_mask(r, face, cut, em) : st;
}

/* ---- The frame ------------------------------------------------------------------------------- */

/* The face that is most like the references. */
static size_t nearest(const struct people *people, const struct face *faces, size_t n,
                      enum person *person, double *distance)
{
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        double d;
        enum person p = people_judge(people, &faces[i], &d);
        if (i > 0 && !(d < *distance))
            continue;
        best = i;
        *person = p;
        *distance = d;
    }
    return best;
}

static enum status take_faces(const struct sight_rules *r, const struct picture *picture,
                              const struct face *faces, size_t n, struct sight *out,
                              struct errmsg *em)
{
    struct pyramid p = {0};
    enum person person = PERSON_MEANT;
    double distance = NAN;
    bool referred = r->people->n[PEOPLE_MEANT] > 0;
    size_t first = referred ? nearest(r->people, faces, n, &person, &distance) : 0;
    size_t end = referred ? first + 1 : n;
    enum status st = pyramid_init(&p, picture, em);
    out->cuts = calloc(n, sizeof *out->cuts);
    if (st == ST_OK && !out->cuts)
        st = FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = first; i < end && st == ST_OK; i++)
        st = take(r, &p, &faces[i], person, distance, &out->cuts[out->n++], em);
    pyramid_release(&p);
    return st;
}

enum status sight_look(struct finder *f, const struct sight_rules *rules, struct frame *frame,
                       struct sight *out, struct errmsg *em)
{
    struct errmsg why = {0};
    size_t n = 0;
    *out = (struct sight){.path = frame->path, .time_s = frame->time_s, .verdict = NO_FACE};
    enum status st = frame_load(frame, &why);
    if (st == ST_DATA || st == ST_NOINPUT || st == ST_IO) {
        out->verdict = UNREADABLE;
        out->why = why;
        return ST_OK;
    }
    if (st != ST_OK)
        return FAIL(em, st, "%s: %s; try --threads 1", frame->path, why.text);
    memcpy(out->profile, frame->picture.profile, sizeof out->profile);
    struct face *faces = malloc(FINDER_FACES_MAX * sizeof *faces);
    st = faces ? finder_seek(f, &frame->picture, rules->people, 1, faces, &n, em)
               : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK && n > 0)
        st = take_faces(rules, &frame->picture, faces, n, out, em);
    free(faces);
    picture_release(&frame->picture);
    return st;
}

void sight_release(struct sight *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->cuts[i].picture);
        free(s->cuts[i].mask);
    }
    free(s->cuts);
    *s = (struct sight){0};
}

/* ---- The gist -------------------------------------------------------------------------------- */

void sight_gist(const uint8_t *rgb, int size, uint8_t gist[SIGHT_GIST * SIGHT_GIST])
{
    for (int v = 0; v < SIGHT_GIST; v++)
        for (int u = 0; u < SIGHT_GIST; u++) {
            int top = v * size / SIGHT_GIST, left = u * size / SIGHT_GIST;
            int bottom = MAX((v + 1) * size / SIGHT_GIST, top + 1);
            int right = MAX((u + 1) * size / SIGHT_GIST, left + 1), sum = 0;
            for (int y = top; y < bottom; y++)
                for (int x = left; x < right; x++)
                    for (int c = 0; c < 3; c++)
                        sum += rgb[3 * ((size_t)y * (size_t)size + (size_t)x) + (size_t)c];
            gist[v * SIGHT_GIST + u] = (uint8_t)(sum / (3 * (bottom - top) * (right - left)));
        }
}

double sight_difference(const uint8_t *a, const uint8_t *b)
{
    double sum = 0;
    for (int i = 0; i < SIGHT_GIST * SIGHT_GIST; i++)
        sum += abs(a[i] - b[i]);
    return sum / (SIGHT_GIST * SIGHT_GIST);
}
