/* What the draws do to pictures and masks: exact where pixels map to pixels. */
#include <math.h>

#include "augment_priv.h"
#include "base/lab.h"
#include "fixture.h"
#include "model/augment.h"
#include "shim/shim.h"

enum { VALUES = 3 * SIDE * SIDE };

static const double pi = 3.14159265358979323846;

struct bench {
    struct shim_scope *s;
    double image[MODEL_PEOPLE][VALUES], mask[SIDE * SIDE]; /* channels first */
    struct samples own, other;
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
        {0.1f, 0.1f, 0.2f},
        AUGMENT_RGB
    };
    b->colours[MODEL_B] = (struct augment_colours){
        {0.5f, 0.4f, 0.2f},
        {0.2f, 0.1f, 0.1f},
        AUGMENT_RGB
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
    struct augmented r = augment_apply(b->s, d, 1, SIDE, b->own, b->other, &b->colours[MODEL_A],
                                       &b->colours[MODEL_B]);
    shim_to_memory(b->s, r.input.images, SHIM_F64, b->input, VALUES);
    shim_to_memory(b->s, r.target.images, SHIM_F64, b->target, VALUES);
    if (r.target.masks)
        shim_to_memory(b->s, r.target.masks, SHIM_F64, b->mask_out, SIDE * SIDE);
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
    struct augmented once = augment_apply(b->s, &d, 1, SIDE, b->own, b->other, &b->colours[MODEL_A],
                                          &b->colours[MODEL_B]);
    b->own.images = once.target.images;
    apply(b, &d);
    assert_true(largest_gap(b->target, b->image[MODEL_A], VALUES) < 1e-6);
}

/* With masks beside them, and alone. */
static void priorities_follow_the_target(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    const int64_t dims[] = {1, 1, SIDE, SIDE};
    static double priority[SIDE * SIDE], want[SIDE * SIDE], got[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++)
        priority[i] = (double)((i * 7) % 31) / 31.0;
    b->own.priority = shim_from_memory(b->s, SHIM_F64, priority, 4, dims);
    d.flip = true;
    d.warp[1][2][0] = 0.2f;
    moved(priority, want, 1, -1, 0, 0, 1);
    for (int masks = 1; masks >= 0; masks--) {
        b->own.masks = masks ? b->own.masks : NULL;
        struct augmented r = augment_apply(b->s, &d, 1, SIDE, b->own, b->other, NULL, NULL);
        shim_to_memory(b->s, r.target.priority, SHIM_F64, got, SIDE * SIDE);
        assert_ok(shim_scope_check(b->s, &em));
        assert_true(largest_gap(got, want, SIDE * SIDE) < 1e-6);
        assert_true((r.target.masks != NULL) == masks);
    }
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
    enum { OPERATIONS = 8 };
    struct augment_draw d[OPERATIONS + 1];
    for (int i = 0; i <= OPERATIONS; i++)
        d[i] = AUGMENT_NONE;
    d[0].shift_x = 0.1f;
    d[1].warp[2][2][1] = 0.1f;
    d[2].colour_transfer = 1.0f;
    d[3].surroundings = true;
    d[4].gain[1] = 1.1f;
    d[5].back_translation = true;
    d[6].blur = 0.001f;
    d[7].noise = 0.1f;
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
    struct augment_draw off = AUGMENT_NONE; /* what strengths of 0 draw */
    off.warp[2][3][1] = off.offset[1] = off.rotate = -0.0f;
    assert_int_equal(augment_operations(&off, 1), 0);
    d[6].blur = 0.03f; /* a wide blur takes more operations than a narrow one */
    assert_int_not_equal(augment_operations(&d[6], 1) & ~all, 0);
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

/* ---- L*a*b* ---------------------------------------------------------------------------------- */

enum { SHADES = 6, COLOURS = SHADES * SHADES * SHADES };

/* All colours of a cube, as channels first: (1, 3, 1, COLOURS). */
static void colour_cube(double rgb[3][COLOURS])
{
    for (int i = 0; i < COLOURS; i++) {
        rgb[0][i] = 51.0 * (i % SHADES) / 255.0;
        rgb[1][i] = 51.0 * (i / SHADES % SHADES) / 255.0;
        rgb[2][i] = 51.0 * (i / SHADES / SHADES) / 255.0;
    }
}

static void lab_is_that_of_the_standard(void **state)
{
    (void)state;
    static const uint8_t rgb[4][3] = {
        {255, 255, 255},
        {255, 0,   0  },
        {0,   0,   255},
        {10,  10,  10 }
    };
    static const double want[4][3] = {
        {100.0, 0.0,   0.0    },
        {53.24, 80.09, 67.20  },
        {32.30, 79.19, -107.86},
        {2.742, 0.0,   0.0    }
    };
    for (int i = 0; i < 4; i++) {
        double lab[3];
        lab_from_srgb(rgb[i], lab);
        for (int c = 0; c < 3; c++)
            assert_near(100.0 * lab[c], want[i][c], 0.02);
    }
}

static void tensors_in_lab_are_the_same_and_come_back(void **state)
{
    struct bench *b = *state;
    static double rgb[3][COLOURS], lab[3][COLOURS], back[3][COLOURS];
    const int64_t dims[] = {1, 3, 1, COLOURS};
    colour_cube(rgb);
    for (int precise = 0; precise < 2; precise++) {
        struct shim_scope *s;
        assert_ok(shim_scope_new("cpu", precise ? SHIM_F64 : SHIM_F32, &s, &em));
        struct shim_tensor *x = augment_to_lab(s, shim_from_memory(s, SHIM_F64, rgb, 4, dims));
        shim_to_memory(s, x, SHIM_F64, lab, 3 * COLOURS);
        shim_to_memory(s, augment_from_lab(s, x), SHIM_F64, back, 3 * COLOURS);
        assert_ok(shim_scope_check(s, &em));
        shim_scope_free(s);
        assert_true(largest_gap(back[0], rgb[0], 3 * COLOURS) < (precise ? 1e-6 : 1e-5));
        for (int i = 0; i < COLOURS; i++) {
            double want[3];
            uint8_t bytes[3];
            for (int c = 0; c < 3; c++)
                bytes[c] = (uint8_t)lround(rgb[c][i] * 255.0);
            lab_from_srgb(bytes, want);
            for (int c = 0; c < 3; c++)
                assert_near(lab[c][i], want[c], precise ? 1e-6 : 1e-5);
        }
    }
    (void)b;
}

/* Mean and deviation of the transferred picture, in L*a*b*, are the other person's. */
static void lab_transfer_gives_the_other_persons_colours(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    static double lab[3][SIDE * SIDE];
    const int64_t dims[] = {1, 3, SIDE, SIDE};
    const size_t plane = SIDE * SIDE;
    b->own.masks = NULL;
    shim_to_memory(b->s, augment_to_lab(b->s, b->own.images), SHIM_F64, lab, 3 * plane);
    struct augment_colours own = {.space = AUGMENT_LAB};
    for (int c = 0; c < 3; c++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < plane; i++) {
            sum += lab[c][i];
            square += lab[c][i] * lab[c][i];
        }
        double mean = sum / (double)plane;
        own.mean[c] = (float)mean;
        own.deviation[c] = (float)sqrt(square / (double)plane - mean * mean);
    }
    b->colours[MODEL_A] = own;
    b->colours[MODEL_B] = (struct augment_colours){
        {0.5f,  0.05f, -0.04f},
        {0.06f, 0.02f, 0.03f },
        AUGMENT_LAB
    };
    d.colour_transfer = 1.0f;
    apply(b, &d);
    struct shim_tensor *there =
        augment_to_lab(b->s, shim_from_memory(b->s, SHIM_F64, b->input, 4, dims));
    shim_to_memory(b->s, there, SHIM_F64, lab, 3 * plane);
    for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (size_t i = 0; i < plane; i++)
            sum += lab[c][i];
        assert_near(sum / (double)plane, b->colours[MODEL_B].mean[c], 1e-4);
    }
    assert_memory_equal(b->target, b->image[MODEL_A], sizeof b->target);
    b->colours[MODEL_B].space = AUGMENT_RGB; /* not comparable */
    apply(b, &d);
    assert_memory_equal(b->input, b->image[MODEL_A], sizeof b->input);
}

/* ---- Blur and noise -------------------------------------------------------------------------- */

static void blur_spreads_as_a_gaussian(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    const int64_t dims[] = {1, 3, SIDE, SIDE};
    const int at = SIDE / 2;
    for (int wide = 0; wide < 2; wide++) {
        double sigma = wide ? 1.5 : 0.5, sum = 0, square = 0;
        memset(b->image[MODEL_A], 0, sizeof b->image[MODEL_A]);
        b->image[MODEL_A][at * SIDE + at] = 1.0;
        b->own.images = shim_from_memory(b->s, SHIM_F64, b->image[MODEL_A], 4, dims);
        d.blur = (float)(sigma / SIDE);
        assert_int_equal(augment_blur_is_wide(&d), wide);
        apply(b, &d);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                double value = b->input[y * SIDE + x];
                sum += value;
                square += value * (x - at) * (x - at);
            }
        assert_near(sum, 1.0, 1e-6);
        assert_near(sqrt(square), sigma, 0.05); /* sampled, not integrated */
        for (int k = 0; k < 3; k++)             /* the same in all directions */
            assert_near(b->input[at * SIDE + at + k], b->input[(at - k) * SIDE + at], 1e-9);
        assert_memory_equal(b->target, b->image[MODEL_A], sizeof b->target);
    }
}

static void blur_reflects_at_the_edges(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    const int64_t dims[] = {1, 3, SIDE, SIDE};
    for (int i = 0; i < VALUES; i++)
        b->image[MODEL_A][i] = 0.25;
    b->own.images = shim_from_memory(b->s, SHIM_F64, b->image[MODEL_A], 4, dims);
    d.blur = 0.03f;
    apply(b, &d);
    for (int i = 0; i < VALUES; i++)
        assert_near(b->input[i], 0.25, 1e-6);
}

static void noise_is_added_and_cut_off(void **state)
{
    struct bench *b = *state;
    struct augment_draw d = AUGMENT_NONE;
    static double noise[VALUES];
    const int64_t dims[] = {1, 3, SIDE, SIDE};
    for (int i = 0; i < VALUES; i++)
        noise[i] = i % 7 - 3.0;
    d.noise = 0.25f;
    apply(b, &d); /* none at hand */
    assert_memory_equal(b->input, b->image[MODEL_A], sizeof b->input);
    b->own.noise = shim_from_memory(b->s, SHIM_F64, noise, 4, dims);
    apply(b, &d);
    for (int i = 0; i < VALUES; i++)
        assert_near(b->input[i], fmin(fmax(b->image[MODEL_A][i] + 0.25 * noise[i], 0.0), 1.0),
                    1e-9);
    assert_memory_equal(b->target, b->image[MODEL_A], sizeof b->target);
}

/* ---- Batches --------------------------------------------------------------------------------- */

enum { BATCH = 5, BIG = 64, BIG_VALUES = 3 * BIG * BIG };

/* Inputs of samples [first, first + n) of a batch with masks and noise, augmented as one batch. */
static void augment_part(struct shim_scope *s, const struct augment_draw *draws, size_t first,
                         size_t n, enum augment_space space, float *out)
{
    const int64_t image[] = {(int64_t)n, 3, BIG, BIG}, mask[] = {(int64_t)n, 1, BIG, BIG};
    const size_t plane = BIG * BIG;
    static float values[3][BATCH * BIG_VALUES], masks[BATCH * BIG * BIG];
    struct philox p = philox_at(3, PHILOX_POSE, 1);
    for (size_t i = 0; i < BATCH * BIG_VALUES; i++)
        for (int k = 0; k < 3; k++)
            values[k][i] = philox_uniform(&p, k == 2 ? -1.0f : 0.0f, 1.0f);
    for (size_t i = 0; i < BATCH * plane; i++)
        masks[i] = i % BIG < BIG / 2 ? 1.0f : 0.0f;
    struct samples own = {
        .images = shim_from_memory(s, SHIM_F32, values[0] + first * BIG_VALUES, 4, image),
        .masks = shim_from_memory(s, SHIM_F32, masks + first * plane, 4, mask),
        .noise = shim_from_memory(s, SHIM_F32, values[2] + first * BIG_VALUES, 4, image),
    };
    struct samples other = {
        .images = shim_from_memory(s, SHIM_F32, values[1] + first * BIG_VALUES, 4, image)};
    const struct augment_colours from = {
        {0.5f, 0.1f, 0.1f},
        {0.2f, 0.1f, 0.1f},
        space
    };
    const struct augment_colours to = {
        {0.4f, 0.0f, 0.2f},
        {0.1f, 0.1f, 0.2f},
        space
    };
    struct augmented r = augment_apply(s, draws + first, n, BIG, own, other, &from, &to);
    shim_to_memory(s, r.input.images, SHIM_F32, out, n * BIG_VALUES);
    assert_ok(shim_scope_check(s, &em));
    shim_scope_reset(s);
}

static void a_samples_bits_do_not_depend_on_its_batch(void **state)
{
    (void)state;
    static float whole[BATCH * BIG_VALUES], parts[BATCH * BIG_VALUES];
    struct augment_draw draws[BATCH];
    struct shim_scope *s;
    assert_ok(shim_scope_new("cpu", SHIM_F32, &s, &em));
    for (int i = 0; i < BATCH; i++) { /* each asks for other things */
        draws[i] = AUGMENT_NONE;
        draws[i].rotate = 0.1f * (float)(i + 1);
        draws[i].warp[2][i][0] = i > 1 ? 0.1f : 0.0f;
        draws[i].colour_transfer = i % 2 ? 1.0f : 0.0f;
        draws[i].surroundings = i == 3;
        draws[i].blur = i == 2 ? 0.0f : 0.006f * (float)i;
        draws[i].gain[1] = 1.0f + 0.1f * (float)i;
        draws[i].noise = i == 1 ? 0.0f : 0.05f;
    }
    for (int space = AUGMENT_RGB; space <= AUGMENT_LAB; space++) {
        augment_part(s, draws, 0, BATCH, (enum augment_space)space, whole);
        for (size_t first = 0; first < BATCH; first += 2)
            augment_part(s, draws, first, first + 2 < BATCH ? 2 : BATCH - first,
                         (enum augment_space)space, parts + first * BIG_VALUES);
        assert_memory_equal(parts, whole, sizeof whole);
        for (size_t first = 0; first < BATCH; first++)
            augment_part(s, draws, first, 1, (enum augment_space)space, parts + first * BIG_VALUES);
        assert_memory_equal(parts, whole, sizeof whole);
    }
    shim_scope_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(nothing_drawn_changes_no_bit),
        T(a_flip_mirrors_and_two_give_the_picture_back),
        T(priorities_follow_the_target),
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
        T(lab_is_that_of_the_standard),
        T(tensors_in_lab_are_the_same_and_come_back),
        T(lab_transfer_gives_the_other_persons_colours),
        T(blur_spreads_as_a_gaussian),
        T(blur_reflects_at_the_edges),
        T(noise_is_added_and_cut_off),
        T(a_samples_bits_do_not_depend_on_its_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
