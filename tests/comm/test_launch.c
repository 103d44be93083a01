/* Opening: alone, under a launcher of another MPI, with a backend that is not there. */
#include "comm/comm.h"
#include "testing.h"

static void forget_launchers(void)
{
    static const char *const names[] = {
        "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMI_SIZE", "PMI_RANK",
        "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"};
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
    assert_ok(comm_wait(c, &ticket, COMM_NO_DEADLINE, &em));
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

static void a_foreign_launcher_is_refused(void **state)
{
    (void)state;
    struct errmsg em = {0};
    struct comm *c;
    struct comm_options options = {.backend = COMM_AUTO};
    forget_launchers();
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    setenv("SLURM_PROCID", "2", 1);
    assert_status(comm_open(&options, &c, &em), ST_USAGE);
    assert_text_has(em.text, "srun started 4 processes");
    assert_text_has(em.text, "--mpi=pmix");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_launcher_there_is_one_rank),
        cmocka_unit_test(nccl_is_refused_by_name),
        cmocka_unit_test(a_foreign_launcher_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
