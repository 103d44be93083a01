#include "folders.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "data/pack.h"

/* Packs person's folder into OUT/data/, or finds that it is packed already. */
static enum status pack_person(const struct session *s, const struct train_arguments *a, int person,
                               const char *folder, const char *output, struct errmsg *em)
{
    const struct pack_options options = {
        .folders = &folder,
        .n_folders = 1,
        .output = output,
        .size = (int)config_largest_size(&s->config),
        .consent = a->consent[0] ? a->consent : NULL,
    };
    struct pack_report report = {0};
    log_info("packing %s into %s", folder, output);
    enum status st = pack_folders(&options, &report, em);
    for (size_t i = 0; i < report.n_skipped; i++)
        log_warn("skipped %s: %s", report.skipped[i].path, report.skipped[i].reason);
    for (size_t i = 0; i < report.n_notes; i++)
        log_warn("%s: %s", report.notes[i].path, report.notes[i].reason);
    if (st == ST_OK && report.current)
        log_info("%s is up to date", output);
    else if (st == ST_OK)
        log_info("packed %zu of %zu pictures of person %c", report.n_packed, report.n_found,
                 'A' + person);
    pack_report_release(&report);
    return st;
}

/* The file a folder is packed into. */
static enum status output_path(const struct session *s, int person, char out[static PATH_BYTES_MAX],
                               struct errmsg *em)
{
    int n = snprintf(out, PATH_BYTES_MAX, "%s/data/%c.h5", s->out, 'a' + person);
    return n < PATH_BYTES_MAX ? ST_OK : FAIL(em, ST_USAGE, "path too long: %s", s->out);
}

enum status folders_pack(struct session *s, const struct train_arguments *a, struct errmsg *em)
{
    const bool folder[2] = {a->folder_a, a->folder_b};
    char *const data[2] = {s->config.data.a, s->config.data.b};
    char output[PATH_BYTES_MAX], made[PATH_BYTES_MAX];
    enum status st = ST_OK;
    for (int p = 0; p < 2 && st == ST_OK; p++) {
        if (!folder[p])
            continue;
        if (a->dry_run)
            return FAIL(em, ST_USAGE,
                        "--dry-run writes nothing, and %s is a folder of pictures: pack it first "
                        "with bifrons pack",
                        data[p]);
        st = output_path(s, p, output, em);
        if (st == ST_OK && comm_rank(s->comm) == 0) {
            path_folder(output, made, sizeof made);
            st = folder_make(made, em);
            if (st == ST_OK)
                st = pack_person(s, a, p, data[p], output, em);
        }
        st = comm_agree(s->comm, st, em);
        if (st == ST_OK)
            memcpy(data[p], output, sizeof output);
    }
    return st;
}
