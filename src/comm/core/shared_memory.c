#include "shared_memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/poison.h"

enum { NAME_BYTES = 64 };

/* Where a rank is, and the name under which it would make the memory. */
struct offer {
    char host[COMM_HOST_BYTES];
    char name[NAME_BYTES];
};

static void *map(const char *name, int flags, size_t bytes)
{
    int fd = shm_open(name, O_RDWR | O_CLOEXEC | flags, 0600);
    if (fd < 0)
        return NULL;
    /* fallocate, or the first write to a full /dev/shm would end in SIGBUS */
    void *memory = MAP_FAILED;
    struct stat s;
    bool fits = flags ? posix_fallocate(fd, 0, (off_t)bytes) == 0
                      : fstat(fd, &s) == 0 && s.st_size >= (off_t)bytes;
    if (fits)
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

static void make_offer(const struct comm *c, const char *purpose, struct offer *mine)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    memcpy(mine->host, c->place.host, sizeof mine->host);
    snprintf(mine->name, sizeof mine->name, "/bifrons-%s-%ld-%lld-%ld", purpose, (long)getpid(),
             (long long)now.tv_sec, now.tv_nsec);
}

/* The lowest rank of a host makes the memory, the others open it, then its name goes. */
enum status shared_memory_open(struct comm *c, const char *purpose, size_t bytes, void **out,
                               struct errmsg *em)
{
    struct offer mine = {0}, *all = calloc((size_t)c->place.world_size, sizeof *all);
    int leader = 0, me = c->place.rank;
    void *memory = NULL;
    enum status st = comm_agree(c, all ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    if (st == ST_OK) {
        make_offer(c, purpose, &mine);
        st = c->ops->share_bytes(c, &mine, sizeof mine, all, em);
    }
    if (st != ST_OK)
        goto out;
    while (strcmp(all[leader].host, mine.host) != 0)
        leader++;
    if (leader == me)
        memory = map(all[me].name, O_CREAT | O_EXCL, bytes);
    st = comm_barrier(c, em);
    if (st == ST_OK && leader != me)
        memory = map(all[leader].name, 0, bytes);
    if (st == ST_OK)
        st = comm_barrier(c, em);
    if (leader == me)
        shm_unlink(all[me].name);
    if (st == ST_OK)
        *out = memory;
    else
        shared_memory_close(memory, bytes);
out:
    free(all);
    return st;
}

void shared_memory_close(void *memory, size_t bytes)
{
    if (memory)
        munmap(memory, bytes);
}
