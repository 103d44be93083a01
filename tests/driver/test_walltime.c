/* When a run stops by itself, on a clock of the tests' own. */
#include "walltime.h"

#include <math.h>

#include "base/clock.h"
#include "testing.h"

static void times_as_slurm_writes_them(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } times[] = {
        {"0:07",       7                                  },
        {"12:34",      12 * 60 + 34                       },
        {"1:02:03",    3600 + 2 * 60 + 3                  },
        {"2-03:04:05", 2 * 86400 + 3 * 3600 + 4 * 60.0 + 5},
        {"45",         45                                 },
    };
    static const char *const others[] = {"UNLIMITED", "INVALID", "NOT_SET", "",      "-1", "1:",
                                         ":1",        "1:2:3:4", "1-",      "1:00 ", "1.5"};
    (void)state;
    double got;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_true(walltime_parse(times[i].text, &got));
        assert_near(got, times[i].seconds, 0);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(walltime_parse(others[i], &got));
}

static void without_a_limit_it_never_ends(void **state)
{
    (void)state;
    struct walltime w;
    walltime_init(&w, 100, 0, INFINITY);
    walltime_record(&w, 200);
    assert_false(walltime_over(&w, 1e12, 60));
}

static void the_nearer_limit_counts(void **state)
{
    (void)state;
    struct walltime w;
    walltime_init(&w, 1000, 10, 3600);
    assert_near(w.end_s, 1600, 0);
    assert_string_equal(w.what, "train.max_minutes");
    walltime_init(&w, 1000, 120, 3600);
    assert_near(w.end_s, 4600, 0);
    assert_string_equal(w.what, "the Slurm job's time");
}

static void it_leaves_time_to_finish_a_step_and_to_save(void **state)
{
    (void)state;
    struct walltime w;
    walltime_init(&w, 0, 60, INFINITY);
    assert_false(walltime_over(&w, 3500, 0));
    walltime_record(&w, 10);
    walltime_record(&w, 12); /* a step */
    walltime_record(&w, 62); /* a step and a validation */
    walltime_record(&w, 64);
    double save_s = 30, stop_s = 3600 - walltime_lead_s(&w, save_s);
    assert_true(stop_s + 50 + save_s < 3600);
    assert_true(walltime_over(&w, stop_s, save_s));
    assert_false(walltime_over(&w, stop_s - 1, save_s));
}

static void a_short_limit_is_mostly_used(void **state)
{
    (void)state;
    struct walltime w;
    walltime_init(&w, 0, 0.1, INFINITY);
    walltime_record(&w, 1);
    walltime_record(&w, 61); /* the disk was stuck */
    assert_false(walltime_over(&w, 4.4, 60));
    assert_true(walltime_over(&w, 4.6, 60));
}

static void a_job_tells_when_it_ends(void **state)
{
    (void)state;
    double left_s;
    char end[32];
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_JOB_END_TIME");
    assert_false(walltime_job_left(&left_s));
    setenv("SLURM_JOB_ID", "1", 1);
    snprintf(end, sizeof end, "%.0f", clock_wall_seconds() + 3600);
    setenv("SLURM_JOB_END_TIME", end, 1);
    assert_true(walltime_job_left(&left_s));
    assert_near(left_s, 3600, 60);
}

/* A squeue of the test's own stands in for Slurm's: tests/slurm asks the real one. */
static void squeue_is_asked_where_the_environment_does_not_say(void **state)
{
    (void)state;
    double left_s;
    char path[SCRATCH_PATH_BYTES];
    char *folder = scratch_new();
    snprintf(path, sizeof path, "%s/squeue", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("#!/bin/sh\necho noise >&2\ncase $3 in 17) echo 1:30;; 17_2) echo 45;; *) echo INVALID;; "
          "esac\n",
          f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0755), 0);
    setenv("SLURM_JOB_ID", "17", 1);
    setenv("PATH", folder, 1);
    /* neither does it where the job is not at work by this machine's clock */
    static const char *const times[][2] = {
        {NULL,         NULL        },
        {NULL,         "1000000"   },
        {"9000000000", "9000003600"}
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        unsetenv("SLURM_JOB_START_TIME");
        unsetenv("SLURM_JOB_END_TIME");
        if (times[i][0])
            setenv("SLURM_JOB_START_TIME", times[i][0], 1);
        if (times[i][1])
            setenv("SLURM_JOB_END_TIME", times[i][1], 1);
        left_s = 0;
        assert_true(walltime_job_left(&left_s));
        assert_near(left_s, 90, 0);
    }
    setenv("SLURM_ARRAY_JOB_ID", "17", 1);
    setenv("SLURM_ARRAY_TASK_ID", "2", 1); /* the name 17 would ask for all tasks */
    assert_true(walltime_job_left(&left_s));
    assert_near(left_s, 45, 0);
    unsetenv("SLURM_ARRAY_JOB_ID");
    unsetenv("SLURM_ARRAY_TASK_ID");
    setenv("SLURM_JOB_ID", "18", 1);
    assert_false(walltime_job_left(&left_s));
    setenv("PATH", "/nowhere", 1);
    assert_false(walltime_job_left(&left_s));
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_as_slurm_writes_them),
        cmocka_unit_test(without_a_limit_it_never_ends),
        cmocka_unit_test(the_nearer_limit_counts),
        cmocka_unit_test(it_leaves_time_to_finish_a_step_and_to_save),
        cmocka_unit_test(a_short_limit_is_mostly_used),
        cmocka_unit_test(a_job_tells_when_it_ends),
        cmocka_unit_test(squeue_is_asked_where_the_environment_does_not_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
