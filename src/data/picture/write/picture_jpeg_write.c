/* Writes JPEG with stb_image_write (Sean Barrett and others, public domain), and the mark of where
 * the picture comes from. Only this file sees its header. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "mark.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic ignored "-Wunused-function" /* reported at the end of the file */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

#include "base/poison.h"

/* JFIF 1.02 and XMP Specification Part 3: a segment is a marker, its length, a name, its data. */
enum { JFIF_BYTES = 2 + 18, SEGMENT_FRAME_BYTES = 4 };

struct stream {
    uint8_t *at;
    size_t n, capacity;
    bool failed;
};

static void stream_add(void *context, void *bytes, int n)
{
    struct stream *s = context;
    size_t needed = s->n + (size_t)n;
    if (!s->failed && needed > s->capacity) {
        uint8_t *grown = realloc(s->at, 2 * needed);
        s->failed = !grown;
        s->at = grown ? grown : s->at;
        s->capacity = grown ? 2 * needed : s->capacity;
    }
    if (s->failed)
        return;
    memcpy(s->at + s->n, bytes, (size_t)n);
    s->n = needed;
}

/* Inserts an APP1 segment with the packet after the JFIF segment, where readers look for it. */
static void insert_xmp(struct stream *s, const struct picture_mark *mark)
{
    static const char name[] = "http://ns.adobe.com/xap/1.0/";
    uint8_t segment[SEGMENT_FRAME_BYTES + sizeof name + MARK_XMP_BYTES];
    size_t n = mark_xmp(mark, (char *)segment + SEGMENT_FRAME_BYTES + sizeof name);
    n += SEGMENT_FRAME_BYTES + sizeof name;
    segment[0] = 0xff;
    segment[1] = 0xe1;
    segment[2] = (uint8_t)((n - 2) >> 8);
    segment[3] = (uint8_t)(n - 2);
    memcpy(segment + SEGMENT_FRAME_BYTES, name, sizeof name);
    stream_add(s, segment, (int)n); /* enlarges the buffer; moved to its place below */
    if (s->failed)
        return;
    memmove(s->at + JFIF_BYTES + n, s->at + JFIF_BYTES, s->n - n - JFIF_BYTES);
    memcpy(s->at + JFIF_BYTES, segment, n);
}

enum status picture_encode_jpeg(const struct picture *p, const struct picture_mark *mark,
                                int quality, uint8_t **bytes_out, size_t *n_out, struct errmsg *em)
{
    struct stream s = {0};
    if (!stbi_write_jpg_to_func(stream_add, &s, p->width, p->height, 3, p->rgb, quality))
        s.failed = true;
    BUG_ON(!s.failed && (s.n < JFIF_BYTES || s.at[3] != 0xe0));
    if (!s.failed && mark && mark->source != PICTURE_SOURCE_UNMARKED)
        insert_xmp(&s, mark);
    if (s.failed) {
        free(s.at);
        return FAIL(em, ST_MEMORY, "out of memory while writing JPEG");
    }
    *bytes_out = s.at;
    *n_out = s.n;
    return ST_OK;
}
