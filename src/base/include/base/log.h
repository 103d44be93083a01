/*
 * Messages for users, on standard error. One line is one write(2), so that lines of several ranks
 * never mix. Data (JSON, tables) goes to standard output, not through the log.
 *
 * By default rank 0 prints INFO and above, other ranks WARN and above. Lines of ranks other than 0
 * begin with "[rank R] ". The settings are global: set them before you start threads. Any thread
 * may print.
 */
#ifndef BIFRONS_BASE_LOG_H
#define BIFRONS_BASE_LOG_H

#include "base/status.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Takes the settings from BIFRONS_LOG (debug, info, warn, error), NO_COLOR, TERM, and whether
 * stderr is a terminal. */
void log_init(void);
void log_set_rank(int rank);

void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

/* true if stderr is a terminal that can redraw a line. */
bool log_is_terminal(void);
/*
 * Redraws the progress line at the bottom of the terminal, cut to its width; "" removes it. Other
 * messages appear above it. Does nothing on rank > 0 or if stderr is not a terminal.
 */
void log_progress(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
