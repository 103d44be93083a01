/*
 * Which processors a PCI device is next to: those of its NUMA node, as Linux tells under /sys.
 * Memory that a thread touches first lies on its node, and copies to a device from another node
 * cross the link between them.
 */
#ifndef BIFRONS_COMM_NUMA_H
#define BIFRONS_COMM_NUMA_H

#include <sched.h>
#include <stdbool.h>

/* bus_id: "0000:17:00.0"; sysfs: "/sys". False where the kernel does not know: no such device, or a
 * machine without NUMA nodes. */
bool numa_near_device(const char *sysfs, const char *bus_id, cpu_set_t *near_out);
/* "0-3,8,10-11" as the kernel writes lists of processors; false where it is none. */
bool numa_parse_list(const char *text, cpu_set_t *out);

#endif
