/*
 * Faults on demand, for tests: some calls of the engine are diverted to here by the linker.
 *
 *     BIFRONS_FAULT="WHAT:WHEN:HOW[@RANK] ..."
 *
 * WHAT  loss, gradient            of the process's WHEN-th step
 *       backward, evaluate        the WHEN-th call
 *       evaluated                 the loss of that call of evaluate
 *       fwrite, fsync, rename     the WHEN-th of a checkpoint
 *       hook, collective          the WHEN-th gradient that is ready, or sum that is carried out
 *       pairs                     each backward of WHEN pairs
 *       memory                    the WHEN-th look at the host's memory
 * WHEN  a number from 1, or FIRST-LAST
 * HOW   nan, inf or a number      what a loss or gradient becomes
 *       kill, stop                the signal that this process then sends itself
 *       full                      the call fails as on a full disk, or without memory; none is left
 *       sleep                     the call lasts until it is waited for, and two seconds more
 *       delayN                    it takes up to 16 ms longer, mostly far less, by the seed N
 * RANK  of the process it happens to; all where left out
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/philox.h"
#include "host_memory.h"
#include "model/model.h"
#include "worker.h"

enum status __real_model_zero_gradients(struct model *m, struct errmsg *em);
enum status __real_model_backward(struct model *m, const struct batch *b, double global_batch,
                                  struct model_losses *out, struct errmsg *em);
enum status __real_model_evaluate(struct model *m, const struct batch *b, double global_batch,
                                  struct model_losses *out, const struct model_pictures *pictures,
                                  struct errmsg *em);
int __real_rename(const char *from, const char *to);
int __real_fsync(int fd);
size_t __real_fwrite(const void *bytes, size_t size, size_t n, FILE *f);
enum status __wrap_model_zero_gradients(struct model *m, struct errmsg *em);
enum status __wrap_model_backward(struct model *m, const struct batch *b, double global_batch,
                                  struct model_losses *out, struct errmsg *em);
enum status __wrap_model_evaluate(struct model *m, const struct batch *b, double global_batch,
                                  struct model_losses *out, const struct model_pictures *pictures,
                                  struct errmsg *em);
int __wrap_rename(const char *from, const char *to);
int __wrap_fsync(int fd);
size_t __wrap_fwrite(const void *bytes, size_t size, size_t n, FILE *f);

struct host_memory __real_host_memory_read(const char *root);
struct host_memory __wrap_host_memory_read(const char *root);

bool __real_worker_wait(struct worker *w, double timeout_s);
bool __wrap_worker_wait(struct worker *w, double timeout_s);

struct mpi;
struct comm_request;
void __real_reducer_ready(void *reducer, size_t first, size_t count);
void __wrap_reducer_ready(void *reducer, size_t first, size_t count);
enum status __real_mpi_run_shared(struct mpi *m, const struct comm_request *r, struct errmsg *em);
enum status __wrap_mpi_run_shared(struct mpi *m, const struct comm_request *r, struct errmsg *em);

enum { HOW_BYTES = 32 };

static long my_rank(void)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    return rank ? strtol(rank, NULL, 10) : 0;
}

static bool is_my_rank(const char *at)
{
    return !at || strtol(at + 1, NULL, 10) == my_rank();
}

/* Does BIFRONS_FAULT name this call? Then how, else NULL. */
static const char *fault(const char *what, long count, char how[static HOW_BYTES])
{
    const char *all = getenv("BIFRONS_FAULT");
    size_t n = strlen(what);
    for (const char *p = all; p && *p; p += strcspn(p, " "), p += *p == ' ') {
        if (strncmp(p, what, n) != 0 || p[n] != ':')
            continue;
        char *end;
        long first = strtol(p + n + 1, &end, 10), last = first;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        size_t length = strcspn(end + 1, " @");
        const char *at = end[1 + length] == '@' ? end + 1 + length : NULL;
        if (*end != ':' || count < first || count > last || !is_my_rank(at))
            continue;
        snprintf(how, HOW_BYTES, "%.*s", (int)length, end + 1);
        return how;
    }
    return NULL;
}

/* 1 us to 16 ms, each doubling as likely as the next: ranks that are nearly together, and far
 * apart. */
static void delay(const char *what, long count, const char *seed)
{
    uint64_t index = (uint64_t)count << 16 | (uint64_t)my_rank() << 8 | (unsigned char)what[0];
    struct philox p = philox_at(strtoull(seed, NULL, 10), PHILOX_FAULT, index);
    usleep(1u << philox_below(&p, 15));
}

static _Atomic bool awaited; /* the loop waits for the thread that writes checkpoints */

static void sleep_while_awaited(void)
{
    while (!atomic_load(&awaited))
        usleep(1000);
    sleep(2);
}

bool __wrap_worker_wait(struct worker *w, double timeout_s)
{
    /* others only ask, or wait for pictures without a deadline */
    if (timeout_s >= 1 && !__real_worker_wait(w, 0))
        atomic_store(&awaited, true);
    return __real_worker_wait(w, timeout_s);
}

/* The faults that any call can meet. True where it is to fail. */
static bool strike(const char *what, long count)
{
    char how[HOW_BYTES];
    if (!fault(what, count, how))
        return false;
    if (strcmp(how, "kill") == 0)
        raise(SIGKILL);
    else if (strcmp(how, "stop") == 0)
        raise(SIGSTOP);
    else if (strcmp(how, "sleep") == 0)
        sleep_while_awaited();
    else if (strncmp(how, "delay", 5) == 0)
        delay(what, count, how + 5);
    return strcmp(how, "full") == 0;
}

static long step, backward, evaluate;

/* A gradient that is to be wrong once backward has written it: before it is summed, or afterwards
 * where nothing is. */
static struct {
    float *gradients, value;
    size_t at;
} spoilt;

static void spoil(void)
{
    if (spoilt.gradients)
        spoilt.gradients[spoilt.at] = spoilt.value;
    spoilt.gradients = NULL;
}

enum status __wrap_model_zero_gradients(struct model *m, struct errmsg *em)
{
    step++;
    return __real_model_zero_gradients(m, em);
}

enum status __wrap_model_backward(struct model *m, const struct batch *b, double global_batch,
                                  struct model_losses *out, struct errmsg *em)
{
    char how[HOW_BYTES];
    strike("backward", ++backward);
    if (strike("pairs", (long)b->n))
        return FAIL(em, ST_MEMORY, "out of memory for %zu pairs", b->n);
    if (fault("gradient", step, how)) {
        spoilt.gradients = model_flat(m)->gradients;
        spoilt.value = strtof(how, NULL);
        spoilt.at = model_flat(m)->count / 2;
    }
    enum status st = __real_model_backward(m, b, global_batch, out, em);
    spoil();
    if (fault("loss", step, how))
        out->total = strtod(how, NULL);
    return st;
}

enum status __wrap_model_evaluate(struct model *m, const struct batch *b, double global_batch,
                                  struct model_losses *out, const struct model_pictures *pictures,
                                  struct errmsg *em)
{
    char how[HOW_BYTES];
    strike("evaluate", ++evaluate);
    enum status st = __real_model_evaluate(m, b, global_batch, out, pictures, em);
    if (fault("evaluated", evaluate, how)) {
        out->total = strtod(how, NULL);
        for (int who = 0; who < MODEL_PEOPLE; who++) {
            out->term[who][MODEL_LOSS_L1] = out->total / MODEL_PEOPLE;
            out->term[who][MODEL_LOSS_DSSIM] = 0;
        }
    }
    return st;
}

struct host_memory __wrap_host_memory_read(const char *root)
{
    static long count;
    struct host_memory m = __real_host_memory_read(root);
    if (strike("memory", ++count))
        m.left = 0;
    return m;
}

static bool is_checkpoint(const char *path)
{
    const char *name = path ? strrchr(path, '/') : NULL;
    return name && strncmp(name, "/step-", 6) == 0 && !strstr(name, ".xxh3") &&
           !strstr(name, ".png");
}

int __wrap_rename(const char *from, const char *to)
{
    static long count;
    if (is_checkpoint(to) && strike("rename", ++count)) {
        errno = ENOSPC;
        return -1;
    }
    return __real_rename(from, to);
}

static bool writes_checkpoint(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return is_checkpoint(path);
}

int __wrap_fsync(int fd)
{
    static long count;
    if (writes_checkpoint(fd) && strike("fsync", ++count)) {
        errno = ENOSPC;
        return -1;
    }
    return __real_fsync(fd);
}

size_t __wrap_fwrite(const void *bytes, size_t size, size_t n, FILE *f)
{
    static long count;
    if (writes_checkpoint(fileno(f)) && strike("fwrite", ++count)) {
        errno = ENOSPC;
        return 0;
    }
    return __real_fwrite(bytes, size, n, f);
}

void __wrap_reducer_ready(void *reducer, size_t first, size_t count)
{
    static long calls;
    strike("hook", ++calls);
    if (first <= spoilt.at && spoilt.at < first + count)
        spoil();
    __real_reducer_ready(reducer, first, count);
}

enum status __wrap_mpi_run_shared(struct mpi *m, const struct comm_request *r, struct errmsg *em)
{
    static long calls;
    strike("collective", ++calls);
    return __real_mpi_run_shared(m, r, em);
}
