/*
 * The CPUs on the NUMA node of a PCI device, from Linux's /sys. Memory lies on the NUMA node of the
 * thread that touches it first. Copies from another NUMA node to the device cross a slower link.
 */
#ifndef BIFRONS_COMM_NUMA_H
#define BIFRONS_COMM_NUMA_H

#include <sched.h>
#include <stdbool.h>

/* bus_id: "0000:17:00.0"; sysfs: "/sys". False if the kernel does not know: no such device, or no
 * NUMA nodes. */
bool numa_near_device(const char *sysfs, const char *bus_id, cpu_set_t *near_out);
/* Reads a list of CPUs as the kernel writes it, "0-3,8,10-11"; false if text is not such a list. */
bool numa_parse_list(const char *text, cpu_set_t *out);

#endif
