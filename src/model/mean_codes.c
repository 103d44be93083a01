#include "mean_codes.h"

#include <math.h>
#include <stdlib.h>

#include "base/poison.h"

/* A swap stands for the picture it was made of, whose code is known as it is. */
static bool is_own(const struct augment_draw *d)
{
    return d->back_translation || (d->colour_transfer == 0 && !d->surroundings);
}

/* 1 or 0 a sample: (n). */
static struct shim_tensor *own_ones(struct shim_scope *s, const struct augment_draw *draws,
                                    size_t n)
{
    float *ones = calloc(n, sizeof *ones);
    for (size_t i = 0; i < n && ones; i++)
        ones[i] = is_own(&draws[i]) ? 1.0f : 0.0f;
    const int64_t dims[] = {(int64_t)n};
    struct shim_tensor *t = ones ? shim_from_memory(s, SHIM_F32, ones, 1, dims) : NULL;
    free(ones);
    return t;
}

struct shim_tensor *mean_code_loss(struct shim_scope *s, const struct network *net, int who,
                                   struct shim_tensor *codes, const struct augment_draw *draws,
                                   size_t n)
{
    const int64_t inner_dims[] = {1, 2, 3};
    int64_t dims[SHIM_DIMS_MAX] = {0};
    size_t n_inner = shim_dims(codes, dims) - 1;
    struct shim_tensor *difference =
        shim_sub(s, net->mean_codes[who], shim_to_dtype(s, codes, net->output));
    struct shim_tensor *far =
        shim_mean_over(s, shim_mul(s, difference, difference), n_inner, inner_dims, false);
    return draws ? shim_mul(s, far, own_ones(s, draws, n)) : far;
}

double mean_code_rate(const struct network *net, int64_t step)
{
    const double least = 0.02;
    double share = fmax(least, 1.0 / (double)step);
    /* the gradient of a mean over the code's numbers is 2 / count of the way to it */
    return share * (double)net->architecture->mean_codes->count / 2.0;
}
