/* What the picture files share among themselves. */
#ifndef BIFRONS_DATA_PICTURE_PRIV_H
#define BIFRONS_DATA_PICTURE_PRIV_H

#include "data/picture.h"

/* 12,000 x 9,000 and no more: a decoder needs up to 8 bytes a pixel. */
#define PICTURE_PIXELS_MAX ((size_t)1 << 27)

enum picture_kind { KIND_UNKNOWN, KIND_JPEG, KIND_PNG, KIND_BMP };
/* Told by the first bytes. */
enum picture_kind picture_kind_of(const uint8_t *bytes, size_t n);

/*
 * Checks what stb_image does not (see the two files) and finds the EXIF orientation, 1 to 8, 1
 * where none is given. ST_DATA.
 */
enum status jpeg_check(const uint8_t *bytes, size_t n, int *orientation_out,
                       struct errmsg *em) MUST_CHECK;
enum status png_check(const uint8_t *bytes, size_t n, int *orientation_out,
                      struct errmsg *em) MUST_CHECK;
enum status bmp_check(const uint8_t *bytes, size_t n, struct errmsg *em) MUST_CHECK;

/* Orientation in a TIFF block (what follows "Exif\0\0", or a PNG eXIf chunk); 1 where it says none.
 */
int exif_orientation(const uint8_t *tiff, size_t n);

/* Size of a checked picture. ST_DATA. */
enum status stb_size(const uint8_t *bytes, size_t n, int *width_out, int *height_out,
                     struct errmsg *em) MUST_CHECK;
/* Its pixels as (height, width, 4) RGBA; free with stb_pixels_free. ST_DATA. */
enum status stb_pixels(const uint8_t *bytes, size_t n, int *width_out, int *height_out,
                       uint8_t **rgba_out, struct errmsg *em) MUST_CHECK;
void stb_pixels_free(uint8_t *rgba);

/*
 * (height, width, channels) bytes to (out_height, out_width, channels), each axis on its own: area
 * average where it shrinks, Lanczos-3 where it grows, copied where it stays. ST_MEMORY.
 */
enum status pixels_resize(const uint8_t *in, int width, int height, int channels, uint8_t *out,
                          int out_width, int out_height, struct errmsg *em) MUST_CHECK;

/* Lays `colour` over a pixel with coverage 0 to 255. */
void pixel_blend(uint8_t *rgb, const uint8_t colour[3], unsigned coverage);

/* The letters "AI", as bars, within a box. */
void label_ai(struct picture *p, int left, int top, int width, int height, const uint8_t colour[3]);

#endif
