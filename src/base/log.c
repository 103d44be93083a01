#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 4096, COLUMNS_DEFAULT = 80 };

static struct {
    pthread_mutex_t lock;
    enum log_level level;
    int rank;
    bool terminal, colour, progress_shown;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO};

void log_init(void)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    const char *wanted = getenv("BIFRONS_LOG"), *term = getenv("TERM");
    for (int i = 0; wanted && i < 4; i++)
        if (strcmp(wanted, names[i]) == 0)
            state.level = (enum log_level)i;
    state.terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    state.colour = state.terminal && !getenv("NO_COLOR");
}

void log_set_rank(int rank)
{
    state.rank = rank;
}

bool log_is_terminal(void)
{
    return state.terminal;
}

static void write_all(const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDERR_FILENO, text, n);
        if (done < 0 && errno == EAGAIN) /* another program made it non-blocking */
            poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, -1);
        if (done < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (done <= 0)
            return; /* stderr is closed or broken: nothing can be printed */
        text += done;
        n -= (size_t)done;
    }
}

void log_at(enum log_level level, const char *fmt, ...)
{
    static const char *const plain[] = {"debug: ", "", "warning: ", "error: "};
    static const char *const bright[] = {"\033[2mdebug:\033[0m ", "", "\033[33mwarning:\033[0m ",
                                         "\033[31merror:\033[0m "};
    if (level < state.level || (state.rank > 0 && level < LOG_WARN && state.level > LOG_DEBUG))
        return;

    char line[LINE_BYTES_MAX], rank[24] = "";
    if (state.rank > 0)
        snprintf(rank, sizeof rank, "[rank %d] ", state.rank);
    pthread_mutex_lock(&state.lock);
    int n = snprintf(line, sizeof line, "%s%s%s", state.progress_shown ? "\r\033[K" : "", rank,
                     state.colour ? bright[level] : plain[level]);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - 1 - (size_t)n, fmt, ap);
    va_end(ap);
    size_t used = strlen(line);
    line[used++] = '\n';
    write_all(line, used);
    state.progress_shown = false;
    pthread_mutex_unlock(&state.lock);
}

/* Cuts to the number of columns without splitting a UTF-8 sequence. */
static void cut_to_columns(char *text, int columns)
{
    int seen = 0;
    for (char *p = text; *p; p++) {
        bool starts_character = ((unsigned char)*p & 0xC0) != 0x80;
        if (starts_character && seen++ == columns) {
            *p = '\0';
            return;
        }
    }
}

void log_progress(const char *fmt, ...)
{
    if (!state.terminal || state.rank > 0)
        return;
    struct winsize size;
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                                  : COLUMNS_DEFAULT;
    char text[LINE_BYTES_MAX - 16], line[LINE_BYTES_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    cut_to_columns(text, columns - 1);
    pthread_mutex_lock(&state.lock);
    int n = snprintf(line, sizeof line, "\r\033[K%s", text);
    write_all(line, (size_t)n);
    state.progress_shown = text[0] != '\0';
    pthread_mutex_unlock(&state.lock);
}
