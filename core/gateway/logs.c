/* SPDX-License-Identifier: Apache-2.0 */
/* The newest log lines of each sandbox, kept in memory, and those who follow them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "gateway/sandbox.h"
#include "http/request.h"
#include "http/stream.h"

struct log_follower {
    struct log_follower *next;
    struct sandbox *sandbox;                        /* NULL: the sandbox is gone */
    struct http_stream *stream;
};

static void drop_oldest(struct sandbox *s)
{
    char **oldest = &s->lines[s->first_line];
    s->line_bytes -= strlen(*oldest);
    free(*oldest);
    *oldest = NULL;
    s->first_line = (s->first_line + 1) % LOG_LINES_KEPT;
    s->n_lines--;
}

void sandbox_log_line(struct sandbox *s, const char *level, const char *text)
{
    char now[CLOCK_TEXT_SIZE];
    char *line = alloc_printf("%s %-5s %s\n", clock_format(clock_now_ms(), now), level, text);
    if (!s->lines)
        s->lines = alloc_zero(LOG_LINES_KEPT, sizeof *s->lines);
    s->line_bytes += strlen(line);
    while (s->n_lines == LOG_LINES_KEPT || (s->n_lines && s->line_bytes > LOG_BYTES_KEPT))
        drop_oldest(s);
    s->lines[(s->first_line + s->n_lines++) % LOG_LINES_KEPT] = line;
    for (struct log_follower *f = s->followers; f; f = f->next)
        http_stream_write(f->stream, line, strlen(line));
}

void sandbox_logs_free(struct sandbox *s)
{
    for (struct log_follower *f = s->followers; f; f = f->next) {
        f->sandbox = NULL;
        http_stream_close(f->stream);
    }
    for (size_t i = 0; s->lines && i < LOG_LINES_KEPT; i++)
        free(s->lines[i]);
    free(s->lines);
}

static void stream_closed(void *ctx, const struct error *why)
{
    (void)why;
    struct log_follower *f = ctx;
    for (struct log_follower **at = f->sandbox ? &f->sandbox->followers : NULL; at && *at; at = &(*at)->next) {
        if (*at == f) {
            *at = f->next;
            break;
        }
    }
    free(f);
}

static void follow(struct sandbox *s, struct http_request *req, const struct buf *text)
{
    struct log_follower *f = alloc_zero(1, sizeof *f);
    f->stream = http_stream_begin(req, 200, "text/plain; charset=utf-8", stream_closed, f);
    if (!f->stream) {
        free(f);
        return;
    }
    f->sandbox = s;
    f->next = s->followers;
    s->followers = f;
    http_stream_write(f->stream, buf_str(text), text->len);
}

void sandbox_logs_request(struct sandboxes *all, struct http_request *req, const char *name)
{
    struct sandbox *s = sandbox_by_name(all, name);
    struct error err;
    if (!s) {
        error_set(&err, ERROR_NOT_FOUND, "sandbox '%s' not found", name);
        http_respond_error(req, &err);
        return;
    }
    struct buf text = {0};
    for (size_t i = 0; i < s->n_lines; i++)
        buf_puts(&text, s->lines[(s->first_line + i) % LOG_LINES_KEPT]);
    if (api_flag(req, "follow"))
        follow(s, req, &text);
    else
        http_respond(req, 200, "text/plain; charset=utf-8", buf_str(&text), text.len);
    buf_free(&text);
}
