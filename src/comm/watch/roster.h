/*
 * What each rank is doing, in memory shared by the ranks of a node. Every rank of the world has a
 * line; the side channel fills the lines of other nodes.
 *
 * One thread at a time writes a line; any thread reads all lines.
 */
#ifndef BIFRONS_COMM_ROSTER_H
#define BIFRONS_COMM_ROSTER_H

#include "comm_priv.h"
#include "process.h"

struct roster_line {
    struct process_id process;
    uint64_t activity; /* increases whenever the rank does something */
    uint64_t phase;    /* enum watchdog_phase */
    int64_t step;
    double deadline_s;      /* of the phase; 0: none */
    uint64_t waiting;       /* sequence of the collective that its caller waits for; 0: none */
    struct comm_call last;  /* the last collective that it began; sequence 0: none */
    int32_t waiting_bucket; /* of `waiting`, from 1 to n_buckets; 0: none; last_bucket: of `last` */
    int32_t last_bucket, n_buckets;
    enum process_state state; /* in lines from other nodes: as that node sees the process */
    bool saved;               /* has saved a checkpoint since the start */
    bool held;                /* a debugger holds a rank of this node */
    bool ended;               /* has ended in order */
};

struct roster;

/* COLLECTIVE. If there is no shared memory, every rank has a private roster. */
enum status roster_open(struct comm *c, struct roster **out, struct errmsg *em) MUST_CHECK;
void roster_free(struct roster *r);

void roster_write(struct roster *r, int rank, const struct roster_line *line);
/* Copies a line to *out. Returns its version, 2 x the number of writes; 0: never written, *out is
 * all zero. */
uint64_t roster_read(const struct roster *r, int rank, struct roster_line *out);

/* True for the first caller on the node: it reports to the user, then calls roster_reported. */
bool roster_claim_report(struct roster *r);
void roster_reported(struct roster *r);
/* Waits for roster_reported, at most two seconds: ending the job would cut off the report. */
void roster_await_report(struct roster *r);

#endif
