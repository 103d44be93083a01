/*
 * What each rank is at, in memory that the ranks of a host share: a line for every rank of the
 * world, of which those of other hosts stay empty unless somebody brings them.
 *
 * A line has one writer at a time; any thread reads all of them.
 */
#ifndef BIFRONS_COMM_ROSTER_H
#define BIFRONS_COMM_ROSTER_H

#include "comm_priv.h"
#include "process.h"

struct roster_line {
    struct process_id process;
    uint64_t activity; /* grows with whatever the rank does */
    uint64_t phase;    /* enum watchdog_phase */
    int64_t step;
    double deadline_s;      /* of the phase; 0: none */
    uint64_t waiting;       /* sequence of the collective that holds up its caller; 0: none */
    struct comm_call last;  /* the last collective it began; sequence 0: none */
    int32_t waiting_bucket; /* which of n_buckets these two are, from 1; 0: none */
    int32_t last_bucket, n_buckets;
    enum process_state state; /* as its host sees it; of lines that come from other hosts */
    bool saved;               /* a checkpoint, since the start */
    bool held;                /* a debugger is at work on this host */
    bool ended;               /* in order */
};

struct roster;

/* COLLECTIVE. Without shared memory a rank has a roster to itself. */
enum status roster_open(struct comm *c, struct roster **out, struct errmsg *em) MUST_CHECK;
void roster_free(struct roster *r);

void roster_write(struct roster *r, int rank, const struct roster_line *line);
/* How often it was written, twice; 0: never, and *out is all zero. */
uint64_t roster_read(const struct roster *r, int rank, struct roster_line *out);

/* True for one caller on the host: the one that tells the user, then says so by roster_reported. */
bool roster_claim_report(struct roster *r);
void roster_reported(struct roster *r);
/* Waits for that, two seconds at most: ending the job cuts off the one who is telling. */
void roster_await_report(struct roster *r);

#endif
