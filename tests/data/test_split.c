/* Frames of a video are held out by whole stretches, photographs one by one. */
#include <math.h>

#include "base/file.h"
#include "data/order.h"
#include "testing.h"

enum { FRAMES = 120, PHOTOGRAPHS = 40, ROWS = FRAMES + PHOTOGRAPHS, SIZE = 16, STRETCH = 10 };
static const double HELD_OUT = 0.25, FRAME_S = 1;

static struct errmsg em;
static struct set *set;
static char path[PATH_BYTES_MAX];

/* Frames of two films, then photographs. */
static void write_rows(struct set_writer *w, bool videos)
{
    for (int row = 0; row < ROWS; row++) {
        uint8_t image[SIZE * SIZE * 3];
        memset(image, row, sizeof image);
        double time = row < FRAMES ? FRAME_S * (row % (FRAMES / 2)) : NAN;
        const char *source = row < FRAMES / 2 ? "a.mp4" : row < FRAMES ? "b.mp4" : "photograph.jpg";
        const struct set_row data = {
            .name = "x",
            .image = image,
            .source = videos ? source : NULL,
            .time = videos ? &time : NULL,
        };
        assert_ok(set_writer_put(w, row, &data, &em));
    }
}

static struct order *order_of(bool videos, uint64_t seed)
{
    const struct set_description d = {.n = ROWS,
                                      .size = SIZE,
                                      .person = "p",
                                      .consent = "drawn",
                                      .source = videos,
                                      .time = videos};
    struct set_writer *w;
    struct order *o;
    char *folder = scratch_new();
    assert_true(path_join(path, sizeof path, folder, "p.h5"));
    free(folder);
    assert_ok(set_writer_open(path, &d, &w, &em));
    write_rows(w, videos);
    assert_ok(set_writer_finish(w, &em));
    set_writer_free(w);
    assert_ok(set_open(path, &set, &em));
    assert_ok(order_of_set(set, HELD_OUT, seed, ORDER_PERSON_A, &o, &em));
    return o;
}

/* Pictures of rows [first, first + n) that are held out. */
static int held_out_of(const struct order *o, int first, int n)
{
    int count = 0;
    for (int64_t i = 0; i < order_val_count(o); i++)
        count += order_val_row(o, i) >= first && order_val_row(o, i) < first + n;
    return count;
}

static void whole_stretches_are_held_out(void **state)
{
    (void)state;
    int of_photographs = 0, whole = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct order *o = order_of(true, seed);
        assert_int_equal(order_val_count(o), ROWS / 4);
        int parts = 0;
        for (int first = 0; first < FRAMES; first += STRETCH) {
            int n = held_out_of(o, first, STRETCH);
            whole += n == STRETCH;
            parts += n > 0 && n < STRETCH;
        }
        assert_true(parts <= 1); /* the last stretch that is needed */
        of_photographs += held_out_of(o, FRAMES, PHOTOGRAPHS);
        order_free(o);
        set_free(set);
    }
    assert_true(whole >= 5);
    assert_true(of_photographs > 0 && of_photographs < 5 * PHOTOGRAPHS);
}

static void without_times_the_content_decides(void **state)
{
    (void)state;
    struct order *o = order_of(false, 1), *by_content;
    assert_ok(order_new(set_hashes(set), ROWS, HELD_OUT, 1, ORDER_PERSON_A, &by_content, &em));
    for (int64_t i = 0; i < order_val_count(o); i++)
        assert_int_equal(order_val_row(o, i), order_val_row(by_content, i));
    assert_true(order_held_out_hash(o) == order_held_out_hash(by_content));
    order_free(by_content);
    set_free(set);
    struct order *by_time = order_of(true, 1);
    assert_true(order_held_out_hash(o) != order_held_out_hash(by_time));
    order_free(by_time);
    order_free(o);
    set_free(set);
}

static void nothing_held_out_has_no_hash(void **state)
{
    (void)state;
    struct order *o;
    const uint64_t keys[2] = {1, 2};
    assert_ok(order_new(keys, 2, 0, 1, ORDER_PERSON_A, &o, &em));
    assert_int_equal(order_held_out_hash(o), 0);
    order_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_stretches_are_held_out),
        cmocka_unit_test(without_times_the_content_decides),
        cmocka_unit_test(nothing_held_out_has_no_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
