/* SPDX-License-Identifier: Apache-2.0 */
/* The first message of a TLS client, read as it comes: which server it asks for (RFC 8446 4.1.2,
 * RFC 6066 3).  Nothing is decrypted; what a server could understand in two ways is refused.
 *
 * Ownership: {0} is a new one, egress_hello_free gives its memory back.  Loop thread only. */
#ifndef EGRESS_HELLO_H
#define EGRESS_HELLO_H

#include "base/buf.h"
#include "base/ipaddr.h"

#include <stdint.h>

enum { EGRESS_HELLO_MAX = 32 * 1024, EGRESS_RECORD_HEAD = 5 };

struct egress_hello {
    uint8_t head[EGRESS_RECORD_HEAD];               /* of the record that is being read */
    size_t n_head, left;                            /* bytes of it that are here; of its body that are not */
    struct buf message;
    char name[IPADDR_HOST_SIZE];                    /* canonical; "" where it asks for none */
    const char *problem;                            /* HELLO_BAD */
};

enum egress_hello_state {
    HELLO_MORE,                                     /* it is not complete */
    HELLO_NONE,                                     /* this is not TLS */
    HELLO_READ,
    HELLO_BAD,
};

/* The next bytes.  Not to be called again after another answer than HELLO_MORE. */
enum egress_hello_state egress_hello_read(struct egress_hello *hello, const char *bytes, size_t len);
void egress_hello_free(struct egress_hello *hello);

#endif
