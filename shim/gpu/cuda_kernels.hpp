// The kernels of kernels.cu. NVRTC compiles them for the GPU of the process, once, at the first
// use. NVRTC and the driver are loaded at run time, so that the program also starts without them.
#pragma once

#include <array>
#include <string>

#include <ATen/ATen.h>

namespace shim::kernels
{

// true if the kernels run on this GPU. The first call compiles them, which takes a fraction of a
// second; do not make it while a stream is captured. Any thread.
bool available(at::Device device);
// The reason why they do not run; empty if they do.
std::string why_not(at::Device device);

struct grid {
    unsigned blocks_x, blocks_y, threads_x, threads_y, shared_bytes;
};
// Queues a kernel on the current stream. `arguments` are the addresses of its arguments, in order.
void launch(at::Device device, const char *kernel, const grid &g,
            std::initializer_list<const void *> arguments);

// Compiles for a compute capability (90: 9.0); needs no GPU. Throws NVRTC's message.
void check_source(int capability);

} // namespace shim::kernels
