#include "layers.h"

#include "base/poison.h"

static const double identity_slope = 1.0, norm_eps = 1e-5;

/* The slope for shim functions that apply the activation themselves. */
static double slope_of(const struct architecture_layer *l)
{
    return l->activated ? leaky_slope : identity_slope;
}

static struct shim_tensor *activate(struct shim_scope *s, const struct architecture_layer *l,
                                    struct shim_tensor *x)
{
    return l->activated ? shim_leaky_relu(s, x, leaky_slope) : x;
}

/* ---- Convolutions ---------------------------------------------------------------------------- */

/* For growing a network (grow.h): the taps along one axis of a kernel that only resamples. halve:
 * the mean of the middle two; twice: bilinear interpolation */
static const float halve[] = {0.0f, 0.5f, 0.5f, 0.0f}, twice[] = {0.25f, 0.75f, 0.75f, 0.25f};
/* bilinear interpolation by a convolution that makes two output pixels, the first and the second */
static const float first[] = {0.25f, 0.75f, 0.0f}, second[] = {0.0f, 0.75f, 0.25f};

/* Convolutions of stride 1 have another kernel and do not resample. */
static const struct layer_resampling conv_resampling = {.kernel = 4,
                                                        .n_rows = 1,
                                                        .down = {halve},
                                                        .across = {halve}};

static struct shim_tensor *conv_apply(struct shim_scope *s, const struct architecture_layer *l,
                                      struct shim_tensor *weight, struct shim_tensor *bias,
                                      struct shim_tensor *x)
{
    if (l->size_out < l->size_in)
        return shim_conv_down(s, x, weight, bias, slope_of(l));
    return shim_conv_same(s, x, weight, bias, slope_of(l));
}

static const struct layer_resampling conv_transpose_resampling = {
    .transposed = true, .kernel = 4, .n_rows = 1, .down = {twice}, .across = {twice}};

static struct shim_tensor *conv_transpose_apply(struct shim_scope *s,
                                                const struct architecture_layer *l,
                                                struct shim_tensor *weight,
                                                struct shim_tensor *bias, struct shim_tensor *x)
{
    return shim_conv_up(s, x, weight, bias, slope_of(l));
}

static const struct layer_resampling subpixel_resampling = {
    .kernel = 3,
    .n_rows = 4, /* in PixelShuffle's order */
    .down = {first, first,  second, second},
    .across = {first, second, first,  second}
};

static struct shim_tensor *subpixel_apply(struct shim_scope *s, const struct architecture_layer *l,
                                          struct shim_tensor *weight, struct shim_tensor *bias,
                                          struct shim_tensor *x)
{
    /* LeakyReLU acts on each number: before or after the shuffle is the same */
    return shim_pixel_shuffle(s, shim_conv_same(s, x, weight, bias, slope_of(l)), 2);
}

/* ---- Others ---------------------------------------------------------------------------------- */

static const struct layer_resampling group_norm_resampling = {0}, linear_resampling = {0};

static struct shim_tensor *group_norm_apply(struct shim_scope *s,
                                            const struct architecture_layer *l,
                                            struct shim_tensor *weight, struct shim_tensor *bias,
                                            struct shim_tensor *x)
{
    return activate(s, l, shim_group_norm(s, x, l->groups, weight, bias, norm_eps));
}

/* (n, channels, size, size) to or from (n, channels * size * size). */
static struct shim_tensor *flatten(struct shim_scope *s, const struct architecture_layer *l,
                                   struct shim_tensor *x)
{
    int64_t dims[SHIM_DIMS_MAX] = {0};
    shim_dims(x, dims);
    const int64_t flat[] = {dims[0], (int64_t)l->n_in * l->size_in * l->size_in};
    return shim_reshape(s, x, 2, flat);
}

static struct shim_tensor *unflatten(struct shim_scope *s, const struct architecture_layer *l,
                                     struct shim_tensor *x)
{
    int64_t dims[SHIM_DIMS_MAX] = {0};
    shim_dims(x, dims);
    const int64_t square[] = {dims[0], l->n_out, l->size_out, l->size_out};
    return shim_channels_last(s, shim_reshape(s, x, 4, square), true);
}

static struct shim_tensor *linear_apply(struct shim_scope *s, const struct architecture_layer *l,
                                        struct shim_tensor *weight, struct shim_tensor *bias,
                                        struct shim_tensor *x)
{
    if (l->size_in > 1)
        x = flatten(s, l, x);
    x = shim_linear(s, x, weight, bias);
    if (l->size_out > 1)
        x = unflatten(s, l, x);
    return activate(s, l, x);
}

/* ---- The table ------------------------------------------------------------------------------- */

static const struct {
    struct shim_tensor *(*apply)(struct shim_scope *s, const struct architecture_layer *l,
                                 struct shim_tensor *weight, struct shim_tensor *bias,
                                 struct shim_tensor *x);
    const struct layer_resampling *resampling;
} functions[LAYER_KINDS] = {
#define X(NAME, name, ...) [LAYER_##NAME] = {name##_apply, &name##_resampling},
    LAYER_MAP(X)
#undef X
};

struct shim_tensor *layer_apply(struct shim_scope *s, const struct architecture_layer *l,
                                struct shim_tensor *weight, struct shim_tensor *bias,
                                struct shim_tensor *x)
{
    return functions[l->kind].apply(s, l, weight, bias, x);
}

const struct layer_resampling *layer_resampling(const struct architecture_layer *l)
{
    const struct layer_resampling *r = functions[l->kind].resampling;
    return r->n_rows > 0 && r->kernel == l->kernel ? r : NULL;
}
