/* A grown network against the smaller one it comes from. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "model/checkpoint.h"
#include "model_priv.h"

enum { LARGE = 4 * SIDE, PIXELS = 3 * SIDE * SIDE, LARGE_PIXELS = 3 * LARGE * LARGE, MARGIN = 4 };

static struct errmsg em;
static char folder[] = "/tmp/bifrons-test-XXXXXX", path[64];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/small.pt", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct model *make(struct model_config c, int image_size, uint64_t seed)
{
    struct model_options o = small_options(MODEL_FP32);
    c.image_size = image_size;
    o.config = c;
    o.seed = seed;
    return model_make(&o);
}

/* The outermost layers draw with contrast: a new network's pictures are all but grey. */
static void add_contrast(struct model *m, float factor)
{
    float *parameters = model_flat(m)->parameters;
    for (size_t i = 0; i < m->architecture->n_layers; i++) {
        const struct architecture_layer *l = &m->architecture->layers[i];
        const struct model_tensor *t = &m->architecture->tensors[l->weight];
        for (size_t k = 0; l->output != LAYER_TO_NEXT && k < t->count; k++)
            parameters[t->offset + k] *= factor;
    }
}

static void save(const struct model *m)
{
    struct checkpoint_facts facts = {.step = 3, .loss = 0.5, .val_loss = 0.5};
    assert_ok(checkpoint_write(m, &facts, path, &em));
}

/* Of both decoders: pictures (3, S, S) of each, then masks. */
static void draw(struct model *m, const float *picture, float *out)
{
    int64_t size = m->architecture->config.image_size;
    size_t n = (size_t)(size * size);
    struct shim_scope *s = m->scope;
    shim_no_grad(s, true);
    struct shim_tensor *x =
        shim_from_memory(s, SHIM_F32, picture, 4, (int64_t[]){1, 3, size, size});
    struct shim_tensor *codes = network_encode(s, &m->network, x);
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        struct network_output o = network_decode(s, &m->network, who, codes);
        shim_to_memory(s, o.pictures, SHIM_F32, out, 3 * n);
        out += 3 * n;
        if (o.masks)
            shim_to_memory(s, o.masks, SHIM_F32, out, n);
        out += n;
    }
    assert_ok(shim_scope_check(s, &em));
    shim_scope_reset(s);
}

/* The logit of channel c of a small square, at a pixel of the square four times as large. */
static double logit_at(const float *small, int y, int x, int size)
{
    if (size == SIDE) {
        double p = (double)small[y * SIDE + x];
        return log(p / (1 - p));
    }
    int ny = y / 2 + (y % 2 ? 1 : -1), nx = x / 2 + (x % 2 ? 1 : -1), half = size / 2;
    return 0.5625 * logit_at(small, y / 2, x / 2, half) +
           0.1875 * logit_at(small, ny, x / 2, half) + 0.1875 * logit_at(small, y / 2, nx, half) +
           0.0625 * logit_at(small, ny, nx, half);
}

static float largest_logit(const float *small, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(log((double)small[i] / (1 - (double)small[i]))));
    return (float)largest;
}

static void assert_enlarged(const float *small, const float *large, int n_channels)
{
    double least = 1, most = 0;
    for (int c = 0; c < n_channels; c++)
        for (int y = MARGIN; y < LARGE - MARGIN; y++)
            for (int x = MARGIN; x < LARGE - MARGIN; x++) {
                double wanted = logit_at(small + c * SIDE * SIDE, y, x, LARGE);
                double got = (double)large[(c * LARGE + y) * LARGE + x];
                assert_near(got, 1 / (1 + exp(-wanted)), 2e-4);
                least = fmin(least, got);
                most = fmax(most, got);
            }
    assert_true(most - least > 0.1); /* and no grey square */
}

static void start(struct model *m)
{
    struct checkpoint *c = NULL;
    assert_ok(checkpoint_open(path, &c, &em));
    assert_ok(checkpoint_start(c, m, &em));
    checkpoint_free(c);
}

static void a_grown_network_draws_what_it_drew(void **state)
{
    (void)state;
    static float small[PIXELS], large[LARGE_PIXELS], drawn[2 * 4 * SIDE * SIDE],
        grown[2 * 4 * LARGE * LARGE];
    static const struct model_config kinds[] = {
        {.latent = 16, .width = 16                        },
        {            .latent = 16, .width = 16, .upsample = MODEL_UPSAMPLE_SUBPIXEL, .mask = 1},
        {   .latent = 16, .width = 16,                         .blocks = 1, .norm = MODEL_NORM_GROUP, .mask = 1},
        {.latent = 16,   .width = 16,                                      .bottleneck = MODEL_BOTTLENECK_DENSE},
    };
    for (int i = 0; i < LARGE_PIXELS; i++) {
        int c = i / (LARGE * LARGE), y = i / LARGE % LARGE / 4, x = i % LARGE / 4;
        large[i] = (float)((x * (c + 2) + 3 * y * y) % 97) / 97.0f;
        small[(c * SIDE + y) * SIDE + x] = large[i];
    }
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct model *m = make(kinds[k], SIDE, 5), *larger = make(kinds[k], LARGE, 6);
        draw(m, small, drawn);
        add_contrast(m, 3.0f / largest_logit(drawn, PIXELS));
        save(m);
        start(larger);
        draw(m, small, drawn);
        draw(larger, large, grown);
        for (int who = 0; who < 2; who++) {
            const float *before = drawn + who * 4 * SIDE * SIDE;
            const float *now = grown + who * 4 * LARGE * LARGE;
            assert_enlarged(before, now, 3);
            if (kinds[k].mask)
                assert_enlarged(before + 3 * SIDE * SIDE, now + 3 * LARGE * LARGE, 1);
        }
        model_free(m);
        model_free(larger);
    }
}

/* A weight of each new layer moves: none is cut off from the gradient for good. */
static void what_is_new_learns(void **state)
{
    (void)state;
    const struct model_config kind = {.latent = 16, .width = 16, .blocks = 1};
    struct model *m = make(kind, SIDE, 5), *larger = make(kind, 2 * SIDE, 6);
    static uint8_t bytes[MODEL_PEOPLE][3 * 4 * SIDE * SIDE];
    struct model_losses l;
    save(m);
    start(larger);
    for (int i = 0; i < 3 * 4 * SIDE * SIDE; i++) {
        bytes[0][i] = (uint8_t)(i * 7 % 251);
        bytes[1][i] = (uint8_t)(i * 11 % 241);
    }
    struct batch b = {
        .n = 1, .size = 2 * SIDE, .images = {bytes[0], bytes[1]}
    };
    const struct architecture *a = larger->architecture;
    const float *g = model_flat(larger)->gradients;
    for (int64_t step = 1; step <= 2; step++) {
        assert_ok(model_zero_gradients(larger, &em));
        assert_ok(model_backward(larger, &b, 1, &l, &em));
        assert_ok(model_update(larger, &(struct model_step){.lr = 1e-3, .step = step}, &em));
    }
    for (size_t i = 0; i < a->n_tensors; i++) {
        size_t moved = 0;
        for (size_t k = 0; k < a->tensors[i].count; k++)
            moved += g[a->tensors[i].offset + k] != 0;
        assert_true(2 * moved > a->tensors[i].count);
    }
    model_free(m);
    model_free(larger);
}

static void the_same_network_starts_with_all_of_it(void **state)
{
    (void)state;
    const struct model_config kind = {.latent = 16, .width = 16};
    struct model *m = make(kind, SIDE, 5), *again = make(kind, SIDE, 6);
    save(m);
    start(again);
    assert_memory_equal(model_flat(m)->parameters, model_flat(again)->parameters,
                        model_flat(m)->count * sizeof(float));
    model_free(m);
    model_free(again);
}

/* Mean codes are of no layer: a larger network takes them over, and begins with 0 where there are
 * none yet. */
static void mean_codes_come_along(void **state)
{
    (void)state;
    const struct model_config plain = {.latent = 16, .width = 16},
                              with = {.latent = 16, .width = 16, .mean_codes = 1};
    struct model *m = make(with, SIDE, 5), *larger = make(with, 2 * SIDE, 6);
    const struct model_tensor *of = m->architecture->mean_codes,
                              *now = larger->architecture->mean_codes;
    float *from = model_flat(m)->parameters, *to = model_flat(larger)->parameters;
    size_t n = of[0].count + of[1].count;
    for (size_t i = 0; i < n; i++)
        from[of[0].offset + i] = (float)(i + 1);
    save(m);
    start(larger);
    assert_memory_equal(from + of[0].offset, to + now[0].offset, n * sizeof(float));
    struct model *without = make(plain, SIDE, 5), *anew = make(with, SIDE, 6);
    save(without);
    start(anew);
    to = model_flat(anew)->parameters;
    for (size_t i = 0; i < n; i++)
        assert_true(to[of[0].offset + i] == 0);
    model_free(m);
    model_free(larger);
    model_free(without);
    model_free(anew);
}

static void other_networks_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct model_config config;
        int size;
        const char *says;
    } cases[] = {
        {{.latent = 24, .width = 16},              2 * SIDE, "model.latent: 16 -> 24"     },
        {{.latent = 16, .width = 16, .blocks = 1}, 2 * SIDE, "model.blocks: 0 -> 1"       },
        {{.latent = 16, .width = 16},              SIDE,     "model.image_size: 128 -> 64"},
        {{.latent = 16, .width = 16},              512,      "takes 8 channels at 256 px" },
    };
    struct model *m = make((struct model_config){.latent = 16, .width = 16}, 2 * SIDE, 5);
    save(m);
    model_free(m);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct checkpoint *c = NULL;
        struct model *other = make(cases[i].config, cases[i].size, 6);
        em = (struct errmsg){0};
        assert_ok(checkpoint_open(path, &c, &em));
        assert_status(checkpoint_start(c, other, &em), ST_DATA);
        assert_text_has(em.text, cases[i].says);
        checkpoint_free(c);
        model_free(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grown_network_draws_what_it_drew),
        cmocka_unit_test(what_is_new_learns),
        cmocka_unit_test(the_same_network_starts_with_all_of_it),
        cmocka_unit_test(mean_codes_come_along),
        cmocka_unit_test(other_networks_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
