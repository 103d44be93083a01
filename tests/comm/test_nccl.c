/* The NCCL backend on stand-ins for NCCL and CUDA, under mpirun: the same bits as MPI, in order. */
#include <cuda_runtime_api.h>

#include "base/philox.h"
#include "comm/comm.h"
#include "comm/reducer.h"
#include "stopped_clock.h"
#include "testing.h"

static struct comm *world;
static struct errmsg em;
static cudaStream_t stream;

/* Values whose sum depends on the order of additions. */
static float value_at(int rank, size_t i, int round)
{
    struct philox p = philox_at(7 + (uint64_t)round, PHILOX_FAULT, i * 8 + (uint64_t)rank);
    float x = philox_uniform(&p, -1.0f, 1.0f);
    return i % 3 == 0 ? x * 1e6f : x;
}

static void fill(void *range, size_t n, enum comm_dtype dtype, int round)
{
    for (size_t i = 0; i < n; i++) {
        float x = value_at(comm_rank(world), i, round);
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        if (dtype == COMM_F32)
            ((float *)range)[i] = x;
        else if (dtype == COMM_F64)
            ((double *)range)[i] = x;
        else
            ((uint16_t *)range)[i] = (uint16_t)(bits >> 16);
    }
}

typedef enum status begin_fn(struct comm *c, void *range, size_t count, enum comm_dtype dtype,
                             void *where, struct comm_ticket *ticket, struct errmsg *out);

static const size_t element_bytes[] = {[COMM_F32] = 4, [COMM_F64] = 8, [COMM_BF16] = 2};

/* The range goes up, through the collective, and down, without the host waiting in between. */
static void on_gpu(begin_fn *begin, void *range, size_t n, enum comm_dtype dtype)
{
    struct comm_ticket ticket = {0};
    void *memory;
    size_t bytes = n * element_bytes[dtype];
    assert_ok(comm_alloc(world, bytes, &memory, &em));
    cudaMemcpyAsync(memory, range, bytes, cudaMemcpyDefault, stream);
    assert_ok(begin(world, memory, n, dtype, stream, &ticket, &em));
    assert_ok(comm_wait(world, &ticket, 60.0, &em));
    cudaMemcpyAsync(range, memory, bytes, cudaMemcpyDefault, stream);
    cudaStreamSynchronize(stream);
    comm_free(world, memory);
}

static void on_host(begin_fn *begin, void *range, size_t n, enum comm_dtype dtype)
{
    struct comm_ticket ticket = {0};
    assert_ok(begin(world, range, n, dtype, NULL, &ticket, &em));
    assert_ok(comm_wait(world, &ticket, COMM_DEFAULT_DEADLINE, &em));
}

/* Elements [first, first + count) of both ways are the same bits. */
static void compare(begin_fn *begin, size_t n, enum comm_dtype dtype, bool my_shard_only)
{
    size_t bytes = n * element_bytes[dtype], first = 0, count = n;
    unsigned char *gpu = malloc(bytes + 8), *host = malloc(bytes + 8);
    fill(gpu, n, dtype, 0);
    fill(host, n, dtype, 0);
    on_gpu(begin, gpu, n, dtype);
    on_host(begin, host, n, dtype);
    if (my_shard_only)
        comm_shard(n, comm_world_size(world), comm_rank(world), &first, &count);
    assert_memory_equal(gpu + first * element_bytes[dtype], host + first * element_bytes[dtype],
                        count * element_bytes[dtype]);
    free(gpu);
    free(host);
}

static const size_t counts[] = {0, 1, 2, 3, 12, 1009, 200003};
enum { N_COUNTS = sizeof counts / sizeof *counts };

static void sums_have_the_bits_of_mpi(void **state)
{
    (void)state;
    for (int i = 0; i < N_COUNTS; i++) {
        compare(comm_all_reduce_begin, counts[i], COMM_F32, false);
        compare(comm_all_reduce_begin, counts[i], COMM_BF16, false);
    }
    compare(comm_all_reduce_begin, 1009, COMM_F64, false);
}

/* Also where the shards differ in length, or are empty. */
static void shards_scatter_and_gather(void **state)
{
    (void)state;
    for (int i = 0; i < N_COUNTS; i++) {
        compare(comm_reduce_scatter_begin, counts[i], COMM_F32, true);
        compare(comm_all_gather_begin, counts[i], COMM_F32, false);
    }
    compare(comm_reduce_scatter_begin, 1009, COMM_BF16, true);
}

static void broadcast_reaches_all(void **state)
{
    (void)state;
    for (int root = 0; root < comm_world_size(world); root++) {
        enum { N = 70001 };
        struct comm_ticket ticket = {0};
        float *memory;
        assert_ok(comm_alloc(world, N * sizeof *memory, (void **)&memory, &em));
        fill(memory, N, COMM_F32, 0);
        assert_ok(comm_broadcast_begin(world, memory, N, COMM_F32, root, stream, &ticket, &em));
        assert_ok(comm_wait(world, &ticket, COMM_DEFAULT_DEADLINE, &em));
        cudaStreamSynchronize(stream);
        for (size_t i = 0; i < N; i++)
            if (memory[i] != value_at(root, i, 0))
                fail_msg("element %zu is not of rank %d", i, root);
        comm_free(world, memory);
    }
}

/* Work before a range's collective and after it is queued only; jitter shifts all of it about. */
static void streams_wait_for_each_other(void **state)
{
    (void)state;
    enum { PARTS = 6, N = 3001, ROUNDS = 5 };
    float *memory, *host = malloc(PARTS * N * sizeof *host), *got = malloc(PARTS * N * sizeof *got);
    assert_ok(comm_alloc(world, PARTS * N * sizeof *memory, (void **)&memory, &em));
    for (int round = 0; round < ROUNDS; round++) {
        struct comm_ticket tickets[PARTS] = {0};
        fill(host, PARTS * N, COMM_F32, round);
        for (int p = 0; p < PARTS; p++) {
            cudaMemcpyAsync(memory + p * N, host + p * N, N * sizeof *memory, cudaMemcpyDefault,
                            stream);
            assert_ok(comm_all_reduce_begin(world, memory + p * N, N, COMM_F32, stream, &tickets[p],
                                            &em));
        }
        for (int p = PARTS - 1; p >= 0; p--) {
            assert_ok(comm_wait(world, &tickets[p], COMM_DEFAULT_DEADLINE, &em));
            cudaMemcpyAsync(got + p * N, memory + p * N, N * sizeof *got, cudaMemcpyDefault,
                            stream);
        }
        cudaStreamSynchronize(stream);
        for (size_t i = 0; i < PARTS * N; i++) {
            float want = value_at(0, i, round);
            for (int r = 1; r < comm_world_size(world); r++)
                want += value_at(r, i, round);
            if (got[i] != want)
                fail_msg("round %d, element %zu: %g is not %g", round, i, got[i], want);
        }
    }
    comm_free(world, memory);
    free(host);
    free(got);
}

/* More at once than the backend keeps places for. */
static void many_can_be_in_flight(void **state)
{
    (void)state;
    enum { MANY = 150 };
    float *memory;
    struct comm_ticket tickets[MANY] = {0};
    assert_ok(comm_alloc(world, MANY * sizeof *memory, (void **)&memory, &em));
    for (int i = 0; i < MANY; i++)
        memory[i] = (float)i;
    for (int i = 0; i < MANY; i++)
        assert_ok(comm_all_reduce_begin(world, &memory[i], 1, COMM_F32, stream, &tickets[i], &em));
    for (int i = 0; i < MANY; i++)
        assert_ok(comm_wait(world, &tickets[i], COMM_DEFAULT_DEADLINE, &em));
    cudaStreamSynchronize(stream);
    for (int i = 0; i < MANY; i++)
        assert_true(memory[i] == (float)(i * comm_world_size(world)));
    comm_free(world, memory);
}

/* A captured collective runs at each launch, and not before. */
static void a_graph_replays_a_collective(void **state)
{
    (void)state;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    float *memory, x = 1;
    struct comm_ticket ticket = {0};
    assert_ok(comm_alloc(world, sizeof *memory, (void **)&memory, &em));
    cudaMemcpy(memory, &x, sizeof x, cudaMemcpyDefault);
    cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal);
    assert_ok(comm_all_reduce_begin(world, memory, 1, COMM_F32, stream, &ticket, &em));
    assert_ok(comm_wait(world, &ticket, COMM_DEFAULT_DEADLINE, &em));
    cudaStreamEndCapture(stream, &graph);
    assert_true(*memory == 1);
    cudaGraphInstantiate(&exec, graph, 0);
    float want = 1;
    for (int launch = 0; launch < 3; launch++, want *= (float)comm_world_size(world))
        cudaGraphLaunch(exec, stream);
    cudaStreamSynchronize(stream);
    assert_true(*memory == want);
    cudaGraphExecDestroy(exec);
    cudaGraphDestroy(graph);
    comm_free(world, memory);
}

static void each_rank_has_a_gpu(void **state)
{
    (void)state;
    void *memory;
    assert_string_equal(comm_backend_name(world), "nccl");
    assert_int_equal(comm_device(world), comm_local_rank(world));
    assert_ok(comm_alloc(world, 1001, &memory, &em));
    for (int i = 0; i < 1001; i++)
        assert_int_equal(((unsigned char *)memory)[i], 0);
    comm_free(world, memory);
    uint64_t flags = UINT64_C(1) << comm_rank(world);
    assert_ok(comm_agree_flags(world, &flags, &em));
    assert_int_equal(flags, (UINT64_C(1) << comm_world_size(world)) - 1);
}

/* ---- What the host must wait for --------------------------------------------------------------
 */

enum { LONG = 40 }; /* copies, each after a random pause */

static bool stream_has_ended(void)
{
    return cudaStreamQuery(stream) == cudaSuccess;
}

static void keep_busy(cudaStream_t on, float *memory, const float *host, size_t n)
{
    for (int i = 0; i < LONG; i++)
        cudaMemcpyAsync(memory, host, n * sizeof *memory, cudaMemcpyDefault, on);
}

static void memory_outlives_the_work_on_it(void **state)
{
    (void)state;
    enum { N = 1000 };
    float *memory, host[N] = {0};
    assert_ok(comm_alloc(world, N * sizeof *memory, (void **)&memory, &em));
    keep_busy(stream, memory, host, N);
    assert_false(stream_has_ended());
    comm_free(world, memory);
    assert_true(stream_has_ended());
}

static void finish_makes_the_host_wait(void **state)
{
    (void)state;
    enum { N = 1000 };
    float *memory, host[N];
    struct comm_ticket ticket = {0};
    for (int i = 0; i < N; i++)
        host[i] = 1;
    assert_ok(comm_alloc(world, N * sizeof *memory, (void **)&memory, &em));
    keep_busy(stream, memory, host, N);
    assert_ok(comm_all_reduce_begin(world, memory, N, COMM_F32, stream, &ticket, &em));
    assert_ok(comm_wait(world, &ticket, COMM_DEFAULT_DEADLINE, &em));
    assert_false(stream_has_ended());
    assert_ok(comm_finish(world, stream, &em));
    assert_true(stream_has_ended());
    assert_true(memory[N - 1] == (float)comm_world_size(world));
    comm_free(world, memory);
}

/* ---- A process that was stopped ---------------------------------------------------------------
 */

static void time_while_stopped_does_not_count(void **state)
{
    (void)state;
    float *memory, one = 1;
    struct comm_ticket ticket = {0};
    bool is_late = comm_rank(world) == 1;
    assert_ok(comm_alloc(world, sizeof *memory, (void **)&memory, &em));
    cudaMemcpy(memory, &one, sizeof one, cudaMemcpyDefault);
    if (!is_late) {
        assert_ok(comm_all_reduce_begin(world, memory, 1, COMM_F32, stream, &ticket, &em));
        stopped_s += 1000;
        await_looks(5);
    }
    assert_ok(comm_barrier(world, &em));
    if (is_late)
        assert_ok(comm_all_reduce_begin(world, memory, 1, COMM_F32, stream, &ticket, &em));
    assert_ok(comm_wait(world, &ticket, COMM_DEFAULT_DEADLINE, &em));
    assert_ok(comm_finish(world, stream, &em));
    assert_true(*memory == (float)comm_world_size(world));
    comm_free(world, memory);
}

/* ---- A backward on two streams ----------------------------------------------------------------
 */

struct lanes {
    cudaStream_t second;
    cudaEvent_t reached;
};

static void join_lanes(void *context)
{
    struct lanes *l = context;
    cudaEventRecord(l->reached, l->second);
    cudaStreamWaitEvent(stream, l->reached, 0);
}

/* The gradients of a tensor are queued when its hook runs, on one stream or the other. */
static void play_backward(struct reducer *r, const struct reducer_options *o, const float *host,
                          cudaStream_t second)
{
    for (size_t k = o->n_tensors; k-- > 0;) {
        struct reducer_range t = o->tensors[k];
        cudaMemcpyAsync((float *)o->gradients + t.first, host + t.first, t.count * sizeof *host,
                        cudaMemcpyDefault, k % 2 ? second : stream);
        reducer_ready(r, t.first, t.count);
    }
}

static void buckets_wait_for_both_streams(void **state)
{
    (void)state;
    enum { TENSORS = 8, EACH = 501, N = TENSORS * EACH, ROUNDS = 5 };
    struct reducer_range tensors[TENSORS];
    struct lanes lanes;
    struct reducer *r;
    float *memory, *host = malloc(N * sizeof *host);
    for (size_t k = 0; k < TENSORS; k++)
        tensors[k] = (struct reducer_range){k * EACH, EACH};
    cudaStreamCreateWithFlags(&lanes.second, cudaStreamNonBlocking);
    cudaEventCreateWithFlags(&lanes.reached, cudaEventDisableTiming);
    assert_ok(comm_alloc(world, N * sizeof *memory, (void **)&memory, &em));
    struct reducer_options o = {.comm = world,
                                .gradients = memory,
                                .count = N,
                                .dtype = COMM_F32,
                                .stream = stream,
                                .join_streams = join_lanes,
                                .context = &lanes,
                                .tensors = tensors,
                                .n_tensors = TENSORS,
                                .bucket_bytes = EACH * sizeof *memory};
    assert_ok(reducer_new(&o, &r, &em));
    reducer_observe(r);
    fill(host, N, COMM_F32, 0);
    play_backward(r, &o, host, lanes.second);
    cudaDeviceSynchronize();
    assert_ok(reducer_plan(r, &em));
    for (int round = 1; round <= ROUNDS; round++) {
        fill(host, N, COMM_F32, round);
        reducer_arm(r);
        keep_busy(lanes.second, memory + EACH, host + EACH, EACH);
        play_backward(r, &o, host, lanes.second);
        assert_ok(reducer_flush(r, &em));
        assert_ok(reducer_wait(r, &em));
        assert_ok(comm_finish(world, stream, &em));
        for (size_t i = 0; i < N; i++) {
            float want = value_at(0, i, round);
            for (int rank = 1; rank < comm_world_size(world); rank++)
                want += value_at(rank, i, round);
            if (memory[i] != want)
                fail_msg("round %d, element %zu: %g is not %g", round, i, memory[i], want);
        }
    }
    reducer_free(r);
    cudaEventDestroy(lanes.reached);
    cudaStreamDestroy(lanes.second);
    comm_free(world, memory);
    free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rank_has_a_gpu),
        cmocka_unit_test(sums_have_the_bits_of_mpi),
        cmocka_unit_test(shards_scatter_and_gather),
        cmocka_unit_test(broadcast_reaches_all),
        cmocka_unit_test(streams_wait_for_each_other),
        cmocka_unit_test(many_can_be_in_flight),
        cmocka_unit_test(a_graph_replays_a_collective),
        cmocka_unit_test(memory_outlives_the_work_on_it),
        cmocka_unit_test(finish_makes_the_host_wait),
        cmocka_unit_test(time_while_stopped_does_not_count),
        cmocka_unit_test(buckets_wait_for_both_streams),
    };
    setenv("STANDIN_CUDA_DEVICES", "4", 1);
    setenv("STANDIN_CUDA_JITTER_US", "300", 0);
    struct comm_options options = {.backend = COMM_AUTO, .device = "auto", .timeout_s = 60};
    if (comm_open(&options, &world, &em) != ST_OK) {
        fprintf(stderr, "%s\n", em.text);
        return 1;
    }
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed)
        comm_abort(world, 1); /* the others may be waiting in a collective */
    cudaStreamDestroy(stream);
    comm_close(world);
    return 0;
}
