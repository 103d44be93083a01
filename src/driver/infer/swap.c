/* bifrons swap: the other person's face, in the same pose. */
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "base/log.h"
#include "command.h"
#include "data/picture.h"
#include "engine.h"
#include "loaded.h"
#include "preview.h"
#include "source.h"

enum { GRID_PAIRS = 6, NAME_BYTES = 300, NAME_ATTEMPTS = 3 };

struct swap_arguments {
    const char *checkpoint, *input, *out, *device;
    int person; /* whose pictures are the input: 0 for a2b */
    bool grid, no_label, strict;
};

struct swapper {
    struct swap_arguments arguments;
    struct loaded loaded;
    struct source source;
    char (*names)[NAME_BYTES]; /* of the results, without ".png" */
    int size;
    uint8_t *decoded; /* (size, size, 3) */
    int64_t written, skipped;
};

/* Names the i-th result: the stem of its picture; if that is not unique, the whole name; if that is
 * not unique either (a set packed from several folders), the name and the row. */
static void name_result(const struct swapper *s, int64_t i, int attempt,
                        char name[static NAME_BYTES])
{
    const char *whole = source_name(&s->source, i);
    if (attempt == 0)
        path_stem(whole, name, NAME_BYTES);
    else if (attempt == 1)
        snprintf(name, NAME_BYTES, "%s", whole);
    else
        snprintf(name, NAME_BYTES, "%.256s-%" PRId64, whole, i);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(**(char(*const *)[NAME_BYTES])a, **(char(*const *)[NAME_BYTES])b);
}

/* Gives each result a unique name: a.jpg and a.png would both give a.png. */
static enum status name_results(struct swapper *s, struct errmsg *em)
{
    size_t n = (size_t)s->source.n;
    char(**sorted)[NAME_BYTES] = calloc(n, sizeof *sorted);
    uint8_t *attempt = calloc(n, 1);
    bool shared = true;
    s->names = calloc(n, sizeof *s->names);
    enum status st = sorted && attempt && s->names ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int round = 0; round < NAME_ATTEMPTS && shared && st == ST_OK; round++) {
        shared = false;
        for (size_t i = 0; i < n; i++) {
            name_result(s, (int64_t)i, attempt[i], s->names[i]);
            sorted[i] = &s->names[i];
        }
        qsort(sorted, n, sizeof *sorted, compare_names);
        for (size_t i = 1; i < n; i++)
            if (strcmp(*sorted[i - 1], *sorted[i]) == 0) {
                attempt[sorted[i - 1] - s->names] = attempt[sorted[i] - s->names] =
                    (uint8_t)(round + 1);
                shared = true;
            }
    }
    if (st == ST_OK && shared)
        st = FAIL(em, ST_USAGE, "several pictures of %s would get the same name; rename them",
                  s->arguments.input);
    free(attempt);
    free(sorted);
    return st;
}

static struct picture_mark mark_of(const struct swapper *s)
{
    return (struct picture_mark){
        .source = PICTURE_SOURCE_TRAINED,
        .checkpoint_hash = s->loaded.hash,
        .visible_label = !s->arguments.no_label,
    };
}

static enum status decode(struct swapper *s, uint8_t *picture, uint8_t *swap, uint8_t *recon,
                          struct errmsg *em)
{
    int person = s->arguments.person;
    struct batch batch = {.n = 1, .size = s->size};
    struct model_pictures pictures = {0};
    batch.images[person] = picture;
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

/* Refuses an output that would replace the input. */
static enum status keep_apart(const char *input, const char *output, struct errmsg *em)
{
    if (!file_same(input, output))
        return ST_OK;
    return FAIL(em, ST_USAGE, "the result would overwrite its input %s; name another place with -o",
                input);
}

/* --- Where results go ------------------------------------------------------------------------- */

static bool goes_to_folder(const struct swapper *s)
{
    const char *out = s->arguments.out;
    size_t n = strlen(out);
    if (s->arguments.grid)
        return false;
    return s->source.folder || s->source.set || folder_exists(out) ||
           (n > 0 && out[n - 1] == '/') || path_extension(out)[0] == '\0';
}

/* Checks -o before any work. Results must be PNG, which keeps their marks. */
static enum status check_out(const struct swapper *s, struct errmsg *em)
{
    const char *out = s->arguments.out, *end = path_extension(out);
    if (goes_to_folder(s)) {
        if (file_exists(out))
            return FAIL(em, ST_USAGE,
                        "-o %s: a file is there, and results go to a folder; name "
                        "another place",
                        out);
        if (!folder_exists(out) && (strcasecmp(end, ".png") == 0 || picture_extension_known(out)))
            return FAIL(em, ST_USAGE,
                        "-o %s: the results are several pictures: name a folder, or ask for one "
                        "sheet of them with --grid",
                        out);
        return ST_OK;
    }
    if (folder_exists(out))
        return FAIL(em, ST_USAGE, "-o %s is a folder: --grid writes one file; name a .png", out);
    if (strcasecmp(end, ".png") != 0)
        return FAIL(em, ST_USAGE,
                    "-o %s: results are PNG, which keeps the mark that a trained model made them: "
                    "-o %.*s.png%s",
                    out, (int)(strlen(out) - strlen(end)), out,
                    s->arguments.grid ? "" : ", or the name of a folder");
    return ST_OK;
}

static enum status make_place(const struct swapper *s, struct errmsg *em)
{
    char folder[PATH_BYTES_MAX];
    if (goes_to_folder(s))
        return folder_make(s->arguments.out, em);
    path_folder(s->arguments.out, folder, sizeof folder);
    return folder_make(folder, em);
}

/* --- Work ------------------------------------------------------------------------------------- */

static enum status place_of(const struct swapper *s, int64_t i, char out[static PATH_BYTES_MAX],
                            struct errmsg *em)
{
    char file[NAME_BYTES + 8];
    const char *place = s->arguments.out;
    snprintf(file, sizeof file, "%s.png", s->names[i]);
    bool fits = goes_to_folder(s) ? path_join(out, PATH_BYTES_MAX, place, file)
                                  : path_join(out, PATH_BYTES_MAX, "", place);
    if (!fits)
        return FAIL(em, ST_IO, "path too long: %s/%s", place, file);
    return s->source.set ? ST_OK : keep_apart(s->source.paths[i], out, em);
}

/* Checks before any work that no result replaces an input. */
static enum status check_places(const struct swapper *s, struct errmsg *em)
{
    char path[PATH_BYTES_MAX];
    enum status st = ST_OK;
    if (s->arguments.grid)
        return picture_check_output(s->arguments.out, em);
    for (int64_t i = 0; i < s->source.n && st == ST_OK; i++)
        if ((st = place_of(s, i, path, em)) == ST_OK)
            st = picture_check_output(path, em);
    return st;
}

/* Reads a picture. Unless strict, a bad one of several is logged and counted. */
static enum status read_or_skip(struct swapper *s, int64_t i, struct picture *out, bool *skipped,
                                struct errmsg *em)
{
    struct errmsg reason = {0};
    enum status st = source_read(&s->source, i, s->size, out, &reason);
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
    struct picture input = {0};
    bool skipped = false;
    enum status st = place_of(s, i, path, em);
    if (st == ST_OK)
        st = read_or_skip(s, i, &input, &skipped, em);
    if (st == ST_OK && !skipped)
        st = decode(s, input.rgb, s->decoded, NULL, em);
    if (st == ST_OK && !skipped)
        st = write_swap(s, path, em);
    picture_release(&input);
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
    enum status st = make_place(s, em);
    for (int64_t i = 0; i < s->source.n && st == ST_OK; i++) {
        st = swap_one(s, i, em);
        log_progress("swapping %" PRId64 "/%" PRId64, i + 1, s->source.n);
    }
    log_progress("%s", "");
    return st == ST_OK && s->written == 0 ? none_read(s, em) : st;
}

/* Pictures of a sheet, evenly spaced over the input, in three rows of GRID_PAIRS: originals,
 * reconstructions, swaps. */
struct grid {
    uint8_t *memory;
    int64_t shown[GRID_PAIRS];
    int columns;
};

static uint8_t *grid_cell(const struct swapper *s, const struct grid *g, int row, int column)
{
    size_t bytes = (size_t)s->size * (size_t)s->size * 3;
    return g->memory + (size_t)(row * GRID_PAIRS + column) * bytes;
}

/* Fills a column with the first readable picture in [from, to). */
static enum status fill_column(struct swapper *s, struct grid *g, int64_t from, int64_t to,
                               struct errmsg *em)
{
    enum status st = ST_OK;
    bool skipped = true;
    for (int64_t i = from; i < to && skipped && st == ST_OK; i++) {
        struct picture input = {0};
        st = read_or_skip(s, i, &input, &skipped, em);
        if (st == ST_OK && !skipped) {
            int column = g->columns++;
            g->shown[column] = i;
            memcpy(grid_cell(s, g, 0, column), input.rgb, (size_t)s->size * (size_t)s->size * 3);
            st = decode(s, input.rgb, grid_cell(s, g, 2, column), grid_cell(s, g, 1, column), em);
        }
        picture_release(&input);
    }
    return st;
}

static enum status write_grid(struct swapper *s, const struct grid *g, struct errmsg *em)
{
    struct preview_cell cells[3 * GRID_PAIRS] = {{0}};
    char titles[2][PREVIEW_TEXT_BYTES];
    const char *from = s->loaded.people[s->arguments.person];
    snprintf(titles[0], sizeof titles[0], "%s again", from);
    snprintf(titles[1], sizeof titles[1], "as %s", s->loaded.people[1 - s->arguments.person]);
    const char *const rows[3] = {from, titles[0], titles[1]};
    for (int row = 0; row < 3; row++)
        for (int i = 0; i < g->columns; i++)
            cells[row * g->columns + i].rgb = grid_cell(s, g, row, i);
    for (int i = 0; i < g->columns; i++)
        cells[i].caption = s->names[g->shown[i]];
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
        st = make_place(s, em);
    if (st == ST_OK)
        st = picture_write_png(s->arguments.out, &sheet, &mark, em);
    s->written += st == ST_OK;
    picture_release(&sheet);
    return st;
}

/* Writes one sheet instead of files. */
static enum status swap_grid(struct swapper *s, struct errmsg *em)
{
    int64_t columns = MIN(s->source.n, (int64_t)GRID_PAIRS), step = s->source.n / columns;
    struct grid g = {.memory = calloc(3 * GRID_PAIRS, (size_t)s->size * (size_t)s->size * 3)};
    enum status st = g.memory ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
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

static enum status swap(struct swapper *s, struct errmsg *em)
{
    const char *device = s->arguments.device ? s->arguments.device : "";
    enum status st = source_open(s->arguments.input, &s->source, em);
    if (st == ST_OK)
        st = keep_apart(s->arguments.input, s->arguments.out, em);
    if (st == ST_OK)
        st = check_out(s, em);
    if (st == ST_OK)
        st = name_results(s, em);
    if (st == ST_OK)
        st = check_places(s, em);
    if (st == ST_OK)
        st = loaded_open(s->arguments.checkpoint, device, &s->loaded, em);
    if (st == ST_OK)
        st = check_direction(s, em);
    if (st != ST_OK)
        return st;
    s->size = model_get_options(s->loaded.model)->config.image_size;
    s->decoded = malloc((size_t)s->size * (size_t)s->size * 3);
    if (!s->decoded)
        return FAIL(em, ST_MEMORY, "out of memory");
    return s->arguments.grid ? swap_grid(s, em) : swap_all(s, em);
}

static void swapper_release(struct swapper *s)
{
    free(s->decoded);
    free(s->names);
    source_release(&s->source);
    loaded_release(&s->loaded);
}

enum { OPTION_DIRECTION = 256, OPTION_GRID, OPTION_NO_LABEL, OPTION_STRICT, OPTION_DEVICE };

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct swap_arguments *a = state->input;
    switch (key) {
    case 'o':
        a->out = text;
        return 0;
    case OPTION_DIRECTION:
        if (strcmp(text, "a2b") != 0 && strcmp(text, "b2a") != 0)
            argp_error(state, "--direction is a2b or b2a, not \"%s\"", text);
        a->person = text[0] == 'b';
        return 0;
    case OPTION_GRID:
        a->grid = true;
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
        if (state->arg_num > 1)
            argp_error(state, "one checkpoint and one input: \"%s\" is too much", text);
        *(state->arg_num == 0 ? &a->checkpoint : &a->input) = text;
        return 0;
    case ARGP_KEY_END:
        if (!a->checkpoint || !a->input)
            argp_error(state, "name a checkpoint and a picture, a folder or a set");
        if (!a->out || !a->out[0])
            argp_error(state, "say where the result goes: -o OUT");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* clang-format off */
static const struct argp_option options[] = {
    {"output", 'o', "OUT", 0,
     "where results go: for one picture, NAME.png or a folder; for a folder or a set, a folder, "
     "which is made if needed; with --grid, NAME.png", 0},
    {"direction", OPTION_DIRECTION, "a2b|b2a", 0,
     "whose pictures are the input (default a2b: A's)", 0},
    {"grid", OPTION_GRID, NULL, 0,
     "write one sheet to OUT (.png) of up to 6 pictures, their reconstructions and swaps", 0},
    {"no-label", OPTION_NO_LABEL, NULL, 0,
     "leave out the visible \"AI\" label; the XMP mark stays", 0},
    {"strict", OPTION_STRICT, NULL, 0, "stop at the first unreadable picture", 0},
    {"device", OPTION_DEVICE, "NAME", 0, "cpu, cuda or cuda:N, instead of the configured one", 0},
    {0},
};
/* clang-format on */

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "CHECKPOINT INPUT",
    .doc = "Swaps the face in a picture, in every picture of a folder, or in a set (.h5). Pictures "
           "are cut to the middle square and scaled to the model's size; results are PNG files of "
           "that size with the same name.\vEvery result is marked as made by a trained model: in "
           "its XMP data, with the checkpoint's hash, and with a small visible label. Pictures of "
           "a folder that cannot be read are named and skipped.\n\nExample:\n  $ bifrons swap "
           "demo/run/checkpoints/best.pt demo/data/person_a -o swapped\n\nExit status: 0; 64 "
           "usage, or a place where results cannot go; 65 a checkpoint or picture that cannot be "
           "used, or no picture of a folder that can; 66 no such file or folder, or no picture in "
           "it; 74 a result cannot be written.",
};

int engine_swap(int argc, char **argv)
{
    struct swapper s = {0};
    struct errmsg em = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &s.arguments);
    enum status st = swap(&s, &em);
    if (st == ST_OK && s.skipped > 0)
        log_info("%" PRId64 " written to %s, %" PRId64 " skipped", s.written, s.arguments.out,
                 s.skipped);
    else if (st == ST_OK)
        log_info("%" PRId64 " written to %s", s.written, s.arguments.out);
    swapper_release(&s);
    return st == ST_OK ? 0 : command_fail(&em);
}
