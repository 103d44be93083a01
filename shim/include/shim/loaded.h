/*
 * Checks that the loaded libtorch has the version that this program was built for.
 *
 *     struct errmsg em = {0};
 *     enum status st = shim_loaded_check(&em);       // once, before the first scope
 *
 * Tensors of another version have another layout in memory, so results would be wrong without an
 * error. A folder in LD_LIBRARY_PATH is enough to load another version.
 */
#ifndef BIFRONS_SHIM_LOADED_H
#define BIFRONS_SHIM_LOADED_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ST_NODEVICE, with both versions, if they differ. ST_OK if libtorch does not tell its version. */
enum status shim_loaded_check(struct errmsg *em) MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
