#include "base/philox.h"
#include "data/order.h"
#include "testing.h"

enum { N = 103 };

static void make_hashes(uint64_t hashes[N])
{
    struct philox p = philox_at(5, PHILOX_FAULT, 0);
    for (int i = 0; i < N; i++)
        hashes[i] = philox_u64(&p);
}

static struct order *make(const uint64_t *hashes, double val, uint64_t seed, int person)
{
    struct errmsg em = {0};
    struct order *o;
    assert_ok(order_new(hashes, N, val, seed, (enum order_person)person, &o, &em));
    return o;
}

static void every_pass_shows_each_training_picture_once(void **state)
{
    (void)state;
    uint64_t hashes[N];
    make_hashes(hashes);
    struct order *o = make(hashes, 0.1, 7, 0);
    int64_t n = order_train_count(o);
    assert_int_equal(order_val_count(o), 10);
    assert_int_equal(n, N - 10);
    for (uint64_t pass = 0; pass < 3; pass++) {
        int seen[N] = {0};
        for (int64_t i = 0; i < n; i++)
            seen[order_row_at(o, pass * (uint64_t)n + (uint64_t)i)]++;
        for (int64_t i = 0; i < order_val_count(o); i++) {
            assert_int_equal(seen[order_val_row(o, i)], 0);
            seen[order_val_row(o, i)]++;
        }
        for (int i = 0; i < N; i++)
            assert_int_equal(seen[i], 1);
    }
    order_free(o);
}

static void position_alone_decides(void **state)
{
    (void)state;
    uint64_t hashes[N];
    make_hashes(hashes);
    struct order *forward = make(hashes, 0.1, 7, 1), *backward = make(hashes, 0.1, 7, 1);
    int64_t rows[400];
    for (uint64_t p = 0; p < 400; p++)
        rows[p] = order_row_at(forward, p);
    for (uint64_t p = 400; p-- > 0;)
        assert_int_equal(order_row_at(backward, p), rows[p]);
    order_free(forward);
    order_free(backward);
}

static int same_rows(struct order *a, struct order *b)
{
    int same = 0;
    for (uint64_t p = 0; p < 93; p++)
        same += order_row_at(a, p) == order_row_at(b, p);
    return same;
}

static void seed_person_and_pass_matter(void **state)
{
    (void)state;
    uint64_t hashes[N];
    make_hashes(hashes);
    struct order *o = make(hashes, 0, 7, 0), *seed = make(hashes, 0, 8, 0),
                 *person = make(hashes, 0, 7, 1);
    assert_int_equal(order_val_count(o), 0);
    assert_true(same_rows(o, seed) < 10);
    assert_true(same_rows(o, person) < 10);
    int same = 0;
    for (uint64_t p = 0; p < N; p++)
        same += order_row_at(o, p) == order_row_at(o, p + N);
    assert_true(same < 10);
    order_free(o);
    order_free(seed);
    order_free(person);
}

/* Packing the same pictures in another order holds out the same pictures. */
static void the_split_follows_content(void **state)
{
    (void)state;
    uint64_t hashes[N], turned[N];
    make_hashes(hashes);
    for (int i = 0; i < N; i++)
        turned[i] = hashes[(i + 40) % N];
    struct order *a = make(hashes, 0.2, 3, 0), *b = make(turned, 0.2, 3, 0);
    assert_int_equal(order_val_count(a), order_val_count(b));
    for (int64_t i = 0; i < order_val_count(a); i++) {
        int found = 0;
        for (int64_t j = 0; j < order_val_count(b); j++)
            found += turned[order_val_row(b, j)] == hashes[order_val_row(a, i)];
        assert_int_equal(found, 1);
    }
    order_free(a);
    order_free(b);
}

static void small_and_empty_sets(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct order *o;
    uint64_t hashes[2] = {1, 2};
    assert_status(order_new(hashes, 0, 0.1, 1, ORDER_PERSON_A, &o, &em), ST_CONFIG);
    em = (struct errmsg){0};
    assert_ok(order_new(hashes, 1, 0.5, 1, ORDER_PERSON_A, &o, &em));
    assert_int_equal(order_train_count(o), 1);
    order_free(o);
    assert_ok(order_new(hashes, 2, 0.01, 1, ORDER_PERSON_A, &o, &em));
    assert_int_equal(order_val_count(o), 1);
    order_free(o);
    assert_ok(order_new(hashes, 2, 1.0, 1, ORDER_PERSON_A, &o, &em));
    assert_int_equal(order_train_count(o), 1);
    order_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pass_shows_each_training_picture_once),
        cmocka_unit_test(position_alone_decides),
        cmocka_unit_test(seed_person_and_pass_matter),
        cmocka_unit_test(the_split_follows_content),
        cmocka_unit_test(small_and_empty_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
