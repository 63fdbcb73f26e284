/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the sandbox's resolver with one message.
 * Oracles: an answer is one to the message: its id, flags and question.  It is longer by one record
 * at most, and by none in an error.  What is asked again is answered again.  No beginning of a
 * query that succeeds does. */
#include "egress/dns/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER_SIZE = 12, RECORD_SIZE = 12 };

static size_t longest_data(uint16_t type)
{
    return type == DNS_TYPE_PTR ? EGRESS_DNS_NAME_MAX : type == DNS_TYPE_AAAA ? 16 : 4;
}

static void wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static size_t ask(const struct egress_dns_zone *zone, const uint8_t *data, size_t size,
                  uint8_t out[EGRESS_DNS_ANSWER_SIZE])
{
    uint8_t *exact = malloc(size + 1);              /* so that a read past its end is seen */
    memcpy(exact + 1, data, size);
    size_t len = egress_dns_reply(zone, exact + 1, size, 0, out);
    free(exact);
    return len;
}

static void check_answer(const uint8_t *query, size_t size, const uint8_t *answer, size_t len)
{
    struct egress_dns_query read;
    int code = egress_dns_query_read(query, size, &read);
    if (len < HEADER_SIZE || memcmp(query, answer, 2) != 0 ||
        (answer[2] & 0xf8) != (0x80 | (query[2] & 0x78)))
        wrong("an answer to something else");
    if (read.question_len > 0 &&
        memcmp(answer + HEADER_SIZE, read.question, read.question_len) != 0)
        wrong("an answer to another question");
    if (len > size + (answer[7] ? RECORD_SIZE + longest_data(read.type) : 0))
        wrong("an answer that is much longer than its question");
    if (code != DNS_NO_ERROR && answer[7] != 0)
        wrong("a record in an error");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct egress_dns_zone zone = {egress_names_new(), "box"};
    uint8_t answer[EGRESS_DNS_ANSWER_SIZE], again[EGRESS_DNS_ANSWER_SIZE];
    size_t len = ask(&zone, data, size, answer);
    if (len > 0)
        check_answer(data, size, answer, len);
    if (ask(&zone, data, size, again) != len || memcmp(answer, again, len) != 0)
        wrong("another answer the second time");
    bool whole = len > 0 && (answer[3] & 15) == DNS_NO_ERROR && size < 600;
    for (size_t part = 0; whole && part < size; part++)
        if (ask(&zone, data, part, again) > 0 && (again[3] & 15) == DNS_NO_ERROR)
            wrong("a part of it succeeds too");
    egress_names_free(zone.names);
    return 0;
}
