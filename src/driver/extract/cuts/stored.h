/*
 * Reads and changes the lists of a folder of cuts.h when all frames are in it.
 *
 *     struct stored_reader r;
 *     enum status st = stored_open(&r, folder, &em);
 *     while (st == ST_OK && stored_next(&r))
 *         puts(r.name);
 *     stored_close(&r);
 */
#ifndef BIFRONS_DRIVER_EXTRACT_STORED_H
#define BIFRONS_DRIVER_EXTRACT_STORED_H

#include <stdio.h>

#include "cuts.h"

struct stored_reader {
    FILE *file;
    char *line;
    size_t room;
    /* of the face that stored_next read */
    char name[CUT_NAME_BYTES], verdict[48];
    bool unsure; /* the picture is in unsure/ */
};

enum status stored_open(struct stored_reader *r, const char *folder, struct errmsg *em) MUST_CHECK;
/* The next face whose picture is stored, in their order; false: no more. */
bool stored_next(struct stored_reader *r);
void stored_close(struct stored_reader *r);

/* The faces of identity.csv. Free with stored_identities_release. */
struct stored_identities {
    size_t n;
    char (*names)[CUT_NAME_BYTES];
    float (*numbers)[FACE_IDENTITY];
};
/* ST_IO, ST_DATA, ST_MEMORY. */
enum status stored_identities_read(const char *folder, struct stored_identities *out,
                                   struct errmsg *em) MUST_CHECK;
void stored_identities_release(struct stored_identities *s);

/*
 * Removes one face that was kept from the folder, its lists and its state; its verdict in
 * `faces.csv` becomes UNLIKE. At most one face of a folder. It writes the face's name into the file
 * `drop` first, and removes this file at the end. ST_IO, ST_MEMORY.
 */
enum status stored_drop(const char *folder, const char *name, struct cuts_state *state,
                        struct errmsg *em) MUST_CHECK;
/* Finishes a stored_drop that a kill cut short, before cuts_open; does nothing if there is none.
 * ST_IO, ST_DATA, ST_MEMORY. */
enum status stored_drop_again(const char *folder, struct errmsg *em) MUST_CHECK;
/* Removes a folder and all that is in it; links are not followed. ST_IO. */
enum status stored_remove(const char *folder, struct errmsg *em) MUST_CHECK;

#endif
