/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/lines.h"

#include "base/alloc.h"
#include "sandbox/link.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const level_words[] = {
#define X(id, word) word,
    LOG_LEVELS(X)
#undef X
};

static void send_line(struct gateway_link *link, enum log_level level, const char *text)
{
    struct sandbox_message message = {.type = MESSAGE_LOG, .log = {level_words[level], text}};
    sandbox_link_send(link, &message);
}

static bool too_many(struct lines *lines, struct gateway_link *link)
{
    uint64_t second = uv_now(lines->loop) / 1000;
    char text[64];
    if (second != lines->second) {
        snprintf(text, sizeof text, "%u lines were left out", lines->left_out);
        if (lines->left_out > 0)
            send_line(link, LOG_WARN, text);
        lines->second = second;
        lines->sent = lines->left_out = 0;
    }
    if (lines->sent < LINES_PER_SECOND && sandbox_link_has_room(link)) {
        lines->sent++;
        return false;
    }
    lines->left_out++;
    return true;
}

void sandbox_lines_add(struct lines *lines, struct gateway_link *link, enum log_level level,
                       const char *text)
{
    if (link && !too_many(lines, link))
        send_line(link, level, text);
    else if (!link && lines->n_kept < LINES_KEPT_MAX)
        lines->kept[lines->n_kept++] = (struct kept_line){level, alloc_str(text)};
}

void sandbox_lines_flush(struct lines *lines, struct gateway_link *link)
{
    for (size_t i = 0; i < lines->n_kept; i++)
        send_line(link, lines->kept[i].level, lines->kept[i].text);
    sandbox_lines_free(lines);
}

void sandbox_lines_free(struct lines *lines)
{
    while (lines->n_kept > 0)
        free(lines->kept[--lines->n_kept].text);
}
