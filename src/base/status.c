#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static const struct {
    int exit_code;
    const char *name;
} table[] = {
#define X(name, exit_code, meaning) {exit_code, #name},
    STATUS_MAP(X)
#undef X
};

int status_exit_code(enum status st)
{
    return table[st].exit_code;
}

const char *status_name(enum status st)
{
    return table[st].name;
}

static void errmsg_write(struct errmsg *em, enum status code, const char *where, int line,
                         const char *fmt, va_list ap)
{
    *em = (struct errmsg){.code = code, .rank = -1, .line = line};
    snprintf(em->where, sizeof em->where, "%s", where);
    vsnprintf(em->text, sizeof em->text, fmt, ap);
}

enum status errmsg_set(struct errmsg *em, enum status code, const char *where, int line,
                       const char *fmt, ...)
{
    if (em && em->code == ST_OK) {
        va_list ap;
        va_start(ap, fmt);
        errmsg_write(em, code, where, line, fmt, ap);
        va_end(ap);
    }
    return code;
}

enum status errmsg_set_errno(struct errmsg *em, enum status code, int errno_value,
                             const char *where, int line, const char *fmt, ...)
{
    if (em && em->code == ST_OK) {
        va_list ap;
        va_start(ap, fmt);
        errmsg_write(em, code, where, line, fmt, ap);
        va_end(ap);
        size_t used = strlen(em->text);
        char reason[128];
        snprintf(em->text + used, sizeof em->text - used, ": %s",
                 strerror_r(errno_value, reason, sizeof reason) == 0 ? reason : "unknown error");
    }
    return code;
}

void bug_report(const char *condition, const char *file, int line)
{
    log_error("this is a bug in bifrons: %s at %s:%d; please report it, with what bifrons "
              "info --report prints",
              condition, file, line);
    abort();
}
