/* SPDX-License-Identifier: Apache-2.0 */
/* First messages of TLS clients. */
#ifndef TESTS_SUPPORT_TLS_HELLO_H
#define TESTS_SUPPORT_TLS_HELLO_H

#include "base/buf.h"

#include <stdint.h>
#include <string.h>

static inline void tls_number(struct buf *out, size_t bytes, size_t n)
{
    while (bytes-- > 0)
        buf_putc(out, (char)(n >> 8 * bytes));
}

static inline void tls_block(struct buf *out, size_t bytes, const struct buf *block)
{
    tls_number(out, bytes, block->len);
    buf_add(out, block->data, block->len);
}

static inline void tls_extension(struct buf *out, size_t type, const struct buf *body)
{
    tls_number(out, 2, type);
    tls_block(out, 2, body);
}

/* A server_name extension of one host name. */
static inline void tls_server_name(struct buf *extensions, const char *name, size_t len)
{
    struct buf text = {0}, entry = {0}, list = {0};
    buf_add(&text, name, len);
    tls_number(&entry, 1, 0);
    tls_block(&entry, 2, &text);
    tls_block(&list, 2, &entry);
    tls_extension(extensions, 0, &list);
    buf_free(&text);
    buf_free(&entry);
    buf_free(&list);
}

/* In records of at most so many bytes. */
static inline void tls_records(struct buf *out, const struct buf *message, size_t most)
{
    for (size_t at = 0, n; at < message->len; at += n) {
        n = message->len - at < most ? message->len - at : most;
        buf_add(out, "\x16\x03\x01", 3);
        tls_number(out, 2, n);
        buf_add(out, message->data + at, n);
    }
}

/* extensions NULL: as clients of TLS 1.0 may have it, without any. */
static inline void tls_hello(struct buf *out, const struct buf *extensions, size_t record)
{
    struct buf body = {0}, message = {0};
    buf_add(&body, "\x03\x03" "0123456789abcdef0123456789abcdef", 34);
    buf_add(&body, "\x00" "\x00\x02\x13\x01" "\x01\x00", 7);
    if (extensions)
        tls_block(&body, 2, extensions);
    tls_number(&message, 1, 1);
    tls_block(&message, 3, &body);
    tls_records(out, &message, record);
    buf_free(&body);
    buf_free(&message);
}

/* The whole first flight of a client that asks for name. */
static inline struct buf tls_client(const char *name)
{
    struct buf extensions = {0}, out = {0};
    tls_server_name(&extensions, name, strlen(name));
    tls_hello(&out, &extensions, 16384);
    buf_free(&extensions);
    return out;
}

/* What a server says that wants another hello, behind the warning that some begin with. */
static inline struct buf tls_retry(void)
{
    static const char random[] = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
                                 "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";
    struct buf body = {0}, message = {0}, out = {0};
    buf_add(&body, "\x03\x03", 2);
    buf_add(&body, random, 32);
    buf_add(&body, "\x00\x13\x01\x00" "\x00\x06" "\x00\x2b\x00\x02\x03\x04", 12);
    tls_number(&message, 1, 2);
    tls_block(&message, 3, &body);
    buf_add(&out, "\x15\x03\x03\x00\x02\x01\x70", 7);
    tls_records(&out, &message, 16384);
    buf_free(&body);
    buf_free(&message);
    return out;
}

#endif
