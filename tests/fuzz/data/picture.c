/* Pictures: what they are, their check, pixels and profile. */
#include "picture_priv.h"

#include "base/checked.h"
#include "data/file_kind.h"
#include "fuzz.h"

/* Larger pictures take seconds and a gigabyte, as large photographs do. */
enum { PIXELS_MAX = 1 << 20 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t room, unsigned seed)
{
    n = LLVMFuzzerMutate(data, n, room);
    if (seed % 16 != 0)
        fuzz_repair_png(data, n);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct errmsg em = {0};
    struct picture p = {0};
    struct picture_facts facts = {0};
    (void)file_kind_of(data, MIN(n, (size_t)FILE_KIND_BYTES));
    const struct picture_format *format = picture_format_of(data, n);
    if (format && format->check(data, n, &facts, &em) == ST_OK &&
        (int64_t)facts.width * facts.height > PIXELS_MAX)
        return 0;
    em = (struct errmsg){0};
    if (picture_decode(data, n, &p, &em) == ST_OK)
        picture_release(&p);
    return 0;
}
