/* Which decoders have collapsed, and which have only not begun. */
#include "collapse.h"

#include <math.h>
#include <string.h>

#include "testing.h"

static const double START = 0.24;

/* As measured on drawn faces: before the first step, after some, and after hundreds. */
static const struct collapse_view
    fresh =
        {
            .loss = 0.242, .seen = {6, 0.242, 0.235, {0.004, 0.00002, 0}, {0.21, 0.13, 0.02}}
},
    young = {.loss = 0.195, .seen = {6, 0.195, 0.235, {0.05, 0.004, 0}, {0.21, 0.13, 0.02}}},
    trained = {.loss = 0.08, .seen = {6, 0.08, 0.235, {0.19, 0.11, 0.01}, {0.21, 0.13, 0.02}}},
    saturated = {.loss = 0.43, .seen = {6, 0.43, 0.235, {0.4, 0.02, 0.999}, {0.21, 0.13, 0.02}}};

/* n steps at a rate of 1e-3 after the first one. */
static struct collapse after(int n)
{
    const double first[MODEL_PEOPLE] = {START, START}, later[MODEL_PEOPLE] = {0.1, 0.1};
    struct collapse c;
    collapse_init(&c);
    collapse_record_step(&c, first, 1e-3);
    for (int i = 0; i < n; i++)
        collapse_record_step(&c, later, 1e-3);
    return c;
}

static enum collapse_kind kind_of_b(const struct collapse *c, struct collapse_view b)
{
    struct collapse_view views[MODEL_PEOPLE] = {trained, b};
    bool any = collapse_judge(c, views);
    assert_int_equal(views[MODEL_A].kind, COLLAPSE_NONE);
    assert_int_equal(any, views[MODEL_B].kind != COLLAPSE_NONE);
    return views[MODEL_B].kind;
}

static void note(struct collapse *c, struct collapse_view a, struct collapse_view b)
{
    struct collapse_view views[MODEL_PEOPLE] = {a, b};
    (void)collapse_judge(c, views);
    collapse_record_validation(c, views);
}

static void who_has_not_begun_to_learn_has_not_collapsed(void **state)
{
    (void)state;
    struct collapse c = after(0), slow = after(500);
    assert_int_equal(kind_of_b(&c, fresh), COLLAPSE_NONE);
    assert_int_equal(kind_of_b(&c, young), COLLAPSE_NONE);
    note(&slow, fresh, fresh);
    note(&slow, young, fresh);
    assert_int_equal(kind_of_b(&slow, fresh), COLLAPSE_NONE);
    assert_int_equal(slow.in_a_row, 0);
}

static void black_and_white_is_seen_at_the_first_validation(void **state)
{
    (void)state;
    struct collapse c = after(2), unknown;
    assert_int_equal(kind_of_b(&c, saturated), COLLAPSE_SATURATED);
    collapse_forget(&unknown);
    assert_int_equal(kind_of_b(&unknown, saturated), COLLAPSE_SATURATED);
    struct collapse_view silhouettes = saturated;
    silhouettes.seen.wanted.extreme = 0.95;
    silhouettes.seen.error = 0.02;
    assert_int_equal(kind_of_b(&c, silhouettes), COLLAPSE_NONE);
}

static void worse_than_grey_needs_a_loss_that_is_no_better(void **state)
{
    (void)state;
    struct collapse c = after(2), unknown;
    struct collapse_view v = saturated;
    v.seen.made.extreme = 0.4;
    assert_int_equal(kind_of_b(&c, v), COLLAPSE_WORSE);
    collapse_forget(&unknown);
    assert_int_equal(kind_of_b(&unknown, v), COLLAPSE_NONE);
    v.loss = 0.5 * START; /* it learns what it is asked to, and that is not the colour */
    assert_int_equal(kind_of_b(&c, v), COLLAPSE_NONE);
}

static void what_was_learned_can_be_lost(void **state)
{
    (void)state;
    struct collapse c = after(100);
    struct collapse_view v = trained;
    note(&c, trained, trained);
    v.loss = 0.15;
    assert_int_equal(kind_of_b(&c, v), COLLAPSE_NONE);
    v.loss = 0.23; /* as where a stage begins with a trained network and a high rate */
    assert_int_equal(kind_of_b(&c, v), COLLAPSE_NONE);
    v.seen.error = 0.22;
    assert_int_equal(kind_of_b(&c, v), COLLAPSE_LOST);
}

static void the_same_picture_for_all_is_seen_after_others_or_in_time(void **state)
{
    (void)state;
    struct collapse c = after(100), late = after(1100), frozen = after(0);
    struct collapse_view flat = young;
    flat.seen.made.variety = 0;
    assert_int_equal(kind_of_b(&c, flat), COLLAPSE_NONE);
    note(&c, trained, trained);
    assert_int_equal(kind_of_b(&c, flat), COLLAPSE_FLAT);
    assert_int_equal(kind_of_b(&late, flat), COLLAPSE_FLAT);
    const double loss[MODEL_PEOPLE] = {0.2, 0.2};
    for (int i = 0; i < 2000; i++)
        collapse_record_step(&frozen, loss, NAN);
    assert_int_equal(kind_of_b(&frozen, flat), COLLAPSE_NONE);
    flat.seen.pictures = 1; /* there is nothing to differ from */
    assert_int_equal(kind_of_b(&late, flat), COLLAPSE_NONE);
}

static void a_loss_that_is_no_number_is_a_collapse(void **state)
{
    (void)state;
    struct collapse c = after(0);
    struct collapse_view v = trained;
    v.loss = NAN;
    assert_int_equal(kind_of_b(&c, v), COLLAPSE_NOT_FINITE);
}

static void validations_in_a_row_are_counted_and_leave_no_mark_on_the_best(void **state)
{
    (void)state;
    struct collapse c = after(10);
    note(&c, trained, saturated);
    note(&c, trained, saturated);
    assert_int_equal(c.in_a_row, 2);
    assert_true(c.best[MODEL_A] == trained.loss && isnan(c.best[MODEL_B]));
    assert_string_equal(collapse_who(&c), "decoder B");
    note(&c, trained, young);
    assert_int_equal(c.in_a_row, 0);
    assert_true(c.best[MODEL_B] == young.loss);
}

static void saves_are_looked_at_where_losses_rise_or_nothing_is_known(void **state)
{
    (void)state;
    struct collapse c = after(10);
    const double low[MODEL_PEOPLE] = {0.1, 0.1}, high[MODEL_PEOPLE] = {0.1, 0.3};
    assert_true(collapse_is_suspected(&c, low));
    note(&c, young, young);
    assert_false(collapse_is_suspected(&c, low));
    assert_true(collapse_is_suspected(&c, high));
    note(&c, young, saturated);
    assert_true(collapse_is_suspected(&c, low));
}

static void the_text_names_the_decoder_and_the_numbers(void **state)
{
    (void)state;
    struct collapse c = after(10);
    struct collapse_view views[MODEL_PEOPLE] = {trained, saturated};
    char text[COLLAPSE_TEXT_BYTES];
    views[MODEL_B].seen.made.contrast = views[MODEL_B].seen.made.variety = 0;
    (void)collapse_judge(&c, views);
    collapse_describe(&c, views, text);
    assert_null(strstr(text, "decoder A"));
    assert_non_null(strstr(text, "decoder B has collapsed: 99.9 % of its output values"));
    assert_non_null(strstr(text, "(2.0 % in the pictures)"));
    assert_non_null(strstr(text, "one colour for every picture"));
    assert_non_null(strstr(text, "its loss is 0.43, at the start 0.24"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_not_begun_to_learn_has_not_collapsed),
        cmocka_unit_test(black_and_white_is_seen_at_the_first_validation),
        cmocka_unit_test(worse_than_grey_needs_a_loss_that_is_no_better),
        cmocka_unit_test(what_was_learned_can_be_lost),
        cmocka_unit_test(the_same_picture_for_all_is_seen_after_others_or_in_time),
        cmocka_unit_test(a_loss_that_is_no_number_is_a_collapse),
        cmocka_unit_test(validations_in_a_row_are_counted_and_leave_no_mark_on_the_best),
        cmocka_unit_test(saves_are_looked_at_where_losses_rise_or_nothing_is_known),
        cmocka_unit_test(the_text_names_the_decoder_and_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
