/* Shared by the files of augmentation: a batch on its way through the table in augment.c. */
#ifndef BIFRONS_MODEL_AUGMENT_PRIV_H
#define BIFRONS_MODEL_AUGMENT_PRIV_H

#include <stdint.h>

#include "model/augment.h"

enum { AUGMENT_CHANNELS = 3 };

struct augment_work {
    struct shim_scope *s;
    const struct augment_draw *draws;
    size_t n; /* draws: samples of one person */
    int size; /* pixels a side */
    struct samples own, other;
    const struct augment_colours *own_colours, *other_colours;
    struct shim_tensor *place;    /* sampling grid; NULL: as stored */
    struct samples target, input; /* results so far */
};

/* A float tensor of shape dims, which begins with n, the number of draws: `get` writes the numbers
 * of each draw. Lives in the scope. */
struct shim_tensor *augment_upload(const struct augment_work *w,
                                   void (*get)(const struct augment_draw *d, float *out),
                                   size_t n_dims, const int64_t dims[]);
/* The same for one number a draw: (n, 1, 1, 1). */
struct shim_tensor *augment_upload_one(const struct augment_work *w,
                                       void (*get)(const struct augment_draw *d, float *out));

/* Operations of the table: augment_colour.c, augment_blur.c. */
void augment_transfer(struct augment_work *w);
void augment_place_in(struct augment_work *w);
void augment_jitter(struct augment_work *w);
void augment_noise(struct augment_work *w);
void augment_blur(struct augment_work *w);
/* Is the blur too wide for the narrow kernel? The wide kernel takes other operations. */
bool augment_blur_is_wide(const struct augment_draw *d);

/* (n, 3, S, S) in sRGB to L*a*b* / 100 (base/lab.h), and back, clamped to sRGB's range. */
struct shim_tensor *augment_to_lab(struct shim_scope *s, struct shim_tensor *rgb);
struct shim_tensor *augment_from_lab(struct shim_scope *s, struct shim_tensor *lab);

#endif
