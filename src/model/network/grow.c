#include "grow.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "layers.h"

#include "base/poison.h"

enum { RGB = 3, MASK_PLUS = 2 * RGB };
_Static_assert(MASK_PLUS + 2 == ARCHITECTURE_CARRIED_CHANNELS,
               "a pair for each colour and for the mask");
static const float apart = 1.0f / 1.2f; /* v = apart * (f(v) - f(-v)), f: LeakyReLU */

/* A layer of the grown network, with its weight and bias in host memory. */
struct edited {
    const struct architecture_layer *layer;
    const struct layer_resampling *resampling;
    const struct model_tensor *weight;
    float *w, *bias;
};

struct growth {
    const struct grow_source *from;
    const struct architecture *to;
    struct shim_group *group;
    int size;    /* of the smaller network's pictures */
    bool mask;   /* has it a mask head? */
    float *w[2]; /* room for the largest weight of the grown and of the smaller network */
    float *bias[2];
};

enum status grow_check(const struct model_config *from, const struct model_config *to,
                       struct errmsg *em)
{
    struct model_config same = *from;
    char difference[96];
    if (to->image_size > from->image_size)
        same.image_size = to->image_size;
    if (to->mask)
        same.mask = to->mask;
    if (to->mean_codes)
        same.mean_codes = to->mean_codes;
    if (to->pose)
        same.pose = to->pose;
    if (!architecture_same(&same, to, difference, sizeof difference))
        return FAIL(
            em, ST_DATA,
            "it is of another architecture than the one wanted: model.%s; only "
            "model.image_size may grow, and model.mask, model.mean_codes and model.pose be added",
            difference);
    struct errmsg why = {0};
    if (architecture_check_growth(from, to, &why) != ST_OK)
        return FAIL(em, ST_DATA, "its %s", why.text);
    return ST_OK;
}

/* ---- Weights of one layer -------------------------------------------------------------------- */

/* The dimensions of a weight. */
struct shape {
    int64_t outs, ins, kernel;
    bool transposed; /* (in, out, k, k) */
    int64_t rows;    /* of an output channel */
};

static struct shape shape_of(const struct edited *e)
{
    return (struct shape){.outs = e->layer->n_out,
                          .ins = e->layer->n_in,
                          .kernel = e->layer->kernel,
                          .transposed = e->resampling->transposed,
                          .rows = e->resampling->n_rows};
}

/* The k x k kernel from channel in to row `row` of channel out. */
static float *taps(float *w, const struct shape *s, int64_t out, int64_t row, int64_t in)
{
    int64_t index = s->transposed ? in * s->outs + out : (out * s->rows + row) * s->ins + in;
    return w + index * s->kernel * s->kernel;
}

static void clear_output(const struct edited *e, int out)
{
    struct shape s = shape_of(e);
    size_t bytes = (size_t)(s.kernel * s.kernel) * sizeof(float);
    for (int64_t row = 0; row < s.rows; row++) {
        for (int64_t in = 0; in < s.ins; in++)
            memset(taps(e->w, &s, out, row, in), 0, bytes);
        e->bias[out * s.rows + row] = 0.0f;
    }
}

/* Adds to channel out: channel in, halved or doubled in resolution, times gain. */
static void resample(const struct edited *e, int out, int in, float gain)
{
    struct shape s = shape_of(e);
    for (int64_t row = 0; row < s.rows; row++) {
        const float *down = e->resampling->down[row], *across = e->resampling->across[row];
        float *k = taps(e->w, &s, out, row, in);
        for (int64_t y = 0; y < s.kernel; y++)
            for (int64_t x = 0; x < s.kernel; x++)
                k[y * s.kernel + x] += gain * down[y] * across[x];
    }
}

/* Adds to channel out: the value of the pair (plus, minus), resampled, times sign. */
static void join_pair(const struct edited *e, int out, int plus, int minus, float sign)
{
    clear_output(e, out);
    resample(e, out, plus, sign * apart);
    resample(e, out, minus, -sign * apart);
}

static int plus_of(int value)
{
    return value < RGB ? value : MASK_PLUS;
}

static int minus_of(int value)
{
    return value < RGB ? value + RGB : MASK_PLUS + 1;
}

/* ---- Layers ---------------------------------------------------------------------------------- */

/* A new inner level: pairs in, pairs out. */
static void carry_on(const struct edited *e, int n_values)
{
    for (int v = 0; v < n_values; v++) {
        join_pair(e, plus_of(v), plus_of(v), minus_of(v), 1.0f);
        join_pair(e, minus_of(v), plus_of(v), minus_of(v), -1.0f);
    }
}

/* The encoder's outermost level: colours in, pairs out. */
static void take_in(const struct edited *e)
{
    for (int c = 0; c < RGB; c++) {
        clear_output(e, plus_of(c));
        clear_output(e, minus_of(c));
        resample(e, plus_of(c), c, 1.0f);
        resample(e, minus_of(c), c, -1.0f);
    }
}

/* The layer that took the picture now takes pairs. old: its weights (out, 3, k, k). */
static void take_pairs(const struct edited *e, float *old)
{
    struct shape s = shape_of(e), before = s;
    before.ins = RGB;
    memset(e->w, 0, e->weight->count * sizeof *e->w);
    for (int64_t out = 0; out < s.outs; out++)
        for (int c = 0; c < RGB; c++)
            for (int64_t i = 0; i < s.kernel * s.kernel; i++) {
                float x = apart * taps(old, &before, out, 0, c)[i];
                taps(e->w, &s, out, 0, plus_of(c))[i] = x;
                taps(e->w, &s, out, 0, minus_of(c))[i] = -x;
            }
}

/* The head that gave n values (picture or mask) now gives their pairs, from pair `first` on. */
static void give_pairs(const struct edited *e, float *old, const float *old_bias, int first, int n)
{
    struct shape s = shape_of(e), before = s;
    before.outs = n;
    for (int v = 0; v < n; v++)
        for (int64_t row = 0; row < s.rows; row++) {
            int plus = plus_of(first + v), minus = minus_of(first + v);
            float bias = old_bias[v * s.rows + row];
            for (int64_t in = 0; in < s.ins; in++)
                for (int64_t i = 0; i < s.kernel * s.kernel; i++) {
                    float x = taps(old, &before, v, row, in)[i];
                    taps(e->w, &s, plus, row, in)[i] = x;
                    taps(e->w, &s, minus, row, in)[i] = -x;
                }
            e->bias[plus * s.rows + row] = bias;
            e->bias[minus * s.rows + row] = -bias;
        }
}

/* Reads the smaller network's outermost layer of that part and output into w[1] and bias[1]. */
static enum status read_outermost(struct growth *g, int part, enum layer_output output,
                                  struct errmsg *em)
{
    const struct architecture *a = g->from->architecture;
    size_t i = a->first_layer[part];
    if (part != MODEL_ENCODER)
        while (a->layers[i].output != output)
            i++;
    enum status st = g->from->read(g->from->ctx, a->layers[i].weight, g->w[1], em);
    return st == ST_OK ? g->from->read(g->from->ctx, a->layers[i].weight + 1, g->bias[1], em) : st;
}

static enum status edit_encoder(struct growth *g, const struct edited *e, struct errmsg *em)
{
    int size = e->layer->size_in;
    if (size == g->to->config.image_size)
        take_in(e);
    else if (size > g->size)
        carry_on(e, RGB);
    else {
        enum status st = read_outermost(g, MODEL_ENCODER, LAYER_TO_NEXT, em);
        if (st != ST_OK)
            return st;
        take_pairs(e, g->w[1]);
    }
    return ST_OK;
}

static enum status edit_decoder(struct growth *g, const struct edited *e, struct errmsg *em)
{
    const struct architecture_layer *l = e->layer;
    enum status st = ST_OK;
    if (l->output == LAYER_TO_PICTURE) {
        for (int c = 0; c < RGB; c++)
            join_pair(e, c, plus_of(c), minus_of(c), 1.0f);
    } else if (l->output == LAYER_TO_MASK) {
        if (g->mask)
            join_pair(e, 0, plus_of(RGB), minus_of(RGB), 1.0f);
    } else if (l->size_out > g->size) {
        carry_on(e, g->mask ? RGB + 1 : RGB);
    } else {
        st = read_outermost(g, l->part, LAYER_TO_PICTURE, em);
        if (st == ST_OK)
            give_pairs(e, g->w[1], g->bias[1], 0, RGB);
        if (st == ST_OK && g->mask)
            st = read_outermost(g, l->part, LAYER_TO_MASK, em);
        if (st == ST_OK && g->mask)
            give_pairs(e, g->w[1], g->bias[1], RGB, 1);
    }
    return st;
}

/* Is the layer new, or has it another shape than in the smaller network? */
static bool is_outer(const struct growth *g, const struct architecture_layer *l)
{
    if (l->residual != LAYER_PLAIN)
        return l->residual == LAYER_ADDS_KEPT && l->size_in >= g->size;
    return l->begins_piece && MAX(l->size_in, l->size_out) >= g->size;
}

static enum status edit_level(struct growth *g, struct edited *e, struct errmsg *em)
{
    e->resampling = layer_resampling(e->layer);
    if (!e->resampling)
        return FAIL(em, ST_DATA, "it cannot grow: \"%s\" is a %s, which cannot resample a picture",
                    e->weight->name, layer_kind_word(e->layer->kind));
    return e->layer->part == MODEL_ENCODER ? edit_encoder(g, e, em) : edit_decoder(g, e, em);
}

static enum status edit(struct growth *g, const struct architecture_layer *l, struct errmsg *em)
{
    const struct model_tensor *w = &g->to->tensors[l->weight], *b = w + 1;
    struct edited e = {.layer = l, .weight = w, .w = g->w[0], .bias = g->bias[0]};
    enum status st = shim_group_read(g->group, SHIM_PARAMETERS, w->offset, e.w, w->count, em);
    if (st == ST_OK)
        st = shim_group_read(g->group, SHIM_PARAMETERS, b->offset, e.bias, b->count, em);
    if (st != ST_OK)
        return st;
    if (l->residual == LAYER_ADDS_KEPT) {
        memset(e.w, 0, w->count * sizeof *e.w);
        memset(e.bias, 0, b->count * sizeof *e.bias);
    } else {
        st = edit_level(g, &e, em);
    }
    if (st == ST_OK)
        st = shim_group_write(g->group, SHIM_PARAMETERS, w->offset, e.w, w->count, em);
    return st == ST_OK
               ? shim_group_write(g->group, SHIM_PARAMETERS, b->offset, e.bias, b->count, em)
               : st;
}

static size_t largest_tensor(const struct architecture *a)
{
    size_t largest = 0;
    for (size_t i = 0; i < a->n_tensors; i++)
        largest = MAX(largest, a->tensors[i].count);
    return largest;
}

enum status grow(const struct grow_source *from, const struct architecture *to,
                 struct shim_group *group, struct errmsg *em)
{
    struct growth g = {.from = from,
                       .to = to,
                       .group = group,
                       .size = from->architecture->config.image_size,
                       .mask = from->architecture->config.mask};
    if (g.size == to->config.image_size)
        return ST_OK;
    size_t n = MAX(largest_tensor(to), largest_tensor(from->architecture));
    float *memory = calloc(4 * n, sizeof *memory);
    if (!memory)
        return FAIL(em, ST_MEMORY, "out of memory");
    for (size_t i = 0; i < 2; i++) {
        g.w[i] = memory + i * n;
        g.bias[i] = memory + (2 + i) * n;
    }
    enum status st = ST_OK;
    for (size_t i = 0; i < to->n_layers && st == ST_OK; i++)
        if (is_outer(&g, &to->layers[i]))
            st = edit(&g, &to->layers[i], em);
    free(memory);
    return st;
}
