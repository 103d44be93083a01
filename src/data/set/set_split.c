/* What the split into training and held-out pictures goes by: content, or stretches of videos. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
#include "data/order.h"
#include "set_priv.h"

#include "base/poison.h"

enum { ROWS_AT_ONCE = 256 };

/* A frame of a video looks like those around it. */
static const double STRETCH_S = 10;

static uint64_t stretch_of(const char *source, double time_s)
{
    double stretch = floor(time_s / STRETCH_S);
    return hash64(&stretch, sizeof stretch, hash64(source, strlen(source), 0));
}

/* Replaces the keys of n rows from `first` that are frames of a video. */
static enum status split_videos(const struct set *s, int64_t first, int64_t n, double *times,
                                char (*sources)[SET_TEXT_BYTES_MAX], uint64_t *keys,
                                struct errmsg *em)
{
    if (!set_file_read_rows(set_get_file(s), SET_TIME, first, n, H5T_NATIVE_DOUBLE, times) ||
        !set_file_read_texts(set_get_file(s), SET_SOURCE, first, n, sources[0], sizeof sources[0]))
        return FAIL(em, ST_DATA,
                    "%s: /time or /source cannot be read: the file is damaged; pack it again",
                    set_path(s));
    for (int64_t i = 0; i < n; i++)
        if (isfinite(times[i]) && sources[i][0])
            keys[first + i] = stretch_of(sources[i], times[i]);
    return ST_OK;
}

enum status order_of_set(struct set *s, double val_fraction, uint64_t seed,
                         enum order_person person, struct order **out, struct errmsg *em)
{
    int64_t n = set_get_info(s)->n;
    uint64_t *keys = malloc((size_t)n * sizeof *keys);
    double *times = malloc(ROWS_AT_ONCE * sizeof *times);
    char(*sources)[SET_TEXT_BYTES_MAX] = malloc(ROWS_AT_ONCE * sizeof *sources);
    enum status st = ST_OK;
    if (keys && times && sources)
        memcpy(keys, set_hashes(s), (size_t)n * sizeof *keys);
    else
        st = FAIL(em, ST_MEMORY, "out of memory for the order of %lld pictures", (long long)n);
    if (val_fraction > 0 && set_get_info(s)->has_time && set_get_info(s)->has_source)
        for (int64_t first = 0; first < n && st == ST_OK; first += ROWS_AT_ONCE)
            st = split_videos(s, first, MIN(n - first, ROWS_AT_ONCE), times, sources, keys, em);
    if (st == ST_OK)
        st = order_new(keys, n, val_fraction, seed, person, out, em);
    free(sources);
    free(times);
    free(keys);
    return st;
}
