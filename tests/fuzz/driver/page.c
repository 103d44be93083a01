/* The files of a run folder that a report shows: run.json, metrics.jsonl, events.jsonl, and its
 * configuration, in this order. */
#include "page.h"

#include <stdio.h>
#include <unistd.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const names[] = {"run.json", "metrics.jsonl", "events.jsonl",
                                        "config.resolved.toml"};
    static char report[64];
    struct errmsg em = {0};
    struct page *page = NULL;
    const char *const folder = fuzz_folder();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const uint8_t *part;
        size_t bytes = fuzz_part(&data, &n, &part);
        fuzz_file_in_folder(names[i], part, bytes);
    }
    snprintf(report, sizeof report, "%s/report.html", folder);
    if (page_new(&(struct page_request){.runs = &folder, .n_runs = 1}, &page, &em) != ST_OK)
        return 0;
    if (page_write(page, report, &em) == ST_OK)
        unlink(report);
    page_free(page);
    return 0;
}
