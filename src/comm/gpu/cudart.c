#include "cudart.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <string.h>

#include "base/poison.h"

static enum status fail_cuda(cudaError_t error, const char *what, struct errmsg *em)
{
    (void)cudaGetLastError(); /* clears the error: libtorch would report it in a later call */
    return FAIL(em, error == cudaErrorMemoryAllocation ? ST_MEMORY : ST_INTERNAL, "CUDA: %s: %s",
                what, cudaGetErrorString(error));
}

static enum status checked(cudaError_t error, const char *what, struct errmsg *em)
{
    return error == cudaSuccess ? ST_OK : fail_cuda(error, what, em);
}

int cudart_count(char *why_out, size_t why_bytes)
{
    int n = 0;
    cudaError_t error = cudaGetDeviceCount(&n);
    if (error == cudaSuccess && n > 0)
        return n;
    (void)cudaGetLastError();
    snprintf(why_out, why_bytes, "%s", error == cudaSuccess ? "none" : cudaGetErrorString(error));
    return 0;
}

enum status cudart_describe(int device, struct cudart_device *out, struct errmsg *em)
{
    struct cudaDeviceProp properties;
    cudaError_t error = cudaGetDeviceProperties(&properties, device);
    if (error != cudaSuccess)
        return fail_cuda(error, "cudaGetDeviceProperties", em);
    *out = (struct cudart_device){0};
    _Static_assert(sizeof properties.uuid.bytes == CUDART_UUID_BYTES, "the size of a UUID");
    memcpy(out->uuid, properties.uuid.bytes, CUDART_UUID_BYTES);
    snprintf(out->name, sizeof out->name, "%.*s", CUDART_NAME_BYTES - 1, properties.name);
    snprintf(out->bus_id, sizeof out->bus_id, "%04x:%02x:%02x.0",
             (unsigned)properties.pciDomainID & 0xffff, (unsigned)properties.pciBusID & 0xff,
             (unsigned)properties.pciDeviceID & 0xff);
    return ST_OK;
}

enum status cudart_use(int device, struct errmsg *em)
{
    return checked(cudaSetDevice(device), "cudaSetDevice", em);
}

void cudart_keep_out_of_captures(void)
{
    enum cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
    (void)cudaThreadExchangeStreamCaptureMode(&mode);
}

enum status cudart_alloc(size_t bytes, void **out, struct errmsg *em)
{
    cudaError_t error = cudaMalloc(out, bytes);
    if (error == cudaSuccess)
        return ST_OK;
    size_t free_bytes = 0, all_bytes = 0;
    (void)cudaGetLastError();
    if (error != cudaErrorMemoryAllocation ||
        cudaMemGetInfo(&free_bytes, &all_bytes) != cudaSuccess)
        return fail_cuda(error, "cudaMalloc", em);
    return FAIL(em, ST_MEMORY,
                "the GPU has no %zu MiB for the flat state: %zu of its %zu MiB are free; use a "
                "smaller model, or end other programs on this GPU",
                bytes >> 20, free_bytes >> 20, all_bytes >> 20);
}

void cudart_free(void *memory)
{
    (void)cudaFree(memory);
}

enum status cudart_pinned_alloc(size_t bytes, void **out, struct errmsg *em)
{
    return checked(cudaMallocHost(out, bytes), "cudaMallocHost", em);
}

void cudart_pinned_free(void *memory)
{
    if (memory)
        (void)cudaFreeHost(memory);
}

enum status cudart_zero(void *memory, size_t bytes, struct errmsg *em)
{
    enum status st = checked(cudaMemset(memory, 0, bytes), "cudaMemset", em);
    return st == ST_OK ? checked(cudaStreamSynchronize(NULL), "cudaStreamSynchronize", em) : st;
}

enum status cudart_copy(void *to, const void *from, size_t bytes, void *stream, struct errmsg *em)
{
    return checked(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream), "cudaMemcpyAsync",
                   em);
}

enum status cudart_stream_new(void **out, struct errmsg *em)
{
    int lowest = 0, highest = 0;
    cudaStream_t stream;
    (void)cudaDeviceGetStreamPriorityRange(&lowest, &highest);
    enum status st = checked(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, highest),
                             "cudaStreamCreateWithPriority", em);
    if (st == ST_OK)
        *out = stream;
    return st;
}

void cudart_stream_free(void *stream)
{
    if (stream)
        (void)cudaStreamDestroy(stream);
}

enum status cudart_stream_finish(void *stream, struct errmsg *em)
{
    return checked(cudaStreamSynchronize(stream), "cudaStreamSynchronize", em);
}

void cudart_finish_all(void)
{
    (void)cudaDeviceSynchronize();
    (void)cudaGetLastError(); /* an earlier error shows in the next call that returns a status */
}

enum status cudart_stream_wait(void *stream, void *event, struct errmsg *em)
{
    return checked(cudaStreamWaitEvent(stream, event, 0), "cudaStreamWaitEvent", em);
}

bool cudart_is_capturing(void *stream)
{
    enum cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    return cudaStreamIsCapturing(stream, &status) == cudaSuccess &&
           status == cudaStreamCaptureStatusActive;
}

enum status cudart_event_new(void **out, struct errmsg *em)
{
    cudaEvent_t event;
    enum status st = checked(cudaEventCreateWithFlags(&event, cudaEventDisableTiming),
                             "cudaEventCreateWithFlags", em);
    if (st == ST_OK)
        *out = event;
    return st;
}

void cudart_event_free(void *event)
{
    if (event)
        (void)cudaEventDestroy(event);
}

enum status cudart_event_record(void *event, void *stream, struct errmsg *em)
{
    return checked(cudaEventRecord(event, stream), "cudaEventRecord", em);
}

enum status cudart_event_done(void *event, bool *done_out, struct errmsg *em)
{
    cudaError_t error = cudaEventQuery(event);
    if (error != cudaSuccess && error != cudaErrorNotReady)
        return fail_cuda(error, "cudaEventQuery", em);
    if (error == cudaErrorNotReady)
        (void)cudaGetLastError();
    *done_out = error == cudaSuccess;
    return ST_OK;
}
