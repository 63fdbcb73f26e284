/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a message: request or status line, and header fields.  Plain values, any thread. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

enum http_side { HTTP_OF_CLIENT, HTTP_OF_SERVER };  /* requests, responses */

enum { HTTP_FIELDS_MAX = 100 };

struct http_field {
    const char *name, *value;  /* as sent, white space around the value removed */
};

/* A message head, freed with http_head_free. */
struct http_head {
    const char *method, *target;  /* request, else NULL; target as sent: printable ASCII */
    int status;                                     /* response, else 0 */
    int minor;                                      /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;
    bool upgrade;  /* Upgrade named by Connection, or CONNECT, or 101 */
    bool chunked, has_length;
    uint64_t length;                                /* with has_length */
    size_t n_fields;
    struct http_field *fields;                      /* in the same block of memory, or in added */
    char *text;                                     /* what all of these point into */
    void *added;                                    /* other fields and their texts; or NULL */
};

/* Whether the field has that name (case-insensitive).  Most names differ in their first letter. */
static inline bool http_field_is(const struct http_field *field, const char *name)
{
    return ((*field->name ^ *name) & ~0x20) == 0 && strcasecmp(field->name, name) == 0;
}

/* Whether it has a name of the list, which ends in NULL. */
static inline bool http_field_in(const struct http_field *field, const char *const *names)
{
    while (*names && !http_field_is(field, *names))
        names++;
    return *names;
}

/* The first field of that name (case-insensitive) or NULL. */
const char *http_head_get(const struct http_head *head, const char *name);
size_t http_head_count(const struct http_head *head, const char *name); /* fields of that name */
/* Whether any field of that name lists the token, case-insensitively ("Connection: close, te"). */
bool http_head_lists(const struct http_head *head, const char *name, const char *token);
/* It has these fields from here on, which are copied. */
void http_head_set_fields(struct http_head *head, const struct http_field *fields, size_t n);
void http_head_free(struct http_head *head);        /* NULL is fine */

#endif
