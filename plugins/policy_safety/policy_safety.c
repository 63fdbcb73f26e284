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

static const struct sluice_code codes[] = {
    {"ALWAYS_BLOCKED", "A destination that the proxy refuses whatever the policy says: loopback, "
     "link-local, metadata."},
    {"TOO_BROAD", "Write access to everything, or a host pattern that opens a whole top-level "
     "domain."},
    {"ROOT_IDENTITY", "The workload would run as root."},
    {"NOT_ENFORCEABLE", "A field that this runtime cannot enforce yet; accepting it would promise "
     "what is not kept."},
    {NULL, NULL},
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

/* A wildcard within the last two labels opens a whole top-level domain or more. */
static bool host_is_broad(const char *host)
{
    if (!strchr(host, '*'))
        return false;
    const char *dot = strchr(strrchr(host, '*'), '.');
    const char *next = dot ? strchr(dot + 1, '.') : NULL;
    return !next || !next[1];
}

static void check_missing_host(struct findings *f, const struct sluice_endpoint *e)
{
    if (e->n_allowed_ips > 0 || !is_first(f, "TOO_BROAD"))
        return;
    set_path(f, "%s.host", e->doc_path);
    set_message(f, "the endpoint names neither a host nor allowed_ips");
}

static void check_host(struct findings *f, const struct sluice_endpoint *e)
{
    if (f->host->host_blocked(f->host, e->host) && is_first(f, "ALWAYS_BLOCKED")) {
        set_path(f, "%s.host", e->doc_path);
        set_message(f, "host %s is a loopback, link-local or metadata destination, which the proxy "
                    "refuses whatever the policy says", e->host);
    }
    if (host_is_broad(e->host) && is_first(f, "TOO_BROAD")) {
        set_path(f, "%s.host", e->doc_path);
        set_message(f, "host %s opens a whole top-level domain or more; keep at least two labels, "
                    "such as *.example.com", e->host);
    }
}

static void check_allowed_ips(struct findings *f, const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_allowed_ips; i++) {
        if (!f->host->cidr_blocked(f->host, e->allowed_ips[i])
            || !is_first(f, "ALWAYS_BLOCKED"))
            continue;
        set_path(f, "%s.allowed_ips[%zu]", e->doc_path, i);
        set_message(f, "allowed_ips entry %s reaches loopback, link-local, unspecified or metadata "
                    "addresses, which the proxy refuses whatever the policy says",
                    e->allowed_ips[i]);
    }
}

static void check_enforceable(struct findings *f, const struct sluice_endpoint *e)
{
    const char *field = f->host->endpoint_unenforceable(f->host, e);
    if (!field || !is_first(f, "NOT_ENFORCEABLE"))
        return;
    set_path(f, "%s.%s", e->doc_path, field);
    if (strcmp(field, "tls") == 0 && strcmp(e->tls, "skip") == 0)
        set_message(f,
                    "endpoint %s:%u: tls: skip hides the requests that protocol %s is about: leave "
                    "out one of the two",
                    e->host, e->n_ports ? e->ports[0] : 0u, e->protocol);
    else
        set_message(f, "endpoint %s:%u: this runtime cannot enforce %s yet", e->host,
                    e->n_ports ? e->ports[0] : 0u, field);
}

static void check_endpoint(struct findings *f, const struct sluice_endpoint *e)
{
    if (*e->host)
        check_host(f, e);
    else
        check_missing_host(f, e);
    check_allowed_ips(f, e);
    check_enforceable(f, e);
}

static void check_rule(struct findings *f, const struct sluice_rule *rule)
{
    for (size_t i = 0; i < rule->n_endpoints; i++)
        check_endpoint(f, rule->endpoints[i]);
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
    return strcasecmp(text, "root") == 0 || (*text == '0' && text[strspn(text, "0")] == '\0');
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
    for (size_t i = 0; i < policy->n_rules; i++)
        check_rule(&f, policy->rules[i]);
    return cast(&f, b);
}

static int init(const struct sluice_host *host, const struct sluice_options *options, void **self)
{
    (void)options;
    if (!SLUICE_HAS(host, endpoint_unenforceable)) {
        host->log(host,
                  "this gateway is too old: it does not say what can never be reached or enforced");
        return -1;
    }
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
