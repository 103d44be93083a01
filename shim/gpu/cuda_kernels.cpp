#include "cuda_kernels.hpp"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <dlfcn.h>

#include <map>
#include <mutex>
#include <vector>

#include "kernels_source.hpp"

namespace shim::kernels
{
namespace
{

// A library that is loaded at its first use. Throws if the library or a symbol is missing.
class library
{
  public:
    explicit library(const std::string &name) : name_(name), handle_(dlopen(name.c_str(), RTLD_NOW))
    {
        TORCH_CHECK(handle_, name_, " cannot be opened");
    }
    template <class F> void find(const char *symbol, F *&function) const
    {
        function = reinterpret_cast<F *>(dlsym(handle_, symbol));
        TORCH_CHECK(function, name_, " has no ", symbol);
    }

  private:
    std::string name_;
    void *handle_; // never closed
};

// The functions of NVRTC that we use. Declared here because some wheels lack NVRTC's header.
struct nvrtc {
    nvrtc() : from("libnvrtc.so." + std::to_string(CUDART_VERSION / 1000))
    {
        from.find("nvrtcCreateProgram", create);
        from.find("nvrtcCompileProgram", compile);
        from.find("nvrtcGetProgramLogSize", log_size);
        from.find("nvrtcGetProgramLog", log);
        from.find("nvrtcGetCUBINSize", cubin_size);
        from.find("nvrtcGetCUBIN", cubin);
        from.find("nvrtcDestroyProgram", destroy);
    }
    library from;
    int (*create)(void **, const char *, const char *, int, const char *const *,
                  const char *const *);
    int (*compile)(void *, int, const char *const *);
    int (*log_size)(void *, size_t *), (*log)(void *, char *);
    int (*cubin_size)(void *, size_t *), (*cubin)(void *, char *);
    int (*destroy)(void **);
};

// The functions of the CUDA driver that we use, with libtorch's contexts.
struct driver {
    driver() : from("libcuda.so.1")
    {
        from.find("cuModuleLoadData", load);
        from.find("cuModuleGetFunction", function);
        from.find("cuLaunchKernel", launch);
    }
    static const driver &get()
    {
        static const driver d;
        return d;
    }
    library from;
    int (*load)(void **, const void *);
    int (*function)(void **, void *, const char *);
    int (*launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                  void *, void **, void **);
};

std::vector<char> compile(int capability)
{
    static const nvrtc n;
    void *program = nullptr;
    TORCH_CHECK(n.create(&program, kernels_source, "kernels.cu", 0, nullptr, nullptr) == 0,
                "NVRTC takes no program");
    const std::string arch = "-arch=sm_" + std::to_string(capability);
    const char *const options[] = {arch.c_str(), "-std=c++17"};
    int failed = n.compile(program, 2, options);
    size_t size = 0;
    std::string log;
    if (failed && n.log_size(program, &size) == 0) {
        log.resize(size);
        n.log(program, log.data());
    }
    std::vector<char> code;
    if (!failed && n.cubin_size(program, &size) == 0) {
        code.resize(size);
        failed = n.cubin(program, code.data());
    }
    n.destroy(&program);
    TORCH_CHECK(!failed && !code.empty(), "NVRTC cannot compile kernels.cu: ", log);
    return code;
}

// A GPU's kernels.
struct module {
    void *handle = nullptr;
    std::map<std::string, void *> functions;
    std::string why; // why the kernels are not loaded
};

void load(module &m, at::Device device)
{
    c10::cuda::CUDAGuard here(device);
    int major = 0, minor = 0;
    C10_CUDA_CHECK(
        cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index()));
    C10_CUDA_CHECK(
        cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index()));
    std::vector<char> code = compile(10 * major + minor);
    C10_CUDA_CHECK(cudaFree(nullptr)); // makes the device's context, which the driver needs
    int failed = driver::get().load(&m.handle, code.data());
    TORCH_CHECK(!failed, "the driver does not load the kernels (CUDA error ", failed, ")");
}

std::mutex lock;

// Call with the lock held.
module &module_of(at::Device device)
{
    static std::map<c10::DeviceIndex, module> modules;
    auto [at, is_new] = modules.try_emplace(device.index());
    if (is_new)
        try {
            load(at->second, device);
        } catch (const c10::Error &e) {
            at->second.why = e.what_without_backtrace();
        }
    return at->second;
}

// The text of a CUDA error, in libtorch's words where guard() looks for them.
std::string error_text(int failed)
{
    constexpr int out_of_memory = 2;
    return failed == out_of_memory ? "CUDA error: out of memory"
                                   : "CUDA error " + std::to_string(failed);
}

void *function_of(at::Device device, const char *kernel)
{
    std::lock_guard<std::mutex> hold(lock);
    module &m = module_of(device);
    TORCH_CHECK(m.handle, m.why);
    void *&function = m.functions[kernel];
    if (!function) {
        int failed = driver::get().function(&function, m.handle, kernel);
        TORCH_CHECK(!failed, "there is no kernel ", kernel, " (", error_text(failed), ")");
    }
    return function;
}

} // namespace

bool available(at::Device device)
{
    std::lock_guard<std::mutex> hold(lock);
    return module_of(device).handle;
}

std::string why_not(at::Device device)
{
    std::lock_guard<std::mutex> hold(lock);
    return module_of(device).why;
}

void launch(at::Device device, const char *kernel, const grid &g,
            std::initializer_list<const void *> arguments)
{
    std::vector<void *> addresses;
    for (const void *argument : arguments)
        addresses.push_back(const_cast<void *>(argument));
    int failed = driver::get().launch(function_of(device, kernel), g.blocks_x, g.blocks_y, 1,
                                      g.threads_x, g.threads_y, 1, g.shared_bytes,
                                      c10::cuda::getCurrentCUDAStream(device.index()).stream(),
                                      addresses.data(), nullptr);
    TORCH_CHECK(!failed, "kernel ", kernel, ": ", error_text(failed));
}

void check_source(int capability)
{
    compile(capability);
}

} // namespace shim::kernels
