/*
 * stb_image (Sean Barrett and others, public domain), kept in a file of its own: the only place
 * that sees its header, compiled without UBSan for its benign shifts. Callers check pictures first:
 * what this version of it does not survive never gets here.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "picture_priv.h"

/* One allocation holds at most the largest picture at 8 bytes a pixel and its filter bytes, however
 * far a crafted stream inflates. */
enum { ALLOCATION_SLACK = 1 << 20 };
static void *limited_realloc(void *old, size_t n)
{
    return n <= 8 * PICTURE_PIXELS_MAX + ALLOCATION_SLACK ? realloc(old, n) : NULL;
}

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS  PICTURE_SIDE_MAX
#define STBI_MALLOC(n)       limited_realloc(NULL, (n))
#define STBI_REALLOC(old, n) limited_realloc((old), (n))
#define STBI_FREE(p)         free(p)
#pragma GCC diagnostic ignored "-Wunused-function" /* reported at the end of the file */
#pragma GCC diagnostic push
/* its context has no callbacks where it reads from memory, and none is then used */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

static enum status refuse(struct errmsg *em)
{
    const char *reason = stbi_failure_reason();
    if (reason && strcmp(reason, "outofmem") == 0)
        return FAIL(em, ST_MEMORY, "out of memory while decoding");
    return FAIL(em, ST_DATA, "damaged, or of a kind that is not supported (%s)",
                reason ? reason : "no reason given");
}

enum status stb_size(const uint8_t *bytes, size_t n, int *width_out, int *height_out,
                     struct errmsg *em)
{
    int channels;
    if (n > INT_MAX || !stbi_info_from_memory(bytes, (int)n, width_out, height_out, &channels))
        return refuse(em);
    return ST_OK;
}

enum status stb_pixels(const uint8_t *bytes, size_t n, int *width_out, int *height_out,
                       uint8_t **rgba_out, struct errmsg *em)
{
    int channels;
    uint8_t *rgba = NULL;
    if (n <= INT_MAX)
        rgba = stbi_load_from_memory(bytes, (int)n, width_out, height_out, &channels, 4);
    if (!rgba)
        return refuse(em);
    *rgba_out = rgba;
    return ST_OK;
}

void stb_pixels_free(uint8_t *rgba)
{
    stbi_image_free(rgba);
}
