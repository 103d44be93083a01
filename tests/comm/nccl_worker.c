/*
 * One rank of tests/comm/test_nccl_faults.py: opens a communicator over stand-ins for GPUs, sums a
 * few ranges, and ends as bifrons train does. Prints what it got.
 *
 *     nccl_worker BACKEND DEVICE TIMEOUT_S [absent|odd|traced RANK]
 *
 * absent: that rank stays away from the third collective. odd: it brings another count to it.
 * traced: before it begins it, a debugger holds it for longer than the timeout. The job is watched.
 */
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "comm/watchdog.h"
#include "traced.h"

enum { COLLECTIVES = 5, COUNT = 1000, FAULT_AT = 3 };

struct task {
    const char *fault;
    int rank; /* whose */
    double timeout_s;
};

static enum status sum(struct comm *c, float *range, int number, const struct task *t,
                       cudaStream_t stream, struct errmsg *em)
{
    struct comm_ticket ticket = {0};
    bool faulty = number == FAULT_AT && t->rank == comm_rank(c);
    if (faulty && strcmp(t->fault, "absent") == 0)
        for (;;)
            pause();
    if (faulty && strcmp(t->fault, "traced") == 0)
        waitpid(be_traced(t->timeout_s * 1.25), NULL, 0);
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
    struct watchdog *watchdog = NULL;
    struct task task = {.fault = "", .rank = -1};
    if (argc < 4)
        return 64;
    struct comm_options options = {.device = argv[2], .timeout_s = strtod(argv[3], NULL)};
    while (strcmp(backends[options.backend], argv[1]) != 0)
        options.backend++;
    if (argc > 5)
        task = (struct task){argv[4], (int)strtol(argv[5], NULL, 10), options.timeout_s};
    enum status st = comm_open(&options, &c, &em);
    if (st != ST_OK) {
        printf("%s by rank %d: %s\n", status_name(st), em.rank, em.text);
        return status_exit_code(st);
    }
    if (strcmp(task.fault, "traced") == 0)
        st = watchdog_open(c, task.timeout_s, &watchdog, &em);
    if (st == ST_OK)
        st = work(c, &task, &em);
    watchdog_close(watchdog);
    if (st != ST_OK)
        printf("%s by rank %d: %s\n", status_name(st), em.rank, em.text);
    fflush(stdout);
    comm_close(c);
    return status_exit_code(st);
}
