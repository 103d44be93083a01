/*
 * The folder that bifrons extract writes and bifrons pack reads:
 *
 *   000001-STEM.png, …   faces, cut to a square, in the order of the frames
 *   unsure/              faces that may be another person's: move them up or delete
 *   masks/               as many as both together, 255 inside the face
 *   points.csv           name and the 70 points of each (base/points.h), at pixel centres of the
 *                        cut picture
 *   identity.csv         name and the 128 numbers of each
 *   faces.csv            a row for each frame, with the columns
 *     name                   of the cut picture; empty: left out
 *     source                 the path of the picture or video
 *     time                   seconds from the video's start; empty: a photograph
 *     score                  of the detector; with what follows empty where no face was found
 *     side                   pixels of the face's square in the source, brows to chin
 *     distance               to the mean of the references; empty without references
 *     sharpness              sharpness.h
 *     yaw, pitch, roll       degrees (head_pose.h)
 *     m00, m01, m02, m10, m11, m12    matrix from pixel centres of the source to the cut picture's
 *     verdict                verdict_name
 *   person.txt, consent.txt
 *
 *     struct cuts c;
 *     enum status st = cuts_open(&c, &options, &em);        // or continues an unfinished folder
 *     for (size_t i = c.state.frames; i < n && st == ST_OK; i++)
 *         st = cuts_add(&c, &sights[i], &em);
 *     cuts_close(&c);
 *
 * While it grows, the folder has a file `progress`: how much of each list belongs to finished
 * frames. So a stopped run can go on where it ended, even after a kill.
 */
#ifndef BIFRONS_DRIVER_EXTRACT_CUTS_H
#define BIFRONS_DRIVER_EXTRACT_CUTS_H

#include <stdint.h>

#include "sight.h"

enum { CUT_NAME_BYTES = 160 };
enum cuts_list { CUTS_FACES, CUTS_POINTS, CUTS_IDENTITY, CUTS_LISTS };

struct cuts_options {
    const char *folder;
    const char *person, *consent;
    /* Of everything that the result depends on. A folder with another hash is refused. */
    uint64_t hash;
    int size;
    double difference_min; /* of a face to the one kept before; 0: all */
    bool discard_unsure;
};

/* As it is in `progress`. */
struct cuts_state {
    uint64_t hash, frames;
    uint64_t numbered;      /* cut pictures, with those in unsure/ */
    uint64_t several;       /* frames with several faces that can be used */
    uint64_t first_several; /* the first of them */
    uint64_t counts[VERDICTS];
    uint64_t bytes[CUTS_LISTS];
    char last[CUT_NAME_BYTES]; /* name of the face kept before; "": none */
    uint64_t check;
};

struct cuts {
    struct cuts_options o;
    struct cuts_state state;
    int lists[CUTS_LISTS], progress;
    uint8_t gist[SIGHT_GIST * SIGHT_GIST]; /* of `last` */
};

/* Makes the folder, or goes on with one that was left unfinished. ST_USAGE: of another hash; ST_IO,
 * ST_DATA: damaged; ST_MEMORY. */
enum status cuts_open(struct cuts *c, const struct cuts_options *o, struct errmsg *em) MUST_CHECK;
void cuts_close(struct cuts *c);
/* Writes the faces and rows of the next frame. May change KEPT to DUPLICATE. On failure the frame
 * counts as not added. ST_IO, ST_MEMORY. */
enum status cuts_add(struct cuts *c, struct sight *s, struct errmsg *em) MUST_CHECK;
/* Replaces `progress` of a folder that is closed. ST_IO. */
enum status cuts_save(const char *folder, const struct cuts_state *s, struct errmsg *em) MUST_CHECK;
/* Reads `progress` of a folder that is closed. ST_DATA: it is damaged; ST_IO. */
enum status cuts_load(const char *folder, struct cuts_state *out, struct errmsg *em) MUST_CHECK;
/* True if the folder is unfinished. */
bool cuts_unfinished(const char *folder);

#endif
