/* Shared by the files of the page: each adds its part of the data to the object of a run. */
#ifndef BIFRONS_DRIVER_PAGE_PRIV_H
#define BIFRONS_DRIVER_PAGE_PRIV_H

#include <stdint.h>

#include "base/file.h"
#include "base/json.h"
#include "page.h"

/* A picture that was encoded for this page or an earlier one. */
struct page_picture {
    char name[64];
    int64_t bytes, changed_ns; /* of its file */
    json_t *uri;   /* "data:image/jpeg;base64,…"; NULL: it does not fit into the page */
    size_t length; /* of uri, also while that is NULL */
    bool shown;    /* by the page that is being made */
};

struct page_run {
    char folder[PATH_BYTES_MAX];
    struct page_picture *pictures; /* all that were ever encoded */
    size_t n_pictures;
    json_t *sets; /* they do not change during a run; NULL: not read yet */
};

/* The object of a run that is being made. */
struct page_part {
    struct page_run *run;
    json_t *object;
    json_t *notes;                 /* array of texts */
    size_t picture_bytes;          /* bytes left for previews */
    size_t n_runs;                 /* of the page: they share its bytes */
    const struct cluster *cluster; /* may be NULL */
    bool failed;                   /* out of memory */
};

void page_note_add(struct page_part *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The path of a file in the run folder; false: too long. */
bool page_path(const struct page_run *r, const char *name, char path[static PATH_BYTES_MAX]);

/* Reads a file of JSON objects, one a line. `take` returns false for a line that it cannot use;
 * such lines are counted and named in a note. A missing file gives no call. */
typedef bool page_take_line(void *ctx, const json_t *row);
void page_read_lines(struct page_part *p, const char *name, page_take_line *take, void *ctx);

/* Each adds keys to p->object. */
void page_add_metrics(struct page_part *p);
void page_add_events(struct page_part *p);
void page_add_previews(struct page_part *p);
void page_add_record(struct page_part *p); /* run.json, sets, checkpoints */
void page_add_config(struct page_part *p); /* configuration and plan; after page_add_record */

/* "data:image/jpeg;base64,…" of a picture, shrunk to at most side_max; NULL: out of memory. */
struct picture;
struct picture_mark;
json_t *page_picture_uri(const struct picture *p, const struct picture_mark *mark, int side_max);
void page_run_release(struct page_run *r);

#endif
