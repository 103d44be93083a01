/*
 * The collectives that each rank of a node has begun and ended, in shared memory. Other ranks can
 * read a rank's line even if that rank hangs. Ranks of other nodes have no line.
 *
 * One thread at a time writes a rank's line; any thread reads all lines.
 */
#ifndef BIFRONS_COMM_BOARD_H
#define BIFRONS_COMM_BOARD_H

#include <stdint.h>

#include "comm_priv.h"

struct board;

/* A copy of a rank's line. */
struct board_line {
    bool present, failed;
    struct comm_call last; /* the last collective that the rank began; sequence 0: none */
    uint64_t done;         /* sequence of the last collective that ended on its GPU */
};

/* COLLECTIVE. A full /dev/shm is not a failure: *out is then NULL, which all functions accept. */
enum status board_open(struct comm *host, struct board **out, struct errmsg *em) MUST_CHECK;
void board_free(struct board *b);

/* Writes this rank's call. False if a rank of this node has begun another call with the same
 * sequence: rank_out and other_out name them. */
bool board_begin(struct board *b, const struct comm_call *mine, int *rank_out,
                 struct comm_call *other_out);
void board_done(struct board *b, uint64_t sequence);
void board_fail(struct board *b);
/* The first rank that has failed, or -1. */
int board_failed_rank(const struct board *b);
struct board_line board_read(const struct board *b, int rank);
/* True for the first caller on the node: it reports to the user, then calls board_reported. */
bool board_claim_report(struct board *b);
void board_reported(struct board *b);
/* Waits for board_reported, at most a second: ending the job earlier would cut off the report. */
void board_await_report(struct board *b);

#endif
