/* bifrons eval: measures a checkpoint on pictures that it was not trained on. */
#include "eval.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "command.h"
#include "data/picture.h"
#include "engine.h"
#include "truth.h"

static enum status open_person(struct evaluation *e, int person, struct errmsg *em)
{
    const struct config *config = &e->loaded.config;
    const char *path = e->arguments.data[person];
    if (!path)
        path = person == 0 ? config->data.a : config->data.b;
    if (!path[0])
        return FAIL(em, ST_USAGE, "%s does not name its data; give --data-a FILE and --data-b FILE",
                    e->arguments.checkpoint);
    enum status st = set_open(path, &e->sets[person], em);
    if (st != ST_OK)
        return st;
    const struct set_info *info = set_get_info(e->sets[person]);
    enum loaded_set kind = loaded_compare_set(&e->loaded, person, e->sets[person]);
    if (kind == LOADED_SET_EXCHANGED)
        return FAIL(em, ST_USAGE,
                    "%s is the set of person %c that %s was trained on, and is given as person "
                    "%c's: exchange --data-a and --data-b",
                    path, 'B' - person, e->arguments.checkpoint, 'A' + person);
    if (kind == LOADED_SET_UNKNOWN)
        log_warn("%s does not record which sets it was trained on: all %" PRId64
                 " pictures of %s are measured, and some may have been trained on",
                 e->arguments.checkpoint, info->n, path);
    else if (kind == LOADED_SET_ANOTHER)
        log_warn("%s is not the set of person %c that %s was trained on: all of its %" PRId64
                 " pictures are measured, and some may have been trained on",
                 path, 'A' + person, e->arguments.checkpoint, info->n);
    /* from the set it was trained on, only held-out pictures; from another set, all */
    e->held_out[person] = kind == LOADED_SET_TRAINED;
    return order_of_set(e->sets[person], config->data.val_fraction, config->train.seed,
                        (enum order_person)person, &e->orders[person], em);
}

int64_t eval_picture_count(const struct evaluation *e, int person)
{
    return e->held_out[person] ? order_val_count(e->orders[person])
                               : set_get_info(e->sets[person])->n;
}

int64_t eval_picture_row(const struct evaluation *e, int person, int64_t i)
{
    return e->held_out[person] ? order_val_row(e->orders[person], i) : i;
}

int64_t eval_training_count(const struct evaluation *e, int person)
{
    return e->held_out[person] ? order_train_count(e->orders[person])
                               : set_get_info(e->sets[person])->n;
}

int64_t eval_training_row(const struct evaluation *e, int person, int64_t i)
{
    return e->held_out[person] ? order_train_row(e->orders[person], i) : i;
}

enum status eval_load(struct evaluation *e, int person, const int64_t *rows, size_t n,
                      struct errmsg *em)
{
    return loader_fill_rows(e->loader, person == 0 ? rows : NULL, person == 1 ? rows : NULL, n,
                            &e->batch, em);
}

/* The mean of the training pictures: the best answer of a swap that ignores its input. */
static enum status compute_mean_face(struct evaluation *e, int person, struct errmsg *em)
{
    size_t bytes = (size_t)e->size * (size_t)e->size * 3;
    uint64_t *sum = calloc(bytes, sizeof *sum);
    e->mean_face[person] = malloc(bytes);
    enum status st = ST_OK;
    if (!sum || !e->mean_face[person])
        st = FAIL(em, ST_MEMORY, "out of memory");
    int64_t n = eval_training_count(e, person);
    for (int64_t i = 0; i < n && st == ST_OK; i++) {
        int64_t row = eval_training_row(e, person, i);
        st = eval_load(e, person, &row, 1, em);
        for (size_t k = 0; k < bytes && st == ST_OK; k++)
            sum[k] += e->batch.images[person][k];
    }
    for (size_t k = 0; k < bytes && st == ST_OK; k++)
        e->mean_face[person][k] = (uint8_t)((sum[k] + (uint64_t)n / 2) / (uint64_t)n);
    free(sum);
    return st;
}

/* Pictures of one batch, (EVAL_BATCH, size, size, 3) each. */
struct scratch {
    uint8_t *recon, *swap, *truth, *redrawn;
};

enum status eval_run(struct evaluation *e, int person, int posed, uint8_t *images, size_t n,
                     uint8_t *recon, uint8_t *swap, struct errmsg *em)
{
    struct model_pictures pictures = {0};
    struct batch view = {.n = n, .size = e->size};
    view.pose[person] = e->batch.pose[posed];
    view.pose_known[person] = e->batch.pose_known[posed];
    view.images[person] = images;
    pictures.recon[person] = recon;
    pictures.swap[person] = swap;
    return model_run(e->loaded.model, &view, &pictures, em);
}

/* Compares the batch with its true swaps, and the true swaps with their reconstructions. */
static enum status measure_swaps(struct evaluation *e, int person, const int64_t *rows, size_t n,
                                 const struct scratch *s, struct errmsg *em)
{
    size_t bytes = (size_t)e->size * (size_t)e->size * 3, pixels = bytes / 3;
    struct quality_sum *sums = e->sum[person];
    enum status st = ST_OK;
    for (size_t i = 0; i < n && st == ST_OK; i++)
        st = truth_read(e->sets[person], rows[i], e->size, s->truth + i * bytes, em);
    if (st == ST_OK)
        st = eval_run(e, 1 - person, person, s->truth, n, s->redrawn, NULL, em);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        const uint8_t *truth = s->truth + i * bytes;
        const uint8_t *mask = e->batch.masks[person] ? e->batch.masks[person] + i * pixels : NULL;
        const uint8_t *const shown[ANSWERS] = {
            [ANSWER_SWAP] = s->swap + i * bytes,
            [ANSWER_UNCHANGED] = e->batch.images[person] + i * bytes,
            [ANSWER_MEAN_FACE] = e->mean_face[1 - person],
            [ANSWER_REDRAWN] = s->redrawn + i * bytes,
        };
        for (int a = 0; a < ANSWERS; a++)
            if (shown[a])
                quality_add(&sums[a], quality_measure(e->meter, shown[a], truth, mask));
    }
    return st;
}

static enum status measure_batch(struct evaluation *e, int person, const int64_t *rows, size_t n,
                                 const struct scratch *s, struct errmsg *em)
{
    size_t bytes = (size_t)e->size * (size_t)e->size * 3, pixels = bytes / 3;
    enum status st = eval_load(e, person, rows, n, em);
    if (st == ST_OK)
        st = eval_run(e, person, person, e->batch.images[person], n, s->recon, s->swap, em);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        const uint8_t *own = e->batch.images[person] + i * bytes;
        const uint8_t *mask = e->batch.masks[person] ? e->batch.masks[person] + i * pixels : NULL;
        quality_add(&e->sum[person][ANSWER_RECON],
                    quality_measure(e->meter, s->recon + i * bytes, own, mask));
    }
    if (st == ST_OK && set_get_info(e->sets[person])->has_truth)
        st = measure_swaps(e, person, rows, n, s, em);
    return st;
}

static enum status measure_person(struct evaluation *e, int person, struct errmsg *em)
{
    int64_t rows[EVAL_BATCH], all = eval_picture_count(e, person);
    size_t bytes = EVAL_BATCH * (size_t)e->size * (size_t)e->size * 3;
    uint8_t *memory = malloc(4 * bytes);
    const struct scratch scratch = {memory, memory + bytes, memory + 2 * bytes, memory + 3 * bytes};
    enum status st = memory ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (int64_t done = 0; done < all && st == ST_OK; done += EVAL_BATCH) {
        size_t n = (size_t)MIN(all - done, EVAL_BATCH);
        for (size_t i = 0; i < n; i++)
            rows[i] = eval_picture_row(e, person, done + (int64_t)i);
        st = measure_batch(e, person, rows, n, &scratch, em);
        log_progress("measuring person %c: %" PRId64 "/%" PRId64, 'A' + person, done, all);
    }
    log_progress("%s", "");
    free(memory);
    return st;
}

static enum status swap(void *context, int person, const struct batch *b, uint8_t *swaps,
                        struct errmsg *em)
{
    struct evaluation *e = context;
    struct model_pictures pictures = {0};
    pictures.swap[person] = swaps;
    return model_run(e->loaded.model, b, &pictures, em);
}

/* Measures how swaps of a person's pictures follow their source pictures. */
static enum status measure_follow(struct evaluation *e, int person, struct errmsg *em)
{
    struct follow_source source = {
        .swap = swap,
        .context = e,
        .size = e->size,
        .loader = e->loader,
        .seed = e->loaded.config.train.seed,
    };
    for (int p = 0; p < 2; p++) {
        source.sets[p] = e->sets[p];
        source.orders[p] = e->orders[p];
        source.all[p] = !e->held_out[p];
    }
    follow_clear(&e->follow[person]);
    if (!follow_is_possible(&source, person))
        return ST_OK;
    struct follow_reader *reader = NULL;
    log_progress("measuring how swaps of person %c follow their source pictures", 'A' + person);
    enum status st = follow_reader_train(&source, person, &reader, em);
    if (st == ST_OK)
        st = follow_measure(&source, person, reader, &e->follow[person], em);
    log_progress("%s", "");
    follow_reader_free(reader);
    return st;
}

static enum status evaluate(struct evaluation *e, struct errmsg *em)
{
    enum status st = loaded_open(e->arguments.checkpoint,
                                 e->arguments.device ? e->arguments.device : "", &e->loaded, em);
    if (st == ST_OK && e->arguments.faces > 0)
        st = finder_open(e->arguments.models, e->arguments.device ? e->arguments.device : "cpu",
                         &e->finder, em);
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = open_person(e, p, em);
    if (st != ST_OK)
        return st;
    e->size = model_get_options(e->loaded.model)->config.image_size;
    const struct loader_source sources[2] = {
        {e->sets[0], e->orders[0]},
        {e->sets[1], e->orders[1]}
    };
    bool masks = set_get_info(e->sets[0])->has_masks && set_get_info(e->sets[1])->has_masks;
    st =
        loader_new(sources, &e->loaded.config.augment, e->loaded.config.train.seed, &e->loader, em);
    unsigned arrays = (masks ? BATCH_MASKS : 0) |
                      (loaded_takes_points(&e->loaded) ? BATCH_POSE | BATCH_POSE_KNOWN : 0);
    if (st == ST_OK)
        st = batch_init(&e->batch, EVAL_BATCH, e->size, arrays, em);
    if (st == ST_OK)
        loader_set_pose(e->loader, e->loaded.poses);
    if (st == ST_OK)
        st = quality_meter_new(e->size, &e->meter, em);
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = compute_mean_face(e, p, em);
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = measure_person(e, p, em);
    for (int p = 0; p < 2 && st == ST_OK; p++)
        st = measure_follow(e, p, em);
    if (st == ST_OK && e->finder)
        st = eval_faces(e, em);
    return st;
}

static void evaluation_release(struct evaluation *e)
{
    finder_free(e->finder);
    quality_meter_free(e->meter);
    batch_release(&e->batch);
    loader_free(e->loader);
    for (int p = 0; p < 2; p++) {
        free(e->mean_face[p]);
        order_free(e->orders[p]);
        set_free(e->sets[p]);
    }
    loaded_release(&e->loaded);
}

enum {
    OPTION_DATA_A = 256,
    OPTION_DATA_B,
    OPTION_JSON,
    OPTION_DEVICE,
    OPTION_FACES,
    OPTION_MODELS
};

enum { FACES_DEFAULT = 64 };

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct eval_arguments *a = state->input;
    switch (key) {
    case OPTION_DATA_A:
        a->data[0] = text;
        return 0;
    case OPTION_DATA_B:
        a->data[1] = text;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_FACES:
        a->faces = text ? command_number(state, "faces", text, 1, 1000000) : FACES_DEFAULT;
        return 0;
    case OPTION_MODELS:
        a->models = text;
        return 0;
    case OPTION_DEVICE:
        a->device = text;
        return 0;
    case ARGP_KEY_ARG:
        if (a->checkpoint)
            argp_error(state, "one checkpoint at a time: \"%s\" is too much", text);
        a->checkpoint = text;
        return 0;
    case ARGP_KEY_END:
        if (!a->checkpoint)
            argp_error(state, "name a checkpoint, for example runs/light128/checkpoints/best.pt");
        if (a->models && a->faces == 0)
            argp_error(state, "--models goes with --faces");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* clang-format off */
static const struct argp_option options[] = {
    {"data-a", OPTION_DATA_A, "FILE", 0, "person A's set, instead of the one trained on", 0},
    {"data-b", OPTION_DATA_B, "FILE", 0, "person B's set, instead of the one trained on", 0},
    {"faces", OPTION_FACES, "N", OPTION_ARG_OPTIONAL,
     "measure N pictures of each person with face networks (64)", 0},
    {"models", OPTION_MODELS, "DIR", 0,
     "with --faces: the networks of scripts/setup --photographs (share/bifrons)", 0},
    {"json", OPTION_JSON, NULL, 0, "print one JSON object", 0},
    {"device", OPTION_DEVICE, "NAME", 0, "cpu, cuda or cuda:N, instead of the configured one", 0},
    {0},
};
/* clang-format on */

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .children = command_help,
    .args_doc = "CHECKPOINT",
    .doc =
        "Measures a checkpoint: L1, PSNR and SSIM of the reconstruction and, if the sets have true "
        "swaps, of the swap. Three columns to compare the swap with: the true swap redrawn by the "
        "same decoder (about the best that it can do), the unchanged picture, and the other "
        "person's mean face. Inside the face mask, if both sets have masks. If both sets have "
        "points, also whether swaps follow their source pictures: correlations of yaw, pitch, "
        "brows, mouth, eyes and gaze, and in words what is wrong.\vOn the sets the "
        "checkpoint was trained on, only held-out pictures are measured; on others, all.\n\n"
        "--faces needs no true swap. It shows, for the swap, the true swap (where it is known), "
        "the picture left as it is, and the reconstruction: identity (0: the person in the "
        "picture, 1: the other person, by dlib's numbers), the error of the pose in degrees, and "
        "errors of mouth (opening), width and corners of the mouth, eyes, brows and gaze, in "
        "deviations of the person's own pictures. docs/measures.md says how much each "
        "tells.\n\nThe "
        "object of --json has checkpoint, hash (of the file), step, and a2b and b2a, of A's and of "
        "B's pictures: held_out, masked, and swap, truth_redrawn, unchanged, mean_face and "
        "reconstruction, each with l1, psnr, ssim and the number of pictures, or null without the "
        "true swap; follow, null or for each quantity the correlation of swap, true_swap and "
        "reader (of real pictures, as a check), and wrong, in words; faces, with the same for the "
        "rows of --faces, or null.\n\nExample:\n  $ "
        "bifrons eval demo/run/checkpoints/best.pt\n\nExit status: 0; "
        "64 usage; 65 a checkpoint or set that cannot be used; 66 no such file; 69 --faces without "
        "the networks that find faces.",
};

int engine_eval(int argc, char **argv)
{
    struct evaluation e = {0};
    struct errmsg em = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &e.arguments);
    enum status st = evaluate(&e, &em);
    if (st == ST_OK && e.arguments.json)
        eval_print_json(&e);
    else if (st == ST_OK)
        eval_print_table(&e);
    if (st == ST_OK && !e.arguments.json) {
        eval_print_follow(&e);
        eval_print_faces(&e);
    }
    if (st == ST_OK)
        eval_log_gaps(&e);
    evaluation_release(&e);
    return st == ST_OK ? 0 : command_fail(&em);
}
