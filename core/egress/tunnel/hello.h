/* SPDX-License-Identifier: Apache-2.0 */
/* The first message of a TLS client, read as it comes: which server it asks for (RFC 8446 4.1.2,
 * RFC 6066 3).  Where the server asks for another one (4.1.4), that is read too, as some servers do
 * what it asks for.  Nothing is decrypted; what a server could understand in two ways is refused.
 *
 * Ownership: {0} is a new one, egress_hello_free gives its memory back.  Loop thread only. */
#ifndef EGRESS_HELLO_H
#define EGRESS_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ipaddr.h"

enum { EGRESS_HELLO_MAX = 32 * 1024, EGRESS_RECORD_HEAD = 5 };

struct egress_hello {
    enum { HELLO_FIRST, HELLO_ANSWER, HELLO_SECOND } stage;
    size_t used;                                    /* bytes that were read by the last call */
    uint8_t head[EGRESS_RECORD_HEAD];               /* of the record that is being read */
    size_t n_head, left; /* bytes of it that are here; of its body that are not */
    struct buf message;
    char name[IPADDR_HOST_SIZE];                    /* canonical; "" where it asks for none */
    bool offers_http2;                              /* by ALPN */
    const char *problem;                            /* HELLO_BAD */
};

enum egress_hello_state {
    HELLO_MORE,                                     /* it is not complete */
    HELLO_BEFORE, /* nor begun: what came has not to wait for it */
    HELLO_NONE,                                     /* this is not TLS */
    HELLO_READ,
    HELLO_BAD,
};

/* The client's next bytes.  After another answer than HELLO_MORE or HELLO_BEFORE it is only called
 * again for the second hello, beginning with the bytes that were not used. */
enum egress_hello_state egress_hello_read(struct egress_hello *hello, const char *bytes,
                                          size_t len);
/* The server's, after the first hello.  HELLO_READ: it asks for a second one.  HELLO_NONE: none
 * will come. */
enum egress_hello_state egress_hello_read_answer(struct egress_hello *hello, const char *bytes,
                                                 size_t len);
void egress_hello_free(struct egress_hello *hello);

#endif
