/*
 * The folder that bifrons extract writes and bifrons pack reads:
 *
 *   000001-STEM.png, …   faces, cut to a square, in the order of the pictures
 *   masks/               as many, 255 inside the face
 *   points.csv           name and the points of each, at pixel centres of the cut picture
 *   faces.csv            what became of each picture: the cut one's name, the picture's path,
 *                        score, pixels a side of the face's square in it, distance to the
 *                        reference, pose (pose.h), the matrix that takes it to the cut one,
 *                        verdict
 *   person.txt, consent.txt
 *
 *     struct cuts c = {.folder = "ada", .size = 256, .coverage = SHAPE_HEAD};
 *     enum status st = cuts_begin(&c, "Ada", "Ada agreed on 2026-01-31", &em);
 *     if (st == ST_OK)
 *         st = cuts_add(&c, path, &picture, &face, distance, &em);
 *     if (st == ST_OK)
 *         st = cuts_left_out(&c, other_path, "no face", &em);
 *     st = cuts_end(&c, st, &em);
 */
#ifndef BIFRONS_DRIVER_EXTRACT_CUTS_H
#define BIFRONS_DRIVER_EXTRACT_CUTS_H

#include <stdio.h>

#include "shape.h"

struct cuts {
    const char *folder;
    int size;
    enum shape_coverage coverage;
    size_t n;
    /* lists in memory; cuts_end writes them */
    FILE *points, *faces;
    char *points_text, *faces_text;
    size_t points_bytes, faces_bytes;
};

/* ST_USAGE if the folder is not empty. Makes nothing. */
enum status cuts_check(const char *folder, struct errmsg *em) MUST_CHECK;
/* ST_IO, ST_MEMORY. */
enum status cuts_begin(struct cuts *c, const char *person, const char *consent,
                       struct errmsg *em) MUST_CHECK;
enum status cuts_add(struct cuts *c, const char *path, const struct picture *picture,
                     const struct face *face, double distance, struct errmsg *em) MUST_CHECK;
enum status cuts_left_out(struct cuts *c, const char *path, const char *why,
                          struct errmsg *em) MUST_CHECK;
/* Writes both lists, if st is ST_OK; returns st, or the first failure. */
enum status cuts_end(struct cuts *c, enum status st, struct errmsg *em) MUST_CHECK;

#endif
