/*
 * One rank of bench/allreduce: times in-place sums of fp32, Bifrons' and MPI_Allreduce's in turn.
 * Rank 0 prints "NAME BYTES MICROSECONDS" for each repetition: the time of the slowest rank,
 * without the barrier before it.
 *
 *     bench_allreduce REPETITIONS BYTES...
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "comm/comm.h"

static struct comm *world;
static struct errmsg em;

static enum status by_bifrons(float *range, size_t count)
{
    struct comm_ticket ticket = {0};
    enum status st = comm_all_reduce_begin(world, range, count, COMM_F32, NULL, &ticket, &em);
    return st == ST_OK ? comm_wait(world, &ticket, COMM_DEFAULT_DEADLINE, &em) : st;
}

static enum status by_mpi(float *range, size_t count)
{
    int code = MPI_Allreduce(MPI_IN_PLACE, range, (int)count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    return code == MPI_SUCCESS ? ST_OK : FAIL(&em, ST_PEER, "MPI_Allreduce failed");
}

static enum status time_one(const char *name, enum status (*sum)(float *, size_t), float *range,
                            size_t count)
{
    for (size_t i = 0; i < count; i++)
        range[i] = 1.0f;
    MPI_Barrier(MPI_COMM_WORLD);
    double start = clock_seconds(), mine, slowest;
    enum status st = sum(range, count);
    mine = clock_seconds() - start;
    MPI_Allreduce(&mine, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    if (st == ST_OK && range[count / 2] != (float)comm_world_size(world))
        st = FAIL(&em, ST_INTERNAL, "%s: a wrong sum", name);
    if (comm_rank(world) == 0)
        printf("%s %zu %.2f\n", name, count * sizeof *range, slowest * 1e6);
    return st;
}

static enum status time_size(size_t bytes, int repetitions)
{
    float *shared = NULL, *private = malloc(bytes);
    size_t count = bytes / sizeof *shared;
    enum status st = comm_alloc(world, bytes, (void **)&shared, &em);
    if (st == ST_OK && !private)
        st = FAIL(&em, ST_MEMORY, "out of memory");
    for (int i = 0; i < repetitions && st == ST_OK; i++) {
        st = time_one("bifrons", by_bifrons, shared, count);
        if (st == ST_OK)
            st = time_one("mpi", by_mpi, private, count);
    }
    comm_free(world, shared);
    free(private);
    return st;
}

int main(int argc, char **argv)
{
    struct comm_options options = {.backend = COMM_MPI};
    enum status st = argc < 3 ? FAIL(&em, ST_USAGE, "bench_allreduce REPETITIONS BYTES...")
                              : comm_open(&options, &world, &em);
    if (st == ST_OK) {
        for (int i = 2; i < argc && st == ST_OK; i++)
            st = time_size(strtoull(argv[i], NULL, 10), (int)strtol(argv[1], NULL, 10));
        comm_close(world);
    }
    if (st != ST_OK)
        fprintf(stderr, "%s\n", em.text);
    return status_exit_code(st);
}
