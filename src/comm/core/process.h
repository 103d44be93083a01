/* Other processes of this node, as /proc shows them. */
#ifndef BIFRONS_COMM_PROCESS_H
#define BIFRONS_COMM_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A process for good: numbers are used again, pairs of number and start are not. */
struct process_id {
    int64_t pid;
    uint64_t started; /* clock ticks since boot */
};

enum process_state {
    PROCESS_GONE, /* or a zombie: it runs no more */
    PROCESS_ALIVE,
    PROCESS_STOPPED /* by a signal or a debugger */
};

struct process_id process_self(void);
/* False where there is no such process. */
bool process_find(int64_t pid, struct process_id *out);
enum process_state process_state_of(const struct process_id *p);
/* Does a debugger hold this process? */
bool process_is_traced(const struct process_id *p);

#endif
