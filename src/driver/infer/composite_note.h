/* The note beside a composite: "x.txt" for "x.png". It says what the picture is, which checkpoint
 * drew the face, whose face became whose, and both consent statements. */
#ifndef BIFRONS_DRIVER_INFER_COMPOSITE_NOTE_H
#define BIFRONS_DRIVER_INFER_COMPOSITE_NOTE_H

#include "data/picture_folder.h"
#include "into.h"
#include "loaded.h"

/* Checks that a note may be written for this composite. ST_USAGE: a file that is no such note would
 * be lost; ST_IO. */
enum status composite_note_check(const char *composite, struct errmsg *em) MUST_CHECK;
/* Writes or replaces it, atomically. source: the picture's path. ST_IO, ST_MEMORY. */
enum status composite_note_write(const char *composite, const char *source, const struct loaded *l,
                                 const struct into_report *report, struct errmsg *em) MUST_CHECK;

/* Adds the input if it is a composite, or drawn by an algorithm, as its XMP data or its note says.
 */
void generated_inputs_add(struct name_list *generated, const char *input);
void generated_inputs_log(struct name_list *generated);

#endif
