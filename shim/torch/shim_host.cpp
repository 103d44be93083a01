// The functions of shim_cuda.cpp for a libtorch without CUDA.
#include "gpu_layer.hpp"
#include "shim_graph.hpp"
#include "shim_upload.hpp"

extern "C" bool shim_cuda_built(void)
{
    return false;
}

static enum status no_cuda(const char *where, struct errmsg *em)
{
    return shim::report(em, ST_NODEVICE, where, "this build has no CUDA");
}

extern "C" enum status shim_cuda_kernels(int64_t, struct errmsg *em)
{
    return no_cuda(__func__, em);
}

extern "C" enum status shim_cuda_kernels_check(int, struct errmsg *em)
{
    return no_cuda(__func__, em);
}

int64_t shim::cuda_count()
{
    return 0;
}

std::optional<c10::Stream> shim::work_stream(at::Device, int)
{
    return std::nullopt;
}

at::Tensor shim::cuda_upload(const packed &, at::Device)
{
    return {};
}

void shim::cuda_set_deterministic(bool)
{
}

void *shim::cuda_stream(at::Device)
{
    return nullptr;
}

void shim::cuda_order(at::Device, int, int)
{
}

void shim::cuda_memory(at::Device, int64_t *used, int64_t *peak)
{
    *used = *peak = 0;
}

bool shim::gpu_kernels_available(at::Device)
{
    return false;
}

bool shim::gpu_layer_suits(const at::Tensor &, const at::Tensor &)
{
    return false;
}

at::Tensor shim::gpu_layer(const at::Tensor &x, const at::Tensor &, const at::Tensor &,
                           const at::Tensor &, double, way, at::ScalarType)
{
    return x;
}

void shim::turn_weights(const at::Tensor &, const at::Tensor &, const at::Tensor &, int64_t)
{
}

void shim::gpu_squares(const at::Tensor &, int64_t, const at::Tensor &)
{
}

at::Tensor shim::pin(const packed &)
{
    return {};
}

std::unique_ptr<shim::capture> shim::new_capture(at::Device)
{
    return nullptr;
}
