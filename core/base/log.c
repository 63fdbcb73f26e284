/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
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

static void format_line(struct buf *line, const struct log *log, enum log_level level,
                        const char *message)
{
    char when[CLOCK_TEXT_SIZE];
    clock_format(clock_now_ms(), when);
    if (log->json) {
        buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"message\":", when,
                   words[level], log->program);
        struct buf text = {0};
        text_escape_bytes(&text, message);
        struct buf quoted = {0};
        text_json_quote(&quoted, buf_str(&text));
        printable_escape_json(line, buf_str(&quoted));
        buf_free(&quoted);
        buf_free(&text);
        buf_puts(line, "}\n");
        return;
    }
    buf_printf(line, "%s %-5s %s: ", when, words[level], log->program);
    printable_escape(line, message, strlen(message), "");
    buf_putc(line, '\n');
}

static void shorten(const struct log *log)
{
    struct stat st;
    size_t half = log->file_max / 2;
    if (fstat(log->fd, &st) != 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size <= log->file_max)
        return;
    char *tail = alloc_bytes(half);
    ssize_t n = pread(log->fd, tail, half, st.st_size - (off_t)half);
    char *line = n > 0 ? memchr(tail, '\n', (size_t)n) : NULL;
    if (ftruncate(log->fd, 0) == 0 && line)
        (void)!write(log->fd, line + 1, (size_t)(tail + n - line - 1));
    free(tail);
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
    struct buf line = {0};
    format_line(&line, log, level, message);
    (void)!write(log->fd, line.data, line.len);
    if (log->file_max)
        shorten(log);
    buf_free(&line);
}
