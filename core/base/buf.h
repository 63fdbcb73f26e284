/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer, always followed by a NUL byte that len does not count.
 * {0} is a valid empty buffer; buf_free makes it one again. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;                                     /* NULL while nothing was ever added */
    size_t len, cap;
};

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
void buf_number(struct buf *buf, int64_t number);   /* in decimal */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_reserve(struct buf *buf, size_t more);     /* room for more bytes at data + len */
void buf_consume(struct buf *buf, size_t len);      /* drops the first len bytes */
void buf_clear(struct buf *buf);                    /* len = 0, memory kept */
const char *buf_str(const struct buf *buf);         /* never NULL */
char *buf_take(struct buf *buf); /* the caller frees the result; the buffer is empty */
void buf_free(struct buf *buf);
void buf_wipe(struct buf *buf);                     /* the same, of secrets: overwritten first */

#endif
