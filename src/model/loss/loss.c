#include "loss.h"

#include <math.h>

#include "discriminator.h"
#include "vgg.h"

#include "base/poison.h"

enum { SSIM_WINDOW = 11, SSIM_MARGIN = SSIM_WINDOW / 2, CHANNELS = 3 };

struct shim_tensor *loss_weights(struct shim_scope *s, struct shim_tensor *masks,
                                 double mask_weight, struct shim_tensor *priority,
                                 double priority_weight)
{
    struct shim_tensor *weights =
        masks && mask_weight > 0.0 ? shim_affine(s, masks, mask_weight, 1.0) : NULL;
    if (!priority || priority_weight == 0.0)
        return weights;
    /* 1 + … is in weights already, if there are any */
    struct shim_tensor *more = shim_affine(s, priority, priority_weight, weights ? 0.0 : 1.0);
    return weights ? shim_add(s, weights, more) : more;
}

/* The weighted mean of map (N, C, h, w) over each sample: (N). weights (N, 1, h, w) or NULL. */
static struct shim_tensor *means(struct shim_scope *s, struct shim_tensor *map,
                                 struct shim_tensor *weights)
{
    const int64_t pixel_dims[] = {1, 2, 3};
    if (weights) {
        struct shim_tensor *mean = shim_mean_over(s, weights, 3, pixel_dims, true);
        map = shim_mul(s, map, shim_div(s, weights, mean));
    }
    return shim_mean_over(s, map, 3, pixel_dims, false);
}

static struct shim_tensor *l1(struct shim_scope *s, const struct loss_batch *b)
{
    return means(s, shim_abs(s, shim_sub(s, b->pictures, b->targets)), b->weights);
}

/* Gaussian means of x (N, 3, h, w) over all windows inside the picture: along rows, then
 * columns. */
static struct shim_tensor *blur(struct shim_scope *s, struct shim_tensor *x)
{
    const double sigma = 1.5;
    double taps[CHANNELS][SSIM_WINDOW], sum = 0.0;
    for (int i = 0; i < SSIM_WINDOW; i++)
        sum += taps[0][i] = exp(-(i - SSIM_MARGIN) * (i - SSIM_MARGIN) / (2.0 * sigma * sigma));
    for (int i = 0; i < SSIM_WINDOW; i++) {
        taps[0][i] /= sum;
        taps[1][i] = taps[2][i] = taps[0][i];
    }
    /* shim_conv2d takes the groups from the shapes: here one for each channel */
    const int64_t row[] = {CHANNELS, 1, 1, SSIM_WINDOW}, column[] = {CHANNELS, 1, SSIM_WINDOW, 1};
    struct shim_tensor *across = shim_from_memory(s, SHIM_F64, taps, 4, row);
    struct shim_tensor *down = shim_from_memory(s, SHIM_F64, taps, 4, column);
    return shim_conv2d(s, shim_conv2d(s, x, across, NULL, 1, 0), down, NULL, 1, 0);
}

static struct shim_tensor *dssim_map(struct shim_scope *s, struct shim_tensor *x,
                                     struct shim_tensor *y)
{
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    struct shim_tensor *mean_x = blur(s, x), *mean_y = blur(s, y);
    struct shim_tensor *mean_xy = shim_mul(s, mean_x, mean_y);
    struct shim_tensor *squared_means = /* mean_x^2 + mean_y^2 */
        shim_add(s, shim_mul(s, mean_x, mean_x), shim_mul(s, mean_y, mean_y));
    struct shim_tensor *squares = shim_add(s, shim_mul(s, x, x), shim_mul(s, y, y));
    struct shim_tensor *variances = shim_sub(s, blur(s, squares), squared_means);
    struct shim_tensor *covariance = shim_sub(s, blur(s, shim_mul(s, x, y)), mean_xy);

    struct shim_tensor *above =
        shim_mul(s, shim_affine(s, mean_xy, 2.0, c1), shim_affine(s, covariance, 2.0, c2));
    struct shim_tensor *below =
        shim_mul(s, shim_affine(s, squared_means, 1.0, c1), shim_affine(s, variances, 1.0, c2));
    return shim_affine(s, shim_div(s, above, below), -0.5, 0.5); /* (1 - SSIM) / 2 */
}

/* The weights at the window centres: without SSIM_MARGIN pixels at each side. NULL for NULL. */
static struct shim_tensor *inside(struct shim_scope *s, struct shim_tensor *weights)
{
    int64_t dims[SHIM_DIMS_MAX] = {0};
    if (shim_dims(weights, dims) != 4)
        return NULL;
    weights = shim_narrow(s, weights, 2, SSIM_MARGIN, dims[2] - (int64_t)2 * SSIM_MARGIN);
    return shim_narrow(s, weights, 3, SSIM_MARGIN, dims[3] - (int64_t)2 * SSIM_MARGIN);
}

static struct shim_tensor *dssim(struct shim_scope *s, const struct loss_batch *b)
{
    return means(s, dssim_map(s, b->pictures, b->targets), inside(s, b->weights));
}

/* The mean absolute difference of neighbouring pixels of error along dimension dim: (N). */
static struct shim_tensor *gradient_along(struct shim_scope *s, int64_t dim,
                                          struct shim_tensor *error, struct shim_tensor *weights)
{
    int64_t dims[SHIM_DIMS_MAX] = {0};
    shim_dims(error, dims);
    int64_t n = dims[dim] - 1;
    struct shim_tensor *steps =
        shim_sub(s, shim_narrow(s, error, dim, 1, n), shim_narrow(s, error, dim, 0, n));
    if (weights) /* the weight of a pair is that of both pixels together */
        weights =
            shim_add(s, shim_narrow(s, weights, dim, 1, n), shim_narrow(s, weights, dim, 0, n));
    return means(s, shim_abs(s, steps), weights);
}

static struct shim_tensor *gradient(struct shim_scope *s, const struct loss_batch *b)
{
    /* the difference of two gradients is the gradient of the difference */
    struct shim_tensor *error = shim_sub(s, b->pictures, b->targets);
    return shim_add(s, gradient_along(s, 3, error, b->weights),
                    gradient_along(s, 2, error, b->weights));
}

static struct shim_tensor *perceptual(struct shim_scope *s, const struct loss_batch *b)
{
    struct shim_tensor *of_pictures[VGG_TAPS], *of_targets[VGG_TAPS], *sum = NULL;
    vgg_features(s, b->vgg, b->pictures, of_pictures);
    vgg_features(s, b->vgg, b->targets, of_targets);
    for (int i = 0; i < VGG_TAPS; i++) {
        struct shim_tensor *difference = shim_sub(s, of_pictures[i], of_targets[i]);
        struct shim_tensor *weights = /* tap i has 1 / 2^i of the resolution */
            b->weights && i > 0 ? shim_mean_pool2d(s, b->weights, (int64_t)1 << i) : b->weights;
        struct shim_tensor *mean = means(s, shim_mul(s, difference, difference), weights);
        sum = sum ? shim_add(s, sum, mean) : mean;
    }
    return sum;
}

struct shim_tensor *loss_mean_square(struct shim_scope *s, struct shim_tensor *x)
{
    const int64_t inner_dims[] = {1, 2, 3};
    int64_t dims[SHIM_DIMS_MAX] = {0};
    size_t n_inner = shim_dims(x, dims) - 1;
    return shim_mean_over(s, shim_mul(s, x, x), n_inner, inner_dims, false);
}

static struct shim_tensor *mask_head(struct shim_scope *s, const struct loss_batch *b)
{
    return loss_mean_square(s, shim_sub(s, b->masks_made, b->masks));
}

/* Samples that are not swaps have codes equal to codes_wanted: they add neither loss nor
 * gradient. */
static struct shim_tensor *latent(struct shim_scope *s, const struct loss_batch *b)
{
    const double no_code = 1e-30; /* negligible beside a code's squares; avoids 0 / 0 */
    struct shim_tensor *far = loss_mean_square(s, shim_sub(s, b->codes, b->codes_wanted));
    struct shim_tensor *size = loss_mean_square(s, b->codes_wanted);
    return shim_div(s, far, shim_affine(s, size, 1.0, no_code));
}

/* Over what is known of a sample's pose. Where nothing is, there is neither loss nor gradient. */
static struct shim_tensor *pose(struct shim_scope *s, const struct loss_batch *b)
{
    const double nothing_known = 1e-30; /* next to one number of all */
    struct shim_tensor *far = shim_mul(s, b->pose_known, shim_sub(s, b->pose_made, b->pose));
    struct shim_tensor *known = loss_mean_square(s, b->pose_known);
    return shim_div(s, loss_mean_square(s, far), shim_affine(s, known, 1.0, nothing_known));
}

static struct shim_tensor *adversarial(struct shim_scope *s, const struct loss_batch *b)
{
    struct shim_tensor *each[MODEL_PEOPLE];
    int64_t first = 0;
    size_t present = 0;
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        if (b->n[who] > 0)
            each[present++] =
                discriminators_fooled(s, b->discriminators, who,
                                      shim_narrow(s, b->pictures, 0, first, b->n[who]));
        first += b->n[who];
    }
    return shim_cat(s, each, present, 0);
}

/* ---- The table ------------------------------------------------------------------------------- */

static struct shim_tensor *(*const functions[MODEL_OWN_LOSSES])(struct shim_scope *s,
                                                                const struct loss_batch *b) = {
#define X(name, key, ...) [MODEL_LOSS_##name] = key,
    LOSS_MAP(X)
#undef X
};

bool loss_is_known(const struct loss_batch *b, enum model_loss loss)
{
    int facts = model_loss_facts(loss);
    return (!(facts & LOSS_NEEDS_VGG) || b->vgg) &&
           (!(facts & LOSS_NEEDS_MASKS) || (b->masks_made && b->masks)) &&
           (!(facts & LOSS_NEEDS_SWAPS) || b->codes_wanted) &&
           (!(facts & LOSS_NEEDS_POINTS) || (b->pose_made && b->pose && b->pose_known)) &&
           (!(facts & LOSS_NEEDS_DISCRIMINATORS) || b->discriminators);
}

struct shim_tensor *loss_of_samples(struct shim_scope *s, enum model_loss loss,
                                    const struct loss_batch *b)
{
    return functions[loss](s, b);
}
