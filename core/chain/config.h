/* SPDX-License-Identifier: Apache-2.0 */
/* The `chain` section of the configuration, also read on its own by the test runner.  Plain data in
 * the arena it was decoded into. */
#ifndef CHAIN_CONFIG_H
#define CHAIN_CONFIG_H

#include "doc/schema.h"

/* Which requests a voter is asked about. */
struct chain_inspect_config {
    const char *const *hosts;                       /* patterns; none: every host */
    const char *const *protocols;                   /* of endpoints; none: every protocol */
    size_t n_hosts, n_protocols;
    uint32_t body_bytes;                            /* the most it sees of a body */
    bool middleware_only; /* it is asked only where a policy names it as a middleware */
};

struct chain_voter_config {
    const char *plugin;                             /* <dir>/<plugin>.so; or */
    const char *script;                             /* a Lua file, relative to base_dir; or */
    const char *const *command; /* a program and its arguments (include/WIRE.md) */
    size_t n_command;
    const char *name; /* "": the plugin's, or the script's base name */
    const char *level;                              /* "mandatory", "overridable" or "advisory" */
    const char *on_error;                           /* "deny" or "abstain" */
    const char *isolation;                          /* "inline" or "process" */
    uint32_t timeout_ms;                            /* 0: the chain's */
    uint32_t memory_mb;                             /* 0: 32; with threads 128 */
    uint32_t threads;                               /* that a command may start */
    const char *sha256;                             /* "": not pinned */
    const char *options_json;                       /* an object */
    const struct chain_inspect_config *inspect;     /* NULL: every request */
    const char *doc_path;
};

/* The voter `signed_only` of the gateway itself. */
struct chain_signed_only {
    const char *const *keys;                        /* files, relative to base_dir */
    size_t n_keys;
    bool name_sandbox;                              /* only signatures that name the sandbox */
};

struct chain_config {
    const char *const *plugin_dirs;
    size_t n_plugin_dirs;
    uint32_t vote_timeout_ms;                       /* default 500 */
    const struct chain_voter_config *const *voters; /* NULL and 0: the default chain */
    size_t n_voters;
    const struct chain_signed_only *signed_only; /* NULL: policies need no signature */
    const char *base_dir; /* of the file it was read from; not a field of the document */
};

enum { CHAIN_BODY_BYTES = 64 * 1024, CHAIN_BODY_BYTES_MAX = 4 << 20, CHAIN_THREADS_MAX = 64 };

extern const struct schema chain_config_schema, chain_voter_config_schema;

#endif
