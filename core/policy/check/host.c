/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and addresses: what can be none, what could never be reached, and what opens too much. */
#include <ctype.h>
#include <string.h>

#include "base/ipaddr.h"
#include "policy/check/check_parts.h"

enum { WIDE_PREFIX = 16 };

/* Text that cannot be any part of a host, and what its author may have meant. */
static const char *odd_text(const char *host)
{
    if (!*host)
        return "host pattern must not be empty";
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p > 0x7e)
            return "host pattern must be ASCII; write an international name in its xn-- form";
    if (strpbrk(host, " \t\r\n"))
        return "host pattern must not contain whitespace";
    if (strpbrk(host, "{}"))
        return "host pattern must not contain brace alternates; list each host pattern separately";
    if (strchr(host, '/'))
        return "host pattern must be a name alone, without scheme, path or prefix length";
    if (strchr(host, '%'))
        return "host pattern must not contain a zone identifier or percent-encoding";
    if (strchr(host, ':') && !strchr(host, '['))
        return "host pattern must not contain a port; write it in the field port";
    return NULL;
}

static bool is_label_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '*';
}

/* One label of a wildcard pattern. */
static const char *odd_label(struct check *c, const char *pattern, const char *label, size_t len)
{
    bool recursive = len == 2 && memcmp(label, "**", 2) == 0;
    if (len == 0)
        return "host pattern must not contain empty DNS labels";
    if (len > 63)
        return "invalid host pattern: a DNS label has at most 63 bytes";
    for (size_t i = 0; i < len; i++)
        if (!is_label_char(label[i]))
            return arena_printf(c->arena, "invalid host pattern: unexpected character '%c'",
                                label[i]);
    if (memmem(label, len, "**", 2) && (!recursive || label != pattern))
        return arena_printf(c->arena, "recursive host wildcard '**' is only allowed as the entire "
                            "first DNS label, got '%s'", check_shown(c, pattern));
    if (label != pattern && memchr(label, '*', len) && len > 1)
        return arena_printf(c->arena, "middle DNS label wildcard must be the entire label '*', got "
                            "'%s'", check_shown(c, pattern));
    return NULL;
}

/* Without the dot of the DNS root. */
static size_t name_length(const char *pattern)
{
    size_t len = strlen(pattern);
    return len > 1 && pattern[len - 1] == '.' ? len - 1 : len;
}

/* The two last labels must be written out: no name is registered above them. */
static bool opens_domain(const char *pattern, size_t len)
{
    size_t dots = 0, at = len;
    while (at > 0 && (pattern[at - 1] != '.' || ++dots < 2))
        at--;
    return memchr(pattern + at, '*', len - at) != NULL;
}

static const char *odd_wildcard(struct check *c, const char *pattern)
{
    size_t len = name_length(pattern), label = 0;
    if (strspn(pattern, "*") == strlen(pattern))
        return arena_printf(c->arena, "host wildcard '%s' matches all hosts; use specific patterns "
                            "like '*.example.com'", check_shown(c, pattern));
    for (size_t at = 0; at <= len; at++) {
        if (at < len && pattern[at] != '.')
            continue;
        const char *odd = odd_label(c, pattern, pattern + label, at - label);
        if (odd)
            return odd;
        label = at + 1;
    }
    if (len >= IPADDR_HOST_SIZE)
        return "invalid host pattern: a host name has at most 253 bytes";
    if (opens_domain(pattern, len))
        return arena_printf(c->arena, "TLD wildcard '%s' is not allowed; use subdomain wildcards "
                            "like '*.example.com' instead", check_shown(c, pattern));
    return NULL;
}

static const char *odd_name(struct check *c, const char *host)
{
    char canonical[IPADDR_HOST_SIZE];
    if (ipaddr_canonical_host(host, strlen(host), canonical) == 0)
        return NULL;
    if (strstr(host, ".."))
        return "host pattern must not contain empty DNS labels";
    if (strspn(host, "0123456789abcdefABCDEFxX.") == strlen(host) && strpbrk(host, "0123456789"))
        return arena_printf(c->arena,
                            "host '%s' is a number that resolvers may take for an address; "
                            "write addresses in full, such as 192.0.2.1",
                            check_shown(c, host));
    return arena_printf(c->arena, "invalid host pattern: '%s' is neither a DNS name nor an address",
                        check_shown(c, host));
}

const char *check_host_pattern(struct check *c, const char *pattern)
{
    struct ipaddr addr;
    bool is_literal = strchr(pattern, ':') && ipaddr_parse(pattern, &addr) == 0;
    const char *odd = is_literal ? NULL : odd_text(pattern);
    if (odd)
        return odd;
    return strchr(pattern, '*') ? odd_wildcard(c, pattern) : odd_name(c, pattern);
}

static void check_blank(struct check *c, const struct sluice_endpoint *e)
{
    if (check_is(e->protocol, "tcp"))
        check_problem(c, e->doc_path, "host", "protocol tcp requires a DNS hostname; hostless "
                      "allowed_ips endpoints are supported only by the forward proxy");
    else if (check_is(e->protocol, "mcp"))
        check_problem(c, e->doc_path, "host",
                      "protocol mcp requires host; protocol alone is not a wildcard endpoint");
    else if (e->n_allowed_ips == 0)
        check_problem(c, e->doc_path, "host", "endpoint host must not be empty unless allowed_ips "
                      "constrains a non-TCP proxy endpoint");
}

static void check_reachable(struct check *c, const struct sluice_endpoint *e, const char *host)
{
    struct ipaddr addr;
    bool literal = ipaddr_parse(host, &addr) == 0;
    if (literal && check_is(e->protocol, "tcp"))
        check_problem(c, e->doc_path, "host", "protocol tcp endpoint '%s' must use a DNS hostname, "
                      "not an IP literal; direct IP connections bypass policy DNS and are blocked",
                      e->host);
    if (literal ? ipaddr_classify(&addr) != IPADDR_BLOCKED : !ipaddr_host_blocked(host))
        return;
    check_problem(c, e->doc_path, "host",
                  "endpoint host '%s' is always blocked (%s); the proxy will "
                  "deny traffic to this destination regardless of policy",
                  e->host,
                  literal ? "a loopback, link-local, unspecified or metadata address"
                          : "a name of loopback or of cloud metadata");
}

/* Lower case and without the dot of the root; wildcards stay. */
static char *folded(struct check *c, const char *pattern)
{
    char *copy = arena_strn(c->arena, pattern, name_length(pattern));
    for (char *p = copy; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return copy;
}

void check_host(struct check *c, const struct sluice_endpoint *e)
{
    char canonical[IPADDR_HOST_SIZE];
    if (!*e->host) {
        check_blank(c, e);
        return;
    }
    const char *odd = check_host_pattern(c, e->host);
    if (odd)
        check_problem(c, e->doc_path, "host", "%s", odd);
    else if (ipaddr_canonical_host(e->host, strlen(e->host), canonical) == 0)
        check_reachable(c, e, canonical);
    else
        check_reachable(c, e, folded(c, e->host));
}

void check_allowed_ips(struct check *c, const struct sluice_endpoint *e)
{
    if (e->public_only && e->n_allowed_ips)
        check_problem(c, e->doc_path, "public_only",
                      "cannot be combined with allowed_ips, which says "
                      "itself where the host may resolve to; remove one of the two");
    for (size_t i = 0; i < e->n_allowed_ips; i++) {
        struct ipaddr_block block;
        const char *field = check_item(c, "allowed_ips", i),
                   *shown = check_shown(c, e->allowed_ips[i]);
        if (ipaddr_block_parse(e->allowed_ips[i], &block) != 0)
            check_problem(c, e->doc_path, field, "invalid CIDR/IP in allowed_ips: %s", shown);
        else if (ipaddr_block_overlaps_blocked(&block))
            check_problem(c, e->doc_path, field, "allowed_ips entry %s falls within always-blocked "
                          "range (loopback/link-local/unspecified); remove this entry: traffic to "
                          "these destinations is refused regardless of policy", shown);
        else if (block.prefix < WIDE_PREFIX)
            check_warning(c, e->doc_path, field, "allowed_ips entry %s is wide: a prefix shorter "
                          "than /%d opens many addresses at once", shown, WIDE_PREFIX);
    }
}
