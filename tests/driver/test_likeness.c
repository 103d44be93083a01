/* What face networks see of swaps, as numbers: from a face's mesh, and between faces. */
#include "likeness.h"

#include <math.h>
#include <stdlib.h>

#include "testing.h"

/* ---- expression_of --------------------------------------------------------------------------- */

enum { LIP_LOWER = 14, MOUTH_LEFT = 61, LID_LOWER = 145, BROW_LEFT = 70 };

/* A mesh of scattered points, with pupils in the middle of the eyes. */
static struct face *face_new(void)
{
    struct face *face = calloc(1, sizeof *face);
    assert_non_null(face);
    for (int i = 0; i < FACE_MESH; i++)
        for (int k = 0; k < 3; k++)
            face->mesh[i][k] = 100 + 50 * sin(1.7 * i + 2.3 * k);
    for (int k = 0; k < 2; k++) {
        face->pupils[0][k] = (face->mesh[33][k] + face->mesh[133][k]) / 2;
        face->pupils[1][k] = (face->mesh[362][k] + face->mesh[263][k]) / 2;
    }
    return face;
}

/* Turns the mesh about the vertical axis, and makes it larger. */
static void turn(struct face *face)
{
    double c = cos(0.6) * 1.5, s = sin(0.6) * 1.5;
    for (int i = 0; i < FACE_MESH; i++) {
        double x = face->mesh[i][0], z = face->mesh[i][2];
        face->mesh[i][0] = c * x + s * z;
        face->mesh[i][1] *= 1.5;
        face->mesh[i][2] = c * z - s * x;
    }
}

static void pose_and_size_do_not_change_an_expression(void **state)
{
    (void)state;
    struct face *face = face_new();
    double before[EXPRESSIONS], after[EXPRESSIONS];
    expression_of(face, before);
    turn(face);
    expression_of(face, after);
    for (int i = EXPRESSION_MOUTH; i <= EXPRESSION_BROWS; i++)
        assert_true(fabs(before[i] - after[i]) < 1e-9);
    free(face);
}

static void each_part_moves_its_own_number(void **state)
{
    static const struct {
        int point;
        enum expression moved;
    } cases[] = {
        {LIP_LOWER,  EXPRESSION_MOUTH},
        {MOUTH_LEFT, EXPRESSION_WIDTH},
        {LID_LOWER,  EXPRESSION_EYES },
        {BROW_LEFT,  EXPRESSION_BROWS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct face *face = face_new();
        double before[EXPRESSIONS], after[EXPRESSIONS];
        expression_of(face, before);
        face->mesh[cases[i].point][1] += 40;
        expression_of(face, after);
        for (int k = EXPRESSION_MOUTH; k <= EXPRESSION_BROWS; k++)
            if (k != EXPRESSION_CORNERS) /* the lips and the corners move it, too */
                assert_true((fabs(before[k] - after[k]) > 1e-6) == (k == (int)cases[i].moved));
        free(face);
    }
}

static void pupils_are_told_along_and_across_the_eye(void **state)
{
    (void)state;
    struct face *face = face_new();
    double numbers[EXPRESSIONS];
    expression_of(face, numbers);
    assert_true(fabs(numbers[EXPRESSION_GAZE_X]) < 1e-9);
    for (int e = 0; e < 2; e++) { /* a quarter of the eye's width towards its right corner */
        const double *a = face->mesh[e ? 362 : 33], *b = face->mesh[e ? 263 : 133];
        for (int k = 0; k < 2; k++)
            face->pupils[e][k] += (b[k] - a[k]) / 4;
    }
    expression_of(face, numbers);
    assert_true(fabs(numbers[EXPRESSION_GAZE_X] - 0.25) < 1e-9);
    assert_true(fabs(numbers[EXPRESSION_GAZE_Y]) < 1e-9);
    free(face);
}

/* ---- likeness_compare ------------------------------------------------------------------------ */

/* A face whose numbers are all x, of a person at `where`. */
static struct likeness_face seen(float where, double x)
{
    struct likeness_face f = {
        .found = true, .pose = {x, 2 * x, 0}
    };
    for (int i = 0; i < FACE_IDENTITY; i++)
        f.identity[i] = where;
    for (int i = 0; i < EXPRESSIONS; i++)
        f.expression[i] = x;
    return f;
}

/* Person 0 at 0 with expressions 1 +- 1, person 1 at 0.1 with expressions 10 +- 2. */
static void learn(struct likeness_person people[2])
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct likeness_face a = seen(0, 1 + sign), b = seen(0.1f, 10 + 2 * sign),
                             lost = seen(9, 9);
        lost.found = false;
        likeness_person_add(&people[0], &a);
        likeness_person_add(&people[1], &b);
        likeness_person_add(&people[1], &lost);
    }
}

static void identity_is_the_place_between_two_people(void **state)
{
    (void)state;
    struct likeness_person people[2] = {0};
    learn(people);
    struct likeness_face source = seen(0, 1), half = seen(0.05f, 1), other = seen(0.1f, 1);
    const struct likeness_face *answers[] = {&source, &half, &other};
    for (int i = 0; i < 3; i++) {
        struct likeness l = likeness_compare(&source, answers[i], people, 0, 1);
        assert_true(fabs(l.of[LIKENESS_IDENTITY] - i / 2.0) < 1e-6);
        l = likeness_compare(&other, answers[i], people, 1, 0);
        assert_true(fabs(l.of[LIKENESS_IDENTITY] - (1 - i / 2.0)) < 1e-6);
    }
}

static void expressions_are_standardised_for_each_person(void **state)
{
    (void)state;
    struct likeness_person people[2] = {0};
    learn(people);
    struct likeness_face source = seen(0, 2), same = seen(0.1f, 12), rest = seen(0.1f, 10);
    struct likeness l = likeness_compare(&source, &same, people, 0, 1);
    assert_true(fabs(l.of[LIKENESS_MOUTH]) < 1e-9 && fabs(l.of[LIKENESS_GAZE]) < 1e-9);
    assert_true(fabs(l.of[LIKENESS_POSE] - 10 * sqrt(5)) < 1e-9);
    l = likeness_compare(&source, &rest, people, 0, 1);
    assert_true(fabs(l.of[LIKENESS_MOUTH] - 1) < 1e-9 && fabs(l.of[LIKENESS_BROWS] - 1) < 1e-9);
    l = likeness_compare(&source, &same, people, 0, 0); /* as a reconstruction it is far off */
    assert_true(fabs(l.of[LIKENESS_MOUTH] - 10) < 1e-9);
}

/* ---- sums ------------------------------------------------------------------------------------ */

static void means_and_correlations_ignore_what_is_not_known(void **state)
{
    (void)state;
    struct likeness_sum sum = {0};
    for (int i = 0; i < 10; i++) {
        struct likeness l;
        for (int k = 0; k < LIKENESS_NUMBERS; k++)
            l.of[k] = k == LIKENESS_GAZE && i < 8 ? (double)NAN : i;
        l.of[LIKENESS_EYES] = -i;
        l.of[LIKENESS_BROWS] = 5;
        likeness_add(&sum, &l, i == 9 ? NAN : 0.5 + 0.1 * i);
    }
    assert_true(fabs(likeness_mean(&sum, LIKENESS_POSE) - 4.5) < 1e-9);
    assert_true(fabs(likeness_mean(&sum, LIKENESS_GAZE) - 8.5) < 1e-9);
    assert_true(fabs(likeness_correlation(&sum, LIKENESS_POSE) - 1) < 1e-9);
    assert_true(fabs(likeness_correlation(&sum, LIKENESS_EYES) + 1) < 1e-9);
    assert_true(isnan(likeness_correlation(&sum, LIKENESS_BROWS))); /* all alike */
    assert_true(isnan(likeness_correlation(&sum, LIKENESS_GAZE)));  /* too few */
    assert_true(isnan(likeness_mean(&(struct likeness_sum){0}, LIKENESS_POSE)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pose_and_size_do_not_change_an_expression),
        cmocka_unit_test(each_part_moves_its_own_number),
        cmocka_unit_test(pupils_are_told_along_and_across_the_eye),
        cmocka_unit_test(identity_is_the_place_between_two_people),
        cmocka_unit_test(expressions_are_standardised_for_each_person),
        cmocka_unit_test(means_and_correlations_ignore_what_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
