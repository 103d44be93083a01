/* bifrons pack: parses arguments, packs (data/pack.h) and reports. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/pool.h"
#include "command.h"
#include "data/pack.h"
#include "data/sheet.h"

enum { FOLDERS_MAX = 64, SIZE_DEFAULT = 128 };
enum { KEY_STRICT = 1000, KEY_FORCE, KEY_NO_SHEET, KEY_NO_IDENTITY, KEY_THREADS };

struct arguments {
    struct pack_options pack;
    const char *folders[FOLDERS_MAX];
    bool no_sheet;
};

/* clang-format off */
static const struct argp_option options[] = {
    {"output", 'o', "FILE.h5", 0, "the set to write", 1},
    {"size", 's', "N", 0, "pixels a side of the stored pictures (128)", 1},
    {"person", 'p', "NAME", 0, "who is shown (DIR/person.txt, else the folder's name)", 1},
    {"consent", 'c', "TEXT", 0,
     "who agreed to what, recorded in the set (DIR/consent.txt); without it nothing is packed", 1},
    {"strict", KEY_STRICT, NULL, 0,
     "refuse if a JPEG, PNG or BMP picture cannot be used, instead of leaving it out", 2},
    {"force", KEY_FORCE, NULL, 0, "pack again, and replace an output that is not a set", 2},
    {"no-sheet", KEY_NO_SHEET, NULL, 0, "write no sample sheet (FILE.sheet.png)", 2},
    {"no-identity", KEY_NO_IDENTITY, NULL, 0,
     "leave out identity.csv: 128 numbers a face that can recognise the person elsewhere", 2},
    {"threads", KEY_THREADS, "N", 0,
     "threads that decode (as cores and CPU quota allow, up to 16)", 2},
    {0},
};
/* clang-format on */

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    struct pack_options *o = &a->pack;
    switch (key) {
    case 'o':
        o->output = arg;
        return 0;
    case 's':
        o->size = (int)command_number(state, "size", arg, PACK_SIZE_MIN, PACK_SIZE_MAX);
        return 0;
    case 'p':
        o->person = arg;
        return 0;
    case 'c':
        o->consent = arg;
        return 0;
    case KEY_STRICT:
        o->strict = true;
        return 0;
    case KEY_FORCE:
        o->force = true;
        return 0;
    case KEY_NO_SHEET:
        a->no_sheet = true;
        return 0;
    case KEY_NO_IDENTITY:
        o->no_identity = true;
        return 0;
    case KEY_THREADS:
        o->threads = (int)command_number(state, "threads", arg, 1, POOL_THREADS_MAX);
        return 0;
    case ARGP_KEY_ARG:
        if (o->n_folders == FOLDERS_MAX)
            argp_error(state, "more than %d folders", FOLDERS_MAX);
        else
            a->folders[o->n_folders++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->n_folders == 0)
            argp_error(state, "which folder of pictures?");
        if (!o->output || o->output[0] == '\0')
            argp_error(state, "where to? Name the set to write with -o FILE.h5");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "DIR... -o FILE.h5",
    .doc = "Packs folders of pictures of one person into a set to train on.\vJPEG, PNG and BMP "
           "pictures, recognised by their contents, are turned upright, cut to their middle "
           "square, resized and stored in the order of their names. Other kinds of pictures, "
           "unreadable ones, videos and pictures in sub-folders are counted, named and left out. "
           "Masks (masks/NAME.png, 255 = face), true swaps (truth/NAME.png) and landmarks.csv "
           "(name and x, y of both eyes, nose, both mouth ends) and points.csv (name and x, y of "
           "iBUG 300-W's 68 points and both pupils; empty if unknown) are stored, too, and so are "
           "faces.csv (source, time and pose) and identity.csv of bifrons extract; names match "
           "without case. identity.csv is biometric data: --no-identity leaves it out. A set that "
           "already has the same pictures is not changed.\n\nExample:\n  "
           "$ bifrons pack person_a -o a.h5 --consent \"Ada agreed on 2026-01-31\"\n\nExit status: "
           "0; 64 usage, or no consent statement; 65 --strict and a bad picture; 66 no such "
           "folder, or no usable picture; 74 the set cannot be written."};

/* Appends the command line that would have worked. */
static void suggest_consent(int argc, char **argv, struct errmsg *em)
{
    char *line = NULL;
    size_t n = 0, used = strlen(em->text);
    FILE *f = open_memstream(&line, &n);
    if (!f)
        return;
    command_print_line(f, "pack", argc, argv);
    if (fclose(f) == 0)
        snprintf(em->text + used, sizeof em->text - used,
                 "\n  %s --consent \"NAME agreed on DATE to PURPOSE\"", line);
    free(line);
}

static void log_notes(const struct pack_report *r)
{
    for (size_t i = 0; i < r->n_skipped; i++)
        log_warn("%s: %s; left out", r->skipped[i].path, r->skipped[i].reason);
    for (size_t i = 0; i < r->n_notes; i++)
        log_at(r->notes[i].minor ? LOG_INFO : LOG_WARN, "%s: %s", r->notes[i].path,
               r->notes[i].reason);
}

static void log_outcome(const struct pack_options *o, const struct pack_report *r, double seconds)
{
    char took[32];
    clock_format_duration(seconds, took, sizeof took);
    if (r->current)
        log_info("%s holds these %zu pictures of %s already; left alone", o->output, r->n_packed,
                 r->person);
    else
        log_info("%s: %zu pictures of %s at %d x %d px, %zu left out, in %s", o->output,
                 r->n_packed, r->person, o->size, o->size, r->n_left_out, took);
    if (r->n_packed < PACK_PICTURES_ADVISED)
        log_info("%zu pictures are few: %d or more of a person are advised", r->n_packed,
                 PACK_PICTURES_ADVISED);
}

/* True for RUN/data/a.h5 if there is RUN/checkpoints/step-*.pt. */
static bool is_of_a_run(const char *output, char run[static PATH_BYTES_MAX])
{
    char checkpoints[PATH_BYTES_MAX], *file = realpath(output, NULL); /* an absolute path */
    char data[PATH_BYTES_MAX];
    bool trained = false;
    path_folder(file ? file : "", data, sizeof data);
    path_folder(data, run, PATH_BYTES_MAX);
    free(file);
    if (strcmp(path_name(data), "data") != 0 || !file_exists(output) ||
        !path_join(checkpoints, sizeof checkpoints, run, "checkpoints"))
        return false;
    DIR *d = opendir(checkpoints);
    for (const struct dirent *e; d && !trained && (e = readdir(d)) != NULL;)
        trained =
            strncmp(e->d_name, "step-", 5) == 0 && strcmp(path_extension(e->d_name), ".pt") == 0;
    if (d)
        closedir(d);
    return trained;
}

/* Never replaces a set that a run was trained on: its checkpoints refer to these pictures. */
static enum status pack(struct pack_options *o, struct pack_report *report, struct errmsg *em)
{
    char run[PATH_BYTES_MAX];
    struct errmsg why = {0};
    if (!is_of_a_run(o->output, run))
        return pack_folders(o, report, em);
    o->look_only = true;
    o->force = false;
    enum status st = pack_folders(o, report, &why);
    if (st == ST_OK && report->current)
        return ST_OK;
    /* other texts of ST_USAGE advise --force, which does not help here */
    if (report->consent_missing || (st != ST_OK && st != ST_USAGE))
        return FAIL(em, st, "%s", why.text);
    return FAIL(em, ST_USAGE,
                "%s is what the run in %s was trained on, and is not replaced: name another file, "
                "and train on it with another --out",
                o->output, run);
}

/* The recipe, if the set has the points and masks that it needs. */
static const char *configuration_for(const char *output)
{
    struct set *s;
    struct errmsg ignored = {0};
    if (set_open(output, &s, &ignored) != ST_OK)
        return "configs/light128.toml";
    const struct set_info *info = set_get_info(s);
    bool all = info->has_points && info->has_masks;
    set_free(s);
    return all ? "configs/recipe.toml" : "configs/light128.toml";
}

int command_pack(int argc, char **argv)
{
    struct arguments a = {
        .pack = {.size = SIZE_DEFAULT, .stop = command_stop_wanted}
    };
    struct errmsg em = {0};
    struct pack_report report;
    char sheet[PATH_BYTES_MAX];
    a.pack.folders = a.folders;
    argp_parse(&parser, argc, argv, 0, NULL, &a);

    command_stop_on_signals();

    double start = clock_seconds();
    enum status st = pack(&a.pack, &report, &em);
    log_notes(&report);
    if (st == ST_OK) {
        log_outcome(&a.pack, &report, clock_seconds() - start);
        if (!a.no_sheet && !report.current) {
            st = sheet_write_beside(a.pack.output, sheet, &em);
            if (st == ST_OK)
                log_info("sample sheet: %s", sheet);
        }
        if (st == ST_OK)
            command_log_training("pack", configuration_for(a.pack.output), a.pack.output);
    } else if (report.consent_missing) {
        suggest_consent(argc, argv, &em);
    }
    pack_report_release(&report);
    return st == ST_OK ? 0 : command_fail(&em);
}
