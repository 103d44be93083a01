/*
 * STAND-IN for libcuda.so.1, the driver. libtorch opens it at its first CUDA call, and asks whether
 * a device has a context: each has one, always.
 */
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
