/* bifrons inspect: shows a set or a checkpoint, for people or as JSON. */
#include "inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "command.h"
#include "data/file_kind.h"

enum { KEY_VERIFY = 1000, KEY_SHEET, KEY_JSON, KEY_AUGMENT, KEY_POINTS, KEY_OVERLAP, KEY_USES };

/* clang-format off */
static const struct argp_option options[] = {
    {"verify", KEY_VERIFY, NULL, 0, "read everything and compare the stored hashes", 1},
    {"sheet", KEY_SHEET, "OUT.png", 0, "of a set: write a contact sheet", 1},
    {"augment", KEY_AUGMENT, "CONFIG", 0,
     "with --sheet, of a set: show its pictures as augmented by this configuration", 1},
    {"points", KEY_POINTS, NULL, 0, "with --sheet, of a set: draw the points of each face", 1},
    {"overlap", KEY_OVERLAP, "OUT.png", 0,
     "of two sets: where the poses of their faces overlap, in words and as a plot", 1},
    {"uses", KEY_USES, "SET", 0,
     "list what in the FOLDERs holds this set's pictures: runs, checkpoints, sets, reports, folders of faces, sheets, "
     "and what the checkpoints drew", 1},
    {"json", KEY_JSON, NULL, 0, "one JSON object on standard output (keys below)", 1},
    {0},
};
/* clang-format on */

/* One file; two sets with --overlap; folders with --uses. */
static void check_paths(const struct inspect_options *o, const struct argp_state *state)
{
    bool alone = !o->verify && !o->sheet && !o->augment;
    if (o->overlap && (o->uses || !alone))
        argp_error(state, "--overlap can be combined with --json only");
    if (o->uses && !alone)
        argp_error(state, "--uses can be combined with --json only");
    if (o->overlap && o->n_paths != 2)
        argp_error(state,
                   "--overlap compares two sets: bifrons inspect A.h5 B.h5 --overlap OUT.png");
    if (o->n_paths == 0)
        argp_error(state,
                   o->uses ? "in which folders? Give those that hold your runs" : "which file?");
    if (!o->overlap && !o->uses && o->n_paths > 1)
        argp_error(state, "one file at a time");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct inspect_options *o = state->input;
    switch (key) {
    case KEY_VERIFY:
        o->verify = true;
        return 0;
    case KEY_SHEET:
        o->sheet = arg;
        return 0;
    case KEY_AUGMENT:
        o->augment = arg;
        return 0;
    case KEY_POINTS:
        o->points = true;
        return 0;
    case KEY_OVERLAP:
        o->overlap = arg;
        return 0;
    case KEY_USES:
        o->uses = arg;
        return 0;
    case KEY_JSON:
        o->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (o->n_paths == INSPECT_PATHS_MAX)
            argp_error(state, "more than %d files or folders", INSPECT_PATHS_MAX);
        else
            o->paths[o->n_paths++] = arg;
        return 0;
    case ARGP_KEY_END:
        check_paths(o, state);
        if (o->augment && !o->sheet)
            argp_error(state, "--augment needs --sheet OUT.png");
        if (o->points && !o->sheet)
            argp_error(state, "--points needs --sheet OUT.png");
        if (o->augment && (o->verify || o->json || o->points))
            argp_error(state, "--augment can be combined with --sheet only");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "FILE\nA.h5 B.h5 --overlap OUT.png\n--uses SET FOLDER...",
    .doc =
        "Shows what is in a set of pictures (.h5) or in a checkpoint (.pt).\v"
        "JSON keys of a set: kind (\"set\"), path, person, consent, n, size, parts (a list), "
        "creator, created, source_hash, fingerprint (16 hex digits), direct, points (null, or "
        "how many of the 70 are known a picture: least, most, mean; without: pictures of which "
        "none is known; outside: known ones outside of their picture), faces (pose in degrees, "
        "from \"pose\" or \"points\"; sharpness; identity, the distance to the person's mean; "
        "sources; time: least, p5, p50, p95 and most of each, and the pictures that stand "
        "out), verified (true, or null where not asked). Of a checkpoint: kind "
        "(\"checkpoint\"), path, verified, "
        "sets, and "
        "record, the checkpoint's own bifrons.json. sets has for A and for B: person, path and "
        "fingerprint of the set it was trained on, and now: \"same\", \"other\" (pictures), "
        "\"unreadable\" or \"missing\". Of --overlap: kind (\"overlap\"), sets (path, person, "
        "known "
        "poses, near: those in a cell of 10 degrees with one of the other set), gaps (set 0 "
        "or 1, faces, beyond so many degrees, n of both) and apart, the distance of the means of "
        "their identities or null. Of --uses: kind (\"uses\"), found (kind, "
        "path, as, match: \"pictures\", \"some pictures\", \"name\" or \"unsure\"; of drawn "
        "pictures: n), "
        "unreadable (path, reason), how many runs, checkpoints, sets, reports and links were "
        "looked at, and unknown: drawn pictures of which nothing says whose they are.\n\n"
        "Sharpness is the strength of edges over the contrast, inside the mask: compare it "
        "within a set. It is measured on up to 1000 pictures, on all with --verify.\n\n"
        "Examples:\n"
        "  $ bifrons inspect a.h5 --verify --sheet a.png --points\n"
        "  $ bifrons inspect a.h5 --augment configs/light128.toml --sheet augmented.png\n"
        "  $ bifrons inspect a.h5 b.h5 --overlap overlap.png\n"
        "  $ bifrons inspect --uses a.h5 runs\n"
        "  $ bifrons inspect runs/light128/checkpoints/best.pt\n\n"
        "Exit status: 0; 64 usage; 65 no set or checkpoint, or damaged; 66 no such file; 69 "
        "this build cannot draw; 74 the "
        "sheet cannot be written."};

/* Checkpoints are zip archives; the set reader checks all other files. */
static enum status find_kind(const char *path, bool *zip_out, struct errmsg *em)
{
    char start[4] = "";
    int fd;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return FAIL(em, ST_NOINPUT, "no such file: %s", path);
    if (folder_exists(path))
        return file_kind_expect(
            path, FILE_CHECKPOINT,
            "set (bifrons pack makes one of a folder of pictures) or checkpoint", em);
    enum status st = file_open(path, &fd, em);
    if (st != ST_OK)
        return st;
    ssize_t n = pread(fd, start, sizeof start, 0);
    *zip_out = n == sizeof start && memcmp(start, "PK\3\4", sizeof start) == 0;
    close(fd);
    return ST_OK;
}

int command_inspect(int argc, char **argv)
{
    struct inspect_options o = {0};
    struct errmsg em = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    bool zip = false;
    enum status st = ST_OK;
    if (o.overlap || o.uses) {
        st = o.overlap ? inspect_overlap(&o, &em) : inspect_uses(&o, &em);
        return st == ST_OK ? 0 : command_fail(&em);
    }
    st = find_kind(o.paths[0], &zip, &em);
    if (st == ST_OK && o.augment)
        return command_exec_engine(argc, argv);
    if (st == ST_OK)
        st = zip ? inspect_checkpoint(&o, &em) : inspect_set(&o, &em);
    return st == ST_OK ? 0 : command_fail(&em);
}
