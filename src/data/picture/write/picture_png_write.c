/* Writes PNG (ISO/IEC 15948) with zlib, with marks of where a picture comes from. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/checked.h"
#include "base/file.h"
#include "mark.h"

#include "base/poison.h"

enum { CHUNK_FRAME_BYTES = 12, FILTERS = 5 };

struct bytes {
    uint8_t *at;
    size_t n, capacity;
};

static void put_u32(uint8_t out[4], uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static enum status append_chunk(struct bytes *b, const char type[4], const void *data, size_t n,
                                struct errmsg *em)
{
    size_t needed;
    if (n > 0x7fffffff || !checked_add(b->n, n + CHUNK_FRAME_BYTES, &needed))
        return FAIL(em, ST_DATA, "picture too large for PNG");
    if (needed > b->capacity) {
        uint8_t *grown = realloc(b->at, needed);
        if (!grown)
            return FAIL(em, ST_MEMORY, "out of memory while writing PNG");
        b->at = grown;
        b->capacity = needed;
    }
    uint8_t *p = b->at + b->n;
    put_u32(p, (uint32_t)n);
    memcpy(p + 4, type, 4);
    if (n > 0)
        memcpy(p + 8, data, n);
    put_u32(p + 8 + n, (uint32_t)crc32(0, p + 4, (uInt)(n + 4)));
    b->n = needed;
    return ST_OK;
}

static int paeth(int a, int b, int c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* What each filter predicts for byte i. */
static inline void predict(const uint8_t *row, const uint8_t *above, size_t i,
                           int predicted[FILTERS])
{
    int a = i >= 3 ? row[i - 3] : 0, b = above ? above[i] : 0;
    int c = above && i >= 3 ? above[i - 3] : 0;
    predicted[0] = 0;
    predicted[1] = a;
    predicted[2] = b;
    predicted[3] = (a + b) / 2;
    predicted[4] = paeth(a, b, c);
}

/* The filter with the smallest sum of absolute differences: the usual heuristic. */
static void filter_row(const uint8_t *row, const uint8_t *above, size_t n, uint8_t *out)
{
    long sums[FILTERS] = {0};
    int best = 0;
    for (size_t i = 0; i < n; i++) {
        int predicted[FILTERS];
        predict(row, above, i, predicted);
        for (int filter = 0; filter < FILTERS; filter++)
            sums[filter] += abs((int8_t)(row[i] - predicted[filter]));
    }
    for (int filter = 1; filter < FILTERS; filter++)
        if (sums[filter] < sums[best])
            best = filter;
    out[0] = (uint8_t)best;
    for (size_t i = 0; i < n; i++) {
        int predicted[FILTERS];
        predict(row, above, i, predicted);
        out[1 + i] = (uint8_t)(row[i] - predicted[best]);
    }
}

/* zlib's level. It takes a third of the time of the default, 6; files are 3 to 5 % larger */
enum { LEVEL = 4 };

static enum status append_pixels(struct bytes *b, const struct picture *p, struct errmsg *em)
{
    enum status st = ST_OK;
    size_t row_bytes = (size_t)p->width * 3, raw_bytes = (row_bytes + 1) * (size_t)p->height;
    uLongf packed_bytes = compressBound(raw_bytes);
    uint8_t *raw = malloc(raw_bytes), *packed = malloc(packed_bytes);
    if (!raw || !packed) {
        st = FAIL(em, ST_MEMORY, "out of memory while writing PNG");
        goto out;
    }
    for (size_t y = 0; y < (size_t)p->height; y++)
        filter_row(p->rgb + y * row_bytes, y > 0 ? p->rgb + (y - 1) * row_bytes : NULL, row_bytes,
                   raw + y * (row_bytes + 1));
    if (compress2(packed, &packed_bytes, raw, raw_bytes, LEVEL) != Z_OK)
        st = FAIL(em, ST_INTERNAL, "zlib failed while writing PNG");
    else
        st = append_chunk(b, "IDAT", packed, packed_bytes, em);
out:
    free(raw);
    free(packed);
    return st;
}

/* --- marks ---------------------------------------------------------------------------------- */

static bool is_hash(const char *text)
{
    return text && strlen(text) > 0 && strlen(text) <= 128 &&
           strspn(text, "0123456789abcdef") == strlen(text);
}

const char *mark_source_name(const struct picture_mark *mark)
{
    return mark->source == PICTURE_SOURCE_TRAINED ? "trainedAlgorithmicMedia"
                                                  : "compositeWithTrainedAlgorithmicMedia";
}

/* Digital Source Type of the IPTC Photo Metadata Standard; vocabulary of cv.iptc.org. */
size_t mark_xmp(const struct picture_mark *mark, char out[static MARK_XMP_BYTES])
{
    char hash[192] = "";
    if (is_hash(mark->checkpoint_hash))
        snprintf(hash, sizeof hash, "   <bifrons:checkpoint>%s</bifrons:checkpoint>\n",
                 mark->checkpoint_hash);
    int n = snprintf(
        out, MARK_XMP_BYTES,
        "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
        " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
        "  <rdf:Description rdf:about=\"\"\n"
        "    xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n"
        "    xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\"\n"
        "    xmlns:bifrons=\"https://bifrons.invalid/ns/1.0/\">\n"
        "   <xmp:CreatorTool>Bifrons</xmp:CreatorTool>\n"
        "   <Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/%s"
        "</Iptc4xmpExt:DigitalSourceType>\n"
        "%s"
        "  </rdf:Description>\n"
        " </rdf:RDF>\n"
        "</x:xmpmeta>\n"
        "<?xpacket end=\"r\"?>",
        mark_source_name(mark), hash);
    BUG_ON(n < 0 || n >= MARK_XMP_BYTES);
    return (size_t)n;
}

static enum status append_xmp(struct bytes *b, const struct picture_mark *mark, struct errmsg *em)
{
    static const char keyword[] = "XML:com.adobe.xmp\0\0\0\0"; /* keyword, then: not compressed, no
                                                                  language, no translation */
    char chunk[sizeof keyword + MARK_XMP_BYTES];
    memcpy(chunk, keyword, sizeof keyword);
    size_t n = mark_xmp(mark, chunk + sizeof keyword);
    return append_chunk(b, "iTXt", chunk, sizeof keyword + n, em);
}

static enum status with_label(const struct picture *p, struct picture *out, struct errmsg *em)
{
    enum status st = picture_init(out, p->width, p->height, em);
    if (st != ST_OK)
        return st;
    picture_paste(out, p, 0, 0);
    picture_label(out, p->height / 10, 0);
    return ST_OK;
}

static enum status append_marks(struct bytes *b, const struct picture_mark *mark, struct errmsg *em)
{
    static const char software[] = "Software\0Bifrons";
    enum status st = append_chunk(b, "tEXt", software, sizeof software - 1, em);
    if (st == ST_OK && mark && mark->source != PICTURE_SOURCE_UNMARKED)
        st = append_xmp(b, mark, em);
    return st;
}

enum status picture_encode_png(const struct picture *p, const struct picture_mark *mark,
                               uint8_t **bytes_out, size_t *n_out, struct errmsg *em)
{
    enum status st = ST_OK;
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t header[13] = {[8] = 8 /* bits */, [9] = 2 /* RGB */};
    struct picture labelled = {0};
    struct bytes b = {.at = malloc(4096), .n = sizeof signature, .capacity = 4096};
    if (!b.at) {
        st = FAIL(em, ST_MEMORY, "out of memory while writing PNG");
        goto out;
    }
    if (mark && mark->visible_label && (st = with_label(p, &labelled, em)) != ST_OK)
        goto out;
    memcpy(b.at, signature, sizeof signature);
    put_u32(header, (uint32_t)p->width);
    put_u32(header + 4, (uint32_t)p->height);
    if ((st = append_chunk(&b, "IHDR", header, sizeof header, em)) != ST_OK ||
        (st = append_chunk(&b, "sRGB", "", 1, em)) != ST_OK || /* 0: perceptual */
        (st = append_marks(&b, mark, em)) != ST_OK ||
        (st = append_pixels(&b, labelled.rgb ? &labelled : p, em)) != ST_OK ||
        (st = append_chunk(&b, "IEND", NULL, 0, em)) != ST_OK)
        goto out;
    *bytes_out = b.at;
    *n_out = b.n;
    b.at = NULL;
out:
    picture_release(&labelled);
    free(b.at);
    return st;
}

bool picture_read_mark(const char *path, char hash[static PICTURE_HASH_BYTES])
{
    static const char word[] = "lgorithmicMedia"; /* all IPTC names of such sources end like this */
    static const char element[] = "<bifrons:checkpoint>";
    char part[(1 << 14) + 1];
    bool found = false;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    off_t room = sizeof part - 1, end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    hash[0] = '\0';
    for (int last = 0; last < 2 && !found && fd >= 0; last++) {
        ssize_t n = pread(fd, part, (size_t)room, last ? MAX(end - room, 0) : 0);
        found = n > 0 && memmem(part, (size_t)n, word, sizeof word - 1);
        part[MAX(n, 0)] = '\0';
        const char *at = found ? memmem(part, (size_t)n, element, sizeof element - 1) : NULL;
        if (at)
            snprintf(hash, PICTURE_HASH_BYTES, "%.*s",
                     (int)strspn(at + sizeof element - 1, "0123456789abcdef"),
                     at + sizeof element - 1);
    }
    if (fd >= 0)
        close(fd);
    return found;
}

enum status picture_check_output(const char *path, struct errmsg *em)
{
    static const char ours[] = "Software\0Bifrons";
    return file_check_ours(path, 128, ours, sizeof ours - 1, "picture that Bifrons made", em);
}

enum status picture_write_png(const char *path, const struct picture *p,
                              const struct picture_mark *mark, struct errmsg *em)
{
    uint8_t *bytes;
    size_t n;
    enum status st = picture_check_output(path, em);
    if (st == ST_OK)
        st = picture_encode_png(p, mark, &bytes, &n, em);
    if (st != ST_OK)
        return st;
    st = file_write_atomic(path, bytes, n, em);
    free(bytes);
    return st;
}
