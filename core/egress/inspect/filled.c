/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/filled.h"

#include <stdlib.h>

#include "base/alloc.h"

void egress_filled_set(struct client *c, struct egress_filled *out, size_t index,
                       struct buf *value)
{
    struct http_field *field = &c->exchange.head->fields[index];
    out->fields = alloc_resize(out->fields, out->n + 1, sizeof *out->fields);
    out->fields[out->n++] = (struct egress_filled_field){index, field->value, *value};
    field->value = buf_str(value);
}

void egress_filled_undo(struct client *c, struct egress_filled *filled)
{
    for (size_t i = 0; i < filled->n; i++) {
        struct egress_filled_field *field = &filled->fields[i];
        c->exchange.head->fields[field->index].value = field->before;
        buf_wipe(&field->value);
    }
    free(filled->fields);
    buf_wipe(&filled->target);
    buf_wipe(&filled->body);
    *filled = (struct egress_filled){0};
}
