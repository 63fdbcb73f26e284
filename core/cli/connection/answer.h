/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's answer to one request, from bytes.  One thread. */
#ifndef CLI_CONNECTION_ANSWER_H
#define CLI_CONNECTION_ANSWER_H

#include "cli/cli.h"
#include "http/parser.h"

enum { ANSWER_HEAD_MAX = 64 * 1024 };

struct answer {
    struct http_parser *parser;
    struct http_head *head;                         /* the final one; NULL: not yet there */
    struct buf body;                                /* what came of it and nobody took */
    uint64_t max;                                   /* bytes of the body; 0: no limit */
    const char *wrong;                              /* why it cannot be read; NULL: it can */
    int wrong_status;                               /* how HTTP names that */
    bool complete;
};

/* Always to be followed by answer_free. */
void answer_begin(struct answer *answer, uint64_t max);
/* Takes bytes of in; what follows an upgrade stays there.  Whether the answer is complete or cannot
 * be read. */
bool answer_read(struct answer *answer, struct buf *in);
/* No more bytes will come: an answer may be complete by that. */
void answer_ended(struct answer *answer);
void answer_free(struct answer *answer);

/* Says why it cannot be read: of one with wrong, or without a head. */
void answer_complain(const struct answer *answer);

#endif
