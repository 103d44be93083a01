#include <stdlib.h>

#include "data/set.h"

#include "base/poison.h"

static int by_hash(const void *a, const void *b)
{
    const struct set_row_hash *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

struct set_row_hash *set_sorted_hashes(const struct set *s)
{
    size_t n = (size_t)set_get_info(s)->n;
    struct set_row_hash *rows = calloc(n, sizeof *rows);
    for (size_t i = 0; rows && i < n; i++)
        rows[i] = (struct set_row_hash){set_hashes(s)[i], (int64_t)i};
    if (rows)
        qsort(rows, n, sizeof *rows, by_hash);
    return rows;
}

enum status set_compare(const struct set *before, const struct set *after, struct set_change *out,
                        struct errmsg *em)
{
    int64_t n[2] = {set_get_info(before)->n, set_get_info(after)->n}, i = 0, j = 0, same = 0;
    struct set_row_hash *old = set_sorted_hashes(before), *new = set_sorted_hashes(after);
    enum status st = old && new ? ST_OK : FAIL(em, ST_MEMORY, "out of memory");
    while (st == ST_OK && i < n[0] && j < n[1]) {
        uint64_t x = old[i].hash, y = new[j].hash;
        same += x == y;
        i += x <= y;
        j += x >= y;
    }
    if (st == ST_OK)
        *out = (struct set_change){.added = n[1] - same, .gone = n[0] - same};
    free(old);
    free(new);
    return st;
}
