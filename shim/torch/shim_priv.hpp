// What the shim's own files share: the handles, the one try/catch, and how an operation is run.
#pragma once

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/StreamGuard.h>

#include <cstdio>
#include <deque>
#include <initializer_list>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shim/shim.h"

struct shim_tensor {
    at::Tensor t;
};

struct shim_scope {
    at::Device device;
    at::ScalarType dtype;
    bool grad = true, autocast = false;
    bool forked = false; // into lanes
    int lane = 0;
    struct errmsg em = {};
    std::deque<shim_tensor> owned = {}; // a deque: addresses stay when it grows
    shim_graph *graph = nullptr;        // between shim_graph_begin and shim_graph_end
};

struct shim_kept {
    size_t offset, count; // of the flat arrays
    size_t at;            // where it begins in a moment's own array
};

struct shim_group {
    at::Device device;
    at::Tensor flat[SHIM_FLATS] = {};
    std::vector<shim_kept> kept = {}; // of moments and average; looked at only where sharded
    bool sharded = false;             // do the moments hold what is kept, end to end?
    std::deque<shim_tensor> parameters = {};
    void (*ready)(void *ctx, size_t offset, size_t count) = nullptr;
    void *ready_ctx = nullptr;
    std::vector<std::pair<size_t, size_t>> *held = nullptr; // while recorded: where ready's calls go
};

namespace shim
{

// In shim_cuda.cpp or shim_host.cpp.
int64_t cuda_count();
// The stream that a lane's work on the device is queued on, and the handle of lane 0's; nothing on
// the CPU. Never the default stream: that one waits for others, and cannot be captured.
std::optional<c10::Stream> work_stream(at::Device device, int lane);
void *cuda_stream(at::Device device);
// What lane `after` is given from here on waits for what lane `before` has been given.
void cuda_order(at::Device device, int before, int after);
// A copy of host memory on the device, by way of pinned memory; the host does not wait.
at::Tensor cuda_upload(const at::Tensor &host, at::Device device);
void cuda_set_deterministic(bool on);
void cuda_memory(at::Device device, int64_t *used, int64_t *peak);

// In shim_graph.cpp. True where a recorded pass makes this call (or it is not the recorded one: an
// error in the scope); *made, unless made is NULL, is then its tensor.
bool already_made(shim_scope *s, const char *where, shim_tensor **made);
// Is a recorded pass being made again?
bool is_repeated(const shim_scope *s);
// cuda_upload in a pass that is recorded now; new contents for the same call when it is repeated.
at::Tensor graph_upload(shim_graph *g, const at::Tensor &host, at::Device device);
void graph_refill(shim_graph *g, const at::Tensor &host);

at::ScalarType scalar_type(enum shim_dtype dtype);
enum status parse_device(const char *name, at::Device *out, struct errmsg *em);

inline enum status report(struct errmsg *em, enum status st, const char *where, const char *text)
{
    return errmsg_set(em, st, where, 0, "%s", text);
}

// Runs f, which may throw; the one place where an exception becomes a status.
template <class F> enum status guard(const char *where, struct errmsg *em, F f) noexcept
{
    try {
        f();
        return ST_OK;
    } catch (const c10::OutOfMemoryError &e) {
        return report(em, ST_MEMORY, where, e.what_without_backtrace());
    } catch (const c10::Error &e) {
        std::string text = e.what_without_backtrace();
        if (text.starts_with("CUDA error")) // general advice follows
            text = text.substr(0, text.find('\n'));
        // said in words only: by libtorch's CPU allocator, by CUDA outside of libtorch's, and by
        // cuBLAS and cuDNN
        bool memory = false;
        for (const char *words : {"not enough memory", "can't allocate memory",
                                  "CUDA error: out of memory", "STATUS_ALLOC_FAILED"})
            memory |= text.find(words) != text.npos;
        return report(em, memory ? ST_MEMORY : ST_TORCH, where, text.c_str());
    } catch (const std::bad_alloc &) {
        return report(em, ST_MEMORY, where, "out of memory");
    } catch (const std::exception &e) {
        return report(em, ST_TORCH, where, e.what());
    } catch (...) {
        return report(em, ST_TORCH, where, "an unknown exception");
    }
}

// The device and a lane's stream are current for the time of one operation.
class on_device
{
  public:
    explicit on_device(at::Device device, int lane = 0) : guard_(work_stream(device, lane))
    {
    }

  private:
    c10::OptionalStreamGuard guard_;
};

// The scope's modes, for the time of one operation.
class modes
{
  public:
    explicit modes(const shim_scope &s)
        : device_(s.device, s.lane), grad_(s.grad), type_(s.device.type()),
          before_(at::autocast::is_autocast_enabled(type_)),
          dtype_before_(at::autocast::get_autocast_dtype(type_))
    {
        at::autocast::set_autocast_enabled(type_, s.autocast);
        at::autocast::set_autocast_dtype(type_, at::kBFloat16);
    }
    ~modes()
    {
        at::autocast::set_autocast_enabled(type_, before_);
        at::autocast::set_autocast_dtype(type_, dtype_before_);
    }
    modes(const modes &) = delete;
    modes &operator=(const modes &) = delete;

  private:
    on_device device_;
    at::AutoGradMode grad_;
    at::DeviceType type_;
    bool before_;
    at::ScalarType dtype_before_;
};

// Can an operation of scope s on these inputs begin?
inline bool ready(shim_scope *s, const char *where,
                  std::initializer_list<const shim_tensor *> inputs)
{
    if (!s || s->em.code != ST_OK)
        return false;
    for (const shim_tensor *x : inputs)
        if (!x) {
            report(&s->em, ST_INTERNAL, where, "was given no tensor");
            return false;
        }
    return true;
}

// Runs f within the scope's modes; `made` as for already_made.
template <class F>
void act(shim_scope *s, const char *where, std::initializer_list<const shim_tensor *> inputs, F f,
         shim_tensor **made = nullptr) noexcept
{
    if (ready(s, where, inputs))
        guard(where, &s->em, [&] {
            if (already_made(s, where, made))
                return;
            modes m(*s);
            f();
        });
}

// guard for a function of a group.
template <class F>
enum status guard_on(const shim_group *g, const char *where, struct errmsg *em, F f) noexcept
{
    return guard(where, em, [&] {
        on_device here(g->device);
        f();
    });
}

// Runs f, which returns an at::Tensor, and lends it from the scope.
template <class F>
shim_tensor *op(shim_scope *s, const char *where, std::initializer_list<const shim_tensor *> inputs,
                F f) noexcept
{
    shim_tensor *made = nullptr;
    act(
        s, where, inputs,
        [&] {
            at::Tensor t = f();
            made = &s->owned.emplace_back(shim_tensor{std::move(t)});
        },
        &made);
    return made;
}

// The same values with channels innermost in memory.
inline at::Tensor channels_last(const at::Tensor &x)
{
    return x.contiguous(at::MemoryFormat::ChannelsLast);
}

// In the backward of a layer whose gradients are computed without autograd.
inline void refuse_second_derivatives()
{
    TORCH_CHECK(!at::GradMode::is_enabled(), "this layer has first derivatives only; use "
                                             "shim_conv2d where second ones are needed");
}

inline at::IntArrayRef sizes(size_t n, const int64_t *dims)
{
    TORCH_CHECK(n <= SHIM_DIMS_MAX, n, " dimensions are more than the ", int(SHIM_DIMS_MAX),
                " allowed here");
    return at::IntArrayRef(dims, n);
}

// Part of a flat array.
inline at::Tensor range(const shim_group *g, enum shim_flat which, size_t offset, size_t count)
{
    TORCH_CHECK(g->flat[which].defined(), "the group keeps no such array");
    if (g->sharded && (which == SHIM_EXP_AVG || which == SHIM_EXP_AVG_SQ || which == SHIM_EMA)) {
        for (const shim_kept &k : g->kept)
            if (offset >= k.offset && offset - k.offset <= k.count &&
                count <= k.count - (offset - k.offset))
                return g->flat[which].narrow(0, int64_t(k.at + (offset - k.offset)),
                                             int64_t(count));
        TORCH_CHECK(count == 0, "moments of range ", offset, " + ", count, " are not kept");
        return g->flat[which].narrow(0, 0, 0);
    }
    int64_t size = g->flat[which].numel();
    TORCH_CHECK(offset <= size_t(size) && count <= size_t(size) - offset, "range ", offset, " + ",
                count, " of a flat array of ", size);
    return g->flat[which].narrow(0, int64_t(offset), int64_t(count));
}

} // namespace shim
