/*
 * Every key of the configuration, once; those of model.* and the weights of losses have their rows
 * in model/model_config.h and base/losses.h. A row gives name and field (they are spelt alike),
 * what a change means to a resumed run, default, range and help; config_value.c, config.c and
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
    CHANGE_REFUSED, "it decides the order of pictures, so the saved position would mean other pictures"
#define OTHER_SPLIT \
    CHANGE_REFUSED, "held-out pictures would have been used for training"
#define OTHER_MOMENTS \
    CHANGE_REFUSED, "the saved moments were computed with the old value"
#define OTHER_DISCRIMINATORS \
    CHANGE_REFUSED, "they are other discriminators"
#define OTHER_LOSS \
    CHANGE_LOSSES, "losses are of another kind: best.pt is chosen anew"
#define OTHER_BEST \
    CHANGE_BEST, "best.pt is chosen anew, from the next validation on"
#define OTHER_BATCH \
    CHANGE_LENGTH, "the remaining epochs have steps of the new size"
#define OTHER_LENGTH \
    CHANGE_LENGTH, "a learning rate schedule is adapted to the new length"
#define OTHER_STAGES \
    CHANGE_LENGTH, "later stages use the new values"
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
static const char *const bests[] = {"loss",      "recon_l1",  "recon_psnr", "recon_ssim", "swap_l1",
                                    "swap_psnr", "swap_ssim", "follow",     NULL};
static const char *const spaces[] = {"rgb", "lab", NULL};
static const char *const discriminator_losses[] = {"hinge", "least_squares", NULL};
static const char *const switches[] = {"false", "true", "auto", NULL};
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
          "Version of the format of this configuration."),
    STRING(name, FREE, "", accepts_name, "a file name of up to 63 bytes",
           "Name of the run; its folder is runs/NAME. Empty: the name of the last config file, or "
           "\"run\"."),

    PATH(data.a, FREE, "",
         "Person A's set (a .h5 made by bifrons pack), or a folder of pictures that is packed into "
         "the run folder first. Relative paths start at the working directory."),
    PATH(data.b, FREE, "", "Person B's set or folder, like data.a."),
    NUMBER(data.val_fraction, OTHER_SPLIT, 0.1, 0, 0.9,
           "Share of each person's pictures that is held out for validation. 0: none."),
    BOOL(data.masks, OTHER_LOSS, 1,
         "Use the face masks for loss.mask and colour transfer, if both sets have masks."),
    PATH(data.local_dir, FREE, "",
         "Folder on a local disk of each node. The sets are copied there first, and the node's "
         "ranks read the copies (shell: --set data.local_dir=$TMPDIR). The copies stay, readable "
         "by you only; later runs use them while the sets are unchanged. Empty: none."),

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
           "Extra weight of the pixels inside the face mask: their weight is 1 + this. 0: all "
           "pixels have the same weight."),
    NUMBER(loss.eyes, OTHER_LOSS, 0, 0, 1e3,
           "Extra weight of the pixels around the eyes, by the sets' landmarks: up to 1 + this at "
           "the centre of an eye, more inside the face mask with loss.mask."),
    NUMBER(loss.mouth, OTHER_LOSS, 0, 0, 1e3,
           "Extra weight of the pixels around the mouth, like loss.eyes."),
    PATH(loss.perceptual_weights, OTHER_LOSS, "",
         "File with the weights of VGG16 or VGG19 for loss.perceptual: torchvision's .pth, or "
         "safetensors with the same names. The names show which of the two it is."),

    WORD(discriminator.loss, FREE, MODEL_HINGE, discriminator_losses,
         "Loss of the discriminators, and of the network against them: hinge or least_squares."),
    WHOLE(discriminator.start_step, FREE, 0, 0, INT64_MAX,
          "Steps before the adversarial loss begins, so that reconstructions show faces first."),
    NUMBER(discriminator.lr, FREE, 2e-4, 0, 1,
           "Learning rate of the discriminators; train.schedule applies to it, too."),
    NUMBER(discriminator.beta1, OTHER_MOMENTS, 0.5, 0, 0.9999,
           "Adam's beta1 of the discriminators: decay of the mean of gradients. It is less than "
           "train.adam_beta1, because their input changes all the time."),
    NUMBER(discriminator.beta2, OTHER_MOMENTS, 0.999, 0, 0.999999,
           "Adam's beta2 of the discriminators: decay of the mean of squared gradients."),
    NUMBER(discriminator.r1, FREE, 1, 0, 1e3,
           "Weight of the penalty on the discriminators' gradients at true pictures (R1); it keeps "
           "them from becoming too strong. It doubles the time of the discriminators. 0: none."),
    WHOLE(discriminator.channels, OTHER_DISCRIMINATORS, 32, 1, 512,
          "Channels of a discriminator's first layer; the next layers have two and four times as "
          "many."),

    NUMBER(augment.flip, FREE, 0.5, 0, 1, "Probability that a picture is mirrored left to right."),
    NUMBER(augment.rotate_deg, FREE, 10, 0, 180, "Largest rotation either way, in degrees."),
    NUMBER(augment.zoom, FREE, 0.05, 0, 0.5, "Largest change of size either way: 0.05 is 5 %."),
    NUMBER(augment.shift, FREE, 0.05, 0, 0.5,
           "Largest shift either way, as a share of the picture's width and height."),
    NUMBER(augment.warp, FREE, 0.02, 0, 0.2,
           "Random warp of the encoder's input: standard deviation of a control point, as a share "
           "of the picture's width. The model then learns the face, not the pixels."),
    NUMBER(augment.colour_transfer, FREE, 0.5, 0, 1,
           "Probability that the encoder's input gets the other person's colours inside its mask "
           "(mean and deviation over their training pictures), so that training includes the "
           "colours of a swap."),
    WORD(augment.colour_space, FREE, AUGMENT_RGB, spaces,
         "Channels whose mean and deviation colour transfer maps: rgb, or lab (CIE L*a*b*: "
         "lightness "
         "apart from colour; slower)."),
    NUMBER(augment.surroundings, FREE, 0, 0, 1,
           "Probability that the encoder's input shows the face, cut out by its mask, in a picture "
           "of the other person. The encoder then learns the face, not hair or clothes."),
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
           "Probability that the encoder's input is the network's own swap of the picture, from "
           "which the picture must be reconstructed. This trains the pose and expression of swaps. "
           "A step takes up to a third longer."),
    NUMBER(augment.predicted_pose, FREE, 0, 0, 1,
           "With model.pose: probability that, in training, the decoder gets the pose that the "
           "network predicts, as in a swap, instead of the pose measured from the set's points. 0 "
           "gives the best swaps of drawn people (docs/recipe.md)."),

    WHOLE(augment.ramp_steps, FREE, 0, 0, 1000000000,
          "Steps at the start in which warp, colour jitter, blur and noise of the input rise from "
          "0 to full strength."),
    WHOLE(augment.off_steps, FREE, 0, 0, 1000000000,
          "Steps at the end without warp, colour jitter, blur and noise, so that the network "
          "finishes on unchanged pictures."),

    WHOLE(train.epochs, OTHER_LENGTH, 50, 1, 1000000,
          "Passes over the pictures of the person who has more of them."),
    STAGES(train.stages, OTHER_STAGES,
           "Stages that are trained one after the other, each from the weights of the stage "
           "before. The picture size may grow from stage to stage, not shrink. A key that a stage "
           "sets replaces model.image_size or the key of that name here; other keys apply to all "
           "stages. Each stage has its own learning rate schedule, epochs and best.pt; step "
           "numbers and the order of pictures continue."),
    WHOLE(train.max_steps, OTHER_LENGTH, 0, 0, INT64_MAX,
          "Stop after this many steps of all stages together, if the epochs do not end before. 0: "
          "no limit."),
    NUMBER(train.max_minutes, FREE, 0, 0, 1e6,
           "Save a checkpoint and stop within this many minutes. 0: no limit. The remaining time "
           "of a Slurm job is a limit, too."),
    WHOLE(train.global_batch, OTHER_BATCH, 8, 1, 65536,
          "Pictures of each person in a step, over all ranks together. The result does not depend "
          "on how many ranks share them."),
    WHOLE(train.accumulate, OTHER_SUMS, 1, 1, 65536,
          "Micro-batches of a rank in each step. More need less memory and more time."),
    WHOLE(train.slot_size, OTHER_SUMS, 1, 1, 65536,
          "Pictures of each person in a slot (train.reproducible). Larger slots are faster, but a "
          "batch is divided over ranks in whole slots."),
    WHOLE(train.seed, OTHER_ORDER, 1, 0, INT64_MAX,
          "Seed of initial weights, order of pictures, split and augmentation. The same seed "
          "trains on the same pictures in the same order."),
    WORD(train.init, FREE, MODEL_INIT_PYTORCH, inits,
         "Initial weights. pytorch: small, as PyTorch draws them. he: activations keep their size "
         "from layer to layer; faces appear sooner."),
    NUMBER(train.lr, FREE, 1e-4, 0, 1, "Learning rate of Adam; with a schedule, the highest one."),
    WORD(train.schedule, FREE, SCHEDULE_CONSTANT, schedules,
         "Schedule of the learning rate. constant. one_cycle: rises as half a cosine from lr/25 to "
         "lr in the first share train.warmup of the steps, then falls to nearly 0. cosine: rises "
         "linearly, falls to 0 as a cosine."),
    NUMBER(train.warmup, FREE, 0.1, 0, 0.9,
           "Share of all steps in which the learning rate rises, with one_cycle and cosine."),
    WHOLE(train.warmup_steps, FREE, 0, 0, INT64_MAX,
          "Steps in which the learning rate rises; replaces train.warmup. With train.schedule = "
          "\"constant\" it rises linearly. 0: use train.warmup; with constant, none."),
    NUMBER(train.adam_beta1, OTHER_MOMENTS, 0.9, 0, 0.9999,
           "Adam's beta1: decay of the mean of gradients."),
    NUMBER(train.adam_beta2, OTHER_MOMENTS, 0.999, 0, 0.999999,
           "Adam's beta2: decay of the mean of squared gradients."),
    NUMBER(train.adam_eps, FREE, 1e-8, 1e-16, 1,
           "Adam's epsilon: added to the divisor, so that tiny gradients do not make large steps."),
    WORD(train.freeze, FREE, FREEZE_NONE, freezes,
         "Part of the network that is not trained. Example: train a new decoder on an encoder from "
         "--init-from. The layers of model.pose and the mean codes belong to no part: they always "
         "train."),
    WHOLE(train.early_stop, FREE, 0, 0, 1000000,
          "End the run, with exit code 0, after this many validations in a row without a better "
          "value of checkpoint.best. 0: never."),
    NUMBER(train.weight_decay, FREE, 0, 0, 10,
           "Weight decay as in AdamW: each step reduces all parameters by lr times this. 0: none."),
    NUMBER(train.clip_norm, FREE, 0, 0, 1e9,
           "Largest norm of a step's gradient over all parameters; a longer gradient is scaled "
           "down to it. metrics.jsonl has the norm as grad_norm. 0: no limit."),
    NUMBER(train.ema, FREE, 0, 0, 0.999999,
           "Decay per step of a moving average of the parameters; 0.999 is common. Validations, "
           "previews, bifrons eval and swap use the average. It takes 4 bytes per parameter on "
           "each rank (with train.zero, of its shard). 0: none."),
    STRING(train.device, OTHER_ARITHMETIC, "auto", accepts_device,
           "\"auto\", \"cpu\", \"cuda\" or \"cuda:N\"",
           "Device of a rank. auto: a GPU if there is one for the rank, else the CPU. cuda: the "
           "GPU with the rank's local_rank."),
    WHOLE(
        train.threads, FREE, 0, 0, 1024,
        "CPU threads of each rank. 0: OMP_NUM_THREADS, else as many as cores and CPU quota allow."),
    WORD(train.precision, OTHER_ARITHMETIC, PRECISION_FP32, precisions,
         "Arithmetic of the network. fp32: on a GPU with TF32 in convolutions, unless "
         "train.deterministic is set. bf16: with fp32 weights; faster if the hardware supports it, "
         "but losses of different world sizes agree less closely. auto: bf16 on GPUs and on CPUs "
         "with AVX-512 BF16, else fp32."),
    BOOL(train.deterministic, FREE, 0,
         "Use only methods that give the same bits each time, on a GPU too; slower. On a CPU this "
         "is always so."),
    BOOL(train.reproducible, OTHER_SUMS, 0,
         "The same bits on any number of ranks: gradients are computed for slots of "
         "train.slot_size pictures and added in a fixed order. Slower; train.accumulate has no "
         "effect. On the CPU only, with train.threads set."),
    WHOLE(train.zero, FREE, 0, 0, 1,
          "1: each rank keeps and updates only its shard of the optimizer's state (ZeRO stage 1): "
          "less memory, the same bits. 0: every rank keeps the whole state."),
    WHOLE(train.replica_check_steps, FREE, 100, 0, INT64_MAX,
          "Steps between checks that the parameters are equal on all ranks; also checked before "
          "each checkpoint. 0: never."),
    WORD(train.cuda_graph, FREE, GRAPH_AUTO, switches,
         "On a GPU: run forward and backward as one CUDA graph. Small batches of a small model are "
         "then about three times as fast. Gradients are summed after the graph, not during "
         "backward, and the graph keeps the memory of its activations. auto: use a graph on a GPU "
         "if bifrons plan expects less than 1 GiB of activations, and neither train.recompute nor "
         "loss.adversarial is set."),
    BOOL(train.recompute, FREE, 0,
         "Keep only the input of each level of the network from forward to backward and compute "
         "the level again: less memory, about a third more time, the same bits. Not with "
         "train.cuda_graph."),
    NUMBER_OR_OFF(
        train.timeout_s, FREE, 300, 1, 604800,
        "Longest time in seconds for one operation of a rank, and for ranks to wait for each "
        "other. After it the run ends with a report that names the rank that is late. The limit is "
        "shorter for steps of known length, but at least a minute. \"off\": wait for ever."),

    WORD(comm.backend, FREE, 0, backends,
         "How ranks exchange gradients. auto: nccl between GPUs if this build has it, else mpi; "
         "self with one rank."),
    NUMBER(
        comm.bucket_mb, FREE, 0, 0, 65536,
        "Size of a bucket in MiB: gradients that are summed over ranks at once, during backward. "
        "0: planned from the time each gradient is ready and the speed of the network."),
    WORD(comm.wire, FREE, WIRE_FP32, wires,
         "Type in which gradients travel between ranks. bf16 moves half the bytes and rounds each "
         "gradient twice; they are added in fp32 between the roundings."),

    WHOLE(checkpoint.every_steps, FREE, 0, 0, INT64_MAX,
          "Steps between checkpoints, besides the one at each epoch. 0: only that."),
    NUMBER(checkpoint.every_minutes, FREE, 15, 0, 1e6,
           "Minutes between checkpoints, besides the one at each epoch. 0: not by time."),
    WHOLE(checkpoint.keep, FREE, 3, 2, 1000,
          "Number of newest checkpoints to keep, besides best.pt. At least two, in case one is "
          "damaged."),
    WORD(
        checkpoint.best, OTHER_BEST, BEST_LOSS, bests,
        "Value that chooses best.pt. loss: the terms of the validation loss that compare "
        "reconstructions with their pictures (L1, DSSIM, …). Or a metric of the reconstruction or "
        "the swap, measured inside the face mask (mean over both people). swap_… needs sets with "
        "true swaps, such as those of bifrons synth. follow: the mean correlation of what swaps "
        "and "
        "their source pictures do (yaw, pitch, brows, mouth, eyes, gaze); needs sets with points."),

    NUMBER_OR_OFF(guard.spike, FREE, 20, 1, 1e6,
                  "Skip a step if its loss is this many robust deviations above the median of the "
                  "last 64 good losses (a deviation is at least 5 % of the median). A step whose "
                  "loss or gradient is not finite is always skipped. \"off\": skip only these, and "
                  "do not check decoders for collapse at validations."),
    WHOLE(guard.patience, FREE, 3, 1, 1000000,
          "The run goes back to its last good state after this many skipped steps in a row, or "
          "after this many validations in a row that find a collapsed decoder."),
    NUMBER(guard.lr_factor, FREE, 0.5, 0.01, 1,
           "Factor on the learning rate each time the run goes back; it stays for the rest of the "
           "run."),
    WHOLE(guard.rollbacks, FREE, 3, 0, 1000,
          "Times a run may go back; then it stops with exit code 70. 0: stop at once."),

    NUMBER(log.every_s, FREE, 10, 0.1, 86400,
           "Seconds between progress lines if the output is not a terminal."),
    WHOLE(log.every_steps, FREE, 10, 1, 1000000,
          "Steps between rows of metrics.jsonl and TensorBoard."),
    BOOL(log.tensorboard, FREE, 1, "Write TensorBoard files (in a build that can)."),
    BOOL(log.report, FREE, 1,
         "Rewrite report.html, a page for a browser, at validations (in less than 1 % of the time) "
         "and at the end."),
    WHOLE(log.preview_epochs, FREE, 5, 0, 1000000,
          "Epochs between preview pictures. 0: only at the end."),
    WORD(
        log.faces, FREE, FACES_AUTO, switches,
        "Let face networks look at the swaps of previews: identity, pose and expression, without "
        "a true swap (docs/measures.md). They take about 5 % of the time at most and change no bit "
        "of the training. auto: if both sets have identity numbers (bifrons extract) and "
        "scripts/setup --photographs has fetched the networks."),
};

size_t config_schema(const struct config_key **keys_out)
{
    *keys_out = keys;
    return ARRAY_LENGTH(keys);
}

/* The present name of a key or table that an earlier version called `name`; `name` if there is
 * none. */
static const char *present_name(const char *name, char out[static KEY_NAME_BYTES])
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
            snprintf(out, KEY_NAME_BYTES, "%s%s", renamed[i].to, name + n);
            return out;
        }
    }
    return name;
}

const struct config_key *config_key_find(const char *name)
{
    char present[KEY_NAME_BYTES];
    name = present_name(name, present);
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        if (!strcmp(keys[i].name, name))
            return &keys[i];
    return NULL;
}

bool config_table_known(const char *name)
{
    char present[KEY_NAME_BYTES];
    name = present_name(name, present);
    size_t n = strlen(name);
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        if (!strncmp(keys[i].name, name, n) && keys[i].name[n] == '.')
            return true;
    return false;
}
