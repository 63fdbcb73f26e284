/* SPDX-License-Identifier: Apache-2.0 */
#include "drafts/mapper.h"

#include <string.h>

#include "base/buf.h"
#include "base/printable.h"
#include "base/text.h"
#include "policy/cure/refused.h"

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

bool drafts_readable(const char *host, const char *binary)
{
    return printable_text(host) && (!binary || printable_text(binary));
}

static const char *what_it_does(const struct policy_refused *refused, struct arena *arena)
{
    enum { PATH_SHOWN = 200 };
    struct buf text = {0};
    if (!*refused->method)
        return "connect";
    if (*refused->tool)
        buf_printf(&text, "call the tool %s by ", refused->tool);
    else if (*refused->rpc_method)
        buf_printf(&text, "call %s by ", refused->rpc_method);
    else if (*refused->operation)
        buf_printf(&text, "run %s { %s } by ", refused->operation, refused->field);
    else
        buf_puts(&text, "send ");
    buf_printf(&text, "%s ", refused->method);
    text_shorten(&text, refused->path, PATH_SHOWN);
    const char *kept = arena_str(arena, text.data);
    buf_free(&text);
    return kept;
}

static const char *program_of(const struct policy_refused *refused)
{
    const char *slash = strrchr(refused->binary, '/');
    return slash ? slash + 1 : refused->binary;
}

const char *drafts_rationale(const struct policy_refused *refused, struct arena *arena)
{
    const char *name = program_of(refused), *service = service_of(refused->port);
    return arena_printf(arena, "Allow %s to %s to %s:%u%s%s%s.", *name ? name : "unknown binary",
                        what_it_does(refused, arena), refused->host, refused->port,
                        service ? " (" : "", service ? service : "", service ? ")" : "");
}

double drafts_confidence(uint16_t port, uint64_t hits, bool ssrf)
{
    double c = 0.5 + (hits >= 10 ? 0.2 : hits >= 3 ? 0.1 : 0) + (service_of(port) ? 0.15 : 0) -
               (ssrf ? 0.2 : 0);
    return c < 0.1 ? 0.1 : c > 0.95 ? 0.95 : c;
}
