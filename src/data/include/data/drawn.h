/*
 * Invented people, drawn with cairo: training data with a known true swap, and no real person's
 * face.
 *
 * An identity (face shape, hair, skin, eyes, nose, mouth, clothes, palette) depends on (seed,
 * person) only; a scene (pose, expression, gaze, light, background) on (seed, person, picture). A
 * face is an identity in a scene, so the true swap is the other identity in the same scene. The cut
 * depends on the scene only, so both match pixel by pixel.
 */
#ifndef BIFRONS_DATA_DRAWN_H
#define BIFRONS_DATA_DRAWN_H

#include <stdint.h>

#include "base/points.h"
#include "base/status.h"
#include "data/picture.h"
#include "data/set.h"

enum {
    DRAWN_SIZE_MIN = 64,
    DRAWN_SIZE_MAX = 1024,
    DRAWN_SERIES = 7,
    DRAWN_STYLE = 2, /* increased whenever the same options draw different pixels */
};

struct drawn_options {
    int size; /* pixels a side */
    uint64_t seed;
    bool loose;  /* the whole head with surroundings, not cut around the eyes */
    bool series; /* DRAWN_SERIES pictures for each enum pose_quantity, in its order: this quantity
                    goes from one end of its range to the other, the rest of the scene stays */
};

struct drawn_face {
    struct picture image, truth; /* truth: the other person in the same scene */
    uint8_t *mask;               /* (size, size), 255 = face, antialiased */
    float landmarks[SET_LANDMARKS][2];
    float points[FACE_POINTS][2]; /* as drawn, including points hidden by hair, head or lids */
    struct {
        float yaw, pitch, roll; /* of the head, radians: positive to the picture's right, up,
                                   clockwise; roll: what is left after the cut */
    } pose;
};

bool drawn_available(void); /* false in a build without cairo */

/*
 * Draws picture number `index` of person 0 or 1; the scenes of the two people differ. The caller
 * frees with drawn_face_release. Thread-safe. ST_NODEVICE without cairo, ST_MEMORY.
 */
enum status drawn_face_draw(const struct drawn_options *o, int person, uint64_t index,
                            struct drawn_face *out, struct errmsg *em) MUST_CHECK;
void drawn_face_release(struct drawn_face *f);
/* The invented person's name, static. */
const char *drawn_person_name(uint64_t seed, int person);

#endif
