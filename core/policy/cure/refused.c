/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/cure/refused.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/glob.h"
#include "base/ipaddr.h"

int policy_refused_connection(const char *host, uint16_t port, const char *binary,
                              struct arena *arena, struct policy_refused *out)
{
    char canonical[IPADDR_HOST_SIZE];
    struct ipaddr addr;
    if (!port || ipaddr_canonical_host(host, strlen(host), canonical) != 0 ||
        ipaddr_host_blocked(canonical))
        return -1;
    if (ipaddr_parse(canonical, &addr) == 0 && ipaddr_classify(&addr) == IPADDR_BLOCKED)
        return -1;
    /* "-" is how the proxy's reports name a binary that could not be found out. */
    bool known = binary && *binary && strcmp(binary, "-") != 0;
    if (known && glob_has_wildcard(binary))
        return -1;
    *out = (struct policy_refused){
        .host = arena_str(arena, canonical), .port = port,
        .binary = known ? arena_str(arena, binary) : "", .method = "", .path = "",
        .operation = "", .field = "", .rpc_method = "", .tool = "", .vote = ""};
    return 0;
}

/* A rule matches a method in any case, so that one spelling stands for all. */
static const char *upper_case(const char *text, struct arena *arena)
{
    char *upper = arena_str(arena, text);
    for (char *p = upper; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return upper;
}

int policy_refused_request(struct policy_refused *refused, const char *method, const char *path,
                           struct arena *arena)
{
    if (!*refused->binary || !*method || strcmp(method, "*") == 0 || *path != '/' ||
        glob_has_wildcard(path))
        return -1;
    refused->method = upper_case(method, arena);
    refused->path = arena_str(arena, path);
    return 0;
}

static const char *text_or_none(const char *text, struct arena *arena)
{
    return text ? arena_str(arena, text) : "";
}

int policy_refused_call(struct policy_refused *refused, const char *operation, const char *field,
                        const char *rpc_method, const char *tool, struct arena *arena)
{
    refused->operation = text_or_none(operation, arena);
    refused->field = text_or_none(field, arena);
    refused->rpc_method = text_or_none(rpc_method, arena);
    refused->tool = text_or_none(tool, arena);
    return strpbrk(refused->field, "*?") || strpbrk(refused->rpc_method, "*?[]{}") ||
           strpbrk(refused->tool, "*?") ? -1 : 0;
}

static void add_word(struct buf *name, const char *text)
{
    for (const char *p = text; *p; p++) {
        bool root = *p == '.' && !p[1];
        if (*p == '-' || (*p == '.' && !root))
            buf_putc(name, '_');
        else if (isalnum((unsigned char)*p) || *p == '_')
            buf_putc(name, (char)tolower((unsigned char)*p));
    }
}

static const char *name_of(const char *host, uint16_t port, const char *program,
                           struct arena *arena)
{
    struct buf name = {0};
    buf_puts(&name, "allow_");
    add_word(&name, host);
    buf_printf(&name, "_%u", port);
    if (program) {
        buf_putc(&name, '_');
        add_word(&name, program);
    }
    const char *text = arena_str(arena, name.data);
    buf_free(&name);
    return text;
}

const char *policy_rule_name_for(const char *host, uint16_t port, struct arena *arena)
{
    return name_of(host, port, NULL, arena);
}

const char *policy_refused_rule_name(const struct policy_refused *refused, struct arena *arena)
{
    const char *slash = strrchr(refused->binary, '/');
    const char *program = slash ? slash + 1 : refused->binary;
    return name_of(refused->host, refused->port, *refused->method ? program : NULL, arena);
}
