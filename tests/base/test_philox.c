/* Known answers from Random123's kat_vectors (philox4x32, 10 rounds), and the derived draws. */
#include "base/philox.h"
#include "testing.h"

static void known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } vectors[] = {
        {{0, 0, 0, 0},                                     {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}                                                          },
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}                                                          },
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint32_t got[4];
        philox_block(vectors[i].counter, vectors[i].key, got);
        assert_memory_equal(got, vectors[i].want, sizeof got);
    }
}

static void streams_and_indices_differ(void **state)
{
    (void)state;
    struct philox a = philox_at(7, PHILOX_ORDER_A, 0), b = philox_at(7, PHILOX_ORDER_B, 0);
    struct philox c = philox_at(7, PHILOX_ORDER_A, 1), again = philox_at(7, PHILOX_ORDER_A, 0);
    uint64_t first = philox_u64(&a);
    assert_int_not_equal(first, philox_u64(&b));
    assert_int_not_equal(first, philox_u64(&c));
    assert_int_equal(first, philox_u64(&again));
}

static void draws_keep_their_ranges(void **state)
{
    (void)state;
    struct philox p = philox_at(1, PHILOX_POSE, 3);
    double sum = 0, squares = 0;
    unsigned seen = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t below = philox_below(&p, 5);
        assert_true(below < 5);
        seen |= 1u << below;
        float u = philox_uniform(&p, -2.0f, 3.0f);
        assert_true(u >= -2.0f && u < 3.0f);
        double z = (double)philox_normal(&p);
        sum += z;
        squares += z * z;
    }
    assert_int_equal(seen, 31);
    assert_true(sum / 20000 < 0.03 && sum / 20000 > -0.03);
    assert_true(squares / 20000 > 0.96 && squares / 20000 < 1.04);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(streams_and_indices_differ),
        cmocka_unit_test(draws_keep_their_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
