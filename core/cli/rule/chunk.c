/* SPDX-License-Identifier: Apache-2.0 */
/* A draft chunk as text. */
#include "cli/rule/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"

static void print_endpoints(const json_t *rule)
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(rule, "endpoints"), i, e) {
        const char *protocol = json_text(e, "protocol");
        long long port = json_number(e, "port");
        char *ports = port ? alloc_printf("%lld", port)
                           : json_dumps(json_object_get(e, "ports"), JSON_COMPACT);
        terminal_print(stdout, "  Endpoint:   %s:%s [%s]\n", json_text(e, "host"),
                       ports ? ports : "", *protocol ? protocol : "L4");
        free(ports);
    }
    json_array_foreach(json_object_get(rule, "binaries"), i, e)
        terminal_print(stdout, "  Binary:     %s\n", json_text(e, "path"));
}

static void print_votes(const json_t *chunk)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(chunk, "votes"), i, v) {
        const char *code = json_text(v, "code");
        terminal_print(stdout, "  Vote:       %s: %s%s%s%s%s\n", json_text(v, "voter"),
                       json_text(v, "verdict"), *code ? ", " : "", code, *code ? ": " : "",
                       json_text(v, "message"));
    }
}

static void print_findings(const json_t *chunk)
{
    size_t i;
    json_t *f;
    json_array_foreach(json_object_get(chunk, "findings"), i, f)
        terminal_print(stdout, "  Finding:    %s\n", json_text(f, "text"));
}

static void print_texts(const char *what, const json_t *list)
{
    size_t i;
    json_t *item;
    if (json_array_size(list))
        terminal_print(stdout, "  %-12s", what);
    json_array_foreach(list, i, item)
        terminal_print(stdout, "%s%s", i ? ", " : "", json_string_value(item));
    if (json_array_size(list))
        terminal_print(stdout, "\n");
}

static void print_grant(const json_t *grant)
{
    const json_t *uses = json_object_get(grant, "uses");
    if (!json_is_object(grant))
        return;
    bool ended = json_boolean_value(json_object_get(grant, "ended"));
    terminal_print(stdout, "  Grant:      %s %s", ended ? "has ended, was to end" : "ends",
                   json_text(grant, "ends"));
    if (json_is_integer(uses))
        terminal_print(stdout, ", %lld left", (long long)json_integer_value(uses));
    if (*json_text(grant, "expires_at"))
        terminal_print(stdout, " (%s)", json_text(grant, "expires_at"));
    terminal_print(stdout, "\n");
}

void chunk_print(const json_t *c)
{
    terminal_print(
        stdout,
        "Chunk %s\n  Status:     %s\n  Rule:       %s\n  Source:     %s (confidence %.0f%%)\n",
        json_text(c, "id"), json_text(c, "status"), json_text(c, "rule_name"),
        json_text(c, "source"), 100 * json_number_value(json_object_get(c, "confidence")));
    if (*json_text(c, "rationale"))
        terminal_print(stdout, "  Rationale:  %s\n", json_text(c, "rationale"));
    if (*json_text(c, "security_notes"))
        terminal_print(stdout, "  Security:   %s\n", json_text(c, "security_notes"));
    if (*json_text(c, "method"))
        terminal_print(stdout, "  Request:    %s %s\n", json_text(c, "method"),
                       json_text(c, "path"));
    if (*json_text(c, "operation"))
        terminal_print(stdout, "  Operation:  %s %s\n", json_text(c, "operation"),
                       json_text(c, "field"));
    if (*json_text(c, "rpc_method"))
        terminal_print(stdout, "  Call:       %s %s\n", json_text(c, "rpc_method"),
                       json_text(c, "tool"));
    if (*json_text(c, "voter"))
        terminal_print(stdout, "  Held by:    voter %s, %s: %s to %s:%lld\n", json_text(c, "voter"),
                       json_text(c, "code"), json_text(c, "binary"), json_text(c, "host"),
                       json_number(c, "port"));
    print_endpoints(json_object_get(c, "rule"));
    print_grant(json_object_get(c, "grant"));
    print_texts("Addresses:", json_object_get(c, "addresses"));
    print_texts("Asked by:", json_object_get(c, "asked_by"));
    if (json_number(c, "hits") > 1)
        terminal_print(stdout, "  Hits:       %lld (first seen %s, last seen %s)\n",
                       json_number(c, "hits"), json_text(c, "first_seen"),
                       json_text(c, "last_seen"));
    if (json_number(c, "waiting"))
        terminal_print(stdout, "  Waiting:    %lld held request%s\n", json_number(c, "waiting"),
                       json_number(c, "waiting") == 1 ? "" : "s");
    print_effect(json_object_get(c, "effect"), "  ");
    print_findings(c);
    if (*json_text(c, "would_be"))
        terminal_print(stdout, "  If approved now: %s\n", json_text(c, "would_be"));
    print_votes(c);
    if (*json_text(c, "error"))
        terminal_print(stdout, "  Problem:    %s\n", json_text(c, "error"));
    if (strcmp(json_text(c, "status"), "pending") == 0 && *json_text(c, "reason"))
        terminal_print(stdout, "  Waits:      %s\n", json_text(c, "reason"));
    if (*json_text(c, "decided_by"))
        terminal_print(stdout, "  Decided:    by %s at %s%s%s\n", json_text(c, "decided_by"),
                       json_text(c, "decided_at"), *json_text(c, "reason") ? ": " : "",
                       json_text(c, "reason"));
}
