// What a CPU-only libtorch answers where shim_cuda.cpp would ask the driver.
#include "shim_graph.hpp"

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

std::optional<c10::Stream> shim::work_stream(at::Device)
{
    return std::nullopt;
}

at::Tensor shim::cuda_upload(const at::Tensor &host, at::Device)
{
    return host;
}

void shim::cuda_set_deterministic(bool)
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

at::Tensor shim::pin(const at::Tensor &host)
{
    return host;
}

std::unique_ptr<shim::capture> shim::new_capture(at::Device)
{
    return nullptr;
}
