/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/changes.h"

#include <string.h>


/* The fields of a head while it is changed; names and values are borrowed. */
struct fields {
    struct http_field items[HTTP_FIELDS_MAX];
    size_t n;
};

static void remove_field(struct fields *fields, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < fields->n; i++)
        if (!http_field_is(&fields->items[i], name))
            fields->items[kept++] = fields->items[i];
    fields->n = kept;
}

/* NULL, or why it cannot be set. */
static const char *set_field(struct fields *fields, const char *name, const char *value)
{
    remove_field(fields, name);
    if (fields->n == HTTP_FIELDS_MAX)
        return "the request would have more than 100 header fields";
    fields->items[fields->n++] = (struct http_field){name, value};
    return NULL;
}

static const char *change_fields(struct fields *fields, const struct inspect_change *changes,
                                 size_t n)
{
    const char *problem = NULL;
    for (size_t i = 0; i < n && !problem; i++)
        if (changes[i].header && changes[i].value)
            problem = set_field(fields, changes[i].header, changes[i].value);
        else if (changes[i].header)
            remove_field(fields, changes[i].header);
    return problem;
}

/* The last replacement counts: each middleware has seen that of the one before it. */
static const struct inspect_change *new_body(const struct inspect_change *changes, size_t n)
{
    while (n-- > 0)
        if (!changes[n].header)
            return &changes[n];
    return NULL;
}

const char *egress_changes_apply(struct exchange *exchange, const struct inspect_change *changes,
                                 size_t n, bool *replaced)
{
    const struct inspect_change *body = new_body(changes, n);
    struct http_head *head = exchange->head;
    struct fields fields = {.n = head->n_fields};
    *replaced = false;
    if (body && !exchange->request_done)
        return "the request has no body that could be replaced";
    memcpy(fields.items, head->fields, head->n_fields * sizeof *head->fields);
    const char *problem = change_fields(&fields, changes, n);
    if (problem)
        return problem;
    http_head_set_fields(head, fields.items, fields.n);
    if (body) {
        buf_clear(&exchange->body);
        buf_add(&exchange->body, body->value ? body->value : "", body->len);
        *replaced = true;
    }
    return NULL;
}
