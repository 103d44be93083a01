/*
 * The shared-encoder / two-decoder autoencoder, its losses and its optimizer.
 *
 *     recon_a = decoder_a(encoder(a))        swap_a_to_b = decoder_b(encoder(a))
 *     recon_b = decoder_b(encoder(b))        swap_b_to_a = decoder_a(encoder(b))
 *
 * A step: model_zero_gradients; model_backward once or more, which adds the gradients of this
 * rank's samples to the flat gradient; the caller's all-reduce of the flat gradient; model_update.
 *
 *     enum status st = model_zero_gradients(m, &em);
 *     if (st == ST_OK)
 *         st = model_backward(m, &batch, global_batch, &losses, &em);
 *     // sum over ranks of model_flat(m)->gradients
 *     if (st == ST_OK)
 *         st = model_update(m, &(struct model_step){.step = 1, .lr = 1e-4}, &em);
 *
 * Every loss is a sum of per-sample terms, divided by the *global* batch before backward. So the
 * sum over ranks is the gradient of the mean over the global batch, however the batch was divided.
 *
 * Back translation. Reconstruction alone never shows a decoder the other person's codes. Where a
 * draw asks for back translation, the encoder's input is the network's own swap of the sample, made
 * without gradients; the target is the sample itself. So A's decoder learns from pictures that B's
 * decoder made in A's pose. (Sennrich et al., "Improving neural machine translation models with
 * monolingual data", 2016; with one shared encoder: Lample et al., "Unsupervised machine
 * translation using monolingual corpora only", 2018.)
 *
 * Mean codes. Codes keep some of the person's identity; on average, it is the difference of the
 * people's mean codes. With config.mean_codes a swap is therefore decoder_b(encoder(a) + mean_b -
 * mean_a), in validation, pictures and back translation. (Arithmetic of this kind on codes:
 * Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional generative
 * adversarial networks", 2016.) The means are parameters of the encoder. They have a loss of their
 * own (src/model/loss/mean_codes.h), which is not reported.
 *
 * Poses. With config.pose both decoders take code + L(z): z is the face's pose, L a linear layer.
 * Training, back translation included, uses the z measured from the picture's points. A second
 * linear layer predicts z from the code; loss.pose trains it (src/model/loss/pose_codes.h). The
 * predicted z is used where no points are known, for samples drawn for it (augment.predicted_pose),
 * and for every swap outside of training. With MODEL_POSE_GIVEN, these swaps use the batch's z
 * where it is known: fill it with the scales of model_get_pose_scale.
 *
 * Parameters, gradients and moments are one flat array each, in the order of parameters() in
 * python/bifrons/network.py; model_layout gives the place of each tensor. One thread at a time.
 */
#ifndef BIFRONS_MODEL_MODEL_H
#define BIFRONS_MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/augment_draw.h"
#include "base/batch.h"
#include "base/losses.h"
#include "base/points.h"
#include "base/status.h"
#include "model/architecture.h"

enum { MODEL_A, MODEL_B, MODEL_PEOPLE };

/* clang-format off */
/*
 * The losses of a reconstruction x with target y, each a mean over the sample's pixels. Pixels in
 * the face mask, or of a higher priority, may count more (mask_weight, priority_weight).
 *
 *   l1          |x - y|
 *   dssim       (1 - SSIM(x, y)) / 2; Wang, Bovik, Sheikh, Simoncelli: "Image quality assessment:
 *               from error visibility to structural similarity", IEEE TIP 2004. Gaussian window of
 *               11 x 11, sigma 1.5, per channel, K1 = 0.01, K2 = 0.03, range 1, biased variances;
 *               only windows that lie inside the picture.
 *   gradient    |dx(x) - dx(y)| + |dy(x) - dy(y)|; dx, dy: difference to the right and to the
 *               lower neighbour. The weight of a pair of pixels is that of both together.
 *   perceptual  sum over j of mean((f_j(x) - f_j(y))^2); f_j: the features relu1_2, relu2_2,
 *               relu3_3 and relu4_3 of a frozen VGG16 or VGG19; Johnson, Alahi, Fei-Fei:
 *               "Perceptual losses for real-time style transfer and super-resolution", ECCV 2016.
 *   mask_head   (m - mask)^2; m: the mask that the decoder draws beside x (model.mask). All pixels
 *               count alike.
 *   latent      mean((c - c')^2) / mean(c'^2); c: code of a swapped input, c': code of its
 *               original, detached. 0 for other samples. The latent reconstruction of Huang, Liu,
 *               Belongie, Kautz: "Multimodal unsupervised image-to-image translation", ECCV 2018.
 *   pose        mean((p - z)^2) over the known ones of the 140 numbers z of the face's pose
 *               (data/pose.h); p: the pose that is predicted from the code
 *   adversarial the network's term in model/discriminators.h
 *
 * To add a loss: a row in base/losses.h, a function of the key's name in src/model/loss/loss.c. To
 * add a layer: a row in model/layer_kinds.h, which names the functions it needs, and a line in the
 * encoder or the decoder (src/model/architecture/encoder_decoder.c).
 */
/* clang-format on */
/* Reported with the losses but not in the total: the discriminators' own losses. */
#define MODEL_LOSS_MAP(X)                       \
    LOSS_MAP(X)                                 \
    X(DISCRIMINATOR, discriminator, 0, 0, NULL) \
    X(R1, r1, 0, 0, NULL)

enum model_loss {
#define X(name, ...) MODEL_LOSS_##name,
    MODEL_LOSS_MAP(X)
#undef X
        MODEL_LOSSES,
    MODEL_OWN_LOSSES = MODEL_LOSS_DISCRIMINATOR
};
/* model_loss_key: the name in logs and metrics. model_loss_facts: bits of enum loss_facts. */
static inline const char *model_loss_key(enum model_loss loss)
{
    static const char *const keys[] = {
#define X(name, key, ...) #key,
        MODEL_LOSS_MAP(X)
#undef X
    };
    return keys[loss];
}
static inline int model_loss_facts(enum model_loss loss)
{
    static const int facts_of[] = {
#define X(name, key, weight, facts, help) facts,
        MODEL_LOSS_MAP(X)
#undef X
    };
    return facts_of[loss];
}

enum model_precision { MODEL_FP32, MODEL_BF16, MODEL_FP64 };

struct model_options {
    struct model_config config;
    const char *device; /* "cpu", "cuda", "cuda:1" or "auto" (CUDA if there is a device); copied.
                           model_get_options gives the device in use */
    enum model_precision precision; /* BF16: autocast, parameters stay fp32; FP64 for parity */
    double loss_weight[MODEL_OWN_LOSSES]; /* 0: model_backward skips the loss and reports 0;
                                             model_evaluate computes it where it can */
    const char *perceptual_weights; /* file of VGG16 or VGG19 with torchvision's names; read if the
                                       perceptual loss has a weight. Not kept */
    struct model_discriminators discriminator; /* used if the adversarial loss has a weight */
    double mask_weight;     /* 0: all pixels count alike; w: a pixel's weight is 1 + w * mask,
                               normalised to mean 1 per sample; needs masks in the batch */
    double priority_weight; /* likewise for the batch's priority: 1 + w * mask + this * priority */
    union {                 /* see model/model_config.h */
        struct {
            MODEL_TRAINING_FIELDS
        };
        struct model_training training;
    };
    bool frozen[MODEL_PARTS]; /* parts without gradients; steps do not change them */
    bool cuda_graph; /* model_backward runs as a CUDA graph when a batch of the same kind comes
                        again; not with recompute */
    /* Colour statistics of all training pictures of a person, inside the mask where there is one:
     * colour transfer maps from one person's to the other's. */
    struct augment_colours colours[MODEL_PEOPLE];
};

/* Memory of the flat arrays: the caller's (comm_alloc), zeroed, each of as many elements as there
 * are parameters. All NULL: the model allocates its own. */
struct model_memory {
    void *parameters, *gradients, *exp_avg, *exp_avg_sq;
    bool moments_later; /* no moments (NULL) until model_keep_moments */
};

struct model_flat {
    void *parameters, *gradients, *exp_avg, *exp_avg_sq; /* fp32 (fp64 with MODEL_FP64) */
    void *average; /* NULL if no average is kept, or only a part */
    size_t count;
    size_t element_bytes;
    void *stream; /* NULL on the CPU */
};

/* Sums over this rank's samples, divided by global_batch: their sum over ranks is the mean. */
struct model_losses {
    double total;                            /* weighted, both people */
    double term[MODEL_PEOPLE][MODEL_LOSSES]; /* unweighted */
};

/* Reconstruction, swap and input of each person: each (n, image_size, image_size, 3) bytes, the
 * caller's memory; NULL: not wanted. The swap's mask is (n, image_size, image_size). */
struct model_pictures {
    uint8_t *recon[MODEL_PEOPLE];
    uint8_t *swap[MODEL_PEOPLE];      /* swap[MODEL_A]: A's code decoded by decoder_b */
    uint8_t *swap_mask[MODEL_PEOPLE]; /* decoded together with swap; NULL: not wanted. It needs swap
                                         and a network with model.mask */
    uint8_t *input[MODEL_PEOPLE];     /* what the encoder saw, after augmentation */
};

struct model;

/*
 * For the whole process; call before the first model. threads: of one operation (0: libtorch's
 * default). deterministic: operations whose results may differ between runs fail. Also lets glibc's
 * malloc keep large blocks between steps.
 */
void model_runtime_configure(int threads, bool deterministic);
/* ST_NODEVICE if the loaded libtorch is not of the version that this program was built for: results
 * would be wrong. */
enum status model_runtime_check(struct errmsg *em) MUST_CHECK;
/* Threads of one operation, now. */
int model_runtime_threads(void);
/* "2.13.0" of the libtorch in use. Static. */
const char *model_torch_version(void);
/* CUDA devices that can be used now; 0 without a driver or in a CPU build. */
int model_cuda_device_count(void);

/* Elements of each flat array. ST_CONFIG: impossible sizes. */
enum status model_parameter_count(const struct model_config *c, size_t *count_out,
                                  struct errmsg *em) MUST_CHECK;
/* ST_CONFIG, ST_NODEVICE, ST_MEMORY, ST_TORCH; ST_NOINPUT or ST_DATA: perceptual_weights. memory
 * NULL: the model allocates its own. */
enum status model_new(const struct model_options *o, const struct model_memory *memory,
                      struct model **out, struct errmsg *em) MUST_CHECK;
void model_free(struct model *m);

const struct model_options *model_get_options(const struct model *m);
const struct model_flat *model_flat(const struct model *m);
/* Makes the stream of model_flat wait for the gradients that backward has queued on the other
 * lane. Call it in the hook, before a gradient is read there. model: a struct model, for
 * reducer_options.join_streams. */
void model_join_streams(void *model);
/* 16 (VGG16) or 19 (VGG19): the network of the perceptual loss; 0 without that loss. */
int model_perceptual_depth(const struct model *m);
/* ST_OK: the project's own kernels are in use on the GPU, or the model is on a CPU. ST_TORCH: they
 * are not, with the reason; steps then take longer. */
enum status model_kernels(const struct model *m, struct errmsg *em) MUST_CHECK;
/* Peak memory of tensors on the model's GPU so far; 0 on the CPU. */
int64_t model_gpu_peak_bytes(const struct model *m);
/* Parameter tensors in order: encoder, decoder_a, decoder_b, pose. Borrowed. */
size_t model_layout(const struct model *m, const struct model_tensor **tensors_out);
/* The network's layers. Borrowed. */
const struct architecture *model_architecture(const struct model *m);

/* A network with config.pose keeps the scales that turn points into z. Set them before the first
 * step; checkpoints keep them. */
enum status model_set_pose_scale(struct model *m, const struct pose_scale scales[MODEL_PEOPLE],
                                 struct errmsg *em) MUST_CHECK;
enum status model_get_pose_scale(const struct model *m, struct pose_scale scales[MODEL_PEOPLE],
                                 struct errmsg *em) MUST_CHECK;

/* fn is called once for each parameter tensor in each model_backward with n > 0, when the gradient
 * of [offset, offset + count) is final for that micro-batch; not for frozen tensors. It runs on a
 * thread of libtorch's. fn NULL: no more calls. */
void model_on_gradient_ready(struct model *m, void (*fn)(void *ctx, size_t offset, size_t count),
                             void *ctx);

/* Sets the flat gradients of the network and of the discriminators to zero. Call before the first
 * micro-batch of a step. */
enum status model_zero_gradients(struct model *m, struct errmsg *em) MUST_CHECK;
/* Forward and backward of one micro-batch; gradients are added. n = 0 is allowed and adds
 * nothing. */
enum status model_backward(struct model *m, const struct batch *b, double global_batch,
                           struct model_losses *out, struct errmsg *em) MUST_CHECK;
/* Elements [first, first + count) of the flat arrays. */
struct model_range {
    size_t first, count;
};
/*
 * sums: for each chunk of MODEL_CHUNK elements of the flat gradient (the last may be shorter) its
 * sum of squares, in fp64. The range begins at a chunk. The bits do not depend on how the gradient
 * is divided into ranges. A sum is not finite if an element is not.
 */
enum { MODEL_CHUNK = 512 };
enum status model_gradient_squares(const struct model *m, struct model_range range, double *sums,
                                   struct errmsg *em) MUST_CHECK;
/* The same for n elements in host memory. */
enum status model_squares_of(const struct model *m, const float *elements, size_t n, double *sums,
                             struct errmsg *em) MUST_CHECK;
/* Copies a range of the flat gradient to host memory. */
enum status model_read_gradient(const struct model *m, struct model_range range, float *out,
                                struct errmsg *em) MUST_CHECK;

struct model_step {
    int64_t step; /* from 1, for Adam's bias correction */
    double lr;
    double gradient_scale; /* factor on the gradient; 0: none */
};
/* One Adam step over the flat arrays; also updates the average. */
enum status model_update(struct model *m, const struct model_step *step,
                         struct errmsg *em) MUST_CHECK;
/* The same for a range: the ranges of one step may be updated one by one. */
enum status model_update_range(struct model *m, const struct model_step *step,
                               struct model_range range, struct errmsg *em) MUST_CHECK;

/*
 * The moving average of the parameters. After a step: average += (1 - d) * (parameters - average),
 * where d = min(options.ema, (1 + step) / (10 + step)), so that the initial weights are soon
 * forgotten. (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992.)
 */
/* Sets the average to the parameters. Does nothing without options.ema. */
enum status model_begin_average(struct model *m, struct errmsg *em) MUST_CHECK;
/* Swaps the parameters with the flat gradient, to use other parameters for a while. */
enum status model_exchange_parameters(struct model *m, struct errmsg *em) MUST_CHECK;

/*
 * Sharding of the optimizer's state: from now on moments are kept for these ranges only ({0,
 * count}: for all). Ranges ascend and do not overlap. Moments kept before stay; new ones begin at
 * 0. The average counts as a moment here; new parts of it begin at the parameters. Moments then
 * live in the model's own memory, and model_flat gives NULL for them unless all are kept.
 */
enum status model_keep_moments(struct model *m, const struct model_range *ranges, size_t n,
                               struct errmsg *em) MUST_CHECK;
/* Copy a range of Adam's mean, mean square, or the average to the flat gradient (on the moments'
 * device), or back; for use between steps. The range must be kept. */
enum model_moment { MODEL_EXP_AVG, MODEL_EXP_AVG_SQ, MODEL_AVERAGE, MODEL_MOMENTS };
/* How many moments the model keeps: MODEL_MOMENTS, or one less without options.ema. */
int model_moments(const struct model *m);
enum status model_moment_to_scratch(struct model *m, enum model_moment which,
                                    struct model_range range, struct errmsg *em) MUST_CHECK;
enum status model_moment_from_scratch(struct model *m, enum model_moment which,
                                      struct model_range range, struct errmsg *em) MUST_CHECK;

/* XXH3 of the bytes of all parameters: network, discriminators, perceptual network. */
enum status model_hash(const struct model *m, uint64_t *hash_out, struct errmsg *em) MUST_CHECK;

/* Losses without gradients (validation), and the pictures of the same pass if pictures is not NULL.
 * Applies the batch's draws, if any. */
enum status model_evaluate(struct model *m, const struct batch *b, double global_batch,
                           struct model_losses *out, const struct model_pictures *pictures,
                           struct errmsg *em) MUST_CHECK;
/* The pictures only. A person whose images are NULL is skipped. */
enum status model_run(struct model *m, const struct batch *b, const struct model_pictures *out,
                      struct errmsg *em) MUST_CHECK;

/*
 * Augments a batch on the CPU, without a network, so without back translation: the encoder's inputs
 * and the targets, (n, size, size, 3) bytes for each person whose images are there.
 */
enum status model_augment(const struct batch *b, const struct augment_colours colours[MODEL_PEOPLE],
                          uint8_t *const inputs[MODEL_PEOPLE], uint8_t *const targets[MODEL_PEOPLE],
                          struct errmsg *em) MUST_CHECK;

#endif
