/* Contact sheet of a set: up to 40 of its pictures, evenly spread over the rows, under a caption.
 */
#ifndef BIFRONS_DATA_SHEET_H
#define BIFRONS_DATA_SHEET_H

#include "data/picture.h"
#include "data/set.h"

/* ST_IO, ST_DATA, ST_MEMORY. The caller releases the picture. */
enum status sheet_draw(struct set *s, struct picture *out, struct errmsg *em) MUST_CHECK;
/* The same as a PNG file, atomically. */
enum status sheet_write(struct set *s, const char *path, struct errmsg *em) MUST_CHECK;

#endif
