/* Batches: the positions decide everything, however they are cut into calls. */
#include <math.h>

#include "base/file.h"
#include "data/loader.h"
#include "data/picture.h"
#include "small_sets.h"

enum { SIZE = SMALL_SIZE, PIXELS = SMALL_PIXELS, WANTED = 20 };

static const struct augment_config strength = {.flip = 0.5, .rotate_deg = 10, .warp = 0.02};
static struct small_sets small;
static struct set **const sets = small.sets;
static struct order **const orders = small.orders;
static struct loader *loader;

static int set_up(void **state)
{
    (void)state;
    struct errmsg em = {0};
    small_sets_init(&small);
    const struct loader_source sources[2] = {
        {sets[0], orders[0]},
        {sets[1], orders[1]}
    };
    assert_ok(loader_new(sources, &strength, SMALL_SEED, &loader, &em));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loader_free(loader);
    small_sets_release(&small);
    return 0;
}

static void ranges_do_not_matter(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct batch whole = {0}, part = {0};
    assert_ok(batch_init(&whole, WANTED, SIZE, BATCH_MASKS, &em));
    assert_ok(batch_init(&part, 7, SIZE, BATCH_MASKS, &em));
    assert_ok(loader_fill(loader, 30, WANTED, &whole, &em));
    for (size_t first = 0; first < WANTED; first += 7) {
        size_t n = first + 7 < WANTED ? 7 : WANTED - first;
        assert_ok(loader_fill(loader, 30 + first, n, &part, &em));
        for (int p = 0; p < 2; p++) {
            size_t bytes = PIXELS * 3;
            assert_memory_equal(part.images[p], whole.images[p] + first * bytes, n * bytes);
            assert_memory_equal(part.masks[p], whole.masks[p] + first * PIXELS, n * PIXELS);
            assert_memory_equal(part.draws[p], whole.draws[p] + first, n * sizeof *part.draws[p]);
            assert_memory_equal(part.rows[p], whole.rows[p] + first, n * sizeof(int64_t));
        }
    }
    batch_release(&whole);
    batch_release(&part);
}

static void pictures_are_those_of_the_order(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct batch b = {0};
    assert_ok(batch_init(&b, WANTED, SIZE, BATCH_MASKS, &em));
    assert_ok(loader_fill(loader, 3, WANTED, &b, &em));
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < WANTED; i++) {
            int64_t row = order_row_at(orders[p], 3 + i);
            assert_int_equal(b.rows[p][i], row);
            assert_int_equal(b.images[p][i * PIXELS * 3 + 5], small_image(p, row));
            assert_int_equal(b.masks[p][i * PIXELS + 5], small_mask(row));
        }
    assert_true(b.draws[0][0].rotate != b.draws[1][0].rotate);
    batch_release(&b);
}

static void given_rows_come_unchanged_and_scaled(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct batch b = {0};
    const int64_t rows[2] = {4, 1};
    assert_ok(batch_init(&b, 2, 2 * SIZE, BATCH_MASKS, &em));
    memset(b.images[0], 77, PIXELS * 4 * 3);
    assert_ok(loader_fill_rows(loader, NULL, rows, 2, &b, &em));
    assert_int_equal(b.images[0][0], 77); /* left out */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(b.images[1][i * PIXELS * 4 * 3 + 9], small_image(1, rows[i]));
        assert_int_equal(b.masks[1][i * PIXELS * 4 + 9], small_mask(rows[i]));
        assert_true(b.draws[1][i].zoom == 1.0f && b.draws[1][i].rotate == 0.0f);
    }
    batch_release(&b);
}

static void noise_comes_where_it_is_drawn(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct batch b = {0};
    struct loader *noisy;
    const struct augment_config strong = {.noise = 0.1};
    const struct loader_source sources[2] = {
        {sets[0], orders[0]},
        {sets[1], orders[1]}
    };
    const size_t bytes = PIXELS * 3;
    uint8_t want[PIXELS * 3];
    assert_ok(loader_new(sources, &strong, SMALL_SEED, &noisy, &em));
    assert_ok(batch_init(&b, WANTED, SIZE, BATCH_MASKS | BATCH_NOISE, &em));
    assert_ok(loader_fill(noisy, 3, WANTED, &b, &em));
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < WANTED; i++) {
            augment_noise_at(SMALL_SEED, (enum order_person)p, 3 + i, bytes, want);
            if (b.draws[p][i].noise == 0)
                memset(want, AUGMENT_NOISE_ZERO, bytes);
            assert_memory_equal(b.noise[p] + i * bytes, want, bytes);
        }
    const struct augment_course over = {.off_from = 0};
    loader_set_course(noisy, &over);
    assert_ok(loader_fill(noisy, 3, WANTED, &b, &em));
    for (size_t i = 0; i < WANTED; i++)
        assert_true(b.draws[0][i].noise == 0 && b.noise[0][i * bytes] == AUGMENT_NOISE_ZERO);
    batch_release(&b);
    loader_free(noisy);
}

/* A set of one picture that is not flat, without masks, in the place of person A. */
static void with_bare_set(void (*check)(struct loader *l, struct set *s))
{
    struct errmsg em = {0};
    struct set_writer *w;
    struct loader_source sources[2] = {
        {.order = orders[0]},
        { sets[1],         orders[1]}
    };
    struct loader *l;
    char *folder = scratch_new(), path[PATH_BYTES_MAX];
    uint8_t image[PIXELS * 3];
    for (int i = 0; i < PIXELS * 3; i++)
        image[i] = (uint8_t)(i * 29 + i / 8);
    assert_true(path_join(path, sizeof path, folder, "bare.h5"));
    assert_ok(set_writer_open(
        path, &(struct set_description){.n = 1, .size = SIZE, .person = "p", .consent = "drawn"},
        &w, &em));
    assert_ok(set_writer_put(w, 0, &(struct set_row){.name = "x", .image = image}, &em));
    assert_ok(set_writer_finish(w, &em));
    set_writer_free(w);
    assert_ok(set_open(path, &sources[0].set, &em));
    assert_ok(loader_new(sources, &strength, 5, &l, &em));
    check(l, sources[0].set);
    loader_free(l);
    set_free(sources[0].set);
    free(folder);
}

static void check_scaling(struct loader *l, struct set *s)
{
    static const int sizes[] = {SIZE / 2, SIZE - 3, 3 * SIZE};
    struct errmsg em = {0};
    struct picture stored, want;
    const int64_t row = 0;
    assert_ok(picture_init(&stored, SIZE, SIZE, &em));
    assert_ok(set_read_image(s, row, stored.rgb, &em));
    for (int i = 0; i < 3; i++) {
        struct batch b = {0};
        assert_ok(batch_init(&b, 1, sizes[i], 0, &em));
        assert_null(b.masks[0]);
        assert_ok(loader_fill_rows(l, &row, NULL, 1, &b, &em));
        assert_ok(picture_resize(&stored, sizes[i], sizes[i], &want, &em));
        assert_memory_equal(b.images[0], want.rgb, (size_t)(sizes[i] * sizes[i] * 3));
        picture_release(&want);
        batch_release(&b);
    }
    picture_release(&stored);
}

static void scaling_is_picture_resize(void **state)
{
    (void)state;
    with_bare_set(check_scaling);
}

static void check_missing_masks(struct loader *l, struct set *s)
{
    (void)s;
    struct errmsg em = {0};
    struct batch b = {0};
    const int64_t row = 0;
    assert_ok(batch_init(&b, 1, SIZE, BATCH_MASKS, &em));
    assert_status(loader_fill_rows(l, &row, NULL, 1, &b, &em), ST_DATA);
    assert_text_has(em.text, "bare.h5 has no masks");
    batch_release(&b);
}

static void masks_that_are_not_there_are_an_error(void **state)
{
    (void)state;
    with_bare_set(check_missing_masks);
}

/* Points of a row, in pixels; of B's last row none is known. */
static void points_of(int person, int64_t row, float out[FACE_POINTS][2])
{
    bool unknown = person == 1 && row == 3;
    for (int k = 0; k < FACE_POINTS; k++) {
        float beside = (1 + .1f * (float)(k % 7)) * (float)point_side(k);
        out[k][0] = unknown ? NAN : 3 + beside + .3f * (float)row;
        out[k][1] = unknown ? NAN : (float)(k / 10) + .2f * (float)(row * row + person);
    }
}

static struct set *set_with_points(int person)
{
    enum { ROWS = 4 };
    struct errmsg em = {0};
    struct set_writer *w;
    struct set *s;
    char *folder = scratch_new(), path[PATH_BYTES_MAX];
    const struct set_description d = {
        .n = ROWS, .size = SIZE, .person = "p", .consent = "drawn", .points = true};
    assert_true(path_join(path, sizeof path, folder, "points.h5"));
    assert_ok(set_writer_open(path, &d, &w, &em));
    for (int64_t row = 0; row < ROWS; row++) {
        const uint8_t image[PIXELS * 3] = {(uint8_t)(row + 10 * person)};
        float points[FACE_POINTS][2];
        points_of(person, row, points);
        struct set_row data = {.name = "x", .image = image, .points = (const float(*)[2])points};
        assert_ok(set_writer_put(w, row, &data, &em));
    }
    assert_ok(set_writer_finish(w, &em));
    set_writer_free(w);
    assert_ok(set_open(path, &s, &em));
    free(folder);
    return s;
}

/* Each sample's points as its draw moves them, by its own person's mean and deviation. */
static void check_poses(const struct batch *b, const struct pose_scale scales[2])
{
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < b->n; i++) {
            float points[FACE_POINTS][2];
            points_of(p, b->rows[p][i], points);
            points_normalise(points, SIZE);
            points_move(&b->draws[p][i], points);
            struct pose_code want = pose_standardise(&scales[p], (const float(*)[2])points);
            assert_memory_equal(b->pose[p] + i * 2 * FACE_POINTS, want.z, sizeof want.z);
            assert_memory_equal(b->pose_known[p] + i * 2 * FACE_POINTS, want.known,
                                sizeof want.known);
            bool unknown = p == 1 && b->rows[p][i] == 3;
            assert_true(want.known[9][1] == (unknown ? 0 : 1) && (want.z[9][1] == 0) == unknown);
        }
}

static void poses_are_of_the_points_as_they_are_moved(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct loader_source sources[2];
    struct pose_scale scales[2];
    struct pose_gaps gaps;
    struct loader *l;
    struct batch b = {0};
    for (int p = 0; p < 2; p++) {
        sources[p].set = set_with_points(p);
        assert_ok(order_new(set_hashes(sources[p].set), 4, 0, SMALL_SEED, (enum order_person)p,
                            &sources[p].order, &em));
        assert_ok(pose_scale_measure(sources[p].set, sources[p].order, SMALL_N, NULL, &scales[p],
                                     &gaps, &em));
    }
    assert_ok(loader_new(sources, &strength, SMALL_SEED, &l, &em));
    loader_set_pose(l, scales);
    assert_ok(batch_init(&b, WANTED, 2 * SIZE, BATCH_POSE | BATCH_POSE_KNOWN, &em));
    assert_ok(loader_fill(l, 3, WANTED, &b, &em));
    check_poses(&b, (const struct pose_scale *)scales);
    const int64_t rows[2][2] = {
        {2, 0},
        {1, 3}
    };
    assert_ok(loader_fill_rows(l, rows[0], rows[1], 2, &b, &em));
    check_poses(&b, (const struct pose_scale *)scales);
    assert_true(b.rows[1][1] == 3 && b.draws[1][1].zoom == 1.0f);
    batch_release(&b);
    loader_free(l);
    for (int p = 0; p < 2; p++) {
        order_free(sources[p].order);
        set_free(sources[p].set);
    }
}

/* A has points, and B has none. */
static void a_set_without_points_knows_no_pose(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct loader_source sources[2] = {
        {.order = orders[0]},
        { sets[1],         orders[1]}
    };
    struct loader *l;
    struct batch b = {0};
    const int64_t row = 0;
    sources[0].set = set_with_points(0);
    assert_ok(loader_new(sources, &strength, SMALL_SEED, &l, &em));
    assert_ok(batch_init(&b, 1, SIZE, BATCH_POSE | BATCH_POSE_KNOWN, &em));
    b.pose_known[1][0] = b.pose[1][0] = 1;
    assert_ok(loader_fill_rows(l, &row, &row, 1, &b, &em));
    for (int k = 0; k < 2 * FACE_POINTS; k++)
        assert_true(b.pose[1][k] == 0 && b.pose_known[1][k] == 0);
    batch_release(&b);
    loader_free(l);
    set_free(sources[0].set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_do_not_matter),
        cmocka_unit_test(pictures_are_those_of_the_order),
        cmocka_unit_test(noise_comes_where_it_is_drawn),
        cmocka_unit_test(given_rows_come_unchanged_and_scaled),
        cmocka_unit_test(scaling_is_picture_resize),
        cmocka_unit_test(masks_that_are_not_there_are_an_error),
        cmocka_unit_test(poses_are_of_the_points_as_they_are_moved),
        cmocka_unit_test(a_set_without_points_knows_no_pose),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
