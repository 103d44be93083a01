/* Whose face is chosen in the frames of a video: A's references are at identity 0, B's at (0, 0.7).
 */
#include "choose.h"

#include <math.h>
#include <stdlib.h>

#include "face_at.h"
#include "testing.h"

enum { FACES = 2 };
#define FRAME_S 0.04

struct film {
    struct people people[MODEL_PEOPLE];
    struct choice chosen[MODEL_PEOPLE];
    struct face faces[FACES];
    struct choice_left left;
    double time_s;
};

static struct face face_of(double x, float identity, float to_b)
{
    struct face f = face_at(x, 0);
    f.identity[0] = identity;
    f.identity[1] = to_b;
    return f;
}

static int open_film(void **state)
{
    static struct film film;
    struct face a = face_of(0, 0, 0), b = face_of(0, 0, 0.7f);
    film = (struct film){0};
    people_add(&film.people[MODEL_A], PEOPLE_MEANT, &a);
    people_add(&film.people[MODEL_A], PEOPLE_OTHERS, &b);
    *state = &film;
    return 0;
}

/* The face that is chosen for A in the next frame. */
static int shown(struct film *f, size_t n, double after_s)
{
    f->time_s += after_s;
    f->left = choose(f->people, f->faces, n, f->time_s, f->chosen);
    int chosen = f->chosen[MODEL_A].face;
    assert_int_equal(f->left.n_others + f->left.n_unsure, n - (chosen != CHOICE_NOBODY));
    assert_int_equal(f->chosen[MODEL_B].face, CHOICE_NOBODY);
    if (chosen != CHOICE_NOBODY)
        smooth_face(&f->chosen[MODEL_A].smooth, &f->faces[chosen], f->time_s);
    return chosen;
}

static int shown_face(struct film *f, double x, float identity, float to_b, double after_s)
{
    f->faces[0] = face_of(x, identity, to_b);
    return shown(f, 1, after_s);
}

/* A is sure, then blurred. */
static void begin(struct film *f)
{
    assert_int_equal(shown_face(f, 0, 0.3f, 0, FRAME_S), 0);
    assert_false(f->chosen[MODEL_A].followed);
    assert_int_equal(shown_face(f, 10, 0.65f, 0, FRAME_S), 0);
    assert_true(f->chosen[MODEL_A].followed);
}

static void a_blurred_face_is_followed_where_it_is_alone(void **state)
{
    struct film *f = *state;
    assert_int_equal(shown_face(f, 0, 0.65f, 0, FRAME_S), CHOICE_NOBODY); /* nobody to follow */
    begin(f);
    assert_int_equal(shown_face(f, 10 + 0.6 * FACE_AT_SIDE, 0.65f, 0, FRAME_S), CHOICE_NOBODY);
    open_film(state);
    begin(f);
    assert_int_equal(shown_face(f, 10, 0.65f, 0, 0.6), CHOICE_NOBODY);
    open_film(state);
    begin(f);
    f->faces[0] = face_of(20, 0.65f, 0);
    f->faces[1] = face_of(50, 0.65f, 0);
    assert_int_equal(shown(f, 2, FRAME_S), CHOICE_NOBODY);
    open_film(state);
    begin(f);
    f->faces[0] = face_of(20, 0.65f, 0);
    f->faces[1] = face_of(900, 0.65f, 0);
    assert_int_equal(shown(f, 2, FRAME_S), 0);
    f->faces[1].identity[0] = 0.3f; /* the person itself, elsewhere */
    assert_int_equal(shown(f, 2, FRAME_S), 1);
}

static void somebody_else_is_never_followed(void **state)
{
    struct film *f = *state;
    begin(f);
    assert_int_equal(shown_face(f, 10, 0.5f, 0.36f, FRAME_S), CHOICE_NOBODY); /* nearer to B */
    open_film(state);
    begin(f);
    assert_int_equal(shown_face(f, 10, -0.65f, 0, FRAME_S),
                     CHOICE_NOBODY); /* a cut to a stranger */
    open_film(state);
    begin(f);
    assert_int_equal(shown_face(f, 10, NAN, 0, FRAME_S), CHOICE_NOBODY);
    open_film(state);
    f->people[MODEL_A].n[PEOPLE_MEANT] = 0; /* nobody is sought */
    assert_int_equal(shown_face(f, 0, 0.3f, 0, FRAME_S), CHOICE_NOBODY);
}

/* As where one picture fades into another. */
static void a_face_is_followed_for_a_second(void **state)
{
    struct film *f = *state;
    begin(f);
    double sure_s = FRAME_S;
    while (f->time_s + FRAME_S < sure_s + 1)
        assert_int_equal(shown_face(f, 10, 0.65f, 0, FRAME_S), 0);
    assert_int_equal(shown_face(f, 10, 0.65f, 0, 2 * FRAME_S), CHOICE_NOBODY);
    assert_int_equal(shown_face(f, 10, 0.3f, 0, FRAME_S), 0);
    assert_int_equal(shown_face(f, 10, 0.65f, 0, FRAME_S), 0);
}

static void pictures_are_judged_alone(void **state)
{
    struct film *f = *state;
    assert_int_equal(shown_face(f, 0, 0.3f, 0, FRAME_S), 0);
    f->faces[0] = face_of(0, 0.55f, 0);
    f->left = choose(f->people, f->faces, 1, NAN, f->chosen);
    assert_int_equal(f->chosen[MODEL_A].face, CHOICE_NOBODY);
    assert_int_equal(f->left.n_unsure, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_blurred_face_is_followed_where_it_is_alone, open_film),
        cmocka_unit_test_setup(somebody_else_is_never_followed, open_film),
        cmocka_unit_test_setup(a_face_is_followed_for_a_second, open_film),
        cmocka_unit_test_setup(pictures_are_judged_alone, open_film),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
