/*
 * Without references: checks that all faces are of one person. If not, shows the people.
 *
 *     char unlike[CUT_NAME_BYTES];
 *     enum status st = who_check("ada.part", "ada.people", several, finder, unlike,
 *                                &em);
 *     if (st == ST_DATA)             // em says how to choose
 *         st = stored_remove("ada.part", &em);
 */
#ifndef BIFRONS_DRIVER_EXTRACT_WHO_H
#define BIFRONS_DRIVER_EXTRACT_WHO_H

#include "cuts.h"

/*
 * folder: of cuts.h. several: frames with more than one face that can be used. *unlike_out: the
 * name of a single face that is unlike all others ("": none). ST_DATA: more than one person. Then
 * `people` is a folder with person-1.png, person-2.png, … (each good for --reference; a person of
 * whom no cut face is has none) and sheet.png, a row for each person. ST_USAGE: `people` is there
 * already and not of this kind; ST_IO, ST_MEMORY, ST_TORCH.
 */
enum status who_check(const char *folder, const char *people, uint64_t several,
                      struct finder *finder, char unlike_out[static CUT_NAME_BYTES],
                      struct errmsg *em) MUST_CHECK;

#endif
