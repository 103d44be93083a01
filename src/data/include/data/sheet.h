/*
 * Contact sheet of a set: up to 40 of its pictures, evenly spread over the rows, under a caption.
 * With points it shows up to 20 larger ones and their points: blue on the left, red on the right,
 * yellow in the middle.
 */
#ifndef BIFRONS_DATA_SHEET_H
#define BIFRONS_DATA_SHEET_H

#include "base/file.h"
#include "data/picture.h"
#include "data/set.h"

/* Draws the sheet; the caller releases it. ST_IO, ST_MEMORY, ST_DATA as sheet_write. */
enum status sheet_draw(struct set *s, bool points, struct picture *out,
                       struct errmsg *em) MUST_CHECK;
/* Writes the sheet as a PNG file, atomically. ST_IO, ST_MEMORY; ST_DATA: damaged, or points are
 * wanted and the set has none. */
enum status sheet_write(struct set *s, bool points, const char *path, struct errmsg *em) MUST_CHECK;
/* Writes the sheet of the set in FILE.h5 to FILE.sheet.png, and that path to sheet_out. Also
 * returns the errors of set_open. */
enum status sheet_write_beside(const char *set_path, char sheet_out[static PATH_BYTES_MAX],
                               struct errmsg *em) MUST_CHECK;

#endif
