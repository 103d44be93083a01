#include <stdlib.h>
#include <string.h>

#include "data/set.h"

#include "base/poison.h"

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t *sorted_hashes(const struct set *s)
{
    size_t bytes = (size_t)set_get_info(s)->n * sizeof(uint64_t);
    uint64_t *hashes = malloc(bytes);
    if (hashes) {
        memcpy(hashes, set_hashes(s), bytes);
        qsort(hashes, (size_t)set_get_info(s)->n, sizeof *hashes, by_value);
    }
    return hashes;
}

enum status set_compare(const struct set *before, const struct set *after, struct set_change *out,
                        struct errmsg *em)
{
    int64_t n[2] = {set_get_info(before)->n, set_get_info(after)->n}, i = 0, j = 0, same = 0;
    uint64_t *old = sorted_hashes(before), *new = sorted_hashes(after);
    enum status st = old && new ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    while (st == ST_OK && i < n[0] && j < n[1]) {
        int order = by_value(&old[i], &new[j]);
        same += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    if (st == ST_OK)
        *out = (struct set_change){.added = n[1] - same, .gone = n[0] - same};
    free(old);
    free(new);
    return st;
}
