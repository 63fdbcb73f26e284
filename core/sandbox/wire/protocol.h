/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between a supervisor and its gateway.
 *
 * The supervisor opens GET /v1/supervisor/stream with its bearer token and "Upgrade:
 * sluice-supervisor"; from then on each side sends one JSON object per line.  Its first line is
 * hello, or start_failed and the end.  Both sides use these structs, so a field exists once.
 *
 * For an exec message the supervisor dials GET /v1/supervisor/exec/{id} with "Upgrade: sluice-exec"
 * and speaks the frames of frame.h there.
 *
 * Ownership: a decoded message lives in the arena it was decoded into; an encoded one borrows.
 * Any thread. */
#ifndef SANDBOX_WIRE_PROTOCOL_H
#define SANDBOX_WIRE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/inspect/counts.h"
#include "egress/local/agent.h"
#include "sandbox/wire/spec.h"

struct arena;
struct buf;
struct error;
struct policy_grant;

#define SANDBOX_STREAM_PATH "/v1/supervisor/stream"
#define SANDBOX_STREAM_UPGRADE "sluice-supervisor"
#define SANDBOX_EXEC_PATH "/v1/supervisor/exec/"
#define SANDBOX_EXEC_UPGRADE "sluice-exec"
#define SANDBOX_HOST_PATH "/v1/host/stream"
#define SANDBOX_HOST_UPGRADE "sluice-host"
#define SANDBOX_HOST_INSTANCE "Sluice-Host-Instance" /* header: random, of its state folder */

enum {
    HOST_SANDBOXES_MAX = 4096,                      /* of one host */
    SANDBOX_PROTOCOL_VERSION = 1,                   /* in hello; the gateway refuses another one */
    SANDBOX_LINE_MAX = 2 * 1024 * 1024,             /* bytes of one message */
    SANDBOX_PING_MS = 15000,                        /* the gateway pings this often ... */
    SANDBOX_SILENCE_MS = 3 * SANDBOX_PING_MS,       /* ... and a stream silent this long is dead */
    HOST_PING_MS = 400,                             /* the same of a host, which pongs ... */
    HOST_SILENCE_MS = 1500,                         /* ... and goes to its next gateway then */
    HOST_DIAL_MS = 1000,                            /* which has to answer in this time */
    HOST_AWAY_MS = 5000,                            /* a host that has said nothing is away */
};

#define SANDBOX_MESSAGES(X)                                                                     \
    X(HELLO,        "hello")        /* supervisor: ready, and what it enforces now */           \
    X(START_FAILED, "start_failed") /* supervisor: no sandbox could be made, or it died */      \
    X(LOADED,       "loaded")       /* supervisor: decides by this revision from now on */      \
    X(FAILED,       "failed")       /* supervisor: refused this revision, keeps the old one */  \
    X(DENIALS,      "denials")      /* supervisor: requests it refused */                       \
    X(TRAFFIC,      "traffic")      /* supervisor: a batch of the traffic record */             \
    X(FORECAST,     "forecast")     /* supervisor: what would the voters say to this? */        \
    X(PROPOSE,      "propose")      /* supervisor: an agent proposes rules */                   \
    X(CHUNK_QUERY,  "chunk_query")  /* supervisor: an agent asks about a chunk */               \
    X(GRANT,        "grant")        /* supervisor: a grant was used, or has ended */            \
    X(LOG,          "log")          /* supervisor: a line for the sandbox's log */              \
    X(MAIN,         "main")         /* supervisor: how the main process stands */               \
    X(DETACHED,     "detached")     /* supervisor: a detached command runs, or does not */      \
    X(PONG,         "pong")         /* supervisor: answer to ping */                            \
    X(EQUIPPED,     "equipped")     /* supervisor: uses these credentials from now on */        \
    X(INSPECTING,   "inspecting")   /* supervisor: these voters judge requests, or cannot */    \
    X(INSPECTED,    "inspected")    /* supervisor: what they said, counted */                   \
    X(POLICY,       "policy")       /* gateway: enforce this revision */                        \
    X(SETTINGS,     "settings")     /* gateway: these hold from now on */                       \
    X(CREDENTIALS,  "credentials")  /* gateway: use these, and no others */                     \
    X(INSPECTORS,   "inspectors")   /* gateway: these voters judge requests from now on */      \
    X(EXEC,         "exec")         /* gateway: run a command, dial back with its id */         \
    X(ATTACH,       "attach")       /* gateway: dial back with the main process's streams */    \
    X(TRAFFIC_ACK,  "traffic_ack")  /* gateway: that batch is on record */                      \
    X(OUTCOME,      "outcome")      /* gateway: that is what they would say */                  \
    X(PROPOSED,     "proposed")     /* gateway: what became of the proposals */                 \
    X(CHUNK,        "chunk")        /* gateway: how the chunk stands */                         \
    X(CHUNK_CHANGED, "chunk_changed") /* gateway: something has happened to it */               \
    X(REJECTED,     "rejected")     /* gateway: what waits for this is refused */               \
    X(APPROVALS,    "approvals")    /* gateway: these held requests pass, and no others */      \
    X(STOP,         "stop")         /* gateway: end the workload, then yourself */              \
    X(PING,         "ping")         /* gateway: heartbeat */                                    \
    X(HOST_HELLO,   "host_hello")   /* host: what it is, and which sandboxes it has */          \
    X(ENDED,        "ended")        /* host: no supervisor runs this sandbox (any more) */      \
    X(REMOVED,      "removed")      /* host: its files are deleted, or error says why not */    \
    X(HOST_WELCOME, "host_welcome") /* gateway: supervisors may connect now */                  \
    X(HOST_REFUSED, "host_refused") /* gateway: error says why this host cannot be had */       \
    X(PLACE,        "place")        /* gateway: start a supervisor for this sandbox */          \
    X(KILL,         "kill")         /* gateway: end the supervisor at once */                   \
    X(REMOVE,       "remove")       /* gateway: the same, and delete its files */

enum sandbox_message_type {
#define X(id, word) MESSAGE_##id,
    SANDBOX_MESSAGES(X)
#undef X
    MESSAGE_TYPE_COUNT
};

struct sandbox_hello {
    uint32_t protocol;                              /* SANDBOX_PROTOCOL_VERSION */
    const char *sandbox;                            /* id */
    uint64_t loaded_revision;
    const char *inspectors;                         /* digest of those at work; NULL: none */
    const char *const *warnings; /* of its start: what is not as the policy reads */
    size_t n_warnings;
    uint64_t n_approvals;                           /* of held requests, that it knows of */
    const char *ssh_host_key;                       /* fingerprint of its sshd's; NULL: none */
};

struct sandbox_revision {          /* POLICY: all; LOADED: no policy, no error; FAILED: no policy */
    uint64_t revision;
    const char *hash;
    const char *policy;        /* canonical JSON text, carried as a string so that its bytes stay */
    const char *error;
    const struct policy_grant *grants; /* of POLICY: rules that end; used: so many uses are gone */
    size_t n_grants;
};

struct sandbox_grant {
    const char *chunk;                              /* whose grant it is */
    int64_t used;                                   /* so many uses so far */
    const char *ended;                              /* why; NULL: it has not */
};

struct sandbox_denial {
    const char *host;
    uint16_t port;
    const char *binary;                             /* "" when the client could not be identified */
    const char *const *ancestors;
    size_t n_ancestors;
    const char *reason, *stage;
    const char *finding;                            /* its type, which is no denial; else NULL */
    const char *method, *path;                      /* of a request that rules refused; else NULL */
    const char *operation, *field, *rpc_method, *tool; /* of the call in its body; NULL: none */
    const char *vote; /* VOTER:CODE of the vote that holds it; NULL: the policy refuses it */
    const char *const *links; /* paths of the policy that lead to the client */
    size_t n_links;
    uint64_t count; /* since the last report of the same denial; 0: only waiting has changed */
    int64_t first_seen_ms, last_seen_ms;            /* wall clock */
    const char *const *addresses;                   /* of the host; none: not known */
    size_t n_addresses;
    uint32_t waiting;                               /* held requests that wait for its decision */
};

/* What may be waited for, in the words of its denial, "" or NULL where one does not apply. */
struct sandbox_rejected {
    const char *host;                               /* "": whatever waits */
    uint16_t port;
    const char *binary;
    const char *method, *path, *operation, *field, *rpc_method, *tool, *vote;
};

/* A person approved what a voter holds: requests with these words, "" or NULL where one does not
 * apply.  How it ends: see policy/grant.h; uses and expires_at_ms 0: it stays. */
struct sandbox_approval {
    const char *chunk;
    const char *host;
    uint16_t port;
    const char *binary;
    const char *method, *path, *operation, *field, *rpc_method, *tool, *vote;
    int64_t uses, used, for_ms, expires_at_ms, boot_ms;
    const char *boot;
};

struct sandbox_approvals {
    struct sandbox_approval *items;
    size_t n;
};

struct sandbox_denials {
    struct sandbox_denial *items;
    size_t n;
};

/* Requests of one kind, counted.  host "": those whose own rows there was no room for. */
struct sandbox_traffic_item {
    const char *verdict;                            /* of STORE_TRAFFIC_CLASSES */
    const char *host;
    uint16_t port;
    const char *binary;                             /* "" when the client could not be identified */
    const char *rule;                               /* key of the rule that permits it, or "" */
    const char *method, *path;                      /* of what is audited or passed; else NULL */
    const char *operation, *field, *rpc_method, *tool; /* of the call in it; NULL: none */
    const char *reason;                             /* of the latest one, or "" */
    uint64_t count;                                 /* since the batch before */
    int64_t first_seen_ms, last_seen_ms;            /* wall clock */
};

/* Batches of one source are numbered 1, 2, 3...  A batch that was not acknowledged is sent again
 * with its number, so that the gateway counts it once. */
struct sandbox_traffic {
    const char *source;                             /* random, of this supervisor process */
    uint64_t number;
    struct sandbox_traffic_item *items;             /* TRAFFIC_ACK: none */
    size_t n;
};

/* FORECAST: no outcome; OUTCOME: no operations. */
struct sandbox_forecast {
    uint64_t id;                                    /* of the question, made by the supervisor */
    const char *operations;                         /* {"operations": [...]} as text */
    const char *outcome;                            /* "allowed", "denied" or "held" */
};

/* A value for what stands in the sandbox instead (secret/placeholder.h). */
struct sandbox_credential {
    const char *provider, *profile;                 /* names */
    const char *name;                               /* of the variable */
    const char *handle;
    const char *value;                              /* "": it cannot be opened */
};

/* Where calls of inference.local go (egress/local/inference.h). */
struct sandbox_inference {
    const char *protocol, *base_url, *model, *key;
    uint32_t timeout_ms;
};

/* All that the sandbox may use; sent anew whenever that changes.  EQUIPPED: no items. */
struct sandbox_credentials {
    uint64_t number;                                /* of this message; grows */
    struct sandbox_credential *items;
    size_t n;
    struct sandbox_inference *inference;
    size_t n_inference;
};

/* Questions to a voter since the last report. */
struct sandbox_inspected_item {
    const char *voter;
    struct inspect_counts counts;
};

struct sandbox_inspected {
    struct sandbox_inspected_item *items;
    size_t n;
};

/* A client of the main process's streams. */
struct sandbox_attach {
    const char *id;                                 /* made by the gateway, unguessable */
    uint16_t cols, rows;                            /* of its terminal; 0: it has none */
};

struct sandbox_detached {
    const char *id;                                 /* of the command */
    int64_t pid;                                    /* in the sandbox; 0: */
    const char *error;                              /* why it does not run */
};

struct sandbox_main {
    int64_t started_ms, ended_ms;                   /* wall clock; 0: not yet */
    int64_t code;                                   /* once it has ended */
    const char *error;                              /* why it could not be run, or "" */
};

struct sandbox_log {
    const char *level, *text;
    const char *kind;                               /* of LOG_KINDS */
    int64_t at_ms;                                  /* wall clock */
};

struct sandbox_stop {
    uint64_t grace_ms;
};

/* ---- between a host's agent and its gateway: SANDBOX_HOST_PATH, with a token of the role host.
 * The name of the host is that of the token. ---- */

struct host_hello {
    uint32_t protocol;                              /* SANDBOX_PROTOCOL_VERSION */
    const char *version;
    const char *labels;                             /* a JSON map of texts */
    uint32_t capacity;                              /* sandboxes that may run at a time */
    const char *unable;                             /* why it can make none; NULL: it can */
    const char *const *running;                     /* ids of sandboxes whose supervisor lives */
    size_t n_running;
    const char *const *stopped;                     /* of others that have files there */
    size_t n_stopped;
};

/* spec lacks what is about the machine (site/place.h), and the paths of programs. */
struct host_place {
    const char *id;
    int64_t number;
    int64_t memory_bytes, cpu_millis, pids;         /* limits that were asked for; 0: none */
    const char *spec;                               /* of wire/spec.h, as text */
    const char *extra_ca;                           /* PEM of egress.extra_ca; NULL: none */
};

struct host_sandbox {                               /* KILL, REMOVE: no error */
    const char *id;                                 /* HOST_REFUSED: "" */
    const char *error;                              /* NULL: none */
};

struct sandbox_message {
    enum sandbox_message_type type;
    union {
        max_align_t body;                           /* where each of them begins */
        struct sandbox_hello hello;
        struct sandbox_revision revision;           /* POLICY, LOADED, FAILED */
        struct sandbox_denials denials;
        struct sandbox_rejected rejected;
        struct sandbox_approvals approvals;
        struct spec_settings settings;
        struct agent_proposal proposal;             /* PROPOSE */
        struct agent_proposed proposed;
        struct agent_query query;                   /* CHUNK_QUERY, CHUNK_CHANGED */
        struct agent_chunk chunk;
        struct sandbox_exec exec;
        struct sandbox_attach attach;
        struct sandbox_detached detached;
        struct sandbox_main main;
        struct sandbox_traffic traffic;             /* TRAFFIC, TRAFFIC_ACK */
        struct sandbox_forecast forecast;           /* FORECAST, OUTCOME */
        struct sandbox_credentials credentials;     /* CREDENTIALS, EQUIPPED */
        struct sandbox_inspectors inspectors;       /* INSPECTORS, INSPECTING */
        struct sandbox_inspected inspected;
        struct sandbox_grant grant;
        struct sandbox_log log;                     /* LOG; START_FAILED: text only */
        struct sandbox_stop stop;
        struct host_hello host_hello;
        struct host_place place;
        struct host_sandbox of_host;                /* ENDED, REMOVED, HOST_REFUSED, KILL, REMOVE */
    };
};

const char *sandbox_message_word(enum sandbox_message_type type);
/* Appends the message and its newline. */
void sandbox_message_encode(const struct sandbox_message *message, struct buf *out);
/* One line without its newline.  Unknown members are ignored, an unknown type is an error. */
int sandbox_message_decode(const char *line, size_t len, struct arena *arena,
                           struct sandbox_message *out, struct error *err);

/* Whether a command may be run at all: counts, sizes, names (command.h).  Gateway and supervisor
 * both ask, so that the client hears of it early and nothing depends on the gateway. */
int sandbox_exec_check(const struct sandbox_exec *exec, struct error *err);

#endif
