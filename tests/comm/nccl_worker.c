/*
 * One rank of tests/comm/test_nccl_faults.py: opens a communicator over stand-ins for GPUs, sums a
 * few ranges, and ends as bifrons train does. Prints what it got.
 *
 *     nccl_worker BACKEND DEVICE TIMEOUT_S [absent|odd RANK]
 *
 * absent: that rank stays away from the third collective. odd: it brings another count to it.
 */
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/comm.h"

enum { COLLECTIVES = 5, COUNT = 1000, FAULT_AT = 3 };

struct task {
    const char *fault;
    int rank; /* whose */
};

static enum status sum(struct comm *c, float *range, int number, const struct task *t,
                       cudaStream_t stream, struct errmsg *em)
{
    struct comm_ticket ticket = {0};
    bool faulty = number == FAULT_AT && t->rank == comm_rank(c);
    if (faulty && strcmp(t->fault, "absent") == 0)
        for (;;)
            pause();
    size_t count = faulty && strcmp(t->fault, "odd") == 0 ? COUNT - 1 : COUNT;
    enum status st = comm_all_reduce_begin(c, range, count, COMM_F32, stream, &ticket, em);
    if (st == ST_OK)
        st = comm_wait(c, &ticket, COMM_DEFAULT_DEADLINE, em);
    if (st == ST_OK)
        cudaStreamSynchronize(stream);
    return st;
}

static enum status work(struct comm *c, const struct task *t, struct errmsg *em)
{
    cudaStream_t stream = NULL;
    float *range = NULL;
    enum status st = comm_alloc(c, COUNT * sizeof *range, (void **)&range, em);
    if (st != ST_OK)
        return st;
    if (comm_device(c) >= 0)
        cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    for (int i = 0; i < COUNT; i++)
        range[i] = 1;
    for (int i = 1; i <= COLLECTIVES && st == ST_OK; i++)
        st = sum(c, range, i, t, stream, em);
    if (st == ST_OK)
        printf("rank %d: %s device %d sum %g\n", comm_rank(c), comm_backend_name(c), comm_device(c),
               range[COUNT - 1]);
    if (stream)
        cudaStreamDestroy(stream);
    comm_free(c, range);
    return st;
}

int main(int argc, char **argv)
{
    static const char *const backends[] = {"auto", "self", "mpi", "nccl"};
    struct errmsg em = {0};
    struct comm *c;
    struct task task = {.fault = "", .rank = -1};
    if (argc < 4)
        return 64;
    struct comm_options options = {.device = argv[2], .timeout_s = strtod(argv[3], NULL)};
    while (strcmp(backends[options.backend], argv[1]) != 0)
        options.backend++;
    if (argc > 5)
        task = (struct task){.fault = argv[4], .rank = (int)strtol(argv[5], NULL, 10)};
    enum status st = comm_open(&options, &c, &em);
    if (st != ST_OK) {
        printf("%s by rank %d: %s\n", status_name(st), em.rank, em.text);
        return status_exit_code(st);
    }
    st = work(c, &task, &em);
    if (st != ST_OK)
        printf("%s by rank %d: %s\n", status_name(st), em.rank, em.text);
    fflush(stdout);
    comm_close(c);
    return status_exit_code(st);
}
