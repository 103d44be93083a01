/*
 * Decodes picture files for tests/data/test_jpeg_pixels.py and its likes.
 *
 * picture_worker reads paths from standard input, one a line, and answers each: "ok WIDTH HEIGHT\n"
 * and the pixels, or "STATUS TEXT\n".
 *
 * picture_worker --damage FILE decodes the file cut off at each byte, and with single bits flipped
 * (a PNG also with its checksums corrected). Each must give a picture or a reason. Prints "tried
 * N\n".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "data/picture.h"

/* Of long files every so many-th place is tried. */
enum { PLACES_MAX = 1500 };

static void show(const char *path)
{
    struct errmsg em = {0};
    struct picture p;
    enum status st = picture_read(path, &p, &em);
    if (st != ST_OK) {
        printf("%s %s\n", status_name(st), em.text);
        return;
    }
    printf("ok %d %d\n", p.width, p.height);
    fwrite(p.rgb, 3, (size_t)p.width * (size_t)p.height, stdout);
    picture_release(&p);
}

/* A copy of the bytes' very size, so that a sanitizer sees a read beyond them. */
static void try_bytes(const uint8_t *bytes, size_t n)
{
    struct errmsg em = {0};
    struct picture p = {0};
    uint8_t *copy = malloc(n > 0 ? n : 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, n);
    enum status st = picture_decode(copy, n, &p, &em);
    if (st != ST_OK && (em.text[0] == '\0' || (st != ST_DATA && st != ST_MEMORY)))
        abort();
    if (!memchr(p.profile, '\0', sizeof p.profile))
        abort();
    picture_release(&p);
    free(copy);
}

static uint32_t crc(const uint8_t *bytes, size_t n)
{
    uint32_t c = ~0u;
    for (size_t i = 0; i < n; i++) {
        c ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0);
    }
    return ~c;
}

/* Past the checksums, into the decoder. */
static void try_png(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n);
    if (!copy)
        abort();
    memcpy(copy, bytes, n);
    for (size_t at = 8; n - at >= 12;) {
        uint8_t *p = copy + at;
        size_t length = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (length > n - at - 12)
            break;
        uint32_t sum = crc(p + 4, length + 4);
        for (int i = 0; i < 4; i++)
            p[8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + length;
    }
    try_bytes(copy, n);
    free(copy);
}

static int damage(const char *path)
{
    struct errmsg em = {0};
    uint8_t *bytes;
    size_t n, tried = 0;
    if (file_read_all(path, 1 << 24, &bytes, &n, &em) != ST_OK) {
        fprintf(stderr, "%s\n", em.text);
        return 1;
    }
    size_t step = MAX(n / PLACES_MAX, 1);
    for (size_t i = 0; i < n; i += step) {
        try_bytes(bytes, i);
        for (int bit = 0; bit < 8; bit += 1 + (i > 128) * 3) {
            bytes[i] ^= (uint8_t)(1 << bit);
            try_bytes(bytes, n);
            if (n > 8 && i > 8 && bytes[1] == 'P')
                try_png(bytes, n);
            bytes[i] ^= (uint8_t)(1 << bit);
            tried++;
        }
    }
    free(bytes);
    printf("tried %zu\n", tried);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--damage") == 0)
        return damage(argv[2]);
    for (char path[PATH_BYTES_MAX]; fgets(path, sizeof path, stdin);) {
        path[strcspn(path, "\n")] = '\0';
        show(path);
        fflush(stdout);
    }
    return 0;
}
