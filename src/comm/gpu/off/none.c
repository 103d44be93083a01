/* The functions of gpu.c in a build without CUDA. */
#include <stdio.h>

#include "comm_priv.h"

bool comm_gpu_built(void)
{
    return false;
}

const char *comm_nccl_version(void)
{
    return "none";
}

void comm_describe_gpus(char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "no: built with a libtorch for CPUs");
}

enum status comm_gpu_open(const struct comm_options *o, struct comm **c, struct errmsg *em)
{
    (void)o, (void)c, (void)em;
    return ST_OK;
}

bool comm_gpu_bus_id(int device, char out[static COMM_BUS_ID_BYTES])
{
    (void)device, (void)out;
    return false;
}
