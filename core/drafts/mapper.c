/* SPDX-License-Identifier: Apache-2.0 */
#include "drafts/mapper.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/glob.h"
#include "base/ipaddr.h"
#include "base/printable.h"
#include "base/text.h"
#include "drafts/drafts.h"
#include "drafts/rules.h"

static const struct {
    uint16_t port;
    const char *service;
} well_known[] = {
    {80, "HTTP"}, {443, "HTTPS"}, {8080, "HTTP-alt"}, {8443, "HTTPS-alt"}, {5432, "PostgreSQL"},
    {3306, "MySQL"}, {6379, "Redis"}, {27017, "MongoDB"}, {9200, "Elasticsearch"}, {9092, "Kafka"},
    {2181, "ZooKeeper"}, {11211, "Memcached"}, {5672, "RabbitMQ"}, {6443, "Kubernetes API"},
    {53, "DNS"}, {587, "SMTP"}, {993, "IMAP"}, {995, "POP3"},
};

static const char *service_of(uint16_t port)
{
    for (size_t i = 0; i < sizeof well_known / sizeof *well_known; i++)
        if (well_known[i].port == port)
            return well_known[i].service;
    return NULL;
}

int drafts_target(const char *host, uint16_t port, const char *binary, struct arena *arena,
                  struct drafts_target *out)
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
    *out = (struct drafts_target){
        .host = arena_str(arena, canonical), .port = port,
        .binary = known ? arena_str(arena, binary) : "", .method = "", .path = "",
        .operation = "", .field = "", .rpc_method = "", .tool = ""};
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

int drafts_target_request(struct drafts_target *target, const char *method, const char *path,
                          struct arena *arena)
{
    if (!*target->binary || !*method || strcmp(method, "*") == 0 || *path != '/' ||
        glob_has_wildcard(path))
        return -1;
    target->method = upper_case(method, arena);
    target->path = arena_str(arena, path);
    return 0;
}

static const char *text_or_none(const char *text, struct arena *arena)
{
    return text ? arena_str(arena, text) : "";
}

int drafts_target_call(struct drafts_target *target, const struct drafts_denial *denial,
                       struct arena *arena)
{
    target->operation = text_or_none(denial->operation, arena);
    target->field = text_or_none(denial->field, arena);
    target->rpc_method = text_or_none(denial->rpc_method, arena);
    target->tool = text_or_none(denial->tool, arena);
    return strpbrk(target->field, "*?") || strpbrk(target->rpc_method, "*?[]{}") ||
           strpbrk(target->tool, "*?") ? -1 : 0;
}

bool drafts_readable(const char *host, const char *binary)
{
    return printable_text(host) && (!binary || printable_text(binary));
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

const char *drafts_rule_name(const char *host, uint16_t port, struct arena *arena)
{
    struct buf name = {0};
    buf_puts(&name, "allow_");
    add_word(&name, host);
    buf_printf(&name, "_%u", port);
    const char *text = arena_str(arena, name.data);
    buf_free(&name);
    return text;
}

static const char *program_of(const struct drafts_target *target)
{
    const char *slash = strrchr(target->binary, '/');
    return slash ? slash + 1 : target->binary;
}

const char *drafts_request_rule_name(const struct drafts_target *target, struct arena *arena)
{
    struct buf name = {0};
    buf_printf(&name, "%s_", drafts_rule_name(target->host, target->port, arena));
    add_word(&name, program_of(target));
    const char *text = arena_str(arena, name.data);
    buf_free(&name);
    return text;
}

const char *drafts_rule_json(const struct drafts_target *target, struct arena *arena)
{
    const struct sluice_endpoint endpoint = {
        .size = sizeof endpoint, .host = target->host, .ports = &target->port, .n_ports = 1};
    const struct sluice_binary binary = {.size = sizeof binary, .path = target->binary};
    const struct sluice_endpoint *const endpoints[] = {&endpoint};
    const struct sluice_binary *const binaries[] = {&binary};
    const struct sluice_rule rule = {
        .size = sizeof rule, .endpoints = endpoints, .n_endpoints = 1,
        .binaries = binaries, .n_binaries = *target->binary ? 1 : 0,
    };
    return drafts_rule_encode(&rule, arena);
}

static const char *what_it_does(const struct drafts_target *target, struct arena *arena)
{
    enum { PATH_SHOWN = 200 };
    struct buf text = {0};
    if (!*target->method)
        return "connect";
    if (*target->tool)
        buf_printf(&text, "call the tool %s by ", target->tool);
    else if (*target->rpc_method)
        buf_printf(&text, "call %s by ", target->rpc_method);
    else if (*target->operation)
        buf_printf(&text, "run %s { %s } by ", target->operation, target->field);
    else
        buf_puts(&text, "send ");
    buf_printf(&text, "%s ", target->method);
    text_shorten(&text, target->path, PATH_SHOWN);
    const char *kept = arena_str(arena, text.data);
    buf_free(&text);
    return kept;
}

const char *drafts_rationale(const struct drafts_target *target, struct arena *arena)
{
    const char *name = program_of(target), *service = service_of(target->port);
    return arena_printf(arena, "Allow %s to %s to %s:%u%s%s%s.", *name ? name : "unknown binary",
                        what_it_does(target, arena), target->host, target->port,
                        service ? " (" : "", service ? service : "", service ? ")" : "");
}

double drafts_confidence(uint16_t port, uint64_t hits, bool ssrf)
{
    double c = 0.5 + (hits >= 10 ? 0.2 : hits >= 3 ? 0.1 : 0) + (service_of(port) ? 0.15 : 0) -
               (ssrf ? 0.2 : 0);
    return c < 0.1 ? 0.1 : c > 0.95 ? 0.95 : c;
}
