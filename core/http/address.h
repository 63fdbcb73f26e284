/* SPDX-License-Identifier: Apache-2.0 */
/* Where to listen or connect: "unix:PATH" or "tcp:HOST:PORT", with IPv6 hosts in brackets.
 *
 * A host is an IP literal or a name; "localhost" is 127.0.0.1.  Only http_client resolves other
 * names, so a server refuses them.  Plain values, any thread. */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct error;

enum http_address_kind { HTTP_UNIX, HTTP_TCP };

enum {
    HTTP_PATH_SIZE = 108,  /* what the kernel gives a socket path, NUL included */
    HTTP_HOST_SIZE = 254,
    HTTP_ADDRESS_SIZE = 272,
};

/* What a listener grants those who connect to it.  Only tcp listeners have any. */
enum http_listener_flags {
    HTTP_TRUST_LOCAL_UIDS = 1 << 0, /* the uid of a process of this machine is looked for */
    HTTP_NO_SECRETS = 1 << 1, /* others can read what crosses it: no token is taken */
};

struct http_address {
    enum http_address_kind kind;
    char path[HTTP_PATH_SIZE];                      /* unix */
    char host[HTTP_HOST_SIZE];                      /* tcp, without brackets */
    uint16_t port;                                  /* tcp; 0: any free port, to listen only */
    bool resolved;                                  /* tcp: ip is set, the host is a literal */
    struct sockaddr_storage ip;
};

/* MALFORMED, with the text and what is expected, when text is no address. */
int http_address_parse(const char *text, struct http_address *out, struct error *err);
/* The form that http_address_parse reads.  Returns out. */
char *http_address_format(const struct http_address *address, char out[HTTP_ADDRESS_SIZE]);
/* The address of an IPv4 or IPv6 socket. */
void http_address_from_ip(const struct sockaddr *ip, struct http_address *out);
/* 127.0.0.0/8, ::1 and 127.0.0.0/8 mapped into IPv6. */
bool http_address_loopback(const struct sockaddr *ip);

#endif
