/*
 * Every key of the configuration, once; those of model.* and the weights of losses have their rows
 * in model/model_config.h and base/losses.h. A row gives name and field (they are spelt alike),
 * what a change means to a run that goes on, default, range and help; config_value.c, config.c and
 * config_print.c do the rest. To add a key, add the field to struct config and a row here; keys of
 * one table stay together.
 */
#include "config_schema.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/poison.h"

/* clang-format off */
#define FIELD(key, ...) /* with the two parts of on_resume */ \
    .name = #key, .offset = offsetof(struct config, key), \
    .bytes = sizeof(((struct config *)0)->key), .change = {__VA_ARGS__}
#define WHOLE(key, on_resume, value, least, most, about) \
    {FIELD(key, on_resume), .type = CONFIG_WHOLE, .help = (about), \
     .initial.whole = (value), .low.whole = (least), .high.whole = (most)}
#define UNSIGNED(key, on_resume, value, about) \
    {FIELD(key, on_resume), .type = CONFIG_UNSIGNED, .help = (about), \
     .initial.whole = (value), .high.whole = INT64_MAX}
#define NUMBER(key, on_resume, value, least, most, about) \
    {FIELD(key, on_resume), .type = CONFIG_NUMBER, .help = (about), \
     .initial.number = (value), .low.number = (least), .high.number = (most)}
#define NUMBER_OR_OFF(key, on_resume, value, least, most, about) \
    {FIELD(key, on_resume), .type = CONFIG_NUMBER, .help = (about), .off = "off", \
     .initial.number = (value), .low.number = (least), .high.number = (most)}
#define BOOL(key, on_resume, value, about) \
    {FIELD(key, on_resume), .type = CONFIG_BOOL, .help = (about), \
     .initial.whole = (value), .high.whole = 1}
#define WORD(key, on_resume, value, list, about) /* list ends with NULL */ \
    {FIELD(key, on_resume), .type = CONFIG_WORD, .help = (about), .words = (list), \
     .initial.whole = (value), .high.whole = (int64_t)ARRAY_LENGTH(list) - 2}
#define STRING(key, on_resume, value, accepting, forms, about) \
    {FIELD(key, on_resume), .type = CONFIG_STRING, .help = (about), .initial.text = (value), \
     .accepts = (accepting), .form = (forms)}
#define STAGES(key, on_resume, about) \
    {FIELD(key, on_resume), .type = CONFIG_STAGES, .help = (about), .off = "off"}
#define PATH(key, on_resume, value, about) \
    {FIELD(key, on_resume), .type = CONFIG_PATH, .help = (about), .initial.text = (value)}

/* The second column of the rows: what a change means to a run that goes on (docs/checkpoints.md
 * says it, too). A row without it does not compile. */
#define FREE CHANGE_FREE, NULL
#define OTHER_NETWORK \
    CHANGE_REFUSED, "it is another network"
#define OTHER_ORDER \
    CHANGE_REFUSED, "it decides the order of pictures, so the saved position would mean others"
#define OTHER_SPLIT \
    CHANGE_REFUSED, "held-out pictures would be among those trained on"
#define OTHER_MOMENTS \
    CHANGE_REFUSED, "the saved moments are means of that decay"
#define OTHER_DISCRIMINATORS \
    CHANGE_REFUSED, "they are other discriminators"
#define OTHER_LOSS \
    CHANGE_LOSSES, "losses are of another kind: best.pt is chosen anew"
#define OTHER_BEST \
    CHANGE_BEST, "best.pt is chosen anew, from the next validation on"
#define OTHER_BATCH \
    CHANGE_LENGTH, "the epochs that are left have steps of the new size"
#define OTHER_LENGTH \
    CHANGE_LENGTH, "a schedule of the learning rate is stretched to the new length"
#define OTHER_STAGES \
    CHANGE_LENGTH, "stages to come are trained as it says now"
#define OTHER_SUMS \
    CHANGE_NOT_BITS, "sums are taken in another order: not bit-exact"
#define OTHER_ARITHMETIC \
    CHANGE_NOT_BITS, "other arithmetic: not bit-exact"
/* clang-format on */

/* In the order of the enums they spell; backends: enum comm_backend. */
static const char *const inits[] = {"pytorch", "he", NULL};
static const char *const schedules[] = {"constant", "one_cycle", "cosine", NULL};
static const char *const precisions[] = {"auto", "fp32", "bf16", NULL};
static const char *const backends[] = {"auto", "self", "mpi", "nccl", NULL};
static const char *const freezes[] = {"none",      "encoder",   "decoders",
                                      "decoder_a", "decoder_b", NULL};
static const char *const bests[] = {"loss",    "recon_l1",  "recon_psnr", "recon_ssim",
                                    "swap_l1", "swap_psnr", "swap_ssim",  NULL};
static const char *const spaces[] = {"rgb", "lab", NULL};
static const char *const discriminator_losses[] = {"hinge", "least_squares", NULL};
static const char *const graphs[] = {"false", "true", "auto", NULL};
static const char *const wires[] = {"fp32", "bf16", NULL};

static bool accepts_device(const char *text)
{
    if (!strcmp(text, "auto") || !strcmp(text, "cpu") || !strcmp(text, "cuda"))
        return true;
    size_t digits = strncmp(text, "cuda:", 5) == 0 ? strspn(text + 5, "0123456789") : 0;
    return digits >= 1 && digits <= 3 && text[5 + digits] == '\0';
}

/* It becomes the name of a folder. */
static bool accepts_name(const char *text)
{
    if (text[0] == '.')
        return false;
    for (const char *p = text; *p; p++)
        if (*p == '/' || iscntrl((unsigned char)*p))
            return false;
    return true;
}

static const struct config_key keys[] = {
    WHOLE(config_version, FREE, CONFIG_VERSION, CONFIG_VERSION, CONFIG_VERSION,
          "Version of the meaning of these keys."),
    STRING(name, FREE, "", accepts_name, "a file name of up to 63 bytes",
           "Name of the run; its folder is runs/NAME. Empty: the name of the last config file, or "
           "\"run\"."),

    PATH(data.a, FREE, "",
         "Person A's set (a .h5 made by bifrons pack), or a folder of pictures that is packed into "
         "the run folder first. Relative paths start at the working directory."),
    PATH(data.b, FREE, "", "Person B's set or folder, likewise."),
    NUMBER(data.val_fraction, OTHER_SPLIT, 0.1, 0, 0.9,
           "Share of each person's pictures that is held out to measure the validation loss. 0: "
           "none."),
    BOOL(data.masks, OTHER_LOSS, 1,
         "Use the face masks of the sets, where both have them, for loss.mask and colour "
         "transfer."),
    PATH(
        data.local_dir, FREE, "",
        "Folder on a disk of the node's own, to which the sets are copied first, for its ranks to "
        "read there (shell: --set data.local_dir=$TMPDIR). The copies stay, readable by you alone, "
        "and serve later runs while the sets are unchanged. Empty: none."),

/* clang-format off */
#define MODEL_WHOLE(field, ...) WHOLE(model.field, OTHER_NETWORK, __VA_ARGS__),
#define MODEL_WORD(field, about, ...) \
    WORD(model.field, OTHER_NETWORK, 0, ((const char *const[]){__VA_ARGS__, NULL}), about),
#define MODEL_SWITCH(field, about) BOOL(model.field, OTHER_NETWORK, 0, about),
    MODEL_KEYS(MODEL_WHOLE, MODEL_WORD, MODEL_SWITCH)

#define X(name, key, initial, facts, about) NUMBER(loss.key, OTHER_LOSS, initial, 0, 1e3, about),
    LOSS_MAP(X)
#undef X
    /* clang-format on */
    NUMBER(loss.mask, OTHER_LOSS, 0, 0, 1e3,
           "Extra weight of the pixels inside the face mask: each counts 1 + this. 0: all pixels "
           "count alike."),
    NUMBER(loss.eyes, OTHER_LOSS, 0, 0, 1e3,
           "Extra weight of the pixels around the eyes, by the sets' landmarks: up to 1 + this at "
           "the centre of an eye, more inside the face mask with loss.mask."),
    NUMBER(loss.mouth, OTHER_LOSS, 0, 0, 1e3, "And around the mouth, likewise."),
    PATH(loss.perceptual_weights, OTHER_LOSS, "",
         "File with the weights of that VGG16 or VGG19: torchvision's .pth, or safetensors with "
         "the same names. Which of the two it is shows in its names."),

    WORD(discriminator.loss, FREE, MODEL_HINGE, discriminator_losses,
         "What the discriminators, and the network against them, learn by: hinge, or "
         "least_squares."),
    WHOLE(discriminator.start_step, FREE, 0, 0, INT64_MAX,
          "Steps before the adversarial loss begins: reconstructions look like something first."),
    NUMBER(discriminator.lr, FREE, 2e-4, 0, 1,
           "Learning rate of the discriminators; it follows train.schedule as train.lr does."),
    NUMBER(discriminator.beta1, OTHER_MOMENTS, 0.5, 0, 0.9999,
           "Their Adam's decay of the mean of gradients; less than train.adam_beta1, since what "
           "they learn from changes all the time."),
    NUMBER(discriminator.beta2, OTHER_MOMENTS, 0.999, 0, 0.999999,
           "And of the mean of their squares."),
    NUMBER(discriminator.r1, FREE, 1, 0, 1e3,
           "Weight of the penalty on the discriminators' gradients at true pictures, which keeps "
           "both sides in balance. Costs about as much time as the discriminators do without. 0: "
           "none."),
    WHOLE(discriminator.channels, OTHER_DISCRIMINATORS, 32, 1, 512,
          "Channels of a discriminator's first layer; the next ones have two and four times as "
          "many."),

    NUMBER(augment.flip, FREE, 0.5, 0, 1, "Probability that a picture is mirrored left to right."),
    NUMBER(augment.rotate_deg, FREE, 10, 0, 180, "Largest rotation either way, in degrees."),
    NUMBER(augment.zoom, FREE, 0.05, 0, 0.5, "Largest change of size either way: 0.05 is 5 %."),
    NUMBER(augment.shift, FREE, 0.05, 0, 0.5,
           "Largest shift either way, as a share of the picture's width and height."),
    NUMBER(augment.warp, FREE, 0.02, 0, 0.2,
           "Random warp of the encoder's input: standard deviation of a control point, as a share "
           "of the picture's width. It makes the model learn the face rather than the pixels."),
    NUMBER(augment.colour_transfer, FREE, 0.5, 0, 1,
           "Probability that the encoder's input is mapped, inside its mask, to the other person's "
           "colours (mean and "
           "deviation over all their training pictures), so that a swap meets what it trained on."),
    WORD(augment.colour_space, FREE, AUGMENT_RGB, spaces,
         "Channels whose mean and deviation colour transfer maps: rgb, or lab (CIE L*a*b*: "
         "lightness "
         "apart from colour; slower)."),
    NUMBER(augment.surroundings, FREE, 0, 0, 1,
           "Probability that the encoder's input shows the face, cut out by its mask, in the other "
           "person's picture, so that it learns to read the face and not hair or clothes."),
    NUMBER(augment.colour_jitter, FREE, 0.05, 0, 0.5,
           "Largest change of each colour channel's gain either way (and half of it as offset) in "
           "the encoder's input."),
    NUMBER(
        augment.blur, FREE, 0, 0, 0.03,
        "Largest blur of the encoder's input: standard deviation of a Gaussian, as a share of the "
        "picture's width. Half of the pictures stay sharp."),
    NUMBER(
        augment.noise, FREE, 0, 0, 0.5,
        "Largest noise in the encoder's input: standard deviation, where white is 1. Half of the "
        "pictures stay clean."),
    NUMBER(augment.back_translation, FREE, 0, 0, 1,
           "Probability that the encoder's input is the network's own swap of the picture, which "
           "it has to turn back, so that a swap's pose and expression are trained and not hoped "
           "for. Costs up to a third more time a step."),
    NUMBER(augment.predicted_pose, FREE, 0.5, 0, 1,
           "With model.pose: probability that the decoder is told the pose as the network predicts "
           "it, as for a swap, and not as the set's points say."),

    WHOLE(augment.ramp_steps, FREE, 0, 0, 1000000000,
          "Steps at the start in which what makes the input worse than its target (warp, colour "
          "jitter, blur, noise) rises from nothing to its strength."),
    WHOLE(augment.off_steps, FREE, 0, 0, 1000000000,
          "Steps at the end without those, so that the network ends on pictures as they are."),

    WHOLE(train.epochs, OTHER_LENGTH, 50, 1, 1000000,
          "Passes over the pictures of the person who has more of them."),
    STAGES(
        train.stages, OTHER_STAGES,
        "Stages that are trained one after the other, each from the weights of the one before, on "
        "pictures of its own size: stages may grow, not shrink. What a stage leaves out is as "
        "model.image_size and the keys of that name here say; what it sets goes before them. The "
        "learning rate's schedule, epochs and best.pt begin anew with each; steps and the order "
        "of pictures go on."),
    WHOLE(train.max_steps, OTHER_LENGTH, 0, 0, INT64_MAX,
          "Stop after this many steps, of all stages, if the epochs have not ended before. 0: no "
          "limit."),
    NUMBER(
        train.max_minutes, FREE, 0, 0, 1e6,
        "Stop with a checkpoint within this many minutes: early enough to write it, as measured. "
        "0: no limit. In a Slurm job its remaining time is a limit in the same way."),
    WHOLE(train.global_batch, OTHER_BATCH, 8, 1, 65536,
          "Pictures of each person in a step, over all ranks together. The result does not depend "
          "on how many ranks share them."),
    WHOLE(train.accumulate, OTHER_SUMS, 1, 1, 65536,
          "Pieces in which a rank works through its share of a batch: more need less memory and "
          "more time."),
    WHOLE(train.slot_size, OTHER_SUMS, 1, 1, 65536,
          "Pictures of each person a slot of train.reproducible: more are faster, but ranks share "
          "a batch out in whole slots."),
    UNSIGNED(train.seed, OTHER_ORDER, 1,
             "Seed of initial weights, order of pictures, split and augmentation. The same seed "
             "trains on the same pictures in the same order."),
    WORD(train.init, FREE, MODEL_INIT_PYTORCH, inits,
         "Initial weights. pytorch: as PyTorch draws them, small; he: so that numbers keep their "
         "size from layer to layer, by which pictures appear sooner."),
    NUMBER(train.lr, FREE, 1e-4, 0, 1, "Learning rate of Adam (with a schedule: its highest)."),
    WORD(train.schedule, FREE, SCHEDULE_CONSTANT, schedules,
         "Course of the learning rate: constant; one_cycle rises along half a cosine from lr/25 to "
         "lr in the first share train.warmup of the steps, then falls to nearly 0; cosine rises "
         "linearly and falls to 0."),
    NUMBER(train.warmup, FREE, 0.1, 0, 0.9,
           "Share of all steps in which one_cycle and cosine let the learning rate rise."),
    WHOLE(train.warmup_steps, FREE, 0, 0, INT64_MAX,
          "Steps in which the learning rate rises, in place of the share train.warmup; with "
          "train.schedule = \"constant\" too, linearly. 0: none, or that share."),
    NUMBER(train.adam_beta1, OTHER_MOMENTS, 0.9, 0, 0.9999,
           "Adam's decay of the mean of gradients."),
    NUMBER(train.adam_beta2, OTHER_MOMENTS, 0.999, 0, 0.999999,
           "Adam's decay of the mean of their squares."),
    NUMBER(train.adam_eps, FREE, 1e-8, 1e-16, 1,
           "Added to Adam's divisor, so that tiny gradients make no large steps."),
    WORD(train.freeze, FREE, FREEZE_NONE, freezes,
         "A part whose parameters stay as they are: a person's decoder may be trained anew on an "
         "encoder that others share, with --init-from."),
    WHOLE(train.early_stop, FREE, 0, 0, 1000000,
          "Validations in a row without a better checkpoint.best after which the run ends, with "
          "exit code 0. 0: it never ends early."),
    NUMBER(train.weight_decay, FREE, 0, 0, 10,
           "Decay of all parameters, lr times this a step, apart from the gradient: AdamW's. 0: "
           "none."),
    NUMBER(train.clip_norm, FREE, 0, 0, 1e9,
           "Largest norm of a step's gradient over all parameters: a longer one is made as short. "
           "metrics.jsonl tells it as grad_norm. 0: no limit."),
    NUMBER(train.ema, FREE, 0, 0, 0.999999,
           "Decay a step of a moving average of the parameters, which validations, previews, "
           "bifrons eval and swap then use; 0.999 is common. It costs 4 bytes a parameter on each "
           "rank (with train.zero its share). 0: none."),
    STRING(train.device, OTHER_ARITHMETIC, "auto", accepts_device,
           "\"auto\", \"cpu\", \"cuda\" or \"cuda:N\"",
           "Where a rank computes. auto: a GPU where there is one for it, else the CPU; cuda: the "
           "GPU of its number on the node."),
    WHOLE(train.threads, FREE, 0, 0, 1024,
          "CPU threads a rank. 0: OMP_NUM_THREADS, else as many as cores and CPU quota allow."),
    WORD(train.precision, OTHER_ARITHMETIC, PRECISION_FP32, precisions,
         "Arithmetic of the network: fp32 (on a GPU with TF32 in convolutions, unless "
         "train.deterministic is set), or bf16 with fp32 weights (faster where the hardware has "
         "it, and the losses of different world sizes agree less closely). auto: bf16 on GPUs and "
         "on CPUs with AVX-512 BF16, else fp32."),
    BOOL(train.deterministic, FREE, 0,
         "On a GPU too, use only methods that give the same bits each time; slower. A CPU always "
         "does."),
    BOOL(train.reproducible, OTHER_SUMS, 0,
         "The same bits on any number of ranks and with any train.accumulate, which then divides "
         "nothing: pictures are worked through in slots of train.slot_size and added in a fixed "
         "order. Slower; on the CPU, with train.threads set."),
    WHOLE(train.zero, FREE, 0, 0, 1,
          "1: each rank keeps and updates its share of the optimizer's state only (ZeRO stage 1): "
          "less memory, the same bits. 0: every rank keeps all of it."),
    WHOLE(train.replica_check_steps, FREE, 100, 0, INT64_MAX,
          "Steps between comparisons of all ranks' parameters, which must be equal; also made "
          "before each checkpoint. 0: never."),
    WORD(train.cuda_graph, FREE, GRAPH_AUTO, graphs,
         "On a GPU: forward and backward as one CUDA graph, by which small batches of a small "
         "model are about three times as fast. Gradients are exchanged after it, not during "
         "backward, and a graph keeps its activations. auto: on a GPU where they take less than "
         "1 GiB by bifrons plan, and neither train.recompute nor loss.adversarial is set."),
    BOOL(train.recompute, FREE, 0,
         "Keep only the input of each stage from forward to backward and compute the stage again: "
         "less memory, about a third more time, the same bits. Not with train.cuda_graph."),
    NUMBER_OR_OFF(
        train.timeout_s, FREE, 300, 1, 604800,
        "Seconds that a rank may take over one thing, and ranks may wait for each other, "
        "before the job ends with a report that names who holds it up; steps whose length "
        "is known get less, but a minute. \"off\": wait for ever."),

    WORD(comm.backend, FREE, 0, backends,
         "How ranks exchange gradients. auto: nccl between GPUs where this build has it, else mpi; "
         "self with one rank."),
    NUMBER(
        comm.bucket_mb, FREE, 0, 0, 65536,
        "MiB of gradients that are summed over ranks at once, while backward goes on. 0: planned "
        "from the time each gradient is ready and the speed of the link."),
    WORD(comm.wire, FREE, WIRE_FP32, wires,
         "Type in which gradients travel between ranks. bf16 moves half the bytes and rounds each "
         "gradient twice; they are added in fp32 between the roundings."),

    WHOLE(checkpoint.every_steps, FREE, 0, 0, INT64_MAX,
          "Steps between checkpoints, besides the one at each epoch. 0: only that."),
    NUMBER(checkpoint.every_minutes, FREE, 15, 0, 1e6,
           "Minutes between checkpoints, likewise. 0: not by time."),
    WHOLE(checkpoint.keep, FREE, 3, 2, 1000,
          "Checkpoints kept, besides the best; the oldest go first. Two at least, so that a "
          "damaged one is no loss."),
    WORD(checkpoint.best, OTHER_BEST, BEST_LOSS, bests,
         "What makes a checkpoint best.pt: the validation loss, or a mean over both people that a "
         "validation measures inside the face mask, of reconstruction or swap. The swap's need "
         "sets that hold the truth, as those of drawn people do."),

    NUMBER_OR_OFF(guard.spike, FREE, 20, 1, 1e6,
                  "A step is left out where its loss stands this many robust deviations above the "
                  "median of the last 64 good ones (a deviation is at least 5 % of the median). A "
                  "step without a finite loss or gradient always is. \"off\": only those; decoders "
                  "are not judged at validations, either."),
    WHOLE(guard.patience, FREE, 3, 1, 1000000,
          "Steps left out in a row, or validations in a row that find a collapsed decoder, after "
          "which the run goes back to its last good state."),
    NUMBER(guard.lr_factor, FREE, 0.5, 0.01, 1,
           "Factor on the learning rate, for the rest of the run, each time it goes back."),
    WHOLE(guard.rollbacks, FREE, 3, 0, 1000,
          "Times a run may go back; then it stops with exit code 70. 0: stop at once."),

    NUMBER(log.every_s, FREE, 10, 0.1, 86400,
           "Seconds between progress lines where the output is not a terminal."),
    WHOLE(log.every_steps, FREE, 10, 1, 1000000,
          "Steps between rows of metrics.jsonl and TensorBoard."),
    BOOL(log.tensorboard, FREE, 1, "Write TensorBoard files (in a build that can)."),
    WHOLE(log.preview_epochs, FREE, 5, 0, 1000000,
          "Epochs between preview pictures. 0: only at the end."),
};

size_t config_schema(const struct config_key **keys_out)
{
    *keys_out = keys;
    return ARRAY_LENGTH(keys);
}

const struct config_key *config_key_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        if (!strcmp(keys[i].name, name))
            return &keys[i];
    return NULL;
}

bool config_renamed(const char *name, char now[static KEY_NAME_BYTES])
{
    static const struct {
        const char *from, *to; /* a key, or a table, whose keys keep their names */
    } renamed[] = {
        {"data.stage_dir", "data.local_dir"},
        {"adversary",      "discriminator" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(renamed); i++) {
        size_t n = strlen(renamed[i].from);
        if (strncmp(name, renamed[i].from, n) == 0 && (name[n] == '\0' || name[n] == '.')) {
            snprintf(now, KEY_NAME_BYTES, "%s%s", renamed[i].to, name + n);
            return config_key_find(now) || config_table_known(now);
        }
    }
    return false;
}

bool config_table_known(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        if (!strncmp(keys[i].name, name, n) && keys[i].name[n] == '.')
            return true;
    return false;
}
