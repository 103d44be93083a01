/* The formats that can be read: one row each. */
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "base/file.h"
#include "picture_priv.h"

#include "base/poison.h"

/* clang-format off */
static const struct picture_format formats[] = {
    {"JPEG", {".jpg", ".jpeg", ".jpe", ".jfif"}, "\xFF\xD8\xFF", 3, jpeg_check, jpeg_pixels, jpeg_profile},
    {"PNG", {".png"}, PNG_SIGNATURE, PNG_SIGNATURE_BYTES, png_check, png_pixels, png_profile},
    {"BMP", {".bmp"}, "BM", 2, bmp_check, bmp_pixels, NULL},
};
/* clang-format on */

const struct picture_format *picture_format_of(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++)
        if (n >= formats[i].n_start && memcmp(bytes, formats[i].start, formats[i].n_start) == 0)
            return &formats[i];
    return NULL;
}

bool picture_extension_known(const char *path)
{
    const char *extension = path_extension(path);
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++)
        for (size_t j = 0; j < ARRAY_LENGTH(formats[i].extensions); j++)
            if (formats[i].extensions[j] && strcasecmp(extension, formats[i].extensions[j]) == 0)
                return true;
    return false;
}
