#include "device.h"

#include <stdio.h>
#include <string.h>

#include "model/runtime.h"

void device_resolve(const char *wanted, int local_rank, char out[static CONFIG_TEXT_BYTES])
{
    int64_t devices = runtime_cuda_count();
    bool automatic = strcmp(wanted, "auto") == 0;
    if (devices > 0 && (automatic || strcmp(wanted, "cuda") == 0))
        snprintf(out, CONFIG_TEXT_BYTES, "cuda:%d", (int)(local_rank % devices));
    else
        snprintf(out, CONFIG_TEXT_BYTES, "%s", automatic ? "cpu" : wanted);
}
