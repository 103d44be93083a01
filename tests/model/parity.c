/*
 * Not a test by itself: tests/python/test_parity.py runs it and compares its files with PyTorch.
 *
 *     parity FOLDER fp32|fp64|bf16 MASK_WEIGHT STEPS [KEY=VALUE…]   (of model.*, words by number)
 *
 * Mean codes, which begin at 0, are drawn at random, so that it shows where they go.
 *
 * Raw native-endian numbers, of the precision's type where not said otherwise:
 *   images.bin, masks.bin   bytes: person, sample, row, column (, channel)
 *   init.pt                 the checkpoint before the first step
 *   outputs.bin             recon a, recon b, swap a to b, swap b to a: (n, 3, S, S) each
 *   mask_outputs.bin        their masks, (n, 1, S, S) each, of a model with a mask head
 *   gradients.bin           flat, of the first step
 *   losses.txt              a line a step: total, then l1 and dssim of a, of b
 *   final.pt                the checkpoint after STEPS steps
 *   next_gradients.bin, next_parameters.bin   of the step after that
 *   swap.bin                bytes (n, S, S, 3): final.pt's swap of A
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/philox.h"
#include "model/checkpoint.h"
#include "model_priv.h"

enum { SIDE_MAX = 128, SAMPLES = 2, MASK_MAX = SIDE_MAX * SIDE_MAX, PICTURE_MAX = MASK_MAX * 3 };
static const double lr = 1e-4;
static int side;
static size_t mask_bytes, picture_bytes;

static struct errmsg em;
static const char *folder;

static void must(enum status st)
{
    if (st != ST_OK) {
        fprintf(stderr, "parity: %s\n", em.text);
        exit(status_exit_code(st));
    }
}

static void write_file(const char *name, const void *bytes, size_t n)
{
    char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, folder, name))
        exit(1);
    must(file_write_atomic(path, bytes, n, &em));
}

static void write_checkpoint(const struct model *m, int64_t step, const char *name)
{
    char path[PATH_BYTES_MAX];
    struct checkpoint_facts facts = {
        .epoch = 2, .step = step, .position = 99, .loss = 0.5, .val_loss = 0.25, .lr = lr};
    if (!path_join(path, sizeof path, folder, name))
        exit(1);
    must(checkpoint_write(m, &facts, path, &em));
}

/* Smooth blobs with noise; a disc as mask. */
static void draw(uint8_t *images, uint8_t *masks)
{
    struct philox p = philox_at(3, PHILOX_IDENTITY, 0);
    for (int i = 0; i < MODEL_PEOPLE * SAMPLES; i++)
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++) {
                int at = (i * side + y) * side + x, dx = x - 60 - i, dy = y - 70;
                masks[at] = dx * dx + dy * dy < 1600 ? 255 : 0;
                for (int c = 0; c < 3; c++)
                    images[at * 3 + c] = (uint8_t)(30 + 20 * i + (x * (c + 1) + y) / 4 +
                                                   (int)philox_below(&p, 24) + masks[at] / 8);
            }
}

static void write_tensors(struct model *m, struct shim_tensor *const tensors[4], size_t each,
                          const char *name)
{
    char *host = malloc(4 * each * m->flat.element_bytes);
    if (!host)
        exit(1);
    for (size_t i = 0; i < 4; i++)
        shim_to_memory(m->scope, tensors[i], m->flat.element_bytes == 8 ? SHIM_F64 : SHIM_F32,
                       host + i * each * m->flat.element_bytes, each);
    must(shim_scope_check(m->scope, &em));
    write_file(name, host, 4 * each * m->flat.element_bytes);
    free(host);
}

/* What model_run does, before it becomes bytes. */
static void write_outputs(struct model *m, const uint8_t *images)
{
    struct shim_scope *s = m->scope;
    struct shim_tensor *pictures[4], *masks[4];
    const int64_t dims[] = {MODEL_PEOPLE * SAMPLES, side, side, 3}, order[] = {0, 3, 1, 2};
    shim_no_grad(s, true);
    struct shim_tensor *x = shim_from_memory(s, SHIM_U8, images, 4, dims);
    x = shim_permute(s, shim_affine(s, x, 1.0 / 255, 0), 4, order);
    shim_autocast(s, m->options.precision == MODEL_BF16);
    struct shim_tensor *codes = network_encode(s, &m->network, x);
    for (int i = 0; i < 4; i++) {
        int who = i % 2, decoder = i < 2 ? who : !who;
        struct shim_tensor *own = shim_narrow(s, codes, 0, who * SAMPLES, SAMPLES);
        struct shim_tensor *moved = network_move(s, &m->network, who, decoder, own);
        struct shim_tensor *z = network_predict_pose(s, &m->network, own);
        if (z)
            moved = shim_add(s, moved, network_pose_to_code(s, &m->network, z));
        struct network_output out = network_decode(s, &m->network, decoder, moved);
        pictures[i] = out.pictures;
        masks[i] = out.masks;
    }
    write_tensors(m, pictures, SAMPLES * picture_bytes, "outputs.bin");
    if (m->options.config.mask)
        write_tensors(m, masks, SAMPLES * mask_bytes, "mask_outputs.bin");
    shim_scope_reset(s);
}

static void draw_mean_codes(struct model *m)
{
    struct philox p = philox_at(4, PHILOX_IDENTITY, 0);
    const struct model_tensor *of = m->architecture->mean_codes;
    for (int who = 0; who < MODEL_PEOPLE && of; who++)
        for (size_t i = 0; i < of[who].count; i++) {
            double fp64 = (double)philox_uniform(&p, -0.1f, 0.1f);
            float fp32 = (float)fp64;
            const void *x = m->flat.element_bytes == sizeof fp64 ? (void *)&fp64 : &fp32;
            must(shim_group_write(m->group, SHIM_PARAMETERS, of[who].offset + i, x, 1, &em));
        }
}

static void backward(struct model *m, const struct batch *b, FILE *losses)
{
    struct model_losses l;
    must(model_zero_gradients(m, &em));
    must(model_backward(m, b, SAMPLES, &l, &em));
    fprintf(losses, "%.17g %.17g %.17g %.17g %.17g\n", l.total, l.term[MODEL_A][MODEL_LOSS_L1],
            l.term[MODEL_A][MODEL_LOSS_DSSIM], l.term[MODEL_B][MODEL_LOSS_L1],
            l.term[MODEL_B][MODEL_LOSS_DSSIM]);
}

static void train(struct model *m, const struct batch *b, int64_t steps)
{
    char path[PATH_BYTES_MAX];
    const struct model_flat *flat = model_flat(m);
    size_t bytes = flat->count * flat->element_bytes;
    FILE *losses = path_join(path, sizeof path, folder, "losses.txt") ? fopen(path, "w") : NULL;
    if (!losses)
        exit(1);
    for (int64_t step = 1; step <= steps; step++) {
        backward(m, b, losses);
        if (step == 1)
            write_file("gradients.bin", flat->gradients, bytes);
        must(model_update(m, &(struct model_step){.lr = lr, .step = step}, &em));
    }
    write_checkpoint(m, steps, "final.pt");
    uint8_t *swap = malloc(SAMPLES * picture_bytes);
    if (!swap)
        exit(1);
    must(model_run(m, b, &(struct model_pictures){.swap = {swap}}, &em));
    write_file("swap.bin", swap, SAMPLES * picture_bytes);
    free(swap);
    backward(m, b, losses);
    write_file("next_gradients.bin", flat->gradients, bytes);
    must(model_update(m, &(struct model_step){.lr = lr, .step = steps + 1}, &em));
    write_file("next_parameters.bin", flat->parameters, bytes);
    fclose(losses);
}

/* "blocks=2" */
static void set_key(struct model_config *c, const char *assignment)
{
    const struct architecture_key *keys;
    const char *equals = strchr(assignment, '=');
    for (size_t i = 0, n = architecture_keys(&keys); equals && i < n; i++)
        if (strlen(keys[i].name) == (size_t)(equals - assignment) &&
            strncmp(keys[i].name, assignment, strlen(keys[i].name)) == 0) {
            architecture_set(c, &keys[i], (int)strtol(equals + 1, NULL, 10));
            return;
        }
    fprintf(stderr, "parity: no key of the model: %s\n", assignment);
    exit(64);
}

int main(int argc, char **argv)
{
    static uint8_t images[MODEL_PEOPLE * SAMPLES * PICTURE_MAX],
        masks[MODEL_PEOPLE * SAMPLES * MASK_MAX];
    if (argc < 5) {
        fprintf(stderr, "usage: parity FOLDER fp32|fp64|bf16 MASK_WEIGHT STEPS [KEY=VALUE...]\n");
        return 64;
    }
    folder = argv[1];
    struct model_options o = {
        .config = {.image_size = SIDE_MAX   },
        .device = "cpu",
        .precision = argv[2][0] == 'b'   ? MODEL_BF16
                     : argv[2][2] == '6' ? MODEL_FP64
                                         : MODEL_FP32,
        .loss_weight = { [MODEL_LOSS_L1] = 1, [MODEL_LOSS_DSSIM] = 0.5},
        .mask_weight = strtod(argv[3], NULL),
        .adam_beta1 = 0.9,
        .adam_beta2 = 0.999,
        .adam_eps = 1e-8,
        .seed = 42,
    };
    struct model *m = NULL;
    for (int i = 5; i < argc; i++)
        set_key(&o.config, argv[i]);
    side = o.config.image_size;
    mask_bytes = (size_t)side * (size_t)side;
    picture_bytes = 3 * mask_bytes;
    draw(images, masks);
    write_file("images.bin", images, MODEL_PEOPLE * SAMPLES * picture_bytes);
    write_file("masks.bin", masks, MODEL_PEOPLE * SAMPLES * mask_bytes);
    must(model_new(&o, NULL, &m, &em));
    struct batch b = {
        .n = SAMPLES,
        .size = side,
        .images = {images, images + SAMPLES * picture_bytes},
        .masks = {masks,  masks + SAMPLES * mask_bytes    }
    };
    draw_mean_codes(m);
    write_checkpoint(m, 0, "init.pt");
    write_outputs(m, images);
    train(m, &b, strtoll(argv[4], NULL, 10));
    model_free(m);
    return 0;
}
