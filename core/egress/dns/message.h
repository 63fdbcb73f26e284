/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages (RFC 1035, with EDNS of RFC 6891) as a server needs them: a query is read, an answer
 * with at most one record is written.  The reader is strict: a message that two readers could
 * understand differently is rejected.  Plain values, any thread, no recursion. */
#ifndef EGRESS_DNS_MESSAGE_H
#define EGRESS_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"

enum {
    EGRESS_DNS_QUERY_MAX = 8192,                    /* bytes of a query; longer ones are not read */
    EGRESS_DNS_NAME_MAX = 255,                      /* of a name in a message */
    EGRESS_DNS_ANSWER_SIZE = 552, /* of every answer; 512 where the name is short */
};

enum { DNS_TYPE_A = 1, DNS_TYPE_PTR = 12, DNS_TYPE_AAAA = 28, DNS_TYPE_OPT = 41 };

enum egress_dns_code {
    DNS_NO_ERROR = 0,
    DNS_FORMAT_ERROR = 1,
    DNS_SERVER_FAILURE = 2,
    DNS_NAME_ERROR = 3,                             /* NXDOMAIN */
    DNS_NOT_IMPLEMENTED = 4,
    DNS_REFUSED = 5,
    DNS_BAD_VERSION = 16,                           /* of EDNS */
};

struct egress_dns_query {
    uint16_t id;
    uint8_t opcode;
    bool recursion_desired, checking_disabled;
    uint16_t type;
    const uint8_t *question;                        /* as it came, within the message */
    size_t question_len;                            /* 0: none could be read */
    bool edns, dnssec_ok;
};

/* The code to answer with: DNS_NO_ERROR when the query can be answered, and is complete only then.
 * -1: it gets no answer, as it is an answer itself or shorter than a header. */
int egress_dns_query_read(const uint8_t *bytes, size_t len, struct egress_dns_query *out);

/* The name that is asked about as a canonical host.  False: it is none: the root, an address, or it
 * has bytes that no host name has. */
bool egress_dns_query_host(const struct egress_dns_query *query, char out[IPADDR_HOST_SIZE]);

struct egress_dns_record {
    uint16_t type;                                  /* 0: there is no record */
    uint32_t ttl_s;
    uint8_t data[EGRESS_DNS_NAME_MAX];
    size_t len;
};

/* A name in the form of a message.  host is canonical.  Returns its length. */
size_t egress_dns_name_write(const char *host, uint8_t out[EGRESS_DNS_NAME_MAX]);

/* The answer, with the record where the code is DNS_NO_ERROR.  Returns its length. */
size_t egress_dns_answer_write(const struct egress_dns_query *query, enum egress_dns_code code,
                               const struct egress_dns_record *record,
                               uint8_t out[EGRESS_DNS_ANSWER_SIZE]);

#endif
