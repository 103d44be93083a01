/* Other processes of this node, as /proc shows them. */
#ifndef BIFRONS_COMM_PROCESS_H
#define BIFRONS_COMM_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Identifies a process: Linux uses a pid again, but not with the same start time. */
struct process_id {
    int64_t pid;
    uint64_t started; /* clock ticks since boot */
};

enum process_state {
    PROCESS_GONE, /* ended, or a zombie */
    PROCESS_ALIVE,
    PROCESS_STOPPED /* by a signal or a debugger */
};

struct process_id process_self(void);
/* False if there is no such process. */
bool process_find(int64_t pid, struct process_id *out);
enum process_state process_state_of(const struct process_id *p);
/* true if a debugger is attached to the process. */
bool process_is_traced(const struct process_id *p);

#endif
