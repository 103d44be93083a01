// The process, devices, scopes, and data in and out.
#include "shim_priv.hpp"

#include <ATen/Parallel.h>
#include <malloc.h>
#include <torch/headeronly/version.h>
#include <torch/version.h>

#include <string>

using namespace shim;

at::ScalarType shim::scalar_type(enum shim_dtype dtype)
{
    switch (dtype) {
    case SHIM_F32:
        return at::kFloat;
    case SHIM_F64:
        return at::kDouble;
    case SHIM_BF16:
        return at::kBFloat16;
    case SHIM_U8:
        return at::kByte;
    case SHIM_I64:
        return at::kLong;
    }
    TORCH_CHECK(false, "no such element type: ", int(dtype));
}

enum status shim::parse_device(const char *name, at::Device *out, struct errmsg *em)
{
    struct errmsg unread = {};
    if (!name || guard(__func__, &unread, [&] { *out = at::Device(std::string(name)); }) != ST_OK ||
        !(out->is_cpu() || out->is_cuda()))
        return FAIL(em, ST_CONFIG, "\"%s\" is not a device: use \"cpu\", \"cuda\" or \"cuda:1\"",
                    name ? name : "");
    if (out->is_cpu())
        return ST_OK;
    if (!shim_cuda_built())
        return FAIL(em, ST_NODEVICE,
                    "device \"%s\": this build uses libtorch %s, which has no CUDA; use device "
                    "\"cpu\", or build with a CUDA libtorch",
                    name, shim_torch_version());
    int64_t n = shim_cuda_count();
    if (n == 0)
        return FAIL(em, ST_NODEVICE,
                    "device \"%s\": no CUDA device here, or no driver (does nvidia-smi work?); use "
                    "device \"cpu\"",
                    name);
    if (out->index() < 0)
        *out = at::Device(at::kCUDA, 0);
    if (out->index() >= n)
        return FAIL(em, ST_NODEVICE, "device \"%s\": this machine has %lld CUDA device%s, from 0",
                    name, (long long)n, n == 1 ? "" : "s");
    return ST_OK;
}

extern "C" {

const char *shim_torch_version(void)
{
    return TORCH_VERSION;
}

int64_t shim_cuda_count(void)
{
    int64_t n = 0;
    guard(__func__, nullptr, [&] { n = cuda_count(); });
    return n;
}

enum status shim_device_check(const char *device, struct errmsg *em)
{
    at::Device unused(at::kCPU);
    return parse_device(device, &unused, em);
}

enum status shim_set_threads(int64_t n, struct errmsg *em)
{
    if (n < 1 || n > 4096)
        return FAIL(em, ST_CONFIG, "%lld threads: use 1 to 4096", (long long)n);
    return guard(__func__, em, [&] { at::set_num_threads(int(n)); });
}

int64_t shim_get_threads(void)
{
    int64_t n = 1;
    guard(__func__, nullptr, [&] { n = at::get_num_threads(); });
    return n;
}

enum status shim_set_deterministic(bool on, struct errmsg *em)
{
    return guard(__func__, em, [&] {
        at::globalContext().setDeterministicAlgorithms(on, /*warn_only=*/false);
        at::globalContext().setDeterministicFillUninitializedMemory(false);
        at::globalContext().setDeterministicCuDNN(on);
        at::globalContext().setBenchmarkCuDNN(!on);
        cuda_set_deterministic(on);
    });
}

void shim_tune_allocator(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 1 << 30); // blocks below 1 GiB come from the heap…
    mallopt(M_TRIM_THRESHOLD, -1);      // …which never shrinks
    mallopt(M_TOP_PAD, 64 << 20);
#endif
}

// "VmRSS" or "VmHWM" of this process in bytes.
static int64_t process_bytes(const char *key)
{
    char line[256];
    long long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            sscanf(line + strlen(key), ": %lld", &kib);
    if (f)
        fclose(f);
    return kib * 1024;
}

enum status shim_memory(const char *device, int64_t *used_out, int64_t *peak_out, struct errmsg *em)
{
    at::Device d(at::kCPU);
    enum status st = parse_device(device, &d, em);
    if (st != ST_OK)
        return st;
    if (d.is_cuda())
        return guard(__func__, em, [&] { cuda_memory(d, used_out, peak_out); });
    *used_out = process_bytes("VmRSS");
    *peak_out = process_bytes("VmHWM");
    return ST_OK;
}

enum status shim_scope_new(const char *device, enum shim_dtype dtype, struct shim_scope **out,
                           struct errmsg *em)
{
    at::Device d(at::kCPU);
    enum status st = parse_device(device, &d, em);
    if (st != ST_OK)
        return st;
    if (dtype != SHIM_F32 && dtype != SHIM_F64)
        return FAIL(em, ST_INTERNAL, "a scope computes in F32 or F64");
    return guard(__func__, em,
                 [&] { *out = new shim_scope{.device = d, .dtype = scalar_type(dtype)}; });
}

void shim_scope_free(struct shim_scope *s)
{
    if (s)
        shim_scope_reset(s);
    delete s;
}

void shim_scope_reset(struct shim_scope *s)
{
    guard(__func__, nullptr, [&] {
        // last made, first freed: frees the graph from its end, without deep recursion
        while (!s->owned.empty())
            s->owned.pop_back();
        if (s->autocast)
            at::autocast::clear_cache(); // drop bf16 copies of parameters: an update follows
    });
    shim_join(s);
    s->em = {};
    s->turned = nullptr;
    s->grad = true;
    s->autocast = false;
}

enum status shim_scope_check(const struct shim_scope *s, struct errmsg *em)
{
    if (s->em.code != ST_OK)
        return errmsg_set(em, s->em.code, s->em.where, s->em.line, "%s", s->em.text);
    return ST_OK;
}

void shim_no_grad(struct shim_scope *s, bool on)
{
    s->grad = !on;
}

void shim_autocast(struct shim_scope *s, bool on)
{
    if (s->autocast && !on)
        guard(__func__, nullptr, [] { at::autocast::clear_cache(); });
    s->autocast = on;
}

// behind: every lane waits for lane 0; else lane 0 waits for every lane.
static void order_lanes(shim_scope *s, const char *where, bool behind)
{
    struct errmsg later = {};
    if (is_repeated(s))
        return; // a recorded pass has its lanes
    guard(where, s->em.code == ST_OK ? &s->em : &later, [&] {
        for (int lane = 1; lane < SHIM_LANES; lane++)
            cuda_order(s->device, behind ? 0 : lane, behind ? lane : 0);
    });
}

void shim_fork(struct shim_scope *s)
{
    order_lanes(s, __func__, true);
    s->forked = true;
}

void shim_lane(struct shim_scope *s, int lane)
{
    if (!s->forked || lane < 0 || lane >= SHIM_LANES)
        report(&s->em, ST_INTERNAL, __func__, "choose a lane only between fork and join");
    else
        s->lane = lane;
}

void shim_join(struct shim_scope *s)
{
    if (s->forked)
        order_lanes(s, __func__, false);
    s->forked = false;
    s->lane = 0;
}

void shim_join_lanes(struct shim_scope *s)
{
    order_lanes(s, __func__, false);
}

void *shim_stream(const struct shim_scope *s)
{
    void *stream = nullptr;
    guard(__func__, nullptr, [&] { stream = cuda_stream(s->device); });
    return stream;
}

// A tensor that borrows the memory; use it for one copy only.
static at::Tensor wrap(const void *memory, enum shim_dtype dtype, at::IntArrayRef dims)
{
    return at::from_blob(const_cast<void *>(memory), dims, at::TensorOptions(scalar_type(dtype)));
}

struct shim_tensor *shim_full(struct shim_scope *s, double value, size_t n_dims,
                              const int64_t *dims)
{
    return op(s, __func__, {}, [&] {
        return at::full(sizes(n_dims, dims), value, at::TensorOptions(s->dtype).device(s->device));
    });
}

void shim_to_memory(struct shim_scope *s, const struct shim_tensor *t, enum shim_dtype dtype,
                    void *memory, size_t count)
{
    act(s, __func__, {t}, [&] {
        TORCH_CHECK(!s->graph, "results are read after shim_graph_end");
        TORCH_CHECK(size_t(t->t.numel()) == count, "the tensor has ", t->t.numel(),
                    " elements, the memory is for ", count);
        at::Tensor to = wrap(memory, dtype, t->t.sizes());
        at::NoGradGuard no_grad;
        to.copy_(t->t);
    });
}

size_t shim_dims(const struct shim_tensor *t, int64_t *dims_out)
{
    size_t n = t ? size_t(t->t.dim()) : 0;
    for (size_t i = 0; i < n && i < SHIM_DIMS_MAX; i++)
        dims_out[i] = t->t.size(int64_t(i));
    return n;
}

} // extern "C"
