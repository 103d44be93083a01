/*
 * Applies colour profiles (ICC.1) of primaries and curves, as of Display P3 and Adobe RGB: pixels
 * become sRGB. Names the others, which are not applied: tables, CMYK. A profile is sRGB's if its
 * primaries and curves are, since sRGB has many names; it changes no pixel. A grey profile does not
 * count.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/checked.h"
#include "picture_priv.h"

#include "base/poison.h"

enum { HEADER_BYTES = 128, TAGS_MAX = 100, TAG_BYTES = 12 };
enum { SPACE_AT = 16, SOS = 0xDA, APP2 = 0xE2, FIXED_ONE = 65536 };
enum { LEVELS = 256, LIGHTS = 65536, NEAR_LEVELS = 2 };
#define NEAR 0.02
/* of the kinds of parametric curves */
static const size_t parameters_of[] = {1, 3, 4, 5, 7};

/* Big-endian; bytes beyond the end are 0. */
static uint32_t get(const struct profile *p, size_t at, unsigned n_bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < n_bytes; i++)
        value = value << 8 | (at + i < p->n ? p->bytes[at + i] : 0);
    return value;
}

/* Start of a tag's data; 0: no such tag. */
static size_t tag_at(const struct profile *p, const char tag[static 4])
{
    uint32_t n = get(p, HEADER_BYTES, 4);
    for (size_t i = 0; i < MIN(n, TAGS_MAX); i++) {
        size_t at = HEADER_BYTES + 4 + i * TAG_BYTES;
        if (at + TAG_BYTES <= p->n && memcmp(p->bytes + at, tag, 4) == 0)
            return get(p, at + 4, 4);
    }
    return 0;
}

/* ---- Primaries and curves -------------------------------------------------------------------- */

static double fixed(const struct profile *p, size_t at)
{
    return (double)(int32_t)get(p, at, 4) / FIXED_ONE;
}

/* Reads the primaries, adapted to D50, as xyz[of X, Y, Z][of red, green, blue]; false: none. */
static bool read_primaries(const struct profile *p, double xyz[3][3])
{
    static const char tags[3][5] = {"rXYZ", "gXYZ", "bXYZ"};
    for (size_t c = 0; c < 3; c++) {
        size_t at = tag_at(p, tags[c]);
        for (size_t k = 0; k < 3 && at > 0; k++)
            xyz[k][c] = fixed(p, at + 8 + 4 * k);
        if (at == 0)
            return false;
    }
    return true;
}

/* Compares with the primaries of sRGB (IEC 61966-2-1). */
static bool primaries_are_srgb(double xyz[3][3])
{
    static const double of_srgb[3][3] = {
        {0.4361, 0.3851, 0.1431},
        {0.2225, 0.7169, 0.0606},
        {0.0139, 0.0971, 0.7141}
    };
    bool are = true;
    for (int k = 0; k < 3; k++)
        for (int c = 0; c < 3; c++)
            are = are && fabs(xyz[k][c] - of_srgb[k][c]) <= NEAR;
    return are;
}

/* True if red, green and blue together are about D50. Else the primaries are not adapted. */
static bool white_is_d50(double xyz[3][3])
{
    static const double d50[3] = {0.9642, 1, 0.8249};
    bool is = true;
    for (int k = 0; k < 3; k++)
        is = is && fabs(xyz[k][0] + xyz[k][1] + xyz[k][2] - d50[k]) <= NEAR;
    return is;
}

/* A curve of n samples at x, 0 to 1. No samples: a line; one: an exponent. */
static double sampled_curve(const struct profile *p, size_t at, size_t n, double x)
{
    if (n < 2)
        return n == 0 ? x : pow(x, get(p, at, 2) / 256.0);
    size_t i = MIN((size_t)(x * (double)(n - 1)), n - 2);
    double part = x * (double)(n - 1) - (double)i;
    return ((1 - part) * get(p, at + 2 * i, 2) + part * get(p, at + 2 * i + 2, 2)) / UINT16_MAX;
}

/* A parametric curve at x (ICC.1, table 68). */
static double parametric_curve(const struct profile *p, size_t at, unsigned kind, double x)
{
    double k[7] = {[1] = 1}; /* g, a, b, c, d, e, f */
    for (size_t i = 0; i < parameters_of[kind]; i++)
        k[i] = fixed(p, at + 4 * i);
    if (x < (kind < 3 ? -k[2] / k[1] : k[4]))
        return kind < 3 ? k[3] : k[3] * x + k[6];
    return pow(k[1] * x + k[2], k[0]) + (kind == 2 ? k[3] : k[5]);
}

/* Reads a curve as the light of the 256 levels, 0 to 1; false: not a curve. */
static bool read_curve(const struct profile *p, const char tag[static 4], float light[LEVELS])
{
    size_t at = tag_at(p, tag), room = at > 0 && at + 12 <= p->n ? p->n - at - 12 : 0;
    if (at == 0 || at + 12 > p->n)
        return false;
    size_t n = get(p, at + 8, 4);
    unsigned kind = get(p, at + 8, 2);
    bool sampled = memcmp(p->bytes + at, "curv", 4) == 0 && n <= room / 2;
    if (!sampled && (memcmp(p->bytes + at, "para", 4) != 0 || kind >= ARRAY_LENGTH(parameters_of) ||
                     room < 4 * parameters_of[kind]))
        return false;
    for (size_t i = 0; i < LEVELS; i++) {
        double x = (double)i / (LEVELS - 1);
        double y =
            sampled ? sampled_curve(p, at + 12, n, x) : parametric_curve(p, at + 12, kind, x);
        light[i] = y > 0 ? (float)fmin(y, 1) : 0;
    }
    return true;
}

/* ---- Conversion ------------------------------------------------------------------------------ */

struct to_srgb {
    float light[3][LEVELS]; /* of the profile's red, green, blue */
    float matrix[3][3];     /* from that to sRGB's */
    uint8_t level[LIGHTS];  /* of sRGB's light */
};

static void fill_levels(uint8_t level[LIGHTS])
{
    for (int i = 0, at = 0; i < LEVELS; i++) {
        double v = (i + 0.5) / (LEVELS - 1); /* where the next level begins */
        double light = v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
        for (; at < LIGHTS && at <= light * (LIGHTS - 1); at++)
            level[at] = (uint8_t)i;
    }
}

static bool curves_are_srgb(const struct to_srgb *t)
{
    bool are = true;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < LEVELS; i++)
            are = are && abs(t->level[lrintf(t->light[c][i] * (LIGHTS - 1))] - i) <= NEAR_LEVELS;
    return are;
}

static void fill_matrix(double xyz[3][3], float out[3][3])
{
    static const double from_xyz[3][3] = {
        {3.1338561,  -1.6168667, -0.4906146},
        {-0.9787684, 1.9161415,  0.0334540 },
        {0.0719453,  -0.2289914, 1.4052427 }
    };
    for (int k = 0; k < 3; k++)
        for (int c = 0; c < 3; c++)
            out[k][c] = (float)(from_xyz[k][0] * xyz[0][c] + from_xyz[k][1] * xyz[1][c] +
                                from_xyz[k][2] * xyz[2][c]);
}

static void convert(const struct to_srgb *t, uint8_t *rgba, size_t pixels)
{
    for (uint8_t *at = rgba, *end = rgba + 4 * pixels; at < end; at += 4) {
        float r = t->light[0][at[0]], g = t->light[1][at[1]], b = t->light[2][at[2]];
        for (int k = 0; k < 3; k++) {
            float v = t->matrix[k][0] * r + t->matrix[k][1] * g + t->matrix[k][2] * b;
            at[k] = t->level[lrintf((v > 0 ? MIN(v, 1) : 0) * (LIGHTS - 1))];
        }
    }
}

/* ---- Where profiles are ---------------------------------------------------------------------- */

/* The profile's description: ASCII, or the first language in UTF-16. */
static void name_of(const struct profile *p, char name[static PICTURE_PROFILE_BYTES])
{
    size_t at = tag_at(p, "desc"), step = 1, n, kept = 0;
    if (at > 0 && at + 4 <= p->n && memcmp(p->bytes + at, "mluc", 4) == 0) {
        step = 2;
        n = get(p, at + 20, 4) / 2;
        at += get(p, at + 24, 4) + 1; /* the low byte of each character */
    } else {
        n = get(p, at + 8, 4);
        at += 12;
    }
    for (size_t i = 0; i < n && kept + 1 < PICTURE_PROFILE_BYTES; i++) {
        uint32_t c = get(p, at + step * i, 1);
        if (c == 0)
            break;
        name[kept++] = c >= ' ' && c <= '~' ? (char)c : '?';
    }
    name[kept] = '\0';
    if (kept == 0)
        snprintf(name, PICTURE_PROFILE_BYTES, "without a name");
}

/* The profile's first segment, which has the table of tags. */
struct profile jpeg_profile(const uint8_t *bytes, size_t n, uint8_t room[static ICC_BYTES_MAX])
{
    (void)room; /* a JPEG's profile is not packed */
    static const char mark[] = "ICC_PROFILE";
    struct profile all = {bytes, n};
    for (size_t at = 2; at + 4 <= n;) {
        unsigned marker = bytes[at + 1], length = get(&all, at + 2, 2);
        if (bytes[at] != 0xFF || marker == 0xFF) {
            at++;
            continue;
        }
        if (marker == SOS || length < 2 || length > n - at - 2)
            break;
        size_t start = at + 4 + sizeof mark + 2; /* after the segment's number and their count */
        at += 2 + length;
        if (marker == APP2 && start < at &&
            memcmp(bytes + start - sizeof mark - 2, mark, sizeof mark) == 0 &&
            bytes[start - 2] == 1)
            return (struct profile){bytes + start, at - start};
    }
    return (struct profile){0};
}

struct profile png_profile(const uint8_t *bytes, size_t n, uint8_t room[static ICC_BYTES_MAX])
{
    struct profile all = {bytes, n};
    for (size_t at = PNG_SIGNATURE_BYTES; n - at >= 12;) {
        size_t length = get(&all, at, 4);
        const uint8_t *data = bytes + at + 8;
        if (length > n - at - 12)
            break;
        const uint8_t *end = memcmp(data - 4, "iCCP", 4) == 0 ? memchr(data, 0, length) : NULL;
        if (end &&
            (size_t)(end - data) + 2 <= length) /* the chunk: name, 0, method, packed profile */
            return (struct profile){room, zlib_start(end + 2, length - (size_t)(end - data) - 2,
                                                     room, ICC_BYTES_MAX)};
        at += 12 + length;
    }
    return (struct profile){0};
}

void profile_apply(const struct picture_format *format, const uint8_t *bytes, size_t n,
                   uint8_t *rgba, size_t pixels, char name[static PICTURE_PROFILE_BYTES])
{
    uint8_t room[ICC_BYTES_MAX];
    double xyz[3][3];
    struct to_srgb t;
    struct profile p = format->profile ? format->profile(bytes, n, room) : (struct profile){0};
    if (p.n < HEADER_BYTES || memcmp(p.bytes + SPACE_AT, "GRAY", 4) == 0)
        return;
    bool found = read_primaries(&p, xyz), srgb = found && primaries_are_srgb(xyz);
    bool usable = found && white_is_d50(xyz) && tag_at(&p, "A2B0") == 0 &&
                  read_curve(&p, "rTRC", t.light[0]) && read_curve(&p, "gTRC", t.light[1]) &&
                  read_curve(&p, "bTRC", t.light[2]);
    if (!usable && !srgb)
        name_of(&p, name);
    if (!usable)
        return;
    fill_levels(t.level);
    fill_matrix(xyz, t.matrix);
    if (!srgb || !curves_are_srgb(&t))
        convert(&t, rgba, pixels);
}
