#include <stdlib.h>

#include "command.h"
#include "swap_into.h"

#include "base/poison.h"

enum {
    KEY_INTO = 512,
    KEY_REFERENCE,
    KEY_OTHER,
    KEY_COVERAGE,
    KEY_COLOUR,
    KEY_ERODE,
    KEY_FEATHER,
    KEY_MODELS,
    KEY_FROM,
    KEY_TO,
    KEY_NO_SOUND
};

/* clang-format off */
static const struct argp_option options[] = {
    {"into", KEY_INTO, NULL, 0,
     "put the face back into its picture: find the person's face, swap it, and write the whole "
     "picture; other people's faces stay as they are", 0},
    {"reference", KEY_REFERENCE, "PHOTO", 0,
     "a picture of only the person whose face is replaced; may be given again", 0},
    {"other", KEY_OTHER, "PHOTO", 0, "a picture of only another person; may be given again", 0},
    {"coverage", KEY_COVERAGE, "face|head", 0,
     "how the pictures of the training were cut by extract (as the checkpoint knows, else head)", 0},
    {"colour", KEY_COLOUR, "none|mean|lab", 0,
     "fit the face to the picture's colours: not at all, their means, or means and deviations (lab)",
     0},
    {"erode", KEY_ERODE, "SHARE", 0,
     "make the mask smaller by this share of the face's side, 0 to 0.5 (0.02)", 0},
    {"feather", KEY_FEATHER, "SHARE", 0,
     "let the face fade over this share of its side, 0 to 0.5 (0.1)", 0},
    {"models", KEY_MODELS, "DIR", 0,
     "where faces.pt and identity.pt are (where scripts/setup --photographs puts them)", 0},
    {"from", KEY_FROM, "SECONDS", 0, "of a video: begin here (0)", 0},
    {"to", KEY_TO, "SECONDS", 0, "of a video: end here (its end)", 0},
    {"no-sound", KEY_NO_SOUND, NULL, 0, "of a video: leave the sound out", 0},
    {0},
};
/* clang-format on */

static void add_reference(struct argp_state *state, struct into_arguments *a, enum people_side side,
                          const char *path)
{
    if (a->n_references[side] == INTO_REFERENCES_MAX)
        argp_error(state, "more than %d references", INTO_REFERENCES_MAX);
    else
        a->references[side][a->n_references[side]++] = path;
}

static double share_of(struct argp_state *state, const char *option, const char *text)
{
    char *end;
    double share = strtod(text, &end);
    if (end == text || *end != '\0' || !(share >= 0 && share <= COMPOSITE_SHARE_MAX))
        argp_error(state, "--%s %s: a share of the face's side from 0 to %g is wanted", option,
                   text, COMPOSITE_SHARE_MAX);
    return share;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    static const char *const colours[] = {
        [COMPOSITE_NONE] = "none", [COMPOSITE_MEAN] = "mean", [COMPOSITE_LAB] = "lab"};
    struct into_arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        *a = (struct into_arguments){.coverage = SHAPE_HEAD,
                                     .blend = COMPOSITE_DEFAULTS,
                                     .person = INTO_BOTH};
        return 0;
    case KEY_INTO:
        a->into = true;
        return 0;
    case KEY_REFERENCE:
        add_reference(state, a, PEOPLE_MEANT, text);
        break;
    case KEY_OTHER:
        add_reference(state, a, PEOPLE_OTHERS, text);
        break;
    case KEY_COVERAGE:
        a->coverage_given = true;
        a->coverage =
            (enum shape_coverage)command_word(state, "coverage", text, shape_coverage_names,
                                              SHAPE_COVERAGES, "face or head");
        break;
    case KEY_COLOUR:
        a->blend.colour = (enum composite_colour)command_word(state, "colour", text, colours, 3,
                                                              "none, mean or lab");
        break;
    case KEY_ERODE:
        a->blend.erode = share_of(state, "erode", text);
        break;
    case KEY_FEATHER:
        a->blend.feather = share_of(state, "feather", text);
        break;
    case KEY_MODELS:
        a->models = text;
        break;
    case KEY_FROM:
        a->from_s = command_seconds(state, "from", text);
        a->of_video = true;
        break;
    case KEY_TO:
        a->to_s = command_seconds(state, "to", text);
        a->of_video = true;
        break;
    case KEY_NO_SOUND:
        a->no_sound = a->of_video = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    for (const struct argp_option *o = options; o->name; o++)
        if (o->key == key)
            a->belongs = o->name;
    return 0;
}

const struct argp swap_into_options = {.options = options,
                                       .parser = parse_option,
                                       .children = command_help};
