#include "shared_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/poison.h"

enum { KEEP_S = 60 }; /* a file is locked only after it was made */

void shared_file_name(const char *purpose, char name[static SHARED_FILE_NAME_BYTES])
{
    static _Atomic unsigned serial;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(name, SHARED_FILE_NAME_BYTES, "/bifrons-%s-%d-%u-%lx%08lx.shm", purpose, (int)getpid(),
             serial++, (unsigned long)now.tv_sec, (unsigned long)now.tv_nsec);
}

static bool is_shared_file(const char *name)
{
    int end = 0;
    /* nothing is converted */
    /* NOLINTNEXTLINE(cert-err34-c) */
    sscanf(name, "bifrons-%*[a-z]-%*[0-9]-%*[0-9]-%*[0-9a-f].shm%n", &end);
    return end > 0 && name[end] == '\0';
}

int shared_file_make(const char *name)
{
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)flock(fd, LOCK_SH | LOCK_NB);
    return fd;
}

void shared_file_sweep(void)
{
    DIR *folder = opendir("/dev/shm");
    for (const struct dirent *e; folder && (e = readdir(folder));) {
        struct stat s;
        if (!is_shared_file(e->d_name))
            continue;
        int fd = openat(dirfd(folder), e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == geteuid() &&
            clock_wall_seconds() - (double)s.st_mtime > KEEP_S && flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)unlinkat(dirfd(folder), e->d_name, 0);
        close(fd);
    }
    if (folder)
        closedir(folder);
}
