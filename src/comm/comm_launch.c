/* Finds the launcher of this process from environment variables. */
#include <stdlib.h>

#include "base/checked.h"
#include "comm_priv.h"

static int number_in(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long value = text ? strtol(text, &end, 10) : -1;
    return text && *text && !*end && value >= 0 && value < 1 << 24 ? (int)value : -1;
}

struct comm_launch comm_launch_detect(void)
{
    /* most specific first: with mpirun inside a Slurm job both kinds of variables are set, and
     * Slurm's describe the daemons of mpirun */
    static const struct {
        const char *size, *rank, *launcher;
    } known[] = {
        {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "Open MPI's mpirun"                                },
        {"MV2_COMM_WORLD_SIZE",  "MV2_COMM_WORLD_RANK",  "MVAPICH's mpirun"                                 },
        {"PMI_SIZE",             "PMI_RANK",             "MPICH's or Intel MPI's mpirun, or srun --mpi=pmi2"},
        {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID",         "srun"                                             },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        int size = number_in(known[i].size), rank = number_in(known[i].rank);
        bool srun = i == ARRAY_LENGTH(known) - 1;
        if (size > 0 && rank >= 0)
            return (struct comm_launch){size, rank, known[i].launcher,
                                        .without_pmix = srun && !getenv("PMIX_RANK")};
    }
    return (struct comm_launch){0};
}
