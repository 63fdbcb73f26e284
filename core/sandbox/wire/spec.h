/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a supervisor: one JSON file of mode 0600, named by --spec.
 *
 * Ownership: a decoded spec and everything it points to lives in the arena it was decoded into;
 * an encoded one borrows.  Any thread. */
#ifndef SANDBOX_WIRE_SPEC_H
#define SANDBOX_WIRE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;
struct policy_grant;

struct spec_pair {
    const char *key, *value;
};

struct spec_host {                                  /* a pinned name of egress.hosts */
    const char *name;
    const char *const *addresses;
    size_t n_addresses;
};

/* What may change while the sandbox runs: the spec has the settings of its start, the message
 * `settings` those from then on. */
struct spec_settings {
    uint64_t hold_ms;                   /* how long a refused request waits; 0: not at all */
    bool agent_proposals;               /* policy.local serves the sandbox's programs */
    bool resolve_denied;                /* denials tell what their host resolves to */
    const char *labels;                 /* of the sandbox, a JSON map of texts; NULL: none */
};

#define SANDBOX_HOLD_MAX_MS (60 * 60 * 1000)

#define EXEC_TIMEOUT_MAX_MS INT32_MAX               /* 24 days */

/* What is reached instead of a command. */
#define SANDBOX_SERVICE_SSH "ssh"                   /* an SSH server */
#define SANDBOX_SERVICE_TCP "tcp"                   /* a port of the sandbox's loopback */

/* A command: of an exec message, or the sandbox's main process. */
struct sandbox_exec {
    const char *id;     /* made by the gateway, unguessable; of the main process: not looked at */
    const char *service;                            /* of those above; NULL: the command is run */
    uint16_t port;                                  /* of tcp */
    const char *const *command;                     /* run directly, PATH of its environment */
    size_t n_command;
    struct spec_pair *env;
    size_t n_env;
    const char *workdir;                            /* NULL: /sandbox */
    bool tty;
    bool detach;        /* without streams; the main process: it has no input but a terminal's */
    uint16_t cols, rows;                            /* 0: 80 and 24 */
    uint64_t timeout_ms;                            /* 0: none; at most EXEC_TIMEOUT_MAX_MS */
};

/* The voters that judge requests.  INSPECTING: digest and error alone. */
struct sandbox_inspectors {
    const char *digest;                             /* of what follows; "": there are none */
    const char *base_dir;                           /* of relative paths in it */
    const char *config;                             /* of a chain (chain/config.h), as JSON */
    const char *error;                              /* why they cannot be asked, or NULL */
};

struct sandbox_spec {
    const char *id, *name;
    const char *token;                              /* the supervisor's bearer token */
    const char *gateway;                       /* "unix:PATH" or "tcp:HOST:PORT" (http/address.h) */
    bool proxy;                                     /* false: --network none */
    struct spec_pair *env;                          /* of every command, before the request's own */
    size_t n_env;
    const char *workdir;                            /* host folder shown as /sandbox */
    uint32_t uid;                           /* host uid and gid of the workload; 0: the supervisor's
                                                     * own; heeded where it may switch */
    uint32_t sub_uid, sub_gid;              /* subordinate ids of an ordinary user, which uid
                                             * names in the supervisor's namespace; 0: none */
    const char *cgroups;                            /* list of its groups (cgroup.h); NULL: none */
    const char *policy;                             /* canonical JSON document */
    uint64_t revision;
    const char *hash;
    const struct policy_grant *grants; /* with the policy; used: so many uses are gone */
    size_t n_grants;
    struct spec_host *hosts;
    size_t n_hosts;
    const char *extra_ca;                           /* PEM file of egress.extra_ca; NULL: none */
    bool inspect_when_needed;                       /* TLS only where rules are about requests */
    struct spec_settings settings;
    const struct sandbox_inspectors *inspectors;    /* of its start; NULL: nobody judges requests */
    const struct sandbox_exec *main;                /* the main process; NULL: there is none */
    bool main_waits;                                /* for its first client, before it starts */
    const char *log_level;                          /* NULL: info */
    bool log_json;
    const char *init;                               /* path of sluice-init */
    const char *bwrap;                              /* absolute path of bubblewrap */
    const char *lock;                           /* locked with flock() while the supervisor lives */
    const char *uses;                               /* file of uses.h; NULL: none is written */
    const char *const *hidden;                 /* host paths no policy can show: the gateway's state
                                                     * folder and its sockets belong here */
    size_t n_hidden;
    const char *const *read_only; /* host paths no policy can let a workload write */
    size_t n_read_only;
};

/* A command as JSON text, which the caller frees; and again from such a text. */
char *sandbox_exec_encode(const struct sandbox_exec *exec);
int sandbox_exec_decode(const char *text, struct arena *arena, struct sandbox_exec *out,
                        struct error *err);

/* JSON text of the spec; the caller frees it. */
char *sandbox_spec_encode(const struct sandbox_spec *spec);
/* Unknown members are errors, so that a gateway and a supervisor of different versions notice. */
int sandbox_spec_decode(const char *text, size_t len, struct arena *arena,
                        struct sandbox_spec *out, struct error *err);
/* The file is written under another name first: a reader sees all of it or none. */
int sandbox_spec_write(const struct sandbox_spec *spec, const char *path, struct error *err);
int sandbox_spec_read(const char *path, struct arena *arena, struct sandbox_spec *out,
                      struct error *err);

#endif
