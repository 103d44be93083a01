#include "arguments.h"

#include <stdlib.h>

#include "base/checked.h"
#include "base/thread_count.h"
#include "command.h"
#include "data/picture.h"

#include "base/poison.h"

enum { SIZE_DEFAULT = 256, CUT_MIN = 16, CUT_MAX = 2048, SIDE_MIN = 64, THREADS_DEFAULT_MAX = 16 };
enum { EVERY_MAX = 1000000, FPS_MAX = 1000 };
enum {
    KEY_CONSENT = 1000,
    KEY_COVERAGE,
    KEY_REFERENCE,
    KEY_OTHER,
    KEY_MIN,
    KEY_SHARPNESS,
    KEY_DIFFERENCE,
    KEY_NO_IDENTITY,
    KEY_DISCARD,
    KEY_RESUME,
    KEY_THREADS,
    KEY_MODELS,
    KEY_DEVICE,
    KEY_FROM,
    KEY_TO,
    KEY_EVERY,
    KEY_FPS
};

/* clang-format off */
static const struct argp_option options[] = {
    {"output", 'o', "OUT", 0,
     "the folder to write, which pack takes; or OUT.h5: the set at once. A new one", 1},
    {"person", 'p', "NAME", 0, "whose face is wanted", 1},
    {"consent", 'c', "TEXT", 0,
     "who agreed to what: this study, these uses, composites with other people; without it nothing "
     "is stored", 1},
    {"resume", KEY_RESUME, NULL, 0, "go on where a stopped run ended", 1},
    {"reference", KEY_REFERENCE, "PHOTO", 0,
     "a picture of only the wanted person; may be given again", 2},
    {"other", KEY_OTHER, "PHOTO", 0, "a picture of only another person; may be given again", 2},
    {"discard-unsure", KEY_DISCARD, NULL, 0,
     "drop faces that may be another person's, instead of putting them into OUT/unsure", 2},
    {"no-identity", KEY_NO_IDENTITY, NULL, 0,
     "write no identity.csv. Its 128 numbers of each face are biometric data: they recognise the "
     "person in other pictures", 2},
    {"size", 's', "N", 0, "pixels a side of the cut pictures (256)", 3},
    {"coverage", KEY_COVERAGE, "face|head", 0,
     "what is cut: brows to chin, or with the hair (head)", 3},
    {"min-size", KEY_MIN, "N", 0, "leave out faces of fewer pixels, brows to chin (64)", 3},
    {"min-sharpness", KEY_SHARPNESS, "X", 0,
     "leave out faces that are more blurred (" SIGHT_SHARPNESS_TEXT "; 0: keep them)", 3},
    {"min-difference", KEY_DIFFERENCE, "X", 0,
     "leave out faces that differ less from the one kept before, in grey levels of 255 ("
     SIGHT_DIFFERENCE_TEXT "; 0: keep them)", 3},
    {"fps", KEY_FPS, "N", 0, "of videos: at most N frames a second (all)", 4},
    {"every", KEY_EVERY, "N", 0, "of videos: only every N-th frame", 4},
    {"from", KEY_FROM, "SECONDS", 0, "of videos: begin here", 4},
    {"to", KEY_TO, "SECONDS", 0, "of videos: end here", 4},
    {"models", KEY_MODELS, "DIR", 0,
     "where faces.pt and identity.pt are (where scripts/setup --photographs puts them)", 5},
    {"device", KEY_DEVICE, "NAME", 0, "cpu, cuda or cuda:N (cpu)", 5},
    {"threads", KEY_THREADS, "N", 0,
     "pictures read at the same time (as cores and CPU quota allow, up to 16)", 5},
    {0},
};
/* clang-format on */

static void add_word(struct argp_state *state, const char **list, size_t *n, const char *word)
{
    if (*n == EXTRACT_WORDS_MAX)
        argp_error(state, "more than %d of a kind; name a folder", EXTRACT_WORDS_MAX);
    else
        list[(*n)++] = word;
}

static double parse_amount(struct argp_state *state, const char *option, const char *text)
{
    char *end;
    double x = strtod(text, &end);
    if (end == text || *end || !(x >= 0 && x <= 255))
        argp_error(state, "--%s is a number from 0 to 255, not \"%s\"", option, text);
    return x;
}

static void check(struct argp_state *state, const struct extract_arguments *a)
{
    if (a->n_words == 0)
        argp_error(state, "which pictures or videos? Name files or folders");
    if (!a->out || !a->out[0])
        argp_error(state, "where to? Name a new folder with -o OUT");
    if (!a->cuts.person || !a->cuts.person[0])
        argp_error(state, "who is meant? --person NAME");
    if (a->video.to_s > 0 && a->video.to_s <= a->video.from_s)
        argp_error(state, "--to %g is not after --from %g", a->video.to_s, a->video.from_s);
    if (a->n_references[PEOPLE_OTHERS] > 0 && a->n_references[PEOPLE_MEANT] == 0)
        argp_error(state, "--other PHOTO takes a --reference PHOTO of who is meant");
}

/* Options of how faces are chosen and cut; false: another option. */
static bool parse_cut(int key, char *text, struct argp_state *state)
{
    struct extract_arguments *a = state->input;
    switch (key) {
    case 's':
        a->rules.size = (int)command_number(state, "size", text, CUT_MIN, CUT_MAX);
        return true;
    case KEY_MIN:
        a->rules.side_min = (int)command_number(state, "min-size", text, 1, PICTURE_SIDE_MAX);
        return true;
    case KEY_SHARPNESS:
        a->rules.sharpness_min = parse_amount(state, "min-sharpness", text);
        return true;
    case KEY_DIFFERENCE:
        a->cuts.difference_min = parse_amount(state, "min-difference", text);
        return true;
    case KEY_COVERAGE:
        a->rules.coverage =
            (enum shape_coverage)command_word(state, "coverage", text, shape_coverage_names,
                                              SHAPE_COVERAGES, "face or head");
        return true;
    case KEY_REFERENCE:
    case KEY_OTHER: {
        enum people_side side = key == KEY_REFERENCE ? PEOPLE_MEANT : PEOPLE_OTHERS;
        add_word(state, a->references[side], &a->n_references[side], text);
        return true;
    }
    case KEY_DISCARD:
        a->cuts.discard_unsure = true;
        return true;
    case KEY_NO_IDENTITY:
        a->no_identity = true;
        return true;
    default:
        return false;
    }
}

/* Options of which frames of videos are read; false: another option. */
static bool parse_video(int key, char *text, struct argp_state *state)
{
    struct video_options *v = &((struct extract_arguments *)state->input)->video;
    char *end;
    switch (key) {
    case KEY_FROM:
        v->from_s = command_seconds(state, "from", text);
        return true;
    case KEY_TO:
        v->to_s = command_seconds(state, "to", text);
        return true;
    case KEY_EVERY:
        v->every = (int)command_number(state, "every", text, 1, EVERY_MAX);
        return true;
    case KEY_FPS:
        v->fps = strtod(text, &end);
        if (end == text || *end || !(v->fps > 0 && v->fps <= FPS_MAX))
            argp_error(state, "--fps is a number above 0, up to %d, not \"%s\"", FPS_MAX, text);
        return true;
    default:
        return false;
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct extract_arguments *a = state->input;
    switch (key) {
    case 'o':
        a->out = text;
        return 0;
    case 'p':
        a->cuts.person = text;
        return 0;
    case 'c':
        a->cuts.consent = text;
        return 0;
    case KEY_RESUME:
        a->resume = true;
        return 0;
    case KEY_MODELS:
        a->models = text;
        return 0;
    case KEY_DEVICE:
        a->device = text;
        return 0;
    case KEY_THREADS:
        a->threads = (int)command_number(state, "threads", text, 1, EXTRACT_THREADS_MAX);
        return 0;
    case ARGP_KEY_ARG:
        add_word(state, a->words, &a->n_words, text);
        return 0;
    case ARGP_KEY_END:
        check(state, a);
        return 0;
    default:
        return parse_cut(key, text, state) || parse_video(key, text, state) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "PICTURE|VIDEO|FOLDER... -o OUT --person NAME --consent TEXT",
    .doc =
        "Finds a person's face in photographs and videos and cuts it out: a folder of squares "
        "with masks "
        "and points, to look through and cull, which bifrons pack takes as it is.\vFolders are "
        "read with their sub-folders. Left out, counted and named: pictures that cannot be "
        "read, without a face, with one that is too small, cut off by the border, blurred or "
        "nearly the same as the one before, and other people's. Faces that may be another "
        "person's go to OUT/unsure: move them into OUT or delete them before pack. Where more "
        "than one person shows and no --reference says who is meant, nothing is stored but "
        "OUT.people: a sheet of the people and a reference picture of each. Ctrl-C stops: "
        "what is done stays in OUT.part for --resume. The networks come with scripts/setup "
        "--photographs.\n\nExample:\n  $ "
        "bifrons extract holiday -o ada --person Ada \\\n      --consent \"Ada agreed in writing "
        "on 2026-01-31, for this study\"\n\nExit status: 0; 64 usage, no "
        "consent statement, or an output that is there; 65 more than one person, a "
        "reference that does not show one, or unsure faces with OUT.h5; 66 no such picture or "
        "folder, or no face in any; 69 the networks are missing, or, "
        "for a video, bifrons-video; 74 the folder cannot be "
        "written; 75 stopped, --resume goes on.",
};

void extract_parse(int argc, char **argv, struct extract_arguments *out)
{
    *out = (struct extract_arguments){
        .rules = {.size = SIZE_DEFAULT,
                  .side_min = SIDE_MIN,
                  .sharpness_min = SIGHT_SHARPNESS_MIN,
                  .coverage = SHAPE_HEAD},
        .cuts.difference_min = SIGHT_DIFFERENCE_MIN,
        .device = "cpu"
    };
    argp_parse(&parser, argc, argv, 0, NULL, out);
    out->cuts.size = out->rules.size;
    if (out->threads == 0)
        out->threads = threads_for_files(THREADS_DEFAULT_MAX);
}
