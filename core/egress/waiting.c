/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/waiting.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { TEXTS = 9 };

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* Those that differ most often come first. */
static void texts_of(const struct egress_waiting *what, const char *out[TEXTS])
{
    const char *const texts[TEXTS] = {what->path,       what->host,  what->binary, what->method,
                                      what->rpc_method, what->tool, what->operation, what->field,
                                      what->vote};
    for (int i = 0; i < TEXTS; i++)
        out[i] = or_empty(texts[i]);
}

bool waiting_same(const struct egress_waiting *a, const struct egress_waiting *b)
{
    const char *of_a[TEXTS], *of_b[TEXTS];
    bool same = a->port == b->port;
    texts_of(a, of_a);
    texts_of(b, of_b);
    for (int i = 0; same && i < TEXTS; i++)
        same = strcmp(of_a[i], of_b[i]) == 0;
    return same;
}

/* FNV-1a; a text ends with its NUL. */
uint64_t waiting_hash(const struct egress_waiting *what)
{
    const char *texts[TEXTS];
    uint64_t hash = 14695981039346656037u ^ what->port;
    texts_of(what, texts);
    for (int i = 0; i < TEXTS; i++)
        for (const char *p = texts[i];; p++) {
            hash = (hash ^ (unsigned char)*p) * 1099511628211u;
            if (!*p)
                break;
        }
    return hash;
}

static struct waiting_key *find_known(const struct waiting_keys *keys,
                                      const struct egress_waiting *what)
{
    struct waiting_key *key = keys->first;
    while (key && !waiting_same(&key->what, what))
        key = key->next;
    return key;
}

unsigned waiting_count(const struct waiting_keys *keys, const struct egress_waiting *what)
{
    const struct waiting_key *key = find_known(keys, what);
    return key ? key->what.waiting : 0;
}

struct waiting_key *waiting_key_find(struct waiting_keys *keys, const struct egress_waiting *what)
{
    struct waiting_key *key = find_known(keys, what);
    if (key)
        return key;
    key = alloc_zero(1, sizeof *key);
    key->what = (struct egress_waiting){
        .host = alloc_str(what->host), .port = what->port, .binary = alloc_str(what->binary),
        .method = alloc_str(or_empty(what->method)), .path = alloc_str(or_empty(what->path)),
        .operation = alloc_str(or_empty(what->operation)),
        .field = alloc_str(or_empty(what->field)),
        .rpc_method = alloc_str(or_empty(what->rpc_method)),
        .tool = alloc_str(or_empty(what->tool)),
        .vote = alloc_str(or_empty(what->vote))};
    key->next = keys->first;
    keys->first = key;
    return key;
}

void waiting_key_drop(struct waiting_keys *keys, struct waiting_key *key)
{
    struct waiting_key **at = &keys->first;
    const struct egress_waiting *what = &key->what;
    const char *const texts[] = {what->host,  what->binary,     what->method, what->path,
                                 what->operation, what->field, what->rpc_method, what->tool,
                                 what->vote};
    while (*at != key)
        at = &(*at)->next;
    *at = key->next;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free((char *)(uintptr_t)texts[i]);
    free(key);
}

void waiting_share(const struct waiting_keys *keys, const char *binary, unsigned *n, size_t *bytes)
{
    *n = 0;
    *bytes = 0;
    for (const struct waiting_key *key = keys->first; key; key = key->next)
        if (strcmp(key->what.binary, binary) == 0) {
            *n += key->what.waiting;
            *bytes += key->bytes;
        }
}
