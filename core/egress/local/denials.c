/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/local/denials.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static const char cut[] = "...[truncated]", redacted[] = "?[redacted]";

/* The query of whatever looks like a URL or a path may be a secret. */
static void add_redacted(struct buf *out, const char *line)
{
    while (*line) {
        size_t len = strcspn(line, " \t"), query = strcspn(line, "? \t");
        bool is_url = query < len && memchr(line, '/', query);
        buf_add(out, line, is_url ? query : len);
        if (is_url)
            buf_puts(out, redacted);
        line += len;
        size_t gap = strspn(line, " \t");
        buf_add(out, line, gap);
        line += gap;
    }
}

void local_denials_add(struct local_denials *denials, const char *line, int64_t at_ms)
{
    char time[CLOCK_TEXT_SIZE];
    struct buf text = {0};
    buf_puts(&text, clock_format(at_ms, time));
    buf_putc(&text, ' ');
    add_redacted(&text, line);
    if (text.len > LOCAL_LINE_MAX) {
        text.len = text_utf8_valid(text.data, LOCAL_LINE_MAX);
        buf_puts(&text, cut);
    }
    free(denials->lines[denials->next]);
    denials->lines[denials->next] = buf_take(&text);
    denials->next = (denials->next + 1) % LOCAL_DENIALS_MAX;
}

void local_denials_print(const struct local_denials *denials, size_t n, struct buf *out)
{
    buf_putc(out, '[');
    for (size_t i = 0; i < n && i < LOCAL_DENIALS_MAX; i++) {
        size_t at = (denials->next + LOCAL_DENIALS_MAX - 1 - i) % LOCAL_DENIALS_MAX;
        if (!denials->lines[at])
            break;
        buf_puts(out, i ? "," : "");
        text_json_quote(out, denials->lines[at]);
    }
    buf_putc(out, ']');
}

void local_denials_free(struct local_denials *denials)
{
    for (size_t i = 0; i < LOCAL_DENIALS_MAX; i++)
        free(denials->lines[i]);
    *denials = (struct local_denials){0};
}
