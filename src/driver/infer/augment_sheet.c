/*
 * bifrons inspect --augment CONFIG --sheet OUT.png SET: draws the first samples of a run with this
 * configuration: as stored, as targets and as inputs of the encoder, at full strength.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/log.h"
#include "colours.h"
#include "command.h"
#include "config.h"
#include "data/loader.h"
#include "engine.h"
#include "model/model.h"
#include "preview.h"

enum { KEY_AUGMENT = 1000, KEY_SHEET, SHOWN = 8, ROWS = 3 };

struct arguments {
    const char *config, *sheet, *set;
};

/* bifrons inspect has checked the arguments. */
static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case KEY_AUGMENT:
        a->config = arg;
        return 0;
    case KEY_SHEET:
        a->sheet = arg;
        return 0;
    case ARGP_KEY_ARG:
        a->set = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->config || !a->sheet || !a->set)
            argp_error(state, "needs a configuration, a sheet and a set");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* clang-format off */
static const struct argp_option options[] = {
    {"augment", KEY_AUGMENT, "CONFIG", 0, NULL, 0},
    {"sheet", KEY_SHEET, "OUT.png", 0, NULL, 0},
    {0},
};
/* clang-format on */

/* Set p is of person p: the set shown, and the other one, or the same one again. */
struct shown {
    struct config config;
    int person;
    bool alone, masks;
    struct set *sets[2];
    struct order *orders[2];
    struct loader *loader;
    struct batch batch;
    struct augment_colours colours[2];
    uint8_t *pixels; /* inputs, then targets, of both people */
};

static bool is_file(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

/* The shown set is A's, unless the configuration says that it is B's. */
static enum status open_sets(struct shown *x, const char *path, struct errmsg *em)
{
    const char *const named[2] = {x->config.data.a, x->config.data.b};
    x->person = file_same(path, named[1]) && !file_same(path, named[0]) ? 1 : 0;
    const char *other = named[1 - x->person];
    x->alone = !is_file(other);
    if (x->alone)
        log_warn("%s names no set of the other person: the sheet uses nothing from it",
                 x->person == 0 ? "data.b" : "data.a");
    enum status st = set_open(path, &x->sets[x->person], em);
    if (st == ST_OK)
        st = set_open(x->alone ? path : other, &x->sets[1 - x->person], em);
    x->masks = st == ST_OK && x->config.data.masks && set_get_info(x->sets[0])->has_masks &&
               set_get_info(x->sets[1])->has_masks;
    for (int p = 0; p < 2 && st == ST_OK; p++) {
        st = order_of_set(x->sets[p], x->config.data.val_fraction, x->config.train.seed,
                          (enum order_person)p, &x->orders[p], em);
        if (st == ST_OK && !x->alone)
            st = colours_measure(x->sets[p], x->orders[p], x->masks,
                                 (enum augment_space)x->config.augment.colour_space, &x->colours[p],
                                 em);
    }
    return st;
}

static enum status fill(struct shown *x, struct errmsg *em)
{
    const struct loader_source sources[2] = {
        {x->sets[0], x->orders[0]},
        {x->sets[1], x->orders[1]}
    };
    int size = x->config.model.image_size;
    enum status st = loader_new(sources, &x->config.augment, x->config.train.seed, &x->loader, em);
    if (st == ST_OK)
        st = batch_init(&x->batch, SHOWN, size, BATCH_NOISE | (x->masks ? BATCH_MASKS : 0), em);
    return st == ST_OK ? loader_fill(x->loader, 0, SHOWN, &x->batch, em) : st;
}

static enum status augment(struct shown *x, struct errmsg *em)
{
    size_t bytes = SHOWN * (size_t)x->batch.size * (size_t)x->batch.size * 3;
    struct batch shown = x->batch;
    uint8_t *inputs[2], *targets[2];
    x->pixels = malloc(4 * bytes);
    if (!x->pixels)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (int p = 0; p < 2; p++) {
        if (x->alone && p != x->person)
            shown.images[p] = NULL;
        inputs[p] = x->pixels + (size_t)p * bytes;
        targets[p] = x->pixels + (size_t)(2 + p) * bytes;
    }
    return model_augment(&shown, x->colours, inputs, targets, em);
}

static enum status draw(const struct shown *x, const struct arguments *a, struct errmsg *em)
{
    static const char *const titles[ROWS] = {"stored", "target", "input"};
    size_t each = (size_t)x->batch.size * (size_t)x->batch.size * 3, all = SHOWN * each;
    const uint8_t *const from[ROWS] = {x->batch.images[x->person],
                                       x->pixels + (size_t)(2 + x->person) * all,
                                       x->pixels + (size_t)x->person * all};
    struct preview_cell cells[ROWS * SHOWN] = {0};
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < SHOWN; i++)
            cells[r * SHOWN + i].rgb = from[r] + i * each;
    for (size_t i = 0; i < SHOWN; i++)
        cells[i].caption = set_name(x->sets[x->person], x->batch.rows[x->person][i]);
    const struct preview_sheet sheet = {
        .rows = ROWS,
        .columns = SHOWN,
        .size = x->batch.size,
        .cells = cells,
        .row_titles = titles,
        .title = set_get_info(x->sets[x->person])->person,
        .footer = x->config.augment.back_translation > 0
                      ? "back_translation takes a network, and is not shown"
                      : NULL,
    };
    struct picture picture = {0};
    enum status st = preview_sheet(&sheet, &picture, em);
    if (st == ST_OK)
        st = picture_write_png(a->sheet, &picture, NULL, em);
    picture_release(&picture);
    return st;
}

static void release(struct shown *x)
{
    free(x->pixels);
    batch_release(&x->batch);
    loader_free(x->loader);
    for (int p = 0; p < 2; p++) {
        order_free(x->orders[p]);
        set_free(x->sets[p]);
    }
    free(x);
}

int engine_inspect(int argc, char **argv)
{
    static const struct argp parser = {.options = options, .parser = parse_option};
    struct arguments a = {0};
    struct errmsg em = {0};
    struct shown *x = calloc(1, sizeof *x);
    argp_parse(&parser, argc, argv, 0, NULL, &a);
    if (!x) {
        (void)FAIL(&em, ST_MEMORY, "out of memory");
        return command_fail(&em);
    }
    config_init(&x->config);
    enum status st = config_merge_file(&x->config, a.config, &em);
    config_enter_stage(&x->config, config_stage_count(&x->config) - 1);
    if (st == ST_OK)
        st = open_sets(x, a.set, &em);
    if (st == ST_OK)
        st = fill(x, &em);
    if (st == ST_OK)
        st = augment(x, &em);
    if (st == ST_OK)
        st = draw(x, &a, &em);
    if (st == ST_OK)
        log_info("augmented samples: %s", a.sheet);
    release(x);
    return st == ST_OK ? 0 : command_fail(&em);
}
