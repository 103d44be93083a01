#include "model/regressor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/philox.h"
#include "shim/shim.h"

#include "base/poison.h"

enum {
    SIDE = REGRESSOR_SIDE,
    PIXELS = SIDE * SIDE,
    CHANNELS = 3,
    LEVELS = 4, /* convolutions, each halves the side */
    STEPS = 600,
    BATCH = 16,
    SHIFT_MAX = 3, /* pixels */
    RUN_BATCH = 64,
};
static const int widths[LEVELS + 1] = {CHANNELS, 8, 16, 32, 32};
enum { LAST_SIDE = SIDE >> LEVELS, CODE = 32 * LAST_SIDE * LAST_SIDE };
static const double slope = 0.2, peak_lr = 3e-3, rise = 0.1;
static const double least_deviation = 1e-9;

/* Mean and deviation of a channel or number. Deviation 0: it does not vary, or is not known. */
struct scale {
    double mean, deviation;
};

struct regressor {
    size_t n_numbers, count; /* of parameters */
    bool sideways[REGRESSOR_NUMBERS_MAX];
    struct scale channel[CHANNELS], number[REGRESSOR_NUMBERS_MAX];
    struct shim_group *group;
    struct shim_tensor *weight[LEVELS + 1], *bias[LEVELS + 1]; /* the last: the linear layer */
    struct shim_scope *scope;
};

/* --- Scales ----------------------------------------------------------------------------------- */

struct sums {
    double n, value, square;
};

static void sums_add(struct sums *s, double x)
{
    s->n++;
    s->value += x;
    s->square += x * x;
}

static struct scale scale_from(const struct sums *s)
{
    if (s->n == 0)
        return (struct scale){NAN, 0};
    double mean = s->value / s->n;
    double deviation = sqrt(fmax(s->square / s->n - mean * mean, 0));
    return (struct scale){mean, deviation < least_deviation ? 0 : deviation};
}

/* Scales over the lesson's pictures and their mirror images. */
static void measure_scales(struct regressor *r, const struct regressor_lesson *lesson)
{
    for (size_t k = 0; k < lesson->n_numbers; k++) {
        struct sums sums = {0};
        for (size_t i = 0; i < lesson->n; i++) {
            double x = lesson->numbers[i * lesson->n_numbers + k];
            if (!isfinite(x))
                continue;
            sums_add(&sums, x);
            sums_add(&sums, lesson->sideways[k] ? -x : x);
        }
        r->number[k] = scale_from(&sums);
    }
    for (size_t c = 0; c < CHANNELS; c++) {
        struct sums sums = {0};
        for (size_t i = c; i < lesson->n * REGRESSOR_BYTES; i += CHANNELS)
            sums_add(&sums, lesson->pictures[i]);
        r->channel[c] = scale_from(&sums);
        r->channel[c].deviation = fmax(r->channel[c].deviation, 1);
    }
}

/* --- Network ---------------------------------------------------------------------------------- */

/* Sets *weight_out and *bias_out of one layer, with weights uniform within +-bound. */
static enum status open_layer(struct regressor *r, struct philox *draws, int layer, double bound,
                              const int64_t *dims, size_t n_dims, size_t *offset, struct errmsg *em)
{
    size_t count = 1, outputs = (size_t)dims[0];
    for (size_t i = 0; i < n_dims; i++)
        count *= (size_t)dims[i];
    float *start = malloc(count * sizeof *start);
    if (!start)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        start[i] = philox_uniform(draws, -(float)bound, (float)bound);
    enum status st = shim_group_write(r->group, SHIM_PARAMETERS, *offset, start, count, em);
    free(start);
    if (st == ST_OK)
        st = shim_group_parameter(r->group, *offset, n_dims, dims, &r->weight[layer], em);
    if (st == ST_OK)
        st = shim_group_parameter(r->group, *offset + count, 1, dims, &r->bias[layer], em);
    *offset += count + outputs;
    return st;
}

static enum status open_network(struct regressor *r, uint64_t seed, uint64_t index,
                                struct errmsg *em)
{
    size_t offset = 0;
    r->count = (CODE + 1) * r->n_numbers;
    for (int i = 0; i < LEVELS; i++)
        r->count += (size_t)(widths[i] * 16 + 1) * (size_t)widths[i + 1];
    enum status st = shim_scope_new("cpu", SHIM_F32, &r->scope, em);
    if (st == ST_OK)
        st = shim_group_new("cpu", SHIM_F32, r->count, (void *[SHIM_FLATS]){0}, &r->group, em);
    struct philox draws = philox_at(seed, PHILOX_REGRESSOR, index);
    for (int i = 0; i < LEVELS && st == ST_OK; i++) {
        int64_t dims[] = {widths[i + 1], widths[i], 4, 4};
        double he = sqrt(6 / (1 + slope * slope) / (16.0 * widths[i]));
        st = open_layer(r, &draws, i, he, dims, 4, &offset, em);
    }
    int64_t dims[] = {(int64_t)r->n_numbers, CODE};
    if (st == ST_OK)
        st = open_layer(r, &draws, LEVELS, .2 / sqrt(CODE), dims, 2, &offset, em);
    return st;
}

/* x (n, 3, SIDE, SIDE), standardised; the result (n, n_numbers) likewise. */
static struct shim_tensor *forward(const struct regressor *r, struct shim_tensor *x, size_t n)
{
    struct shim_scope *s = r->scope;
    for (int i = 0; i < LEVELS; i++)
        x = shim_conv_down(s, x, r->weight[i], r->bias[i], slope);
    x = shim_reshape(s, shim_channels_last(s, x, false), 2, (int64_t[]){(int64_t)n, CODE});
    return shim_linear(s, x, r->weight[LEVELS], r->bias[LEVELS]);
}

/* Sets libtorch's number of threads; returns the one before. */
static int64_t use_threads(int64_t n)
{
    struct errmsg em = {0};
    int64_t before = shim_get_threads();
    BUG_ON(shim_set_threads(n, &em) != ST_OK);
    return before;
}

/* --- Training --------------------------------------------------------------------------------- */

/* How a picture of the lesson is changed. */
struct change {
    bool mirrored;
    int right, down;
    float gain[CHANNELS], offset[CHANNELS];
};

static struct change draw_change(struct philox *draws)
{
    struct change c = {.mirrored = philox_below(draws, 2) == 1};
    c.right = (int)philox_below(draws, 2 * SHIFT_MAX + 1) - SHIFT_MAX;
    c.down = (int)philox_below(draws, 2 * SHIFT_MAX + 1) - SHIFT_MAX;
    for (int i = 0; i < CHANNELS; i++) {
        c.gain[i] = philox_uniform(draws, .8f, 1.25f);
        c.offset[i] = philox_uniform(draws, -.4f, .4f);
    }
    return c;
}

/* Writes a picture as (3, SIDE, SIDE), standardised and changed. A shift repeats the edge
 * pixels. */
static void put_picture(const struct regressor *r, const uint8_t *picture, const struct change *c,
                        float *out)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int from_x = MIN(MAX(x - c->right, 0), SIDE - 1);
            int from_y = MIN(MAX(y - c->down, 0), SIDE - 1);
            const uint8_t *pixel =
                picture +
                (ptrdiff_t)CHANNELS * (from_y * SIDE + (c->mirrored ? SIDE - 1 - from_x : from_x));
            for (int i = 0; i < CHANNELS; i++) {
                double z = (pixel[i] - r->channel[i].mean) / r->channel[i].deviation;
                out[i * PIXELS + y * SIDE + x] = (float)z * c->gain[i] + c->offset[i];
            }
        }
}

/* The standardised numbers of a picture, and 1 for each that is known. */
static void put_numbers(const struct regressor *r, const struct regressor_lesson *lesson,
                        size_t picture, bool mirrored, float *z, float *known)
{
    for (size_t k = 0; k < r->n_numbers; k++) {
        double x = lesson->numbers[picture * r->n_numbers + k];
        x = mirrored && lesson->sideways[k] ? -x : x;
        bool is_known = isfinite(x) && r->number[k].deviation > 0;
        z[k] = is_known ? (float)((x - r->number[k].mean) / r->number[k].deviation) : 0;
        known[k] = is_known ? 1 : 0;
    }
}

struct lesson_batch {
    float pictures[BATCH * CHANNELS * PIXELS];
    float z[BATCH * REGRESSOR_NUMBERS_MAX], known[BATCH * REGRESSOR_NUMBERS_MAX];
};

static void fill_batch(const struct regressor *r, const struct regressor_lesson *lesson,
                       struct philox *draws, struct lesson_batch *b)
{
    for (size_t i = 0; i < BATCH; i++) {
        size_t picture = (size_t)philox_below(draws, lesson->n);
        struct change change = draw_change(draws);
        put_picture(r, lesson->pictures + picture * REGRESSOR_BYTES, &change,
                    b->pictures + i * CHANNELS * PIXELS);
        put_numbers(r, lesson, picture, change.mirrored, b->z + i * r->n_numbers,
                    b->known + i * r->n_numbers);
    }
}

/* Rises linearly, then falls to 0 along a cosine. */
static double lr_at(int step)
{
    const double turn = acos(-1.0);
    double done = (double)step / STEPS;
    return peak_lr * fmin(done / rise, 1) * (.5 + .5 * cos(turn * done));
}

static enum status take_step(struct regressor *r, const struct lesson_batch *b, int step,
                             struct errmsg *em)
{
    struct shim_scope *s = r->scope;
    const int64_t numbers[] = {BATCH, (int64_t)r->n_numbers};
    struct shim_tensor *x =
        shim_from_memory(s, SHIM_F32, b->pictures, 4, (int64_t[]){BATCH, CHANNELS, SIDE, SIDE});
    struct shim_tensor *z = shim_from_memory(s, SHIM_F32, b->z, 2, numbers);
    struct shim_tensor *known = shim_from_memory(s, SHIM_F32, b->known, 2, numbers);
    x = forward(r, shim_channels_last(s, x, true), BATCH);
    x = shim_pow(s, shim_mul(s, shim_sub(s, x, z), known), 2);
    shim_backward(s, shim_affine(s, shim_sum(s, x), 1.0 / BATCH, 0), false);
    enum status st = shim_scope_check(s, em);
    shim_scope_reset(s);
    struct shim_adam adam = {.lr = lr_at(step),
                             .beta1 = .9,
                             .beta2 = .99,
                             .eps = 1e-8,
                             .weight_decay = .01,
                             .step = step};
    if (st == ST_OK)
        st = shim_group_adam(r->group, 0, r->count, &adam, em);
    return st == ST_OK ? shim_group_zero_gradients(r->group, em) : st;
}

enum status regressor_train(const struct regressor_lesson *lesson, struct regressor **out,
                            struct errmsg *em)
{
    BUG_ON(lesson->n == 0 || lesson->n_numbers > REGRESSOR_NUMBERS_MAX);
    struct regressor *r = calloc(1, sizeof *r);
    struct lesson_batch *b = malloc(sizeof *b);
    int64_t threads = use_threads(1);
    enum status st = r && b ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    if (st == ST_OK) {
        r->n_numbers = lesson->n_numbers;
        memcpy(r->sideways, lesson->sideways, r->n_numbers * sizeof *r->sideways);
        measure_scales(r, lesson);
        st = open_network(r, lesson->seed, lesson->index, em);
    }
    for (int step = 1; step <= STEPS && st == ST_OK; step++) {
        /* indices below 1 << 32 draw the initial weights */
        struct philox draws =
            philox_at(lesson->seed, PHILOX_REGRESSOR, ((uint64_t)step << 32) + lesson->index);
        fill_batch(r, lesson, &draws, b);
        st = take_step(r, b, step, em);
    }
    use_threads(threads);
    free(b);
    if (st == ST_OK)
        *out = r;
    else
        regressor_free(r);
    return st;
}

/* --- Use -------------------------------------------------------------------------------------- */

/* The network's output z for the pictures or for their mirror images. */
static enum status predict(struct regressor *r, size_t n, const uint8_t *pictures, bool mirrored,
                           float *memory, double *z, struct errmsg *em)
{
    struct shim_scope *s = r->scope;
    const struct change change = {
        .mirrored = mirrored, .gain = {1, 1, 1}
    };
    for (size_t i = 0; i < n; i++)
        put_picture(r, pictures + i * REGRESSOR_BYTES, &change, memory + i * CHANNELS * PIXELS);
    shim_no_grad(s, true);
    struct shim_tensor *x =
        shim_from_memory(s, SHIM_F32, memory, 4, (int64_t[]){(int64_t)n, CHANNELS, SIDE, SIDE});
    x = forward(r, shim_channels_last(s, x, true), n);
    shim_to_memory(s, x, SHIM_F64, z, n * r->n_numbers);
    enum status st = shim_scope_check(s, em);
    shim_scope_reset(s);
    return st;
}

/* Averages the outputs for the picture and its mirror image, whose errors differ. */
static enum status run_part(struct regressor *r, size_t n, const uint8_t *pictures, float *memory,
                            double *numbers, struct errmsg *em)
{
    double mirrored[RUN_BATCH * REGRESSOR_NUMBERS_MAX];
    enum status st = predict(r, n, pictures, false, memory, numbers, em);
    if (st == ST_OK)
        st = predict(r, n, pictures, true, memory, mirrored, em);
    for (size_t i = 0; i < n * r->n_numbers && st == ST_OK; i++) {
        size_t k = i % r->n_numbers; /* a sideways number has mean 0 */
        double z = (numbers[i] + (r->sideways[k] ? -mirrored[i] : mirrored[i])) / 2;
        numbers[i] =
            r->number[k].deviation > 0 ? r->number[k].mean + r->number[k].deviation * z : NAN;
    }
    return st;
}

enum status regressor_run(struct regressor *r, size_t n, const uint8_t *pictures, double *numbers,
                          struct errmsg *em)
{
    float *memory = malloc((size_t)RUN_BATCH * CHANNELS * PIXELS * sizeof *memory);
    int64_t threads = use_threads(1);
    enum status st = memory ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    for (size_t done = 0; done < n && st == ST_OK; done += RUN_BATCH)
        st = run_part(r, MIN(n - done, RUN_BATCH), pictures + done * REGRESSOR_BYTES, memory,
                      numbers + done * r->n_numbers, em);
    use_threads(threads);
    free(memory);
    return st;
}

void regressor_free(struct regressor *r)
{
    if (!r)
        return;
    shim_group_free(r->group);
    shim_scope_free(r->scope);
    free(r);
}
