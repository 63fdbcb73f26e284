/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that permessage-deflate compressed without context takeover (RFC 7692, section 7.2.2):
 * each is a stream of DEFLATE of its own.  One that two readers could end at different places is
 * refused.  Pure. */
#ifndef EGRESS_WEBSOCKET_INFLATE_H
#define EGRESS_WEBSOCKET_INFLATE_H

#include <stddef.h>

#include "base/buf.h"

enum inflate_result { INFLATE_DONE, INFLATE_TOO_LONG, INFLATE_BAD };

/* Appends what the message was; of a bad one, or one of more than max bytes, some of it. */
enum inflate_result inflate_message(const char *bytes, size_t len, size_t max, struct buf *out);

#endif
