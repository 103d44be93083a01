/* One pass of a batch through the network: losses, gradients, pictures. */
#include "model/model.h"

#include <stdlib.h>

#include "back_translation.h"
#include "loss.h"
#include "mean_codes.h"
#include "model/augment.h"
#include "model_priv.h"
#include "pixels.h"
#include "pose_codes.h"
#include "shim/graph.h"

#include "base/poison.h"

enum { CHANNELS = 3 };

/* One pass of both people's samples through the network, on the device. */
struct pass {
    struct augmented samples[MODEL_PEOPLE];
    struct shim_tensor *codes[MODEL_PEOPLE];
    struct shim_tensor
        *of_targets[MODEL_PEOPLE]; /* codes of the swapped inputs' originals; NULL: none swapped */
    struct pose_codes poses;       /* of both people */
    struct network_output outputs[MODEL_PEOPLE]; /* of the person's own decoder */
};

/* ---- A pass through the network -------------------------------------------------------------- */

static void load_samples(struct model *m, const struct batch *b, struct pass *p)
{
    struct samples stored[MODEL_PEOPLE];
    BUG_ON(b->size != m->options.config.image_size);
    pixels_upload(m->scope, b, stored);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        if (b->images[who])
            p->samples[who] =
                augment_apply(m->scope, b->draws[who], b->n, b->size, stored[who],
                              stored[MODEL_PEOPLE - 1 - who], &m->options.colours[who],
                              &m->options.colours[MODEL_PEOPLE - 1 - who]);
}

/* A's tensor followed by B's, (N, ...); a person without images is skipped. NULL: nobody has. */
static struct shim_tensor *join(struct model *m, const struct batch *b,
                                struct shim_tensor *const of[MODEL_PEOPLE])
{
    struct shim_tensor *present[MODEL_PEOPLE];
    size_t n_present = 0;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        if (b->images[who])
            present[n_present++] = of[who];
    return n_present > 0 ? shim_cat(m->scope, present, n_present, 0) : NULL;
}

/* The person's part of a joined tensor. */
static struct shim_tensor *person_part(struct model *m, const struct batch *b,
                                       struct shim_tensor *joined, int who)
{
    int64_t first = who == MODEL_B && b->images[MODEL_A] ? (int64_t)b->n : 0;
    return shim_narrow(m->scope, joined, 0, first, (int64_t)b->n);
}

/* Both people go through the encoder as one batch. */
static void encode(struct model *m, const struct batch *b,
                   struct shim_tensor *const inputs[MODEL_PEOPLE],
                   struct shim_tensor *codes_out[MODEL_PEOPLE])
{
    struct shim_tensor *all = join(m, b, inputs);
    /* channels innermost: convolutions keep this layout, and take a fifth less time in bf16, a
     * little less in fp32 */
    struct shim_tensor *codes =
        network_encode(m->scope, &m->network, shim_channels_last(m->scope, all, true));
    if (b->images[MODEL_A] && b->images[MODEL_B])
        shim_split_in_two(m->scope, codes, 0, (int64_t)b->n, codes_out);
    else
        codes_out[b->images[MODEL_A] ? MODEL_A : MODEL_B] = codes;
}

static bool has_people(const struct batch *b)
{
    return b->n > 0 && (b->images[MODEL_A] || b->images[MODEL_B]);
}

/* A person's codes as the decoders take them: code + L(z) (loss/pose_codes.h). */
static struct shim_tensor *codes_with_pose(struct model *m, const struct batch *b,
                                           const struct pass *p, int who, struct shim_tensor *codes)
{
    return p->poses.added ? shim_add(m->scope, codes, person_part(m, b, p->poses.added, who))
                          : codes;
}

/* The codes for the person's own decoder: a swapped input's code is moved back to the person. */
static struct shim_tensor *own_codes(struct model *m, const struct batch *b, const struct pass *p,
                                     int who)
{
    struct shim_tensor *codes = p->codes[who];
    if (p->of_targets[who])
        codes = back_translation_return(m->scope, &m->network, who, b->draws[who], b->n, codes);
    return codes_with_pose(m, b, p, who, codes);
}

/* Augments, encodes and reconstructs. Errors stay in the scope. */
static struct pass forward(struct model *m, const struct batch *b, bool for_backward)
{
    struct pass p = {0};
    shim_no_grad(m->scope, true);
    load_samples(m, b, &p);
    shim_autocast(m->scope, m->options.precision == MODEL_BF16);
    shim_group_turn(m->scope, m->group);
    back_translate(m->scope, &m->network, b, m->options.cuda_graph, p.samples, p.of_targets);
    shim_no_grad(m->scope, !for_backward);
    struct shim_tensor *inputs[] = {p.samples[MODEL_A].input.images,
                                    p.samples[MODEL_B].input.images};
    encode(m, b, inputs, p.codes);
    bool given = for_backward || m->options.config.pose == MODEL_POSE_GIVEN;
    if (m->architecture->pose_scale)
        p.poses = pose_codes_of(m->scope, &m->network, b, given, join(m, b, p.codes));
    shim_fork(m->scope);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        if (b->images[who]) {
            shim_lane(m->scope, who);
            p.outputs[who] = network_decode(m->scope, &m->network, who, own_codes(m, b, &p, who));
        }
    shim_join(m->scope);
    return p;
}

/* ---- Losses ---------------------------------------------------------------------------------- */

struct terms {
    struct shim_tensor
        *of[MODEL_PEOPLE][MODEL_LOSSES]; /* (n), without gradients; NULL: not computed */
    struct shim_tensor
        *weighted; /* the sum of all losses with a weight, of each sample of both people */
};

/* join of one-channel pictures; zeros if only one person has none, NULL if nobody has. */
static struct shim_tensor *join_planes(struct model *m, const struct batch *b,
                                       struct shim_tensor *a_s, struct shim_tensor *b_s)
{
    struct shim_tensor *of[MODEL_PEOPLE] = {a_s, b_s};
    int64_t size = m->options.config.image_size;
    const int64_t dims[] = {(int64_t)b->n, 1, size, size};
    if (!a_s && !b_s)
        return NULL;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        if (!of[who])
            of[who] = shim_full(m->scope, 0.0, 4, dims);
    return join(m, b, of);
}

/* Detached codes; for a swapped input the code of its original, with as_shown moved to the person
 * that the swap shows. */
static struct shim_tensor *codes_of_targets(struct model *m, const struct batch *b,
                                            const struct pass *p, int who, bool as_shown)
{
    struct shim_tensor *of_targets = p->of_targets[who];
    if (!of_targets)
        return shim_detach(m->scope, p->codes[who]);
    if (as_shown)
        of_targets = network_move(m->scope, &m->network, who, MODEL_PEOPLE - 1 - who, of_targets);
    return back_translation_codes(m->scope, b->draws[who], b->n, m->options.cuda_graph,
                                  p->codes[who], of_targets);
}

/* Targets of the latent loss, joined; NULL without that loss or without swapped inputs. */
static struct shim_tensor *wanted_codes(struct model *m, const struct batch *b,
                                        const struct pass *p)
{
    struct shim_tensor *wanted[MODEL_PEOPLE] = {0};
    if (m->options.loss_weight[MODEL_LOSS_LATENT] == 0.0 ||
        (!p->of_targets[MODEL_A] && !p->of_targets[MODEL_B]))
        return NULL;
    for (int who = 0; who < MODEL_PEOPLE; who++)
        if (b->images[who])
            wanted[who] = codes_of_targets(m, b, p, who, true);
    return shim_to_dtype(m->scope, join(m, b, wanted), m->network.output);
}

/* The backward pass of the mean codes' loss. Its gradient reaches the mean codes only, which are
 * stored with the encoder. */
static void train_mean_codes(struct model *m, const struct batch *b, const struct pass *p,
                             double global_batch)
{
    for (int who = 0; who < MODEL_PEOPLE && m->architecture->mean_codes; who++)
        if (b->images[who]) {
            struct shim_tensor *codes = codes_of_targets(m, b, p, who, false);
            struct shim_tensor *each =
                mean_code_loss(m->scope, &m->network, who, codes, b->draws[who], b->n);
            shim_backward_sum(m->scope, each, 1.0 / global_batch);
        }
}

/* every: also evaluate losses of weight 0, except the adversarial one. */
static struct terms measure(struct model *m, const struct batch *b, const struct pass *p,
                            bool every)
{
    struct terms t = {0};
    struct shim_scope *s = m->scope;
    shim_autocast(s, false);
    struct shim_tensor *pictures[] = {p->outputs[MODEL_A].pictures, p->outputs[MODEL_B].pictures};
    struct shim_tensor *targets[] = {p->samples[MODEL_A].target.images,
                                     p->samples[MODEL_B].target.images};
    const struct samples *of_a = &p->samples[MODEL_A].target, *of_b = &p->samples[MODEL_B].target;
    struct shim_tensor *masks = join_planes(m, b, of_a->masks, of_b->masks);
    struct shim_tensor *priority = join_planes(m, b, of_a->priority, of_b->priority);
    struct shim_tensor *codes_wanted = wanted_codes(m, b, p);
    const struct loss_batch batch = {
        .pictures = join(m, b, pictures),
        .targets = join(m, b, targets),
        .masks_made = join_planes(m, b, p->outputs[MODEL_A].masks, p->outputs[MODEL_B].masks),
        .masks = masks,
        .weights =
            loss_weights(s, masks, m->options.mask_weight, priority, m->options.priority_weight),
        .codes = codes_wanted ? shim_to_dtype(s, join(m, b, p->codes), m->network.output) : NULL,
        .codes_wanted = codes_wanted,
        .pose_made =
            p->poses.predicted ? shim_to_dtype(s, p->poses.predicted, m->network.output) : NULL,
        .pose = p->poses.measured.z,
        .pose_known = p->poses.measured.known,
        .n = {b->images[MODEL_A] ? (int64_t)b->n : 0, b->images[MODEL_B] ? (int64_t)b->n : 0},
        .vgg = m->vgg,
        .discriminators = m->against && !every ? m->discriminators : NULL,
    };
    for (int i = 0; i < MODEL_OWN_LOSSES; i++) {
        double weight = m->options.loss_weight[i];
        if ((weight == 0.0 && !every) || !loss_is_known(&batch, (enum model_loss)i))
            continue;
        struct shim_tensor *each = loss_of_samples(s, (enum model_loss)i, &batch);
        for (int who = 0; who < MODEL_PEOPLE; who++)
            if (b->images[who])
                t.of[who][i] = shim_detach(s, person_part(m, b, each, who));
        if (weight == 0.0)
            continue;
        each = shim_affine(s, each, weight, 0.0);
        t.weighted = t.weighted ? shim_add(s, t.weighted, each) : each;
    }
    return t;
}

/* The discriminators' backward pass, on the same reconstructions. */
static void train_discriminators(struct model *m, const struct batch *b, const struct pass *p,
                                 double global_batch, struct terms *t)
{
    struct shim_scope *s = m->scope;
    struct shim_tensor *total = NULL, *r1;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        if (!b->images[who])
            continue;
        struct shim_tensor *each =
            discriminators_loss(s, m->discriminators, who, p->outputs[who].pictures,
                                p->samples[who].target.images, &r1);
        t->of[who][MODEL_LOSS_DISCRIMINATOR] = shim_detach(s, each);
        if (r1) {
            t->of[who][MODEL_LOSS_R1] = shim_detach(s, r1);
            each = shim_add(s, each, shim_affine(s, r1, m->options.discriminator.r1, 0.0));
        }
        total = total ? shim_add(s, total, each) : each;
    }
    shim_backward_sum(s, total, 1.0 / global_batch);
}

/* The samples' share of the mean over the global batch. Reads all terms in one copy, because each
 * copy waits for the device. */
static enum status read_terms(struct model *m, const struct terms *t, size_t n, double global_batch,
                              struct model_losses *out, struct errmsg *em)
{
    struct shim_tensor *present[MODEL_PEOPLE * MODEL_LOSSES];
    double *term_of[MODEL_PEOPLE * MODEL_LOSSES];
    size_t count = 0;
    *out = (struct model_losses){0};
    for (int who = 0; who < MODEL_PEOPLE; who++)
        for (int i = 0; i < MODEL_LOSSES; i++)
            if (t->of[who][i]) {
                term_of[count] = &out->term[who][i];
                present[count++] = t->of[who][i];
            }
    double *each = calloc(count * n + 1, sizeof *each);
    if (!each)
        return FAIL(em, ST_MEMORY, "out of memory");
    if (count > 0)
        shim_to_memory(m->scope, shim_cat(m->scope, present, count, 0), SHIM_F64, each, count * n);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < n; k++)
            *term_of[i] += each[i * n + k];
        *term_of[i] /= global_batch;
    }
    free(each);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        for (int i = 0; i < MODEL_OWN_LOSSES; i++)
            out->total += m->options.loss_weight[i] * out->term[who][i];
    return shim_scope_check(m->scope, em);
}

/* Later passes add to the gradients instead of replacing them. */
static void add_gradients(struct model *m)
{
    shim_group_add_gradients(m->group);
    if (m->discriminators)
        shim_group_add_gradients(m->discriminators->group);
}

enum status model_zero_gradients(struct model *m, struct errmsg *em)
{
    enum status st = shim_group_zero_gradients(m->group, em);
    if (st == ST_OK && m->discriminators)
        st = shim_group_zero_gradients(m->discriminators->group, em);
    if (m->options.cuda_graph && m->passes > 1 && !m->only_adds) {
        m->only_adds = true;
        recorded_drop_fresh(&m->recorded);
    }
    m->passes = 0;
    if (m->only_adds)
        add_gradients(m);
    return st;
}

enum status model_backward(struct model *m, const struct batch *b, double global_batch,
                           struct model_losses *out, struct errmsg *em)
{
    struct model_losses losses = {0};
    struct shim_graph *graph = NULL;
    enum status st = ST_OK;
    if (has_people(b) && m->options.cuda_graph && !m->against)
        st = recorded_find(&m->recorded, m->scope, m->group, b, global_batch,
                           m->passes == 0 && !m->only_adds, &graph, em);
    if (has_people(b) && st == ST_OK) {
        shim_graph_begin(m->scope, graph);
        struct pass p = forward(m, b, true);
        struct terms t = measure(m, b, &p, false);
        train_mean_codes(m, b, &p, global_batch);
        shim_backward_sum(m->scope, t.weighted, 1.0 / global_batch);
        if (m->against)
            train_discriminators(m, b, &p, global_batch, &t);
        shim_graph_end(m->scope, graph);
        add_gradients(m);
        m->passes++;
        st = read_terms(m, &t, b->n, global_batch, &losses, em);
        shim_scope_reset(m->scope);
    }
    if (st == ST_OK)
        *out = losses;
    return st;
}

/* ---- Pictures -------------------------------------------------------------------------------- */

/* x (n, channels, S, S); bytes NULL: not wanted. */
static void download(struct model *m, struct shim_tensor *x, uint8_t *bytes, size_t n, int channels)
{
    if (bytes)
        pixels_download(m->scope, x, bytes, n, m->options.config.image_size, channels);
}

static struct network_output swap_of(struct model *m, const struct batch *b, const struct pass *p,
                                     int who)
{
    int other = MODEL_PEOPLE - 1 - who;
    struct shim_tensor *moved = network_move(m->scope, &m->network, who, other, p->codes[who]);
    return network_decode(m->scope, &m->network, other, codes_with_pose(m, b, p, who, moved));
}

static void download_pictures(struct model *m, const struct batch *b, const struct pass *p,
                              const struct model_pictures *out)
{
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        if (!b->images[who])
            continue;
        download(m, p->samples[who].input.images, out->input[who], b->n, CHANNELS);
        download(m, p->outputs[who].pictures, out->recon[who], b->n, CHANNELS);
        if (!out->swap[who])
            continue;
        struct network_output swap = swap_of(m, b, p, who);
        download(m, swap.pictures, out->swap[who], b->n, CHANNELS);
        download(m, swap.masks, out->swap_mask[who], b->n, 1);
    }
}

enum status model_evaluate(struct model *m, const struct batch *b, double global_batch,
                           struct model_losses *out, const struct model_pictures *pictures,
                           struct errmsg *em)
{
    struct model_losses losses = {0};
    enum status st = ST_OK;
    if (has_people(b)) {
        struct pass p = forward(m, b, false);
        if (pictures)
            download_pictures(m, b, &p, pictures);
        struct terms t = measure(m, b, &p, true);
        st = read_terms(m, &t, b->n, global_batch, &losses, em);
        shim_scope_reset(m->scope);
    }
    if (st == ST_OK)
        *out = losses;
    return st;
}

enum status model_run(struct model *m, const struct batch *b, const struct model_pictures *out,
                      struct errmsg *em)
{
    if (!has_people(b))
        return ST_OK;
    struct pass p = forward(m, b, false);
    download_pictures(m, b, &p, out);
    enum status st = shim_scope_check(m->scope, em);
    shim_scope_reset(m->scope);
    return st;
}
