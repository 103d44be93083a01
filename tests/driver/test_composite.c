/* A decoded face back in its picture: what changes, how it fades, which colours it takes. */
#include "composite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/lab.h"
#include "testing.h"

enum { WIDTH = 120, HEIGHT = 100, SIZE = 32, PIXELS = SIZE * SIZE };

static const struct composite_options plain = {.colour = COMPOSITE_NONE, .feather = 0.1};

/* A square turned by 0.3 radians around (x, y) of the picture, enlarged. */
static struct similarity cut_at(double x, double y, double scale)
{
    struct similarity s = {.a = scale * cos(0.3), .b = scale * sin(0.3)};
    double middle = (SIZE - 1) / 2.0, at[2];
    similarity_apply(&s, middle, middle, at);
    s.x0 = x - at[0];
    s.y0 = y - at[1];
    return s;
}

struct scene {
    struct similarity cut;
    struct picture before, after;
    uint8_t decoded[PIXELS * 3], source[PIXELS * 3], hull[PIXELS], limit[PIXELS];
    struct composite_face face;
};

/* A grey-green pattern, a red decoded face and a disc of a hull. */
static void scene_begin(struct scene *s, double x, double y, double scale)
{
    struct errmsg em = {0};
    *s = (struct scene){.cut = cut_at(x, y, scale)};
    s->face = (struct composite_face){&s->cut, SIZE, SIZE, s->decoded, s->source, s->hull, NULL};
    assert_ok(picture_init(&s->before, WIDTH, HEIGHT, &em));
    assert_ok(picture_init(&s->after, WIDTH, HEIGHT, &em));
    for (int i = 0; i < WIDTH * HEIGHT * 3; i++)
        s->before.rgb[i] = (uint8_t)(60 + i * 7 % 40);
    picture_paste(&s->after, &s->before, 0, 0);
    for (int i = 0; i < PIXELS; i++) {
        double dx = i % SIZE - (SIZE - 1) / 2.0, dy = i / SIZE - (SIZE - 1) / 2.0;
        s->hull[i] = hypot(dx, dy) < SIZE * 0.35;
        s->limit[i] = i % SIZE < SIZE / 2 ? 255 : 0;
        s->decoded[3 * i] = 200;
        memset(s->source + 3 * i, 40 + i % 30, 3);
    }
}

static void scene_end(struct scene *s)
{
    picture_release(&s->before);
    picture_release(&s->after);
}

static void put_back(struct scene *s, const struct composite_options *o)
{
    struct errmsg em = {0};
    assert_ok(composite(&s->after, &s->face, o, &em));
}

static const uint8_t *pixel(const struct picture *p, int x, int y)
{
    return p->rgb + 3 * (y * p->width + x);
}

static bool changed(const struct scene *s, int x, int y)
{
    return memcmp(pixel(&s->before, x, y), pixel(&s->after, x, y), 3) != 0;
}

static int count_changed(const struct scene *s)
{
    int n = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            n += changed(s, x, y);
    return n;
}

static void what_is_outside_the_hull_keeps_its_bits(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, 60, 50, 2);
    put_back(&s, &plain);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            double far = hypot(x - 60, y - 50) / (2 * SIZE);
            if (far > 0.38)
                assert_false(changed(&s, x, y));
            if (far < 0.2) {
                assert_int_equal(pixel(&s.after, x, y)[0], 200);
                assert_int_equal(pixel(&s.after, x, y)[1], 0);
            }
        }
    scene_end(&s);
}

/* From the middle outwards the face's share of a pixel never grows, and does not drop at once. */
static void it_fades_to_the_edge(void **state)
{
    (void)state;
    for (int reaches = 0; reaches < 2; reaches++) { /* the hull the square's edge? */
        struct scene s;
        int least = 255, between = 0;
        scene_begin(&s, 60, 50, 2);
        memset(s.before.rgb, 0, WIDTH * HEIGHT * 3);
        picture_paste(&s.after, &s.before, 0, 0);
        if (reaches)
            memset(s.hull, 1, sizeof s.hull);
        put_back(&s, &plain);
        for (int x = 60; x < 60 + 34; x++) {
            int red = pixel(&s.after, x, 50)[0];
            assert_true(red <= least);
            between += red > 10 && red < 190;
            least = red;
        }
        assert_int_equal(least, 0);
        assert_true(between >= (reaches ? 2 : 4)); /* the feather is 6 pixels wide */
        scene_end(&s);
    }
}

static void eroding_and_the_decoders_mask_leave_more_as_it_was(void **state)
{
    (void)state;
    struct scene s;
    int n[3];
    for (int i = 0; i < 3; i++) {
        struct composite_options o = plain;
        scene_begin(&s, 60, 50, 2);
        o.erode = i == 1 ? 0.1 : 0;
        s.face.limit = i == 2 ? s.limit : NULL;
        put_back(&s, &o);
        n[i] = count_changed(&s);
        scene_end(&s);
    }
    assert_true(n[1] < n[0] * 0.7 && n[1] > 0);
    assert_true(n[2] < n[0] * 0.6 && n[2] > n[0] * 0.4);
}

/* Mean and deviation of L* over the opaque part of the hull. */
static void lightness_of(const uint8_t *rgb, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    int n = 0;
    for (int i = 0; i < PIXELS; i++) {
        double dx = i % SIZE - (SIZE - 1) / 2.0, dy = i / SIZE - (SIZE - 1) / 2.0, lab[3];
        if (hypot(dx, dy) > SIZE * 0.29)
            continue;
        lab_from_srgb(rgb + 3 * i, lab);
        sum += lab[0];
        squares += lab[0] * lab[0];
        n++;
    }
    *mean = sum / n;
    *deviation = sqrt(squares / n - *mean * *mean);
}

static void colours_follow_the_source(void **state)
{
    (void)state;
    static const enum composite_colour ways[] = {COMPOSITE_NONE, COMPOSITE_MEAN, COMPOSITE_LAB};
    struct scene s;
    for (int i = 0; i < 3; i++) {
        struct composite_options o = {.colour = ways[i], .feather = 0.1};
        double mean[2], deviation[2];
        scene_begin(&s, 60, 50, 2);
        for (int k = 0; k < PIXELS; k++) /* grey, brighter and with less spread than the source */
            memset(s.decoded + 3 * k, 120 + k % 24, 3);
        put_back(&s, &o);
        lightness_of(s.decoded, &mean[0], &deviation[0]);
        lightness_of(s.source, &mean[1], &deviation[1]);
        assert_int_equal(fabs(mean[0] - mean[1]) < 0.01, ways[i] != COMPOSITE_NONE);
        assert_int_equal(fabs(deviation[0] / deviation[1] - 1) < 0.1, ways[i] == COMPOSITE_LAB);
        scene_end(&s);
    }
}

static void a_face_may_leave_the_picture(void **state)
{
    (void)state;
    static const double places[][2] = {
        {0,      0         },
        {WIDTH,  HEIGHT / 2},
        {60,     -20       },
        {-500.0, 50        }
    };
    for (int i = 0; i < 4; i++) {
        struct scene s;
        scene_begin(&s, places[i][0], places[i][1], 2);
        put_back(&s, &plain);
        assert_int_equal(count_changed(&s) > 0, i < 3);
        scene_end(&s);
    }
}

static void a_small_face_is_not_aliased(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, 60, 50, 0.25); /* 8 pixels wide */
    for (int i = 0; i < PIXELS; i++)
        s.decoded[3 * i] = (i + i / SIZE) % 2 ? 255 : 0; /* a chessboard */
    put_back(&s, &plain);
    assert_true(abs(pixel(&s.after, 60, 50)[0] - 128) < 12);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_outside_the_hull_keeps_its_bits),
        cmocka_unit_test(it_fades_to_the_edge),
        cmocka_unit_test(eroding_and_the_decoders_mask_leave_more_as_it_was),
        cmocka_unit_test(colours_follow_the_source),
        cmocka_unit_test(a_face_may_leave_the_picture),
        cmocka_unit_test(a_small_face_is_not_aliased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
