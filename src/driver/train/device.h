/* Which device a rank works on, and in which precision it works best. */
#ifndef BIFRONS_DRIVER_TRAIN_DEVICE_H
#define BIFRONS_DRIVER_TRAIN_DEVICE_H

#include "config.h"

/*
 * train.device as a device's name: "auto" is a CUDA device where one can be used, else "cpu", and
 * "cuda" without a number is the one of this local rank; ranks beyond the devices share them.
 */
void device_resolve(const char *wanted, int local_rank, char out[static CONFIG_TEXT_BYTES]);

/* Does the device compute in bf16 faster than in fp32? On a CPU: AVX-512 BF16 or AMX. */
bool device_prefers_bf16(const char *device);

#endif
