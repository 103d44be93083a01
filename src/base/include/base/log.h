/*
 * Messages for people, on standard error: one line, one write(2), so that the lines of several
 * ranks never mix. Data (JSON, tables asked for) goes to standard output and never through here.
 *
 * By default rank 0 prints INFO and above, other ranks WARN and above; a line from a rank other
 * than 0 is marked "[rank R] ". The log's settings are the one piece of state the process shares;
 * set them before starting threads. The printing functions may be called from any thread.
 */
#ifndef BIFRONS_BASE_LOG_H
#define BIFRONS_BASE_LOG_H

#include "base/status.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Reads BIFRONS_LOG (debug, info, warn, error), NO_COLOR, TERM and whether stderr is a terminal. */
void log_init(void);
void log_set_rank(int rank);

void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

/* Is stderr a terminal that can redraw a line? */
bool log_is_terminal(void);
/*
 * Redraws the progress line at the bottom of a terminal (cut to its width); "" removes it. Ordinary
 * messages print above it. Does nothing on rank > 0 or where stderr is not a terminal.
 */
void log_progress(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
