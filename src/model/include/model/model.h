/*
 * The shared-encoder / two-decoder autoencoder, its losses and its optimizer.
 *
 *     recon_a = decoder_a(encoder(a))        swap_a_to_b = decoder_b(encoder(a))
 *     recon_b = decoder_b(encoder(b))        swap_b_to_a = decoder_a(encoder(b))
 *
 * A step is model_zero_gradients, model_backward (gradients of this rank's samples, added to the
 * flat gradient) once or more, the caller's all-reduce of the flat gradient, then model_update:
 *
 *     enum status st = model_zero_gradients(m, &em);
 *     if (st == ST_OK)
 *         st = model_backward(m, &batch, global_batch, &losses, &em);
 *     // sum over ranks of model_flat(m)->gradients
 *     if (st == ST_OK)
 *         st = model_update(m, &(struct model_step){.step = 1, .lr = 1e-4}, &em);
 *
 * Every loss is a sum of
 * per-sample terms divided by the *global* batch before backward, so the sum over ranks is the
 * gradient of the mean over the global batch, however the batch was divided.
 *
 * Reconstruction alone never shows a decoder the other person's codes. Where a draw asks for back
 * translation, the encoder's input is the network's own swap of the sample, made without gradients,
 * and the sample itself the target: A's decoder learns to read pictures that B's decoder made in
 * A's pose. (Sennrich et al., "Improving neural machine translation models with monolingual data",
 * 2016; with one shared encoder: Lample et al., "Unsupervised machine translation using monolingual
 * corpora only", 2018.)
 *
 * With config.mean_codes a swap is decoder_b(encoder(a) + mean_b - mean_a), for validation,
 * pictures and back translation alike: whose a face is shows in codes, too, and on the average that
 * is the difference of the people's mean codes (arithmetic of this kind on codes: Radford, Metz,
 * Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
 * networks", 2016). The means are parameters of the encoder, which a loss of their own makes follow
 * the codes (src/model/loss/mean_codes.h); it is part of no loss that is told.
 *
 * With config.pose both decoders are given code + L(z), where z says how the face is posed, and
 * L is a linear layer. A swap's z, and any where no points are known, is predicted from the code by
 * another linear layer, which loss.pose trains: src/model/loss/pose_codes.h.
 *
 * Parameters, gradients and moments are one flat array each, in the order of python/'s
 * parameters(); model_layout tells where each tensor lies. One thread at a time.
 */
#ifndef BIFRONS_MODEL_MODEL_H
#define BIFRONS_MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/augment_draw.h"
#include "base/batch.h"
#include "base/losses.h"
#include "base/status.h"
#include "model/architecture.h"

enum { MODEL_A, MODEL_B, MODEL_PEOPLE };

/*
 * What a reconstruction x is told about its target y, each a mean over the sample's pixels; pixels
 * inside the face mask, or of a higher priority, may count more (mask_weight, priority_weight).
 *
 *   l1          |x - y|
 *   dssim       (1 - SSIM(x, y)) / 2; Wang, Bovik, Sheikh, Simoncelli: "Image quality assessment:
 *               from error visibility to structural similarity", IEEE TIP 2004. Gaussian window of
 *               11 x 11, sigma 1.5, per channel, K1 = 0.01, K2 = 0.03, range 1, biased variances;
 *               only windows that lie inside the picture.
 *   gradient    |dx(x) - dx(y)| + |dy(x) - dy(y)|, dx and dy: differences to the right and the
 * lower neighbour. A pair of pixels counts as both together. perceptual  sum over j of mean((f_j(x)
 * - f_j(y))^2), f_j the features relu1_2, relu2_2, relu3_3 and relu4_3 of a frozen VGG16 or VGG19;
 * Johnson, Alahi, Fei-Fei: "Perceptual losses for real-time style transfer and super-resolution",
 * ECCV 2016. mask_head   (m - mask)^2 of the mask m that the decoder draws beside x (model.mask);
 * each pixel counts alike. latent      mean((c - c')^2) / mean(c'^2); c: code of a swapped input,
 * c': code of its original, detached; 0 of other samples. The latent reconstruction of Huang, Liu,
 *               Belongie, Kautz: "Multimodal unsupervised image-to-image translation", ECCV 2018.
 *   pose        mean((p - z)^2) over the known ones of the 140 numbers z of a pose (data/pose.h);
 * p: what a linear layer predicts from the code. adversarial how little a discriminator takes x for
 * made: model/discriminators.h
 *
 * A loss is one row of base/losses.h and one function in src/model/loss/loss.c, named as the key. A
 * layer is one row of model/layer_kinds.h, which says what functions it needs, and a line in the
 * encoder or the decoder of src/model/architecture/encoder_decoder.c.
 */
/* Told beside them, but part of no total: what the discriminators learn from. */
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
/* Name in logs and metrics; enum loss_facts. */
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
    const char *device; /* "cpu", "cuda", "cuda:1", or "auto": CUDA where there is a device. Copied;
                           model_get_options tells the one in use */
    enum model_precision precision; /* BF16: autocast, parameters stay fp32; FP64 for parity */
    double loss_weight[MODEL_OWN_LOSSES]; /* 0: model_backward leaves that loss out, its term reads
                                         0; model_evaluate tells it all the same, where it can */
    const char *perceptual_weights; /* file of VGG16 or VGG19 in torchvision's names; read where
                                       the perceptual loss has a weight. Not kept */
    struct model_discriminators
        discriminator;      /* looked at where the adversarial loss has a weight */
    double mask_weight;     /* 0: all pixels count alike; w: a pixel's weight is 1 + w * mask,
                               normalised to mean 1 per sample; needs masks in the batch */
    double priority_weight; /* likewise of the batch's priority: 1 + w * mask + this * priority */
    union {                 /* model/model_config.h: one by one, or together */
        struct {
            MODEL_TRAINING_FIELDS
        };
        struct model_training training;
    };
    bool frozen[MODEL_PARTS]; /* parts that neither get gradients nor are moved by a step */
    bool cuda_graph; /* model_backward as CUDA graphs, for batches of kinds that come again; not
                        with recompute */
    /* of all of a person's training pictures, inside the mask where there is one: what colour
       transfer maps from and to */
    struct augment_colours colours[MODEL_PEOPLE];
};

/* Where flat state lives: the caller's memory (comm_alloc), parameter count elements each, zeroed;
 * or all NULL, and the model takes its own. */
struct model_memory {
    void *parameters, *gradients, *exp_avg, *exp_avg_sq;
    bool moments_later; /* no moments (NULL) until model_keep_moments */
};

struct model_flat {
    void *parameters, *gradients, *exp_avg, *exp_avg_sq; /* fp32 (fp64 with MODEL_FP64) */
    void *average;                                       /* NULL where none is kept, or not all */
    size_t count;
    size_t element_bytes;
    void *stream; /* NULL on the CPU */
};

/* Sums over this rank's samples divided by global_batch: add over ranks to get means. */
struct model_losses {
    double total;                            /* weighted, both people */
    double term[MODEL_PEOPLE][MODEL_LOSSES]; /* unweighted */
};

/* Four pictures a sample, each (n, image_size, image_size, 3) bytes, the caller's memory; NULL ones
 * are left out. `input` gives what the encoder saw (after augmentation). */
struct model_pictures {
    uint8_t *recon[MODEL_PEOPLE];
    uint8_t *swap[MODEL_PEOPLE]; /* swap[MODEL_A]: A's picture through decoder_b */
    uint8_t *input[MODEL_PEOPLE];
};

struct model;

/*
 * For the whole process, before the first model: threads inside one operation (0 leaves libtorch's
 * choice), whether operations that cannot give the same bits twice are refused, and glibc's malloc
 * told to keep large blocks between steps.
 */
void model_runtime_configure(int threads, bool deterministic);
/* Threads inside one operation, as they are now. */
int model_runtime_threads(void);
/* "2.13.0" of the libtorch in use. Static. */
const char *model_torch_version(void);
/* CUDA devices that can be used now; 0 without a driver or in a CPU build. */
int model_cuda_device_count(void);

/* Elements of each flat array for a config. ST_CONFIG where sizes cannot work. */
enum status model_parameter_count(const struct model_config *c, size_t *count_out,
                                  struct errmsg *em) MUST_CHECK;
/* ST_CONFIG, ST_NODEVICE, ST_MEMORY, ST_TORCH; of perceptual_weights ST_NOINPUT, ST_DATA. memory
 * NULL = the model's own. */
enum status model_new(const struct model_options *o, const struct model_memory *memory,
                      struct model **out, struct errmsg *em) MUST_CHECK;
void model_free(struct model *m);

const struct model_options *model_get_options(const struct model *m);
const struct model_flat *model_flat(const struct model *m);
/* The perceptual loss's network: 16 or 19, for VGG16 and VGG19; 0 without that loss. */
int model_perceptual_depth(const struct model *m);
/* Are kernels of our own in use on the model's GPU? ST_TORCH says why not: steps then take longer.
 * ST_OK on the CPU. */
enum status model_kernels(const struct model *m, struct errmsg *em) MUST_CHECK;
/* The most memory that tensors have taken on the model's GPU so far; 0 on the CPU. */
int64_t model_gpu_peak_bytes(const struct model *m);
/* Parameter tensors in order: encoder, decoder_a, decoder_b, pose. Borrowed. */
size_t model_layout(const struct model *m, const struct model_tensor **tensors_out);
/* The layers behind them. Borrowed. */
const struct architecture *model_architecture(const struct model *m);

/* A network with config.pose keeps by which mean and deviation z is made of both people's points:
 * (2, 70, 2) floats each. To be set before the first step, and kept by checkpoints. */
enum status model_set_pose_scale(struct model *m, const float *mean, const float *deviation,
                                 struct errmsg *em) MUST_CHECK;
enum status model_get_pose_scale(const struct model *m, float *mean, float *deviation,
                                 struct errmsg *em) MUST_CHECK;

/* Called in each model_backward with n > 0, once a parameter tensor, when the gradient of
 * [offset, offset + count) is final for that micro-batch, unless it is frozen; on a thread of
 * libtorch's. fn NULL: no more calls. */
void model_on_gradient_ready(struct model *m, void (*fn)(void *ctx, size_t offset, size_t count),
                             void *ctx);

/* Sets the flat gradient, and the discriminators', to zero (before the first micro-batch of a
 * step). */
enum status model_zero_gradients(struct model *m, struct errmsg *em) MUST_CHECK;
/* Forward and backward of one micro-batch; gradients are added. n = 0 is fine and adds nothing. */
enum status model_backward(struct model *m, const struct batch *b, double global_batch,
                           struct model_losses *out, struct errmsg *em) MUST_CHECK;
/* Elements of the flat arrays. */
struct model_range {
    size_t first, count;
};
/*
 * Sums of squares, in fp64, of the flat gradient's chunks of MODEL_CHUNK elements (the last one is
 * shorter). A range begins with a chunk; sums has one number a chunk, the same bits however the
 * gradient is divided, not finite where an element is not.
 */
enum { MODEL_CHUNK = 512 };
enum status model_gradient_squares(const struct model *m, struct model_range range, double *sums,
                                   struct errmsg *em) MUST_CHECK;
/* The same of n elements in host memory. */
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
/* One Adam step over the flat arrays; the average moves with it. */
enum status model_update(struct model *m, const struct model_step *step,
                         struct errmsg *em) MUST_CHECK;
/* The same of a range: a step may be divided into ranges. */
enum status model_update_range(struct model *m, const struct model_step *step,
                               struct model_range range, struct errmsg *em) MUST_CHECK;

/*
 * The moving average of the parameters: average += (1 - d) * (parameters - average) after a step,
 * where d = min(options.ema, (1 + step) / (10 + step)), so that it soon forgets where it began.
 * (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992.)
 */
/* Begins anew at the parameters; without options.ema nothing happens. */
enum status model_begin_average(struct model *m, struct errmsg *em) MUST_CHECK;
/* Parameters and flat gradient change places: to work with other parameters for a while. */
enum status model_exchange_parameters(struct model *m, struct errmsg *em) MUST_CHECK;

/*
 * Sharding of the optimizer's state. Moments are kept for these ranges of the flat arrays only,
 * ascending and apart ({0, count}: for all); those kept before stay, others begin at 0. The average
 * counts as one of them here; it begins at the parameters. Moments
 * then live in the model's own memory and model_flat tells NULL for them, unless all are kept.
 */
enum status model_keep_moments(struct model *m, const struct model_range *ranges, size_t n,
                               struct errmsg *em) MUST_CHECK;
/* The flat gradient as scratch between steps, on the moments' device: copies a range of Adam's mean
 * or mean square or of the average, which must be kept, there or back. */
enum model_moment { MODEL_EXP_AVG, MODEL_EXP_AVG_SQ, MODEL_AVERAGE, MODEL_MOMENTS };
/* How many of them this model keeps: all, or without options.ema all but the last. */
int model_moments(const struct model *m);
enum status model_moment_to_scratch(struct model *m, enum model_moment which,
                                    struct model_range range, struct errmsg *em) MUST_CHECK;
enum status model_moment_from_scratch(struct model *m, enum model_moment which,
                                      struct model_range range, struct errmsg *em) MUST_CHECK;

/* XXH3 of the parameters' bytes, wherever they live, the discriminators' and the perceptual
 * network's included. */
enum status model_hash(const struct model *m, uint64_t *hash_out, struct errmsg *em) MUST_CHECK;

/* Losses without gradients (validation), and the pictures they are of; pictures NULL: none. Draws
 * are applied where given. */
enum status model_evaluate(struct model *m, const struct batch *b, double global_batch,
                           struct model_losses *out, const struct model_pictures *pictures,
                           struct errmsg *em) MUST_CHECK;
/* The four pictures. A person whose images are NULL is skipped. */
enum status model_run(struct model *m, const struct batch *b, const struct model_pictures *out,
                      struct errmsg *em) MUST_CHECK;

/*
 * What augmentation makes of a batch, without a network (so without back translation), on the CPU:
 * the encoder's inputs and the targets, (n, size, size, 3) bytes of each person whose images are
 * there.
 */
enum status model_augment(const struct batch *b, const struct augment_colours colours[MODEL_PEOPLE],
                          uint8_t *const inputs[MODEL_PEOPLE], uint8_t *const targets[MODEL_PEOPLE],
                          struct errmsg *em) MUST_CHECK;

#endif
