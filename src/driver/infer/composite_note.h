/* The note beside a composite: "x.txt" for "x.png". It says what the picture is, which checkpoint
 * drew the face, whose face became whose, and both consent statements. */
#ifndef BIFRONS_DRIVER_INFER_COMPOSITE_NOTE_H
#define BIFRONS_DRIVER_INFER_COMPOSITE_NOTE_H

#include "data/picture_folder.h"
#include "into.h"
#include "loaded.h"

/* What a user should know of the files; {0}: nothing yet. */
struct composite_places {
    struct name_list generated; /* inputs that say they are composites or drawn by an algorithm */
    struct name_list replaced;  /* earlier composites in the places of the new ones */
};
/* Looks at an input, and at the place of its composite before it is written. */
void composite_places_look(struct composite_places *p, const char *input, const char *composite);
void composite_places_log(struct composite_places *p);

/* Checks that a note may be written for this composite. ST_USAGE: a file that is no such note would
 * be lost; ST_IO. */
enum status composite_note_check(const char *composite, struct errmsg *em) MUST_CHECK;
/* Writes or replaces it, atomically. source: the picture's path. ST_IO, ST_MEMORY. */
enum status composite_note_write(const char *composite, const char *source, const struct loaded *l,
                                 const struct into_report *report, struct errmsg *em) MUST_CHECK;

#endif
