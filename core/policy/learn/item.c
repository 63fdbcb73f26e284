/* SPDX-License-Identifier: Apache-2.0 */
/* What is on record, as far as a rule can say it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/ipaddr.h"
#include "base/printable.h"
#include "base/text.h"
#include "policy/learn/learn_parts.h"

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

/* NULL, or why no rule can say it. */
static const char *check_program(const char *program)
{
    if (*program != '/')
        return "its program is not known";
    if (!printable_text(program))
        return "the path of its program is no plain text";
    if (glob_has_wildcard(program))
        return "a rule would read the path of its program as a pattern";
    return NULL;
}

static const char *check_host(const struct policy_seen *seen)
{
    char canonical[IPADDR_HOST_SIZE];
    struct ipaddr address;
    if (ipaddr_canonical_host(seen->host, strlen(seen->host), canonical) != 0 ||
        !is(canonical, seen->host) || strchr(seen->host, '*'))
        return "its host is neither a name nor an address";
    if (!seen->port)
        return "it has no port";
    bool blocked = ipaddr_parse(canonical, &address) == 0
                       ? ipaddr_classify(&address) == IPADDR_BLOCKED
                       : ipaddr_host_blocked(canonical);
    return blocked ? "no rule can open its host" : NULL;
}

static const char *check_path(const char *path)
{
    struct buf canonical = {0};
    const char *why = policy_target_path(path, strlen(path), true, &canonical);
    if (!why && !is(buf_str(&canonical), path))
        why = "its path is not canonical";
    if (!why && strpbrk(path, "*?[]{}\\"))
        why = "a rule would read its path as a pattern";
    buf_free(&canonical);
    return why;
}

static const char *check_method(const char *method)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
    bool sound = *method && strspn(method, letters) == strlen(method);
    return sound ? NULL : "a rule cannot name its method";
}

static const char *check_call(const struct policy_seen *seen)
{
    const char *const texts[] = {seen->operation, seen->field, seen->rpc_method, seen->tool};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!printable_text(texts[i]))
            return "a name in its body is no plain text";
        if (strpbrk(texts[i], "*?[]{}\\"))
            return "a rule would read a name in its body as a pattern";
    }
    return is(seen->rpc_method, "tools/call") && !*seen->tool
               ? "its tool has no name, and a rule without one is about all tools"
               : NULL;
}

static const char *check_seen(const struct policy_seen *seen)
{
    const char *why = *seen->problem ? seen->problem : check_program(seen->program);
    if (!why)
        why = check_host(seen);
    if (!why && *seen->path)
        why = check_method(seen->method);
    if (!why && *seen->path)
        why = check_path(seen->path);
    return why ? why : check_call(seen);
}

static const char *upper_case(const char *text, struct arena *arena)
{
    const char *lower = text;
    while (*lower && !islower((unsigned char)*lower))
        lower++;
    if (!*lower)
        return text;
    char *upper = arena_str(arena, text);
    for (char *p = upper; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return upper;
}

static struct learn_item make_item(const struct policy_seen *seen, struct arena *arena)
{
    struct learn_item item = {.seen = seen, .kind = LEARN_REQUEST};
    item.method = upper_case(seen->method, arena);
    if (!*seen->path)
        item.kind = is(seen->method, POLICY_SEEN_BYTES) ? LEARN_BYTES : LEARN_CONNECTION;
    item.has_call = *seen->operation || *seen->rpc_method;
    if (item.has_call) {
        policy_call_from_words(seen->operation, seen->field, arena, &item.call);
        item.call.method = seen->rpc_method;
        item.call.tool = seen->tool;
    }
    return item;
}

/* ---- order ---- */

static int by_place(const struct learn_item *a, const struct learn_item *b)
{
    int order = strcmp(a->seen->program, b->seen->program);
    if (order == 0)
        order = strcmp(a->seen->host, b->seen->host);
    return order ? order : (int)a->seen->port - (int)b->seen->port;
}

static int by_call(const struct policy_seen *a, const struct policy_seen *b)
{
    int order = strcmp(a->operation, b->operation);
    if (order == 0)
        order = strcmp(a->field, b->field);
    if (order == 0)
        order = strcmp(a->rpc_method, b->rpc_method);
    return order ? order : strcmp(a->tool, b->tool);
}

int learn_method_order(const char *a, const char *b)
{
    const char *behind_get = "GET\x01";
    return strcmp(is(a, "HEAD") ? behind_get : a, is(b, "HEAD") ? behind_get : b);
}

static int by_request(const void *left, const void *right)
{
    const struct learn_item *a = left, *b = right;
    int order = by_place(a, b);
    if (order == 0)
        order = strcmp(a->seen->path, b->seen->path);
    if (order == 0)
        order = learn_method_order(a->method, b->method);
    return order ? order : by_call(a->seen, b->seen);
}

struct learn_item *learn_items(const struct policy_learning *learning, struct arena *arena,
                               size_t *n, struct policy_left_out *left_out, size_t *n_left_out)
{
    struct learn_item *items = arena_alloc(arena, (learning->n + 1) * sizeof *items);
    *n = 0;
    for (size_t i = 0; i < learning->n; i++) {
        const struct policy_seen *seen = &learning->seen[i];
        const char *why = check_seen(seen);
        if (why)
            left_out[(*n_left_out)++] = (struct policy_left_out){seen, why};
        else
            items[(*n)++] = make_item(seen, arena);
    }
    qsort(items, *n, sizeof *items, by_request);
    return items;
}

struct learn_item *learn_all_items(const struct policy_seen *seen, size_t n, struct arena *arena,
                                   size_t *n_items)
{
    struct learn_item *items = arena_alloc(arena, (n + 1) * sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = make_item(&seen[i], arena);
    if (n)
        qsort(items, n, sizeof *items, by_request);
    *n_items = n;
    return items;
}

struct learn_places learn_places_of(struct learn_item *items, size_t n, struct arena *arena)
{
    struct learn_places places = {0};
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && by_place(&items[i - 1], &items[i]) == 0) {
            places.items[places.n - 1].n++;
            continue;
        }
        const struct policy_seen *seen = items[i].seen;
        places.items = arena_grow(arena, places.items, places.n, &places.room,
                                  sizeof *places.items);
        places.items[places.n++] = (struct learn_place){
            .items = &items[i], .n = 1,
            .connection = {.host = seen->host, .port = seen->port, .binary = seen->program}};
    }
    return places;
}

/* ---- words ---- */

const char *policy_seen_name(const struct policy_seen *seen, struct arena *arena)
{
    enum { SHOWN_MAX = 300 };
    struct buf raw = {0}, shown = {0}, out = {0};
    const char *call[2] = {seen->rpc_method, seen->tool};
    if (!*call[0]) {
        call[0] = seen->operation;
        call[1] = seen->field;
    }
    buf_printf(&raw, "%s: %s %s:%u%s", seen->program, seen->method, seen->host, seen->port,
               seen->path);
    if (*call[0])
        buf_printf(&raw, " (%s%s%s)", call[0], *call[1] ? " " : "", call[1]);
    text_shorten(&shown, buf_str(&raw), SHOWN_MAX);
    printable_escape(&out, buf_str(&shown), shown.len, "");
    const char *name = arena_str(arena, buf_str(&out));
    buf_free(&raw);
    buf_free(&shown);
    buf_free(&out);
    return name;
}

void learn_count(struct policy_evidence *evidence, const struct policy_evidence *more)
{
    if (!evidence->count || more->first_ms < evidence->first_ms)
        evidence->first_ms = more->first_ms;
    if (more->last_ms > evidence->last_ms)
        evidence->last_ms = more->last_ms;
    evidence->count += more->count;
}
