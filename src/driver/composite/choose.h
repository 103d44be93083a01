/*
 * Chooses whose face is whose in a picture, or in the frames of a video.
 *
 *     struct choice chosen[MODEL_PEOPLE] = {0};
 *     while (next_frame(faces, &n, &time_s)) {
 *         choose(people, faces, n, time_s, chosen);
 *         if (chosen[MODEL_A].face != CHOICE_NOBODY)
 *             smooth_face(&chosen[MODEL_A].smooth, &faces[chosen[MODEL_A].face], time_s);
 *     }
 *
 * A face is chosen if people_judge says that it is meant; of several, the most similar one, because
 * a person appears once. Motion blur or a turned head moves a face's identity away from its
 * person's for some frames. In a video, a face that was chosen is therefore followed if all of this
 * is true:
 *
 *   - it is where the chosen face was (smooth_goes_on), and no other face is;
 *   - it is not nearer to the other people than to its person;
 *   - its identity is within 0.4 of the last frame's: more is a cut to somebody else;
 *   - people_judge chose the person in the last second.
 */
#ifndef BIFRONS_DRIVER_COMPOSITE_CHOOSE_H
#define BIFRONS_DRIVER_COMPOSITE_CHOOSE_H

#include "model/model.h"
#include "people.h"
#include "smooth.h"

enum { CHOICE_NOBODY = -1 };

/* Of one person; {0}: before the first frame. */
struct choice {
    int face;             /* of the frame, or CHOICE_NOBODY */
    bool followed;        /* chosen because the last frame's was */
    struct smooth smooth; /* of the chosen faces; the caller's to update */
    double sure_s;        /* time of the last frame in which people_judge chose the person */
    float identity[FACE_IDENTITY]; /* of the last chosen face */
};

/* How many faces resemble nobody, and how many perhaps one of the people, or as a second face. The
 * chosen ones are in neither. */
struct choice_left {
    size_t n_others, n_unsure;
};

/* time_s: later than the frame before; NaN: a single picture. */
struct choice_left choose(const struct people people[MODEL_PEOPLE], const struct face *faces,
                          size_t n, double time_s, struct choice out[MODEL_PEOPLE]);

#endif
