// A recorded pass, for shim_graph.cpp and shim_cuda.cpp.
#pragma once

#include "shim/graph.h"
#include "shim_priv.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace shim
{

// Records the work queued on a device's work stream between begin and end; launch queues it again.
class capture
{
  public:
    virtual ~capture() = default;
    virtual void begin() = 0;
    virtual void end() = 0;
    virtual void launch() = 0;
    virtual void wait() = 0; // until the last launch has ended
};

// In shim_cuda.cpp or shim_host.cpp. nullptr on the CPU.
std::unique_ptr<capture> new_capture(at::Device device);

} // namespace shim

struct shim_graph {
    shim_group *group;
    std::unique_ptr<shim::capture> capture; // destroyed last: it owns the memory of those below
    bool recorded = false;
    std::vector<const char *> calls = {};              // names of the calls, in order
    std::deque<shim_tensor> tensors = {};              // results of the calls that return a tensor
    std::vector<std::vector<at::Tensor>> uploads = {}; // pinned, for each shim_from_arrays
    std::vector<std::pair<size_t, size_t>> ready = {}; // gradients, in the order they became final
    size_t next_call = 0, next_tensor = 0, next_upload = 0;
};
