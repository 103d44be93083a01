// The CUDA parts, compiled only with a CUDA libtorch. Uses c10/cuda: ATen/cuda/CUDAContext.h needs
// headers of cuBLAS, cuSPARSE and cuSOLVER, which the wheels lack.
#include "cuda_kernels.hpp"
#include "shim_graph.hpp"
#include "shim_upload.hpp"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGraphsC10Utils.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdlib>
#include <map>
#include <mutex>

extern "C" bool shim_cuda_built(void)
{
    return true;
}

int64_t shim::cuda_count()
{
    return c10::cuda::device_count(); // 0 without a driver, and does not throw
}

extern "C" enum status shim_cuda_kernels(int64_t index, struct errmsg *em)
{
    return shim::guard(__func__, em, [&] {
        at::Device device(at::kCUDA, c10::DeviceIndex(index));
        TORCH_CHECK(shim::kernels::available(device), shim::kernels::why_not(device));
    });
}

extern "C" enum status shim_cuda_kernels_check(int capability, struct errmsg *em)
{
    return shim::guard(__func__, em, [&] { shim::kernels::check_source(capability); });
}

namespace
{

struct streams {
    c10::cuda::CUDAStream lanes[SHIM_LANES], copy;
};

// The streams of a device, taken from libtorch's pool at the first use, for the whole process.
const streams &streams_of(at::Device device)
{
    static std::mutex lock;
    static std::map<c10::DeviceIndex, streams> made;
    std::lock_guard<std::mutex> hold(lock);
    auto found = made.find(device.index());
    if (found == made.end()) {
        auto index = device.index();
        auto next = [&] { return c10::cuda::getStreamFromPool(false, index); };
        found = made.emplace(index,
                             streams{
                                 {next(), next()},
                                 next()
        })
                    .first;
    }
    return found->second;
}

} // namespace

std::optional<c10::Stream> shim::work_stream(at::Device device, int lane)
{
    if (!device.is_cuda())
        return std::nullopt;
    return streams_of(device).lanes[lane].unwrap();
}

void shim::cuda_order(at::Device device, int before, int after)
{
    if (!device.is_cuda())
        return;
    c10::cuda::CUDAEvent event(cudaEventDisableTiming);
    event.record(streams_of(device).lanes[before]);
    event.block(streams_of(device).lanes[after]);
}

void *shim::cuda_stream(at::Device device)
{
    return device.is_cuda() ? streams_of(device).lanes[0].stream() : nullptr;
}

// Allocating pinned memory makes driver calls that are forbidden during a capture in this thread.
at::Tensor shim::pin(const packed &host)
{
    c10::cuda::CUDAStreamCaptureModeGuard allow(cudaStreamCaptureModeRelaxed);
    at::Tensor pinned = at::empty({host.bytes}, at::TensorOptions(at::kByte).pinned_memory(true));
    host.write(pinned);
    return pinned;
}

/*
 * libtorch reuses a pinned buffer only after its copy has ended, so no double buffer is needed
 * here. The copy runs while earlier work still runs; later work waits for the copy.
 */
at::Tensor shim::cuda_upload(const packed &host, at::Device device)
{
    const c10::cuda::CUDAStream &copy = streams_of(device).copy;
    const auto work = c10::cuda::getCurrentCUDAStream(device.index());
    at::Tensor pinned = pin(host), there;
    c10::cuda::CUDAEvent copied(cudaEventDisableTiming);
    {
        c10::OptionalStreamGuard on_copy(copy.unwrap());
        there = pinned.to(device, pinned.scalar_type(), /*non_blocking=*/true);
        copied.record(copy);
    }
    copied.block(work);
    there.record_stream(work);
    return there;
}

void shim::cuda_set_deterministic(bool on)
{
    at::globalContext().setAllowTF32CuDNN(!on); // convolutions; matrix products stay in fp32
    if (on) // cuBLAS needs this for the same bits on several streams; it reads it at its first use
        setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
}

void shim::cuda_memory(at::Device device, int64_t *used, int64_t *peak)
{
    auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
    constexpr auto all = size_t(c10::CachingAllocator::StatType::AGGREGATE);
    *used = stats.allocated_bytes[all].current;
    *peak = stats.allocated_bytes[all].peak;
}

namespace
{

// The capture mode: CUDA calls of other threads (loader, NCCL's watcher) must not break the
// capture.
class cuda_capture : public shim::capture
{
  public:
    explicit cuda_capture(at::Device device) : work_(streams_of(device).lanes[0])
    {
    }
    void begin() override
    {
        // a capture allocates from memory of its own and cannot free what is cached
        c10::cuda::CUDACachingAllocator::emptyCache();
        graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    }
    void end() override
    {
        graph_.capture_end();
    }
    void launch() override
    {
        graph_.replay();
        launched_.record(work_);
    }
    void wait() override
    {
        if (!launched_.query()) // results of the last run were read, so it has ended
            launched_.synchronize();
    }

  private:
    c10::cuda::CUDAStream work_;
    at::cuda::CUDAGraph graph_;
    c10::cuda::CUDAEvent launched_{cudaEventDisableTiming};
};

} // namespace

std::unique_ptr<shim::capture> shim::new_capture(at::Device device)
{
    return device.is_cuda() ? std::make_unique<cuda_capture>(device) : nullptr;
}
