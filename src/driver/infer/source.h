/*
 * The pictures for bifrons swap: a file, the files of a folder, or the rows of a set; or a video.
 *
 *     struct source s = {0};
 *     if (source_open("photos", &s, &em) == ST_OK)
 *         for (int64_t i = 0; i < s.n; i++)
 *             st = source_read(&s, i, size, &picture, points, &em);
 *     source_release(&s);
 */
#ifndef BIFRONS_DRIVER_INFER_SOURCE_H
#define BIFRONS_DRIVER_INFER_SOURCE_H

#include "base/file.h"
#include "data/folder_points.h"
#include "data/picture.h"
#include "data/picture_folder.h"
#include "data/set.h"

struct source {
    char (*paths)[PATH_BYTES_MAX]; /* NULL: the source is a set */
    struct set *set;
    struct folder_points *points; /* of source_open_points; NULL: there are none */
    int64_t n;
    bool folder;
    bool video;                /* the one path is a video; source_read cannot read it */
    int64_t n_cut;             /* pictures that source_read has cut to their middle square */
    struct name_list profiles; /* pictures with a colour profile that was not applied */
};

/* If the input is none of these, the message says what it is. Warns of files in a folder that
 * are not used. Errors: ST_NOINPUT, ST_DATA, ST_MEMORY. */
enum status source_open(const char *input, struct source *out, struct errmsg *em) MUST_CHECK;
void source_release(struct source *s);

/* Reads points.csv beside the pictures, for source_read; a set has its own points. ST_DATA names
 * the line; ST_NOINPUT, ST_IO, ST_MEMORY. If the input is one picture, only ST_MEMORY: it warns of
 * a points.csv that cannot be used. */
enum status source_open_points(struct source *s, struct errmsg *em) MUST_CHECK;

/* The i-th picture as it is. ST_DATA, ST_NOINPUT: the picture cannot be used; ST_MEMORY. */
enum status source_read_whole(struct source *s, int64_t i, struct picture *out,
                              struct errmsg *em) MUST_CHECK;
/* The same, cut to its middle square, size x size, and its points, normalised (data/points.h). NaN:
 * not known. */
enum status source_read(struct source *s, int64_t i, int size, struct picture *out,
                        float points[FACE_POINTS][2], struct errmsg *em) MUST_CHECK;
/* The name of the i-th picture, without its folder; borrowed. */
const char *source_name(const struct source *s, int64_t i);

#endif
