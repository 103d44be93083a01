#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double clock_seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double clock_count(double *last_s)
{
    double now_s = clock_seconds(), passed_s = now_s - *last_s;
    *last_s = now_s;
    return passed_s < 1 ? passed_s : 1;
}

double clock_thread_seconds(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double clock_wall_seconds(void)
{
    return seconds_of(CLOCK_REALTIME);
}

void clock_iso8601(char out[static 32])
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    long long fixed = epoch ? strtoll(epoch, &end, 10) : -1;
    time_t now = epoch && *epoch && !*end && fixed >= 0 ? (time_t)fixed : time(NULL);
    struct tm utc;
    if (!gmtime_r(&now, &utc) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        snprintf(out, 32, "1970-01-01T00:00:00Z");
}

void clock_format_duration(double seconds, char *out, size_t out_bytes)
{
    long long s = seconds > 0 ? (long long)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(out, out_bytes, "%lld h %02lld min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(out, out_bytes, "%lld min %02lld s", s / 60, s % 60);
    else
        snprintf(out, out_bytes, "%lld s", s);
}
