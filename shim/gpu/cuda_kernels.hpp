// The kernels of kernels.cu: compiled by NVRTC for the GPU at hand, once a process, when first
// asked for. NVRTC and the driver are opened at run time, so that a program without them starts.
#pragma once

#include <array>
#include <string>

#include <ATen/ATen.h>

namespace shim::kernels
{

// Can they run on this GPU? The first call compiles, which takes a fraction of a second, and must
// not be made while a stream is captured. Any thread.
bool available(at::Device device);
// Why not; empty where they can.
std::string why_not(at::Device device);

struct grid {
    unsigned blocks_x, blocks_y, threads_x, threads_y, shared_bytes;
};
// Queues a kernel on the current stream; arguments are addresses of what it takes, in order.
void launch(at::Device device, const char *kernel, const grid &g,
            std::initializer_list<const void *> arguments);

// Compiles for a compute capability (90: 9.0) without any GPU; throws what NVRTC says.
void check_source(int capability);

} // namespace shim::kernels
