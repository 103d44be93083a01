/*
 * Where each rank of a node stands, in shared memory: readable without a message, so also while the
 * rank it tells of hangs. Ranks on other machines have no line on it.
 *
 * One thread writes a rank's line at a time; any thread reads all of them.
 */
#ifndef BIFRONS_COMM_BOARD_H
#define BIFRONS_COMM_BOARD_H

#include <stdint.h>

#include "comm_priv.h"

struct board;

/* A rank's line, read. */
struct board_line {
    bool present, failed;
    struct comm_call last; /* the latest it has begun; sequence 0: none */
    uint64_t done;         /* sequence of the latest that has ended on its GPU */
};

/* COLLECTIVE. Not to be had (no room in /dev/shm) is no failure: *out is then NULL, and every
 * function below takes that. */
enum status board_open(struct comm *host, struct board **out, struct errmsg *em) MUST_CHECK;
void board_free(struct board *b);

/* Writes this rank's call. False, with the other's in other_out, where a rank of this node has
 * begun a different one under the same number. */
bool board_begin(struct board *b, const struct comm_call *mine, int *rank_out,
                 struct comm_call *other_out);
void board_done(struct board *b, uint64_t sequence);
void board_fail(struct board *b);
/* The first rank that has failed, or -1. */
int board_failed_rank(const struct board *b);
struct board_line board_read(const struct board *b, int rank);
/* True for one caller on the node: the one that tells the user, then says so by board_reported. */
bool board_claim_report(struct board *b);
void board_reported(struct board *b);
/* Waits for that, a second at most: ending the job cuts off the one who is telling. */
void board_await_report(struct board *b);

#endif
