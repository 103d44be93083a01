/*
 * Status and message of functions that can fail.
 *
 *     struct errmsg em = {0};
 *     if (set_open(path, &set, &em) != ST_OK)
 *         log_error("%s", em.text);            // the driver alone prints verdicts and exits
 *
 * A function that can fail returns `enum status` and takes a `struct errmsg *em` as its last
 * parameter. The function that notices the failure writes the text with FAIL; callers pass status
 * and text on unchanged. Outputs are set only on success, and a failed open leaves nothing to free.
 * The text says what is wrong, where (file, row, key), and what to do.
 *
 * BUG_ON is for bugs in our own code: it prints the place and aborts, also in release builds. Do
 * not check input with it.
 */
#ifndef BIFRONS_BASE_STATUS_H
#define BIFRONS_BASE_STATUS_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MUST_CHECK           __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, va) __attribute__((format(printf, fmt, va)))

/* The rows of all statuses. Call STATUS_MAP with a macro X: it becomes X(OK, 0, "success")
 * X(USAGE, 64, …) and so on. Below, X makes the enum's names; in status.c, a table.
 *
 * name, exit code, meaning: what to correct */
#define STATUS_MAP(X)                                                                 \
    X(OK, 0, "success")                                                               \
    X(USAGE, 64, "bad usage: correct the command line")                               \
    X(DATA, 65, "bad data: the named file or picture cannot be used")                 \
    X(NOINPUT, 66, "missing input: the named file or folder cannot be opened")        \
    X(NODEVICE, 69, "unavailable: this build or machine lacks what was asked for")    \
    X(INTERNAL, 70, "failure while working: see the message, then the log")           \
    X(MEMORY, 70, "out of memory: use a smaller batch, picture or model")             \
    X(TORCH, 70, "libtorch failed: see the message")                                  \
    X(PEER, 70, "another rank, or the link to it, failed: see that rank's message")   \
    X(DIVERGED, 70, "training left the rails: see the message for what to change")    \
    X(IO, 74, "input/output error: a file could not be written or read")              \
    X(AGAIN, 75, "stopped on request after a checkpoint: run the same command again") \
    X(CONFIG, 78, "bad configuration: correct the named key")                         \
    X(INTERRUPTED, 130, "interrupted twice: ended at once, the last checkpoint stands")

enum status {
#define X(name, exit_code, meaning) ST_##name,
    STATUS_MAP(X)
#undef X
};

/* The exit code of the process for a status; from sysexits.h where one fits. */
int status_exit_code(enum status st);
/* The name without ST_: "NOINPUT"; a static string. */
const char *status_name(enum status st);

/*
 * One message; {0}: none. Plain bytes: threads and ranks may copy it as it is. The first writer
 * wins: a later FAIL does not change it.
 */
struct errmsg {
    enum status code;
    int rank; /* the rank that failed; -1 until comm_agree (a call that all ranks make together)
                 shares the failure */
    int line; /* in our source, for bug reports */
    char where[48];  /* our function that failed; cut off if longer */
    char text[1984]; /* UTF-8, no newline at the end; cut off if longer. 1984: the struct takes less
                        than 2 KiB */
};

/* Returns code, and writes em (NULL is allowed) unless it holds a message. */
#define FAIL(em, code, ...) errmsg_set((em), (code), __func__, __LINE__, __VA_ARGS__)
enum status errmsg_set(struct errmsg *em, enum status code, const char *where, int line,
                       const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The same with ": " and strerror(errno_value) at the end. */
#define FAIL_ERRNO(em, code, errno_value, ...) \
    errmsg_set_errno((em), (code), (errno_value), __func__, __LINE__, __VA_ARGS__)
enum status errmsg_set_errno(struct errmsg *em, enum status code, int errno_value,
                             const char *where, int line, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* Plural s in messages: log_info("%d rank%s", n, PLURAL(n)). */
#define PLURAL(n) ((n) == 1 ? "" : "s")

/* For bugs in our own code: prints place and condition, then aborts. */
#define BUG_ON(condition)                               \
    do {                                                \
        if (__builtin_expect(!!(condition), 0))         \
            bug_report(#condition, __FILE__, __LINE__); \
    } while (0)
__attribute__((noreturn)) void bug_report(const char *condition, const char *file, int line);

#ifdef __cplusplus
}
#endif

#endif
