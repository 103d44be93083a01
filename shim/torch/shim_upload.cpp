// From host memory to tensors.
#include "shim_upload.hpp"

#include <algorithm>

using namespace shim;

shim::packed::packed(std::vector<at::Tensor> from) : arrays(std::move(from))
{
    for (const at::Tensor &each : arrays) {
        first.push_back((bytes + ALIGNED - 1) / ALIGNED * ALIGNED);
        bytes = first.back() + int64_t(each.nbytes());
    }
}

std::vector<at::Tensor> shim::packed::in(const at::Tensor &block) const
{
    std::vector<at::Tensor> parts;
    for (size_t i = 0; i < arrays.size(); i++)
        parts.push_back(block.narrow(0, first[i], int64_t(arrays[i].nbytes()))
                            .view(arrays[i].scalar_type())
                            .view(arrays[i].sizes()));
    return parts;
}

void shim::packed::write(const at::Tensor &block) const
{
    std::vector<at::Tensor> parts = in(block);
    for (size_t i = 0; i < parts.size(); i++)
        parts[i].copy_(arrays[i]);
}

namespace
{

// The arrays as tensors that borrow the memory. Throws on a bad shape.
std::vector<at::Tensor> wrap_all(const struct shim_array *arrays, size_t n)
{
    std::vector<at::Tensor> all;
    for (size_t i = 0; i < n; i++) {
        at::IntArrayRef shape = sizes(arrays[i].n_dims, arrays[i].dims);
        for (int64_t d : shape)
            TORCH_CHECK(d >= 0, "a negative dimension: ", shape);
        all.push_back(at::from_blob(const_cast<void *>(arrays[i].memory), shape,
                                    at::TensorOptions(scalar_type(arrays[i].dtype))));
    }
    return all;
}

} // namespace

extern "C" {

void shim_from_arrays(struct shim_scope *s, const struct shim_array *arrays, size_t n,
                      struct shim_tensor **out)
{
    packed here;
    for (size_t i = 0; i < n; i++)
        out[i] = nullptr;
    if (s && s->em.code == ST_OK && s->graph)
        guard(__func__, &s->em, [&] { graph_refill(s->graph, wrap_all(arrays, n)); });
    shim_tensor *bytes = op(s, __func__, {}, [&] {
        here = packed(wrap_all(arrays, n));
        if (s->graph)
            return graph_upload(s->graph, here, s->device);
        return s->device.is_cuda() ? cuda_upload(here, s->device) : at::Tensor();
    });
    for (size_t i = 0; i < n; i++)
        out[i] = op(s, __func__, {bytes}, [&] {
            if (bytes->t.defined()) // convert on the GPU: pictures are copied as bytes
                return here.in(bytes->t)[i].to(s->dtype);
            return here.arrays[i].to(s->device, s->dtype, /*non_blocking=*/false, /*copy=*/true);
        });
}

struct shim_tensor *shim_from_memory(struct shim_scope *s, enum shim_dtype memory_dtype,
                                     const void *memory, size_t n_dims, const int64_t *dims)
{
    struct shim_array array = {memory_dtype, memory, n_dims, {}};
    struct shim_tensor *t = nullptr;
    std::copy_n(dims, std::min(n_dims, size_t(SHIM_DIMS_MAX)), array.dims);
    shim_from_arrays(s, &array, 1, &t);
    return t;
}

} // extern "C"
