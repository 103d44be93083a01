/* What the split into training and held-out pictures goes by: content, or stretches of videos. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/hash.h"
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

enum status set_split_keys(struct set *s, uint64_t *keys, struct errmsg *em)
{
    const struct set_info *info = set_get_info(s);
    memcpy(keys, set_hashes(s), (size_t)info->n * sizeof *keys);
    if (!info->has_time || !info->has_source)
        return ST_OK;
    double *times = malloc(ROWS_AT_ONCE * sizeof *times);
    char(*sources)[SET_TEXT_BYTES_MAX] = malloc(ROWS_AT_ONCE * sizeof *sources);
    enum status st =
        times && sources ? ST_OK : FAIL(em, ST_MEMORY, "out of memory reading %s", set_path(s));
    for (int64_t first = 0; first < info->n && st == ST_OK; first += ROWS_AT_ONCE)
        st = split_videos(s, first, MIN(info->n - first, ROWS_AT_ONCE), times, sources, keys, em);
    free(sources);
    free(times);
    return st;
}
