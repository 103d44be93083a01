#include "sheets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/text.h"
#include "data/picture.h"
#include "stored.h"

#include "base/poison.h"

enum { PAGES_MAX = 10, CELL = 112, TEXT = 10, GAP = 4, CAPTION = 28, NAME_LETTERS = 19 };
enum { STEP_X = CELL + GAP, STEP_Y = CELL + 2 * (TEXT + 3) + GAP };

static const uint8_t pale[3] = {225, 225, 225}, grey[3] = {150, 150, 155}, warm[3] = {255, 180, 70};

/* Copies as much of a name as fits below a picture. */
static void fit_name(const char *name, char out[static sizeof(((struct sheet_cell *)0)->name)])
{
    size_t n = 0;
    for (int letters = 0; name[n] && letters < NAME_LETTERS; letters++)
        do
            n++;
        while (((unsigned char)name[n] & 0xC0) == 0x80);
    do
        snprintf(out, sizeof(((struct sheet_cell *)0)->name), "%.*s", (int)n, name);
    while (picture_text_width(TEXT, out) > CELL && (n = text_drop(name, n)) > 0);
}

static enum status draw_cell(const struct sheet_cell *cell, struct picture *sheet, int x, int y,
                             struct errmsg *em)
{
    struct picture whole = {0}, small = {0};
    struct errmsg ignored = {0};
    if (!cell->path[0] || picture_read(cell->path, &whole, &ignored) != ST_OK)
        return ST_OK;
    enum status st = picture_resize(&whole, CELL, CELL, &small, em);
    if (st == ST_OK) {
        char name[sizeof cell->name];
        fit_name(cell->name, name);
        picture_paste(sheet, &small, x, y);
        picture_text(sheet, x, y + CELL + 2, TEXT, pale, name);
        picture_text(sheet, x, y + CELL + TEXT + 4, TEXT,
                     strcmp(cell->verdict, verdict_name(UNSURE)) == 0 ? warm : grey, cell->verdict);
    }
    picture_release(&small);
    picture_release(&whole);
    return st;
}

enum status contact_sheet_draw(const char *caption, const struct sheet_cell *cells, size_t n,
                               const char *path, struct errmsg *em)
{
    struct picture sheet = {0};
    int rows = (int)((n + SHEET_COLUMNS - 1) / SHEET_COLUMNS);
    enum status st =
        picture_init(&sheet, GAP + SHEET_COLUMNS * STEP_X, CAPTION + MAX(rows, 1) * STEP_Y, em);
    if (st != ST_OK)
        return st;
    picture_fill(&sheet, 28, 28, 32);
    picture_text(&sheet, GAP + 2, (CAPTION - 16) / 2, 16, pale, caption);
    for (size_t i = 0; i < n && st == ST_OK; i++)
        st = draw_cell(&cells[i], &sheet, GAP + (int)(i % SHEET_COLUMNS) * STEP_X,
                       CAPTION + (int)(i / SHEET_COLUMNS) * STEP_Y, em);
    if (st == ST_OK)
        st = picture_write_png(path, &sheet, NULL, em);
    picture_release(&sheet);
    return st;
}

/* ---- Of a folder ----------------------------------------------------------------------------- */

static enum status count(const char *folder, size_t *n, struct errmsg *em)
{
    struct stored_reader r;
    enum status st = stored_open(&r, folder, em);
    for (*n = 0; st == ST_OK && stored_next(&r);)
        ++*n;
    stored_close(&r);
    return st;
}

static void fill_cell(const char *folder, const struct stored_reader *r, struct sheet_cell *cell)
{
    char place[PATH_BYTES_MAX];
    path_stem(r->name, cell->name, sizeof cell->name);
    snprintf(cell->verdict, sizeof cell->verdict, "%s", r->verdict);
    if (!path_join(place, sizeof place, folder, r->unsure ? "unsure" : "") ||
        !path_join(cell->path, sizeof cell->path, place, r->name))
        cell->path[0] = '\0';
}

static enum status write_page(const char *folder, const char *person, size_t page, size_t pages,
                              const struct sheet_cell *cells, size_t n, struct errmsg *em)
{
    char path[PATH_BYTES_MAX], name[32] = "sheet.png", caption[400], shown[300];
    if (page > 1)
        snprintf(name, sizeof name, "sheet-%zu.png", page);
    if (picture_text_shown(person, shown, sizeof shown) == 0)
        snprintf(shown, sizeof shown, "one person (this font cannot show the name)");
    snprintf(caption, sizeof caption, "%s, page %zu of %zu", shown, page, pages);
    return path_join(path, sizeof path, folder, name)
               ? contact_sheet_draw(caption, cells, n, path, em)
               : FAIL(em, ST_IO, "path too long: %s/%s", folder, name);
}

enum status sheets_write(const char *folder, const char *person, size_t *shown_out, size_t *n_out,
                         struct errmsg *em)
{
    struct stored_reader r = {0};
    struct sheet_cell *cells = calloc(SHEET_CELLS, sizeof *cells);
    size_t n = 0, shown = 0, at = 0, page = 0;
    enum status st = cells ? count(folder, &n, em) : FAIL(em, ST_MEMORY, "out of memory");
    size_t most = MIN(n, (size_t)PAGES_MAX * SHEET_CELLS);
    size_t pages = (most + SHEET_CELLS - 1) / SHEET_CELLS, filled = 0;
    if (st == ST_OK)
        st = stored_open(&r, folder, em);
    for (; st == ST_OK && shown < most && stored_next(&r); at++) {
        if (at != shown * n / most)
            continue;
        fill_cell(folder, &r, &cells[filled++]);
        shown++;
        if (filled < SHEET_CELLS && shown < most)
            continue;
        st = write_page(folder, person, ++page, pages, cells, filled, em);
        filled = 0;
    }
    stored_close(&r);
    free(cells);
    *shown_out = shown;
    *n_out = n;
    return st;
}
