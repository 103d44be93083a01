/* Shared by the watchdog's files. */
#ifndef BIFRONS_COMM_WATCHDOG_PRIV_H
#define BIFRONS_COMM_WATCHDOG_PRIV_H

#include "comm/watchdog.h"
#include "roster.h"
#include "watchdog_judge.h"

/* The state of a rank when the watchdog's thread last looked. */
struct watchdog_rank {
    char host[COMM_HOST_BYTES];
    bool here;    /* on this node */
    bool visible; /* its process was seen alive: not so in another PID namespace (a container) */
    uint64_t version; /* of the line */
    double unheard_s; /* seconds since the line was written */
    struct roster_line line;
    struct watchdog_view view;
};

/* "rank 3 on host n2 (pid 77)" */
void watchdog_name(const struct watchdog_rank *all, int rank, char *text, size_t text_bytes);
/* "summing gradients of step 17, waits for the others in bucket 2 of 4, for 31 s" */
void watchdog_describe(const struct watchdog_rank *r, char *text, size_t text_bytes);
/* true for a rank on another node of which nothing has been heard for a while. */
bool watchdog_is_unheard(const struct watchdog_rank *r);
/* Logs the verdict, then what each rank is doing, the culprit (-1: none) first. */
void watchdog_report(const struct watchdog_rank *all, int n, int culprit, const char *verdict);

#endif
