/* Lists of processors, and a machine of two NUMA nodes as the kernel would show it. */
#include "numa.h"

#include <sys/stat.h>

#include "testing.h"

static void lists_of_processors_are_read(void **state)
{
    (void)state;
    cpu_set_t set;
    assert_true(numa_parse_list("0-3,8,10-11", &set));
    assert_int_equal(CPU_COUNT(&set), 7);
    for (size_t cpu = 0; cpu < 12; cpu++)
        assert_int_equal(!!CPU_ISSET(cpu, &set), cpu < 4 || cpu == 8 || cpu >= 10);
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "-1", "a", "0-", "0,", "0 1", "3-1", "0-99999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cpu_set_t set;
        if (numa_parse_list(wrong[i], &set))
            fail_msg("\"%s\" was taken for a list", wrong[i]);
    }
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash;
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

static void a_device_is_next_to_its_nodes_processors(void **state)
{
    (void)state;
    char *sys = scratch_new();
    put(sys, "bus/pci/devices/0000:17:00.0/numa_node", "1\n");
    put(sys, "bus/pci/devices/0000:18:00.0/numa_node", "-1\n");
    put(sys, "bus/pci/devices/0000:19:00.0/numa_node", "7\n");
    put(sys, "devices/system/node/node1/cpulist", "4-7\n");
    cpu_set_t near;
    assert_true(numa_near_device(sys, "0000:17:00.0", &near));
    assert_int_equal(CPU_COUNT(&near), 4);
    assert_true(CPU_ISSET(4, &near) && CPU_ISSET(7, &near));
    assert_false(
        numa_near_device(sys, "0000:18:00.0", &near)); /* a node the kernel does not know */
    assert_false(numa_near_device(sys, "0000:19:00.0", &near)); /* one without processors */
    assert_false(numa_near_device(sys, "0000:20:00.0", &near)); /* no such device */
    free(sys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_processors_are_read),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(a_device_is_next_to_its_nodes_processors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
