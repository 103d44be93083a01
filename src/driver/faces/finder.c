#include "finder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "command.h"
#include "detect.h"
#include "model/operations.h"
#include "people.h"
#include "shape.h"

#include "base/poison.h"

enum { MESH_SIDE = 192, EYE_SIDE = 64, EYE_OUTLINE = 71, IRIS = 5, CHIP_SIDE = 150 };
#define ROOM_MESH           1.5 /* side of the mesh's square, in widths of the face */
#define ROOM_CLOSE          1.25
#define ROOM_EYE            2.3
#define BELOW_OPEN          0.08 /* of an iris, in widths of the eye; measured on rendered people */
#define BELOW_SHUT          0.16
#define PRESENCE_MIN        0.5 /* of a face that the detector is sure of */
#define PRESENCE_MIN_UNSURE 0.9

struct finder {
    struct operations_file *faces, *identity;
    const struct operations_network *detect, *mesh, *iris, *embed;
    struct detection detections[DETECTIONS_MAX];
    float mesh_in[MESH_SIDE * MESH_SIDE * 3], mesh_out[FACE_MESH * 3];
    float eyes_in[2][EYE_SIDE * EYE_SIDE * 3], outline_out[2][EYE_OUTLINE * 3];
    float iris_out[2][IRIS * 3], chip[CHIP_SIDE * CHIP_SIDE * 3];
};

/* ---- Opening --------------------------------------------------------------------------------- */

static bool fits(const struct operations_network *n, int side, size_t first, size_t second)
{
    if (!n || operations_n_outputs(n) != (second ? 2 : 1))
        return false;
    struct operations_shape in = operations_input(n);
    return in.channels == 3 && in.height == side && in.width == side &&
           operations_count(operations_output(n, 0)) == first &&
           (!second || operations_count(operations_output(n, 1)) == second);
}

static enum status find_networks(struct finder *f, const char *path, struct errmsg *em)
{
    f->detect = operations_find(f->faces, "detect");
    f->mesh = operations_find(f->faces, "mesh");
    f->iris = operations_find(f->faces, "iris");
    f->embed = operations_find(f->identity, "identity");
    if (detect_fits(f->detect) && fits(f->mesh, MESH_SIDE, (size_t)FACE_MESH * 3, 1) &&
        fits(f->iris, EYE_SIDE, (size_t)EYE_OUTLINE * 3, (size_t)IRIS * 3) &&
        fits(f->embed, CHIP_SIDE, FACE_IDENTITY, 0))
        return ST_OK;
    return FAIL(em, ST_DATA,
                "the networks in %s are not those that are read here; make them again with "
                "scripts/setup --photographs",
                path);
}

/* Searches next to the program: relative to libexec/bifrons once installed, or build/share/bifrons
 * for build/dev/bifrons-engine. If neither exists, returns the latter for the message. */
static enum status find_folder(const char *folder, char out[static PATH_BYTES_MAX],
                               struct errmsg *em)
{
    static const char *const places[] = {"../../share/bifrons", "../share/bifrons"};
    char self[PATH_BYTES_MAX], own[PATH_BYTES_MAX], faces[PATH_BYTES_MAX];
    bool fits = true, found = folder != NULL;
    if (folder) {
        fits = path_join(out, PATH_BYTES_MAX, "", folder);
    } else {
        enum status st = command_own_path(self, em);
        if (st != ST_OK)
            return st;
        path_folder(self, own, sizeof own);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(places) && fits && !found; i++) {
        fits = path_join(out, PATH_BYTES_MAX, own, places[i]) &&
               path_join(faces, sizeof faces, out, "faces.pt");
        found = fits && file_exists(faces);
    }
    return fits ? ST_OK : FAIL(em, ST_NODEVICE, "path too long: %s", folder ? folder : own);
}

bool finder_is_installed(void)
{
    char folder[PATH_BYTES_MAX], path[2][PATH_BYTES_MAX];
    struct errmsg unused = {0};
    return find_folder(NULL, folder, &unused) == ST_OK &&
           path_join(path[0], sizeof path[0], folder, "faces.pt") &&
           path_join(path[1], sizeof path[1], folder, "identity.pt") && file_exists(path[0]) &&
           file_exists(path[1]);
}

static enum status open_one(const char *folder, const char *name, const char *device,
                            struct operations_file **out, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, folder, name) || !file_exists(path))
        return FAIL(
            em, ST_NODEVICE,
            "the networks that find faces are not in %s (no %s there). Fetch them once with\n"
            "  scripts/setup --photographs\n"
            "or name the folder that holds them with --models DIR",
            folder, name);
    return operations_open(path, device, out, em);
}

enum status finder_open(const char *folder, const char *device, struct finder **out,
                        struct errmsg *em)
{
    char place[PATH_BYTES_MAX];
    struct finder *f = calloc(1, sizeof *f);
    enum status st = f ? find_folder(folder, place, em) : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK)
        st = open_one(place, "faces.pt", device, &f->faces, em);
    if (st == ST_OK)
        st = open_one(place, "identity.pt", device, &f->identity, em);
    if (st == ST_OK)
        st = find_networks(f, place, em);
    if (st == ST_OK)
        *out = f;
    else
        finder_free(f);
    return st;
}

void finder_free(struct finder *f)
{
    if (!f)
        return;
    operations_free(f->identity);
    operations_free(f->faces);
    free(f);
}

/* ---- Searching ------------------------------------------------------------------------------- */

/* Maps a network's square of `side` pixels to a square of `wide` pixels around `centre` in the
 * picture, rotated so that the line from a to b is level. */
static struct similarity level_square(int side, const double centre[2], double wide,
                                      const double a[2], const double b[2], bool mirrored)
{
    double length = hypot(b[0] - a[0], b[1] - a[1]), scale = wide / side, middle = (side - 1) / 2.0;
    double c = length > 0 ? (b[0] - a[0]) / length : 1, s = length > 0 ? (b[1] - a[1]) / length : 0;
    struct similarity map = {.a = scale * c, .b = scale * s, .mirrored = mirrored};
    double at[2];
    similarity_apply(&map, middle, middle, at);
    map.x0 = centre[0] - at[0];
    map.y0 = centre[1] - at[1];
    return map;
}

static void sample(const struct pyramid *p, const struct similarity *map, int side, float *out)
{
    pyramid_sample(p, map, side, side, out);
    for (size_t i = 0; i < (size_t)side * (size_t)side * 3; i++)
        out[i] /= 255;
}

/* A point of a network's output in the picture. The networks count from the edge of the first
 * pixel, this program from its centre. */
static void to_picture(const struct similarity *map, const float *point, double out[2])
{
    similarity_apply(map, (double)point[0] - 0.5, (double)point[1] - 0.5, out);
}

/* Sets the mesh and the presence of the face in the square that the map shows. */
static enum status run_mesh(struct finder *f, const struct pyramid *p, const struct similarity *map,
                            struct face *face, struct errmsg *em)
{
    float presence = 0;
    sample(p, map, MESH_SIDE, f->mesh_in);
    enum status st =
        operations_run(f->faces, f->mesh, 1, f->mesh_in, (float *[]){f->mesh_out, &presence}, em);
    for (size_t i = 0; i < FACE_MESH; i++) {
        to_picture(map, f->mesh_out + 3 * i, face->mesh[i]);
        face->mesh[i][2] = (double)f->mesh_out[3 * i + 2] * similarity_scale(map);
    }
    face->presence = 1 / (1 + exp(-(double)presence));
    return st;
}

/* The middle of two points of the mesh. */
static void between(const struct face *face, int a, int b, double out[2])
{
    for (int k = 0; k < 2; k++)
        out[k] = (face->mesh[a][k] + face->mesh[b][k]) / 2;
}

static struct similarity square_of_mesh(const struct face *face)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY}, left[2], right[2];
    for (int i = 0; i < FACE_MESH; i++)
        for (int k = 0; k < 2; k++) {
            low[k] = MIN(low[k], face->mesh[i][k]);
            high[k] = MAX(high[k], face->mesh[i][k]);
        }
    between(face, MESH_LEFT_EYE_OUTER, MESH_LEFT_EYE_INNER, left);
    between(face, MESH_RIGHT_EYE_INNER, MESH_RIGHT_EYE_OUTER, right);
    const double centre[2] = {(low[0] + high[0]) / 2, (low[1] + high[1]) / 2};
    double wide = MAX(high[0] - low[0], high[1] - low[1]);
    return level_square(MESH_SIDE, centre, wide * ROOM_MESH, left, right, false);
}

/* The corners of the picture's left and right eye, each from left to right. */
static const int corners[2][2] = {
    {MESH_LEFT_EYE_OUTER,  MESH_LEFT_EYE_INNER },
    {MESH_RIGHT_EYE_INNER, MESH_RIGHT_EYE_OUTER},
};

/* Corrects the pupil of a shut eye. There the iris network finds an iris at the lashes, well below
 * the line between the corners, and the mesh's lids stay open; the middle between the corners is
 * nearer to the pupil. While an eye shuts, the pupil moves gradually to that middle, so that it
 * does not jump in a video. */
static void correct_pupil(struct face *face, int e)
{
    const double *a = face->mesh[corners[e][0]], *b = face->mesh[corners[e][1]];
    double middle[2], x = b[0] - a[0], y = b[1] - a[1], *pupil = face->pupils[e];
    between(face, corners[e][0], corners[e][1], middle);
    double below = ((pupil[1] - middle[1]) * x - (pupil[0] - middle[0]) * y) / (x * x + y * y);
    double shut = MAX(MIN((below - BELOW_OPEN) / (BELOW_SHUT - BELOW_OPEN), 1), 0);
    for (int k = 0; k < 2; k++)
        pupil[k] += shut * (middle[k] - pupil[k]);
}

/* Sets the pupils. The network was trained on one eye; the other one is mirrored for it. */
static enum status run_iris(struct finder *f, const struct pyramid *p, struct face *face,
                            struct errmsg *em)
{
    struct similarity maps[2];
    for (int e = 0; e < 2; e++) {
        const double *a = face->mesh[corners[e][0]], *b = face->mesh[corners[e][1]];
        double centre[2], wide = MAX(fabs(b[0] - a[0]), fabs(b[1] - a[1]));
        between(face, corners[e][0], corners[e][1], centre);
        maps[e] = level_square(EYE_SIDE, centre, wide * ROOM_EYE, a, b, e == 1);
        sample(p, &maps[e], EYE_SIDE, f->eyes_in[e]);
    }
    enum status st = operations_run(f->faces, f->iris, 2, f->eyes_in[0],
                                    (float *[]){f->outline_out[0], f->iris_out[0]}, em);
    for (int e = 0; e < 2; e++) {
        to_picture(&maps[e], f->iris_out[e], face->pupils[e]); /* the first point is the centre */
        correct_pupil(face, e);
    }
    return st;
}

static enum status embed(struct finder *f, const struct pyramid *p, struct face *face,
                         struct errmsg *em)
{
    struct similarity map = shape_identity_chip(face, CHIP_SIDE);
    sample(p, &map, CHIP_SIDE, f->chip);
    return operations_run(f->identity, f->embed, 1, f->chip, (float *[]){face->identity}, em);
}

static bool is_face(const struct face *face)
{
    return face->presence >= (face->score < DETECTION_SURE ? PRESENCE_MIN_UNSURE : PRESENCE_MIN);
}

/* Fits the mesh at the detection, then again at its own points. If the second pass loses the face,
 * the first result is kept. */
static enum status fit_mesh_twice(struct finder *f, const struct pyramid *p,
                                  const struct detection *d, double room, struct face *face,
                                  struct errmsg *em)
{
    const double centre[2] = {(d->box[0] + d->box[2]) / 2, (d->box[1] + d->box[3]) / 2};
    double wide = MAX(d->box[2] - d->box[0], d->box[3] - d->box[1]);
    struct similarity map =
        level_square(MESH_SIDE, centre, wide * room, d->eyes[0], d->eyes[1], false);
    face->score = d->score;
    enum status st = run_mesh(f, p, &map, face, em);
    if (st != ST_OK)
        return st;
    struct face again = *face;
    map = square_of_mesh(face);
    st = run_mesh(f, p, &map, &again, em);
    if (is_face(&again) || !is_face(face))
        *face = again;
    return st;
}

/* The detector's boxes of turned heads are too wide: if the mesh finds no face, it tries a smaller
 * square once. */
static enum status find_mesh(struct finder *f, const struct pyramid *p, const struct detection *d,
                             struct face *face, struct errmsg *em)
{
    enum status st = fit_mesh_twice(f, p, d, ROOM_MESH, face, em);
    return st == ST_OK && !is_face(face) ? fit_mesh_twice(f, p, d, ROOM_CLOSE, face, em) : st;
}

/* True if this face was found before: two detections can give the same face. */
static bool is_known(const struct face *faces, size_t n, const struct face *face)
{
    const double *nose = face->mesh[MESH_NOSE], *a = face->mesh[MESH_LEFT_EYE_OUTER];
    const double *b = face->mesh[MESH_RIGHT_EYE_OUTER];
    double near = hypot(b[0] - a[0], b[1] - a[1]) / 2;
    for (size_t i = 0; i < n; i++)
        if (hypot(faces[i].mesh[MESH_NOSE][0] - nose[0], faces[i].mesh[MESH_NOSE][1] - nose[1]) <
            near)
            return true;
    return false;
}

/* True if the detection is of a face that was found before. */
static bool is_of_known(const struct face *faces, size_t n, const struct detection *d)
{
    for (size_t i = 0; i < n; i++) {
        const double *nose = faces[i].mesh[MESH_NOSE];
        if (nose[0] > d->box[0] && nose[0] < d->box[2] && nose[1] > d->box[1] &&
            nose[1] < d->box[3])
            return true;
    }
    return false;
}

/* Adds the faces that are found within this reach. */
static enum status add_faces(struct finder *f, const struct pyramid *p, enum detect_reach reach,
                             struct face out[FINDER_FACES_MAX], size_t *kept, struct errmsg *em)
{
    size_t n = 0, before = *kept;
    enum status st = detect(f->faces, f->detect, p, reach, f->detections, &n, em);
    for (size_t i = 0; i < n && *kept < FINDER_FACES_MAX && st == ST_OK; i++) {
        const struct detection *d = &f->detections[i];
        struct face *face = &out[*kept];
        if (is_of_known(out, before, d))
            continue;
        st = find_mesh(f, p, d, face, em);
        if (st != ST_OK || !is_face(face) || is_known(out, *kept, face))
            continue;
        st = run_iris(f, p, face, em);
        if (st == ST_OK)
            st = embed(f, p, face, em);
        (*kept)++;
    }
    return st;
}

/* True if one of the sought people is not among the faces. */
static bool somebody_is_missing(const struct people *sought, size_t n_sought,
                                const struct face *faces, size_t n)
{
    bool missing = false;
    for (size_t s = 0; s < n_sought && !missing; s++) {
        missing = sought[s].n[PEOPLE_MEANT] > 0;
        for (size_t i = 0; i < n && missing; i++) {
            double distance;
            missing = people_judge(&sought[s], &faces[i], &distance) != PERSON_MEANT;
        }
    }
    return missing;
}

enum status finder_seek(struct finder *f, const struct picture *picture,
                        const struct people *sought, size_t n_sought,
                        struct face out[FINDER_FACES_MAX], size_t *n_out, struct errmsg *em)
{
    struct pyramid p = {0};
    size_t n = 0;
    enum status st = pyramid_init(&p, picture, em);
    if (st == ST_OK)
        st = add_faces(f, &p, DETECT_SURE, out, &n, em);
    if (st == ST_OK && somebody_is_missing(sought, n_sought, out, n))
        st = add_faces(f, &p, DETECT_HALVES, out, &n, em);
    pyramid_release(&p);
    *n_out = st == ST_OK ? n : 0;
    return st;
}

enum status finder_find(struct finder *f, const struct picture *picture,
                        struct face out[FINDER_FACES_MAX], size_t *n_out, struct errmsg *em)
{
    return finder_seek(f, picture, NULL, 0, out, n_out, em);
}
