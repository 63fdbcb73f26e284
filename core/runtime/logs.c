/* SPDX-License-Identifier: Apache-2.0 */
/* The newest log lines of each sandbox, kept in memory and in a file of its folder, and those who
 * follow them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log_file.h"
#include "runtime/sandbox.h"
#include "http/request.h"
#include "http/stream.h"

struct log_follower {
    struct log_follower *next;
    struct sandbox *sandbox;                        /* NULL: the sandbox is gone */
    struct http_stream *stream;
};

/* ---- what is kept ---- */

static size_t slot(const struct sandbox *s, size_t i)
{
    return (s->first_line + i) % LOG_LINES_KEPT;
}

static enum log_kind largest_kind(const struct sandbox *s)
{
    enum log_kind largest = LOG_KIND_GENERAL;
    for (int kind = 0; kind < LOG_KIND_COUNT; kind++)
        if (s->kind_bytes[kind] > s->kind_bytes[largest])
            largest = (enum log_kind)kind;
    return largest;
}

/* The oldest line of the kind that has most, so that no kind rolls out another. */
static void drop_oldest(struct sandbox *s)
{
    enum log_kind kind = largest_kind(s);
    size_t i = 0;
    while (s->line_kinds[slot(s, i)] != kind)
        i++;
    char *oldest = s->lines[slot(s, i)];
    s->line_bytes -= strlen(oldest);
    s->kind_bytes[kind] -= strlen(oldest);
    free(oldest);
    for (; i > 0; i--) {
        s->lines[slot(s, i)] = s->lines[slot(s, i - 1)];
        s->line_kinds[slot(s, i)] = s->line_kinds[slot(s, i - 1)];
    }
    s->lines[s->first_line] = NULL;
    s->first_line = (s->first_line + 1) % LOG_LINES_KEPT;
    s->n_lines--;
}

/* Takes line. */
static void keep(struct sandbox *s, char *line, enum log_kind kind)
{
    size_t len = strlen(line);
    if (!s->lines) {
        s->lines = alloc_zero(LOG_LINES_KEPT, sizeof *s->lines);
        s->line_kinds = alloc_zero(LOG_LINES_KEPT, sizeof *s->line_kinds);
    }
    s->line_bytes += len;
    s->kind_bytes[kind] += len;
    while (s->n_lines && (s->n_lines == LOG_LINES_KEPT || s->line_bytes > LOG_BYTES_KEPT))
        drop_oldest(s);
    size_t at = slot(s, s->n_lines++);
    s->lines[at] = line;
    s->line_kinds[at] = kind;
}

/* ---- its file ---- */

static int open_file(const struct sandbox *s)
{
    char *path = alloc_printf("%s/sandbox.log", s->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    free(path);
    return fd;
}

/* One write to the page cache, as for a line of the gateway's own log. */
static void write_file(struct sandbox *s, const struct log_line *line)
{
    if (s->log_file.fd <= 0)
        s->log_file = (struct log){.fd = s->dir ? open_file(s) : -1, .program = "sandbox", .file_max = LOG_FILE_MAX};
    if (s->log_file.fd > 0)
        log_write_line(&s->log_file, line);
}

/* A line of the file is a line for readers but for the program's name, "sandbox[KIND]: ". */
static void load_line(struct sandbox *s, const char *line, size_t len)
{
    const char *mark = memmem(line, len, " sandbox", 8), *text = mark ? memmem(mark, len - (size_t)(mark - line), ": ", 2) : NULL;
    if (text)
        keep(s, alloc_printf("%.*s %.*s\n", (int)(mark - line), line, (int)(line + len - (text + 2)), text + 2),
             log_file_kind(line, len));
}

void sandbox_logs_load(struct sandbox *s)
{
    char *path = alloc_printf("%s/sandbox.log", s->dir), *line = NULL;
    FILE *file = fopen(path, "re");
    size_t size = 0;
    ssize_t len;
    free(path);
    if (!file)
        return;
    while ((len = getline(&line, &size, file)) > 0)
        if (line[len - 1] == '\n')
            load_line(s, line, (size_t)len - 1);
    free(line);
    fclose(file);
}

/* ---- a new line ---- */

static struct log_line as_line(const struct sandbox_log *log)
{
    struct log_line line = {.level = LOG_INFO, .kind = LOG_KIND_GENERAL, .text = log->text,
                            .at_ms = log->at_ms ? log->at_ms : clock_now_ms()};
    log_level_parse(log->level, &line.level);
    if (log->kind)
        log_kind_parse(log->kind, strlen(log->kind), &line.kind);
    return line;
}

void sandbox_log_line(struct sandbox *s, const struct sandbox_log *log)
{
    char when[CLOCK_TEXT_SIZE];
    struct log_line line = as_line(log);
    char *text = alloc_printf("%s %-5s %s\n", clock_format(line.at_ms, when), log->level, log->text);
    write_file(s, &line);
    for (struct log_follower *f = s->followers; f; f = f->next)
        http_stream_write(f->stream, text, strlen(text));
    keep(s, text, line.kind);
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
    free(s->line_kinds);
    if (s->log_file.fd > 0)
        close(s->log_file.fd);
}

/* ---- readers ---- */

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
        buf_puts(&text, s->lines[slot(s, i)]);
    if (api_flag(req, "follow"))
        follow(s, req, &text);
    else
        http_respond(req, 200, "text/plain; charset=utf-8", buf_str(&text), text.len);
    buf_free(&text);
}
