#include "local_sets.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "data/local_copy.h"

#include "base/poison.h"

static void copy_set(const struct run *run, const char *path)
{
    char copy[PATH_BYTES_MAX];
    bool made = false;
    struct errmsg em = {0};
    double before = clock_seconds();
    enum status st = local_copy_make(path, run->config.data.local_dir, copy, &made, &em);
    if (st == ST_NOINPUT)
        return; /* opening it will fail with a message */
    if (st != ST_OK)
        log_warn("data.local_dir on node %s: %s; reading %s itself", comm_host_name(run->comm),
                 em.text, path);
    else
        log_info("%s on node %s: %s, %.1f s", copy, comm_host_name(run->comm),
                 made ? "copied" : "copied earlier, unchanged", clock_seconds() - before);
}

enum status local_sets_prepare(const struct run *run, struct local_sets *out, struct errmsg *em)
{
    const char *const sets[2] = {
        run->fresh_set[0][0] ? run->fresh_set[0] : run->config.data.a,
        run->fresh_set[1][0] ? run->fresh_set[1] : run->config.data.b,
    };
    const char *folder = run->config.data.local_dir;
    for (int p = 0; p < 2; p++)
        memcpy(out->path[p], sets[p], PATH_BYTES_MAX);
    if (folder[0] == '\0')
        return ST_OK;
    for (int p = 0; p < 2 && comm_local_rank(run->comm) == 0; p++)
        copy_set(run, sets[p]);
    enum status st = comm_barrier(run->comm, em);
    for (int p = 0; p < 2 && st == ST_OK; p++) {
        char copy[PATH_BYTES_MAX];
        if (local_copy_find(sets[p], folder, copy))
            memcpy(out->path[p], copy, sizeof copy);
    }
    return st;
}
