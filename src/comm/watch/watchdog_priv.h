/* What the watchdog's files share. */
#ifndef BIFRONS_COMM_WATCHDOG_PRIV_H
#define BIFRONS_COMM_WATCHDOG_PRIV_H

#include "comm/watchdog.h"
#include "roster.h"
#include "watchdog_judge.h"

/* A rank, as the watchdog's thread last saw it. */
struct watchdog_rank {
    char host[COMM_HOST_BYTES];
    bool here;        /* on this host: its process can be looked at */
    uint64_t version; /* of the line */
    double unheard_s; /* since it was written */
    struct roster_line line;
    struct watchdog_view view;
};

/* "rank 3 on host n2 (pid 77)" */
void watchdog_name(const struct watchdog_rank *all, int rank, char *text, size_t text_bytes);
/* "has been in a step (17) for 31 s, stopped by a signal" */
void watchdog_describe(const struct watchdog_rank *r, char *text, size_t text_bytes);
/* Of a rank on another host of which nothing has come for a while. */
bool watchdog_is_unheard(const struct watchdog_rank *r);
/* Logs the verdict, then what the ranks are at, the culprit (or -1) first. */
void watchdog_report(const struct watchdog_rank *all, int n, int culprit, const char *verdict);

#endif
