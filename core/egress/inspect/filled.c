/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/filled.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { ROOM = 8 }; /* for fields that are added */

/* Fields of its own, which may be changed. */
static struct http_head *open_head(struct client *c, struct egress_filled *out)
{
    struct http_head *head = c->exchange.head;
    if (out->before)
        return head;
    out->before = head->fields;
    out->n_before = head->n_fields;
    head->fields = alloc_zero(head->n_fields + ROOM, sizeof *head->fields);
    memcpy(head->fields, out->before, head->n_fields * sizeof *head->fields);
    return head;
}

static const char *keep_value(struct egress_filled *out, struct buf *value)
{
    out->values = alloc_resize(out->values, out->n + 1, sizeof *out->values);
    out->values[out->n++] = *value;
    return buf_str(value);
}

void egress_filled_set(struct client *c, struct egress_filled *out, size_t index, struct buf *value)
{
    open_head(c, out)->fields[index].value = keep_value(out, value);
}

void egress_filled_add(struct client *c, struct egress_filled *out, const char *name,
                       struct buf *value)
{
    struct http_head *head = open_head(c, out);
    assert(head->n_fields < out->n_before + ROOM);
    head->fields[head->n_fields++] = (struct http_field){name, keep_value(out, value)};
}

void egress_filled_remove(struct client *c, struct egress_filled *out, const char *name)
{
    struct http_head *head = c->exchange.head;
    if (!http_head_get(head, name))
        return;
    size_t n = 0;
    open_head(c, out);
    for (size_t i = 0; i < head->n_fields; i++)
        if (!http_field_is(&head->fields[i], name))
            head->fields[n++] = head->fields[i];
    head->n_fields = n;
}

void egress_filled_undo(struct client *c, struct egress_filled *filled)
{
    if (filled->before) {
        free(c->exchange.head->fields);
        c->exchange.head->fields = filled->before;
        c->exchange.head->n_fields = filled->n_before;
    }
    for (size_t i = 0; i < filled->n; i++)
        buf_wipe(&filled->values[i]);
    free(filled->values);
    buf_wipe(&filled->target);
    buf_wipe(&filled->body);
    *filled = (struct egress_filled){0};
}
