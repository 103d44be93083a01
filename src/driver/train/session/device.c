#include "device.h"

#include <stdio.h>
#include <string.h>

void device_resolve(const char *wanted, int gpu, char out[static CONFIG_TEXT_BYTES])
{
    bool automatic = strcmp(wanted, "auto") == 0;
    if (gpu >= 0 && (automatic || strcmp(wanted, "cuda") == 0))
        snprintf(out, CONFIG_TEXT_BYTES, "cuda:%d", gpu);
    else
        snprintf(out, CONFIG_TEXT_BYTES, "%s", automatic ? "cpu" : wanted);
}

bool device_prefers_bf16(const char *device)
{
    if (strncmp(device, "cpu", 3) != 0)
        return true;
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}
