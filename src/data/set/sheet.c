#include "data/sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "data/picture.h"
#include "data/points.h"

#include "base/poison.h"

enum { GAP = 4, CAPTION = 28 };

/* Layout of the pictures on the sheet. */
struct layout {
    int columns, cell;
};
static const struct layout plain = {8, 96}, with_points = {4, 192};
enum { ROWS_MAX = 5 };

static void put(struct picture *p, int x, int y, const uint8_t colour[3])
{
    if (x >= 0 && y >= 0 && x < p->width && y < p->height)
        memcpy(p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x), colour, 3);
}

/* Squares of 3 pixels with a dark edge; points outside the picture are cut off. */
static void draw_points(const float points[FACE_POINTS][2], int size, struct picture *cell)
{
    static const uint8_t dark[3] =
        {
            16, 16, 24
    },
                         colours[3][3] = {{70, 160, 255}, {255, 225, 60}, {255, 80, 80}};
    double scale = (double)cell->width / size;
    for (int edge = 1; edge >= 0; edge--)
        for (int i = 0; i < FACE_POINTS; i++) {
            if (!point_is_known(points[i]))
                continue;
            int x = (int)floor(((double)points[i][0] + .5) * scale);
            int y = (int)floor(((double)points[i][1] + .5) * scale), reach = 1 + edge;
            for (int v = -reach; v <= reach; v++)
                for (int u = -reach; u <= reach; u++)
                    put(cell, x + u, y + v, edge ? dark : colours[1 + point_side(i)]);
        }
}

static enum status paste_row(struct set *s, int64_t row, bool points, uint8_t *stored,
                             struct picture *sheet, int x, int y, struct errmsg *em)
{
    int size = set_get_info(s)->size, side = points ? with_points.cell : plain.cell;
    struct picture in = {.width = size, .height = size, .rgb = stored}, cell = {0};
    float at[FACE_POINTS][2];
    enum status st = set_read_image(s, row, stored, em);
    if (st == ST_OK && points)
        st = set_read_points(s, row, at, em);
    if (st == ST_OK)
        st = picture_resize(&in, side, side, &cell, em);
    if (st == ST_OK && points)
        draw_points((const float(*)[2])at, size, &cell);
    if (st == ST_OK)
        picture_paste(sheet, &cell, x, y);
    picture_release(&cell);
    return st;
}

static void draw_caption(const struct set_info *info, struct picture *sheet)
{
    static const uint8_t colour[3] = {225, 225, 225};
    char text[512], person[300];
    if (picture_text_shown(info->person, person, sizeof person) == 0)
        snprintf(person, sizeof person, "one person (this font cannot show the name)");
    snprintf(text, sizeof text, "%s: %lld pictures of %d px", person, (long long)info->n,
             info->size);
    picture_text(sheet, GAP + 2, (CAPTION - 16) / 2, 16, colour, text);
}

enum status sheet_draw(struct set *s, bool points, struct picture *out, struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    const struct layout l = points ? with_points : plain;
    int64_t shown = MIN(info->n, (int64_t)l.columns * ROWS_MAX);
    int rows = (int)((shown + l.columns - 1) / l.columns), step = l.cell + GAP;
    struct picture sheet;
    enum status st = picture_init(&sheet, GAP + l.columns * step, CAPTION + rows * step, em);
    if (st != ST_OK)
        return st;
    uint8_t *stored = malloc((size_t)info->size * (size_t)info->size * 3);
    if (!stored)
        st = FAIL(em, ST_MEMORY, "out of memory for a picture of %d px", info->size);
    picture_fill(&sheet, 28, 28, 32);
    for (int64_t i = 0; i < shown && st == ST_OK; i++)
        st =
            paste_row(s, i * info->n / shown, points, stored, &sheet,
                      GAP + (int)(i % l.columns) * step, CAPTION + (int)(i / l.columns) * step, em);
    free(stored);
    if (st != ST_OK) {
        picture_release(&sheet);
        return st;
    }
    draw_caption(info, &sheet);
    *out = sheet;
    return ST_OK;
}

enum status sheet_write(struct set *s, bool points, const char *path, struct errmsg *em)
{
    struct picture sheet;
    enum status st = sheet_draw(s, points, &sheet, em);
    if (st != ST_OK)
        return st;
    st = picture_write_png(path, &sheet, NULL, em);
    picture_release(&sheet);
    return st;
}

enum status sheet_write_beside(const char *set_path, char sheet_out[static PATH_BYTES_MAX],
                               struct errmsg *em)
{
    struct set *s;
    size_t stem = strlen(set_path) - strlen(path_extension(set_path));
    int n = snprintf(sheet_out, PATH_BYTES_MAX, "%.*s.sheet.png", (int)stem, set_path);
    if (n < 0 || n >= PATH_BYTES_MAX)
        return FAIL(em, ST_IO, "path too long: %s", set_path);
    enum status st = set_open(set_path, &s, em);
    if (st != ST_OK)
        return st;
    st = sheet_write(s, false, sheet_out, em);
    set_free(s);
    return st;
}
