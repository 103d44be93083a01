/*
 * Counts the kernels, copies and calls of CUDA's runtime of a program, and sums up their time.
 *
 *     LD_PRELOAD=build/cuda/bench/libkernel_table.so KERNEL_TABLE=table.tsv bifrons train …
 *
 * When bifrons-engine ends, it writes the file KERNEL_TABLE with a line for each name: kind
 * (kernel, copy, set or call), count, nanoseconds, name, with tabs between. Other programs are not
 * traced. CUPTI, which libtorch loads, does the tracing. All ranks write the same file, so trace
 * one rank.
 */
#include <cupti.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BUFFER_BYTES = 4 << 20, NAMES_MAX = 4096 };

static struct row {
    const char *kind;
    char *name;
    unsigned long count, ns;
} rows[NAMES_MAX];
static size_t n_rows, n_lost;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    CUptiResult (*enable)(CUpti_ActivityKind kind);
    CUptiResult (*callbacks)(CUpti_BuffersCallbackRequestFunc request,
                             CUpti_BuffersCallbackCompleteFunc complete);
    CUptiResult (*next)(uint8_t *buffer, size_t bytes, CUpti_Activity **record);
    CUptiResult (*flush)(uint32_t flag);
    CUptiResult (*name)(CUpti_CallbackDomain domain, uint32_t id, const char **name);
} cupti;

static void add(const char *kind, const char *name, unsigned long ns)
{
    pthread_mutex_lock(&lock);
    size_t i = 0;
    while (i < n_rows && (rows[i].kind != kind || strcmp(rows[i].name, name) != 0))
        i++;
    if (i == n_rows && n_rows < NAMES_MAX) {
        char *copy = strdup(name);
        if (copy)
            rows[n_rows++] = (struct row){.kind = kind, .name = copy};
    }
    if (i < n_rows) {
        rows[i].count++;
        rows[i].ns += ns;
    } else {
        n_lost++;
    }
    pthread_mutex_unlock(&lock);
}

static void add_record(const CUpti_Activity *record)
{
    const CUpti_ActivityKernel10 *kernel = (const void *)record;
    const CUpti_ActivityMemcpy6 *copy = (const void *)record;
    const CUpti_ActivityMemset4 *set = (const void *)record;
    const CUpti_ActivityAPI *call = (const void *)record;
    static const char *const copies[] = {
        [CUPTI_ACTIVITY_MEMCPY_KIND_HTOD] = "host to device",
        [CUPTI_ACTIVITY_MEMCPY_KIND_DTOH] = "device to host",
        [CUPTI_ACTIVITY_MEMCPY_KIND_DTOD] = "device to device",
    };
    const char *name = NULL;
    if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
        add("kernel", kernel->name, kernel->end - kernel->start);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMCPY) {
        if (copy->copyKind < sizeof copies / sizeof *copies)
            name = copies[copy->copyKind];
        add("copy", name ? name : "other", copy->end - copy->start);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMSET) {
        add("set", "memory", set->end - set->start);
    } else if (record->kind == CUPTI_ACTIVITY_KIND_RUNTIME) {
        if (cupti.name(CUPTI_CB_DOMAIN_RUNTIME_API, call->cbid, &name) == CUPTI_SUCCESS)
            add("call", name, call->end - call->start);
    }
}

static void CUPTIAPI need_buffer(uint8_t **buffer, size_t *bytes, size_t *most)
{
    *buffer = aligned_alloc(ACTIVITY_RECORD_ALIGNMENT, BUFFER_BYTES);
    *bytes = *buffer ? BUFFER_BYTES : 0;
    *most = 0;
}

static void CUPTIAPI read_buffer(CUcontext context, uint32_t stream, uint8_t *buffer, size_t bytes,
                                 size_t valid)
{
    (void)context, (void)stream, (void)bytes;
    CUpti_Activity *record = NULL;
    while (cupti.next(buffer, valid, &record) == CUPTI_SUCCESS)
        add_record(record);
    free(buffer);
}

/* By the file that runs: bifrons starts it under its own name. */
static int is_engine(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    const char *slash = strrchr(path, '/');
    return slash && strcmp(slash + 1, "bifrons-engine") == 0;
}

__attribute__((constructor)) static void begin(void)
{
    if (!getenv("KERNEL_TABLE") || !is_engine())
        return;
    *(void **)&cupti.enable = dlsym(RTLD_DEFAULT, "cuptiActivityEnable");
    *(void **)&cupti.callbacks = dlsym(RTLD_DEFAULT, "cuptiActivityRegisterCallbacks");
    *(void **)&cupti.next = dlsym(RTLD_DEFAULT, "cuptiActivityGetNextRecord");
    *(void **)&cupti.flush = dlsym(RTLD_DEFAULT, "cuptiActivityFlushAll");
    *(void **)&cupti.name = dlsym(RTLD_DEFAULT, "cuptiGetCallbackName");
    if (!cupti.enable || !cupti.callbacks || !cupti.next || !cupti.flush || !cupti.name) {
        fprintf(stderr, "kernel_table: this program has no CUPTI\n");
        return;
    }
    static const CUpti_ActivityKind kinds[] = {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
                                               CUPTI_ACTIVITY_KIND_MEMCPY,
                                               CUPTI_ACTIVITY_KIND_MEMSET,
                                               CUPTI_ACTIVITY_KIND_RUNTIME};
    CUptiResult failed = cupti.callbacks(need_buffer, read_buffer);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !failed; i++)
        failed = cupti.enable(kinds[i]);
    if (failed)
        fprintf(stderr, "kernel_table: CUPTI refuses: error %d\n", (int)failed);
}

static void write_table(void)
{
    const char *path = getenv("KERNEL_TABLE");
    if (!path || !cupti.flush)
        return;
    cupti.flush(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
    FILE *f = fopen(path, "w");
    if (!f) {
        fprintf(stderr, "kernel_table: %s: %s\n", path, strerror(errno));
        return;
    }
    for (size_t i = 0; i < n_rows; i++)
        fprintf(f, "%s\t%lu\t%lu\t%s\n", rows[i].kind, rows[i].count, rows[i].ns, rows[i].name);
    if (n_lost > 0)
        fprintf(f, "lost\t%zu\t0\trecords, because there are more than %d names\n", n_lost,
                NAMES_MAX);
    fclose(f);
}

/* Replaces the C library's _exit, which ends bifrons-engine without running atexit's functions. */
_Noreturn void _exit(int status)
{
    write_table();
    syscall(SYS_exit_group, status);
    __builtin_unreachable();
}
