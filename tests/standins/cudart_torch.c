/*
 * STAND-IN, second half: what a CUDA libtorch asks of libcudart beyond cudart.c. For a dry run of
 * control flow, streams and errors: kernels do nothing, so numbers mean nothing. Compiled against
 * NVIDIA's header, by scripts/check-cuda only.
 */
#include "cudart.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Devices --------------------------------------------------------------------------------- */

/*
 * libtorch's own at::globalContext().setUserEnabledCuDNN(false), by its C++ names: a cuDNN that
 * does nothing makes its front end fail, and without it libtorch takes kernels of its own.
 */
static void switch_off_cudnn(void)
{
    void *(*context)(void);
    void (*set)(void *, int);
    *(void **)&context = dlsym(RTLD_DEFAULT, "_ZN2at13globalContextEv");
    *(void **)&set = dlsym(RTLD_DEFAULT, "_ZN2at7Context19setUserEnabledCuDNNEb");
    if (!context || !set) {
        fprintf(stderr,
                "stand-in libcudart.so.13: cuDNN cannot be switched off in this libtorch\n");
        abort();
    }
    set(context(), 0);
}

void standin_describe(struct cudaDeviceProp *p)
{
    switch_off_cudnn();
    p->major = 9;
    p->multiProcessorCount = 4;
    p->maxThreadsPerBlock = 1024;
    p->maxThreadsPerMultiProcessor = 2048;
    p->warpSize = 32;
    p->sharedMemPerBlock = 49152;
    p->sharedMemPerBlockOptin = 232448;
    p->sharedMemPerMultiprocessor = 233472;
    p->regsPerBlock = 65536;
    p->regsPerMultiprocessor = 65536;
    p->totalGlobalMem = (size_t)8 << 30;
    p->l2CacheSize = 1 << 25;
    p->textureAlignment = 512;
    for (int i = 0; i < 3; i++) {
        p->maxThreadsDim[i] = i == 2 ? 64 : 1024;
        p->maxGridSize[i] = i > 0 ? 65535 : 2147483647;
    }
}

cudaError_t cudaDeviceGetAttribute(int *out, enum cudaDeviceAttr attribute, int device)
{
    (void)device;
    switch ((int)attribute) {
    case cudaDevAttrComputeCapabilityMajor:
        *out = 9;
        break;
    case cudaDevAttrComputeCapabilityMinor:
        *out = 0;
        break;
    case cudaDevAttrMultiProcessorCount:
        *out = 4;
        break;
    case cudaDevAttrMaxThreadsPerBlock:
        *out = 1024;
        break;
    case cudaDevAttrWarpSize:
        *out = 32;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
        *out = 49152;
        break;
    default:
        *out = 65535;
    }
    return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int *out, int device, int peer)
{
    (void)device, (void)peer;
    *out = 1;
    return cudaSuccess;
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned flags)
{
    (void)peer, (void)flags;
    return cudaSuccess;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **out, unsigned version,
                                             unsigned long long flags,
                                             enum cudaDriverEntryPointQueryResult *result)
{
    (void)name, (void)version, (void)flags;
    *out = NULL;
    if (result)
        *result = cudaDriverEntryPointSymbolNotFound;
    return cudaSuccess;
}

/* ---- Memory and streams ---------------------------------------------------------------------- */

cudaError_t cudaHostRegister(void *memory, size_t bytes, unsigned flags)
{
    (void)memory, (void)bytes, (void)flags;
    return cudaSuccess;
}

cudaError_t cudaHostUnregister(void *memory)
{
    (void)memory;
    return cudaSuccess;
}

cudaError_t cudaMallocAsync(void **out, size_t bytes, cudaStream_t stream)
{
    (void)stream;
    return cudaMalloc(out, bytes);
}

cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream)
{
    standin_drain(stream);
    return cudaFree(memory);
}

cudaError_t cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device,
                                size_t bytes, cudaStream_t stream)
{
    (void)to_device, (void)from_device;
    return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream);
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *out, const void *memory)
{
    memset(out, 0, sizeof *out);
    out->type = standin_memory_type(memory, &out->device);
    out->devicePointer = out->type == cudaMemoryTypeUnregistered ? NULL : (void *)(size_t)memory;
    out->hostPointer = (void *)(size_t)memory;
    return cudaSuccess;
}

cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t fn, void *data,
                                  unsigned flags)
{
    (void)flags;
    standin_drain(stream);
    fn(stream, cudaSuccess, data);
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *out)
{
    return cudaEventCreateWithFlags(out, 0);
}

/* ---- Graphs ---------------------------------------------------------------------------------- */

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, enum cudaStreamCaptureStatus *status,
                                     unsigned long long *id, cudaGraph_t *graph,
                                     const cudaGraphNode_t **nodes, const cudaGraphEdgeData **edges,
                                     size_t *n_nodes)
{
    cudaGraph_t g = standin_capture_of(stream);
    *status = g ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    if (id)
        *id = (unsigned long long)(size_t)g;
    if (graph)
        *graph = g;
    if (nodes)
        *nodes = NULL;
    if (edges)
        *edges = NULL;
    if (n_nodes)
        *n_nodes = 0;
    return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *n)
{
    (void)nodes;
    *n = graph->n_items;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *out, cudaGraph_t graph,
                                          unsigned long long flags)
{
    return cudaGraphInstantiate(out, graph, flags);
}

/* ---- Kernels: queued, and nothing ------------------------------------------------------------ */

static _Thread_local struct {
    dim3 grid, block;
    size_t bytes;
    cudaStream_t stream;
} configuration;

static void nothing(void *data)
{
    (void)data;
}

/* The names of libtorch's kernels, by the addresses that stand for them. */
static struct kernel {
    const void *function;
    const char *name;
} * kernels;
static size_t n_kernels;

static void add_name(const void *function, const char *name)
{
    if (n_kernels % 4096 == 0)
        kernels = realloc(kernels, (n_kernels + 4096) * sizeof *kernels);
    if (!kernels)
        abort();
    kernels[n_kernels++] = (struct kernel){function, name};
}

static const char *name_of(const void *function)
{
    for (size_t i = 0; i < n_kernels; i++)
        if (kernels[i].function == function)
            return kernels[i].name;
    return "?";
}

/* For cuda_driver.c, and for what stands for cuBLAS and cuDNN. */
cudaError_t standin_launch(const char *name, cudaStream_t stream)
{
    standin_trace("kernel", name);
    return standin_push(stream, (struct item){.kind = ITEM_RUN, .fn = nothing});
}

static cudaError_t launch(const void *function, cudaStream_t stream)
{
    if (getenv("STANDIN_CUDA_TRACE"))
        return standin_launch(name_of(function), stream);
    return standin_push(stream, (struct item){.kind = ITEM_RUN, .fn = nothing});
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t bytes,
                                     struct CUstream_st *stream);
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t bytes,
                                     struct CUstream_st *stream)
{
    configuration.grid = grid;
    configuration.block = block;
    configuration.bytes = bytes;
    configuration.stream = stream;
    return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *bytes, void *stream);
cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *bytes, void *stream)
{
    *grid = configuration.grid;
    *block = configuration.block;
    *bytes = configuration.bytes;
    *(cudaStream_t *)stream = configuration.stream;
    return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t *out, const void *function);
cudaError_t __cudaGetKernel(cudaKernel_t *out, const void *function)
{
    *out = (cudaKernel_t)(size_t)function;
    return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void **arguments,
                               size_t bytes, cudaStream_t stream);
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void **arguments,
                               size_t bytes, cudaStream_t stream)
{
    (void)grid, (void)block, (void)arguments, (void)bytes;
    return launch((const void *)(size_t)kernel, stream);
}

cudaError_t cudaLaunchKernel(const void *function, dim3 grid, dim3 block, void **arguments,
                             size_t bytes, cudaStream_t stream)
{
    (void)grid, (void)block, (void)arguments, (void)bytes;
    FAULT_OR_GO_ON;
    return launch(function, stream);
}

cudaError_t cudaLaunchCooperativeKernel(const void *function, dim3 grid, dim3 block,
                                        void **arguments, size_t bytes, cudaStream_t stream)
{
    return cudaLaunchKernel(function, grid, block, arguments, bytes, stream);
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *function,
                                void **arguments)
{
    (void)arguments;
    return launch(function, config->stream);
}

cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *out, const void *function)
{
    (void)function;
    memset(out, 0, sizeof *out);
    out->maxThreadsPerBlock = 1024;
    out->ptxVersion = out->binaryVersion = 90;
    out->numRegs = 32;
    return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void *function, enum cudaFuncAttribute attribute, int value)
{
    (void)function, (void)attribute, (void)value;
    return cudaSuccess;
}

cudaError_t cudaGetSymbolAddress(void **out, const void *symbol)
{
    *out = (void *)(size_t)symbol;
    return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *out, const void *function, int block,
                                                          size_t bytes)
{
    (void)function, (void)block, (void)bytes;
    *out = 2;
    return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *out, const void *function,
                                                                   int block, size_t bytes,
                                                                   unsigned flags)
{
    (void)flags;
    return cudaOccupancyMaxActiveBlocksPerMultiprocessor(out, function, block, bytes);
}

/* What nvcc's start-up code in libtorch calls; the arguments do not matter. */
void **__cudaRegisterFatBinary(void *binary);
void **__cudaRegisterFatBinary(void *binary)
{
    return binary;
}

void __cudaRegisterFatBinaryEnd(void **binary);
void __cudaRegisterFatBinaryEnd(void **binary)
{
    (void)binary;
}

void __cudaUnregisterFatBinary(void **binary);
void __cudaUnregisterFatBinary(void **binary)
{
    (void)binary;
}

void __cudaRegisterFunction(void **binary, const void *function, char *device, const char *name);
void __cudaRegisterFunction(void **binary, const void *function, char *device, const char *name)
{
    (void)binary, (void)device;
    add_name(function, name);
}

void __cudaRegisterVar(void);
void __cudaRegisterVar(void)
{
}

char __cudaInitModule(void **module);
char __cudaInitModule(void **module)
{
    (void)module;
    return 0;
}
