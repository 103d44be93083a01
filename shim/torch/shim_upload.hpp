// From host memory to the device, in shim_upload.cpp, shim_graph.cpp, and shim_cuda.cpp or
// shim_host.cpp.
#pragma once

#include "shim/upload.h"
#include "shim_priv.hpp"

#include <vector>

namespace shim
{

// Arrays in host memory, as they lie one after another in one block of bytes, each at a multiple of
// ALIGNED.
struct packed {
    static constexpr int64_t ALIGNED = 256;
    packed() = default;
    packed(std::vector<at::Tensor> from);
    // Tensors like the arrays, in the memory of a block of bytes.
    std::vector<at::Tensor> in(const at::Tensor &block) const;
    void write(const at::Tensor &block) const;
    std::vector<at::Tensor> arrays = {};
    std::vector<int64_t> first = {};
    int64_t bytes = 0;
};

// Their bytes in pinned memory; works also during a capture.
at::Tensor pin(const packed &host);
// Their bytes on the device, through pinned memory; the host does not wait.
at::Tensor cuda_upload(const packed &host, at::Device device);
// cuda_upload within a pass: recorded the first time; later, graph_refill copies new contents to the
// same memory.
at::Tensor graph_upload(shim_graph *g, const packed &host, at::Device device);
void graph_refill(shim_graph *g, const packed &host);

} // namespace shim
