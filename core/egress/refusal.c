/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/refusal.h"

#include "base/text.h"

#include <ctype.h>
#include <llhttp.h>
#include <stdarg.h>
#include <stdbool.h>
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

static const char *status_name(int status)
{
    switch (status) {
#define X(number, name, text) case number: return #text;
        HTTP_STATUS_MAP(X)
#undef X
    default:
        return "UNKNOWN";
    }
}

/* llhttp has the names of all statuses as identifiers: NOT_FOUND is to be read "Not Found". */
void egress_status_line(int status, struct buf *out)
{
    const char *name = status_name(status);
    bool begins = true;
    buf_printf(out, "HTTP/1.1 %d ", status);
    for (; *name; name++) {
        bool keep = begins || status == 200;
        buf_putc(out, *name == '_' ? ' ' : keep ? *name : (char)tolower((unsigned char)*name));
        begins = *name == '_';
    }
    buf_puts(out, "\r\n");
}

int egress_refuse(struct egress_refusal *out, enum egress_refusal_kind kind, const char *format,
                  ...)
{
    va_list args;
    out->kind = kind;
    out->detail[0] = '\0';
    out->hint = NULL;
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
    buf_puts(&body, "{\"detail\":");
    text_json_quote(&body, *refusal->detail ? refusal->detail : refusal->reason);
    buf_printf(&body, ",\"error\":\"%s\"", kinds[refusal->kind].word);
    if (refusal->hint && *refusal->hint) {
        buf_puts(&body, ",\"hint\":");
        text_json_quote(&body, refusal->hint);
    }
    buf_puts(&body, ",\"reason\":");
    text_json_quote(&body, refusal->reason);
    buf_puts(&body, "}\n");
    egress_status_line(kinds[refusal->kind].status, out);
    buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n"
               "Connection: close\r\n\r\n%s", body.len, body.data);
    buf_free(&body);
}
