/*
 * Contact sheet of a set: up to 40 of its pictures, evenly spread over the rows, under a caption.
 * With points it shows up to 20 larger ones and their points: blue on the left, red on the right,
 * yellow in the middle.
 */
#ifndef BIFRONS_DATA_SHEET_H
#define BIFRONS_DATA_SHEET_H

#include "data/picture.h"
#include "data/set.h"

/* ST_IO, ST_MEMORY; ST_DATA damaged, or points are asked for of a set without. The caller releases
 * the picture. */
enum status sheet_draw(struct set *s, bool points, struct picture *out,
                       struct errmsg *em) MUST_CHECK;
/* The same as a PNG file, atomically. */
enum status sheet_write(struct set *s, bool points, const char *path, struct errmsg *em) MUST_CHECK;

#endif
