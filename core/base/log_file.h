/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded log file in which no kind of line can displace another.
 *
 * A file that is too long is cut to half its limit: each kind keeps its newest lines up to an equal
 * share of that half, and what the kinds leave unused goes to the newest of all other lines.  Lines
 * stay in order.  The file is rewritten in place from its start, and a line moves only towards the
 * start, so a process that is killed meanwhile loses no line that was to be kept. */
#ifndef BASE_LOG_FILE_H
#define BASE_LOG_FILE_H

#include <stddef.h>

#include "base/log.h"

#define LOG_FILE_JSON_KIND ",\"kind\":\""

/* Only for the one process that writes to it.  A file that cannot be read is emptied. */
void log_file_shorten(int fd, size_t max);
/* The kind of a line that log_write_line wrote; LOG_KIND_GENERAL for any other line. */
enum log_kind log_file_kind(const char *line, size_t len);

#endif
