/*
 * The orientation of a picture: from EXIF (CIPA DC-008), as it is or as ImageMagick's text in a
 * PNG, else from XMP's tiff:Orientation. Reads them in the same order as Pillow, and as strictly.
 */
#include <string.h>
#include <zlib.h>

#include "base/checked.h"
#include "picture_priv.h"

#include "base/poison.h"

enum { TAG_ORIENTATION = 0x112, ENTRY_BYTES = 12, IFD_ENTRIES_MAX = 512 };
enum { TYPE_SHORT = 3, TYPE_LONG = 4, TIFF_MAGIC = 42, PROFILE_BYTES_MAX = 64 * 1024 };

struct tiff {
    const uint8_t *bytes;
    size_t n;
    bool big_endian;
};

/* Bytes beyond the end are 0. */
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
    for (int i = 0; i < 2 && n >= 6 && memcmp(tiff, "Exif\0", 6) == 0; i++) {
        tiff += 6;
        n -= 6;
    }
    struct tiff t = {.bytes = tiff, .n = n};
    if (n < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M'))
        return 0;
    t.big_endian = tiff[0] == 'M';
    if (get(&t, 2, 2) != TIFF_MAGIC)
        return 0;
    size_t ifd = get(&t, 4, 4), entries = get(&t, ifd, 2);
    for (size_t i = 0; i < entries && i < IFD_ENTRIES_MAX; i++) {
        size_t entry = ifd + 2 + i * ENTRY_BYTES;
        uint32_t type = get(&t, entry + 2, 2);
        if (get(&t, entry, 2) != TAG_ORIENTATION || (type != TYPE_SHORT && type != TYPE_LONG))
            continue;
        uint32_t orientation = get(&t, entry + 8, type == TYPE_SHORT ? 2 : 4);
        return orientation >= 1 && orientation <= 8 ? (int)orientation : 1;
    }
    return 0;
}

int xmp_orientation(const uint8_t *xmp, size_t n)
{
    static const char *const written[] = {"tiff:Orientation=\"", "tiff:Orientation>"};
    for (size_t i = 0; i < ARRAY_LENGTH(written); i++) {
        size_t length = strlen(written[i]);
        const uint8_t *found = memmem(xmp, n, written[i], length);
        if (!found || (size_t)(xmp + n - found) <= length)
            continue;
        uint8_t digit = found[length];
        if (digit >= '0' && digit <= '9')
            return digit >= '1' && digit <= '8' ? digit - '0' : 1;
    }
    return 0;
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The orientation in "\nexif\n 1234\n" followed by the bytes as hexadecimal digits, over several
 * lines. */
static int profile_orientation(const uint8_t *text, size_t n)
{
    uint8_t bytes[PROFILE_BYTES_MAX / 2];
    size_t n_bytes = 0, at = 0;
    int high = -1;
    for (int lines = 0; lines < 3; at++) {
        if (at == n)
            return 0;
        lines += text[at] == '\n';
    }
    for (; at < n && n_bytes < sizeof bytes; at++) {
        int digit = hex_digit(text[at]);
        if (digit < 0)
            continue;
        if (high >= 0)
            bytes[n_bytes++] = (uint8_t)(high << 4 | digit);
        high = high >= 0 ? -1 : digit;
    }
    return exif_orientation(bytes, n_bytes);
}

size_t zlib_start(const uint8_t *packed, size_t n, uint8_t *out, size_t room)
{
    z_stream z = {.next_in = (z_const Bytef *)packed,
                  .avail_in = (uInt)MIN(n, (size_t)1 << 24),
                  .next_out = out,
                  .avail_out = (uInt)room};
    if (inflateInit(&z) != Z_OK)
        return 0;
    inflate(&z, Z_SYNC_FLUSH);
    size_t got = room - z.avail_out;
    inflateEnd(&z);
    return got;
}

/* An iTXt chunk after its keyword: whether packed, method, language, translated keyword, text. */
static int itxt_orientation(const uint8_t *data, size_t n)
{
    uint8_t room[PROFILE_BYTES_MAX];
    if (n < 2 || data[0] == 0)
        return xmp_orientation(data, n);
    const uint8_t *at = data + 2, *end = data + n;
    for (int i = 0; i < 2 && at; i++) {
        at = memchr(at, 0, (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    return at ? xmp_orientation(room, zlib_start(at, (size_t)(end - at), room, sizeof room)) : 0;
}

/* A zTXt or tEXt chunk after its keyword. */
static int text_orientation(bool packed, const uint8_t *data, size_t n)
{
    uint8_t room[PROFILE_BYTES_MAX];
    if (!packed)
        return profile_orientation(data, n);
    return n > 1 ? profile_orientation(room, zlib_start(data + 1, n - 1, room, sizeof room)) : 0;
}

static bool starts_with(const uint8_t *data, size_t n, const char *key)
{
    size_t length = strlen(key) + 1; /* with the zero byte */
    return n >= length && memcmp(data, key, length) == 0;
}

void png_note_orientation(const uint8_t *chunk, size_t n, struct orientation *o)
{
    static const char profile[] = "Raw profile type exif", xmp[] = "XML:com.adobe.xmp";
    const uint8_t *data = chunk + 4;
    bool packed = memcmp(chunk, "zTXt", 4) == 0;
    if (memcmp(chunk, "eXIf", 4) == 0)
        o->exif = exif_orientation(data, n);
    else if ((packed || memcmp(chunk, "tEXt", 4) == 0) && starts_with(data, n, profile))
        o->profile = text_orientation(packed, data + sizeof profile, n - sizeof profile);
    else if (memcmp(chunk, "iTXt", 4) == 0 && starts_with(data, n, xmp))
        o->xmp = itxt_orientation(data + sizeof xmp, n - sizeof xmp);
}

int orientation_of(const struct orientation *o)
{
    return o->exif ? o->exif : o->profile ? o->profile : o->xmp ? o->xmp : 1;
}
