/* The memory that is left, from the kernel's files: those of this machine, and some made here. */
#include "host_memory.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/file.h"
#include "testing.h"

static void write_below(const char *root, const char *path, const char *text)
{
    struct errmsg em = {0};
    char whole[PATH_BYTES_MAX], folder[PATH_BYTES_MAX];
    assert_true(path_join(whole, sizeof whole, root, path));
    path_folder(whole, folder, sizeof folder);
    assert_int_equal(folder_make(folder, &em), ST_OK);
    assert_int_equal(file_write_atomic(whole, text, strlen(text), &em), ST_OK);
}

/* A host with 8,000 kB available, and a process in the given group; the caller frees the path. */
static char *host_with(const char *cgroup)
{
    char *root = scratch_new();
    write_below(root, "proc/meminfo",
                "MemTotal:       9000 kB\nMemFree:   50 kB\nMemAvailable:    8000 kB\n");
    write_below(root, "proc/self/status",
                "Name:\tbifrons\nVmSize:\t  700 kB\nVmHWM:\t   600 kB\nVmRSS:\t   500 kB\n");
    write_below(root, "proc/self/cgroup", cgroup);
    return root;
}

static void without_groups_it_is_what_the_host_has(void **state)
{
    (void)state;
    char *root = host_with("0::/\n");
    struct host_memory m = host_memory_read(root);
    assert_true(m.left == 8000 * 1024);
    assert_true(m.resident == 500 * 1024);
    assert_true(m.peak == 600 * 1024);
    m = host_memory_read("/nowhere");
    assert_true(isinf(m.left));
    free(root);
}

static void a_group_above_may_leave_least(void **state)
{
    (void)state;
    char *root = host_with("0::/job/step\n");
    write_below(root, "sys/fs/cgroup/job/step/memory.max", "max\n");
    write_below(root, "sys/fs/cgroup/job/step/memory.current", "1000\n");
    assert_true(host_memory_read(root).left == 8000 * 1024);
    write_below(root, "sys/fs/cgroup/job/memory.max", "5000\n");
    write_below(root, "sys/fs/cgroup/job/memory.current", "3000\n");
    assert_true(host_memory_read(root).left == 2000);
    write_below(root, "sys/fs/cgroup/job/memory.stat", "anon 9\ninactive_file 700\nfile 8\n");
    assert_true(host_memory_read(root).left == 2700);
    write_below(root, "sys/fs/cgroup/memory.max", "10\n");
    assert_true(host_memory_read(root).left == 10);
    free(root);
}

static void groups_of_version_1(void **state)
{
    (void)state;
    char *root = host_with("9:name=systemd:/else\n4:memory:/job\n0::/else\n");
    write_below(root, "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9000\n");
    write_below(root, "sys/fs/cgroup/memory/job/memory.usage_in_bytes", "8000\n");
    write_below(root, "sys/fs/cgroup/memory/job/memory.stat",
                "inactive_file 5\ntotal_inactive_file 30\n");
    assert_true(host_memory_read(root).left == 1030);
    free(root);
}

static void a_limit_of_its_own(void **state)
{
    (void)state;
    struct rlimit before, own;
    char *root = host_with("0::/\n");
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    own = before;
    own.rlim_cur = (rlim_t)1 << 46; /* more than there is, so that nothing fails */
    assert_int_equal(setrlimit(RLIMIT_AS, &own), 0);
    assert_true(host_memory_read(root).left == 8000 * 1024);
    write_below(root, "proc/self/status", "VmSize:\t 68719476000 kB\n");
    assert_true(host_memory_read(root).left == 736.0 * 1024);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    free(root);
}

static void this_process_has_memory(void **state)
{
    (void)state;
    struct host_memory m = host_memory_read("");
    assert_true(m.resident > 1e5 && m.peak >= m.resident && m.left > 1e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_groups_it_is_what_the_host_has),
        cmocka_unit_test(a_group_above_may_leave_least),
        cmocka_unit_test(groups_of_version_1),
        cmocka_unit_test(a_limit_of_its_own),
        cmocka_unit_test(this_process_has_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
