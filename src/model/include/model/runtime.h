/* What the process computes with: libtorch's version, devices, threads. */
#ifndef BIFRONS_MODEL_RUNTIME_H
#define BIFRONS_MODEL_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* "2.13.0"; static. */
const char *runtime_torch_version(void);
/* Does this build know CUDA at all? */
bool runtime_cuda_built(void);
/* CUDA devices that can be used now, and the name of one ("" where there is none). */
int64_t runtime_cuda_count(void);
void runtime_cuda_name(int64_t index, char *out, size_t out_bytes);
/* ST_OK where a model can live on `device`; ST_NODEVICE, ST_CONFIG. */
enum status runtime_check_device(const char *device, struct errmsg *em) MUST_CHECK;

/* Threads inside one operation, process-wide: set them before model_new. ST_CONFIG. */
enum status runtime_set_threads(int64_t n, struct errmsg *em) MUST_CHECK;
int64_t runtime_get_threads(void);
/* The same bits each time, or ST_TORCH from the operation that cannot. Always so on the CPU. */
enum status runtime_set_deterministic(bool on, struct errmsg *em) MUST_CHECK;
/* Bytes in use and their peak, of a device or (on "cpu") of the process. */
enum status runtime_memory(const char *device, int64_t *used_out, int64_t *peak_out,
                           struct errmsg *em) MUST_CHECK;

#endif
