#include "set_notes.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/log.h"
#include "data/picture_folder.h"

#include "base/poison.h"

enum { MASKS_LOOKED_AT = 64, BRIGHT = 128 };

/* --- Pictures of both people ------------------------------------------------------------------ */

/* Warns of A's pictures that are also in B's set: both decoders would learn them. */
static void log_common(const struct run *run)
{
    const struct set *a = run->sets[0], *b = run->sets[1];
    struct set_row_hash *of_a = set_sorted_hashes(a), *of_b = set_sorted_hashes(b);
    struct name_list names = {0};
    int64_t n_a = set_get_info(a)->n, n_b = set_get_info(b)->n;
    for (int64_t i = 0, k = 0; of_a && of_b && i < n_a; i++) {
        char text[2 * SET_NAME_BYTES_MAX + 8];
        while (k < n_b && of_b[k].hash < of_a[i].hash)
            k++;
        if (k == n_b || of_b[k].hash != of_a[i].hash)
            continue;
        snprintf(text, sizeof text, "%s = %s", set_name(a, of_a[i].row), set_name(b, of_b[k].row));
        name_list_add(&names, text);
    }
    free(of_a);
    free(of_b);
    if (names.n > 0)
        log_warn("%zu of A's %" PRId64 " pictures are in B's set, too, so that both decoders learn "
                 "them: leave them out where they do not belong (%s)",
                 names.n, n_a, name_list_text(&names));
}

/* --- Masks ------------------------------------------------------------------------------------ */

/* Warns of keys that do nothing without masks. Losses that need masks are refused
 * (stage_open.c). */
static void log_masks(const struct run *run)
{
    const struct config *c = &run->config;
    int with = set_get_info(run->sets[0])->has_masks ? 0 : 1; /* if one of them has masks */
    bool one = set_get_info(run->sets[0])->has_masks != set_get_info(run->sets[1])->has_masks;
    int without = one ? 1 - with : 0;
    if (run_uses_masks(run))
        return;
    if (one && c->data.masks)
        log_warn("%s has masks, which are not used, since %s (data.%c) has none: pack it with its "
                 "masks folder",
                 set_path(run->sets[with]), set_path(run->sets[without]), "ab"[without]);
    if (c->augment.surroundings > 0 && c->data.masks)
        log_warn("augment.surroundings = %g has no effect: %s (data.%c) has no masks to cut faces "
                 "out by; pack it with its masks folder, or set it to 0",
                 c->augment.surroundings, set_path(run->sets[without]), "ab"[without]);
    else if (c->augment.surroundings > 0)
        log_warn("augment.surroundings = %g has no effect because data.masks = false: set "
                 "data.masks = true, or augment.surroundings = 0",
                 c->augment.surroundings);
}

/* Warns of masks of 0 and 1, from sets that this version did not pack: a face must be 255. */
static void log_dark_masks(const struct run *run, int person)
{
    struct set *set = run->sets[person];
    const struct set_info *info = set_get_info(set);
    size_t pixels = (size_t)info->size * (size_t)info->size;
    int64_t n = MIN(info->n, (int64_t)MASKS_LOOKED_AT);
    uint8_t *mask = malloc(pixels), largest = 0;
    struct errmsg ignored = {0}; /* training will report it */
    for (int64_t i = 0; mask && i < n && largest < BRIGHT; i++) {
        if (set_read_mask(set, i * info->n / n, mask, &ignored) != ST_OK)
            largest = BRIGHT;
        for (size_t k = 0; k < pixels && largest < BRIGHT; k++)
            largest = MAX(largest, mask[k]);
    }
    if (mask && largest < BRIGHT)
        log_warn("%s: its masks have no value above %d, where a face has 255, and so next to no "
                 "effect (%" PRId64 " of %" PRId64
                 " looked at): pack the folder again, with --force",
                 set_path(set), largest, n, info->n);
    free(mask);
}

void set_notes_log(const struct run *run)
{
    log_masks(run);
    for (int p = 0; p < 2 && run_uses_masks(run); p++)
        log_dark_masks(run, p);
    if (set_get_info(run->sets[0])->fingerprint != set_get_info(run->sets[1])->fingerprint)
        log_common(run);
}
