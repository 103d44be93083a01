/* The one thing we want of EXIF (CIPA DC-008): how the camera was held. */
#include "picture_priv.h"

#include "base/poison.h"

enum { TAG_ORIENTATION = 0x112, TYPE_SHORT = 3, ENTRY_BYTES = 12, IFD_ENTRIES_MAX = 512 };

struct tiff {
    const uint8_t *bytes;
    size_t n;
    bool big_endian;
};

/* Zero beyond the end. */
static uint32_t get(const struct tiff *t, size_t at, int n_bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < n_bytes; i++) {
        size_t place = at + (size_t)(t->big_endian ? i : n_bytes - 1 - i);
        value = value << 8 | (place >= at && place < t->n ? t->bytes[place] : 0);
    }
    return value;
}

int exif_orientation(const uint8_t *tiff, size_t n)
{
    struct tiff t = {.bytes = tiff, .n = n};
    if (n < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M'))
        return 1;
    t.big_endian = tiff[0] == 'M';
    size_t ifd = get(&t, 4, 4), entries = get(&t, ifd, 2);
    for (size_t i = 0; i < entries && i < IFD_ENTRIES_MAX; i++) {
        size_t entry = ifd + 2 + i * ENTRY_BYTES;
        if (get(&t, entry, 2) != TAG_ORIENTATION || get(&t, entry + 2, 2) != TYPE_SHORT)
            continue;
        uint32_t orientation = get(&t, entry + 8, 2);
        return orientation >= 1 && orientation <= 8 ? (int)orientation : 1;
    }
    return 1;
}
