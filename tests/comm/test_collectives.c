/* Collectives, under mpirun: sums bit for bit, shards, agreement. */
#include "base/philox.h"
#include "comm/comm.h"
#include "testing.h"

static struct comm *world;
static struct errmsg em;

/* What rank r holds at element i: values whose sum depends on the order of additions. */
static float value_at(int rank, size_t i)
{
    struct philox p = philox_at(99, PHILOX_FAULT, i * 8 + (uint64_t)rank);
    float x = philox_uniform(&p, -1.0f, 1.0f);
    return i % 3 == 0 ? x * 1e6f : x;
}

static void fill(float *range, size_t n)
{
    for (size_t i = 0; i < n; i++)
        range[i] = value_at(comm_rank(world), i);
}

static float sum_at(size_t i)
{
    float sum = value_at(0, i);
    for (int r = 1; r < comm_world_size(world); r++)
        sum += value_at(r, i);
    return sum;
}

static void reduce(void *range, size_t n, enum comm_dtype dtype)
{
    struct comm_ticket ticket = {0};
    assert_ok(comm_all_reduce_begin(world, range, n, dtype, NULL, &ticket, &em));
    assert_ok(comm_wait(world, &ticket, COMM_NO_DEADLINE, &em));
}

static void sums_are_taken_in_rank_order(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 5, 1009, (4 << 20) / 4, 1500007};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        float *range = malloc((counts[k] + 1) * sizeof *range);
        fill(range, counts[k]);
        reduce(range, counts[k], COMM_F32);
        for (size_t i = 0; i < counts[k]; i++) {
            float want = sum_at(i);
            assert_memory_equal(&range[i], &want, sizeof want);
        }
        free(range);
    }
}

static void bounds_of_a_range_do_not_matter(void **state)
{
    (void)state;
    enum { N = 70001 };
    float *whole = malloc(N * sizeof *whole), *parts = malloc(N * sizeof *parts);
    fill(whole, N);
    fill(parts, N);
    reduce(whole, N, COMM_F32);
    size_t done = 0;
    for (size_t part = 1; done < N; part = part * 3 + 7) {
        size_t n = part < N - done ? part : N - done;
        reduce(parts + done, n, COMM_F32);
        done += n;
    }
    assert_memory_equal(whole, parts, N * sizeof *whole);
    free(whole);
    free(parts);
}

static void other_types_sum(void **state)
{
    (void)state;
    int rank = comm_rank(world), ranks = comm_world_size(world);
    double d[3] = {rank + 0.5, -rank, 1e-30};
    uint64_t u[2] = {UINT64_C(1) << 40, (uint64_t)rank};
    reduce(d, 3, COMM_F64);
    reduce(u, 2, COMM_U64);
    double triangle = ranks * (ranks - 1) / 2.0;
    assert_true(d[0] == triangle + 0.5 * ranks && d[1] == -triangle);
    assert_true(u[0] == (uint64_t)ranks << 40 && u[1] == (uint64_t)triangle);

    /* bf16: 256 + 1 + 1 + … needs fp32 in between; rounded after each step it would stay 256 */
    uint16_t b[5];
    for (int i = 0; i < 5; i++)
        b[i] = rank == 0 ? 0x4380 : 0x3f80;
    reduce(b, 5, COMM_BF16);
    static const uint16_t want[5] = {0, 0x4380, 0x4380, 0x4381, 0x4382};
    assert_int_equal(b[4], want[ranks]);

    uint16_t nan = rank == 0 ? 0x7f81 : 0x3f80, zero = 0x8000;
    reduce(&nan, 1, COMM_BF16);
    reduce(&zero, 1, COMM_BF16);
    assert_true((nan & 0x7fff) > 0x7f80);
    assert_int_equal(zero, 0x8000); /* a sum of -0 is -0: it does not begin at +0 */
}

static void shards_scatter_and_gather(void **state)
{
    (void)state;
    int rank = comm_rank(world), ranks = comm_world_size(world);
    static const size_t counts[] = {0, 1, 2, 7, 10007, 2500009}; /* the last: several pieces */
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        size_t n = counts[k], first, mine, covered = 0;
        for (int r = 0; r < ranks; r++) {
            comm_shard(n, ranks, r, &first, &mine);
            assert_int_equal(first, covered);
            covered += mine;
        }
        assert_int_equal(covered, n);
        float *range = malloc((n + 1) * sizeof *range);
        struct comm_ticket ticket = {0};
        fill(range, n);
        assert_ok(comm_reduce_scatter_begin(world, range, n, COMM_F32, NULL, &ticket, &em));
        assert_ok(comm_wait(world, &ticket, COMM_NO_DEADLINE, &em));
        comm_shard(n, ranks, rank, &first, &mine);
        for (size_t i = 0; i < n; i++) {
            float want = sum_at(i);
            if (i >= first && i < first + mine)
                assert_memory_equal(&range[i], &want, sizeof want);
            else
                range[i] = -1.0f;
        }
        assert_ok(comm_all_gather_begin(world, range, n, COMM_F32, NULL, &ticket, &em));
        assert_ok(comm_wait(world, &ticket, COMM_NO_DEADLINE, &em));
        for (size_t i = 0; i < n; i++) {
            float want = sum_at(i);
            assert_memory_equal(&range[i], &want, sizeof want);
        }
        free(range);
    }
}

static void broadcast_reaches_all(void **state)
{
    (void)state;
    for (int root = 0; root < comm_world_size(world); root++) {
        uint64_t x[3] = {0};
        struct comm_ticket ticket = {0};
        if (comm_rank(world) == root)
            x[0] = x[2] = (uint64_t)root + 7;
        assert_ok(comm_broadcast_begin(world, x, 3, COMM_U64, root, NULL, &ticket, &em));
        assert_ok(comm_wait(world, &ticket, COMM_NO_DEADLINE, &em));
        assert_true(x[0] == (uint64_t)root + 7 && x[1] == 0 && x[2] == x[0]);
    }
    enum { BYTES = (9 << 20) + 1 }; /* several pieces */
    unsigned char *long_range = malloc(BYTES);
    struct comm_ticket ticket = {0};
    memset(long_range, comm_rank(world) == 0 ? 0x5a : 0, BYTES);
    assert_ok(comm_broadcast_begin(world, long_range, BYTES, COMM_U8, 0, NULL, &ticket, &em));
    assert_ok(comm_wait(world, &ticket, COMM_NO_DEADLINE, &em));
    for (size_t i = 0; i < BYTES; i++)
        if (long_range[i] != 0x5a)
            fail_msg("byte %zu did not arrive", i);
    free(long_range);
}

static void the_lowest_failing_rank_speaks(void **state)
{
    (void)state;
    int rank = comm_rank(world), last = comm_world_size(world) - 1;
    struct errmsg mine = {0};
    assert_int_equal(comm_agree(world, ST_OK, &mine), ST_OK);
    enum status local = ST_OK;
    if (rank >= last - 1) /* the last two fail, differently */
        local = FAIL(&mine, rank == last ? ST_IO : ST_DATA, "rank %d fell over", rank);
    int first = last > 0 ? last - 1 : 0;
    char want[32];
    snprintf(want, sizeof want, "rank %d fell over", first);
    assert_int_equal(comm_agree(world, local, &mine), first == last ? ST_IO : ST_DATA);
    assert_int_equal(mine.rank, first);
    assert_string_equal(mine.text, want);
}

static void flags_range_and_bytes(void **state)
{
    (void)state;
    int rank = comm_rank(world), ranks = comm_world_size(world);
    uint64_t flags = UINT64_C(1) << rank;
    assert_ok(comm_agree_flags(world, &flags, &em));
    assert_int_equal(flags, (UINT64_C(1) << ranks) - 1);
    double low, high;
    assert_ok(comm_agree_range(world, 10.0 - rank, &low, &high, &em));
    assert_true(low == 10.0 - (ranks - 1) && high == 10.0);

    char text[8];
    void *all = NULL;
    size_t sizes[8];
    memset(text, 'a' + rank, sizeof text);
    assert_ok(comm_gather_bytes(world, text, (size_t)rank, ranks - 1, &all, sizes, &em));
    if (rank == ranks - 1) {
        assert_non_null(all);
        assert_memory_equal(all, "bccddd", (size_t)(ranks * (ranks - 1) / 2));
    } else {
        assert_null(all);
    }
    free(all);
    assert_ok(comm_barrier(world, &em));
}

static void memory_is_aligned_and_zero(void **state)
{
    (void)state;
    void *memory;
    assert_ok(comm_alloc(world, 1001, &memory, &em));
    assert_int_equal((uintptr_t)memory % 64, 0);
    for (int i = 0; i < 1001; i++)
        assert_int_equal(((unsigned char *)memory)[i], 0);
    comm_free(world, memory);
    assert_status(comm_alloc(world, SIZE_MAX - 5, &memory, &em), ST_MEMORY);
    em = (struct errmsg){0};
    assert_in_range(comm_local_rank(world), 0, comm_local_size(world) - 1);
    assert_int_equal(comm_node_count(world), 1);
    assert_string_equal(comm_backend_name(world), "mpi");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_taken_in_rank_order),
        cmocka_unit_test(bounds_of_a_range_do_not_matter),
        cmocka_unit_test(other_types_sum),
        cmocka_unit_test(shards_scatter_and_gather),
        cmocka_unit_test(broadcast_reaches_all),
        cmocka_unit_test(the_lowest_failing_rank_speaks),
        cmocka_unit_test(flags_range_and_bytes),
        cmocka_unit_test(memory_is_aligned_and_zero),
    };
    struct comm_options options = {.backend = COMM_MPI}; /* of one rank, too */
    if (comm_open(&options, &world, &em) != ST_OK) {
        fprintf(stderr, "%s\n", em.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed)
        comm_abort(world, 1); /* the others may be waiting in a collective */
    comm_close(world);
    return 0;
}
