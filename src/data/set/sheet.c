#include "data/sheet.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "data/picture.h"

#include "base/poison.h"

enum { COLUMNS = 8, ROWS_MAX = 5, CELL = 96, GAP = 4, CAPTION = 28 };

static enum status paste_row(struct set *s, int64_t row, uint8_t *stored, struct picture *sheet,
                             int x, int y, struct errmsg *em)
{
    int size = set_get_info(s)->size;
    struct picture in = {.width = size, .height = size, .rgb = stored}, cell = {0};
    enum status st = set_read_image(s, row, stored, em);
    if (st == ST_OK)
        st = picture_resize(&in, CELL, CELL, &cell, em);
    if (st == ST_OK)
        picture_paste(sheet, &cell, x, y);
    picture_release(&cell);
    return st;
}

static void draw_caption(const struct set_info *info, struct picture *sheet)
{
    static const uint8_t colour[3] = {225, 225, 225};
    char text[512];
    const char *person = picture_text_possible(info->person) ? info->person : "one person";
    snprintf(text, sizeof text, "%s: %lld pictures of %d px", person, (long long)info->n,
             info->size);
    picture_text(sheet, GAP + 2, (CAPTION - 16) / 2, 16, colour, text);
}

static enum status draw(struct set *s, struct picture *out, struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    int64_t shown = MIN(info->n, (int64_t)COLUMNS * ROWS_MAX);
    int rows = (int)((shown + COLUMNS - 1) / COLUMNS);
    struct picture sheet;
    enum status st =
        picture_init(&sheet, GAP + COLUMNS * (CELL + GAP), CAPTION + rows * (CELL + GAP), em);
    if (st != ST_OK)
        return st;
    uint8_t *stored = malloc((size_t)info->size * (size_t)info->size * 3);
    if (!stored)
        st = FAIL(em, ST_MEMORY, "out of memory for a picture of %d px", info->size);
    picture_fill(&sheet, 28, 28, 32);
    for (int64_t i = 0; i < shown && st == ST_OK; i++)
        st = paste_row(s, i * info->n / shown, stored, &sheet,
                       GAP + (int)(i % COLUMNS) * (CELL + GAP),
                       CAPTION + (int)(i / COLUMNS) * (CELL + GAP), em);
    free(stored);
    if (st != ST_OK) {
        picture_release(&sheet);
        return st;
    }
    draw_caption(info, &sheet);
    *out = sheet;
    return ST_OK;
}

enum status sheet_write(struct set *s, const char *path, struct errmsg *em)
{
    struct picture sheet;
    enum status st = draw(s, &sheet, em);
    if (st != ST_OK)
        return st;
    st = picture_write_png(path, &sheet, NULL, em);
    picture_release(&sheet);
    return st;
}
