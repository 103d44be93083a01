/* The two backends over GPUs, of which gpu.c chooses one. Both own the host communicator. */
#ifndef BIFRONS_COMM_GPU_H
#define BIFRONS_COMM_GPU_H

#include "comm_priv.h"

/* COLLECTIVE. Runs the same call on host memory, from begin to end. */
enum status gpu_on_host(struct comm *host, const struct comm_call *call, void *range,
                        struct errmsg *em) MUST_CHECK;

/* COLLECTIVE. device: that of the calling thread. A failure leaves `host` as it was. */
enum status nccl_open(struct comm *host, int device, double timeout_s, struct comm **out,
                      struct errmsg *em) MUST_CHECK;
/* Not collective. Copies to pinned memory and uses the host communicator's collectives. */
enum status through_host_open(struct comm *host, int device, struct comm **out,
                              struct errmsg *em) MUST_CHECK;

/* Members of comm_ops that forward to the host communicator. */
enum status gpu_share_bytes(struct comm *c, const void *mine, size_t n, void *all,
                            struct errmsg *em) MUST_CHECK;
enum status gpu_gather(struct comm *c, const void *mine, size_t n, int root, void *all,
                       const size_t *sizes, struct errmsg *em) MUST_CHECK;
void gpu_abort(struct comm *c, int exit_code);

/* A communicator on a GPU, with the same ranks as host. */
enum status gpu_comm_new(struct comm *host, const struct comm_ops *ops, void *backend, int device,
                         struct comm **out, struct errmsg *em) MUST_CHECK;

#endif
