/* SPDX-License-Identifier: Apache-2.0 */
/* The egress proxy: the only way out of a sandbox.
 *
 * It listens inside the sandbox's network namespace, through a socket made there, and dials from
 * the namespace of its own process.  One port serves CONNECT and absolute-form HTTP.  Each tunnel
 * and each forwarded request is decided on its own, in this order: target made canonical, policy
 * asked for the program that opened the connection (caller/callers.h), name resolved once, every
 * address checked, the checked addresses raced.  Whatever is not carried out is answered with a
 * JSON reason.
 *
 * Ownership: the proxy takes listen_fd and connects_fd (it closes them) and a reference to each
 * policy; log and ctx are borrowed until on_closed; pins are copied.  What a callback is given
 * lives until it returns. Threads: the loop's thread only.  Callbacks come from the loop, or from
 * egress_set_policy for what that call itself closes; they must not call egress_close or
 * egress_set_policy.
 *
 * What a binary is worth: it is told by the path of the program that holds the client's socket when
 * the request is decided, and of the programs that started it.  That keeps programs apart which do
 * not deceive.  Whoever can start an allowed program can also speak through it (LD_PRELOAD, a
 * script for an allowed interpreter, its options and files), and a holder is not seen while its
 * descriptor is in a message under way between two unix sockets or in a system call that outlives
 * it.  What holds against hostile code is what all rules of the sandbox allow together. */
#ifndef EGRESS_PROXY_H
#define EGRESS_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/log.h"
#include "egress/local/agent.h"
#include "policy/grant.h"
#include "policy/policy.h"
#include "store/words.h"

struct error;
struct ipaddr;
struct egress_authority;
struct egress_names;
struct egress_proxy;
struct egress_trust;
struct inference_route;
struct inspectors;
struct secret_credentials;
struct sluice_sandbox;

/* A name with the addresses it has, asked before DNS; the addresses are checked like any answer of
 * the resolver. */
struct egress_pin {
    const char *host;                               /* a DNS name, in any case */
    const char *const *addresses;                   /* IP literals, at least one */
    size_t n_addresses;
};

/* The stage of a denial that is a finding and nothing to make a rule of. */
#define EGRESS_STAGE_FINDING "finding"

struct egress_denial {
    const char *host;                               /* canonical */
    uint16_t port;
    const char *binary;                             /* "" when the caller could not be identified */
    const char *const *ancestors;                   /* paths, nearest first */
    size_t n_ancestors;
    const char *reason;
    const char *const *links; /* paths of the policy that lead to the caller or
                               * an ancestor (links.h) */
    size_t n_links;
    const char *hint; /* on the policy's paths (links.h); "": nothing */
    const char *stage; /* "connect", "forward", "transparent-tcp", "ssrf", or "connect-l7-deny"
                        * or "forward-l7-deny", or EGRESS_STAGE_FINDING */
    const char *finding;                            /* its type; NULL at any other stage */
    const char *method, *path; /* of a request that rules refused, canonical; else NULL */
    const char *operation, *field, *rpc_method, *tool; /* of the call in its body; NULL: none */
    const char *vote; /* the vote that holds the request, VOTER:CODE; NULL: the policy refuses it */
    int64_t at_ms;                                  /* since 1970 */
    const struct ipaddr *addresses;                 /* of host; none: not known */
    size_t n_addresses;
    unsigned waiting; /* requests that wait for the same decision now */
};

/* Refused requests that wait for the same decision.  Texts that do not apply are NULL or "". */
struct egress_waiting {
    const char *host;                               /* canonical */
    uint16_t port;
    const char *binary;
    const char *method, *path;                      /* of requests that rules refused */
    const char *operation, *field, *rpc_method, *tool; /* of the call in their bodies */
    const char *vote;                               /* of a voter that holds them, VOTER:CODE */
    unsigned waiting;                               /* how many */
};

/* A person approved requests that a voter holds.  Texts are compared as they are. */
struct egress_approval {
    struct egress_waiting what;                     /* without the number */
    struct policy_grant grant;                      /* its chunk, and how it ends */
    bool ends;                                      /* false: it stays */
};

/* A connection, a request on it, or a call in its body, that is let through. */
struct egress_passed {
    const char *host;                               /* canonical */
    uint16_t port;
    const char *binary, *rule;                      /* rule: the key of what decided */
    const char *reason; /* on_audited: why rules refuse it; on_passed: why no rule can say it, "" */
    const char *method, *path;                      /* canonical; path "": the connection */
    const char *operation, *field, *rpc_method, *tool; /* of the call; NULL: none */
};

/* A line of the decision log, such as "NET:OPEN [INFO] ALLOWED /usr/bin/curl(58) ->
 * api.github.com:443 [policy:github_api engine:l4]", and what it is about. */
struct egress_line {
    enum log_kind kind;
    const char *text;                               /* one line, of bounded length */
    bool outcome; /* it tells of a request's verdict; false: of what came later */
    enum store_traffic_class verdict;
    const char *host;                               /* canonical */
    uint16_t port;
    const char *binary;                             /* "" when the caller could not be identified */
    const char *rule;                               /* the key of the rule that permits it, or "" */
    const char *reason;                             /* "" where there is none */
};

enum { EGRESS_FORECAST_MS = 250 };                  /* an answer waits no longer for it */

/* What the voters would say of a change. */
struct egress_forecast {
    const char *word;                               /* "allowed", "denied" or "held"; NULL: not
                                                     * known */
    bool later; /* egress_set_forecast tells it */
};

/* What bounds a client.  0: the default. */
struct egress_limits {
    unsigned max_connections;                       /* 256; one more is answered 503 */
    unsigned head_ms;                               /* 10000; a head that takes longer: 408 */
    unsigned voted_body_ms; /* 30000; what voters look at of a body takes longer: 408 */
    unsigned idle_ms;                               /* 60000; between two requests, then closed */
    unsigned resolve_ms;                            /* 10000; a name that takes longer: 504 */
    unsigned max_lookups; /* 128 by DNS at a time; one more is answered 503 */
    unsigned dial_ms;                               /* 5000, for all addresses of a request */
    unsigned secure_ms; /* 10000; TLS with an origin that takes longer: 504 */
    unsigned message_idle_ms; /* 30000; a part of a WebSocket text message that takes longer */
    unsigned message_ms;                            /* 120000, for the whole of it */
    unsigned blocked_ms; /* 120000 for a server to take WebSocket messages */
    unsigned max_held; /* 2048 requests wait for a decision; one more is refused at once */
    size_t held_bytes; /* 16777216 of what they brought; one program has half of both at most */
    unsigned cures_us; /* 200000 of each second for the cures of refusals; further ones have none */
};

/* With what TLS is inspected; borrowed until on_closed. */
struct egress_inspection {
    struct egress_authority *authority; /* NULL: TLS is not inspected, and refused where it
                                         * has to be */
    struct egress_trust *trust;                     /* with an authority */
    bool when_needed;                               /* only where rules are about requests */
};

/* What may change while the proxy runs. */
struct egress_settings {
    uint64_t hold_ms;     /* how long a refused request waits for a decision; 0: not at all */
    bool agent_proposals; /* policy.local serves the sandbox's programs */
    bool resolve_denied;  /* names of refused requests are looked up for on_denial */
};

/* A rule of the policy that is open for a number of uses, or to the process tree of one process. */
struct egress_grant {
    const char *rule;                               /* its key */
    int64_t uses_left;                              /* -1: they are not counted */
    pid_t pid;                                      /* as the host sees it; 0: to every process */
    int64_t pid_since_ms; /* from then on, by CLOCK_BOOTTIME, the number was its own */
};

struct egress_config {
    int listen_fd;                                  /* bound TCP socket, listening or not yet */
    int transparent_fd;         /* the same, for programs that know no proxy: their
                                 * connects to outside are redirected there; 0: none */
    struct egress_names *names; /* with transparent_fd: what synthetic addresses stand for */
    int connects_fd;            /* of a seccomp filter that suspends each connect of
                                 * the workload; the proxy's from here on */
    pid_t init_pid;                                 /* the sandbox's PID 1, as the host sees it; it
                                                     * and nobody but its descendants are callers */
    struct policy *policy;                          /* in force from the start; never NULL */
    const struct egress_grant *grants;              /* copied */
    size_t n_grants;
    const struct sluice_sandbox *sandbox;           /* as voters see it; borrowed until on_closed */
    const struct egress_pin *pins;
    size_t n_pins;
    struct egress_settings settings;
    struct egress_limits limits;
    struct egress_inspection inspection;
    const struct log *log;
    /* Every refused decision, but no malformed request or unreachable host.  NULL: not wanted. */
    void (*on_denial)(void *ctx, const struct egress_denial *denial);
    /* The number of requests that wait for a decision changes.  NULL: not wanted. */
    void (*on_waiting)(void *ctx, const struct egress_waiting *waiting);
    /* Every request and call that rules refuse and that passes all the same.  NULL: not wanted. */
    void (*on_audited)(void *ctx, const struct egress_passed *audited);
    /* Everything that is permitted (passed.h).  NULL: not wanted. */
    void (*on_passed)(void *ctx, const struct egress_passed *passed);
    /* Every line of the decision log.  NULL: not wanted. */
    void (*on_line)(void *ctx, const struct egress_line *line);
    /* Of {"operations": [...]}, the cure of a refusal.  NULL: nobody knows. */
    struct egress_forecast (*forecast)(void *ctx, uint64_t id, const char *operations);
    /* What agents ask at policy.local; egress_local_proposed and egress_local_chunk answer it.
     * False: the gateway cannot be asked now.  NULL: never. */
    bool (*propose)(void *ctx, const struct agent_proposal *proposal);
    bool (*look_up)(void *ctx, const struct agent_query *query);
    /* A use of the grant of this rule was let through.  NULL: not wanted. */
    void (*on_use)(void *ctx, const char *rule);
    /* An approval of held requests was used, so many times so far.  NULL: not wanted. */
    void (*on_approval_used)(void *ctx, const char *chunk, int64_t used, bool ended);
    void *ctx;
};

struct egress_stats {
    uint64_t allowed, denied;                       /* decisions so far */
    unsigned open;                                  /* client connections now */
};

/* NULL with err when a pin is malformed, the socket cannot be listened on or its connects
 * cannot be watched; both descriptors are closed then, too. */
struct egress_proxy *egress_new(uv_loop_t *loop, const struct egress_config *config,
                                struct error *err);

/* The decision is no: what waits for it is refused.  host "": whatever waits. */
void egress_reject(struct egress_proxy *proxy, const struct egress_waiting *what);

/* The next decision uses the policy.  What is under way is judged again at once, by the same
 * target and caller: what is still allowed lives on, a CONNECT being set up or a request without
 * an answer yet gets 403 "policy changed", and the rest is closed.  Refused requests that wait for
 * a decision are judged anew, within the next turns of the loop. */
void egress_set_policy(struct egress_proxy *proxy, struct policy *policy);
/* The same with rules that are not open to everybody.  Of a grant that is there already the number
 * of uses never grows.  Where the last use was let through and the policy does not have the rule
 * any more, what was let through goes on, and nothing else. */
void egress_set_granted(struct egress_proxy *proxy, struct policy *policy,
                        const struct egress_grant *grants, size_t n);

/* The next request uses them, and how long requests wait holds for those that do, too. */
void egress_set_settings(struct egress_proxy *proxy, const struct egress_settings *settings);

/* The next request uses these credentials, which are borrowed until others take their place.  NULL:
 * none. */
void egress_set_credentials(struct egress_proxy *proxy,
                            const struct secret_credentials *credentials);

/* These approvals, and no others, let requests pass that voters hold; copied.  What waits for a
 * voter is judged anew.  Of an approval that is there already the number of uses never falls. */
void egress_set_approvals(struct egress_proxy *proxy, const struct egress_approval *items,
                          size_t n);

/* The next request is judged by this set of voters, of which a reference is taken; what is under
 * way is judged by the set that it began with.  NULL: by none; with a reason in why no request
 * passes. */
void egress_set_inspectors(struct egress_proxy *proxy, struct inspectors *set, const char *why);

/* The next call of inference.local goes by these routes, which are copied; what is under way by
 * others ends. */
void egress_set_inference(struct egress_proxy *proxy, const struct inference_route *routes,
                          size_t n);

/* The answer to a refused request goes without a forecast where this comes too late.  Not from
 * within a callback. */
void egress_set_forecast(struct egress_proxy *proxy, uint64_t id, const char *word);

/* Answers of the gateway to what agents ask.  None of these from within a callback. */
void egress_local_proposed(struct egress_proxy *proxy, const struct agent_proposed *answer);
void egress_local_chunk(struct egress_proxy *proxy, const struct agent_chunk *chunk);
/* Something has happened to a chunk ("": to any): whoever waits for it looks it up again. */
void egress_local_changed(struct egress_proxy *proxy, const char *chunk);
/* The policy in force is that of this revision. */
void egress_local_loaded(struct egress_proxy *proxy, uint64_t revision);
/* The gateway is there again, which has forgotten what it was asked. */
void egress_local_reconnected(struct egress_proxy *proxy);

void egress_stats(const struct egress_proxy *proxy, struct egress_stats *out);

/* Closes the socket and every connection at once; on_closed(ctx) is called from the loop, once,
 * when nothing of the proxy is left on it. */
void egress_close(struct egress_proxy *proxy, void (*on_closed)(void *ctx), void *ctx);

#endif
