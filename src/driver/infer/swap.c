/* bifrons swap: the other person's face, in the same pose. */
#include <argp.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/log.h"
#include "command.h"
#include "data/picture.h"
#include "data/set.h"
#include "engine.h"
#include "loaded.h"
#include "preview.h"

enum { GRID_PAIRS = 6, NAME_BYTES = 300, NAME_ATTEMPTS = 3 };

struct swap_arguments {
    const char *checkpoint, *input, *out, *device;
    int person; /* whose pictures come in: 0 for a2b */
    bool grid, no_label, strict;
};

/* Where pictures come from: a file, the files of a folder, or the rows of a set. */
struct source {
    char (*paths)[PATH_BYTES_MAX];
    struct set *set;
    int64_t n;
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

static int compare_paths(const void *a, const void *b)
{
    return strcmp(a, b);
}

static enum status list_folder(const char *folder, struct source *out, struct errmsg *em)
{
    DIR *d = opendir(folder);
    if (!d)
        return FAIL(em, ST_NOINPUT, "cannot open folder %s", folder);
    enum status st = ST_OK;
    size_t capacity = 0;
    for (struct dirent *entry; st == ST_OK && (entry = readdir(d));) {
        if (!picture_extension_known(entry->d_name))
            continue;
        if ((size_t)out->n == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            void *grown = realloc(out->paths, capacity * sizeof *out->paths);
            if (!grown) {
                st = FAIL(em, ST_MEMORY, "out of memory listing %s", folder);
                break;
            }
            out->paths = grown;
        }
        if (!path_join(out->paths[out->n++], PATH_BYTES_MAX, folder, entry->d_name))
            st = FAIL(em, ST_NOINPUT, "path too long: %s/%s", folder, entry->d_name);
    }
    closedir(d);
    if (st == ST_OK && out->n == 0)
        st = FAIL(em, ST_NOINPUT, "%s holds no .jpg, .jpeg, .png or .bmp picture", folder);
    if (st == ST_OK)
        qsort(out->paths, (size_t)out->n, sizeof *out->paths, compare_paths);
    return st;
}

static enum status open_source(const char *input, struct source *out, struct errmsg *em)
{
    if (folder_exists(input))
        return list_folder(input, out, em);
    if (!file_exists(input))
        return FAIL(em, ST_NOINPUT, "cannot open %s: no such file or folder", input);
    if (!picture_extension_known(input)) {
        enum status st = set_open(input, &out->set, em);
        out->n = st == ST_OK ? set_get_info(out->set)->n : 0;
        return st;
    }
    out->paths = malloc(sizeof *out->paths);
    if (!out->paths || !path_join(out->paths[0], PATH_BYTES_MAX, "", input))
        return FAIL(em, ST_MEMORY, "path too long or out of memory: %s", input);
    out->n = 1;
    return ST_OK;
}

/* What the i-th result is called: its picture's stem; where others have that too, the whole name;
 * where even that is taken (a set packed of several folders), with its row. */
static void name_result(const struct swapper *s, int64_t i, int attempt,
                        char name[static NAME_BYTES])
{
    const struct source *from = &s->source;
    const char *whole = from->set ? set_name(from->set, i) : path_name(from->paths[i]);
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

/* Of a.jpg and a.png both results would be a.png: no picture may replace another's. */
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

/* The i-th picture, cut to a square and scaled to the model's size. */
static enum status read_input(struct swapper *s, int64_t i, struct picture *out, struct errmsg *em)
{
    struct picture whole = {0}, square = {0};
    enum status st;
    if (s->source.set) {
        int side = set_get_info(s->source.set)->size;
        st = picture_init(&whole, side, side, em);
        if (st == ST_OK)
            st = set_read_image(s->source.set, i, whole.rgb, em);
    } else {
        st = picture_read(s->source.paths[i], &whole, em);
    }
    if (st == ST_OK)
        st = picture_crop_square(&whole, &square, em);
    if (st == ST_OK)
        st = picture_resize(&square, s->size, s->size, out, em);
    picture_release(&whole);
    picture_release(&square);
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

static enum status decode(struct swapper *s, const uint8_t *picture, uint8_t *swap, uint8_t *recon,
                          struct errmsg *em)
{
    int person = s->arguments.person;
    struct model_batch batch = {.n = 1};
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

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* A result must not replace what it is made from. */
static enum status keep_apart(const char *input, const char *output, struct errmsg *em)
{
    if (!same_file(input, output))
        return ST_OK;
    return FAIL(em, ST_USAGE,
                "%s would be overwritten by what is made from it; name another place "
                "with -o",
                input);
}

static enum status swap_one(struct swapper *s, int64_t i, const char *out, bool out_is_folder,
                            struct errmsg *em)
{
    char file[NAME_BYTES + 8], path[PATH_BYTES_MAX];
    struct picture input = {0};
    enum status st = read_input(s, i, &input, em);
    if (st == ST_OK)
        st = decode(s, input.rgb, s->decoded, NULL, em);
    snprintf(file, sizeof file, "%s.png", s->names[i]);
    if (st == ST_OK &&
        !path_join(path, sizeof path, out_is_folder ? out : "", out_is_folder ? file : out))
        st = FAIL(em, ST_IO, "path too long: %s/%s", out, file);
    if (st == ST_OK && !s->source.set)
        st = keep_apart(s->source.paths[i], path, em);
    if (st == ST_OK)
        st = write_swap(s, path, em);
    picture_release(&input);
    return st;
}

/* Each picture to its own file; unreadable ones are named and skipped, unless strict. */
static enum status swap_all(struct swapper *s, struct errmsg *em)
{
    const char *out = s->arguments.out;
    bool to_folder = s->source.n > 1 || s->source.set || folder_exists(out);
    enum status st = ST_OK;
    if (to_folder) {
        st = folder_make(out, em);
    } else {
        char folder[PATH_BYTES_MAX];
        path_folder(out, folder, sizeof folder);
        st = folder_make(folder, em);
    }
    for (int64_t i = 0; i < s->source.n && st == ST_OK; i++) {
        struct errmsg one = {0};
        st = swap_one(s, i, out, to_folder, &one);
        if (st == ST_DATA && s->source.n > 1 && !s->arguments.strict) {
            log_warn("skipped: %s", one.text);
            s->skipped++;
            st = ST_OK;
        } else if (st != ST_OK) {
            *em = one;
        }
        log_progress("swapping %" PRId64 "/%" PRId64, i + 1, s->source.n);
    }
    log_progress("%s", "");
    if (st == ST_OK && s->written == 0)
        st = FAIL(em, ST_DATA, "no picture of %s could be read", s->arguments.input);
    return st;
}

/* One sheet instead of files: the pictures, their reconstructions and their swaps. */
static enum status swap_grid(struct swapper *s, struct errmsg *em)
{
    int columns = (int)MIN(s->source.n, (int64_t)GRID_PAIRS), other = 1 - s->arguments.person;
    size_t bytes = (size_t)s->size * (size_t)s->size * 3;
    uint8_t *memory = calloc(3 * (size_t)columns, bytes);
    struct preview_cell cells[3 * GRID_PAIRS] = {{0}};
    char titles[2][PREVIEW_TEXT_BYTES];
    const char *from = s->loaded.people[s->arguments.person], *to = s->loaded.people[other];
    snprintf(titles[0], sizeof titles[0], "%s again", from);
    snprintf(titles[1], sizeof titles[1], "as %s", to);
    const char *const rows[3] = {from, titles[0], titles[1]};
    enum status st = memory ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int i = 0; i < columns && st == ST_OK; i++) {
        uint8_t *cell[3];
        struct picture input = {0};
        for (int row = 0; row < 3; row++) {
            cell[row] = memory + (size_t)(row * columns + i) * bytes;
            cells[row * columns + i].rgb = cell[row];
        }
        int64_t shown = i * (s->source.n / columns);
        st = read_input(s, shown, &input, em);
        if (st == ST_OK) {
            memcpy(cell[0], input.rgb, bytes);
            st = decode(s, input.rgb, cell[2], cell[1], em);
        }
        cells[i].caption = s->names[shown];
        picture_release(&input);
    }
    struct picture sheet = {0};
    const struct preview_sheet description = {.rows = 3,
                                              .columns = columns,
                                              .size = s->size,
                                              .cells = cells,
                                              .row_titles = rows,
                                              .ai_label = !s->arguments.no_label};
    if (st == ST_OK)
        st = preview_sheet(&description, &sheet, em);
    struct picture_mark mark = preview_mark(s->loaded.hash);
    if (st == ST_OK)
        st = picture_write_png(s->arguments.out, &sheet, &mark, em);
    s->written += st == ST_OK;
    picture_release(&sheet);
    free(memory);
    return st;
}

/* A set of the other person would come out as it went in. */
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
    enum status st = open_source(s->arguments.input, &s->source, em);
    if (st == ST_OK)
        st = keep_apart(s->arguments.input, s->arguments.out, em);
    if (st == ST_OK && !folder_exists(s->arguments.out))
        st = picture_check_output(s->arguments.out, em);
    if (st == ST_OK)
        st = name_results(s, em);
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
    free(s->source.paths);
    set_free(s->source.set);
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
        if (!a->out)
            argp_error(state, "say where the result goes: -o OUT");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"output",                                         'o', "OUT", 0, "a PNG file for one picture, a folder for more", 0},
    {"direction",                                           OPTION_DIRECTION, "a2b|b2a", 0, "whose pictures come in (default a2b: A's)", 0},
    {"grid", OPTION_GRID, NULL, 0,
     "write one sheet to OUT (.png): pictures, reconstructions, swaps", 0},
    {"no-label",                                                OPTION_NO_LABEL, NULL, 0, "leave out the visible \"AI\" label; the XMP mark stays",
     0},
    {"strict",OPTION_STRICT, NULL, 0, "stop at the first unreadable picture", 0},
    {"device",                                               OPTION_DEVICE, "NAME", 0, "cpu, cuda or cuda:N, instead of the configured one", 0},
    {0                                              },
};

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "CHECKPOINT INPUT",
    .doc =
        "Swaps the face in a picture, in every picture of a folder, or in a set (.h5). Pictures "
        "are cut to the middle square and scaled to the model's size; results are PNG of that "
        "size under the same name."
        "\vEvery result is marked as made by a trained model: in its XMP data, with the "
        "checkpoint's hash, and with a small visible label. Pictures that cannot be read are "
        "named and left out.\n\n"
        "Example:\n  $ bifrons swap demo/run/checkpoints/best.pt demo/data/person_a -o swapped\n\n"
        "Exit status: 0; 64 usage; 65 a checkpoint or picture that cannot be used; 66 no such "
        "file or folder, or no picture in it; 74 a result cannot be written.",
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
