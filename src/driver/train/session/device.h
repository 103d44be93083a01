/* Which device a rank works on, and in which precision it works best. */
#ifndef BIFRONS_DRIVER_TRAIN_DEVICE_H
#define BIFRONS_DRIVER_TRAIN_DEVICE_H

#include "config.h"

/*
 * Turns train.device into the name of a device. "auto": CUDA device `gpu`, or "cpu" if gpu is -1.
 * "cuda" without a number: CUDA device `gpu`.
 */
void device_resolve(const char *wanted, int gpu, char out[static CONFIG_TEXT_BYTES]);

/* True if bf16 is faster than fp32 on the device. On a CPU: with AVX-512 BF16 or AMX. */
bool device_prefers_bf16(const char *device);

#endif
