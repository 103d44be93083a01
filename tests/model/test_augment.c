/* What the draws do to pictures and masks: exact where pixels map to pixels. */
#include <math.h>

#include "fixture.h"
#include "model/augment.h"
#include "shim/shim.h"

enum { VALUES = 3 * SIDE * SIDE };

static const double pi = 3.14159265358979323846;

struct bench {
    struct shim_scope *s;
    double image[MODEL_PEOPLE][VALUES], mask[SIDE * SIDE]; /* channels first */
    struct augment_stored own, other;
    struct augment_colours colours[MODEL_PEOPLE];
    double input[VALUES], target[VALUES], mask_out[SIDE * SIDE];
};

static struct errmsg em;

static int setup(void **state)
{
    const int64_t image[] = {1, 3, SIDE, SIDE}, mask[] = {1, 1, SIDE, SIDE};
    em = (struct errmsg){0};
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    struct philox noise = philox_at(3, PHILOX_POSE, 0);
    for (int who = 0; who < MODEL_PEOPLE; who++)
        for (int i = 0; i < VALUES; i++)
            b->image[who][i] = (double)philox_uniform(&noise, 0.2f, 0.5f + 0.3f * (float)who);
    for (int i = 0; i < SIDE * SIDE; i++)
        b->mask[i] = i % SIDE < SIDE / 3 ? 1.0 : 0.0;
    assert_ok(shim_scope_new("cpu", SHIM_F64, &b->s, &em));
    b->own.images = shim_from_memory(b->s, SHIM_F64, b->image[MODEL_A], 4, image);
    b->own.masks = shim_from_memory(b->s, SHIM_F64, b->mask, 4, mask);
    b->other.images = shim_from_memory(b->s, SHIM_F64, b->image[MODEL_B], 4, image);
    b->colours[MODEL_A] = (struct augment_colours){
        {0.3f, 0.4f, 0.5f},
        {0.1f, 0.1f, 0.2f}
    };
    b->colours[MODEL_B] = (struct augment_colours){
        {0.5f, 0.4f, 0.2f},
        {0.2f, 0.1f, 0.1f}
    };
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    shim_scope_free(b->s);
    free(b);
    return 0;
}

static void apply(struct bench *b, const struct augment_draw *d)
{
    struct augment_result r = augment_apply(b->s, d, 1, SIDE, b->own, b->other,
                                            &b->colours[MODEL_A], &b->colours[MODEL_B]);
    shim_to_memory(b->s, r.inputs, SHIM_F64, b->input, VALUES);
    shim_to_memory(b->s, r.targets, SHIM_F64, b->target, VALUES);
    if (r.masks)
        shim_to_memory(b->s, r.masks, SHIM_F64, b->mask_out, SIDE * SIDE);
    assert_ok(shim_scope_check(b->s, &em));
}

static double largest_gap(const double *a, const double *b, size_t n)
{
    double gap = 0.0;
    for (size_t i = 0; i < n; i++) /* fmax would pass over NaN */
        gap = isnan(a[i] - b[i]) ? INFINITY : fmax(gap, fabs(a[i] - b[i]));
    return gap;
}

/* Picture (x, y) of each channel of `from` at (to_x, to_y) of the result. */
static void moved(const double *from, double *to, int channels, int xx, int xy, int yx, int yy)
{
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                /* twice the coordinates from the centre, to stay with whole numbers */
                int u = 2 * x + 1 - SIDE, v = 2 * y + 1 - SIDE;
                int to_x = (xx * u + xy * v + SIDE - 1) / 2,
                    to_y = (yx * u + yy * v + SIDE - 1) / 2;
                to[(c * SIDE + to_y) * SIDE + to_x] = from[(c * SIDE + y) * SIDE + x];
            }
}

static void nothing_drawn_changes_no_bit(void **state)
{
    struct bench *b = *state;
    struct augment_draw none = AUGMENT_NONE;
    apply(b, &none);
    assert_memory_equal(b->input, b->image[MODEL_A], sizeof b->input);
    assert_memory_equal(b->target, b->image[MODEL_A], sizeof b->target);
    assert_memory_equal(b->mask_out, b->mask, sizeof b->mask_out);
    apply(b, NULL);
    assert_memory_equal(b->input, b->image[MODEL_A], sizeof b->input);
}

static void a_flip_mirrors_and_two_give_the_picture_back(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    static double want[VALUES], want_mask[SIDE * SIDE];
    d.flip = true;
    moved(b->image[MODEL_A], want, 3, -1, 0, 0, 1);
    moved(b->mask, want_mask, 1, -1, 0, 0, 1);
    apply(b, &d);
    assert_true(largest_gap(b->input, want, VALUES) < 1e-6);
    assert_true(largest_gap(b->target, want, VALUES) < 1e-6);
    assert_true(largest_gap(b->mask_out, want_mask, SIDE * SIDE) < 1e-6);
    struct augment_result once = augment_apply(b->s, &d, 1, SIDE, b->own, b->other,
                                               &b->colours[MODEL_A], &b->colours[MODEL_B]);
    b->own.images = once.targets;
    apply(b, &d);
    assert_true(largest_gap(b->target, b->image[MODEL_A], VALUES) < 1e-6);
}

static void a_quarter_turn_goes_counter_clockwise(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    static double want[VALUES];
    d.rotate = (float)(pi / 2);
    moved(b->image[MODEL_A], want, 3, 0, 1, -1, 0); /* what was right is now up */
    apply(b, &d);
    assert_true(largest_gap(b->target, want, VALUES) < 1e-4);
    assert_memory_equal(b->input, b->target, sizeof b->input);
}

static void a_shift_moves_right_and_down(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    const int right = 3, down = 5;
    d.shift_x = 2.0f * (float)right / (float)SIDE; /* the picture is 2 wide */
    d.shift_y = 2.0f * (float)down / (float)SIDE;
    apply(b, &d);
    for (int y = down; y < SIDE; y++)
        for (int x = right; x < SIDE; x++)
            assert_near(b->target[y * SIDE + x], b->image[MODEL_A][(y - down) * SIDE + x - right],
                        1e-4);
    assert_near(b->target[0], b->image[MODEL_A][(down - 1) * SIDE + right - 1],
                1e-4); /* reflected */
}

static void zoom_enlarges(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    for (int i = 0; i < SIDE * SIDE; i++) /* a square of half the width in the middle */
        b->mask[i] = i % SIDE >= SIDE / 4 && i % SIDE < 3 * SIDE / 4 && i / SIDE >= SIDE / 4 &&
                     i / SIDE < 3 * SIDE / 4;
    const int64_t mask[] = {1, 1, SIDE, SIDE};
    b->own.masks = shim_from_memory(b->s, SHIM_F64, b->mask, 4, mask);
    d.zoom = 1.5f;
    apply(b, &d);
    double area = 0.0;
    for (int i = 0; i < SIDE * SIDE; i++)
        area += b->mask_out[i];
    assert_near(area, 1.5 * 1.5 * SIDE * SIDE / 4.0, 0.02 * SIDE * SIDE);
}

static void a_warp_moves_the_input_only(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    for (int i = 0; i < AUGMENT_GRID * AUGMENT_GRID; i++) /* all points alike: a plain shift */
        d.warp[i / AUGMENT_GRID][i % AUGMENT_GRID][0] = 2.0f * 4.0f / (float)SIDE;
    apply(b, &d);
    assert_memory_equal(b->target, b->image[MODEL_A], sizeof b->target);
    assert_memory_equal(b->mask_out, b->mask, sizeof b->mask_out);
    for (int x = 0; x + 4 < SIDE; x++)
        assert_near(b->input[20 * SIDE + x], b->image[MODEL_A][20 * SIDE + x + 4], 1e-4);
}

/* The uppermost points alone, to the right: the upper edge moves, the lower half does not. */
static void a_warp_is_local(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    for (int i = 0; i < AUGMENT_GRID; i++)
        d.warp[0][i][0] = 2.0f * 4.0f / (float)SIDE;
    apply(b, &d);
    for (int x = 0; x + 4 < SIDE; x++)
        assert_near(b->input[x], b->image[MODEL_A][x + 4], 1e-4);
    for (int i = SIDE / 2 * SIDE; i < SIDE * SIDE; i++)
        assert_near(b->input[i], b->image[MODEL_A][i], 1e-4);
}

static void colours_are_mapped_to_the_other_persons(void **state)
{
    struct bench *b = *state;
    b->own.masks = NULL; /* the whole picture */
    struct augment_draw d = AUGMENT_NONE;
    const size_t plane = SIDE * SIDE;
    static const double slope[3] = {2.0, 1.0, 0.5}, constant[3] = {-0.1, 0.0, -0.05};
    for (int half = 0; half < 2; half++) {
        double share = half ? 0.5 : 1.0;
        d.colour_transfer = (float)share;
        apply(b, &d);
        for (size_t c = 0; c < 3; c++)
            for (size_t i = 0; i < plane; i += 5) {
                double x = b->image[MODEL_A][c * plane + i];
                double mapped = slope[c] * x + constant[c];
                double want = fmin(fmax(x + share * (mapped - x), 0.0), 1.0);
                assert_near(b->input[c * plane + i], want, 1e-6);
            }
        assert_memory_equal(b->target, b->image[MODEL_A], sizeof b->target);
    }
}

static void colours_are_mapped_inside_the_mask(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    d.colour_transfer = 1.0f;
    apply(b, &d);
    for (int i = 0; i < SIDE * SIDE; i++)
        if (b->mask[i] > 0.5)
            assert_near(b->input[i], fmin(2.0 * b->image[MODEL_A][i] - 0.1, 1.0), 1e-6);
        else
            assert_near(b->input[i], b->image[MODEL_A][i], 1e-12);
}

static void a_face_may_stand_in_the_other_picture(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    d.surroundings = true;
    apply(b, &d);
    for (int i = 0; i < VALUES; i++) {
        int who = b->mask[i % (SIDE * SIDE)] > 0.5 ? MODEL_A : MODEL_B;
        assert_near(b->input[i], b->image[who][i], 1e-12);
    }
    assert_memory_equal(b->target, b->image[MODEL_A], sizeof b->target);
    b->own.masks = NULL; /* nothing to cut it out by */
    apply(b, &d);
    assert_memory_equal(b->input, b->image[MODEL_A], sizeof b->input);
}

static void unknown_colours_are_not_mapped(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    d.colour_transfer = 1.0f;
    b->colours[MODEL_B] = (struct augment_colours){0};
    apply(b, &d);
    assert_memory_equal(b->input, b->image[MODEL_A], sizeof b->input);
}

static void each_operation_that_is_asked_for_shows(void **state)
{
    (void)state;
    enum { OPERATIONS = 6 };
    struct augment_draw d[OPERATIONS + 1];
    for (int i = 0; i <= OPERATIONS; i++)
        d[i] = AUGMENT_NONE;
    d[0].shift_x = 0.1f;
    d[1].warp[2][2][1] = 0.1f;
    d[2].colour_transfer = 1.0f;
    d[3].surroundings = true;
    d[4].gain[1] = 1.1f;
    d[5].back_translation = true;
    unsigned all = 0;
    for (int i = 0; i < OPERATIONS; i++) {
        unsigned one = augment_operations(&d[i], 1);
        assert_int_not_equal(one, 0);
        assert_int_equal(one & all, 0); /* a bit of its own */
        all |= one;
    }
    assert_int_equal(augment_operations(d, OPERATIONS + 1), all);
    assert_int_equal(augment_operations(&d[OPERATIONS], 1), 0);
    assert_int_equal(augment_operations(NULL, 3), 0);
}

static void gain_and_offset_change_the_input_within_bounds(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    d.gain[1] = 1.5f;
    d.offset[2] = 2.0f;
    apply(b, &d);
    const size_t plane = SIDE * SIDE;
    assert_near(b->input[7], b->image[MODEL_A][7], 1e-12);
    assert_near(b->input[plane + 7], 1.5 * b->image[MODEL_A][plane + 7], 1e-6);
    assert_near(b->input[2 * plane + 7], 1.0, 0.0);
    assert_memory_equal(b->target, b->image[MODEL_A], sizeof b->target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(nothing_drawn_changes_no_bit),
        T(a_flip_mirrors_and_two_give_the_picture_back),
        T(a_quarter_turn_goes_counter_clockwise),
        T(a_shift_moves_right_and_down),
        T(zoom_enlarges),
        T(a_warp_moves_the_input_only),
        T(a_warp_is_local),
        T(colours_are_mapped_to_the_other_persons),
        T(colours_are_mapped_inside_the_mask),
        T(unknown_colours_are_not_mapped),
        T(a_face_may_stand_in_the_other_picture),
        T(each_operation_that_is_asked_for_shows),
        T(gain_and_offset_change_the_input_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
