#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* /proc/PID/FILE into text; false where there is none. */
static bool read_proc(int64_t pid, const char *file, char *text, size_t text_bytes)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/%s", (long long)pid, file);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, text_bytes - 1, f);
    fclose(f);
    text[n] = '\0';
    return n > 0;
}

/* Field 3 (state) and field 22 (start) of proc(5)'s stat; the name before them may hold anything.
 */
static bool read_stat(int64_t pid, char *state, uint64_t *started)
{
    char text[1024];
    if (!read_proc(pid, "stat", text, sizeof text))
        return false;
    const char *at = strrchr(text, ')');
    if (!at || at[1] != ' ' || at[2] == '\0')
        return false;
    *state = at[2];
    at += 2;
    for (int field = 3; field < 22 && at; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    *started = at ? strtoull(at, NULL, 10) : 0;
    return at != NULL;
}

bool process_find(int64_t pid, struct process_id *out)
{
    char state;
    struct process_id found = {.pid = pid};
    if (!read_stat(pid, &state, &found.started))
        return false;
    *out = found;
    return true;
}

struct process_id process_self(void)
{
    struct process_id me = {.pid = getpid()};
    (void)process_find(getpid(), &me); /* without /proc nobody looks at it either */
    return me;
}

enum process_state process_state_of(const struct process_id *p)
{
    char state;
    uint64_t started;
    if (!read_stat(p->pid, &state, &started) || started != p->started)
        return PROCESS_GONE;
    if (state == 'Z' || state == 'X')
        return PROCESS_GONE;
    return state == 'T' || state == 't' ? PROCESS_STOPPED : PROCESS_ALIVE;
}

bool process_is_traced(const struct process_id *p)
{
    char text[4096];
    if (!read_proc(p->pid, "status", text, sizeof text))
        return false;
    const char *line = strstr(text, "\nTracerPid:");
    return line && strtol(line + strlen("\nTracerPid:"), NULL, 10) != 0;
}
