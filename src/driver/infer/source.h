/*
 * The pictures for bifrons swap: a file, the files of a folder, or the rows of a set; or a video.
 *
 *     struct source s = {0};
 *     if (source_open("photos", &s, &em) == ST_OK)
 *         for (int64_t i = 0; i < s.n; i++)
 *             st = source_read(&s, i, size, &picture, &em);
 *     source_release(&s);
 */
#ifndef BIFRONS_DRIVER_INFER_SOURCE_H
#define BIFRONS_DRIVER_INFER_SOURCE_H

#include "base/file.h"
#include "data/picture.h"
#include "data/pose.h"
#include "data/set.h"

struct source {
    char (*paths)[PATH_BYTES_MAX]; /* NULL: the source is a set */
    struct set *set;
    int64_t n;
    bool folder;
    bool video;    /* the one path is a video; source_read cannot read it */
    int64_t n_cut; /* pictures that source_read has cut to their middle square */
};

/* If the input is none of these, the message says what it is. Warns of files in a folder that
 * are not used. Errors: ST_NOINPUT, ST_DATA, ST_MEMORY. */
enum status source_open(const char *input, struct source *out, struct errmsg *em) MUST_CHECK;
void source_release(struct source *s);

/* The i-th picture as it is. ST_DATA, ST_NOINPUT: the picture cannot be used; ST_MEMORY. */
enum status source_read_whole(const struct source *s, int64_t i, struct picture *out,
                              struct errmsg *em) MUST_CHECK;
/* The same, cut to its middle square, size x size. */
enum status source_read(struct source *s, int64_t i, int size, struct picture *out,
                        struct errmsg *em) MUST_CHECK;
/* The pose code of the i-th picture (data/pose.h); all unknown if the source has no points. */
enum status source_pose(struct source *s, int64_t i, const struct pose_scale *scale,
                        struct pose_code *out, struct errmsg *em) MUST_CHECK;
/* The name of the i-th picture, without its folder; borrowed. */
const char *source_name(const struct source *s, int64_t i);

#endif
