/* Which device a rank works on, and in which precision it works best. */
#ifndef BIFRONS_DRIVER_TRAIN_DEVICE_H
#define BIFRONS_DRIVER_TRAIN_DEVICE_H

#include "config.h"

/*
 * train.device as a device's name: "auto" is CUDA device `gpu`, or "cpu" where that is -1; "cuda"
 * without a number is that GPU, too.
 */
void device_resolve(const char *wanted, int gpu, char out[static CONFIG_TEXT_BYTES]);

/* Does the device compute in bf16 faster than in fp32? On a CPU: AVX-512 BF16 or AMX. */
bool device_prefers_bf16(const char *device);

#endif
