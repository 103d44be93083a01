/* The corner of the label over the frames of a video. */
#include "label.h"

#include <stdlib.h>
#include <string.h>

#include "face_at.h"
#include "testing.h"

enum { SIDE = 1200 };
#define FRAME_S 0.1

static struct label label;

/* The corner of the label, when it is drawn into a grey picture: it is a different one in each. */
static int drawn(const struct face *face, double time_s)
{
    static struct picture p;
    int found = -1;
    struct errmsg em = {0};
    assert_ok(picture_init(&p, SIDE, SIDE, &em));
    memset(p.rgb, 128, (size_t)SIDE * SIDE * 3);
    label_draw(&label, &p, face, 1, time_s);
    for (int corner = 0; corner < 4; corner++) {
        int x = corner % 2 ? 0 : SIDE - 1, y = corner / 2 ? 0 : SIDE - 1;
        if (p.rgb[3 * (y * SIDE + x)] == 128)
            continue;
        assert_int_equal(found, -1);
        found = corner;
    }
    picture_release(&p);
    return found;
}

/* A face over the label's place in the lower right corner (0), or in the lower left one (1). */
static struct face over(int corner)
{
    struct face f = face_at(0, 0);
    double wide = 0;
    for (int k = 0; k < FACE_MESH; k++)
        wide = fmax(wide, f.mesh[k][0]);
    return face_at(corner ? 100 - wide : SIDE - 100, SIDE - 100);
}

static void the_label_stays_where_a_face_only_passes(void **state)
{
    struct face right = over(0), away = face_at(-3 * SIDE, 0);
    (void)state;
    label = LABEL_INITIAL;
    int k = 0;
    for (; k < 50; k++) /* eight of ten frames */
        assert_int_equal(drawn(k % 10 < 8 && k > 0 ? &right : &away, k * FRAME_S), 0);
    for (; k < 60; k++)
        (void)drawn(&right, k * FRAME_S);
    assert_int_equal(drawn(&right, k * FRAME_S), 1); /* a second later */
    assert_int_equal(drawn(&away, k * FRAME_S + 1), 1);
}

static void the_label_begins_outside_of_the_face(void **state)
{
    struct face right = over(0), left = over(1);
    (void)state;
    label = LABEL_INITIAL;
    assert_int_equal(drawn(&right, 0), 1);
    assert_int_equal(drawn(&left, FRAME_S), 1);
    assert_int_equal(drawn(&left, 1.5), 0);
    label = LABEL_INITIAL; /* pictures, not a video */
    assert_int_equal(drawn(&right, NAN), 1);
    assert_int_equal(drawn(&left, NAN), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_label_stays_where_a_face_only_passes),
        cmocka_unit_test(the_label_begins_outside_of_the_face),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
