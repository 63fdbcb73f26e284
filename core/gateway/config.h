/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's configuration, key by key as in README.md.  Lives in the arena it was read into. */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include "auth/certificate.h"
#include "auth/oidc/oidc.h"
#include "auth/roles.h"
#include "auth/token.h"
#include "base/error.h"
#include "base/log.h"
#include "chain/config.h"
#include "gateway/listen.h"
#include "sandbox/wire/spec.h"

struct egress_settings {
    struct spec_host *hosts;                        /* pinned names */
    size_t n_hosts;
    const char *extra_ca;                           /* PEM file, "" for none */
    const char *inspect_tls;                        /* "always" or "when_needed" */
};

struct sandbox_settings {
    const char *on_exit;                            /* "keep" or "stop" */
};

struct auth_settings {
    const struct auth_certificate *const *certificates;     /* of clients */
    size_t n_certificates;
    const struct oidc_settings *oidc;               /* NULL: there is no issuer */
    struct auth_role_settings roles;
};

struct export_settings;
struct peers_settings;
struct inference_setting;

struct gateway_config {
    const char *state_dir;
    const struct gateway_listener *const *listen;
    size_t n_listen;
    const char *store;
    struct peers_settings *peers;                   /* NULL: other gateways are asked nothing */
    const struct chain_config *chain;               /* never NULL after gateway_config_load */
    const struct egress_settings *egress;           /* never NULL after gateway_config_load */
    const struct sandbox_settings *sandboxes;       /* never NULL after gateway_config_load */
    const struct auth_token *const *tokens;         /* of people */
    size_t n_tokens;
    const struct auth_settings *auth;               /* never NULL after gateway_config_load */
    const struct inference_setting *const *inference;       /* routes of inference.local */
    size_t n_inference;
    const struct export_settings *const *exports;
    size_t n_exports;
    const struct doc_node *tree;                    /* of the file, for lines; NULL without one */
};

/* What the command line says; it wins over the file. */
struct gateway_flags {
    const char *config;                             /* NULL: no file */
    const char *state_dir, *store;                  /* NULL: not given */
    const char *const *listen, *const *plugin_dirs;
    size_t n_listen, n_plugin_dirs;
    enum log_level log_level;
    bool log_json, check;
};

/* Reads the file, applies the flags, fills in the defaults and checks the rest.  -1: err, and
 * problems with line and column in the file. */
int gateway_config_load(const struct gateway_flags *flags, struct arena *arena,
                        struct gateway_config *out, struct problems *problems, struct error *err);

/* Every key with its type and what it means. */
void gateway_config_explain(struct buf *out);

/* Line and column, in the file, of problems that have only a document path; flags have none. */
void gateway_config_locate(const struct gateway_config *config, struct problems *problems);

/* Names of settings that differ and need a restart, comma-separated in the arena; "" for none. */
const char *gateway_config_restart(const struct gateway_config *old,
                                   const struct gateway_config *new_, struct arena *arena);

#endif
