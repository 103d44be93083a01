// Shared by the shim's files: the handles, the one try/catch, and how an operation runs.
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

struct shim_graph;

struct shim_tensor {
    at::Tensor t;
};

struct shim_scope {
    at::Device device;
    at::ScalarType dtype;
    bool grad = true, autocast = false;
    bool forked = false; // between shim_fork and shim_join
    int lane = 0;
    struct errmsg em = {};
    std::deque<shim_tensor> owned = {}; // a deque keeps addresses when it grows
    shim_graph *graph = nullptr;        // between shim_graph_begin and shim_graph_end
    const shim_group *turned = nullptr; // whose weights shim_group_turn turned in this pass
};

struct shim_kept {
    size_t offset, count; // range of the flat arrays
    size_t at;            // its first element in the array of a moment
};

struct shim_group {
    at::Device device;
    at::Tensor flat[SHIM_FLATS] = {};
    std::vector<shim_kept> kept = {}; // kept ranges of moments and average, if sharded
    bool sharded = false;             // true: moments hold only the kept ranges, end to end
    std::deque<shim_tensor> parameters = {};
    void (*ready)(void *ctx, size_t offset, size_t count) = nullptr;
    void *ready_ctx = nullptr;
    std::vector<std::pair<size_t, size_t>> *held = nullptr; // while recording: collects ready calls
    bool fresh = false; // gradients are zero, so that the first ones may be written over them
    // All weights as gpu_layer.hpp's turn_weights writes them, and its table.
    at::Tensor turned = {}, table = {};
    int64_t pairs = 0;
};

namespace shim
{

// In shim_cuda.cpp or shim_host.cpp.
int64_t cuda_count();
// The stream of a lane on the device; and the handle of the stream of lane 0. Nothing on the CPU.
// Never the default stream: it waits for other streams and cannot be captured.
std::optional<c10::Stream> work_stream(at::Device device, int lane);
void *cuda_stream(at::Device device);
// Later work in lane `after` waits for the work that lane `before` has now.
void cuda_order(at::Device device, int before, int after);
void cuda_set_deterministic(bool on);
void cuda_memory(at::Device device, int64_t *used, int64_t *peak);

// In shim_graph.cpp. true if a recorded pass runs again and contains this call; *made (unless made
// is NULL) is then the recorded tensor. Also true, with an error in the scope, if the call differs
// from the recorded one.
bool already_made(shim_scope *s, const char *where, shim_tensor **made);
// true if a recorded pass runs again.
bool is_repeated(const shim_scope *s);

at::ScalarType scalar_type(enum shim_dtype dtype);
enum status parse_device(const char *name, at::Device *out, struct errmsg *em);

inline enum status report(struct errmsg *em, enum status st, const char *where, const char *text)
{
    return errmsg_set(em, st, where, 0, "%s", text);
}

// Runs f, which may throw. The only place where an exception becomes a status.
template <class F> enum status guard(const char *where, struct errmsg *em, F f) noexcept
{
    try {
        f();
        return ST_OK;
    } catch (const c10::OutOfMemoryError &e) {
        return report(em, ST_MEMORY, where, e.what_without_backtrace());
    } catch (const c10::Error &e) {
        std::string text = e.what_without_backtrace();
        if (text.starts_with("CUDA error")) // drop the general advice on the next lines
            text = text.substr(0, text.find('\n'));
        // libtorch's CPU allocator, CUDA, cuBLAS and cuDNN report lack of memory only in the text
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

// Makes the device and a lane's stream current during one operation.
class on_device
{
  public:
    explicit on_device(at::Device device, int lane = 0) : guard_(work_stream(device, lane))
    {
    }

  private:
    c10::OptionalStreamGuard guard_;
};

// Applies the scope's modes during one operation.
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

// true if scope s has no error and no input is NULL.
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

// Runs f with the scope's modes; `made` as in already_made.
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

// guard, for functions of a group.
template <class F>
enum status guard_on(const shim_group *g, const char *where, struct errmsg *em, F f) noexcept
{
    return guard(where, em, [&] {
        on_device here(g->device);
        f();
    });
}

// Runs f and returns its at::Tensor as a tensor that the scope owns.
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

// For the backward of layers that compute their gradients without autograd.
inline void refuse_second_derivatives()
{
    TORCH_CHECK(!at::GradMode::is_enabled(), "this layer has first derivatives only: for second "
                                             "derivatives use shim_conv2d");
}

inline at::IntArrayRef sizes(size_t n, const int64_t *dims)
{
    TORCH_CHECK(n <= SHIM_DIMS_MAX, n, " dimensions are more than the ", int(SHIM_DIMS_MAX),
                " allowed here");
    return at::IntArrayRef(dims, n);
}

// In shim_train.cpp. Memory for a gradient of x: where the parameter x of a group wants it, if it is the first one since
// the gradients were set to zero; else new memory.
at::Tensor gradient_memory(const at::Tensor &x);
// The weight as shim_group_turn turned it in this pass; undefined if it did not.
at::Tensor turned_weight(const shim_scope *s, const at::Tensor &weight, at::ScalarType dtype);

// A range of a flat array.
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
