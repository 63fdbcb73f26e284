/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/listen.h"

#include <string.h>

#include "base/error.h"
#include "http/address.h"

static int decode_address(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct gateway_listener *l = record;
    return schema_text(d, value, &l->address);
}

static int refuse_tls(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    (void)record;
    return schema_problem(
        d, value,
        "TLS is not built yet: listen on a Unix socket or on 127.0.0.1, and leave tls out");
}

static const struct schema_field fields[] = {
    {"address", SCHEMA_TEXT, offsetof(struct gateway_listener, address), .flags = SCHEMA_REQUIRED,
     .help = "unix:PATH or tcp:HOST:PORT"},
    {"tls", SCHEMA_CUSTOM, .decode = refuse_tls, .help = "Not built yet"},
    {"insecure", SCHEMA_BOOL, offsetof(struct gateway_listener, insecure),
     .help = "Take tokens on a TCP address that is not loopback, without TLS"},
    {"trust_local_uids", SCHEMA_BOOL, offsetof(struct gateway_listener, trust_local_uids),
     .help = "TCP: know a process of this machine by its uid"},
    {0},
};
const struct schema listener_schema = {.name = "listener",
                                       .size = sizeof(struct gateway_listener),
                                       .fields = fields,
                                       .decode_short = decode_address};

static bool is_tcp(const char *address)
{
    return strncmp(address, "tcp:", 4) == 0;
}

bool listener_is_unix(const struct gateway_listener *l)
{
    return strncmp(l->address, "unix:", 5) == 0;
}

/* Removes ",word" from the end of the address.  False: it does not end so. */
static bool take_word(char *address, const char *word)
{
    char *comma = strrchr(address, ',');
    if (!comma || strcmp(comma + 1, word) != 0)
        return false;
    *comma = '\0';
    return true;
}

struct gateway_listener *listener_from_flag(const char *text, struct arena *arena)
{
    struct gateway_listener *l = arena_zalloc(arena, sizeof *l);
    char *address = arena_str(arena, text);
    bool more = is_tcp(address);                    /* a comma may be part of a path */
    while (more) {
        bool insecure = take_word(address, "insecure"),
             trust = take_word(address, "trust_local_uids");
        l->insecure |= insecure;
        l->trust_local_uids |= trust;
        more = insecure || trust;
    }
    l->address = address;
    return l;
}

static bool is_exposed(const struct gateway_listener *l)
{
    struct http_address address;
    return is_tcp(l->address) && http_address_parse(l->address, &address, NULL) == 0 &&
           !http_address_loopback((const struct sockaddr *)&address.ip);
}

void listener_check(const struct gateway_listener *l, bool from_flag, const char *path,
                    struct arena *arena, struct problems *problems)
{
    struct http_address address;
    struct error why;
    const char *example = arena_printf(arena, "{address: \"%s\", insecure: true}", l->address);
    if (http_address_parse(l->address, &address, &why) != 0)
        problems_add(problems, path, 0, 0, "%s", why.text);
    else if (address.kind == HTTP_TCP && !address.resolved)
        problems_add(problems, path, 0, 0, "%s names a host: listen on an IP address", l->address);
    else if (address.kind == HTTP_UNIX && (l->insecure || l->trust_local_uids))
        problems_add(problems, path, 0, 0,
                     "insecure and trust_local_uids are for tcp addresses: leave them out for %s",
                     l->address);
    else if (is_exposed(l) && !l->insecure && !from_flag)
        problems_add(problems, path, 0, 0,
                     "other machines can reach %s, and tokens cross it in clear text, as TLS is "
                     "not built yet: "
                     "listen on a Unix socket or on 127.0.0.1, or write %s",
                     l->address, example);
}

unsigned listener_flags(const struct gateway_listener *l)
{
    return (l->trust_local_uids ? HTTP_TRUST_LOCAL_UIDS : 0) |
           (is_exposed(l) && !l->insecure ? HTTP_NO_SECRETS : 0);
}

void listener_warn(const struct gateway_listener *l, const struct log *log)
{
    if (is_exposed(l) && l->insecure)
        log_warn(log,
                 "other machines can reach %s, which is insecure: whoever can read the traffic can "
                 "read the tokens in it",
                 l->address);
    else if (is_exposed(l))
        log_warn(log,
                 "other machines can reach %s, which is not encrypted: only /healthz, /readyz, "
                 "/openapi.json and /metrics are "
                 "answered there, and no token is taken; to take tokens in clear text: --listen "
                 "%s,insecure",
                 l->address, l->address);
}
