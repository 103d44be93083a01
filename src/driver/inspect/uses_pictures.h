/*
 * What bifrons inspect --uses finds besides runs, checkpoints, sets and reports: folders of a
 * person's faces, contact sheets, and pictures and videos that a checkpoint drew.
 *
 *     struct uses_pictures u;
 *     if (uses_pictures_init(&u, "Ada", found, &em) == ST_OK) {
 *         st = uses_pictures_look(&u, path, &em);                        // each file
 *         st = uses_pictures_checkpoint(&u, path, "pictures", &em);      // each checkpoint
 *         uses_pictures_judge(&u);                                       // when all are known
 *     }
 *     uses_pictures_release(&u);
 */
#ifndef BIFRONS_DRIVER_INSPECT_USES_PICTURES_H
#define BIFRONS_DRIVER_INSPECT_USES_PICTURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct uses_pictures {
    const char *person;  /* borrowed */
    json_t *found;       /* borrowed; gets {"kind", "path", "as", "match", "n"} */
    json_t *drawn;       /* [{"folder", "hash", "people": […]}, …] */
    json_t *checkpoints; /* {hash: match, …} */
    int64_t unknown;     /* drawn pictures whose person is not known */
};

/* ST_MEMORY. */
enum status uses_pictures_init(struct uses_pictures *u, const char *person, json_t *found,
                               struct errmsg *em) MUST_CHECK;
void uses_pictures_release(struct uses_pictures *u);

/* True for names of files that uses_pictures_look reads. */
bool uses_pictures_reads(const char *path);
/* person.txt: adds its folder if it is of a person of this name. A picture, video or note of a
 * composite: records the checkpoint that drew it. Other files: nothing. ST_NOINPUT, ST_IO: it
 * cannot be read. */
enum status uses_pictures_look(struct uses_pictures *u, const char *path,
                               struct errmsg *em) MUST_CHECK;
/* Adds the contact sheet beside a set; match: the set's. */
void uses_pictures_sheet(struct uses_pictures *u, const char *set, const char *match);
/* Records a checkpoint by its hash. match: "pictures" or "name" of the person; "": of others.
 * ST_NOINPUT, ST_IO: it has no sidecar, and cannot be read. */
enum status uses_pictures_checkpoint(struct uses_pictures *u, const char *path, const char *match,
                                     struct errmsg *em) MUST_CHECK;
/* Adds the drawn pictures, one entry for each folder and match. */
void uses_pictures_judge(struct uses_pictures *u);

#endif
