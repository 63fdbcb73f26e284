/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

void http_head_free(struct http_head *head)
{
    if (!head)
        return;
    free(head->text);
    free(head);
}
