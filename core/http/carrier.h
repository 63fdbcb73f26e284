/* SPDX-License-Identifier: Apache-2.0 */
/* A protocol that carries many requests over one connection, as HTTP/2 does.
 *
 * A server that was given one (http_server_carry) hands it each connection that begins with its
 * preface.  The protocol gives each request back as a byte stream of its own that carries HTTP/1.1:
 * one request, and its answer.  Routes, authentication, limits and times are those of any other
 * request.
 *
 * Ownership: begin takes the socket and makes a session, which ends with http_carrier_closed, after
 * all of its streams.  Loop thread only. */
#ifndef HTTP_CARRIER_H
#define HTTP_CARRIER_H

#include "base/buf.h"
#include "http/limits.h"
#include "net/stream.h"

struct http_connection;
struct http_server;

struct http_protocol {
    const char *preface;
    size_t n_preface;
    /* first: what was read of the socket already, with the preface; borrowed.  secure: by TLS. */
    void *(*begin)(struct http_connection *carrier, struct net_stream *socket,
                   const struct buf *first, bool secure, const struct http_limits *limits);
    void (*leave)(void *session);  /* no further requests; ended when those under way are */
    void (*close)(void *session);                   /* at once: closed follows */
};

/* Before the first connection.  The protocol is borrowed for the server's whole life. */
void http_server_carry(struct http_server *server, const struct http_protocol *protocol);

/* A request begins.  The stream has no owner yet and is the server's from here on. */
void http_carrier_request(struct http_connection *carrier, struct net_stream *stream);
/* The session is of no more use: the server closes it. */
void http_carrier_ended(struct http_connection *carrier);
void http_carrier_closed(struct http_connection *carrier);

#endif
