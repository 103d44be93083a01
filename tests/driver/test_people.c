/* Whose face it is: by its distance to the references. */
#include "people.h"

#include <math.h>
#include <stdlib.h>

#include "testing.h"

/* A face whose identity lies `distance` from that of a face at 0. */
static enum person judged(const struct people *people, float distance)
{
    struct face *face = calloc(1, sizeof *face);
    double told;
    assert_non_null(face);
    face->identity[0] = distance;
    enum person person = people_judge(people, face, &told);
    free(face);
    return person;
}

static void add_at(struct people *people, enum people_side side, float distance)
{
    struct face *face = calloc(1, sizeof *face);
    assert_non_null(face);
    face->identity[0] = distance;
    people_add(people, side, face);
    free(face);
}

static void near_is_meant_and_far_is_another(void **state)
{
    struct people people = {0};
    (void)state;
    add_at(&people, PEOPLE_MEANT, 0);
    assert_int_equal(judged(&people, 0.1f), PERSON_MEANT);
    assert_int_equal(judged(&people, 0.55f), PERSON_UNSURE);
    assert_int_equal(judged(&people, 0.9f), PERSON_OTHER);
    add_at(&people, PEOPLE_OTHERS, 0.3f);
    assert_int_equal(judged(&people, 0.1f), PERSON_MEANT);
    assert_int_equal(judged(&people, 0.14f), PERSON_UNSURE);
    assert_int_equal(judged(&people, 0.2f), PERSON_OTHER);
}

static void a_face_without_numbers_is_nobody_s(void **state)
{
    struct people people = {0};
    (void)state;
    add_at(&people, PEOPLE_MEANT, 0);
    assert_int_equal(judged(&people, NAN), PERSON_OTHER);
    assert_int_equal(judged(&people, INFINITY), PERSON_OTHER);
}

/* Three people, the third with a single face: groups are as many, whatever the order. */
static void faces_are_split_into_as_many_people_as_there_are(void **state)
{
    enum { FACES = 9 };
    static const int person[FACES] = {0, 1, 0, 2, 1, 1, 0, 0, 1};
    static float identities[FACES][FACE_IDENTITY];
    size_t group[FACES];
    (void)state;
    for (int i = 0; i < FACES; i++) {
        identities[i][person[i]] = 0.6f;
        identities[i][10 + i] = 0.1f; /* faces of one person differ a little */
    }
    assert_int_equal(people_groups((const float(*)[FACE_IDENTITY])identities, FACES, group), 3);
    for (int i = 0; i < FACES; i++)
        for (int j = 0; j < FACES; j++)
            assert_int_equal(group[i] == group[j], person[i] == person[j]);
    assert_int_equal(people_groups((const float(*)[FACE_IDENTITY])identities, 1, group), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_is_meant_and_far_is_another),
        cmocka_unit_test(a_face_without_numbers_is_nobody_s),
        cmocka_unit_test(faces_are_split_into_as_many_people_as_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
