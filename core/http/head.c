/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

const char *http_head_get(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->n_fields; i++)
        if (http_field_is(&head->fields[i], name))
            return head->fields[i].value;
    return NULL;
}

size_t http_head_count(const struct http_head *head, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < head->n_fields; i++)
        n += http_field_is(&head->fields[i], name);
    return n;
}

static bool lists(const char *value, const char *token)
{
    size_t len = strlen(token);
    while (*value) {
        value += strspn(value, " \t,");
        size_t item = strcspn(value, " \t,");
        if (item == len && strncasecmp(value, token, len) == 0)
            return true;
        value += item;
    }
    return false;
}

bool http_head_lists(const struct http_head *head, const char *name, const char *token)
{
    for (size_t i = 0; i < head->n_fields; i++)
        if (http_field_is(&head->fields[i], name) && lists(head->fields[i].value, token))
            return true;
    return false;
}

static const char *copy_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

void http_head_set_fields(struct http_head *head, const struct http_field *fields, size_t n)
{
    size_t size = (n + 1) * sizeof *fields;
    for (size_t i = 0; i < n; i++)
        size += strlen(fields[i].name) + strlen(fields[i].value) + 2;
    struct http_field *copy = alloc_bytes(size);
    char *text = (char *)(copy + n + 1);
    for (size_t i = 0; i < n; i++) {
        copy[i].name = copy_text(&text, fields[i].name);
        copy[i].value = copy_text(&text, fields[i].value);
    }
    free(head->added);                              /* fields may point into it */
    head->added = head->fields = copy;
    head->n_fields = n;
}

void http_head_free(struct http_head *head)
{
    if (!head)
        return;
    free(head->text);
    free(head->added);
    free(head);
}
