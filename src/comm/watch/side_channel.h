/*
 * Tells the other nodes what the ranks of this node are doing. It does not use MPI, so it works
 * also when MPI hangs.
 *
 * It sends UDP datagrams over IPv4. A newer datagram replaces an older one, so lost ones are not
 * sent again. The lowest rank of each node sends to rank 0, and rank 0 to all nodes. On opening,
 * MPI distributes rank 0's addresses and a secret that every datagram carries. If the network
 * blocks the datagrams, the watchdog knows nothing of other nodes.
 */
#ifndef BIFRONS_COMM_SIDE_CHANNEL_H
#define BIFRONS_COMM_SIDE_CHANNEL_H

#include "roster.h"

struct side_news {
    int64_t rank;
    struct roster_line line;
};

enum { SIDE_NEWS_MAX = 6 }; /* lines in a datagram, so that it fits an Ethernet frame */

struct side_channel;

/* COLLECTIVE. `speaks`: this is the lowest rank of its node. On the other ranks, and with one node,
 * *out is NULL, which all functions below accept. */
enum status side_channel_open(struct comm *c, bool speaks, bool several_hosts,
                              struct side_channel **out, struct errmsg *em) MUST_CHECK;
void side_channel_free(struct side_channel *s);

/* Sends without waiting: rank 0 to all nodes that have sent to it, the others to rank 0. */
void side_channel_send(struct side_channel *s, const struct side_news *news, int n);
/* Receives without waiting. Returns the number of news, at most `most`; 0: none left. `most` must
 * be SIDE_NEWS_MAX or more. */
int side_channel_receive(struct side_channel *s, struct side_news *news, int most);

#endif
