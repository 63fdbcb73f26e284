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

struct finding;

/* Where a finding is, and what it says. */
struct words {
    char path[SLUICE_PATH_MAX + 1];
    char message[SLUICE_MESSAGE_MAX + 1];
};

/* An objection, put into words at the end: most votes find none. */
struct finding {
    const char *code;
    void (*tell)(const struct finding *finding, struct words *out);
    const struct sluice_endpoint *endpoint;
    const char *what;
    size_t i;
};

/* What one vote found: the first objection, and how many there are. */
struct findings {
    const struct sluice_host *host;
    size_t n;
    struct finding first;
};

static void add(struct findings *f, const struct finding *finding)
{
    if (f->n++ == 0)
        f->first = *finding;
}

__attribute__((format(printf, 2, 3)))
static void set_path(struct words *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out->path, sizeof out->path, format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3)))
static void set_message(struct words *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out->message, sizeof out->message, format, args);
    va_end(args);
}

/* ---- endpoints ---- */

/* A wildcard within the last two labels opens a whole top-level domain or more. */
static bool host_is_broad(const char *host)
{
    if (!strchr(host, '*'))
        return false;
    const char *dot = strchr(strrchr(host, '*'), '.');
    const char *next = dot ? strchr(dot + 1, '.') : NULL;
    return !next || !next[1];
}

static void tell_missing_host(const struct finding *finding, struct words *out)
{
    set_path(out, "%s.host", finding->endpoint->doc_path);
    set_message(out, "the endpoint names neither a host nor allowed_ips");
}

static void tell_blocked_host(const struct finding *finding, struct words *out)
{
    set_path(out, "%s.host", finding->endpoint->doc_path);
    set_message(out, "host %s is a loopback, link-local or metadata destination, which the proxy "
                "refuses whatever the policy says", finding->endpoint->host);
}

static void tell_broad_host(const struct finding *finding, struct words *out)
{
    set_path(out, "%s.host", finding->endpoint->doc_path);
    set_message(out, "host %s opens a whole top-level domain or more; keep at least two labels, "
                "such as *.example.com", finding->endpoint->host);
}

static void check_host(struct findings *f, const struct sluice_endpoint *e)
{
    if (!*e->host && e->n_allowed_ips == 0)
        add(f, &(struct finding){"TOO_BROAD", tell_missing_host, .endpoint = e});
    if (!*e->host)
        return;
    if (f->host->host_blocked(f->host, e->host))
        add(f, &(struct finding){"ALWAYS_BLOCKED", tell_blocked_host, .endpoint = e});
    if (host_is_broad(e->host))
        add(f, &(struct finding){"TOO_BROAD", tell_broad_host, .endpoint = e});
}

static void tell_blocked_ips(const struct finding *finding, struct words *out)
{
    set_path(out, "%s.allowed_ips[%zu]", finding->endpoint->doc_path, finding->i);
    set_message(out, "allowed_ips entry %s reaches loopback, link-local, unspecified or metadata "
                "addresses, which the proxy refuses whatever the policy says",
                finding->endpoint->allowed_ips[finding->i]);
}

static void check_allowed_ips(struct findings *f, const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_allowed_ips; i++)
        if (f->host->cidr_blocked(f->host, e->allowed_ips[i]))
            add(f, &(struct finding){"ALWAYS_BLOCKED", tell_blocked_ips, .endpoint = e, .i = i});
}

static void tell_unenforceable(const struct finding *finding, struct words *out)
{
    const struct sluice_endpoint *e = finding->endpoint;
    const char *field = finding->what;
    unsigned port = e->n_ports ? e->ports[0] : 0u;
    set_path(out, "%s.%s", e->doc_path, field);
    if (strcmp(field, "tls") == 0 && strcmp(e->tls, "skip") == 0)
        set_message(out,
                    "endpoint %s:%u: tls: skip hides the requests that protocol %s is about: leave "
                    "out one of the two", e->host, port, e->protocol);
    else
        set_message(out, "endpoint %s:%u: this runtime cannot enforce %s yet", e->host, port,
                    field);
}

static void check_enforceable(struct findings *f, const struct sluice_endpoint *e)
{
    const char *field = f->host->endpoint_unenforceable(f->host, e);
    if (field)
        add(f, &(struct finding){"NOT_ENFORCEABLE", tell_unenforceable, .endpoint = e,
                                 .what = field});
}

static void check_endpoint(struct findings *f, const struct sluice_endpoint *e)
{
    check_host(f, e);
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

static void tell_whole_filesystem(const struct finding *finding, struct words *out)
{
    set_path(out, "filesystem_policy.read_write[%zu]", finding->i);
    set_message(out, "read-write path %s gives write access to the whole filesystem",
                finding->what);
}

static void check_filesystem(struct findings *f, const struct sluice_filesystem *filesystem)
{
    for (size_t i = 0; i < filesystem->n_read_write; i++)
        if (is_root(filesystem->read_write[i]))
            add(f, &(struct finding){"TOO_BROAD", tell_whole_filesystem,
                                     .what = filesystem->read_write[i], .i = i});
}

static bool is_root_identity(const char *text)
{
    if (*text == '0')
        return text[strspn(text, "0")] == '\0';
    return (*text | 0x20) == 'r' && strcasecmp(text, "root") == 0;
}

static void tell_user(const struct finding *finding, struct words *out)
{
    set_path(out, "process.run_as_user");
    set_message(out, "run_as_user is %s: the workload must not run as root", finding->what);
}

static void tell_group(const struct finding *finding, struct words *out)
{
    set_path(out, "process.run_as_group");
    set_message(out, "run_as_group is %s: the workload must not run as root", finding->what);
}

static void check_identity(struct findings *f, const struct sluice_process *process)
{
    if (process->run_as_user && is_root_identity(process->run_as_user))
        add(f, &(struct finding){"ROOT_IDENTITY", tell_user, .what = process->run_as_user});
    if (process->run_as_group && is_root_identity(process->run_as_group))
        add(f, &(struct finding){"ROOT_IDENTITY", tell_group, .what = process->run_as_group});
}

/* Not inlined: its texts need room that other votes do without. */
__attribute__((noinline))
static enum sluice_verdict object(const struct findings *f, struct sluice_ballot *b)
{
    struct words words;
    f->first.tell(&f->first, &words);
    if (f->n == 1)
        return sluice_deny(b, f->first.code, words.path, "%s", words.message);
    return sluice_deny(b, f->first.code, words.path, "%s (and %zu more)", words.message,
                       f->n - 1);
}

static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b)
{
    const struct checker *checker = self;
    const struct sluice_policy *policy = t->candidate;
    struct findings f = {.host = checker->host};
    check_identity(&f, policy->process);
    check_filesystem(&f, policy->filesystem);
    for (size_t i = 0; i < policy->n_rules; i++)
        check_rule(&f, policy->rules[i]);
    return f.n ? object(&f, b) : sluice_allow(b);
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
