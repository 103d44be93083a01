/* Values of masks: finds unusual ones. */
#include <stdio.h>

#include "base/checked.h"
#include "base/file.h"
#include "pack_priv.h"

#include "base/poison.h"

enum { WHITE = 255, BRIGHT = 128, COLOUR = 64 };

struct pack_mask pack_mask_take(struct picture *mask)
{
    struct pack_mask m = {.least = WHITE};
    size_t pixels = (size_t)mask->width * (size_t)mask->height;
    bool two = true;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *rgb = mask->rgb + 3 * i;
        uint8_t high = MAX(MAX(rgb[0], rgb[1]), rgb[2]), low = MIN(MIN(rgb[0], rgb[1]), rgb[2]);
        m.least = MIN(m.least, rgb[0]);
        if (m.largest > 0 && rgb[0] > 0 && rgb[0] != m.largest)
            two = false;
        m.largest = MAX(m.largest, rgb[0]);
        m.coloured = m.coloured || high - low > COLOUR;
    }
    if (!two || m.largest == 0 || m.largest == WHITE)
        return m;
    m.unit = m.largest;
    for (size_t i = 0; i < 3 * pixels; i++)
        mask->rgb[i] = mask->rgb[i] ? WHITE : 0;
    return m;
}

void pack_mask_unstretch(const struct pack_mask *m, uint8_t *pixels, size_t n)
{
    for (size_t i = 0; i < n && m->unit > 0; i++)
        pixels[i] = (uint8_t)((pixels[i] * m->unit + WHITE / 2) / WHITE);
}

/* The value v if all masks that mark something have only 0 and v; else 0. */
static uint8_t common_unit(const struct pack_source *s)
{
    uint8_t unit = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct pack_mask *m = &s->items[i].mask;
        if (!s->items[i].side_good[PACK_MASK] || m->largest == 0)
            continue;
        if (m->unit == 0 || (unit > 0 && m->unit != unit))
            return 0;
        unit = m->unit;
    }
    return unit;
}

static enum status add_note(const struct pack_source *s, struct name_list *l, size_t n,
                            const char *what, struct errmsg *em)
{
    if (l->n == 0)
        return ST_OK;
    char folder[PATH_BYTES_MAX] = "masks";
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].side_path[PACK_MASK]) {
            path_folder(s->items[i].side_path[PACK_MASK], folder, sizeof folder);
            break;
        }
    return pack_note_add(s->report, false, folder, em, "%s: %zu of %zu masks (%s)", what, l->n, n,
                         name_list_text(l));
}

enum status pack_masks_judge(struct pack_source *s, bool *unstretch_out, bool *usable_out,
                             struct errmsg *em)
{
    struct name_list empty = {0}, full = {0}, dim = {0}, coloured = {0}, two = {0};
    uint8_t unit = common_unit(s);
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct pack_mask *m = &s->items[i].mask;
        if (!s->items[i].side_good[PACK_MASK])
            continue;
        const char *name = path_name(s->items[i].side_path[PACK_MASK]);
        n++;
        if (m->largest == 0)
            name_list_add(&empty, name);
        else if (unit > 0)
            name_list_add(&two, name);
        else if (m->largest < BRIGHT)
            name_list_add(&dim, name);
        if (m->least >= BRIGHT || (m->least > 0 && unit > 0))
            name_list_add(&full, name);
        if (m->coloured)
            name_list_add(&coloured, name);
    }
    char text[128];
    snprintf(text, sizeof text, "only the values 0 and %d, which are read as 0 and 255", unit);
    enum status st = add_note(s, &two, n, text, em);
    if (st == ST_OK)
        st = add_note(s, &empty, n, "black all over, with no face marked", em);
    if (st == ST_OK)
        st = add_note(s, &full, n, "white all over, with no face marked", em);
    if (st == ST_OK)
        st = add_note(s, &dim, n, "no value above 127 (a face has 255), so they have little effect",
                      em);
    if (st == ST_OK)
        st = add_note(s, &coloured, n, "coloured: only red is read", em);
    *unstretch_out = unit == 0;
    *usable_out = empty.n < n;
    return st;
}
