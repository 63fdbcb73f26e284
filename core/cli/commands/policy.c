/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on policies and presets. */
#include "cli/commands/commands.h"
#include "cli/watch.h"

static const struct arg_option none[] = {{0}};
static const struct arg_option policy_sign[] = {
    {"key", 0, ARG_VALUE, "F", "PEM file of the private Ed25519 key"},
    {"signature", 0, ARG_VALUE, "FILE.sig", "where the signature goes; FILE.sig by default"},
    {"sandbox", 0, ARG_VALUE, "NAME", "the only sandbox that it is for; any when left out"},
    {0},
};
static const struct arg_option policy_verify[] = {
    {"key", 0, ARG_VALUE, "F", "PEM file of the public Ed25519 key"},
    {"signature", 0, ARG_VALUE, "FILE.sig", "where the signature is; FILE.sig by default"},
    {0},
};
static const struct arg_option policy_set[] = {
    {"policy", 0, ARG_VALUE, "FILE", "the new policy; - reads stdin"},
    {"signature", 0, ARG_VALUE, "FILE.sig", "its signature, of sluice policy sign"},
    WAIT_OPTIONS,
    {"dry-run", 0, ARG_FLAG, NULL, "ask the voters, change nothing"},
    {"if-revision", 0, ARG_VALUE, "N", "only if N is still the newest revision"},
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {"override", 0, ARG_FLAG, NULL, "overrule overridable voters; needs --reason"},
    {0},
};
static const struct arg_option policy_edit[] = {
    WAIT_OPTIONS,
    {"dry-run", 0, ARG_FLAG, NULL, "ask the voters, change nothing"},
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {"override", 0, ARG_FLAG, NULL, "overrule overridable voters; needs --reason"},
    {0},
};
static const struct arg_option policy_update[] = {
    {"add-endpoint", 0, ARG_VALUE, "SPEC", "host:port[:access[:protocol[:enforcement[:options]]]]"},
    {"remove-endpoint", 0, ARG_VALUE, "H:P", "takes host and port out of every rule"},
    {"add-allow", 0, ARG_VALUE, "SPEC", "host:port:METHOD:path"},
    {"add-deny", 0, ARG_VALUE, "SPEC", "host:port:METHOD:path"},
    {"remove-rule", 0, ARG_VALUE, "NAME", "takes a rule out"},
    {"binary", 0, ARG_VALUE, "PATH", "who may use the added endpoints; may be repeated"},
    {"remove-binary", 0, ARG_VALUE, "RULE:PATH", "takes a binary out of a rule"},
    {"rule-name", 0, ARG_VALUE, "N", "the rule that a single --add-endpoint goes to"},
    {"operations", 0, ARG_VALUE, "FILE",
     "those of a JSON document, or of the cure in the answer to a refused request; - reads stdin"},
    WAIT_OPTIONS,
    {"dry-run", 0, ARG_FLAG, NULL, "ask the voters, change nothing"},
    {"if-revision", 0, ARG_VALUE, "N", "only if N is still the newest revision"},
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {"override", 0, ARG_FLAG, NULL, "overrule overridable voters; needs --reason"},
    {0},
};
static const struct arg_option policy_get[] = {
    {"rev", 0, ARG_VALUE, "N", "that revision instead of the newest"},
    {"full", 0, ARG_FLAG, NULL, "the bare YAML document on stdout"},
    {0},
};
static const struct arg_option policy_list[] = {
    {"limit", 0, ARG_VALUE, "N", "at most N revisions (20); 0: all"},
    WATCH_OPTION,
    {0},
};
static const struct arg_option policy_diff[] = {
    {"from", 0, ARG_VALUE, "N",
     "the older revision (the newest; without any option the one before it)"},
    {"to", 0, ARG_VALUE, "N", "the newer revision (the newest)"},
    {"policy", 0, ARG_VALUE, "FILE", "a document instead of --to: what setting it would change"},
    {0},
};
static const struct arg_option policy_check[] = {
    {"cases", 0, ARG_VALUE, "FILE",
     "ask about the requests of this file instead; each comes out as it says, or is told; exit 3: "
     "it has none"},
    {0},
};
static const struct arg_option policy_can_i[] = {
    {"binary", 0, ARG_VALUE, "PATH", "the program that asks"},
    {"host", 0, ARG_VALUE, "H", "where to: a name or an address"},
    {"port", 0, ARG_VALUE, "N", "and the port"},
    {"method", 0, ARG_VALUE, "M",
     "of an HTTP request (GET); WEBSOCKET_TEXT or WEBSOCKET_BINARY: of a message; without method, "
     "path and query: the connection alone"},
    {"path", 0, ARG_VALUE, "P", "of the request (/)"},
    {"query", 0, ARG_VALUE, "Q", "of the request, without '?'"},
    {"body", 0, ARG_VALUE, "TEXT",
     "of the request (POST) or message, where rules are about what it asks for: GraphQL, JSON-RPC, "
     "MCP"},
    {"policy", 0, ARG_VALUE, "FILE",
     "ask this document instead of the sandbox's policy; - reads stdin"},
    {0},
};
static const struct arg_option policy_learn[] = {
    {"from", 0, ARG_VALUE, "T", "only what was seen since then: 2026-01-31T08:05:00Z, or 24h ago"},
    {"to", 0, ARG_VALUE, "T", "only what was seen until then"},
    {"ceiling", 0, ARG_VALUE, "FILE",
     "the policy that what is learned stays within (the sandbox's own); - reads stdin"},
    {"max-paths", 0, ARG_VALUE, "N",
     "where an endpoint has more paths than N, patterns take their place"},
    {0},
};
static const struct arg_option policy_prune[] = {
    {"unused-for", 0, ARG_VALUE, "DURATION", "how long nothing has needed what goes, such as 30d"},
    WAIT_OPTIONS,
    {"dry-run", 0, ARG_FLAG, NULL, "ask the voters, change nothing"},
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {0},
};
static const struct arg_option policy_rollback[] = {
    {"to", 0, ARG_VALUE, "N", "the revision to go back to"},
    WAIT_OPTIONS,
    {"dry-run", 0, ARG_FLAG, NULL, "ask the voters, change nothing"},
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {0},
};
static const struct arg_option preset_add[] = {
    {"sandbox", 0, ARG_VALUE, "N", "the sandbox; the one used last when left out"},
    WAIT_OPTIONS,
    {"dry-run", 0, ARG_FLAG, NULL, "ask the voters, change nothing"},
    {"if-revision", 0, ARG_VALUE, "N", "only if N is still the newest revision"},
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {"override", 0, ARG_FLAG, NULL, "overrule overridable voters; needs --reason"},
    {0},
};

const struct command commands_policy[] = {
    {"policy", "set", "[NAME]", policy_set, cmd_policy_set, "replace the policy",
     "sluice policy set demo --policy policy.yaml --wait"},
    {"policy", "sign", "FILE", policy_sign, cmd_policy_sign, "sign a policy document, offline",
     "sluice policy sign --key policy.key policy.yaml"},
    {"policy", "verify", "FILE", policy_verify, cmd_policy_verify,
     "check the signature of a policy document, offline",
     "sluice policy verify --key policy.pub policy.yaml"},
    {"policy", "update", "[NAME]", policy_update, cmd_policy_update,
     "apply changes to the policy, in the order given",
     "sluice policy update demo --add-endpoint api.github.com:443 --binary /usr/bin/curl --wait"},
    {"policy", "edit", "[NAME]", policy_edit, cmd_policy_edit,
     "edit the policy in an editor (VISUAL, EDITOR) and set what it becomes",
     "sluice policy edit demo --wait"},
    {"policy", "get", "[NAME]", policy_get, cmd_policy_get, "show the policy",
     "sluice policy get demo --full"},
    {"policy", "list", "[NAME]", policy_list, cmd_policy_list, "list the policy's revisions",
     "sluice policy list demo"},
    {"policy", "diff", "[NAME]", policy_diff, cmd_policy_diff,
     "show what differs between revisions, or from a file",
     "sluice policy diff demo --from 1 --to 3"},
    {"policy", "rollback", "[NAME]", policy_rollback, cmd_policy_rollback,
     "make an earlier revision the policy again", "sluice policy rollback demo --to 2 --wait"},
    {"policy", "check", "FILE...", policy_check, cmd_policy_check,
     "check policy files without a gateway", "sluice policy check policy.yaml"},
    {"policy", "explain", "[PATH]", none, cmd_policy_explain,
     "say what the fields of a policy mean, all or those below one",
     "sluice policy explain network_policies.endpoints.protocol"},
    {"policy", "schema", "", none, cmd_policy_schema,
     "print the JSON Schema of a policy, for editors", "sluice policy schema >policy.schema.json"},
    {"policy", "audit-report", "[NAME]", none, cmd_policy_audit_report,
     "show what endpoints let through that enforcing would have refused",
     "sluice policy audit-report demo"},
    {"policy", "can-i", "[NAME]", policy_can_i, cmd_policy_can_i,
     "say whether a program may send a request; exit 0 yes, 1 no",
     "sluice policy can-i demo --binary /usr/bin/curl --host api.github.com --port 443 --method "
     "GET --path /repos"},
    {"policy", "learn", "[NAME]", policy_learn, cmd_policy_learn,
     "print the smallest policy that allows what is on record",
     "sluice policy learn demo --from 1h --max-paths 10 >learned.yaml"},
    {"policy", "prune", "[NAME]", policy_prune, cmd_policy_prune,
     "take out of the policy what nothing on record needed",
     "sluice policy prune demo --unused-for 30d --dry-run"},
    {"preset", "list", "", none, cmd_preset_list,
     "list the presets: rules for what programs commonly need", "sluice preset list"},
    {"preset", "show", "PRESET", none, cmd_preset_show, "show a preset as a policy",
     "sluice preset show pypi"},
    {"preset", "add", "[NAME] PRESET...", preset_add, cmd_preset_add,
     "add the rules of presets to the policy of a sandbox", "sluice preset add demo pypi --wait"},
    {0},
};
