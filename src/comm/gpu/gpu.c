/*
 * Chooses the GPU of each rank and the backend between GPUs. All ranks exchange what they have, so
 * that all make the same choice.
 */
#include "gpu.h"

#include <nccl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/log.h"
#include "cudart.h"

#include "base/poison.h"

enum { DEVICE_TEXT_BYTES = 64, REASON_BYTES = 512, WHY_BYTES = 128, CUDA_DEVICES_MAX = 1000 };

/* The options of rank 0, as sent to all ranks. */
struct gpu_request {
    enum comm_backend backend;
    char device[DEVICE_TEXT_BYTES];
    double timeout_s;
};

/* A rank's GPU. */
struct rank_gpu {
    int device; /* -1: no usable GPU, for the reason in `why` */
    int nccl;
    struct cudart_device gpu;
    int node;
    char host[COMM_HOST_BYTES];
    char why[WHY_BYTES];
};

bool comm_gpu_built(void)
{
    return true;
}

/* Formats NCCL's number 22907 as "2.29.7". */
static void format_version(int version, char out[static 16])
{
    snprintf(out, 16, "%d.%d.%d", version / 10000, version / 100 % 100, version % 100);
}

const char *comm_nccl_version(void)
{
    static char text[16];
    int version = 0;
    if (ncclGetVersion(&version) != ncclSuccess)
        return "unknown";
    format_version(version, text);
    return text;
}

void comm_describe_gpus(char *out, size_t out_bytes)
{
    char why[WHY_BYTES] = "";
    struct cudart_device first = {0};
    int n = cudart_count(why, sizeof why);
    if (n > 0 && cudart_describe(0, &first, NULL) == ST_OK)
        snprintf(out, out_bytes, "yes, %d GPU%s: %s", n, PLURAL(n), first.name);
    else
        snprintf(out, out_bytes, "yes, but no GPU here: %s", why);
}

bool comm_gpu_bus_id(int device, char out[static COMM_BUS_ID_BYTES])
{
    struct cudart_device d;
    if (device < 0 || cudart_describe(device, &d, NULL) != ST_OK)
        return false;
    _Static_assert(sizeof d.bus_id == COMM_BUS_ID_BYTES, "the same text");
    memcpy(out, d.bus_id, sizeof d.bus_id);
    return true;
}

enum status gpu_comm_new(struct comm *host, const struct comm_ops *ops, void *backend, int device,
                         struct comm **out, struct errmsg *em)
{
    struct comm *c = calloc(1, sizeof *c);
    if (!c)
        return FAIL(em, ST_MEMORY, "out of memory");
    c->ops = ops;
    c->place = host->place;
    c->options = host->options;
    c->host = host;
    c->device = device;
    c->backend = backend;
    *out = c;
    return ST_OK;
}

enum status gpu_on_host(struct comm *host, const struct comm_call *call, void *range,
                        struct errmsg *em)
{
    return comm_do(host, call->kind, range, call->count, call->dtype, call->root, NULL, em);
}

enum status gpu_share_bytes(struct comm *c, const void *mine, size_t n, void *all,
                            struct errmsg *em)
{
    return c->host->ops->share_bytes(c->host, mine, n, all, em);
}

enum status gpu_gather(struct comm *c, const void *mine, size_t n, int root, void *all,
                       const size_t *sizes, struct errmsg *em)
{
    return c->host->ops->gather(c->host, mine, n, root, all, sizes, em);
}

void gpu_abort(struct comm *c, int exit_code)
{
    comm_abort(c->host, exit_code);
}

static enum status broadcast_request(struct comm *host, const struct comm_options *o,
                                     struct gpu_request *w, struct errmsg *em)
{
    *w = (struct gpu_request){.backend = o->backend, .timeout_s = o->timeout_s};
    snprintf(w->device, sizeof w->device, "%s", o->device ? o->device : "cpu");
    return comm_do(host, COMM_BROADCAST, w, sizeof *w, COMM_U8, 0, NULL, em);
}

/* Finds this rank's GPU; device -1 and the reason if there is none. If the launcher shows each rank
 * one GPU, that GPU is number 0 on each. */
static enum status find_gpu(const struct comm *host, const char *wanted, struct rank_gpu *h,
                            struct errmsg *em)
{
    *h = (struct rank_gpu){.device = -1, .node = host->place.node};
    memcpy(h->host, host->place.host, sizeof h->host);
    if (ncclGetVersion(&h->nccl) != ncclSuccess)
        h->nccl = 0;
    int n = cudart_count(h->why, sizeof h->why);
    if (n == 0)
        return ST_OK;
    int device = host->place.local_rank % n;
    if (strncmp(wanted, "cuda:", 5) == 0)
        device = (int)MIN(strtol(wanted + 5, NULL, 10), CUDA_DEVICES_MAX);
    if (device >= n) {
        snprintf(h->why, sizeof h->why, "it has %d, numbered from 0", n);
        return ST_OK;
    }
    h->device = device;
    return cudart_describe(device, &h->gpu, em);
}

/* The first rank without a GPU, or -1. */
static int rank_without(const struct rank_gpu *all, int n)
{
    for (int r = 0; r < n; r++)
        if (all[r].device < 0)
            return r;
    return -1;
}

static bool is_same_gpu(const struct rank_gpu *a, const struct rank_gpu *b)
{
    return memcmp(a->gpu.uuid, b->gpu.uuid, CUDART_UUID_BYTES) == 0;
}

/* true, with the first two such ranks, if two ranks share a card: a GPU, or two MIG slices of it.
 */
static bool find_shared(const struct rank_gpu *all, int n, int *first, int *second)
{
    for (*second = 1; *second < n; (*second)++)
        for (*first = 0; *first < *second; (*first)++) {
            const struct rank_gpu *a = &all[*first], *b = &all[*second];
            bool same_card = a->node == b->node && strcmp(a->host, b->host) == 0 &&
                             strcmp(a->gpu.bus_id, b->gpu.bus_id) == 0;
            if (is_same_gpu(a, b) || same_card)
                return true;
        }
    return false;
}

/* true if NCCL can run between these ranks. If not, `reason` says why. */
static bool suits_nccl(const struct rank_gpu *all, int n, char reason[static REASON_BYTES])
{
    int a, b;
    if (find_shared(all, n, &a, &b)) {
        if (is_same_gpu(&all[a], &all[b]))
            snprintf(reason, REASON_BYTES,
                     "ranks %d and %d on host %s share one GPU (%s, number %d): there are more "
                     "ranks than GPUs",
                     a, b, all[b].host, all[b].gpu.name, all[b].device);
        else
            snprintf(reason, REASON_BYTES,
                     "ranks %d and %d on host %s have two MIG slices of one GPU (%s at %s), and "
                     "NCCL wants a GPU for each rank",
                     a, b, all[b].host, all[b].gpu.name, all[b].gpu.bus_id);
        return false;
    }
    for (int r = 1; r < n; r++)
        if (all[r].nccl != all[0].nccl) {
            char ours[16], other[16];
            format_version(all[0].nccl, ours);
            format_version(all[r].nccl, other);
            snprintf(reason, REASON_BYTES, "rank 0 has NCCL %s and rank %d on host %s has %s", ours,
                     r, all[r].host, other);
            return false;
        }
    return true;
}

/* Rank `without` has no GPU. ST_OK if the options allow to work on CPUs instead. */
static enum status allow_cpus(const struct gpu_request *w, const struct rank_gpu *all, int n,
                              int without, int rank, struct errmsg *em)
{
    const struct rank_gpu *h = &all[without];
    const char *remedy = "is there a driver (nvidia-smi)?";
    if (w->backend == COMM_NCCL)
        return FAIL(em, ST_CONFIG,
                    "comm.backend = \"nccl\": rank %d on host %s has no GPU to work on (%s; %s); "
                    "use \"auto\" or \"mpi\"",
                    without, h->host, h->why, remedy);
    if (strcmp(w->device, "auto") != 0)
        return FAIL(em, ST_NODEVICE,
                    "train.device = \"%s\": rank %d on host %s has no such GPU (%s; %s); use "
                    "\"cpu\" or \"auto\"",
                    w->device, without, h->host, h->why, remedy);
    bool some = false;
    for (int r = 0; r < n; r++)
        some = some || all[r].device >= 0;
    if (some && rank == 0)
        log_warn("rank %d on host %s has no GPU (%s): all ranks work on CPUs", without, h->host,
                 h->why);
    return ST_OK;
}

static enum status choose(const struct gpu_request *w, const struct rank_gpu *all, struct comm **c,
                          struct errmsg *em)
{
    struct comm *host = *c;
    int rank = host->place.rank, n = host->place.world_size;
    char reason[REASON_BYTES] = "";
    const struct rank_gpu *mine = &all[rank];
    bool nccl = suits_nccl(all, n, reason);
    if (w->backend == COMM_NCCL && !nccl)
        return FAIL(em, ST_CONFIG,
                    "comm.backend = \"nccl\": %s; use \"auto\" or \"mpi\", or start one rank a GPU",
                    reason);
    enum status st = comm_agree(host, cudart_use(mine->device, em), em);
    if (st != ST_OK)
        return st;
    if (nccl && (w->backend == COMM_NCCL || (w->backend == COMM_AUTO && n > 1))) {
        st = nccl_open(host, mine->device, w->timeout_s, c, em);
        if (st == ST_OK && rank == 0)
            log_info("gradients are summed by NCCL %s: each of the %d ranks has its own GPU (%s)",
                     comm_nccl_version(), n, mine->gpu.name);
        return st;
    }
    if (n > 1 && rank == 0)
        log_info("gradients are summed by MPI through host memory: %s",
                 w->backend == COMM_MPI ? "comm.backend = \"mpi\"" : reason);
    return comm_agree(host, through_host_open(host, mine->device, c, em), em);
}

enum status comm_gpu_open(const struct comm_options *o, struct comm **c, struct errmsg *em)
{
    struct comm *host = *c;
    struct gpu_request w;
    struct rank_gpu mine, *all = NULL;
    enum status st = broadcast_request(host, o, &w, em);
    if (st != ST_OK)
        return st;
    if (strcmp(w.device, "cpu") == 0)
        return w.backend != COMM_NCCL
                   ? ST_OK
                   : FAIL(em, ST_CONFIG,
                          "comm.backend = \"nccl\" works between GPUs, and train.device = \"cpu\" "
                          "uses none; use \"auto\" or \"mpi\"");
    st = comm_agree(host, find_gpu(host, w.device, &mine, em), em);
    if (st != ST_OK)
        return st;
    int n = host->place.world_size;
    all = calloc((size_t)n, sizeof *all);
    st = comm_agree(host, all ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    if (st == ST_OK)
        st = host->ops->share_bytes(host, &mine, sizeof mine, all, em);
    if (st == ST_OK) {
        int without = rank_without(all, n);
        st = without >= 0 ? allow_cpus(&w, all, n, without, host->place.rank, em)
                          : choose(&w, all, c, em);
    }
    free(all);
    return st;
}
