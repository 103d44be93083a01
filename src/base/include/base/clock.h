/* Time. Measure durations with the monotonic clock; the wall clock is for printing only. */
#ifndef BIFRONS_BASE_CLOCK_H
#define BIFRONS_BASE_CLOCK_H

#include <stddef.h>

/* Seconds on the monotonic clock, from an arbitrary start. */
double clock_seconds(void);
/* Seconds since *last_s, which becomes now; at most one, as more means that this process was
 * stopped (Ctrl-Z, a suspended job). For deadlines: call it more often than once a second. */
double clock_count(double *last_s);
/* CPU seconds of the calling thread. */
double clock_thread_seconds(void);
/* Wall-clock seconds since 1970, with fraction; ignores SOURCE_DATE_EPOCH. */
double clock_wall_seconds(void);
/* The present time, or SOURCE_DATE_EPOCH if it is set and valid: "2026-01-31T12:00:00Z". */
void clock_iso8601(char out[static 32]);
/* "1 h 02 min", "3 min 20 s" or "12 s". */
void clock_format_duration(double seconds, char *out, size_t out_bytes);

#endif
