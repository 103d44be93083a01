/* The sum of versions of a range: order, types, rounding, and ranges longer than a block. */
#include <float.h>
#include <math.h>

#include "comm_priv.h"
#include "testing.h"

static const int three_of_one_node[] = {3}, one_and_two[] = {1, 2};
static const struct comm_order flat = {three_of_one_node, 1}, nodes = {one_and_two, 2};

/* In fp32 1e8 + 1 is 1e8, so the order of additions shows in the sum. */
static void versions_are_added_in_order_within_groups_then_groups(void **state)
{
    (void)state;
    const float one = 1.0f, big = 1e8f, minus = -1e8f;
    const void *last_cancels[] = {&one, &big, &minus}, *first_cancel[] = {&big, &minus, &one};
    float sum = NAN;
    void *out[] = {&sum};
    comm_sum(out, 1, last_cancels, &flat, 1, COMM_F32);
    assert_true(sum == 0.0f); /* (1 + 1e8) - 1e8 */
    comm_sum(out, 1, first_cancel, &flat, 1, COMM_F32);
    assert_true(sum == 1.0f); /* (1e8 - 1e8) + 1 */
    comm_sum(out, 1, last_cancels, &nodes, 1, COMM_F32);
    assert_true(sum == 1.0f); /* 1 + (1e8 - 1e8) */
    comm_sum(out, 1, first_cancel, &nodes, 1, COMM_F32);
    assert_true(sum == 0.0f); /* 1e8 + (-1e8 + 1) */
}

/* Around the bounds of a block, every element and none beyond; the first version takes the sum. */
static void all_elements_are_summed_and_no_more(void **state)
{
    (void)state;
    enum { MOST = 3000 };
    static const size_t counts[] = {0, 1, 1023, 1024, 1025, 2048, MOST - 1};
    static float versions[3][MOST], copy[MOST];
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        for (size_t i = 0; i < MOST; i++) {
            versions[0][i] = (float)i;
            versions[1][i] = (float)(2 * i);
            versions[2][i] = 0.5f;
            copy[i] = -1.0f;
        }
        const void *of[] = {versions[0], versions[1], versions[2]};
        void *out[] = {versions[0], copy};
        comm_sum(out, 2, of, &nodes, counts[k], COMM_F32);
        for (size_t i = 0; i < MOST; i++) {
            float sum = (float)(3 * i) + 0.5f;
            assert_true(versions[0][i] == (i < counts[k] ? sum : (float)i));
            assert_true(copy[i] == (i < counts[k] ? sum : -1.0f));
        }
    }
}

static void wide_types_keep_what_they_hold(void **state)
{
    (void)state;
    const double d[] = {1.0, 1e-12, -1.0};
    const uint64_t u[] = {UINT64_MAX, 2, (UINT64_C(1) << 53) + 1};
    const void *doubles[] = {&d[0], &d[1], &d[2]}, *whole[] = {&u[0], &u[1], &u[2]};
    double sum = NAN;
    uint64_t count = 0;
    comm_sum((void *[]){&sum}, 1, doubles, &flat, 1, COMM_F64);
    assert_near(sum, 1e-12, 1e-15);
    comm_sum((void *[]){&count}, 1, whole, &flat, 1, COMM_U64);
    assert_true(count == (UINT64_C(1) << 53) + 2);
}

/* A bf16 has 8 significant bits: next to 1 (0x3f80) comes 1 + 2^-7 (0x3f81). */
static void bf16_is_added_in_fp32_and_rounded_once(void **state)
{
    (void)state;
    enum { VERSIONS = 5 };
    const int all[] = {VERSIONS};
    const struct comm_order order = {all, 1};
    const uint16_t one = 0x3f80, little = 0x3b00; /* 2^-9: alone too little to move 1 */
    const void *versions[VERSIONS] = {&one, &little, &little, &little, &little};
    uint16_t narrow = 0;
    float wide = NAN;
    comm_sum((void *[]){&narrow}, 1, versions, &order, 1, COMM_BF16);
    assert_int_equal(narrow, 0x3f81);
    const int fewer[] = {4};
    comm_sum_wide(&wide, versions, &(struct comm_order){fewer, 1}, 1, COMM_BF16);
    assert_true(wide == 1.0f + 3.0f / 512);
}

static void bf16_rounds_to_the_nearest_then_to_even(void **state)
{
    (void)state;
    const float step = 1.0f / 128;
    static const struct {
        float add; /* to 1, in steps */
        uint16_t wanted;
    } cases[] = {
        {0.49f, 0x3f80},
        {0.5f,  0x3f80}, /* as near to 1 as to 1 + 2^-7 */
        {0.51f, 0x3f81},
        {1.5f,  0x3f82},
        {2.5f,  0x3f82},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int sign = 0; sign < 2; sign++) {
            float wide = (sign ? -1.0f : 1.0f) * (1.0f + cases[i].add * step);
            uint16_t narrow = 0;
            comm_narrow(&narrow, &wide, 1, COMM_BF16);
            assert_int_equal(narrow, cases[i].wanted | (sign ? 0x8000 : 0));
        }
}

/* A gradient that is not finite has to stay one, for the guard to see it. */
static void what_is_not_finite_stays_so(void **state)
{
    (void)state;
    static const uint32_t nans[] = {0x7f800001, 0x7fffffff, 0xff800001, 0xffffffff};
    const float most = FLT_MAX, infinite = INFINITY;
    uint16_t narrow = 0;
    for (size_t i = 0; i < sizeof nans / sizeof *nans; i++) {
        comm_narrow(&narrow, &nans[i], 1, COMM_BF16);
        assert_true((narrow & 0x7f80) == 0x7f80 && (narrow & 0x7f) != 0);
    }
    comm_narrow(&narrow, &infinite, 1, COMM_BF16);
    assert_int_equal(narrow, 0x7f80);
    comm_narrow(&narrow, &most, 1, COMM_BF16); /* beyond the largest bf16 */
    assert_int_equal(narrow, 0x7f80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_added_in_order_within_groups_then_groups),
        cmocka_unit_test(all_elements_are_summed_and_no_more),
        cmocka_unit_test(wide_types_keep_what_they_hold),
        cmocka_unit_test(bf16_is_added_in_fp32_and_rounded_once),
        cmocka_unit_test(bf16_rounds_to_the_nearest_then_to_even),
        cmocka_unit_test(what_is_not_finite_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
