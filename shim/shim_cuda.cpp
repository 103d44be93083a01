// The CUDA parts: compiled only with a CUDA libtorch. c10/cuda and not ATen/cuda/CUDAContext.h,
// whose headers of cuBLAS, cuSPARSE and cuSOLVER the wheels lack.
#include "shim_priv.hpp"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

extern "C" bool shim_cuda_built(void)
{
    return true;
}

int64_t shim::cuda_count()
{
    return c10::cuda::device_count(); // 0 without a driver, and does not throw
}

void shim::cuda_name(int64_t index, char *out, size_t out_bytes)
{
    cudaDeviceProp properties;
    if (index < cuda_count() && cudaGetDeviceProperties(&properties, int(index)) == cudaSuccess)
        snprintf(out, out_bytes, "%s", properties.name);
}

void *shim::cuda_stream(at::Device device)
{
    return device.is_cuda() ? c10::cuda::getCurrentCUDAStream(device.index()).stream() : nullptr;
}

void shim::cuda_memory(at::Device device, int64_t *used, int64_t *peak)
{
    auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
    constexpr auto all = size_t(c10::CachingAllocator::StatType::AGGREGATE);
    *used = stats.allocated_bytes[all].current;
    *peak = stats.allocated_bytes[all].peak;
}
