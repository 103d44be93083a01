/*
 * The CPUs that this process may use: the CPUs it is bound to, and the CPU time that its cgroups
 * (the limits of a container, for instance) allow.
 */
#ifndef BIFRONS_BASE_CPUS_H
#define BIFRONS_BASE_CPUS_H

/* CPUs of the node; at least 1. */
int cpus_online(void);
/* CPUs that the calling thread is bound to; all CPUs of the node if it is not bound. */
int cpus_allowed(void);
/*
 * The CPU quota in CPUs: 1.5 allows 1.5 s of CPU time a second. It is the lowest quota of this
 * process's cgroup and the cgroups above it, from cpu.max (v2) and cpu.cfs_quota_us (v1). INFINITY:
 * no quota, or none that can be read. root: ""; tests give a folder with their own proc/ and sys/.
 */
double cpus_quota(const char *root);

#endif
