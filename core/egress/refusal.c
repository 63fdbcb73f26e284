/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/refusal.h"

#include "base/text.h"

#include <llhttp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int status;
    const char *word;
} kinds[] = {
#define X(id, status, word) [REFUSAL_##id] = {status, word},
    EGRESS_REFUSALS(X)
#undef X
};

int egress_refusal_status(enum egress_refusal_kind kind)
{
    return kinds[kind].status;
}

const char *egress_status_phrase(int status)
{
    static const struct {
        int number;
        const char *phrase;
    } statuses[] = {
#define X(number, name, phrase) {number, #phrase},
        HTTP_STATUS_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].number == status)
            return statuses[i].phrase;
    return "Unknown";
}

int egress_refuse(struct egress_refusal *out, enum egress_refusal_kind kind, const char *format, ...)
{
    va_list args;
    out->kind = kind;
    out->detail[0] = '\0';
    va_start(args, format);
    vsnprintf(out->reason, sizeof out->reason, format, args);
    va_end(args);
    /* A text that was cut may end within a character. */
    out->reason[text_utf8_valid(out->reason, strlen(out->reason))] = '\0';
    return -1;
}

void egress_refusal_print(const struct egress_refusal *refusal, struct buf *out)
{
    struct buf body = {0};
    int status = egress_refusal_status(refusal->kind);
    buf_puts(&body, "{\"detail\":");
    text_json_quote(&body, *refusal->detail ? refusal->detail : refusal->reason);
    buf_printf(&body, ",\"error\":\"%s\",\"reason\":", kinds[refusal->kind].word);
    text_json_quote(&body, refusal->reason);
    buf_puts(&body, "}\n");
    buf_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
               "Connection: close\r\n\r\n%s", status, egress_status_phrase(status), body.len,
               body.data);
    buf_free(&body);
}
