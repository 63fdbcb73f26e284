/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a new connection has room, and which other one gives way to it. */
#include <netinet/in.h>
#include <string.h>

#include "http/connection.h"
#include "http/diag.h"

enum {
    SOURCES_AT_LEAST = 4,                           /* that share the connections by TCP */
    TOLD_MAX = CONNECTION_REFUSED_MAX / SOURCES_AT_LEAST,
};

/* Who connects, as far as one may take all connections: a user of this machine, else an IPv4
 * address or the network of an IPv6 address, of which a client has as many addresses as it
 * likes. */
void http_source_read(const struct http_peer *peer, struct http_source *out)
{
    const struct sockaddr_in *four = (const void *)&peer->remote;
    const struct sockaddr_in6 *six = (const void *)&peer->remote;
    struct http_tcp_socket socket;
    *out = (struct http_source){.kind = peer->kind};
    if (peer->kind != HTTP_TCP)
        return;
    if (peer->loopback && http_diag_find(&peer->remote, &peer->local, &socket) &&
        !socket.listening && socket.inode != 0) {
        out->is_user = true;
        out->uid = socket.uid;
    } else if (peer->remote.ss_family == AF_INET) {
        memcpy(out->address, &four->sin_addr, sizeof four->sin_addr);
    } else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
        memcpy(out->address, &six->sin6_addr.s6_addr[12], 4);
    } else {
        memcpy(out->address, &six->sin6_addr, sizeof out->address);
    }
}

static bool same_source(const struct http_source *a, const struct http_source *b)
{
    return a->kind == b->kind && a->is_user == b->is_user && a->uid == b->uid &&
           memcmp(a->address, b->address, sizeof a->address) == 0;
}

/* No whole request has come, and no answer is under way. */
static bool is_idle(const struct http_connection *c)
{
    return c->state == CONNECTION_IDLE || c->state == CONNECTION_HEAD ||
           (c->state == CONNECTION_CARRYING && !c->n_carried);
}

/* Anybody may come by TCP, known or not: a quarter is kept for the owner of the Unix socket. */
static unsigned most_for(unsigned most, enum http_address_kind kind)
{
    return kind == HTTP_TCP ? most - most / 4 : most;
}

static unsigned share_of(unsigned most, enum http_address_kind kind)
{
    return kind == HTTP_TCP ? (most + SOURCES_AT_LEAST - 1) / SOURCES_AT_LEAST : most;
}

struct crowd {
    unsigned all, same; /* open connections; those of the newcomer's source */
    struct http_connection *idle, *same_idle;       /* the oldest by TCP */
};

static struct crowd count(const struct http_connection *newcomer)
{
    struct crowd crowd = {0};
    for (struct http_connection *c = newcomer->server->connections; c; c = c->next) {
        bool same = same_source(&c->source, &newcomer->source);
        if (c->closing || c->carrier)
            continue;
        crowd.all++;
        crowd.same += same;
        if (c == newcomer || !is_idle(c) || c->source.kind != HTTP_TCP)
            continue;
        crowd.idle = c;                             /* the oldest is the last of the list */
        crowd.same_idle = same ? c : crowd.same_idle;
    }
    return crowd;
}

enum connection_room connection_make_room(struct http_connection *newcomer)
{
    const struct crowd crowd = count(newcomer);
    unsigned most = most_for(newcomer->server->limits.connections, newcomer->source.kind);
    unsigned share = share_of(most, newcomer->source.kind);
    bool beyond_share = crowd.same > share;
    if (!beyond_share && crowd.all <= most)
        return ROOM_IS;
    struct http_connection *victim = beyond_share ? crowd.same_idle : crowd.idle;
    if (victim) {
        connection_close(victim);
        return ROOM_IS;
    }
    if (crowd.all > most + CONNECTION_REFUSED_MAX ||
        (beyond_share && crowd.same > share + TOLD_MAX))
        return ROOM_NOT_TO_SAY_SO;
    return beyond_share && share < most ? ROOM_NOT_FOR_SOURCE : ROOM_NOT;
}

void connection_bound_handshakes(struct http_connection *newcomer)
{
    struct http_connection *oldest = NULL, *same_oldest = NULL;
    unsigned all = 0, same = 0, most = newcomer->server->limits.handshakes;
    for (struct http_connection *c = newcomer->server->connections; c; c = c->next) {
        if (!c->shaking || c->closing)
            continue;
        bool is_same = same_source(&c->source, &newcomer->source);
        all++;
        same += is_same;
        oldest = c;                                 /* the oldest is the last of the list */
        same_oldest = is_same ? c : same_oldest;
    }
    if (same > most / 2)
        connection_close(same_oldest);
    else if (all > most)
        connection_close(oldest);
}

/* Nobody is counted as long as one source may have them all. */
bool connection_has_stream_room(const struct http_connection *newcomer)
{
    const struct http_server *server = newcomer->server;
    unsigned most = most_for(server->limits.streams, newcomer->source.kind), same = 0;
    unsigned share = share_of(most, newcomer->source.kind);
    if (server->stats.streams > most)
        return false;
    if (server->stats.streams <= share)
        return true;
    for (const struct http_connection *c = server->connections; c; c = c->next)
        same += c->session && same_source(&c->source, &newcomer->source) ? c->n_carried : 0;
    return same <= share;
}
