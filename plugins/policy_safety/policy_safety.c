/* SPDX-License-Identifier: Apache-2.0 */
/* Is the candidate safe, and will the runtime do what it says?
 *
 * Looks at the candidate alone, so that every kind of update gets the same answer and nothing
 * slips in with the policy a sandbox is created with. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sluice/plugin.h>

#include "enforceable.h"

enum { HOST_SIZE = 256, CIDR_SIZE = 64 };

static const struct sluice_code codes[] = {
    {"ALWAYS_BLOCKED", "A destination that the proxy refuses whatever the policy says: loopback, link-local, metadata."},
    {"TOO_BROAD", "Write access to everything, or a host pattern that opens a whole top-level domain."},
    {"ROOT_IDENTITY", "The workload would run as root."},
    {"NOT_ENFORCEABLE", "A field that this runtime cannot enforce yet; accepting it would promise what is not kept."},
    {NULL, NULL},
};

/* Loopback, link-local, unspecified, metadata; then what IPv6 can embed of them: mapped, compatible,
 * NAT64, 6to4. */
static const char *const blocked_nets[] = {
    "127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8",
    "::1/128", "::/128", "fe80::/10", "fd00:ec2::254/128",
    "::ffff:127.0.0.0/104", "::ffff:169.254.0.0/112", "::ffff:0.0.0.0/104",
    "::127.0.0.0/104", "::169.254.0.0/112",
    "64:ff9b::127.0.0.0/104", "64:ff9b::169.254.0.0/112", "64:ff9b::/104",
    "2002:7f00::/24", "2002:a9fe::/32", "2002::/24",
    NULL,
};

static const char *const blocked_names[] = {
    "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback",
    "metadata.google.internal", "metadata.goog", NULL,
};

struct checker {
    const struct sluice_host *host;                 /* of init; the rest is of one vote */
};

/* What one vote found: the first objection in full, the others by number. */
struct findings {
    const struct sluice_host *host;
    size_t n;
    const char *code;
    char path[SLUICE_PATH_MAX + 1];
    char message[SLUICE_MESSAGE_MAX + 1];
};

static bool is_first(struct findings *f, const char *code)
{
    if (f->n++ > 0)
        return false;
    f->code = code;
    return true;
}

__attribute__((format(printf, 2, 3)))
static void set_path(struct findings *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(f->path, sizeof f->path, format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3)))
static void set_message(struct findings *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(f->message, sizeof f->message, format, args);
    va_end(args);
}

static bool cidr_overlaps(const struct sluice_host *host, const char *cidr, const char *other)
{
    char base[CIDR_SIZE];
    snprintf(base, sizeof base, "%.*s", (int)strcspn(other, "/"), other);
    return host->cidr_contains(host, cidr, base);
}

/* An address or a block that has an address in common with a blocked one. */
static bool net_is_blocked(const struct sluice_host *host, const char *net)
{
    for (const char *const *row = blocked_nets; *row; row++)
        if (cidr_overlaps(host, *row, net) || cidr_overlaps(host, net, *row))
            return true;
    return false;
}

/* Lower case, in ASCII, without brackets and the dot of the DNS root. */
static void plain_host(const char *host, char out[HOST_SIZE])
{
    size_t len = strlen(host);
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    while (len > 1 && host[len - 1] == '.')
        len--;
    if (len >= HOST_SIZE)
        len = HOST_SIZE - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] | 0x20) : host[i];
    out[len] = '\0';
}

static bool name_is_blocked(const char *name)
{
    static const char suffix[] = ".localhost";
    size_t len = strlen(name), tail = sizeof suffix - 1;
    if (len > tail && strcmp(name + len - tail, suffix) == 0)
        return true;
    for (const char *const *row = blocked_names; *row; row++)
        if (strcmp(name, *row) == 0)
            return true;
    return false;
}

/* A wildcard within the last two labels opens a whole top-level domain or more. */
static bool host_is_broad(const char *name)
{
    const char *dot = strchr(name, '.');
    return strchr(name, '*') && (!dot || !strchr(dot + 1, '.'));
}

/* Trying each name against each block would cost far more than the rest of the vote. */
static bool may_be_address(const char *name)
{
    char last = name[strlen(name) - 1];
    return (last >= '0' && last <= '9') || strchr(name, ':');
}

static void check_blocked_host(struct findings *f, const struct sluice_endpoint *e, const char *name)
{
    bool blocked = name_is_blocked(name) || (may_be_address(name) && net_is_blocked(f->host, name));
    if (!blocked || !is_first(f, "ALWAYS_BLOCKED"))
        return;
    set_path(f, "%s.host", e->doc_path);
    set_message(f, "host %s is a loopback, link-local or metadata destination, which the proxy "
                "refuses whatever the policy says", e->host);
}

static void check_broad_host(struct findings *f, const struct sluice_endpoint *e, const char *name)
{
    if (!host_is_broad(name) || !is_first(f, "TOO_BROAD"))
        return;
    set_path(f, "%s.host", e->doc_path);
    set_message(f, "host %s opens a whole top-level domain or more; keep at least two labels, such "
                "as *.example.com", e->host);
}

static void check_host(struct findings *f, const struct sluice_endpoint *e)
{
    char name[HOST_SIZE];
    plain_host(e->host, name);
    if (*name) {
        check_blocked_host(f, e, name);
        check_broad_host(f, e, name);
    } else if (e->n_allowed_ips == 0 && is_first(f, "TOO_BROAD")) {
        set_path(f, "%s.host", e->doc_path);
        set_message(f, "the endpoint names neither a host nor allowed_ips");
    }
}

static void check_allowed_ips(struct findings *f, const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_allowed_ips; i++) {
        if (!net_is_blocked(f->host, e->allowed_ips[i]) || !is_first(f, "ALWAYS_BLOCKED"))
            continue;
        set_path(f, "%s.allowed_ips[%zu]", e->doc_path, i);
        set_message(f, "allowed_ips entry %s reaches loopback, link-local, unspecified or metadata "
                    "addresses, which the proxy refuses whatever the policy says",
                    e->allowed_ips[i]);
    }
}

static void check_enforceable(struct findings *f, const struct sluice_endpoint *e)
{
    const char *field = unenforceable_field(e);
    if (!field || !is_first(f, "NOT_ENFORCEABLE"))
        return;
    set_path(f, "%s.%s", e->doc_path, field);
    set_message(f, "endpoint %s:%u: this runtime cannot enforce %s yet", e->host,
                e->n_ports ? e->ports[0] : 0u, field);
}

static void check_rules(struct findings *f, const struct sluice_policy *policy)
{
    for (size_t i = 0; i < policy->n_rules; i++) {
        for (size_t j = 0; j < policy->rules[i]->n_endpoints; j++) {
            const struct sluice_endpoint *e = policy->rules[i]->endpoints[j];
            check_host(f, e);
            check_allowed_ips(f, e);
            check_enforceable(f, e);
        }
    }
}

static void check_middlewares(struct findings *f, const struct sluice_policy *policy)
{
    for (size_t i = 0; i < policy->n_middlewares; i++) {
        const struct sluice_middleware *m = policy->middlewares[i];
        if (!is_first(f, "NOT_ENFORCEABLE"))
            continue;
        set_path(f, "%s", m->doc_path);
        set_message(f, "middleware %s: this runtime cannot run middlewares yet", m->name);
    }
}

/* Whether a path means "/" once ".", ".." and doubled slashes are resolved. */
static bool is_root(const char *path)
{
    size_t depth = 0;
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len == 2 && memcmp(path, "..", 2) == 0)
            depth -= depth > 0;
        else if (len > 0 && !(len == 1 && *path == '.'))
            depth++;
        path += len + (path[len] == '/');
    }
    return depth == 0;
}

static void check_filesystem(struct findings *f, const struct sluice_filesystem *filesystem)
{
    for (size_t i = 0; i < filesystem->n_read_write; i++) {
        if (!is_root(filesystem->read_write[i]) || !is_first(f, "TOO_BROAD"))
            continue;
        set_path(f, "filesystem_policy.read_write[%zu]", i);
        set_message(f, "read-write path %s gives write access to the whole filesystem",
                    filesystem->read_write[i]);
    }
}

static bool is_root_identity(const char *text)
{
    return strcasecmp(text, "root") == 0 || (*text && text[strspn(text, "0")] == '\0');
}

static void check_identity(struct findings *f, const char *field, const char *text)
{
    if (!text || !is_root_identity(text) || !is_first(f, "ROOT_IDENTITY"))
        return;
    set_path(f, "process.%s", field);
    set_message(f, "%s is %s: the workload must not run as root", field, text);
}

static enum sluice_verdict cast(const struct findings *f, struct sluice_ballot *b)
{
    if (f->n == 0)
        return sluice_allow(b);
    if (f->n == 1)
        return sluice_deny(b, f->code, f->path, "%s", f->message);
    return sluice_deny(b, f->code, f->path, "%s (and %zu more)", f->message, f->n - 1);
}

static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b)
{
    const struct checker *checker = self;
    const struct sluice_policy *policy = t->candidate;
    struct findings f;
    f.host = checker->host;
    f.n = 0;
    check_identity(&f, "run_as_user", policy->process->run_as_user);
    check_identity(&f, "run_as_group", policy->process->run_as_group);
    check_filesystem(&f, policy->filesystem);
    check_rules(&f, policy);
    check_middlewares(&f, policy);
    return cast(&f, b);
}

static int init(const struct sluice_host *host, const struct sluice_options *options, void **self)
{
    (void)options;
    struct checker *checker = malloc(sizeof *checker);
    if (!checker)
        return -1;
    checker->host = host;
    *self = checker;
    return 0;
}

SLUICE_PLUGIN(.name = "policy_safety", .version = "1.0.0",
              .summary = "Refuses what is unsafe by itself and what the runtime cannot enforce.",
              .codes = codes, .flags = SLUICE_REENTRANT, .init = init, .vote = vote, .fini = free);
