#include "base/batch.h"

#include <stdlib.h>

#include "base/checked.h"

enum status batch_init(struct batch *b, size_t capacity, int size, unsigned arrays,
                       struct errmsg *em)
{
    struct batch made = {.capacity = capacity, .size = size};
    size_t pixels = (size_t)size * (size_t)size;
    bool fits = true;
    arrays |= BATCH_IMAGES | BATCH_DRAWS | BATCH_ROWS;
    for (int p = 0; p < 2; p++) {
#define X(name, field, type, numbers) \
    if (arrays & BATCH_##name)        \
        fits &=                       \
            (made.field[p] = calloc(MAX(capacity, 1), (size_t)(numbers) * sizeof(type))) != NULL;
        BATCH_MAP(X)
#undef X
    }
    if (!fits) {
        batch_release(&made);
        return FAIL(em, ST_MEMORY, "out of memory for a batch of %zu pictures of %d px", capacity,
                    size);
    }
    *b = made;
    return ST_OK;
}

void batch_release(struct batch *b)
{
    for (int p = 0; p < 2; p++) {
#define X(name, field, ...) free(b->field[p]);
        BATCH_MAP(X)
#undef X
    }
    *b = (struct batch){0};
}

unsigned batch_arrays(const struct batch *b, int person)
{
    unsigned there = 0;
#define X(name, field, ...) there |= b->field[person] ? BATCH_##name : 0;
    BATCH_MAP(X)
#undef X
    return there;
}
