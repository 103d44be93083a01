/* bifrons report: writes the page of a run, or of several side by side. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cluster.h"
#include "command.h"
#include "page.h"

enum { KEY_CLUSTER = 1000 };

struct arguments {
    const char *runs[PAGE_RUNS_MAX];
    size_t n_runs;
    const char *output, *cluster;
};

/* clang-format off */
static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "where to write it (default: report.html in the run folder)", 1},
    {"cluster", KEY_CLUSTER, "FILE", 0,
     "predict the time of a step on the cluster this file describes, beside the measured one", 1},
    {0},
};
/* clang-format on */

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'o':
        a->output = arg;
        return 0;
    case KEY_CLUSTER:
        a->cluster = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (a->n_runs == PAGE_RUNS_MAX)
            argp_error(state, "more than %d runs on one page", PAGE_RUNS_MAX);
        a->runs[a->n_runs++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->n_runs == 0)
            argp_error(state, "which run folder? Try runs/NAME, as train --out named it");
        if (a->n_runs > 1 && !a->output)
            argp_error(state, "%zu runs on one page need a file: -o FILE.html", a->n_runs);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "RUN...",
    .doc =
        "Writes one page about a run, or about several side by side, for a browser: previews, "
        "curves, events, sets, configuration, and what to do next. The page is one file that "
        "loads nothing from elsewhere. `bifrons train` keeps RUN/report.html up to date; this "
        "command writes it again, also while the run is going on.\vThe page shows pictures of the "
        "people: protect it as you protect the pictures.\n\nExamples:\n"
        "  $ bifrons report runs/light128\n"
        "  $ bifrons report runs/light128 runs/other -o both.html\n\n"
        "Exit status: 0; 64 usage, or FILE is not a report; 65 not a run folder; 66 no such "
        "folder; 74 FILE cannot be written; 78 the cluster's file."};

static enum status check_runs(const struct arguments *a, struct errmsg *em)
{
    enum status st = ST_OK;
    for (size_t i = 0; i < a->n_runs && st == ST_OK; i++)
        st = page_check_run(a->runs[i], em);
    return st;
}

static enum status write_report(const struct arguments *a, const char *output, struct errmsg *em)
{
    struct cluster *cluster = a->cluster ? malloc(sizeof *cluster) : NULL;
    struct page *page = NULL;
    enum status st = a->cluster && !cluster ? FAIL(em, ST_MEMORY, "out of memory") : ST_OK;
    if (st == ST_OK && cluster)
        st = cluster_read(a->cluster, cluster, em);
    const struct page_request request = {.runs = a->runs, .n_runs = a->n_runs, .cluster = cluster};
    if (st == ST_OK)
        st = page_new(&request, &page, em);
    if (st == ST_OK)
        st = page_write(page, output, em);
    if (st == ST_OK) {
        for (size_t i = 0; page_note(page, i); i++)
            log_warn("%s", page_note(page, i));
        log_info("%s: %.1f MB, open it with a browser", output, (double)page_bytes(page) / 1e6);
    }
    page_free(page);
    free(cluster);
    return st;
}

int command_report(int argc, char **argv)
{
    struct arguments a = {0};
    struct errmsg em = {0};
    char output[PATH_BYTES_MAX];
    argp_parse(&parser, argc, argv, 0, NULL, &a);
    enum status st = check_runs(&a, &em);
    if (st == ST_OK && !a.output && !path_join(output, sizeof output, a.runs[0], "report.html"))
        st = FAIL(&em, ST_USAGE, "path too long: %s", a.runs[0]);
    if (st == ST_OK)
        st = write_report(&a, a.output ? a.output : output, &em);
    return st == ST_OK ? 0 : command_fail(&em);
}
