/* The orientation in EXIF, XMP and the text chunks of a PNG. */
#include "picture_priv.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct orientation o = {0};
    (void)exif_orientation(data, n);
    (void)xmp_orientation(data, n);
    if (n >= 4) { /* a chunk: its kind, then its bytes */
        png_note_orientation(data, n - 4, &o);
        (void)orientation_of(&o);
    }
    return 0;
}
