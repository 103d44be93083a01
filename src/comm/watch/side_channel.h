/*
 * What the ranks of one host are at, told to the other hosts: beside MPI, so also when that hangs.
 *
 * Datagrams: each holds states, and a newer one makes an older one worthless, so that nothing is
 * repeated and no connection can be stuck. One rank a host, the lowest, tells rank 0's host, which
 * tells all others. Rank 0's addresses and a secret that every datagram carries travel by MPI when
 * the channel is opened. IPv4. Where the network lets nothing through, nothing is heard, and the
 * watchdog knows as little of other hosts as without.
 */
#ifndef BIFRONS_COMM_SIDE_CHANNEL_H
#define BIFRONS_COMM_SIDE_CHANNEL_H

#include "roster.h"

struct side_news {
    int64_t rank;
    struct roster_line line;
};

enum { SIDE_NEWS_MAX = 6 }; /* in a datagram, which fits an Ethernet frame */

struct side_channel;

/* COLLECTIVE. `speaks`: the lowest rank of its host; on others, and with one host, *out is NULL,
 * which every call takes. */
enum status side_channel_open(struct comm *c, bool speaks, bool several_hosts,
                              struct side_channel **out, struct errmsg *em) MUST_CHECK;
void side_channel_free(struct side_channel *s);

/* Neither waits. Rank 0 sends to all that it has heard of, the others to rank 0. */
void side_channel_send(struct side_channel *s, const struct side_news *news, int n);
/* Up to `most` news, which has to be SIDE_NEWS_MAX or more; 0: no more. Ranks are the world's. */
int side_channel_receive(struct side_channel *s, struct side_news *news, int most);

#endif
