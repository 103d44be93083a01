/* Samples read ahead are those that would be read now, whatever is asked for when. */
#include "feed.h"

#include "small_sets.h"

enum { ROOM = 4 };

static const struct augment_config strength = {.flip = 0.5,
                                               .rotate_deg = 10,
                                               .warp = 0.02,
                                               .noise = 0.1};

struct bench {
    struct small_sets small;
    struct loader *loader;
    struct feed *feed;
    struct batch want;
};

static struct errmsg em;

static int set_up(void **state)
{
    em = (struct errmsg){0};
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    small_sets_init(&b->small);
    const struct loader_source sources[2] = {
        {b->small.sets[0], b->small.orders[0]},
        {b->small.sets[1], b->small.orders[1]}
    };
    assert_ok(loader_new(sources, &strength, SMALL_SEED, &b->loader, &em));
    assert_ok(batch_init(&b->want, ROOM, SMALL_SIZE, BATCH_MASKS | BATCH_NOISE, &em));
    const struct feed_options options = {.loader = b->loader,
                                         .capacity = ROOM,
                                         .size = SMALL_SIZE,
                                         .arrays = BATCH_MASKS | BATCH_NOISE};
    assert_ok(feed_new(&options, &b->feed, &em));
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    feed_free(b->feed);
    batch_release(&b->want);
    loader_free(b->loader);
    small_sets_release(&b->small);
    free(b);
    return 0;
}

static void assert_same(const struct batch *got, const struct batch *want)
{
    assert_int_equal(got->n, want->n);
    for (int p = 0; p < 2; p++) {
        assert_memory_equal(got->images[p], want->images[p], want->n * SMALL_PIXELS * 3);
        assert_memory_equal(got->masks[p], want->masks[p], want->n * SMALL_PIXELS);
        assert_memory_equal(got->noise[p], want->noise[p], want->n * SMALL_PIXELS * 3);
        assert_memory_equal(got->draws[p], want->draws[p], want->n * sizeof *want->draws[p]);
        assert_memory_equal(got->rows[p], want->rows[p], want->n * sizeof *want->rows[p]);
    }
}

/* What the loader makes of these positions now. */
static const struct batch *want_at(struct bench *b, uint64_t first, size_t n)
{
    feed_pause(b->feed);
    assert_ok(loader_fill(b->loader, first, n, &b->want, &em));
    return &b->want;
}

static void cut(const char *path)
{
    assert_int_equal(truncate(path, 4096), 0);
}

static void batches_are_the_loaders(void **state)
{
    struct bench *b = *state;
    const struct batch *got;
    for (uint64_t first = 0; first < 30; first += 3) {
        assert_ok(feed_take(b->feed, first, 3, &got, &em));
        feed_ahead(b->feed, first + 3, 3);
        assert_same(got, want_at(b, first, 3)); /* and what was read since has not touched it */
    }
}

static void samples_are_read_before_they_are_asked_for(void **state)
{
    struct bench *b = *state;
    const struct batch *got;
    struct batch copy = {0};
    assert_ok(batch_init(&copy, ROOM, SMALL_SIZE, BATCH_MASKS | BATCH_NOISE, &em));
    assert_ok(loader_fill(b->loader, 7, 4, &copy, &em));
    feed_ahead(b->feed, 7, 4);
    feed_pause(b->feed);
    cut(b->small.paths[0]); /* from here on nothing can be read */
    assert_ok(feed_take(b->feed, 7, 4, &got, &em));
    assert_same(got, &copy);
    assert_status(feed_take(b->feed, 11, 4, &got, &em), ST_DATA);
    batch_release(&copy);
}

static void others_than_those_read_ahead_may_be_asked_for(void **state)
{
    struct bench *b = *state;
    const struct batch *got;
    feed_ahead(b->feed, 8, 4);
    assert_ok(feed_take(b->feed, 2, 4, &got, &em)); /* went back */
    assert_same(got, want_at(b, 2, 4));
    feed_ahead(b->feed, 6, 4);
    assert_ok(feed_take(b->feed, 6, 2, &got, &em)); /* fewer */
    assert_same(got, want_at(b, 6, 2));
    assert_ok(feed_take(b->feed, 6, 4, &got, &em)); /* nothing ahead */
    assert_same(got, want_at(b, 6, 4));
    assert_ok(feed_take(b->feed, 6, 0, &got, &em));
    assert_int_equal(got->n, 0);
}

static void others_may_read_in_between(void **state)
{
    struct bench *b = *state;
    const struct batch *got;
    assert_ok(feed_take(b->feed, 0, 4, &got, &em));
    feed_ahead(b->feed, 4, 4);
    struct batch copy = {0};
    assert_ok(batch_init(&copy, ROOM, SMALL_SIZE, BATCH_MASKS | BATCH_NOISE, &em));
    feed_pause(b->feed);
    assert_ok(loader_fill(b->loader, 4, 4, &copy, &em));
    cut(b->small.paths[1]);
    assert_ok(feed_take(b->feed, 4, 4, &got, &em));
    assert_same(got, &copy);
    batch_release(&copy);
}

static void a_failure_comes_with_the_samples_it_concerns(void **state)
{
    struct bench *b = *state;
    const struct batch *got;
    assert_ok(feed_take(b->feed, 0, 4, &got, &em));
    cut(b->small.paths[1]);
    feed_ahead(b->feed, 4, 4);
    feed_pause(b->feed);
    assert_status(feed_take(b->feed, 4, 4, &got, &em), ST_DATA);
    assert_text_has(em.text, "1.h5 has become shorter");
    em = (struct errmsg){0};
    feed_ahead(b->feed, 8, 4);
    feed_pause(b->feed);
    assert_int_equal(em.code, ST_OK); /* not asked for: nobody hears of it */
}

static void it_ends_amid_reading(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        void *another;
        assert_int_equal(set_up(&another), 0);
        feed_ahead(((struct bench *)another)->feed, 100, 4);
        tear_down(&another);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batches_are_the_loaders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(samples_are_read_before_they_are_asked_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(others_than_those_read_ahead_may_be_asked_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(others_may_read_in_between, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_comes_with_the_samples_it_concerns, set_up,
                                        tear_down),
        cmocka_unit_test(it_ends_amid_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
