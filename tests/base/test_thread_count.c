/* How many threads, and why; a quota as the kernel shows it below a fake root. */
#include "base/thread_count.h"

#include <math.h>

#include "base/cpus.h"
#include "testing.h"

static void put(const char *root, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static const char v2_mount[] =
    "26 23 0:24 / /proc rw - proc proc rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";

static void the_lowest_quota_up_to_the_mounted_cgroup_counts(void **state)
{
    (void)state;
    char *root = scratch_new();
    put(root, "proc/self/mountinfo", v2_mount);
    put(root, "proc/self/cgroup", "0::/user.slice/job\n");
    assert_true(isinf(cpus_quota(root))); /* no files: no quota */
    put(root, "sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
    assert_true(isinf(cpus_quota(root)));
    put(root, "sys/fs/cgroup/user.slice/cpu.max", "300000 100000\n");
    assert_near(cpus_quota(root), 3, 1e-9);
    put(root, "sys/fs/cgroup/user.slice/job/cpu.max", "400000 100000\n");
    assert_near(cpus_quota(root), 3, 1e-9);
    put(root, "sys/fs/cgroup/user.slice/job/cpu.max", "75000 50000\n");
    assert_near(cpus_quota(root), 1.5, 1e-9);
    put(root, "sys/fs/cgroup/other/cpu.max", "10000 100000\n"); /* is not above us */
    assert_near(cpus_quota(root), 1.5, 1e-9);
    free(root);
}

static void a_container_sees_its_own_cgroup_mounted(void **state)
{
    (void)state;
    char *root = scratch_new();
    put(root, "proc/self/mountinfo", v2_mount);
    put(root, "proc/self/cgroup", "0::/\n"); /* in a cgroup namespace */
    put(root, "sys/fs/cgroup/cpu.max", "250000 100000\n");
    assert_near(cpus_quota(root), 2.5, 1e-9);
    put(root, "proc/self/cgroup", "0::/kubepods/pod7/17\n"); /* or with the host's path */
    assert_near(cpus_quota(root), 2.5, 1e-9);
    put(root, "proc/self/cgroup", "0::/../../17\n");
    assert_near(cpus_quota(root), 2.5, 1e-9);
    free(root);
}

static void the_old_hierarchy_has_a_mount_of_its_own(void **state)
{
    (void)state;
    char *root = scratch_new();
    put(root, "proc/self/mountinfo",
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
        "32 31 0:29 /docker/17 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
        "33 31 0:31 /docker/17 /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n"
        "34 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put(root, "proc/self/cgroup",
        "5:cpuset:/docker/17\n4:cpu,cpuacct:/docker/17/deep\n0::/system.slice\n");
    put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
    assert_true(isinf(cpus_quota(root))); /* no period */
    put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    assert_near(cpus_quota(root), 1.5, 1e-9);
    put(root, "sys/fs/cgroup/cpu,cpuacct/deep/cpu.cfs_quota_us", "50000\n");
    put(root, "sys/fs/cgroup/cpu,cpuacct/deep/cpu.cfs_period_us", "100000\n");
    assert_near(cpus_quota(root), 0.5, 1e-9);
    put(root, "sys/fs/cgroup/cpu,cpuacct/deep/cpu.cfs_quota_us", "-1\n");
    assert_near(cpus_quota(root), 1.5, 1e-9);
    put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    assert_true(isinf(cpus_quota(root)));
    free(root);
}

static void what_cannot_be_read_is_no_quota(void **state)
{
    (void)state;
    char *root = scratch_new();
    assert_true(isinf(cpus_quota(root)));
    put(root, "proc/self/mountinfo", v2_mount);
    put(root, "proc/self/cgroup", "nonsense\n0:\n\n0::/\n");
    static const char *const texts[] = {"", "x", "100000", "0 100000", "100000 0", "-5 100000"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put(root, "sys/fs/cgroup/cpu.max", texts[i]);
        if (!isinf(cpus_quota(root)))
            fail_msg("\"%s\" was taken for a quota", texts[i]);
    }
    free(root);
}

static const struct thread_facts sixteen = {
    .online = 16, .cpus = 16, .sharing = 1, .ranks = 1, .quota = INFINITY};

static void assert_choice(struct thread_facts facts, int n, const char *why)
{
    struct thread_choice choice;
    threads_choose(&facts, &choice);
    assert_int_equal(choice.n, n);
    assert_string_equal(choice.why, why);
}

static void cpus_are_divided_by_the_ranks_on_them(void **state)
{
    (void)state;
    struct thread_facts f = sixteen;
    assert_choice(f, 16, "");
    f.sharing = f.ranks = 3;
    assert_choice(f, 5, "");
    f.sharing = f.ranks = 40;
    assert_choice(f, 1, "");
    f.cpus = 4; /* each rank its own four */
    f.sharing = 1;
    assert_choice(f, 4, "bound to 4 of 16 CPUs");
    f.sharing = 2; /* a container's four, for two ranks */
    assert_choice(f, 2, "bound to 4 of 16 CPUs");
}

static void a_quota_is_shared_by_the_hosts_ranks(void **state)
{
    (void)state;
    struct thread_facts f = sixteen;
    f.quota = 1.5;
    assert_choice(f, 1, "the container's CPU quota of 1.5");
    f.quota = 0.25;
    assert_choice(f, 1, "the container's CPU quota of 0.25");
    f.quota = 6;
    assert_choice(f, 6, "the container's CPU quota of 6");
    f.sharing = f.ranks = 4;
    assert_choice(f, 1, "the container's CPU quota of 6 for 4 ranks");
    f.quota = 64;
    assert_choice(f, 4, "");
    f.sharing = 1;
    f.cpus = 8;
    f.quota = 12;
    assert_choice(f, 3, "the container's CPU quota of 12 for 4 ranks");
}

static void the_environment_goes_before_the_machine_and_the_key_before_it(void **state)
{
    (void)state;
    struct thread_facts f = sixteen;
    f.quota = 1.5;
    f.sharing = f.ranks = 2;
    f.omp_num_threads = "4,2";
    assert_choice(f, 4, "OMP_NUM_THREADS");
    f.omp_num_threads = "100000";
    assert_choice(f, THREADS_MOST, "the largest allowed number; OMP_NUM_THREADS is 100000");
    f.omp_num_threads = "four";
    assert_choice(f, 1, "the container's CPU quota of 1.5 for 2 ranks");
    f.named = 3;
    assert_choice(f, 3, "");
    f.omp_num_threads = "3";
    assert_choice(f, 3, "");
    f.omp_num_threads = "2";
    assert_choice(f, 3, "train.threads, not OMP_NUM_THREADS");
}

static void the_variable_is_read_as_openmp_reads_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int first;
    } right[] = {
        {"1",       1},
        {" 8 ",     8},
        {"4,2",     4},
        {"4 , 2,1", 4},
        {"007",     7}
    };
    static const char *const wrong[] = {"",
                                        " ",
                                        "0",
                                        "-1",
                                        "x",
                                        "4x",
                                        "4,",
                                        ",4",
                                        "4,0",
                                        "4 2",
                                        "1.5",
                                        "4,,2",
                                        "99999999999999999999"};
    int first;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        assert_true(threads_parse_omp(right[i].text, &first));
        assert_int_equal(first, right[i].first);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (threads_parse_omp(wrong[i], &first))
            fail_msg("\"%s\" was taken for numbers of threads", wrong[i]);
}

static void this_process_has_facts(void **state)
{
    (void)state;
    struct thread_facts f;
    setenv("OMP_NUM_THREADS", "7", 1);
    threads_find_facts(&f);
    assert_true(f.online >= 1 && f.cpus >= 1 && f.quota > 0);
    assert_string_equal(f.omp_num_threads, "7");
    assert_int_equal(threads_for_model(), 7);
    assert_int_equal(threads_for_files(1), 1); /* OpenMP's variable is not theirs */
    setenv("OMP_NUM_THREADS", "", 1);
    threads_find_facts(&f);
    assert_null(f.omp_num_threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_quota_up_to_the_mounted_cgroup_counts),
        cmocka_unit_test(a_container_sees_its_own_cgroup_mounted),
        cmocka_unit_test(the_old_hierarchy_has_a_mount_of_its_own),
        cmocka_unit_test(what_cannot_be_read_is_no_quota),
        cmocka_unit_test(cpus_are_divided_by_the_ranks_on_them),
        cmocka_unit_test(a_quota_is_shared_by_the_hosts_ranks),
        cmocka_unit_test(the_environment_goes_before_the_machine_and_the_key_before_it),
        cmocka_unit_test(the_variable_is_read_as_openmp_reads_it),
        cmocka_unit_test(this_process_has_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
