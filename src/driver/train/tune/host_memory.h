/*
 * The memory of this process and what it may still take: the least of what the host has available
 * (MemAvailable), what its control group and those above it allow (versions 1 and 2), and its own
 * limit (RLIMIT_AS). Past the first two the kernel kills; so whoever is going to need much asks
 * before.
 */
#ifndef BIFRONS_DRIVER_TRAIN_HOST_MEMORY_H
#define BIFRONS_DRIVER_TRAIN_HOST_MEMORY_H

/* Bytes. */
struct host_memory {
    double resident, peak; /* of this process: now, and the most so far */
    double left;           /* INFINITY where nothing says */
};

/* root: "" but for tests, which have files of their own below it. */
struct host_memory host_memory_read(const char *root);

#endif
