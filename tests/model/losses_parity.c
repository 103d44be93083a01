/*
 * Not a test by itself: tests/python/test_losses.py runs it and compares what it writes with
 * PyTorch.
 *
 *     losses_parity weights FILE...
 *
 * prints a line each: "DEPTH HASH" of a perceptual network's file, or "CODE: what is wrong with
 * it".
 *
 *     losses_parity train FOLDER FILE|none MASK_WEIGHT hinge|least_squares|none [latent|means]
 *
 * makes one backward pass in fp64, with every loss that has what it needs: the perceptual and the
 * adversarial one where they are not "none"; with "latent" A's last picture comes in as the
 * network's own swap, and its code counts; with "means" the network has mean codes besides, other
 * ones than 0. In FOLDER, numbers raw and native-endian:
 *
 *   images.bin, masks.bin   bytes: person, sample, row, column (, channel)
 *   init.pt                 the checkpoint
 *   gradients.bin           flat
 *   discriminator_gradients.bin     the discriminators', flat
 *   losses.txt              "total TOTAL", then a line a loss: key, weight, its values of a and b
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fixture.h"
#include "model/checkpoint.h"
#include "model/discriminators.h"
#include "vgg.h"

enum { SAMPLES = 2 };

static struct errmsg em;
static const char *folder;

static void must(enum status st)
{
    if (st != ST_OK) {
        fprintf(stderr, "%s\n", em.text);
        exit(status_exit_code(st));
    }
}

static char *path_of(const char *name)
{
    static char path[PATH_BYTES_MAX];
    if (!path_join(path, sizeof path, folder, name))
        exit(1);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t n)
{
    must(file_write_atomic(path_of(name), bytes, n, &em));
}

static int show_weights(char *const *paths, int n)
{
    for (int i = 0; i < n; i++) {
        struct vgg *v = NULL;
        struct errmsg why = {0};
        enum status st = vgg_open(paths[i], "cpu", SHIM_F64, false, &v, &why);
        if (st == ST_OK)
            printf("%d %016" PRIx64 "\n", vgg_depth(v), vgg_hash(v));
        else
            printf("%d: %s\n", status_exit_code(st), why.text);
        vgg_free(v);
    }
    return 0;
}

static void write_pictures(const struct pictures *p)
{
    uint8_t images[MODEL_PEOPLE][SAMPLES * PICTURE], masks[MODEL_PEOPLE][SAMPLES * MASK];
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        memcpy(images[who], p->images[who], sizeof images[who]);
        memcpy(masks[who], p->masks[who], sizeof masks[who]);
    }
    write_file("images.bin", images, sizeof images);
    write_file("masks.bin", masks, sizeof masks);
}

static void write_losses(const struct model_options *o, const struct model_losses *l)
{
    FILE *f = fopen(path_of("losses.txt"), "w");
    if (!f)
        exit(1);
    fprintf(f, "total %.17g\n", l->total);
    for (int i = 0; i < MODEL_LOSSES; i++)
        fprintf(f, "%s %.17g %.17g %.17g\n", model_loss_key((enum model_loss)i),
                i < MODEL_OWN_LOSSES ? o->loss_weight[i] : 0.0, l->term[MODEL_A][i],
                l->term[MODEL_B][i]);
    fclose(f);
}

/* Gives each loss of the table a weight of its own, but those that need any of these facts. */
static void weigh_losses(struct model_options *o, int missing)
{
    for (int i = 0; i < MODEL_OWN_LOSSES; i++)
        o->loss_weight[i] = model_loss_facts((enum model_loss)i) & missing ? 0.0 : 1.0 / (i + 1);
}

/* Poses of both people: each fifth number is not known, and of B's last sample none is. */
static void draw_poses(struct batch *b)
{
    enum { NUMBERS = 2 * FACE_POINTS };
    static float z[MODEL_PEOPLE][SAMPLES][NUMBERS], known[MODEL_PEOPLE][SAMPLES][NUMBERS];
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        for (int i = 0; i < SAMPLES; i++)
            for (int k = 0; k < NUMBERS; k++) {
                known[who][i][k] = k % 5 != 0 && !(who == MODEL_B && i == SAMPLES - 1);
                z[who][i][k] = known[who][i][k] * ((float)((k * 7 + i * 3 + who) % 11) / 4 - 1.25f);
            }
        b->pose[who] = z[who][0];
        b->pose_known[who] = known[who][0];
    }
    write_file("poses.bin", z, sizeof z);
    write_file("poses_known.bin", known, sizeof known);
}

static int train(const char *weights, double mask_weight, const char *discriminator, bool latent,
                 bool means)
{
    static struct pictures pictures;
    struct model_options o = small_options(MODEL_FP64);
    struct model_losses losses;
    struct model *m = NULL;
    const struct checkpoint_facts facts = {0};
    bool vgg = strcmp(weights, "none") != 0, against = strcmp(discriminator, "none") != 0;
    weigh_losses(&o, (vgg ? 0 : LOSS_NEEDS_VGG) | (against ? 0 : LOSS_NEEDS_DISCRIMINATORS) |
                         (latent ? 0 : LOSS_NEEDS_SWAPS) | (means ? 0 : LOSS_NEEDS_POINTS));
    o.mask_weight = mask_weight;
    o.perceptual_weights = vgg ? weights : NULL;
    o.discriminator = (struct model_discriminators){
        .loss = discriminator[0] == 'h' ? MODEL_HINGE : MODEL_LEAST_SQUARES,
        .channels = 8,
        .r1 = 2,
    };
    o.config.mask = true;
    o.config.mean_codes = means;
    o.config.pose = means;
    draw_pictures(&pictures);
    write_pictures(&pictures);
    must(model_new(&o, NULL, &m, &em));
    const struct model_flat *flat = model_flat(m);
    const struct model_tensor *of = model_architecture(m)->mean_codes;
    for (size_t i = 0; means && i < of[0].count + of[1].count; i++) /* one behind the other */
        ((double *)flat->parameters)[of[0].offset + i] = (double)(i % 17) / 128;
    must(checkpoint_write(m, &facts, path_of("init.pt"), &em));
    struct batch b = part_of(&pictures, 0, SAMPLES);
    struct augment_draw none[SAMPLES] = {AUGMENT_NONE, AUGMENT_NONE};
    struct augment_draw last[SAMPLES] = {AUGMENT_NONE, AUGMENT_NONE};
    last[SAMPLES - 1].back_translation = latent;
    b.draws[MODEL_A] = last;
    b.draws[MODEL_B] = none;
    none[0].predicted_pose = means;
    if (means)
        draw_poses(&b);
    model_set_discriminators(m, true);
    must(model_zero_gradients(m, &em));
    must(model_backward(m, &b, SAMPLES, &losses, &em));
    write_file("gradients.bin", flat->gradients, flat->count * flat->element_bytes);
    struct model_flat discriminators = model_discriminators_flat(m);
    write_file("discriminator_gradients.bin", discriminators.gradients,
               discriminators.count * discriminators.element_bytes);
    write_losses(&o, &losses);
    model_free(m);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "weights") == 0)
        return show_weights(argv + 2, argc - 2);
    if ((argc == 6 || argc == 7) && strcmp(argv[1], "train") == 0) {
        folder = argv[2];
        return train(argv[3], strtod(argv[4], NULL), argv[5], argc == 7,
                     argc == 7 && strcmp(argv[6], "means") == 0);
    }
    fprintf(stderr, "usage: losses_parity weights FILE... | train FOLDER FILE|none MASK_WEIGHT "
                    "DISCRIMINATORS [latent|means]\n");
    return 64;
}
