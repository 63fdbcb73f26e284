/* SPDX-License-Identifier: Apache-2.0 */
#include "drafts/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/glob.h"
#include "base/ipaddr.h"

enum { EPHEMERAL_FROM = 49152 };

static const uint16_t databases[] = {5432, 3306, 6379, 27017, 9200, 11211, 5672};

static const char ssrf_note[] =
    "This connection was blocked by SSRF protection. Private IP access requires an explicit "
    "`allowed_ips` policy entry.";

static void __attribute__((format(printf, 2, 3))) add(struct buf *notes, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (strstr(buf_str(notes), text))
        return;                                     /* said already, of another endpoint */
    if (notes->len)
        buf_putc(notes, ' ');
    buf_puts(notes, text);
}

/* ---- where it leads ---- */

static bool internal_address(const char *host)
{
    struct ipaddr addr;
    return ipaddr_parse(host, &addr) == 0 && ipaddr_classify(&addr) == IPADDR_INTERNAL;
}

/* Whether the block has an address that is internal: its first one, or a well-known range. */
static bool internal_block(const char *text)
{
    static const char *const ranges[] = {"10.0.0.0", "172.16.0.0", "192.168.0.0", "100.64.0.0",
                                         "fc00::"};
    struct ipaddr_block block;
    struct ipaddr addr;
    if (ipaddr_block_parse(text, &block) != 0)
        return false;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ipaddr_parse(ranges[i], &addr) == 0 && ipaddr_block_contains(&block, &addr))
            return true;
    return ipaddr_classify(&block.base) == IPADDR_INTERNAL;
}

static void note_host(struct buf *notes, const struct sluice_endpoint *e)
{
    if (e->allow_uninspected_credentials)
        add(notes,
            "Endpoint '%s' explicitly allows credentials on traffic that sluice cannot inspect "
            "or rewrite.",
            e->host);
    if (*e->credential_provider || *e->credential_signing)
        add(notes,
            "Requests to '%s' are sent with credentials that the program itself does not have.",
            e->host);
    if (internal_address(e->host))
        add(notes, "Destination '%s' appears to be an internal/private address.", e->host);
    if (glob_has_wildcard(e->host))
        add(notes, "Host '%s' contains a wildcard — this may match unintended destinations.",
            e->host);
}

static void note_addresses(struct buf *notes, const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_allowed_ips; i++)
        if (internal_block(e->allowed_ips[i]))
            add(notes, "allowed_ips includes private/internal range '%s'.", e->allowed_ips[i]);
    if (e->n_allowed_ips && !*e->host)
        add(notes,
            "allowed_ips allowlist is hostless and may match any hostname resolving within the "
            "configured range.");
}

static void note_ports(struct buf *notes, const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_ports; i++) {
        uint16_t port = e->ports[i];
        if (port > EPHEMERAL_FROM)
            add(notes, "Port %u is in the ephemeral range — this may be a temporary service.",
                port);
        for (size_t j = 0; j < sizeof databases / sizeof *databases; j++)
            if (port == databases[j])
                add(notes, "Port %u is a well-known database/service port.", port);
    }
}

/* ---- all of it ---- */

const char *drafts_notes(const struct sluice_rule *rule, bool ssrf, struct arena *arena)
{
    struct buf notes = {0};
    if (ssrf)
        add(&notes, "%s", ssrf_note);
    for (size_t i = 0; i < rule->n_endpoints; i++) {
        note_host(&notes, rule->endpoints[i]);
        note_addresses(&notes, rule->endpoints[i]);
        note_ports(&notes, rule->endpoints[i]);
    }
    const char *text = arena_str(arena, buf_str(&notes));
    buf_free(&notes);
    return text;
}

bool drafts_notes_ssrf(const char *notes)
{
    return strstr(notes, ssrf_note) != NULL;
}
