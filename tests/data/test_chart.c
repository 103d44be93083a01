#include <math.h>

#include "data/chart.h"

#include "testing.h"

static const double x[] = {1, 2, 4, 8}, y[] = {10, 20, 40, 80};

static struct picture draw(const struct chart_line *lines, size_t n)
{
    struct errmsg em = {0};
    struct picture p = {0};
    struct chart_panel panel = {
        "Speed", {"ranks", 2,  0, 0},
         {"speed", 10, 0, 0},
         lines, n
    };
    enum status st = chart_draw("A title", "a subtitle", &panel, 1, &p, &em);
    if (st == ST_NODEVICE) /* a build without cairo says so */
        skip();
    assert_status(st, ST_OK);
    return p;
}

/* Pixels of a colour more blue than red by a lot: those of the first line. */
static int blue_pixels(const struct picture *p)
{
    int n = 0;
    for (int i = 0; i < p->width * p->height; i++)
        n += p->rgb[3 * i + 2] > p->rgb[3 * i] + 100;
    return n;
}

static void lines_are_drawn(void **state)
{
    (void)state;
    const struct chart_line line = {"ours", false, 4, x, y, false},
                            guide = {"ideal", true, 4, x, y, false};
    struct picture with = draw(&line, 1), without = draw(&guide, 1);
    assert_true(with.width > 400 && with.height > 300);
    assert_true(blue_pixels(&with) > 500);
    assert_int_equal(blue_pixels(&without), 0);
    picture_release(&with);
    picture_release(&without);
}

/* Values move points: twice the speed is another picture. */
static void values_show(void **state)
{
    (void)state;
    static const double higher[] = {10, 20, 40, 60};
    const struct chart_line one = {"ours", false, 4, x, y, false},
                            other = {"ours", false, 4, x, higher, false};
    struct picture a = draw(&one, 1), b = draw(&other, 1), again = draw(&one, 1);
    size_t bytes = 3 * (size_t)a.width * (size_t)a.height;
    assert_memory_equal(a.rgb, again.rgb, bytes);
    assert_int_not_equal(memcmp(a.rgb, b.rgb, bytes), 0);
    picture_release(&a);
    picture_release(&b);
    picture_release(&again);
}

static void no_or_one_point_is_no_problem(void **state)
{
    (void)state;
    const struct chart_line lines[] = {
        {"none", false, 0, x, y, false},
        {"one",  false, 1, x, y, false},
    };
    struct picture empty = draw(lines, 1), one = draw(lines + 1, 1);
    assert_true(blue_pixels(&one) > 0);
    picture_release(&empty);
    picture_release(&one);
}

/* Dots need no order, and no line joins them. */
static void dots_are_not_joined(void **state)
{
    (void)state;
    static const double mixed_x[] = {8, 1, NAN, 4, 2}, mixed_y[] = {40, 10, NAN, 30, 20};
    static const double sorted_x[] = {1, 2, 4, 8}, sorted_y[] = {10, 20, 30, 40};
    const struct chart_line dots = {"ours", false, 5, mixed_x, mixed_y, true},
                            sorted = {"ours", false, 4, sorted_x, sorted_y, true},
                            joined = {"ours", false, 4, sorted_x, sorted_y, false};
    struct picture a = draw(&dots, 1), b = draw(&sorted, 1), c = draw(&joined, 1);
    size_t bytes = 3 * (size_t)a.width * (size_t)a.height;
    assert_memory_equal(a.rgb, b.rgb, bytes);
    assert_true(blue_pixels(&a) > 50);
    assert_true(blue_pixels(&c) > blue_pixels(&a));
    picture_release(&a);
    picture_release(&b);
    picture_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dots_are_not_joined),
        cmocka_unit_test(lines_are_drawn),
        cmocka_unit_test(values_show),
        cmocka_unit_test(no_or_one_point_is_no_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
