/*
 * Packs folders of pictures into a person's set (data/set.h).
 *
 *     struct pack_options o = {.folders = &folder, .n_folders = 1, .output = "ada.h5",
 *                              .size = 128, .consent = "Ada agreed on 2026-01-31 to research use"};
 *     struct pack_report report;
 *     if (pack_folders(&o, &report, &em) == ST_OK) …
 *     pack_report_release(&report);
 *
 * Pictures are the files with a known extension directly inside each folder, folders in the order
 * given, files by the bytes of their name in Unicode's form NFC, which is also the stored name: the
 * same pictures give the same set, whatever system named them. Each is turned upright, cut to its
 * middle square and resized. One that cannot be read is left out and named in the report.
 *
 * Side data lies in the folder too, found by file stem and transformed with the picture:
 *
 *   masks/STEM.png    grey, 255 = face, as large as the picture
 *   truth/STEM.png    the other person, all else equal, as large as the picture
 *   landmarks.csv     a header, then name,x,y,x,y,x,y,x,y,x,y: eyes, nose, mouth ends, at pixel
 *                     centres of the upright picture
 *   person.txt, consent.txt    defaults of the two options
 *
 * A kind of side data that any packed picture lacks is left out with a note.
 *
 * Pictures are decoded by several threads; the set does not depend on how many. The work in between
 * lies in an unlinked file beside the output, so a stop at any time leaves nothing behind.
 */
#ifndef BIFRONS_DATA_PACK_H
#define BIFRONS_DATA_PACK_H

#include <signal.h>
#include <stddef.h>

#include "base/status.h"

enum {
    PACK_SIZE_MIN = 16,
    PACK_SIZE_MAX = 2048,
    PACK_SOURCE_SIDE_MIN = 8, /* smaller pictures are left out: no face fits in */
    PACK_PICTURES_ADVISED = 500,
    PACK_THREADS_MAX = 64,
};

struct pack_options {
    const char *const *folders;
    size_t n_folders;
    const char *output;  /* FILE.h5 */
    int size;            /* pixels a side of the stored pictures */
    const char *person;  /* NULL: person.txt of the first folder, else the folder's name */
    const char *consent; /* NULL: consent.txt of the first folder */
    bool strict;         /* a picture that cannot be read is an error */
    bool force;          /* pack even where the output is current, or is no set */
    int threads;         /* 0: threads_for_files, up to 16 */
    const volatile sig_atomic_t *stop; /* NULL, or: ends with ST_INTERRUPTED when set */
};

struct pack_note {
    char *path, *reason;
};

/* What happened; valid after success and failure alike. */
struct pack_report {
    size_t n_found, n_packed;
    struct pack_note *skipped; /* pictures left out, in order */
    size_t n_skipped;
    struct pack_note *notes; /* side data left out */
    size_t n_notes;
    char person[256];
    bool current;         /* the output held these pictures already and was left alone */
    bool consent_missing; /* why it is ST_USAGE */
};

/*
 * ST_USAGE no consent, impossible size, or an output that is there and is no set (without force);
 * ST_NOINPUT no such folder, or no readable picture in it; ST_DATA with strict, names the first bad
 * picture; ST_IO output not writable; ST_INTERRUPTED; ST_MEMORY.
 */
enum status pack_folders(const struct pack_options *o, struct pack_report *report,
                         struct errmsg *em) MUST_CHECK;
void pack_report_release(struct pack_report *r);

#endif
