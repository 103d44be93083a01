/* The description of a cluster in TOML, and a plan for it. */
#include "cluster.h"

#include "fuzz.h"
#include "plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct config c;
    struct cluster cluster;
    struct plan *plan = NULL;
    if (cluster_read(fuzz_file(data, n), &cluster, NULL) != ST_OK)
        return 0;
    config_init(&c);
    const struct plan_request request = {.config = &c,
                                         .cluster = &cluster,
                                         .ranks = 2,
                                         .pictures = 100};
    if (plan_new(&request, &plan, NULL) == ST_OK)
        plan_free(plan);
    return 0;
}
