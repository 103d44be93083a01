/*
 * Contact sheets of cut faces.
 *
 *     struct sheet_cell cells[] = {{"ada/000001-x.png", "000001-x", "kept"}};
 *     enum status st = contact_sheet_draw("Ada: 1 face", cells, 1, "ada/sheet.png", &em);
 */
#ifndef BIFRONS_DRIVER_EXTRACT_SHEETS_H
#define BIFRONS_DRIVER_EXTRACT_SHEETS_H

#include "base/file.h"
#include "base/status.h"

enum { SHEET_COLUMNS = 8, SHEET_ROWS_MAX = 10, SHEET_CELLS = SHEET_COLUMNS * SHEET_ROWS_MAX };

struct sheet_cell {
    char path[PATH_BYTES_MAX]; /* "": an empty cell */
    char name[64], verdict[48];
};

/* At most SHEET_CELLS, row by row. A picture that cannot be read leaves its cell empty. ST_IO,
 * ST_MEMORY. */
enum status contact_sheet_draw(const char *caption, const struct sheet_cell *cells, size_t n,
                               const char *path, struct errmsg *em) MUST_CHECK;
/* Writes sheet.png, sheet-2.png, … into a folder of cuts.h: all faces, or 800 of them, evenly
 * spread. *shown_out of *n_out faces are on them. */
enum status sheets_write(const char *folder, const char *person, size_t *shown_out, size_t *n_out,
                         struct errmsg *em) MUST_CHECK;

#endif
