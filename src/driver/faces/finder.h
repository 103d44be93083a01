/*
 * Finds the faces in a picture, with the networks of scripts/setup --photographs.
 *
 *     if ((st = finder_open(folder_or_null, "cpu", &f, &em)) != ST_OK)
 *         return st;                                    // ST_NODEVICE says how to get the networks
 *     struct face faces[FINDER_FACES_MAX];
 *     size_t n;
 *     st = finder_find(f, &picture, faces, &n, &em);
 *     finder_free(f);
 *
 * MediaPipe's BlazeFace searches the whole picture and, if it finds nothing, overlapping tiles of a
 * half and a quarter of its size. Beside a large face it sees small ones only in tiles. MediaPipe's
 * mesh of 468 points is fitted twice to each face, the second time at the points of the first, and
 * its iris network to both eyes. (V. Bazarevsky et al., "BlazeFace", 2019; Y. Kartynnik et al.,
 * "Real-time facial surface geometry from monocular video on mobile GPUs", 2019; A. Ablavatski et
 * al., "Real-time pupil tracking", 2020.) If identity.pt exists, dlib's network gives the identity:
 * 128 numbers, close together for faces of one person.
 */
#ifndef BIFRONS_DRIVER_FACES_FINDER_H
#define BIFRONS_DRIVER_FACES_FINDER_H

#include <stddef.h>

#include "base/status.h"
#include "data/warp.h"

enum { FINDER_FACES_MAX = 64, FACE_MESH = 468, FACE_IDENTITY = 128 };

/* Coordinates are pixels of the picture, at their centres. */
struct face {
    double score;              /* of the detector, 0.4 to 1 */
    double presence;           /* of the mesh: 0.5 to 1; at least 0.9 if score is low */
    double mesh[FACE_MESH][3]; /* MediaPipe's order; the third goes away from the camera */
    double pupils[2][2];       /* the picture's left one first; shut: the eye's middle */
    float identity[FACE_IDENTITY];
};

struct finder;
struct people;

/* True if scripts/setup --photographs has put the networks where finder_open(NULL, …) looks. */
bool finder_is_installed(void);
/* folder: where faces.pt and identity.pt are; NULL: ../share/bifrons beside the program.
 * ST_NODEVICE if these or the device are missing; ST_DATA, ST_MEMORY. */
enum status finder_open(const char *folder, const char *device, struct finder **out,
                        struct errmsg *em) MUST_CHECK;
void finder_free(struct finder *f);
/* The surest faces first, at most FINDER_FACES_MAX. Errors: ST_MEMORY, ST_TORCH. */
enum status finder_find(struct finder *f, const struct picture *picture,
                        struct face out[FINDER_FACES_MAX], size_t *n_out,
                        struct errmsg *em) MUST_CHECK;
/* The same for a picture in which people are sought (people.h). If one of them is not among the
 * faces, it searches the tiles of a half, too, and adds their faces. Then it takes about three
 * times as long as finder_find. */
enum status finder_seek(struct finder *f, const struct picture *picture,
                        const struct people *sought, size_t n_sought,
                        struct face out[FINDER_FACES_MAX], size_t *n_out,
                        struct errmsg *em) MUST_CHECK;

#endif
