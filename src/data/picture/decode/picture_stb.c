/*
 * stb_image (Sean Barrett and others, public domain). Only this file sees its header; it is
 * compiled without UBSan because of its benign shifts. Callers check pictures first: input that
 * this version does not survive never gets here.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "picture_priv.h"

/*
 * Limit of one allocation, whatever a crafted stream asks for: the largest picture at 8 bytes a
 * pixel plus its filter bytes. stb_image passes no context to its allocators, so the limit is
 * thread-local.
 */
enum { ALLOCATION_SLACK = 1 << 20 };
static _Thread_local struct {
    size_t bytes_max;
    bool refused; /* by this limit, not because memory is short */
} limit;

static void limit_set(size_t bytes_max)
{
    limit.bytes_max = MIN(bytes_max, 8 * PICTURE_PIXELS_MAX) + ALLOCATION_SLACK;
    limit.refused = false;
}

static bool limit_allows(size_t n)
{
    limit.refused = limit.refused || n > limit.bytes_max;
    return n <= limit.bytes_max;
}

static void *limited_realloc(void *old, size_t n)
{
    return limit_allows(n) ? realloc(old, n) : NULL;
}

/* Zeroed: a JPEG may lack a scan of one channel, and must not show old memory. */
static void *limited_malloc(size_t n)
{
    return limit_allows(n) ? calloc(n, 1) : NULL;
}

/*
 * Doubles the colour samples of a row (4:2:2) as libjpeg does. It replaces stb_image's function,
 * whose last sample but one is wrong. How: the macro renames only a name that is followed by a
 * parenthesis, which is the definition; where the function's address is taken, there is none.
 */
static unsigned char *stbi__resample_row_h_2(unsigned char *out, unsigned char *in,
                                             unsigned char *in_far, int w, int hs)
{
    (void)in_far, (void)hs;
    for (ptrdiff_t i = 0; i < w; i++) {
        int before = in[i > 0 ? i - 1 : 0], after = in[i < w - 1 ? i + 1 : i];
        out[2 * i] = (unsigned char)((3 * in[i] + before + 1) >> 2);
        out[2 * i + 1] = (unsigned char)((3 * in[i] + after + 2) >> 2);
    }
    return out;
}
#define stbi__resample_row_h_2(...) resample_row_h_2_of_stb(__VA_ARGS__)

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS  PICTURE_SIDE_MAX
#define STBI_MALLOC(n)       limited_malloc((n))
#define STBI_REALLOC(old, n) limited_realloc((old), (n))
#define STBI_FREE(p)         free(p)
#pragma GCC diagnostic ignored "-Wunused-function" /* reported at the end of the file */
#pragma GCC diagnostic push
/* reading from memory, its context has no callbacks, and none is used */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

static enum status refuse(const char *format, struct errmsg *em)
{
    const char *reason = stbi_failure_reason();
    if (limit.refused)
        return FAIL(em, ST_DATA,
                    "damaged %s: it unpacks to more than a picture of its size can hold", format);
    if (reason && strcmp(reason, "outofmem") == 0)
        return FAIL(em, ST_MEMORY, "out of memory while decoding");
    return FAIL(em, ST_DATA, "damaged %s, or one of a kind that is not supported (%s)", format,
                reason ? reason : "no reason given");
}

enum status stb_jpeg_size(const uint8_t *bytes, size_t n, int *width_out, int *height_out,
                          struct errmsg *em)
{
    int channels;
    stbi__context s;
    if (n > INT_MAX)
        return FAIL(em, ST_DATA, "a file of more than %d bytes", INT_MAX);
    limit_set(0);
    /* not stbi_info: it tries all formats, and gives the last one's reason */
    stbi__start_mem(&s, bytes, (int)n);
    return stbi__jpeg_info(&s, width_out, height_out, &channels) ? ST_OK : refuse("JPEG", em);
}

enum status stb_pixels(const char *format, const uint8_t *bytes, size_t n,
                       const struct picture_facts *checked, uint8_t **rgba_out, struct errmsg *em)
{
    int width, height, channels;
    if (n > INT_MAX)
        return FAIL(em, ST_DATA, "a file of more than %d bytes", INT_MAX);
    /* twice, because buffers grow by doubling: 8 bytes a pixel, plus the file's size */
    limit_set(2 * (8 * (size_t)checked->width * (size_t)checked->height + n));
    uint8_t *rgba = stbi_load_from_memory(bytes, (int)n, &width, &height, &channels, 4);
    if (!rgba)
        return refuse(format, em);
    if (width != checked->width || height != checked->height) {
        stbi_image_free(rgba);
        return FAIL(em, ST_DATA, "damaged: %d x %d pixels announced, %d x %d decoded",
                    checked->width, checked->height, width, height);
    }
    *rgba_out = rgba;
    return ST_OK;
}
