#include "run.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

enum status run_share_bytes(const struct run *run, void *range, size_t n, struct errmsg *em)
{
    return comm_do(run->comm, COMM_BROADCAST, range, n, COMM_U8, 0, NULL, em);
}

enum status run_share_text(const struct run *run, const char *text, char **text_out,
                           struct errmsg *em)
{
    size_t n = comm_rank(run->comm) == 0 && text ? strlen(text) : 0;
    enum status st = run_share_bytes(run, &n, sizeof n, em);
    if (st != ST_OK)
        return st;
    char *copy = calloc(1, n + 1);
    st = comm_agree(run->comm, copy ? ST_OK : FAIL(em, ST_MEMORY, "out of memory"), em);
    if (st == ST_OK) {
        if (comm_rank(run->comm) == 0 && n > 0)
            /* n is 0 without a text, and calloc's zero ends the copy */
            /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker,bugprone-not-null-*) */
            memcpy(copy, text, n);
        st = run_share_bytes(run, copy, n, em);
    }
    if (st != ST_OK) {
        free(copy);
        return st;
    }
    *text_out = copy;
    return ST_OK;
}

const char *run_set_name(const struct run *run, int person)
{
    return person == 0 ? run->config.data.a : run->config.data.b;
}

bool run_uses_masks(const struct run *run)
{
    return run->config.data.masks && set_get_info(run->sets[0])->has_masks &&
           set_get_info(run->sets[1])->has_masks;
}

int64_t run_steps_per_epoch(const struct run *run, int64_t global_batch)
{
    int64_t longer = MAX(order_train_count(run->orders[0]), order_train_count(run->orders[1]));
    return (longer + global_batch - 1) / global_batch;
}
