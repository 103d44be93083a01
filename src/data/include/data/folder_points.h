/*
 * The points of the pictures in a folder: its points.csv, as bifrons pack takes it (data/pack.h).
 *
 *     struct folder_points *p;
 *     float points[FACE_POINTS][2];
 *     const struct pack_note *notes;
 *     size_t n;
 *     if ((st = folder_points_open("photos", &p, &em)) == ST_OK && p) {
 *         folder_points_of(p, "ada.png", picture.width, picture.height, 128, points);
 *         st = folder_points_judge(p, &notes, &n, &em);
 *     }
 *     folder_points_free(p);
 */
#ifndef BIFRONS_DATA_FOLDER_POINTS_H
#define BIFRONS_DATA_FOLDER_POINTS_H

#include "base/points.h"
#include "data/pack.h"

struct folder_points;

/* *out is NULL if the folder has no points.csv. ST_DATA names the line; ST_NOINPUT, ST_IO,
 * ST_MEMORY. */
enum status folder_points_open(const char *folder, struct folder_points **out,
                               struct errmsg *em) MUST_CHECK;
void folder_points_free(struct folder_points *p);

/* The points of a picture (a file of the folder; width, height: upright), in pixels of its middle
 * square at size x size. NaN: not known. */
void folder_points_of(struct folder_points *p, const char *file, int width, int height, int size,
                      float out[FACE_POINTS][2]);
/* Gives the notes: rows that were not used, pictures without a row (of those that
 * folder_points_of was asked for), and what looks wrong. Borrowed. Call it once. ST_MEMORY. */
enum status folder_points_judge(struct folder_points *p, const struct pack_note **notes_out,
                                size_t *n_out, struct errmsg *em) MUST_CHECK;

#endif
