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
 * Pictures are the files directly inside each folder that data/picture_folder.h counts as pictures.
 * Folders come in the given order, files by the bytes of their name in Unicode's form NFC, which is
 * also the stored name: so a set does not depend on the system that named the files. Each picture
 * is turned upright, cut to its middle square and resized. Left out and named in the report:
 * pictures that cannot be read, pictures of other kinds, videos, and pictures in folders inside.
 *
 * Side data lies in the same folder. It is found by name (in NFC, ignoring case; the exact name
 * goes first) and transformed with the picture:
 *
 *   masks/STEM.png    grey, 255 = face, as large as the picture. If all masks have only the
 *                     values 0 and v, v counts as 255
 *   truth/STEM.png    the true swap: the other person, all else equal, as large as the picture
 *   landmarks.csv     name,x,y,x,y,x,y,x,y,x,y: eyes, nose, mouth ends, at pixel centres of the
 *                     upright picture; or all from 0 to 1: shares of its width and height. The name
 *                     is the picture's or its stem; the first line may be a header
 *   points.csv        name and 140 numbers: x and y of the 70 points of base/points.h, likewise;
 *                     an empty field or nan: not known
 *   faces.csv         a table of bifrons extract, with names of columns: name, source, time (s),
 *                     yaw, pitch, roll (degrees). Rows without a name and other columns are ignored
 *   identity.csv      name and 128 numbers, after a first line that begins with "name"
 *   person.txt, consent.txt    defaults of the two options
 *
 * If any packed picture lacks a kind of side data, that kind is left out with a note; only points
 * and what faces.csv and identity.csv say may be missing for some pictures. Points and landmarks
 * must agree, as in data/set.h. The report also notes side data without a picture, duplicate names,
 * odd values, and copies of pictures.
 *
 * Several threads decode; the set does not depend on their number. Decoded pictures wait in an
 * unlinked file beside the output, so nothing is left behind when packing stops.
 */
#ifndef BIFRONS_DATA_PACK_H
#define BIFRONS_DATA_PACK_H

#include <signal.h>
#include <stddef.h>

#include "base/status.h"

enum {
    PACK_SIZE_MIN = 16,
    PACK_SIZE_MAX = 2048,
    PACK_SOURCE_SIDE_MIN = 8, /* smaller pictures are left out: too small for a face */
    PACK_PICTURES_ADVISED = 500,
};

struct pack_options {
    const char *const *folders;
    size_t n_folders;
    const char *output; /* FILE.h5 */
    const char *known; /* an older set: if it already holds these pictures, nothing is packed. NULL:
                          output */
    int size;          /* pixels a side of the stored pictures */
    const char *person;  /* NULL: person.txt of the first folder, else the folder's name */
    const char *consent; /* NULL: consent.txt of the first folder */
    bool strict;         /* a picture that cannot be read is an error */
    bool force;          /* pack even if the output is current, or is not a set */
    bool no_identity;    /* leave out identity.csv: it is biometric data */
    bool look_only;      /* only check whether `known` is current; pack nothing */
    int threads;         /* 0: threads_for_files, up to 16 */
    bool (*stop)(void);  /* called often, by several threads; returning true ends with
                            ST_INTERRUPTED. May be NULL */
};

struct pack_note {
    char *path, *reason;
    bool minor; /* for information: nothing to correct */
};

/* The result; valid after success and failure alike. */
struct pack_report {
    size_t n_found, n_packed;  /* pictures, including other kinds */
    size_t n_left_out;         /* pictures not packed, including other kinds */
    size_t n_bad;              /* of n_left_out: those that should be JPEG, PNG or BMP */
    struct pack_note *skipped; /* of n_left_out: those named one by one, in order */
    size_t n_skipped;
    struct pack_note *notes; /* other things that were not used or look wrong; colour profiles */
    size_t n_notes;
    char person[256];
    bool current;         /* `known` holds these pictures already: nothing was written */
    bool consent_missing; /* the reason of ST_USAGE */
};

/*
 * ST_USAGE: no consent, impossible size, or (without force) the output is there and is not a set,
 * or is another person's. ST_NOINPUT: no such folder, or no readable picture in it. ST_DATA: with
 * strict, names the first picture that cannot be used. ST_IO: output not writable. ST_INTERRUPTED,
 * ST_MEMORY.
 */
enum status pack_folders(const struct pack_options *o, struct pack_report *report,
                         struct errmsg *em) MUST_CHECK;
void pack_report_release(struct pack_report *r);

/* A statement of consent has a letter or a digit: "…" says nothing. UTF-8. */
bool consent_has_words(const char *text);

#endif
