#include "truth.h"

#include "data/picture.h"

#include "base/poison.h"

enum status truth_read(struct set *s, int64_t row, int size, uint8_t *out, struct errmsg *em)
{
    int stored_size = set_get_info(s)->size;
    struct picture stored = {0};
    if (stored_size == size)
        return set_read_truth(s, row, out, em);
    enum status st = picture_init(&stored, stored_size, stored_size, em);
    if (st == ST_OK)
        st = set_read_truth(s, row, stored.rgb, em);
    if (st == ST_OK)
        st = picture_resize_bytes(stored.rgb, stored_size, stored_size, 3, out, size, size, em);
    picture_release(&stored);
    return st;
}
