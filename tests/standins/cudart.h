/* What the two halves of the stand-in for libcudart share. */
#ifndef BIFRONS_STANDIN_CUDART_H
#define BIFRONS_STANDIN_CUDART_H

#include <cuda_runtime_api.h>

enum item_kind { ITEM_RUN, ITEM_COPY, ITEM_SET, ITEM_MARK, ITEM_AWAIT };

/* Something queued on a stream, or kept in a graph. */
struct item {
    struct item *next;
    enum item_kind kind;
    cudaHostFn_t fn;
    void *to;
    const void *from;
    size_t bytes;
    int value;
    cudaEvent_t event;
    unsigned long number; /* of the event's record that is marked or awaited */
};

struct CUgraph_st {
    struct item *head, **tail;
    size_t n_items;
    cudaStream_t streams[16]; /* drawn into the capture */
    int n_streams;
};

cudaError_t standin_push(cudaStream_t stream, struct item item);
/* Waits until all that is queued now has been done. */
void standin_drain(cudaStream_t stream);
/* Waits until nothing is queued on any stream. */
void standin_drain_all(void);
/* Frees device memory without waiting for work that uses it, as cuMemUnmap may. */
void standin_unmap(void *memory);
/* Keeps an error for cudaGetLastError and hands it on. */
cudaError_t standin_return(cudaError_t error);
/* The error that STANDIN_CUDA_FAIL asks this call of the function to end in. */
cudaError_t standin_fault(const char *function);
int standin_devices(void);
/* Writes what was asked of the GPU to the file STANDIN_CUDA_TRACE, a line each: "kernel", "copy",
 * "set", "wait" or "graph", a tab, and the name; "recorded " before it while a graph is recorded.
 */
void standin_trace(const char *kind, const char *name);
/* Where this address lies, and of which device it is where we gave it out. */
enum cudaMemoryType standin_memory_type(const void *memory, int *device);
/* The graph that the stream is captured into, or NULL. */
cudaGraph_t standin_capture_of(cudaStream_t stream);

#ifdef STANDIN_FOR_LIBTORCH
/* What libtorch asks about a device: an sm_90. */
void standin_describe(struct cudaDeviceProp *out);
/* Queues a kernel of this name, which does nothing. */
cudaError_t standin_launch(const char *name, cudaStream_t stream);
#endif

#define FAULT_OR_GO_ON                                \
    do {                                              \
        cudaError_t fault_ = standin_fault(__func__); \
        if (fault_ != cudaSuccess)                    \
            return standin_return(fault_);            \
    } while (0)

#endif
