/* SPDX-License-Identifier: Apache-2.0 */
/* Placeholders replaced by values.  Pure; any thread.
 *
 * Each function appends the text with its placeholders replaced to out and returns
 * SECRET_REPLACED.  With any other result out is as it was, and holds no value. */
#ifndef SECRET_REPLACE_H
#define SECRET_REPLACE_H

#include "base/buf.h"
#include "secret/credentials.h"

enum secret_result {
    SECRET_NONE,                                    /* there is no placeholder */
    SECRET_REPLACED,
    SECRET_UNKNOWN,                                 /* one that stands for nothing here */
    SECRET_UNBOUND,                                 /* of a credential that may not go there */
    SECRET_MISPLACED,                               /* where none is replaced */
    SECRET_UNFIT,                                   /* the value may not stand in a path */
    SECRET_LONG,                                    /* values would make it much longer */
};

/* Bytes by which values may make a text longer. */
enum { SECRET_GROWTH_MAX = 256 * 1024 };

/* Where the text is sent. */
struct secret_destination {
    const struct secret_credentials *all;           /* NULL: the sandbox has none */
    bool (*bound)(void *ctx, const struct secret_credential *credential);
    void *ctx;
};

/* The value of a header field: a placeholder, "SCHEME placeholder", or "Basic base64". */
enum secret_result secret_replace_field(const struct secret_destination *to, const char *value,
                                        struct buf *out);
enum secret_result secret_replace_path(const struct secret_destination *to, const char *path,
                                       size_t len, struct buf *out);
/* A query without its "?", or a form. */
enum secret_result secret_replace_query(const struct secret_destination *to, const char *query,
                                        size_t len, struct buf *out);
/* Anywhere in a text. */
enum secret_result secret_replace_text(const struct secret_destination *to, const char *text,
                                       size_t len, struct buf *out);
/* In the texts of a JSON document, but not in its names. */
enum secret_result secret_replace_json(const struct secret_destination *to, const char *text,
                                       size_t len, struct buf *out);

#endif
