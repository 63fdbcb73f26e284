/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking gRPC client on one connection, as thin as a measurement wants it. */
#ifndef BENCH_GRPC_CLIENT_H
#define BENCH_GRPC_CLIENT_H

#include <nghttp2/nghttp2.h>
#include <stddef.h>
#include <stdint.h>

/* A call; borrowed by its client until it has ended. */
struct grpc_stream {
    const char *request;                            /* with the prefix of a gRPC message */
    size_t request_len, sent;
    unsigned messages;                              /* that have come */
    size_t answer_bytes;
    uint64_t last_ns;                               /* when the last of them came */
    int status;                                     /* grpc-status; -1: none yet */
    int ended;
    /* Within grpc_client.c: what is left of the message that is coming, and its prefix so far. */
    size_t left, prefix;
    unsigned char head[5];
};

struct grpc_client {
    int fd;
    nghttp2_session *session;
};

void grpc_client_open(struct grpc_client *c, const char *socket_path);
void grpc_client_close(struct grpc_client *c);
/* Begins a call of openshell.v1.OpenShell. */
void grpc_begin(struct grpc_client *c, const char *method, struct grpc_stream *stream);
/* Reads once what the gateway has sent, waiting for it.  Ends the program when it is gone. */
void grpc_read(struct grpc_client *c);
/* A unary call to its end; anything but OK ends the program. */
void grpc_call(struct grpc_client *c, const char *method, const char *request, size_t len);

#endif
