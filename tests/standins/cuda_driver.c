/*
 * STAND-IN for libcuda.so.1, the driver. libtorch opens it at its first CUDA call, and asks whether
 * a device has a context: each has one, always. Our own kernels are launched through it: their
 * names stand for them.
 */
#include <dlfcn.h>
#include <string.h>

static char context;

int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active);
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active)
{
    (void)device;
    *flags = 0;
    *active = 1;
    return 0;
}

int cuDevicePrimaryCtxRetain(void **out, int device);
int cuDevicePrimaryCtxRetain(void **out, int device)
{
    (void)device;
    *out = &context;
    return 0;
}

int cuCtxGetCurrent(void **out);
int cuCtxGetCurrent(void **out)
{
    *out = &context;
    return 0;
}

int cuCtxSetCurrent(void *wanted);
int cuCtxSetCurrent(void *wanted)
{
    (void)wanted;
    return 0;
}

int cuModuleLoadData(void **out, const void *code);
int cuModuleLoadData(void **out, const void *code)
{
    (void)code;
    *out = &context;
    return 0;
}

int cuModuleGetFunction(const void **out, void *module, const char *name);
int cuModuleGetFunction(const void **out, void *module, const char *name)
{
    (void)module;
    *out = strdup(name); /* functions live as long as the program */
    return *out ? 0 : 2;
}

int cuLaunchKernel(const void *function, unsigned x, unsigned y, unsigned z, unsigned threads_x,
                   unsigned threads_y, unsigned threads_z, unsigned bytes, void *stream,
                   void **arguments, void **more);
int cuLaunchKernel(const void *function, unsigned x, unsigned y, unsigned z, unsigned threads_x,
                   unsigned threads_y, unsigned threads_z, unsigned bytes, void *stream,
                   void **arguments, void **more)
{
    (void)x, (void)y, (void)z, (void)threads_x, (void)threads_y, (void)threads_z, (void)bytes;
    (void)arguments, (void)more;
    int (*launch)(const char *name, void *stream);
    *(void **)&launch = dlsym(RTLD_DEFAULT, "standin_launch");
    return launch ? launch(function, stream) : 1;
}
