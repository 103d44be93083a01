/* Pickles: the tree that is read from one, walked as its users do. */
#include "pickle.h"

#include "fuzz.h"

enum { ITEMS_MAX = 10000 };

static size_t walk(const struct pickle *p, uint32_t value)
{
    size_t n = 0, bytes, items = 0;
    (void)pickle_int(p, value);
    n += *pickle_text(p, value, &bytes) != '\0';
    for (uint32_t i = pickle_first(p, value); i && items < ITEMS_MAX; i = pickle_next(p, i)) {
        n += pickle_kind_of(p, pickle_item(p, i)) == PICKLE_INT;
        n += pickle_text_is(p, pickle_item(p, i), "storage");
        items++;
    }
    return n + pickle_kind_of(p, pickle_at(p, value, 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct pickle *p = NULL;
    size_t used = 0;
    if (pickle_parse(data, n, &p, &used, NULL) != ST_OK)
        return 0;
    walk(p, pickle_root(p));
    walk(p, pickle_callee(p, pickle_root(p)));
    walk(p, pickle_arguments(p, pickle_root(p)));
    pickle_free(p);
    return 0;
}
