/* bifrons swap: the other person's face, in the same pose. */
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "command.h"
#include "data/picture.h"
#include "data/pose.h"
#include "engine.h"
#include "loaded.h"
#include "preview.h"
#include "results.h"
#include "source.h"
#include "swap_into.h"

enum { GRID_DEFAULT = 6, GRID_MAX = 24 }; /* 24 pictures of 512 px are less than PICTURE_SIDE_MAX */

struct swap_arguments {
    const char *checkpoint, *input, *out, *device;
    int person; /* whose pictures are the input: 0 for a2b */
    int grid;   /* pictures of the sheet; 0: a file for each picture */
    bool no_label, strict, directed;
    struct into_arguments into;
};

struct swap_input {
    struct picture picture;
    float points[FACE_POINTS][2]; /* normalised */
};

struct swapper {
    struct swap_arguments arguments;
    struct loaded loaded;
    struct source source;
    struct results results;
    struct earlier_results earlier;
    int size;
    uint8_t *decoded; /* (size, size, 3) */
    int64_t written, skipped;
    int64_t run, predicted; /* pictures; those of them without a known point */
};

static struct picture_mark mark_of(const struct swapper *s)
{
    return (struct picture_mark){
        .source = PICTURE_SOURCE_TRAINED,
        .checkpoint_hash = s->loaded.hash,
        .visible_label = !s->arguments.no_label,
    };
}

static bool is_known(const struct pose_code *pose)
{
    float known = 0;
    for (int k = 0; k < FACE_POINTS; k++)
        known += pose->known[k][0] + pose->known[k][1];
    return known > 0;
}

static enum status decode(struct swapper *s, struct swap_input *input, uint8_t *swap,
                          uint8_t *recon, struct errmsg *em)
{
    int person = s->arguments.person;
    struct batch batch = {.n = 1, .size = s->size};
    struct model_pictures pictures = {0};
    struct pose_code pose =
        pose_of_points(&s->loaded.poses[person], (const float(*)[2])input->points);
    s->run++;
    s->predicted += !is_known(&pose);
    batch.pose[person] = pose.z[0];
    batch.pose_known[person] = pose.known[0];
    batch.images[person] = input->picture.rgb;
    pictures.swap[person] = swap;
    pictures.recon[person] = recon;
    return model_run(s->loaded.model, &batch, &pictures, em);
}

static enum status write_swap(struct swapper *s, const char *path, struct errmsg *em)
{
    struct picture p = {.width = s->size, .height = s->size, .rgb = s->decoded};
    struct picture_mark mark = mark_of(s);
    enum status st = picture_write_png(path, &p, &mark, em);
    s->written += st == ST_OK;
    return st;
}

/* --- Work ------------------------------------------------------------------------------------- */

/* Reads a picture. Unless strict, a bad one of several is logged and counted. */
static enum status read_or_skip(struct swapper *s, int64_t i, struct swap_input *out, bool *skipped,
                                struct errmsg *em)
{
    struct errmsg reason = {0};
    enum status st = source_read(&s->source, i, s->size, &out->picture, out->points, &reason);
    *skipped = (st == ST_DATA || st == ST_NOINPUT) && (s->source.folder || s->source.n > 1) &&
               !s->arguments.strict;
    if (*skipped) {
        log_warn("skipped: %s", reason.text);
        s->skipped++;
        return ST_OK;
    }
    return st == ST_OK ? ST_OK : FAIL(em, st, "%s", reason.text);
}

static enum status swap_one(struct swapper *s, int64_t i, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    struct swap_input input = {0};
    bool skipped = false;
    enum status st = results_place(&s->results, i, path, em);
    if (st == ST_OK)
        st = read_or_skip(s, i, &input, &skipped, em);
    if (st == ST_OK && !skipped)
        st = decode(s, &input, s->decoded, NULL, em);
    if (st == ST_OK)
        earlier_results_look(&s->earlier, path, skipped);
    if (st == ST_OK && !skipped)
        st = write_swap(s, path, em);
    picture_release(&input.picture);
    return st;
}

static enum status none_read(const struct swapper *s, struct errmsg *em)
{
    return FAIL(em, ST_DATA, "none of the %" PRId64 " picture%s of %s can be used", s->source.n,
                PLURAL(s->source.n), s->arguments.input);
}

/* Writes each picture to its own file. */
static enum status swap_all(struct swapper *s, struct errmsg *em)
{
    enum status st = results_make_folder(&s->results, em);
    for (int64_t i = 0; i < s->source.n && st == ST_OK; i++) {
        st = swap_one(s, i, em);
        log_progress("swapping %" PRId64 "/%" PRId64, i + 1, s->source.n);
    }
    log_progress("%s", "");
    earlier_results_log(&s->earlier, "swap");
    return st == ST_OK && s->written == 0 ? none_read(s, em) : st;
}

/* Pictures of a sheet, evenly spaced over the input, in three rows of GRID_MAX: originals,
 * reconstructions, swaps. */
struct grid {
    uint8_t *memory;
    int64_t shown[GRID_MAX];
    int columns;
};

static uint8_t *grid_cell(const struct swapper *s, const struct grid *g, int row, int column)
{
    size_t bytes = (size_t)s->size * (size_t)s->size * 3;
    return g->memory + (size_t)(row * GRID_MAX + column) * bytes;
}

/* Fills a column with the first readable picture in [from, to). */
static enum status fill_column(struct swapper *s, struct grid *g, int64_t from, int64_t to,
                               struct errmsg *em)
{
    enum status st = ST_OK;
    bool skipped = true;
    for (int64_t i = from; i < to && skipped && st == ST_OK; i++) {
        struct swap_input input = {0};
        st = read_or_skip(s, i, &input, &skipped, em);
        if (st == ST_OK && !skipped) {
            int column = g->columns++;
            g->shown[column] = i;
            memcpy(grid_cell(s, g, 0, column), input.picture.rgb,
                   (size_t)s->size * (size_t)s->size * 3);
            st = decode(s, &input, grid_cell(s, g, 2, column), grid_cell(s, g, 1, column), em);
        }
        picture_release(&input.picture);
    }
    return st;
}

static enum status write_grid(struct swapper *s, const struct grid *g, struct errmsg *em)
{
    struct preview_cell cells[3 * GRID_MAX] = {{0}};
    char titles[2][PREVIEW_TEXT_BYTES];
    const char *from = s->loaded.people[s->arguments.person];
    snprintf(titles[0], sizeof titles[0], "%s again", from);
    snprintf(titles[1], sizeof titles[1], "as %s", s->loaded.people[1 - s->arguments.person]);
    const char *const rows[3] = {from, titles[0], titles[1]};
    for (int row = 0; row < 3; row++)
        for (int i = 0; i < g->columns; i++)
            cells[row * g->columns + i].rgb = grid_cell(s, g, row, i);
    for (int i = 0; i < g->columns; i++)
        cells[i].caption = s->results.names[g->shown[i]];
    struct picture sheet = {0};
    const struct preview_sheet description = {.rows = 3,
                                              .columns = g->columns,
                                              .size = s->size,
                                              .cells = cells,
                                              .row_titles = rows,
                                              .ai_label = !s->arguments.no_label};
    enum status st = preview_sheet(&description, &sheet, em);
    struct picture_mark mark = preview_mark(s->loaded.hash);
    if (st == ST_OK)
        st = results_make_folder(&s->results, em);
    if (st == ST_OK)
        st = picture_write_png(s->arguments.out, &sheet, &mark, em);
    s->written += st == ST_OK;
    picture_release(&sheet);
    return st;
}

/* Writes one sheet instead of files. */
static enum status swap_grid(struct swapper *s, struct errmsg *em)
{
    int64_t columns = MIN(s->source.n, (int64_t)s->arguments.grid), step = s->source.n / columns;
    struct grid g = {.memory = calloc((size_t)3 * GRID_MAX, (size_t)s->size * (size_t)s->size * 3)};
    enum status st = g.memory ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (columns < s->arguments.grid)
        log_info("the sheet shows %" PRId64 " picture%s: %s has no more", columns, PLURAL(columns),
                 s->arguments.input);
    for (int64_t i = 0; i < columns && st == ST_OK; i++)
        st = fill_column(s, &g, i * step, i + 1 < columns ? (i + 1) * step : s->source.n, em);
    if (st == ST_OK)
        st = g.columns > 0 ? write_grid(s, &g, em) : none_read(s, em);
    free(g.memory);
    return st;
}

/* Refuses a set of the other person: the result would be a reconstruction. */
static enum status check_direction(const struct swapper *s, struct errmsg *em)
{
    int person = s->arguments.person;
    enum loaded_set kind =
        s->source.set ? loaded_compare_set(&s->loaded, person, s->source.set) : LOADED_SET_TRAINED;
    if (kind == LOADED_SET_EXCHANGED)
        return FAIL(em, ST_USAGE,
                    "%s is the set of person %c (%s), and %c's pictures are wanted: give "
                    "--direction %s",
                    s->arguments.input, 'B' - person, s->loaded.people[1 - person], 'A' + person,
                    person == 0 ? "b2a" : "a2b");
    if (kind == LOADED_SET_ANOTHER)
        log_info("%s is not the set that %s was trained on", s->arguments.input,
                 s->arguments.checkpoint);
    return ST_OK;
}

/* Where model.pose = "given" had no points to give, and what of points.csv was not used. */
static enum status log_poses(const struct swapper *s, struct errmsg *em)
{
    const struct source *from = &s->source;
    const struct pack_note *notes;
    size_t n = 0;
    enum status st = from->points ? folder_points_judge(from->points, &notes, &n, em) : ST_OK;
    for (size_t i = 0; i < n; i++)
        log_at(notes[i].minor ? LOG_INFO : LOG_WARN, "%s: %s", notes[i].path, notes[i].reason);
    if (s->predicted > 0 && loaded_takes_points(&s->loaded))
        log_info("%" PRId64 " of %" PRId64 " picture%s no known points: their pose was "
                 "predicted%s",
                 s->predicted, s->run, s->run == 1 ? " has" : "s have",
                 from->points ? ""
                 : from->set  ? ". A set has points if it was packed with points.csv"
                              : ". Points are read from points.csv beside the pictures, as bifrons "
                                "extract writes it; for whole photographs give --into");
    return st;
}

static enum status swap(struct swapper *s, struct errmsg *em)
{
    const char *device = s->arguments.device ? s->arguments.device : "";
    enum status st = source_open(s->arguments.input, &s->source, em);
    s->results = (struct results){.out = s->arguments.out,
                                  .input = s->arguments.input,
                                  .source = &s->source,
                                  .sheet = s->arguments.grid > 0};
    if (st == ST_OK && s->source.video && !s->arguments.into.into)
        return FAIL(em, ST_DATA,
                    "%s is a video, and faces that are cut out are pictures: --into puts the face "
                    "back into the video; bifrons extract cuts faces out of it",
                    s->arguments.input);
    if (st == ST_OK && s->arguments.into.of_video && !s->source.video)
        return FAIL(em, ST_USAGE, "%s is no video: leave out --from, --to and --no-sound",
                    s->arguments.input);
    if (st == ST_OK)
        st = results_check(&s->results, em);
    if (st == ST_OK && s->arguments.into.into)
        st = swap_into_check(&s->source, &s->results, em);
    if (st == ST_OK)
        st = loaded_open(s->arguments.checkpoint, device, &s->loaded, em);
    if (st == ST_OK && s->arguments.into.into)
        return swap_into(&s->arguments.into, &s->loaded, &s->source, &s->results, em);
    if (st == ST_OK)
        st = check_direction(s, em);
    if (st == ST_OK && loaded_takes_points(&s->loaded))
        st = source_open_points(&s->source, em);
    if (st != ST_OK)
        return st;
    s->size = model_get_options(s->loaded.model)->config.image_size;
    s->decoded = malloc((size_t)s->size * (size_t)s->size * 3);
    if (!s->decoded)
        return FAIL(em, ST_MEMORY, "out of memory");
    st = s->arguments.grid ? swap_grid(s, em) : swap_all(s, em);
    if (st == ST_OK)
        st = log_poses(s, em);
    if (st == ST_OK && s->source.n_cut > 0)
        log_warn("%" PRId64 " picture%s not square: the middle square was swapped as if it were "
                 "the face; for whole photographs give --into",
                 s->source.n_cut, s->source.n_cut > 1 ? "s are" : " is");
    return st;
}

static void swapper_release(struct swapper *s)
{
    free(s->decoded);
    results_release(&s->results);
    source_release(&s->source);
    loaded_release(&s->loaded);
}

enum { OPTION_DIRECTION = 256, OPTION_GRID, OPTION_NO_LABEL, OPTION_STRICT, OPTION_DEVICE };

/* What goes with --into, and what does not. */
static void check_into(struct argp_state *state, struct swap_arguments *a)
{
    bool referred = a->into.n_references[PEOPLE_MEANT] > 0;
    if (!a->into.into && a->into.belongs)
        argp_error(state, "--%s is for --into, which puts the face back into its picture",
                   a->into.belongs);
    if (a->into.into && a->no_label)
        argp_error(state, "--no-label is for faces that are cut out: a whole picture with a "
                          "swapped face (--into) always carries its visible label");
    if (a->into.into && a->grid)
        argp_error(state, "--grid shows faces that are cut out: leave out --grid or --into");
    if (a->into.to_s > 0 && a->into.to_s <= a->into.from_s)
        argp_error(state, "--to %g is not after --from %g", a->into.to_s, a->into.from_s);
    if (!referred && a->into.n_references[PEOPLE_OTHERS] > 0)
        argp_error(state, "--other PHOTO takes a --reference PHOTO of who is meant");
    a->into.person = a->directed || referred ? a->person : INTO_BOTH;
    a->into.strict = a->strict;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    static const char *const directions[] = {"a2b", "b2a"};
    struct swap_arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->into;
        return 0;
    case 'o':
        a->out = text;
        return 0;
    case OPTION_DIRECTION:
        a->person = command_word(state, "direction", text, directions, 2, "a2b or b2a");
        a->directed = true;
        return 0;
    case OPTION_GRID:
        a->grid = text ? (int)command_number(state, "grid", text, 1, GRID_MAX) : GRID_DEFAULT;
        return 0;
    case OPTION_NO_LABEL:
        a->no_label = true;
        return 0;
    case OPTION_STRICT:
        a->strict = true;
        return 0;
    case OPTION_DEVICE:
        a->device = text;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1 && a->grid > 0)
            argp_error(state,
                       "one checkpoint and one input: \"%s\" is too much; a number of pictures "
                       "is written --grid=N",
                       text);
        if (state->arg_num > 1)
            argp_error(state, "one checkpoint and one input: \"%s\" is too much", text);
        *(state->arg_num == 0 ? &a->checkpoint : &a->input) = text;
        return 0;
    case ARGP_KEY_END:
        if (!a->checkpoint || !a->input)
            argp_error(state, "name a checkpoint and a picture, a folder, a set or a video");
        if (!a->out || !a->out[0])
            argp_error(state, "say where the result goes: -o OUT");
        check_into(state, a);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* clang-format off */
static const struct argp_option options[] = {
    {"output", 'o', "OUT", 0,
     "where results go: for one picture, NAME.png or a folder; for a folder or a set, a folder, "
     "which is made if needed; with --grid, NAME.png; for a video, NAME.mp4 or NAME.mov", 0},
    {"direction", OPTION_DIRECTION, "a2b|b2a", 0,
     "whose pictures are the input (default a2b: A's); with --into, whose face is replaced (default: "
     "both people's, or A's with --reference)", 0},
    {"grid", OPTION_GRID, "N", OPTION_ARG_OPTIONAL,
     "write one sheet to OUT (.png) of N pictures, 1 to 24 (default 6), their reconstructions and swaps", 0},
    {"no-label", OPTION_NO_LABEL, NULL, 0,
     "leave out the visible \"AI\" label; the XMP mark stays", 0},
    {"strict", OPTION_STRICT, NULL, 0, "stop at the first unreadable picture", 0},
    {"device", OPTION_DEVICE, "NAME", 0, "cpu, cuda or cuda:N, instead of the configured one", 0},
    {0},
};
/* clang-format on */

static const struct argp_child children[] = {
    {&swap_into_options,                 0, "The face back into its picture:", 1},
    {0},
};

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = children,
    .args_doc = "CHECKPOINT INPUT",
    .doc =
        "Swaps the face in a picture, in every picture of a folder, or in a set (.h5). Pictures "
        "are cut to the middle square and scaled to the model's size; results are PNG files of "
        "that size with the same name. With model.pose = \"given\", the pose of a face is taken "
        "from "
        "the points of its set, or from points.csv beside the pictures, as extract writes it. With "
        "--into, the input may also be a video; pictures are "
        "whole photographs: the face is found, and put back swapped.\vEvery result is marked as "
        "made by a trained model: in its "
        "XMP data, with the checkpoint's hash, and with a small visible label, which --into does "
        "not let you leave out. Pictures of a folder that cannot be read are named and "
        "skipped.\n\nWith --into, a face is replaced only if it matches: the --reference, or "
        "else what the checkpoint knows of its two people (if their sets had identities). "
        "Pictures without that person are named, and nothing is written for them. A note "
        "beside each composite, NAME.txt, holds both consent statements. The networks that find "
        "faces come with scripts/setup --photographs.\n\nExamples:\n  $ bifrons swap "
        "demo/run/checkpoints/best.pt demo/data/person_a -o swapped\n  $ bifrons swap "
        "runs/x/checkpoints/best.pt holiday --into -o composites\n  $ bifrons swap "
        "runs/x/checkpoints/best.pt clip.mp4 --into -o swapped.mp4\n\nExit "
        "status: 0; 64 usage, or a place where results cannot go; 65 a checkpoint, picture or "
        "frame "
        "of a video that cannot be used, or no picture of a folder that can; 66 no such file or "
        "folder, or no "
        "picture in it; 69 the networks that find faces, or the video libraries, are missing; 74 a "
        "result cannot be written; 75 stopped on request: finished frames are kept.",
};

int engine_swap(int argc, char **argv)
{
    struct swapper s = {0};
    struct errmsg em = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &s.arguments);
    enum status st = swap(&s, &em);
    name_list_warn_profiles(&s.source.profiles);
    if (st == ST_OK && s.arguments.into.into)
        ; /* has said it */
    else if (st == ST_OK && s.skipped > 0)
        log_info("%" PRId64 " written to %s, %" PRId64 " skipped", s.written, s.arguments.out,
                 s.skipped);
    else if (st == ST_OK)
        log_info("%" PRId64 " written to %s", s.written, s.arguments.out);
    swapper_release(&s);
    return st == ST_OK ? 0 : command_fail(&em);
}
