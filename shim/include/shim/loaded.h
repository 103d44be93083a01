/*
 * Is the loaded libtorch the one that this program was built for?
 *
 *     struct errmsg em = {0};
 *     enum status st = shim_loaded_check(&em);       // once, before the first scope
 *
 * Another version's tensors have another layout in memory: results are wrong without an error. A
 * folder in LD_LIBRARY_PATH is enough to load one.
 */
#ifndef BIFRONS_SHIM_LOADED_H
#define BIFRONS_SHIM_LOADED_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ST_NODEVICE, with both versions, if it is another one. ST_OK also if libtorch does not tell. */
enum status shim_loaded_check(struct errmsg *em) MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
