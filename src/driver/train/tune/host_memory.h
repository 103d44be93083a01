/*
 * The memory of this process and what it may still take: the smallest of the host's available
 * memory (MemAvailable), the limits of its control groups (versions 1 and 2), and its own limit
 * (RLIMIT_AS). The kernel kills a process beyond the first two, so check before a large allocation.
 */
#ifndef BIFRONS_DRIVER_TRAIN_HOST_MEMORY_H
#define BIFRONS_DRIVER_TRAIN_HOST_MEMORY_H

/* Bytes. */
struct host_memory {
    double resident, peak; /* of this process: now, and the peak so far */
    double left;           /* INFINITY if there is no limit */
};

/* root: "" except in tests, which have their own files below it. */
struct host_memory host_memory_read(const char *root);

#endif
