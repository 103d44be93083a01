/*
 * Recorded passes. On a machine without a GPU only that they are refused; scripts/check-cuda runs
 * the rest on stand-ins for NVIDIA's libraries, where copies are real and kernels do nothing: so
 * results here are what copies and views make of what was uploaded.
 */
#include "shim/graph.h"
#include "shim/upload.h"

#include "testing.h"

enum { N = 6, PASSES = 4 };

static struct errmsg em;
static struct shim_scope *s;
static struct shim_group *group;
static struct shim_graph *graph;
static struct shim_tensor *parameters[2];
static size_t ready_calls;

static void count_ready(void *ctx, size_t offset, size_t count)
{
    (void)ctx;
    assert_int_equal(offset, ready_calls == 0 ? N : 0); /* the last one used is final first */
    assert_int_equal(count, N);
    ready_calls++;
}

static int setup(void **state)
{
    (void)state;
    const char *device = shim_cuda_count() > 0 ? "cuda" : "cpu";
    em = (struct errmsg){0};
    ready_calls = 0;
    assert_ok(shim_scope_new(device, SHIM_F32, &s, &em));
    assert_ok(shim_group_new(device, SHIM_F32, 2 * N, NULL, &group, &em));
    for (size_t i = 0; i < 2; i++)
        assert_ok(shim_group_parameter(group, i * N, 1, (int64_t[]){N}, &parameters[i], &em));
    if (shim_cuda_count() > 0)
        assert_ok(shim_graph_new(s, group, &graph, &em));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    shim_graph_free(graph);
    shim_group_free(group);
    shim_scope_free(s);
    graph = NULL;
    return 0;
}

static void needs_a_gpu(void)
{
    if (shim_cuda_count() == 0)
        skip();
}

static struct shim_tensor *upload(const float *values, int64_t n)
{
    return shim_from_memory(s, SHIM_F32, values, 1, &n);
}

/* Uploads both and gives the middle of the second. */
static struct shim_tensor *middle(const float a[N], const float b[N])
{
    (void)upload(a, N);
    return shim_narrow(s, upload(b, N), 0, 2, 2);
}

static void fill(float values[N], int first)
{
    for (int i = 0; i < N; i++)
        values[i] = (float)(first + i);
}

/* One pass through the graph on numbers of its own. */
static void pass(int number)
{
    float a[N], b[N], out[2];
    fill(a, 100 * number);
    fill(b, 100 * number + 50);
    shim_graph_begin(s, graph);
    struct shim_tensor *t = middle(a, b);
    memset(a, 0, sizeof a); /* what was handed over was taken */
    memset(b, 0, sizeof b);
    shim_graph_end(s, graph);
    shim_to_memory(s, t, SHIM_F32, out, 2);
    assert_ok(shim_scope_check(s, &em));
    assert_true(out[0] == (float)(100 * number + 52) && out[1] == (float)(100 * number + 53));
    shim_scope_reset(s);
}

/* The pass fails with this text, and the scope can go on. */
static void fails_with(const char *text)
{
    em = (struct errmsg){0};
    assert_int_not_equal(shim_scope_check(s, &em), ST_OK);
    assert_text_has(em.text, text);
    shim_scope_reset(s);
}

static void a_processor_has_none(void **state)
{
    (void)state;
    if (shim_cuda_count() > 0)
        skip();
    struct shim_graph *none = NULL;
    assert_status(shim_graph_new(s, group, &none, &em), ST_TORCH);
    assert_text_has(em.text, "graphs are for GPUs, not for cpu");
}

static void without_a_graph_calls_are_made_as_they_are(void **state)
{
    (void)state;
    float a[N] = {0}, b[N], out[2];
    fill(b, 0);
    shim_graph_begin(s, NULL);
    struct shim_tensor *t = middle(a, b);
    shim_graph_end(s, NULL);
    shim_to_memory(s, t, SHIM_F32, out, 2);
    assert_ok(shim_scope_check(s, &em));
    assert_true(out[0] == 2.0f && out[1] == 3.0f);
}

static void a_pass_takes_new_numbers(void **state)
{
    (void)state;
    needs_a_gpu();
    for (int i = 0; i < PASSES; i++)
        pass(i);
}

/* Uploads two arrays at once, of n and of 2 numbers; the last of each lands in out. */
static void pass_of_arrays(int number, int64_t n, float out[2])
{
    float a[N], b[N];
    const struct shim_array arrays[] = {
        {SHIM_F32, a, 1, {n}},
        {SHIM_F32, b, 1, {2}},
    };
    struct shim_tensor *t[2];
    fill(a, 100 * number);
    fill(b, 100 * number + 50);
    shim_graph_begin(s, graph);
    shim_from_arrays(s, arrays, 2, t);
    struct shim_tensor *ends[] = {shim_narrow(s, t[0], 0, n - 1, 1), shim_narrow(s, t[1], 0, 1, 1)};
    shim_graph_end(s, graph);
    for (int i = 0; i < 2; i++)
        shim_to_memory(s, ends[i], SHIM_F32, &out[i], 1);
}

static void arrays_that_came_in_one_copy_take_new_numbers(void **state)
{
    (void)state;
    float out[2];
    needs_a_gpu();
    for (int i = 0; i < PASSES; i++) {
        pass_of_arrays(i, N, out);
        assert_ok(shim_scope_check(s, &em));
        assert_true(out[0] == (float)(100 * i + N - 1) && out[1] == (float)(100 * i + 51));
        shim_scope_reset(s);
    }
    pass_of_arrays(0, N - 1, out); /* the second array lies where it lay */
    fails_with("another size");
}

static void other_calls_are_noticed(void **state)
{
    (void)state;
    needs_a_gpu();
    float a[N] = {0};
    pass(0);

    shim_graph_begin(s, graph);
    (void)upload(a, N);
    shim_graph_end(s, graph);
    fails_with("fewer calls");

    shim_graph_begin(s, graph);
    struct shim_tensor *t = upload(a, N);
    (void)shim_narrow(s, t, 0, 2, 2);
    shim_graph_end(s, graph);
    fails_with("not what the recorded pass did");

    shim_graph_begin(s, graph);
    (void)upload(a, N - 1);
    shim_graph_end(s, graph);
    fails_with("another size");

    shim_graph_begin(s, graph);
    (void)upload(a, N);
    (void)upload(a, N);
    (void)upload(a, N);
    shim_graph_end(s, graph);
    fails_with("another size");

    pass(1); /* the recording has not suffered */
}

static void results_are_read_after_the_pass(void **state)
{
    (void)state;
    needs_a_gpu();
    float a[N] = {0};
    shim_graph_begin(s, graph);
    shim_to_memory(s, upload(a, N), SHIM_F32, a, N);
    shim_graph_end(s, graph);
    fails_with("after shim_graph_end");
}

static void gradients_are_told_of_after_each_pass(void **state)
{
    (void)state;
    needs_a_gpu();
    float values[N] = {0};
    shim_group_on_ready(group, count_ready, NULL);
    for (int i = 0; i < PASSES; i++) {
        ready_calls = 0;
        shim_graph_begin(s, graph);
        struct shim_tensor *x = upload(values, N);
        struct shim_tensor *y = shim_mul(s, shim_mul(s, x, parameters[0]), parameters[1]);
        shim_backward(s, shim_sum(s, y), false);
        assert_int_equal(ready_calls, 0);
        shim_graph_end(s, graph);
        assert_ok(shim_scope_check(s, &em));
        assert_int_equal(ready_calls, 2);
        shim_scope_reset(s);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_processor_has_none),
        T(without_a_graph_calls_are_made_as_they_are),
        T(a_pass_takes_new_numbers),
        T(arrays_that_came_in_one_copy_take_new_numbers),
        T(other_calls_are_noticed),
        T(results_are_read_after_the_pass),
        T(gradients_are_told_of_after_each_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
