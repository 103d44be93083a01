#include "shared_memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared_file.h"

#include "base/poison.h"

/* The node of a rank, and the name that it would give to the memory. */
struct offer {
    struct comm_place place;
    char name[SHARED_FILE_NAME_BYTES];
};

static void *map(int fd, bool is_new, size_t bytes)
{
    void *memory = MAP_FAILED;
    struct stat s;
    /* fallocate: otherwise the first write to a full /dev/shm raises SIGBUS */
    bool fits = is_new ? posix_fallocate(fd, 0, (off_t)bytes) == 0
                       : fstat(fd, &s) == 0 && s.st_size >= (off_t)bytes;
    if (fits)
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* The lowest rank of a node makes the memory, the other ranks open it, then its name is removed. */
enum status shared_memory_open(struct comm *c, const char *purpose, size_t bytes, void **out,
                               struct errmsg *em)
{
    struct offer mine = {0}, *all = calloc((size_t)c->place.world_size, sizeof *all);
    int leader = 0, me = c->place.rank, fd = -1;
    void *memory = NULL;
    enum status st = comm_agree(c, all ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    if (st == ST_OK) {
        mine.place = c->place;
        shared_file_name(purpose, mine.name);
        st = c->ops->share_bytes(c, &mine, sizeof mine, all, em);
    }
    if (st != ST_OK)
        goto out;
    while (!comm_place_same_node(&all[leader].place, &mine.place))
        leader++;
    if (leader == me && (fd = shared_file_make(mine.name)) >= 0)
        memory = map(fd, true, bytes);
    st = comm_barrier(c, em);
    if (st == ST_OK && leader != me &&
        (fd = shm_open(all[leader].name, O_RDWR | O_CLOEXEC, 0)) >= 0)
        memory = map(fd, false, bytes);
    if (st == ST_OK)
        st = comm_barrier(c, em);
    if (leader == me)
        shm_unlink(mine.name);
    if (fd >= 0)
        close(fd);
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
