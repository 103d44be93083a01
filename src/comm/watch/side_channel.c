#include "side_channel.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/log.h"

#include "base/poison.h"

/* SOCKET_BYTES: rank 0 of 512 ranks gets and sends thousands of datagrams at a time. */
enum { ADDRESSES_MAX = 16, SECRET_BYTES = 16, NEWS_MAX = SIDE_NEWS_MAX, SOCKET_BYTES = 1 << 20 };

/* The addresses of rank 0. */
struct card {
    unsigned char secret[SECRET_BYTES];
    uint32_t n_addresses;
    uint32_t addresses[ADDRESSES_MAX]; /* in network order, like the port */
    uint16_t port;
};

struct datagram {
    unsigned char secret[SECRET_BYTES];
    int64_t from, n;
    struct side_news news[NEWS_MAX];
};

struct side_channel {
    int fd, rank, n_ranks;
    struct card card;
    struct sockaddr_in *peers; /* on rank 0: (n_ranks) addresses of ranks heard; else [0]: rank 0 */
    bool *heard;               /* (n_ranks) ranks that have sent to rank 0 */
};

static void list_addresses(struct card *card)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *i = all; i && card->n_addresses < ADDRESSES_MAX; i = i->ifa_next) {
        struct sockaddr_in address;
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK) ||
            !(i->ifa_flags & IFF_UP))
            continue;
        memcpy(&address, i->ifa_addr, sizeof address);
        card->addresses[card->n_addresses++] = address.sin_addr.s_addr;
    }
    freeifaddrs(all);
}

static struct sockaddr_in address_of(uint32_t address, uint16_t port)
{
    return (
        struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = address, .sin_port = port};
}

static bool make_card(int fd, struct card *card)
{
    struct sockaddr_in any = address_of(htonl(INADDR_ANY), 0);
    socklen_t n = sizeof any;
    if (getrandom(card->secret, sizeof card->secret, 0) != (ssize_t)sizeof card->secret ||
        bind(fd, (struct sockaddr *)&any, sizeof any) != 0 ||
        getsockname(fd, (struct sockaddr *)&any, &n) != 0)
        return false;
    card->port = any.sin_port;
    list_addresses(card);
    return true;
}

static struct side_channel *new_channel(const struct comm *c)
{
    struct side_channel *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->rank = c->place.rank;
    s->n_ranks = c->place.world_size;
    s->peers = calloc((size_t)s->n_ranks, sizeof *s->peers);
    s->heard = calloc((size_t)s->n_ranks, sizeof *s->heard);
    s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (!s->peers || !s->heard || s->fd < 0) {
        side_channel_free(s);
        return NULL;
    }
    int bytes = SOCKET_BYTES;
    (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return s;
}

/* A run goes on without a channel: rank 0 only logs a warning. */
enum status side_channel_open(struct comm *c, bool speaks, bool several_hosts,
                              struct side_channel **out, struct errmsg *em)
{
    struct card card = {0};
    if (!several_hosts) {
        *out = NULL;
        return ST_OK;
    }
    struct side_channel *s = speaks ? new_channel(c) : NULL;
    if (c->place.rank == 0 && !(s && make_card(s->fd, &card) && card.n_addresses > 0))
        log_warn("no socket for the watchdog: if the job hangs, the watchdog knows nothing of the "
                 "ranks on other hosts");
    enum status st = comm_do(c, COMM_BROADCAST, &card, sizeof card, COMM_U8, 0, NULL, em);
    if (st != ST_OK || card.n_addresses == 0) {
        side_channel_free(s);
        s = NULL;
    }
    if (s)
        s->card = card;
    if (st == ST_OK)
        *out = s;
    return st;
}

void side_channel_free(struct side_channel *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    free(s->peers);
    free(s->heard);
    free(s);
}

static void send_to(const struct side_channel *s, const struct datagram *d,
                    const struct sockaddr_in *peer)
{
    size_t bytes = sizeof *d - (size_t)(NEWS_MAX - d->n) * sizeof *d->news;
    (void)sendto(s->fd, d, bytes, MSG_NOSIGNAL, (const struct sockaddr *)peer, sizeof *peer);
}

static void send_one(const struct side_channel *s, const struct datagram *d)
{
    if (s->rank == 0) {
        for (int r = 1; r < s->n_ranks; r++)
            if (s->heard[r])
                send_to(s, d, &s->peers[r]);
    } else if (s->heard[0]) {
        send_to(s, d, &s->peers[0]);
    } else { /* to all addresses of rank 0: one of them works */
        for (uint32_t i = 0; i < s->card.n_addresses; i++) {
            struct sockaddr_in peer = address_of(s->card.addresses[i], s->card.port);
            send_to(s, d, &peer);
        }
    }
}

void side_channel_send(struct side_channel *s, const struct side_news *news, int n)
{
    for (int done = 0; s && done < n; done += NEWS_MAX) {
        struct datagram d = {.from = s->rank, .n = MIN(n - done, (int)NEWS_MAX)};
        memcpy(d.secret, s->card.secret, sizeof d.secret);
        memcpy(d.news, news + done, (size_t)d.n * sizeof *news);
        send_one(s, &d);
    }
}

static bool is_sound(const struct side_channel *s, const struct datagram *d, size_t bytes)
{
    size_t head = sizeof *d - sizeof d->news;
    if (bytes < head || memcmp(d->secret, s->card.secret, sizeof d->secret) != 0 || d->n < 0 ||
        d->n > NEWS_MAX || bytes != head + (size_t)d->n * sizeof *d->news || d->from < 0 ||
        d->from >= s->n_ranks || (s->rank != 0 && d->from != 0))
        return false;
    for (int64_t i = 0; i < d->n; i++) {
        const struct side_news *news = &d->news[i];
        if (news->rank < 0 || news->rank >= s->n_ranks || news->line.last.kind > COMM_GATHER ||
            news->line.last.dtype > COMM_U64)
            return false;
    }
    return true;
}

int side_channel_receive(struct side_channel *s, struct side_news *news, int most)
{
    struct datagram d;
    struct sockaddr_in peer;
    while (s && most >= NEWS_MAX) {
        socklen_t n = sizeof peer;
        ssize_t bytes = recvfrom(s->fd, &d, sizeof d, 0, (struct sockaddr *)&peer, &n);
        if (bytes < 0)
            return 0;
        if (!is_sound(s, &d, (size_t)bytes) || d.n == 0)
            continue;
        s->peers[d.from] = peer;
        s->heard[d.from] = true;
        memcpy(news, d.news, (size_t)d.n * sizeof *news);
        return (int)d.n;
    }
    return 0;
}
