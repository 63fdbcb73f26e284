/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connection/answer.h"

void answer_begin(struct answer *answer, uint64_t max)
{
    *answer = (struct answer){.parser = http_parser_new(HTTP_OF_SERVER, ANSWER_HEAD_MAX),
                              .max = max};
}

/* A head with a status of 100 to 199 is followed by another one, unless it is an upgrade. */
static bool is_final(const struct http_head *head)
{
    return head && (head->status == 101 || head->status >= 200);
}

static void take_head(struct answer *a)
{
    a->head = http_parser_take_head(a->parser);
    if (a->max)
        http_parser_limit_body(a->parser, a->max);
}

static void end_message(struct answer *a)
{
    a->complete = is_final(a->head);
    if (a->complete)
        return;
    http_head_free(a->head);
    a->head = NULL;
}

static void become_wrong(struct answer *a)
{
    a->wrong = http_parser_error(a->parser, &a->wrong_status);
    if (is_final(a->head))
        return;
    http_head_free(a->head);
    a->head = NULL;
}

bool answer_read(struct answer *a, struct buf *in)
{
    const char *bytes = in->data, *body;
    size_t len = in->len, body_len;
    bool more = len > 0;
    while (more && !a->complete && !a->wrong)
        switch (http_parser_next(a->parser, &bytes, &len, &body, &body_len)) {
        case HTTP_GOT_HEAD: take_head(a); break;
        case HTTP_GOT_BODY: buf_add(&a->body, body, body_len); break;
        case HTTP_GOT_END:  end_message(a); break;
        case HTTP_MORE:     more = false; break;
        case HTTP_BAD:      become_wrong(a); break;
        }
    buf_consume(in, in->len - len);
    return a->complete || a->wrong;
}

void answer_ended(struct answer *a)
{
    if (!a->complete && !a->wrong && is_final(a->head))
        a->complete = http_parser_eof(a->parser) == HTTP_GOT_END;
}

void answer_free(struct answer *answer)
{
    http_head_free(answer->head);
    http_parser_free(answer->parser);
    buf_free(&answer->body);
}

void answer_complain(const struct answer *a)
{
    if (!a->wrong)
        complain("the gateway closed the connection without an answer");
    else if (a->wrong_status == 431)
        complain("the header of the gateway's answer has more than %d KiB or %d fields",
                 ANSWER_HEAD_MAX / 1024, HTTP_FIELDS_MAX);
    else
        complain("the gateway's answer is no HTTP: %s", a->wrong);
}
