/* A batch has the arrays that were asked for, each with room for all its numbers. */
#include "base/batch.h"

#include "testing.h"

enum { ROOM = 3, SIZE = 8, PIXELS = SIZE * SIZE };

static struct errmsg em;

static void a_batch_has_what_was_asked_for(void **state)
{
    (void)state;
    const unsigned always = BATCH_IMAGES | BATCH_DRAWS | BATCH_ROWS;
    const unsigned more[] = {0, BATCH_MASKS, BATCH_NOISE | BATCH_PRIORITY};
    for (int i = 0; i < 3; i++) {
        struct batch b = {0};
        assert_ok(batch_init(&b, ROOM, SIZE, more[i], &em));
        assert_int_equal(b.n, 0);
        assert_int_equal(b.capacity, ROOM);
        assert_int_equal(b.size, SIZE);
        for (int p = 0; p < 2; p++)
            assert_int_equal(batch_arrays(&b, p), always | more[i]);
        batch_release(&b);
        assert_int_equal(batch_arrays(&b, 0) | batch_arrays(&b, 1), 0);
    }
}

/* To the last number; a sanitizer sees where there is too little. */
static void arrays_have_room_for_all_samples(void **state)
{
    (void)state;
    struct batch b = {0};
    assert_ok(batch_init(&b, ROOM, SIZE, BATCH_MASKS | BATCH_NOISE | BATCH_PRIORITY, &em));
    for (int p = 0; p < 2; p++) {
        memset(b.images[p], 1, ROOM * PIXELS * 3);
        memset(b.noise[p], 1, ROOM * PIXELS * 3);
        memset(b.masks[p], 1, ROOM * PIXELS);
        memset(b.priority[p], 1, ROOM * PIXELS);
        b.draws[p][ROOM - 1] = AUGMENT_NONE;
        b.rows[p][ROOM - 1] = 1;
    }
    batch_release(&b);
    assert_ok(batch_init(&b, 0, SIZE, 0, &em)); /* room for none */
    batch_release(&b);
}

static void a_batch_that_memory_cannot_hold_is_an_error(void **state)
{
    (void)state;
    struct batch b = {0};
    assert_status(batch_init(&b, SIZE_MAX / PIXELS, SIZE, 0, &em), ST_MEMORY);
    assert_text_has(em.text, "of 8 px");
    assert_null(b.images[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_has_what_was_asked_for),
        cmocka_unit_test(arrays_have_room_for_all_samples),
        cmocka_unit_test(a_batch_that_memory_cannot_hold_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
