/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/changes.h"

#include <string.h>

#include "base/base64.h"

static const char *encode_body(const struct inspect_change *change, struct arena *arena)
{
    struct buf text = {0};
    base64_encode(change->value, change->len, &text);
    const char *copy = arena_str(arena, buf_str(&text));
    buf_free(&text);
    return copy;
}

void changes_encode(const struct inspect_change *changes, size_t n, struct arena *arena,
                    struct message_voted *out)
{
    if (!n)
        return;
    const struct message_header **set = arena_alloc(arena, n * sizeof *set);
    const char **removed = arena_alloc(arena, n * sizeof *removed);
    for (size_t i = 0; i < n; i++) {
        if (!changes[i].header) {
            out->body = encode_body(&changes[i], arena);
        } else if (!changes[i].value) {
            removed[out->n_remove_headers++] = changes[i].header;
        } else {
            struct message_header *header = arena_alloc(arena, sizeof *header);
            *header = (struct message_header){changes[i].header, changes[i].value};
            set[out->n_set_headers++] = header;
        }
    }
    out->set_headers = set;
    out->remove_headers = removed;
}

int changes_make(const struct message_voted *voted, struct sluice_ballot *ballot,
                 struct error *err)
{
    struct buf body = {0};
    for (size_t i = 0; i < voted->n_remove_headers; i++)
        sluice_remove_header(ballot, voted->remove_headers[i]);
    for (size_t i = 0; i < voted->n_set_headers; i++)
        sluice_set_header(ballot, voted->set_headers[i]->name, voted->set_headers[i]->value);
    if (!voted->body)
        return 0;
    int rc = base64_decode(voted->body, strlen(voted->body), &body);
    if (rc == 0)
        sluice_set_body(ballot, buf_str(&body), body.len);
    buf_free(&body);
    return rc == 0 ? 0 : error_set(err, ERROR_MALFORMED, "the body in its ballot is not base64");
}
