/*
 * Packs folders of pictures into a person's set (data/set.h).
 *
 *     struct pack_options o = {.folders = &folder, .n_folders = 1, .output = "ada.h5",
 *                              .size = 128, .consent = "Ada agreed on 2026-01-31 to research use"};
 *     struct pack_report report;
 *     if (pack_folders(&o, &report, &em) == ST_OK)
 *         log_info("%zu of %zu pictures packed", report.n_packed, report.n_found);
 *     pack_report_release(&report);
 *
 * Pictures are the files directly inside each folder that data/picture_folder.h takes for such,
 * folders in the order given, files by the bytes of their name in Unicode's form NFC, which is also
 * the stored name: the same pictures give the same set, whatever system named them. Each is turned
 * upright, cut to its middle square and resized. One that cannot be read is left out and named in
 * the report, and so are pictures of other kinds, videos, and pictures in folders inside.
 *
 * Side data lies in the folder too, found by name (in NFC, without case; the exact one first) and
 * transformed with the picture:
 *
 *   masks/STEM.png    grey, 255 = face, as large as the picture. Where all masks hold 0 and one
 *                     other value only, this value counts as 255
 *   truth/STEM.png    the other person, all else equal, as large as the picture
 *   landmarks.csv     name,x,y,x,y,x,y,x,y,x,y: eyes, nose, mouth ends, at pixel centres of the
 *                     upright picture, or all from 0 to 1: shares of its width and height. The name
 *                     is the picture's, or its stem; the first line may be a header
 *   points.csv        name and 140 numbers: x and y of the 70 points of base/points.h, likewise;
 *                     nothing, or nan, where one is not known
 *   person.txt, consent.txt    defaults of the two options
 *
 * A kind of side data that any packed picture lacks is left out with a note, but for points, which
 * a picture may lack. Points and landmarks must agree, as in data/set.h. What belongs to no
 * picture, what one name has twice, odd values and copies of pictures are noted.
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
    const char *known;   /* an older set: where it holds these pictures already, nothing is packed.
                            NULL: output */
    int size;            /* pixels a side of the stored pictures */
    const char *person;  /* NULL: person.txt of the first folder, else the folder's name */
    const char *consent; /* NULL: consent.txt of the first folder */
    bool strict;         /* a picture that cannot be read is an error */
    bool force;          /* pack even where the output is current, or is no set */
    bool look_only;      /* only find out whether `known` is current; pack nothing */
    int threads;         /* 0: threads_for_files, up to 16 */
    bool (*stop)(void);  /* NULL, or: asked often, by several threads; true: ST_INTERRUPTED */
};

struct pack_note {
    char *path, *reason;
    bool minor; /* good to know, and nothing to be put right */
};

/* What happened; valid after success and failure alike. */
struct pack_report {
    size_t n_found, n_packed;  /* pictures, of other kinds too */
    size_t n_left_out;         /* pictures that were not packed, those of other kinds too */
    size_t n_bad;              /* of them, those that were to be JPEG, PNG or BMP */
    struct pack_note *skipped; /* those of them that are named one by one, in order */
    size_t n_skipped;
    struct pack_note *notes; /* what else was not used, or looks wrong; colour profiles */
    size_t n_notes;
    char person[256];
    bool current;         /* `known` holds these pictures already: nothing was written */
    bool consent_missing; /* why it is ST_USAGE */
};

/*
 * ST_USAGE no consent, impossible size, or (without force) an output that is there and is no set or
 * another person's;
 * ST_NOINPUT no such folder, or no readable picture in it; ST_DATA with strict, names the first bad
 * picture; ST_IO output not writable; ST_INTERRUPTED; ST_MEMORY.
 */
enum status pack_folders(const struct pack_options *o, struct pack_report *report,
                         struct errmsg *em) MUST_CHECK;
void pack_report_release(struct pack_report *r);

#endif
