/* Opening: alone, under a launcher of another MPI, with a backend that is not there. */
#include "comm/comm.h"
#include "testing.h"

static void forget_launchers(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE",
                                        "OMPI_COMM_WORLD_RANK",
                                        "PMI_SIZE",
                                        "PMI_RANK",
                                        "MV2_COMM_WORLD_SIZE",
                                        "MV2_COMM_WORLD_RANK",
                                        "SLURM_STEP_NUM_TASKS",
                                        "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static void without_a_launcher_there_is_one_rank(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct comm *c;
    struct comm_options options = {.backend = COMM_AUTO};
    forget_launchers();
    assert_ok(comm_open(&options, &c, &em));
    assert_string_equal(comm_backend_name(c), "self");
    assert_int_equal(comm_world_size(c), 1);
    float x = 2;
    struct comm_ticket ticket = {0};
    assert_ok(comm_all_reduce_begin(c, &x, 1, COMM_F32, NULL, &ticket, &em));
    assert_ok(comm_wait(c, &ticket, COMM_DEFAULT_DEADLINE, &em));
    assert_true(x == 2);
    FAIL(&em, ST_DATA, "mine");
    assert_int_equal(comm_agree(c, ST_DATA, &em), ST_DATA);
    assert_string_equal(em.text, "mine");
    comm_close(c);
    assert_text_has(comm_library_version(), "Open MPI");
}

static void nccl_is_refused_by_name(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct comm *c;
    struct comm_options options = {.backend = COMM_NCCL};
    assert_status(comm_open(&options, &c, &em), ST_CONFIG);
    assert_text_has(em.text, "comm.backend");
}

static void a_launcher_of_one_process_needs_no_mpi(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct comm *c;
    struct comm_options options = {.backend = COMM_AUTO};
    forget_launchers();
    setenv("SLURM_STEP_NUM_TASKS", "1", 1);
    setenv("SLURM_PROCID", "0", 1);
    assert_ok(comm_open(&options, &c, &em));
    assert_string_equal(comm_backend_name(c), "self");
    comm_close(c);
}

static void self_is_refused_for_several_processes(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct comm *c;
    struct comm_options options = {.backend = COMM_SELF};
    forget_launchers();
    setenv("PMI_SIZE", "3", 1);
    setenv("PMI_RANK", "1", 1);
    assert_status(comm_open(&options, &c, &em), ST_CONFIG);
    assert_text_has(em.text, "started 3");
}

/* The variables of a real step make Open MPI end the process in MPI_Init: it must not come to it.
 */
static void srun_without_pmix_is_refused_before_mpi_starts(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct comm *c;
    struct comm_options options = {.backend = COMM_AUTO};
    forget_launchers();
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    setenv("SLURM_PROCID", "2", 1);
    static const char *const step[] = {"SLURM_JOB_ID",  "SLURM_JOBID",  "SLURM_STEPID",
                                       "SLURM_STEP_ID", "SLURM_NODEID", "SLURM_LOCALID"};
    for (size_t i = 0; i < sizeof step / sizeof *step; i++)
        setenv(step[i], "0", 1);
    setenv("SLURM_NODELIST", "localhost", 1);
    assert_status(comm_open(&options, &c, &em), ST_USAGE);
    assert_text_has(em.text, "srun started 4 processes");
    assert_text_has(em.text, "--mpi=pmix");
    for (size_t i = 0; i < sizeof step / sizeof *step; i++)
        unsetenv(step[i]);
    unsetenv("SLURM_NODELIST");
}

/* Last: MPI starts, finds itself alone and is ended, which a process can do once. */
static void a_foreign_launcher_is_refused(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct comm *c;
    struct comm_options options = {.backend = COMM_AUTO};
    forget_launchers();
    setenv("PMI_SIZE", "4", 1);
    setenv("PMI_RANK", "2", 1);
    assert_status(comm_open(&options, &c, &em), ST_USAGE);
    assert_text_has(em.text, "started 4 processes, but this program's MPI (Open MPI");
    assert_text_has(em.text, "mpirun");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_launcher_there_is_one_rank),
        cmocka_unit_test(nccl_is_refused_by_name),
        cmocka_unit_test(a_launcher_of_one_process_needs_no_mpi),
        cmocka_unit_test(self_is_refused_for_several_processes),
        cmocka_unit_test(srun_without_pmix_is_refused_before_mpi_starts),
        cmocka_unit_test(a_foreign_launcher_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
