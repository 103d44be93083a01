#include "openmp.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/thread_count.h"
#include "command.h"

static const char spins[] = "5000"; /* a tenth to a quarter of a millisecond */

void openmp_settle(void)
{
    const char *threads = getenv("OMP_NUM_THREADS");
    int n;
    if (!getenv("OMP_WAIT_POLICY"))
        setenv("GOMP_SPINCOUNT", spins, 0);
    if (!threads || threads_parse_omp(threads, &n))
        return;
    if (*threads && launcher_rank_guess() <= 0)
        log_warn("OMP_NUM_THREADS=\"%s\" is not used: set a whole number from 1, or a list of them "
                 "such as 4,2",
                 threads);
    unsetenv("OMP_NUM_THREADS");
}
