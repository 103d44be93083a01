// STAND-IN for libtorch's convolutions by cuDNN: right shapes and layouts, no numbers. Loaded
// before a program, so that a trace of the stand-ins (STANDIN_CUDA_TRACE) has one kernel for what
// is one call of cuDNN. Without it, libtorch has kernels of its own, several for each picture.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <dlfcn.h>

namespace
{

void trace(const char *name)
{
    static const auto to = reinterpret_cast<void (*)(const char *, const char *)>(
        dlsym(RTLD_DEFAULT, "standin_trace"));
    if (to)
        to("kernel", name);
}

// As cudnn_conv_suggest_memory_format of libtorch.
at::MemoryFormat format_of(const at::Tensor &x, const at::Tensor &weight)
{
    constexpr auto last = at::MemoryFormat::ChannelsLast;
    bool is_last = x.suggest_memory_format() == last || weight.suggest_memory_format() == last;
    return is_last ? last : at::MemoryFormat::Contiguous;
}

int64_t size_out(int64_t in, int64_t kernel, int64_t stride, int64_t padding, bool transposed)
{
    return transposed ? (in - 1) * stride - 2 * padding + kernel
                      : (in + 2 * padding - kernel) / stride + 1;
}

at::Tensor convolution(const at::Tensor &x, const at::Tensor &weight,
                       const std::optional<at::Tensor> &bias, at::IntArrayRef stride,
                       at::IntArrayRef padding, at::IntArrayRef, bool transposed, at::IntArrayRef,
                       int64_t groups)
{
    const at::MemoryFormat format = format_of(x, weight);
    const at::Tensor from = x.contiguous(format), w = weight.contiguous(format);
    std::vector<int64_t> sizes = {x.size(0), transposed ? weight.size(1) * groups : weight.size(0)};
    for (int64_t i = 2; i < x.dim(); i++)
        sizes.push_back(
            size_out(x.size(i), weight.size(i), stride[i - 2], padding[i - 2], transposed));
    at::Tensor y = at::empty(sizes, x.options(), format);
    trace("convolution");
    if (bias && bias->defined())
        y.add_(bias->view({1, -1, 1, 1}));
    return y;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor>
convolution_backward(const at::Tensor &gradient, const at::Tensor &x, const at::Tensor &weight,
                     at::OptionalIntArrayRef, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef,
                     bool, at::IntArrayRef, int64_t, std::array<bool, 3> wanted)
{
    const at::MemoryFormat format = format_of(x, weight);
    const at::Tensor g = gradient.contiguous(format);
    at::Tensor dx, dw, db;
    if (wanted[0]) {
        weight.contiguous(format);
        dx = at::empty(x.sizes(), x.options(), format);
        trace("convolution, gradient of its input");
    }
    if (wanted[1]) {
        x.contiguous(format);
        dw = at::empty(weight.sizes(), weight.options(), format);
        trace("convolution, gradient of its weight");
    }
    if (wanted[2])
        db = g.sum(at::IntArrayRef({0, 2, 3}));
    return {dx, dw, db};
}

} // namespace

TORCH_LIBRARY_IMPL(aten, CUDA, m)
{
    m.impl("convolution", TORCH_FN(convolution));
    m.impl("convolution_backward", TORCH_FN(convolution_backward));
}
