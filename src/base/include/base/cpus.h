/*
 * The CPUs that this process may use: those it is bound to, and how much of their time its cgroups
 * (a container's limits, for instance) leave it.
 */
#ifndef BIFRONS_BASE_CPUS_H
#define BIFRONS_BASE_CPUS_H

/* CPUs of the machine; at least 1. */
int cpus_online(void);
/* CPUs that the calling thread is bound to; all of the machine where nothing binds it. */
int cpus_allowed(void);
/*
 * The CPU quota in CPUs: 1.5 allows 1.5 s of CPU time a second. The lowest one of this process's
 * own cgroup and of the cgroups above it, by cpu.max (v2) and cpu.cfs_quota_us (v1). INFINITY where
 * there is none, or none that can be read. root: "", or a folder that holds proc/ and sys/ of a
 * test.
 */
double cpus_quota(const char *root);

#endif
