/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log_file.h"
#include "base/printable.h"
#include "base/text.h"

static const char *const words[] = {
#define X(id, word) [LOG_##id] = word,
    LOG_LEVELS(X)
#undef X
};

const char *log_level_word(enum log_level level)
{
    return words[level];
}

int log_level_parse(const char *word, enum log_level *out)
{
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(word, words[i]) == 0) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return -1;
}

static const char *const kinds[] = {
#define X(id, word) [LOG_KIND_##id] = word,
    LOG_KINDS(X)
#undef X
};

const char *log_kind_word(enum log_kind kind)
{
    return kinds[kind];
}

int log_kind_parse(const char *word, size_t len, enum log_kind *out)
{
    for (int i = 0; i < LOG_KIND_COUNT; i++) {
        if (strlen(kinds[i]) == len && memcmp(word, kinds[i], len) == 0) {
            *out = (enum log_kind)i;
            return 0;
        }
    }
    return -1;
}

/* The kind follows the program's name and precedes the text, so no text can forge it. */
static void format_json(struct buf *out, const struct log *log, const struct log_line *line,
                        const char *when)
{
    struct buf text = {0}, quoted = {0};
    buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\"", when,
               words[line->level], log->program);
    if (line->kind != LOG_KIND_GENERAL)
        buf_printf(out, LOG_FILE_JSON_KIND "%s\"", kinds[line->kind]);
    buf_puts(out, ",\"message\":");
    text_escape_bytes(&text, line->text);
    text_json_quote(&quoted, buf_str(&text));
    printable_escape_json(out, buf_str(&quoted));
    buf_puts(out, "}\n");
    buf_free(&quoted);
    buf_free(&text);
}

static void format_text(struct buf *out, const struct log *log, const struct log_line *line,
                        const char *when)
{
    buf_printf(out, "%s %-5s %s", when, words[line->level], log->program);
    if (line->kind != LOG_KIND_GENERAL)
        buf_printf(out, "[%s]", kinds[line->kind]);
    buf_puts(out, ": ");
    printable_escape(out, line->text, strlen(line->text), "");
    buf_putc(out, '\n');
}

void log_format_line(const struct log *log, const struct log_line *line, struct buf *out)
{
    char when[CLOCK_TEXT_SIZE];
    if (!log || line->level < log->level)
        return;
    clock_format(line->at_ms ? line->at_ms : clock_now_ms(), when);
    (log->json ? format_json : format_text)(out, log, line, when);
}

void log_write_formatted(const struct log *log, const struct buf *lines)
{
    if (!lines->len)
        return;
    (void)!write(log->fd, lines->data, lines->len);
    if (log->file_max)
        log_file_shorten(log->fd, log->file_max);
}

void log_write_line(const struct log *log, const struct log_line *line)
{
    struct buf out = {0};
    log_format_line(log, line, &out);
    log_write_formatted(log, &out);
    buf_free(&out);
}

void log_write(const struct log *log, enum log_level level, const char *format, ...)
{
    if (!log || level < log->level)
        return;
    char message[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log_write_line(log, &(struct log_line){.level = level, .text = message});
}
