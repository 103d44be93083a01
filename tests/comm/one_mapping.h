/*
 * Threads of one process as the ranks of a node: each file of shared memory is mapped once, at one
 * address. ThreadSanitizer tells memory by its address. Link with --wrap=mmap,--wrap=munmap.
 */
#ifndef BIFRONS_TESTS_COMM_ONE_MAPPING_H
#define BIFRONS_TESTS_COMM_ONE_MAPPING_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { SEGMENTS_MAX = 3 };

static struct {
    pthread_mutex_t lock;
    struct {
        ino_t file;
        void *memory;
        int users;
    } segments[SEGMENTS_MAX];
} mapped = {.lock = PTHREAD_MUTEX_INITIALIZER};

void *__real_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *memory, size_t bytes);
int __wrap_munmap(void *memory, size_t bytes);

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    struct stat info;
    void *memory = NULL;
    if (fd < 0 || fstat(fd, &info) != 0)
        return __real_mmap(address, bytes, protection, flags, fd, offset);
    pthread_mutex_lock(&mapped.lock);
    for (int i = 0; i < SEGMENTS_MAX && !memory; i++) {
        if (mapped.segments[i].users == 0) {
            mapped.segments[i].file = info.st_ino;
            mapped.segments[i].memory = __real_mmap(address, bytes, protection, flags, fd, offset);
        }
        if (mapped.segments[i].file == info.st_ino) {
            memory = mapped.segments[i].memory;
            mapped.segments[i].users++;
        }
    }
    pthread_mutex_unlock(&mapped.lock);
    return memory;
}

int __wrap_munmap(void *memory, size_t bytes)
{
    bool last = true;
    pthread_mutex_lock(&mapped.lock);
    for (int i = 0; i < SEGMENTS_MAX; i++)
        if (mapped.segments[i].users > 0 && mapped.segments[i].memory == memory)
            last = --mapped.segments[i].users == 0;
    int code = last ? __real_munmap(memory, bytes) : 0;
    pthread_mutex_unlock(&mapped.lock);
    return code;
}

#endif
