/* The shim's own kernels: compiled for each GPU generation that the wheels are for, without a GPU;
 * what they compute is layers.c's. */
#include "shim/shim.h"

#include "testing.h"

static struct errmsg em;

static void kernels_compile_for_each_generation(void **state)
{
    (void)state;
    static const int capabilities[] = {75, 80, 86, 90, 100, 120};
    if (!shim_cuda_built())
        skip();
    for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
        assert_ok(shim_cuda_kernels_check(capabilities[i], &em));
}

static void an_unknown_generation_is_an_error(void **state)
{
    (void)state;
    assert_status(shim_cuda_kernels_check(1, &em), shim_cuda_built() ? ST_TORCH : ST_NODEVICE);
    assert_text_has(em.text, shim_cuda_built() ? "arch" : "no CUDA");
    em = (struct errmsg){0};
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_compile_for_each_generation),
        cmocka_unit_test(an_unknown_generation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
