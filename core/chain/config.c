/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/config.h"

#include <stddef.h>

#include "chain/chain.h"

#define VOTER(member) .offset = offsetof(struct chain_voter_config, member)
#define INSPECT(member) .offset = offsetof(struct chain_inspect_config, member)
#define CHAIN(member) .offset = offsetof(struct chain_config, member)

enum { TIMEOUT_MS_MAX = 600000, MEMORY_MB_MAX = 4096, SHA256_HEX = 64 };

static const char *const levels[] = {
#define X(id, word, meaning) word,
    CHAIN_LEVELS(X)
#undef X
    NULL,
};
static const char *const on_errors[] = {"deny", "abstain", NULL};
static const char *const isolations[] = {"inline", "process", NULL};

/* The defaults that schema rows write as texts. */
_Static_assert(CHAIN_BODY_BYTES == 65536, "the fallback of body_bytes is another number");

static const struct schema_field inspect_fields[] = {
    {.name = "hosts",
     .kind = SCHEMA_TEXTS,
     INSPECT(hosts),
     .count_offset = offsetof(struct chain_inspect_config, n_hosts),
     .flags = SCHEMA_NONEMPTY,
     .help = "Patterns of the hosts whose requests it is asked about; every host by default."},
    {.name = "protocols",
     .kind = SCHEMA_TEXTS,
     INSPECT(protocols),
     .count_offset = offsetof(struct chain_inspect_config, n_protocols),
     .flags = SCHEMA_NONEMPTY,
     .help = "Protocols of the endpoints, such as rest; every protocol by default."},
    {.name = "body_bytes",
     .kind = SCHEMA_U32,
     INSPECT(body_bytes),
     .fallback = "65536",
     .min = 0,
     .max = CHAIN_BODY_BYTES_MAX,
     .help = "The most that it sees of a body; at most 4 MiB."},
    {.name = "middleware_only",
     .kind = SCHEMA_BOOL,
     INSPECT(middleware_only),
     .help = "It is asked only where network_middlewares of a policy name it."},
    {.name = NULL},
};

static const struct schema inspect_schema = {
    .name = "inspect",
    .size = sizeof(struct chain_inspect_config),
    .fields = inspect_fields,
};

static const struct schema_field voter_fields[] = {
    {.name = "plugin",
     .kind = SCHEMA_TEXT,
     VOTER(plugin),
     .help = "A native voter: the file <plugin>.so of one of the plugin_dirs."},
    {.name = "script",
     .kind = SCHEMA_TEXT,
     VOTER(script),
     .help = "A Lua voter: its file, relative to the configuration's."},
    {.name = "command",
     .kind = SCHEMA_TEXTS,
     VOTER(command),
     .count_offset = offsetof(struct chain_voter_config, n_command),
     .flags = SCHEMA_NONEMPTY,
     .help = "A voter of any kind: a program and its arguments, in a process of its own."},
    {.name = "name",
     .kind = SCHEMA_TEXT,
     VOTER(name),
     .help = "What the voter is called; the plugin's name or the script's base name by default."},
    {.name = "level",
     .kind = SCHEMA_TEXT,
     VOTER(level),
     .fallback = "mandatory",
     .words = levels,
     .help = "Whether its deny is final, yields to an override, or is only shown."},
    {.name = "on_error",
     .kind = SCHEMA_TEXT,
     VOTER(on_error),
     .fallback = "deny",
     .words = on_errors,
     .help = "What it counts as when it fails."},
    {.name = "isolation",
     .kind = SCHEMA_TEXT,
     VOTER(isolation),
     .fallback = "process",
     .words = isolations,
     .help = "inline: trusted like the gateway itself; process: on its own."},
    {.name = "timeout_ms",
     .kind = SCHEMA_U32,
     VOTER(timeout_ms),
     .min = 0,
     .max = TIMEOUT_MS_MAX,
     .help = "Longest vote; the chain's vote_timeout_ms by default."},
    {.name = "memory_mb",
     .kind = SCHEMA_U32,
     VOTER(memory_mb),
     .min = 0,
     .max = MEMORY_MB_MAX,
     .help = "Most memory of a Lua or isolated voter; 32 by default, 128 of one with "
             "threads."},
    {.name = "threads",
     .kind = SCHEMA_U32,
     VOTER(threads),
     .min = 0,
     .max = CHAIN_THREADS_MAX,
     .help = "Most threads that a command may start in its life, such as 16 for Go; none by "
             "default."},
    {.name = "sha256",
     .kind = SCHEMA_TEXT,
     VOTER(sha256),
     .max = SHA256_HEX,
     .help = "Refuse the file unless it has this digest, in hexadecimal."},
    {.name = "options",
     .kind = SCHEMA_JSON,
     VOTER(options_json),
     .help = "The voter's own options, by name."},
    {.name = "inspect",
     .kind = SCHEMA_STRUCT,
     VOTER(inspect),
     .sub = &inspect_schema,
     .help = "Which requests it is asked about, if it looks at requests; all by default."},
    {.name = NULL},
};

const struct schema chain_voter_config_schema = {
    .name = "voter",
    .size = sizeof(struct chain_voter_config),
    .fields = voter_fields,
    .path_offset = offsetof(struct chain_voter_config, doc_path),
};

static const struct schema_field signed_only_fields[] = {
    {.name = "keys",
     .kind = SCHEMA_TEXTS,
     .offset = offsetof(struct chain_signed_only, keys),
     .count_offset = offsetof(struct chain_signed_only, n_keys),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .help = "PEM files of the public Ed25519 keys whose signatures count."},
    {.name = "name_sandbox",
     .kind = SCHEMA_BOOL,
     .offset = offsetof(struct chain_signed_only, name_sandbox),
     .help = "Takes only signatures that name the sandbox they are for."},
    {.name = NULL},
};

static const struct schema signed_only_schema = {
    .name = "signed_only",
    .size = sizeof(struct chain_signed_only),
    .fields = signed_only_fields,
};

static const struct schema_field chain_fields[] = {
    {.name = "plugin_dirs",
     .kind = SCHEMA_TEXTS,
     CHAIN(plugin_dirs),
     .count_offset = offsetof(struct chain_config, n_plugin_dirs),
     .help = "Folders in which native voters are looked for, first match wins."},
    {.name = "vote_timeout_ms",
     .kind = SCHEMA_U32,
     CHAIN(vote_timeout_ms),
     .fallback = "500",
     .min = 1,
     .max = TIMEOUT_MS_MAX,
     .help = "Longest vote of a voter without a limit of its own."},
    {.name = "voters",
     .kind = SCHEMA_STRUCTS,
     CHAIN(voters),
     .count_offset = offsetof(struct chain_config, n_voters),
     .sub = &chain_voter_config_schema,
     .flags = SCHEMA_NONEMPTY,
     .help = "Who votes; static_fields, policy_safety and live_reload by default."},
    {.name = "signed_only",
     .kind = SCHEMA_STRUCT,
     CHAIN(signed_only),
     .sub = &signed_only_schema,
     .help = "Refuse every policy that is not signed by one of these keys."},
    {.name = NULL},
};

const struct schema chain_config_schema = {
    .name = "chain",
    .size = sizeof(struct chain_config),
    .fields = chain_fields,
};
