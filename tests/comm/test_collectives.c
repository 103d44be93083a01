/*
 * Collectives, under mpirun: sums bit for bit, shards, agreement. All of it through shared memory,
 * through MPI alone, and over several "nodes", which here are groups of ranks of one machine.
 */
#include <mpi.h>
#include <time.h>

#include "base/philox.h"
#include "comm/comm.h"
#include "testing.h"

static struct comm *world;
static struct errmsg em;
static struct comm_options options;
static bool in_shared_memory; /* the ranges of a test */

/* What ranks hold, over and over: values whose sum depends on the order of additions. */
enum { RANKS_MAX = 4, PERIOD = 4099 };
static float values[RANKS_MAX][PERIOD], sums[PERIOD];

/* The sums: in rank order within a node, then in the order of nodes. */
static void prepare_values(int ranks)
{
    int size = options.ranks_per_node ? options.ranks_per_node : ranks;
    for (size_t i = 0; i < PERIOD; i++) {
        for (int r = 0; r < ranks; r++) {
            struct philox p = philox_at(99, PHILOX_FAULT, i * 8 + (uint64_t)r);
            float x = philox_uniform(&p, -1.0f, 1.0f);
            values[r][i] = i % 3 == 0 ? x * 1e6f : x;
        }
        for (int begin = 0; begin < ranks; begin += size) {
            float node = values[begin][i];
            for (int r = begin + 1; r < begin + size && r < ranks; r++)
                node += values[r][i];
            sums[i] = begin == 0 ? node : sums[i] + node;
        }
    }
}

static void fill(float *range, size_t n)
{
    for (size_t i = 0; i < n; i++)
        range[i] = values[comm_rank(world)][i % PERIOD];
}

static void assert_sums(const float *range, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        if (memcmp(&range[i], &sums[i % PERIOD], sizeof *sums) != 0)
            fail_msg("element %zu is %.9g, wanted %.9g", i, (double)range[i],
                     (double)sums[i % PERIOD]);
}

static void *range_new(size_t bytes)
{
    void *range = NULL;
    if (!in_shared_memory)
        range = calloc(1, bytes + 1);
    else
        assert_ok(comm_alloc(world, bytes, &range, &em));
    assert_non_null(range);
    return range;
}

static void range_free(void *range)
{
    if (in_shared_memory)
        comm_free(world, range);
    else
        free(range);
}

static void reduce(void *range, size_t n, enum comm_dtype dtype)
{
    assert_ok(comm_do(world, COMM_ALL_REDUCE, range, n, dtype, 0, NULL, &em));
}

static void sums_are_taken_in_node_and_rank_order(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 5, 1009, 2049, (1 << 20) / 4, 300007, 1100003};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        float *range = range_new(counts[k] * sizeof *range);
        fill(range, counts[k]);
        reduce(range, counts[k], COMM_F32);
        assert_sums(range, 0, counts[k]);
        range_free(range);
    }
}

static void bounds_of_a_range_do_not_matter(void **state)
{
    (void)state;
    enum { N = 70001 };
    float *parts = range_new(N * sizeof *parts);
    fill(parts, N);
    size_t done = 0;
    for (size_t part = 1; done < N; part = part * 3 + 7) {
        size_t n = part < N - done ? part : N - done;
        reduce(parts + done, n, COMM_F32);
        done += n;
    }
    assert_sums(parts, 0, N);
    range_free(parts);
}

/* A little work that the compiler keeps, and now and then a sleep: ranks come in any order. */
static void dawdle(uint64_t draw)
{
    struct philox p = philox_at(7, PHILOX_FAULT, draw * 8 + (uint64_t)comm_rank(world));
    float x = philox_uniform(&p, 0.0f, 1.0f);
    if (x < 0.15f)
        nanosleep(&(struct timespec){.tv_nsec = (long)(x * 3e6f)}, NULL);
    volatile float sink = x;
    for (int i = 0; i < 20000; i++)
        sink = sink * 0.5f + x;
}

/* Many under way at once, of shared and private memory, while this thread works and waits in
 * another order than it began. */
static void many_at_once(void **state)
{
    (void)state;
    enum { BUCKETS = 9, N = 60000, ROUNDS = 4 };
    float *flat = range_new(BUCKETS * N * sizeof *flat);
    for (int round = 0; round < ROUNDS; round++) {
        struct comm_ticket tickets[BUCKETS] = {{0}};
        double low, high;
        fill(flat, BUCKETS * N);
        for (size_t b = BUCKETS; b-- > 0;) {
            assert_ok(
                comm_all_reduce_begin(world, flat + b * N, N, COMM_F32, NULL, &tickets[b], &em));
            dawdle((uint64_t)round * BUCKETS + b);
            if (b % 4 == 0) /* calls that wait by themselves take their turn */
                assert_ok(comm_agree_range(world, (double)b, &low, &high, &em));
        }
        for (size_t b = 0; b < BUCKETS; b++)
            assert_ok(comm_wait(world, &tickets[b], 60, &em));
        assert_sums(flat, 0, BUCKETS * N);
    }
    range_free(flat);
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
    float total = 256.0f + (float)(ranks - 1);
    uint32_t bits;
    memcpy(&bits, &total, sizeof bits);
    bits += 0x7fff + (bits >> 16 & 1); /* to nearest, ties to even */
    assert_int_equal(b[4], bits >> 16);

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
    static const size_t counts[] = {0, 1, 2, 7, 10007, 1100003}; /* the last: several pieces */
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        size_t n = counts[k], first, mine, covered = 0;
        for (int r = 0; r < ranks; r++) {
            comm_shard(n, ranks, r, &first, &mine);
            assert_int_equal(first, covered);
            covered += mine;
        }
        assert_int_equal(covered, n);
        float *range = range_new(n * sizeof *range);
        struct comm_ticket ticket = {0};
        fill(range, n);
        assert_ok(comm_reduce_scatter_begin(world, range, n, COMM_F32, NULL, &ticket, &em));
        assert_ok(comm_wait(world, &ticket, COMM_DEFAULT_DEADLINE, &em));
        comm_shard(n, ranks, rank, &first, &mine);
        assert_sums(range, first, mine);
        for (size_t i = 0; i < n; i++)
            if (i < first || i >= first + mine)
                range[i] = -1.0f;
        assert_ok(comm_do(world, COMM_ALL_GATHER, range, n, COMM_F32, 0, NULL, &em));
        assert_sums(range, 0, n);
        fill(range, n);
        assert_ok(comm_do(world, COMM_REDUCE_SCATTER, range, n, COMM_F32, 0, NULL, &em));
        assert_sums(range, first, mine);
        assert_ok(comm_all_gather_begin(world, range, n, COMM_F32, NULL, &ticket, &em));
        assert_ok(comm_wait(world, &ticket, COMM_DEFAULT_DEADLINE, &em));
        assert_sums(range, 0, n);
        range_free(range);
    }
}

static void broadcast_reaches_all(void **state)
{
    (void)state;
    for (int root = 0; root < comm_world_size(world); root++) {
        uint64_t x[3] = {0};
        if (comm_rank(world) == root)
            x[0] = x[2] = (uint64_t)root + 7;
        assert_ok(comm_do(world, COMM_BROADCAST, x, 3, COMM_U64, root, NULL, &em));
        assert_true(x[0] == (uint64_t)root + 7 && x[1] == 0 && x[2] == x[0]);
    }
    enum { BYTES = (9 << 20) + 1 }; /* several pieces */
    unsigned char *long_range = range_new(BYTES);
    struct comm_ticket ticket = {0};
    memset(long_range, comm_rank(world) == 0 ? 0x5a : 0, BYTES);
    assert_ok(comm_broadcast_begin(world, long_range, BYTES, COMM_U8, 0, NULL, &ticket, &em));
    assert_ok(comm_wait(world, &ticket, COMM_DEFAULT_DEADLINE, &em));
    for (size_t i = 0; i < BYTES; i++)
        if (long_range[i] != 0x5a)
            fail_msg("byte %zu did not arrive", i);
    range_free(long_range);
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
    assert_int_equal(comm_agree(world, mine.code, &mine), mine.code); /* once more: the same rank */
    assert_int_equal(mine.rank, first);
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
    unsigned char *memory[3];
    size_t sizes[3] = {1001, 1 << 20, 70000};
    for (int round = 0; round < 2; round++) { /* freed memory comes back as zeros, too */
        for (int k = 0; k < 3; k++) {
            assert_ok(comm_alloc(world, sizes[k], (void **)&memory[k], &em));
            assert_int_equal((uintptr_t)memory[k] % 64, 0);
            for (size_t i = 0; i < sizes[k]; i++)
                if (memory[k][i] != 0)
                    fail_msg("byte %zu is not zero", i);
            memset(memory[k], 0x5a, sizes[k]);
        }
        for (int k = 0; k < 3; k++)
            comm_free(world, memory[(k + 1) % 3]);
    }
    void *much;
    assert_status(comm_alloc(world, SIZE_MAX - 5, &much, &em), ST_MEMORY);
    em = (struct errmsg){0};
    comm_free(world, NULL);
}

static void ranks_know_their_place(void **state)
{
    (void)state;
    int size = options.ranks_per_node ? options.ranks_per_node : comm_world_size(world);
    assert_int_equal(comm_local_rank(world), comm_rank(world) % size);
    assert_int_equal(comm_node_count(world), (comm_world_size(world) + size - 1) / size);
    assert_string_equal(comm_backend_name(world), "mpi");
}

/* Each way the bytes can go, with ranges in comm_alloc's memory and elsewhere. */
static const struct way {
    const char *name;
    int ranks_per_node;
    size_t shm_bytes_max;
} ways[] = {
    {"shared memory",                      0, 0      },
    {"a small /dev/shm",                   0, 2 << 20},
    {"no /dev/shm",                        0, 1      },
    {"a rank a node",                      1, 0      },
    {"two ranks a node",                   2, 0      },
    {"two ranks a node, a small /dev/shm", 2, 6 << 20},
    {"two ranks a node, no /dev/shm",      2, 1      },
    {"three ranks a node",                 3, 0      },
};

static int run_way(const struct way *way, bool shared)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_taken_in_node_and_rank_order),
        cmocka_unit_test(bounds_of_a_range_do_not_matter),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(other_types_sum),
        cmocka_unit_test(shards_scatter_and_gather),
        cmocka_unit_test(broadcast_reaches_all),
        cmocka_unit_test(the_lowest_failing_rank_speaks),
        cmocka_unit_test(flags_range_and_bytes),
        cmocka_unit_test(memory_is_aligned_and_zero),
        cmocka_unit_test(ranks_know_their_place),
    };
    options = (struct comm_options){.backend = COMM_MPI,
                                    .ranks_per_node = way->ranks_per_node,
                                    .shm_bytes_max = way->shm_bytes_max};
    in_shared_memory = shared;
    if (comm_open(&options, &world, &em) != ST_OK) {
        fprintf(stderr, "%s\n", em.text);
        return 1;
    }
    prepare_values(comm_world_size(world));
    char name[96];
    snprintf(name, sizeof name, "%s, %s ranges", way->name, shared ? "comm_alloc's" : "other");
    int failed = _cmocka_run_group_tests(name, tests, sizeof tests / sizeof *tests, NULL, NULL);
    if (failed)
        comm_abort(world, 1); /* the others may be waiting in a collective */
    comm_close(world);
    return 0;
}

int main(void)
{
    int given, ranks, failed = 0;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &given);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    for (size_t w = 0; w < sizeof ways / sizeof *ways && !failed; w++)
        if (ways[w].ranks_per_node < ranks)
            for (int shared = 0; shared < 2 && !failed; shared++)
                failed = run_way(&ways[w], shared);
    MPI_Finalize();
    return failed;
}
