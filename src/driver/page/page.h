/*
 * report.html: one self-contained page about one run, or several side by side. A browser opens it
 * without a server, and it loads nothing else. template/ has its HTML, CSS and JavaScript; the data
 * are one JSON object in the page, from which the script draws everything.
 *
 * It is made only from the files of the run folders (run.json, metrics.jsonl, events.jsonl,
 * config.resolved.toml, previews, checkpoints) and from the sets that run.json names. A note names
 * what is missing or damaged. The page stays below PAGE_BYTES_MAX: previews are encoded again as
 * JPEG with their mark, and if there are too many, it shows some of them, evenly spaced, with the
 * first and the newest.
 *
 *     const char *const runs[] = {"runs/x"};
 *     struct page *page;
 *     enum status st = page_new(&(struct page_request){.runs = runs, .n_runs = 1}, &page, &em);
 *     if (st != ST_OK)
 *         return st;
 *     st = page_write(page, "runs/x/report.html", &em); // again later: encodes new previews only
 *     page_free(page);
 *
 * One thread at a time.
 */
#ifndef BIFRONS_DRIVER_PAGE_H
#define BIFRONS_DRIVER_PAGE_H

#include <stddef.h>

#include "base/status.h"

enum { PAGE_RUNS_MAX = 16, PAGE_BYTES_MAX = 8 << 20 };

struct cluster;
struct json_t;

struct page_request {
    const char *const *runs; /* (n_runs) run folders, borrowed during page_new */
    size_t n_runs;
    const struct cluster *cluster; /* to predict the time of a step, borrowed; NULL: none */
};

struct page;

/* ST_OK if there is a run in the folder. ST_NOINPUT: no such folder; ST_DATA: no run in it. */
enum status page_check_run(const char *folder, struct errmsg *em) MUST_CHECK;

/*
 * Reads the data of a page, as page_write wrote them: {"runs": [{"folder", "record", …}, …]}.
 * *data_out is NULL if the file is no report; the caller drops the reference. ST_NOINPUT, ST_IO;
 * ST_DATA: a damaged report.
 */
enum status page_read(const char *path, struct json_t **data_out, struct errmsg *em) MUST_CHECK;

/* Reads nothing yet. ST_MEMORY; ST_USAGE: a path is too long. */
enum status page_new(const struct page_request *request, struct page **out,
                     struct errmsg *em) MUST_CHECK;
/* Writes the page atomically. ST_USAGE: a file that is no report would be lost; ST_IO, ST_MEMORY.
 */
enum status page_write(struct page *p, const char *path, struct errmsg *em) MUST_CHECK;
/* What the latest page_write left out, for i from 0; NULL after the last one. Borrowed. */
const char *page_note(const struct page *p, size_t i);
/* Bytes of the latest page. */
size_t page_bytes(const struct page *p);
void page_free(struct page *p);

#endif
