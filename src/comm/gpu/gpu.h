/* The communicators over GPUs that gpu.c chooses between. Both own the host communicator given. */
#ifndef BIFRONS_COMM_GPU_H
#define BIFRONS_COMM_GPU_H

#include "comm_priv.h"

enum gpu_kind { GPU_ALL_REDUCE, GPU_REDUCE_SCATTER, GPU_ALL_GATHER, GPU_BROADCAST };

/* COLLECTIVE. One collective on host memory, from begin to end. */
enum status gpu_on_host(struct comm *host, enum gpu_kind kind, void *range, size_t count,
                        enum comm_dtype dtype, int root, struct errmsg *em) MUST_CHECK;

/* COLLECTIVE. The device is the calling thread's. On failure `host` is as it was. */
enum status nccl_open(struct comm *host, int device, double timeout_s, struct comm **out,
                      struct errmsg *em) MUST_CHECK;
/* Not collective: through pinned memory, with the host communicator's collectives. */
enum status staged_open(struct comm *host, int device, struct comm **out,
                        struct errmsg *em) MUST_CHECK;

/* A communicator with host's place, rank by rank, on a GPU. */
enum status gpu_comm_new(struct comm *host, const struct comm_ops *ops, void *backend, int device,
                         struct comm **out, struct errmsg *em) MUST_CHECK;

#endif
