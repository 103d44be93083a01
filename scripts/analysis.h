/*
 * Included first in every file under static analysis (scripts/analysis.py). Analysis sees one file
 * at a time: this header tells it what functions of other files guarantee.
 */
#include "base/status.h"

#undef FAIL
#define FAIL(em, code, ...) \
    ((void)errmsg_set((em), (code), __func__, __LINE__, __VA_ARGS__), (code))
#undef FAIL_ERRNO
#define FAIL_ERRNO(em, code, errno_value, ...) \
    ((void)errmsg_set_errno((em), (code), (errno_value), __func__, __LINE__, __VA_ARGS__), (code))

/* comm_agree fails if the local status is a failure. */
#if __has_include("comm/comm.h")
#include "comm/comm.h"
#define comm_agree(c, local, em) ((local) != ST_OK ? (local) : (comm_agree)((c), ST_OK, (em)))
#endif
