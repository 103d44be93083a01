/* Settings of the whole process. */
#include "base/log.h"
#include "model/model.h"
#include "shim/loaded.h"
#include "shim/shim.h"

#include "base/poison.h"

void model_runtime_configure(int threads, bool deterministic)
{
    struct errmsg em = {0};
    shim_tune_allocator();
    enum status st = shim_set_deterministic(deterministic, &em);
    if (st == ST_OK && threads > 0)
        st = shim_set_threads(threads, &em);
    if (st != ST_OK)
        log_warn("%s; training uses libtorch's own setting", em.text);
}

enum status model_runtime_check(struct errmsg *em)
{
    return shim_loaded_check(em);
}

int model_runtime_threads(void)
{
    return (int)shim_get_threads();
}

const char *model_torch_version(void)
{
    return shim_torch_version();
}

int model_cuda_device_count(void)
{
    return (int)shim_cuda_count();
}
