/* The network's own swaps, as training makes them of drawn samples. */
#include <math.h>
#include <string.h>

#include "back_translation.h"
#include "fixture.h"
#include "model_priv.h"

enum { N = 3, DRAWN = 1, NUMBERS = 2 * FACE_POINTS };

static struct errmsg em;
static struct pictures pictures;
static float z[MODEL_PEOPLE][N * NUMBERS], known[MODEL_PEOPLE][N * NUMBERS];

static struct model *make(void)
{
    struct model_options o = small_options(MODEL_FP64);
    struct model *m = NULL;
    o.config.mean_codes = o.config.pose = 1;
    assert_ok(model_new(&o, NULL, &m, &em));
    for (int who = 0; who < MODEL_PEOPLE; who++)
        for (int i = 0; i < N * NUMBERS; i++) {
            z[who][i] = (float)(i % 7) / 2 - 1.5f;
            known[who][i] = 1;
        }
    return m;
}

/* The inputs of A's samples after back_translate, which only sample DRAWN of A is drawn for. */
static void swap(struct model *m, bool whole, double out[static N * PICTURE])
{
    struct augment_draw draws[MODEL_PEOPLE][N];
    struct augmented samples[MODEL_PEOPLE] = {0};
    struct shim_tensor *of_targets[MODEL_PEOPLE], *x;
    struct shim_scope *s = m->scope;
    const int64_t dims[] = {N, SIDE, SIDE, 3}, order[] = {0, 3, 1, 2};
    struct batch b = part_of(&pictures, 0, N);
    shim_no_grad(s, true);
    for (int who = 0; who < MODEL_PEOPLE; who++) {
        for (int i = 0; i < N; i++)
            draws[who][i] = AUGMENT_NONE;
        x = shim_from_memory(s, SHIM_U8, b.images[who], 4, dims);
        x = shim_permute(s, shim_affine(s, x, 1.0 / 255, 0), 4, order);
        samples[who].target.images = samples[who].input.images = x;
        b.draws[who] = draws[who];
        b.pose[who] = z[who];
        b.pose_known[who] = known[who];
    }
    draws[MODEL_A][DRAWN].back_translation = draws[MODEL_A][DRAWN].predicted_pose = true;
    back_translate(s, &m->network, &b, whole, samples, of_targets);
    assert_non_null(of_targets[MODEL_A]);
    assert_null(of_targets[MODEL_B]);
    shim_to_memory(s, samples[MODEL_A].input.images, SHIM_F64, out, N * PICTURE);
    assert_ok(shim_scope_check(s, &em));
    shim_scope_reset(s);
}

/* The largest difference between the pictures of two samples. */
static double apart(const double *a, const double *b, int sample)
{
    double most = 0;
    for (int i = sample * PICTURE; i < (sample + 1) * PICTURE; i++)
        most = fmax(most, fabs(a[i] - b[i]));
    return most;
}

/* A CUDA graph needs the same shapes in each step: all samples are swapped, the drawn ones used. */
static void swapping_all_samples_changes_the_same_pictures(void **state)
{
    (void)state;
    static double some[N * PICTURE], all[N * PICTURE];
    struct model *m = make();
    swap(m, false, some);
    swap(m, true, all);
    for (int i = 0; i < N; i++)
        assert_true(apart(some, all, i) < 1e-12);
    model_free(m);
}

/* Also where the sample's reconstruction is told the predicted pose. */
static void a_swap_has_the_measured_pose_where_it_is_known(void **state)
{
    (void)state;
    static double first[N * PICTURE], other[N * PICTURE], unknown[N * PICTURE], again[N * PICTURE];
    struct model *m = make();
    float *own = z[MODEL_A] + DRAWN * NUMBERS;
    swap(m, false, first);
    for (int i = 0; i < NUMBERS; i++)
        own[i] = -own[i];
    swap(m, false, other);
    assert_true(apart(first, other, DRAWN) > 1e-4);
    assert_true(apart(first, other, DRAWN - 1) == 0 && apart(first, other, DRAWN + 1) == 0);
    memset(known[MODEL_A] + DRAWN * NUMBERS, 0, NUMBERS * sizeof(float));
    swap(m, false, unknown);
    assert_true(apart(other, unknown, DRAWN) > 1e-4);
    memset(own, 0, NUMBERS * sizeof *own);
    swap(m, false, again);
    assert_true(apart(unknown, again, DRAWN) < 1e-12);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(swapping_all_samples_changes_the_same_pictures),
        cmocka_unit_test(a_swap_has_the_measured_pose_where_it_is_known),
    };
    draw_pictures(&pictures);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
