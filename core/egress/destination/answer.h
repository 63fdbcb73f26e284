/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the addresses of one name out of a DNS response.  Only records that belong to the name
 * count: its own, and those of the aliases (CNAME) that lead on from it.  Any thread. */
#ifndef EGRESS_ANSWER_H
#define EGRESS_ANSWER_H

#include <stddef.h>

#include "base/ipaddr.h"

enum {
    EGRESS_ANSWER_MAX = 64, /* addresses; more are left out, and so never dialled */
    EGRESS_ALIASES_MAX = 16,
};

struct egress_answer {
    struct ipaddr addresses[EGRESS_ANSWER_MAX];
    size_t n;
};

enum { EGRESS_TYPE_A = 1, EGRESS_TYPE_AAAA = 28 };

/* The length is that of the message, whatever its header says.  host is canonical, type the one
 * that was asked for.  Returns a code of c-ares: ARES_SUCCESS with at least one address,
 * ARES_ENODATA when the name has none, ARES_EBADRESP when the message is malformed or answers
 * another question. */
int egress_answer_read(const unsigned char *bytes, size_t len, const char *host, int type,
                       struct egress_answer *out);

#endif
