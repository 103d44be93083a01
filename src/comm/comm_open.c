/* Opening: chooses the backend, the GPU and the CPUs. */
#include "comm/comm.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "comm_priv.h"
#include "numa.h"

/* Refuses to start: each process would train alone and overwrite the files of the others. */
static enum status refuse_launcher(const struct comm_launch *launch, struct errmsg *em)
{
    return FAIL(em, ST_USAGE,
                "%s started %d processes, but this program's MPI (%s) sees only itself; start it "
                "with that MPI's own mpirun, or with srun --mpi=pmix",
                launch->launcher, launch->world_size, comm_library_version());
}

static bool mpi_is_open_mpi(void)
{
    return strncmp(comm_library_version(), "Open MPI", 8) == 0;
}

static enum status open_backend(const struct comm_options *o, struct comm *c, struct errmsg *em)
{
    struct comm_launch launch = comm_launch_detect();
    if (o->backend == COMM_NCCL && !comm_gpu_built())
        return FAIL(em, ST_CONFIG,
                    "comm.backend = \"nccl\": this build has no CUDA and no NCCL; use \"auto\" or "
                    "\"mpi\", or build with a CUDA libtorch");
    if (o->backend == COMM_SELF && launch.world_size > 1)
        return FAIL(em, ST_CONFIG,
                    "comm.backend = \"self\" is for one rank, but %s started %d; use \"auto\"",
                    launch.launcher, launch.world_size);
    /* one process needs no MPI, and MPI does not start in an interactive Slurm shell */
    if (o->backend == COMM_SELF || (o->backend == COMM_AUTO && launch.world_size <= 1))
        return comm_self_open(c, em);
    /* else MPI_Init would end the process, and each rank would print a page of text */
    if (launch.without_pmix && mpi_is_open_mpi())
        return refuse_launcher(&launch, em);
    enum status st = comm_mpi_open(c, em);
    if (st == ST_OK && c->place.world_size == 1 && launch.world_size > 1) {
        c->ops->close(c);
        return refuse_launcher(&launch, em);
    }
    return st;
}

enum status comm_open(const struct comm_options *o, struct comm **out, struct errmsg *em)
{
    struct comm *c = calloc(1, sizeof *c);
    if (!c)
        return FAIL(em, ST_MEMORY, "out of memory");
    c->device = -1;
    c->options = *o;
    comm_set_timeout(c, o->timeout_s);
    enum status st = open_backend(o, c, em);
    if (st != ST_OK) {
        free(c);
        return st;
    }
    st = comm_gpu_open(o, &c, em);
    if (st != ST_OK) {
        comm_close(c);
        return st;
    }
    *out = c;
    return ST_OK;
}

int comm_stay_near_gpu(const struct comm *c)
{
    char bus_id[COMM_BUS_ID_BYTES];
    cpu_set_t near, allowed, both;
    if (!comm_gpu_bus_id(c->device, bus_id) || !numa_near_device("/sys", bus_id, &near) ||
        sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 0;
    CPU_AND(&both, &near, &allowed);
    if (CPU_COUNT(&both) == 0 || CPU_EQUAL(&both, &allowed) ||
        sched_setaffinity(0, sizeof both, &both) != 0)
        return 0;
    return CPU_COUNT(&both);
}

enum status comm_count_cpu_sharers(struct comm *c, int *n_out, struct errmsg *em)
{
    struct {
        struct comm_place place;
        cpu_set_t cpus;
    } mine, *all = calloc((size_t)c->place.world_size, sizeof *all);
    memset(&mine, 0, sizeof mine);
    mine.place = c->place;
    bool bound = sched_getaffinity(0, sizeof mine.cpus, &mine.cpus) == 0;
    for (size_t cpu = 0; cpu < CPU_SETSIZE && !bound; cpu++)
        CPU_SET(cpu, &mine.cpus); /* the kernel does not tell: assume all CPUs */
    enum status st = comm_agree(c, all ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    if (st == ST_OK)
        st = c->ops->share_bytes(c, &mine, sizeof mine, all, em);
    int n = 0;
    for (int r = 0; r < c->place.world_size && st == ST_OK; r++) {
        cpu_set_t both;
        CPU_AND(&both, &mine.cpus, &all[r].cpus);
        n += comm_place_same_node(&mine.place, &all[r].place) && CPU_COUNT(&both) > 0;
    }
    free(all);
    if (st == ST_OK)
        *n_out = n;
    return st;
}
