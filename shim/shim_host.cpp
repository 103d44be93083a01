// What a CPU-only libtorch answers where shim_cuda.cpp would ask the driver.
#include "shim_priv.hpp"

extern "C" bool shim_cuda_built(void)
{
    return false;
}

int64_t shim::cuda_count()
{
    return 0;
}

void shim::cuda_name(int64_t, char *, size_t)
{
}

void *shim::cuda_stream(at::Device)
{
    return nullptr;
}

void shim::cuda_memory(at::Device, int64_t *used, int64_t *peak)
{
    *used = *peak = 0;
}
