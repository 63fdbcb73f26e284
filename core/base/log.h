/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines, as text or JSON.
 * A log belongs to whoever made it and outlives everything it was handed to.  Any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;

#define LOG_LEVELS(X) X(DEBUG, "debug") X(INFO, "info") X(WARN, "warn") X(ERROR, "error")

/* The words, for help. */
#define LOG_EACH_WORD(id, word) " " word

enum log_level {
#define X(id, word) LOG_##id,
    LOG_LEVELS(X)
#undef X
    LOG_LEVEL_COUNT
};

/* What a line is about.  A workload can cause any number of lines of some kinds, so each kind has a
 * share of a bounded file that no other kind can take. */
#define LOG_KINDS(X)                                                        \
    X(GENERAL, "general") /* of the program itself */                       \
    X(ALLOWED, "allowed") /* a request that the policy permits */           \
    X(REFUSED, "refused") /* a request that was refused */                  \
    X(ERROR,   "error")   /* a permitted request that failed; complaints */ \
    X(EXEC,    "exec")    /* a command that was run */

enum log_kind {
#define X(id, word) LOG_KIND_##id,
    LOG_KINDS(X)
#undef X
    LOG_KIND_COUNT
};

struct log {
    int fd;
    enum log_level level;                           /* lines below it are dropped */
    bool json;
    const char *program;
    /* A file that grows beyond this is cut to half (base/log_file.h).  0: it may grow. */
    size_t file_max;
};

struct log_line {
    enum log_level level;
    enum log_kind kind;
    int64_t at_ms;                                  /* 0: now */
    const char *text;
};

void log_write(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_write_line(const struct log *log, const struct log_line *line);
/* The two halves of log_write_line, for a writer of many lines. The first appends nothing if the
 * log drops the line; the second writes all lines of the same log at once. */
void log_format_line(const struct log *log, const struct log_line *line, struct buf *out);
void log_write_formatted(const struct log *log, const struct buf *lines);
const char *log_level_word(enum log_level level);
int log_level_parse(const char *word, enum log_level *out);        /* -1: no such level */
const char *log_kind_word(enum log_kind kind);
int log_kind_parse(const char *word, size_t len, enum log_kind *out);      /* -1: no such kind */

#define log_debug(log, ...) log_write(log, LOG_DEBUG, __VA_ARGS__)
#define log_info(log, ...)  log_write(log, LOG_INFO, __VA_ARGS__)
#define log_warn(log, ...)  log_write(log, LOG_WARN, __VA_ARGS__)
#define log_error(log, ...) log_write(log, LOG_ERROR, __VA_ARGS__)

#endif
