#include "mean_codes.h"

#include <math.h>

#include "augment_priv.h"
#include "loss.h"

#include "base/poison.h"

/* 1 if the sample shows its own person; a swapped input counts as its original. */
static void get_own(const struct augment_draw *d, float *out)
{
    *out = d->back_translation || (d->colour_transfer == 0 && !d->surroundings);
}

struct shim_tensor *mean_code_loss(struct shim_scope *s, const struct network *net, int who,
                                   struct shim_tensor *codes, const struct augment_draw *draws,
                                   size_t n)
{
    const struct augment_work w = {.s = s, .draws = draws, .n = n};
    const int64_t dims[] = {(int64_t)n};
    struct shim_tensor *far = loss_mean_square(s, shim_sub(s, net->mean_codes[who],
                                                           shim_to_dtype(s, codes, net->output)));
    return draws ? shim_mul(s, far, augment_upload(&w, get_own, 1, dims)) : far;
}

double mean_code_rate(const struct network *net, int64_t step)
{
    const double least = 0.02;
    double share = fmax(least, 1.0 / (double)step);
    /* the gradient is 2 / count times the difference to the code */
    return share * (double)net->architecture->mean_codes->count / 2.0;
}
