/* SPDX-License-Identifier: Apache-2.0 */
/* The strict wire form of HTTP/1.1, checked byte by byte before llhttp sees it.
 *
 * llhttp repairs some of what it reads (bare LF, folded lines, chunk extensions), and another
 * version of it repairs other things.  What passes here leaves it nothing to repair.  For
 * http/parser.c; plain values, {0} is the beginning of a message.  Results are NULL or a text that
 * says what is wrong. */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include "http/head.h"

struct http_head_guard {
    enum { HEAD_LINE_START, HEAD_IN_LINE, HEAD_LINE_CR, HEAD_LAST_CR, HEAD_DONE } state;
    size_t lines;
};

/* Looks at bytes until the head is complete; *used is how many belong to it so far. */
const char *http_guard_head(struct http_head_guard *guard, const char *bytes, size_t len,
                            size_t *used);
/* A complete head, line by line. */
const char *http_guard_lines(enum http_side side, const char *text, size_t len);
/* What the fields of a parsed head say about each other. */
const char *http_guard_fields(enum http_side side, const struct http_head *head);

struct http_chunk_guard {
    enum {
        CHUNK_SIZE,
        CHUNK_SIZE_LF,
        CHUNK_DATA,
        CHUNK_DATA_CR,
        CHUNK_DATA_LF,
        CHUNK_LAST_CR,
        CHUNK_LAST_LF,
        CHUNK_DONE
    } state;
    unsigned digits;
    uint64_t left;                                  /* of the current chunk */
    bool lenient; /* of a response: what means nothing to us is left out */
    enum { DROP_NOTHING, DROP_EXTENSION, DROP_TRAILER, DROP_TRAILER_LF } drop;
    size_t dropped; /* of one extension, or of it and the trailers */
};

/* Looks at bytes up to the end of one run of chunk data, so that each call passes at most one, or
 * up to what http_guard_drop leaves out. */
const char *http_guard_chunks(struct http_chunk_guard *guard, const char *bytes, size_t len,
                              size_t *used);
/* How many bytes are to be left out before the guard and llhttp go on: extensions behind a size,
 * and trailers, where the guard is lenient. */
size_t http_guard_drop(struct http_chunk_guard *guard, const char *bytes, size_t len,
                       const char **bad);

/* Complete trailer lines of a response, each with its CRLF, without NUL; *lines is their number. */
const char *http_guard_trailers(const char *text, size_t len, size_t *lines);

#endif
