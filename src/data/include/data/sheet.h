/* Contact sheet of a set: up to 40 of its pictures, evenly spread over the rows, under a caption.
 */
#ifndef BIFRONS_DATA_SHEET_H
#define BIFRONS_DATA_SHEET_H

#include "data/set.h"

/* As a PNG file, atomically. ST_IO, ST_DATA, ST_MEMORY. */
enum status sheet_write(struct set *s, const char *path, struct errmsg *em) MUST_CHECK;

#endif
