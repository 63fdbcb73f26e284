/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines, one write each, as text or JSON.
 * A log belongs to whoever made it and outlives everything it was handed to.  Any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

struct error;

#define LOG_LEVELS(X) X(DEBUG, "debug") X(INFO, "info") X(WARN, "warn") X(ERROR, "error")

enum log_level {
#define X(id, word) LOG_##id,
    LOG_LEVELS(X)
#undef X
    LOG_LEVEL_COUNT
};

struct log {
    int fd;
    enum log_level level;                           /* lines below it are dropped */
    bool json;
    const char *program;
    /* Of a file that gets longer the newest half is kept, if it is open for reading too.  0: all. */
    size_t file_max;
};

void log_write(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *log_level_word(enum log_level level);
int log_level_parse(const char *word, enum log_level *out);        /* -1: no such level */

#define log_debug(log, ...) log_write(log, LOG_DEBUG, __VA_ARGS__)
#define log_info(log, ...)  log_write(log, LOG_INFO, __VA_ARGS__)
#define log_warn(log, ...)  log_write(log, LOG_WARN, __VA_ARGS__)
#define log_error(log, ...) log_write(log, LOG_ERROR, __VA_ARGS__)

#endif
