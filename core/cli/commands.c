/* SPDX-License-Identifier: Apache-2.0 */
/* Every command of sluice, once: parsing, help and errors come from this list. */
#include "auth/permission.h"
#include "cli/cli.h"
#include "store/words.h"

#define WAIT_OPTIONS                                                                               \
    {"wait", 0, ARG_FLAG, NULL, "wait until the sandbox enforces it"},                             \
    {"timeout", 0, ARG_VALUE, "S", "with --wait: give up after S seconds (60), exit 124"}

#define SETTINGS_OPTIONS                                                                           \
    {"hold", 0, ARG_VALUE, "DURATION",                                                             \
     "how long a refused request waits for a decision, such as 20s; 0: it fails at once"},         \
    {"agent-proposals", 0, ARG_VALUE, "on|off",                                                    \
     "on: its programs may read the policy and propose rules at http://policy.local"},             \
    {"approval-mode", 0, ARG_VALUE, "manual|auto",                                                 \
     "auto: denied requests and agents' proposals that every voter allows need no person"}

static const struct arg_option none[] = {{0}};

static const struct arg_option sandbox_create[] = {
    {"name", 0, ARG_VALUE, "N", "at most 19 of a-z, 0-9 and '-'; made up when left out"},
    {"policy", 0, ARG_VALUE, "FILE", "its policy; the restrictive default when left out"},
    {"preset", 0, ARG_VALUE, "A[,B...]",
     "rules for what programs commonly need (sluice preset list); may be repeated"},
    {"network", 0, ARG_VALUE, "proxy|none", "none: nothing ever gets out"},
    {"label", 0, ARG_VALUE, "K=V[,K=V...]", "labels; may be repeated"},
    {"env", 0, ARG_VALUE, "K=V", "environment of its commands; may be repeated"},
    {"observe", 0, ARG_FLAG, NULL,
     "record all that passes, for policy learn; needs --ceiling, which is its policy"},
    {"ceiling", 0, ARG_VALUE, "FILE", "with --observe: what it may do at most"},
    {"no-credential-warnings", 0, ARG_FLAG, NULL, "say nothing of values that look like secrets"},
    {"detach", 0, ARG_FLAG, NULL,
     "start CMD and return: sandbox connect attaches to it, sandbox wait waits for its end"},
    {"tty", 't', ARG_FLAG, NULL, "CMD gets a terminal also where sluice has none"},
    {"interactive", 'i', ARG_FLAG, NULL, "accepted: stdin is handed on in any case"},
    {"keep", 0, ARG_FLAG, NULL, "keep it after CMD ended (the default)"},
    {"no-keep", 0, ARG_FLAG, NULL, "delete it after CMD ended"},
    {"no-auto-providers", 0, ARG_FLAG, NULL, "accepted for compatibility"},
    SETTINGS_OPTIONS,
    {"memory", 0, ARG_VALUE, "SIZE",
     "memory of all its processes and its /tmp, such as 512M or 2G"},
    {"cpus", 0, ARG_VALUE, "N", "processors that it may keep busy, such as 1.5"},
    {"pids", 0, ARG_VALUE, "N", "processes and threads that it may have, at most 2048"},
    {"workdir", 0, ARG_VALUE, "DIR", "where CMD runs"},
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {0},
};
static const struct arg_option sandbox_set[] = {
    SETTINGS_OPTIONS,
    {"label", 0, ARG_VALUE, "K=V[,K=V...]", "labels to set; may be repeated"},
    {"remove-label", 0, ARG_VALUE, "K", "a label to take away; may be repeated"},
    {0},
};
#define WITH {"with", 0, ARG_VALUE, "PRINCIPAL", \
              "whom: the name of a token, a certificate or an account, as sluice whoami shows it"}
static const struct arg_option sandbox_share[] = {
    WITH,
    {"role", 0, ARG_VALUE, "R", "what they may do with it:" AUTH_SHARED_WORDS},
    {0},
};
static const struct arg_option sandbox_unshare[] = {
    WITH,
    {0},
};
static const struct arg_option sandbox_list[] = {
    {"label", 'l', ARG_VALUE, "K=V[,K=V...]",
     "only those with all of these labels; may be repeated"},
    {"selector", 0, ARG_VALUE, "K=V[,K=V...]", "the same as --label"},
    {0},
};
static const struct arg_option sandbox_exec[] = {
    {"name", 'n', ARG_VALUE, "NAME", "the sandbox"},
    {"tty", 't', ARG_FLAG, NULL, "with a terminal"},
    {"interactive", 'i', ARG_FLAG, NULL, "accepted: stdin is handed on in any case"},
    {"detach", 0, ARG_FLAG, NULL, "start it without streams and print its pid in the sandbox"},
    {"timeout", 0, ARG_VALUE, "S", "end it after S seconds, exit 124"},
    {"workdir", 0, ARG_VALUE, "D", "where it runs (/sandbox)"},
    {"env", 0, ARG_VALUE, "K=V", "may be repeated"},
    {"no-credential-warnings", 0, ARG_FLAG, NULL, "say nothing of values that look like secrets"},
    {0},
};
static const struct arg_option sandbox_forward[] = {
    {"bind", 0, ARG_VALUE, "ADDR", "the address to listen on (127.0.0.1)"},
    {0},
};
static const struct arg_option sandbox_connect[] = {
    {"shell", 0, ARG_FLAG, NULL, "open a shell, also where there is a main process"},
    {0},
};
static const struct arg_option sandbox_wait[] = {
    {"timeout", 0, ARG_VALUE, "S", "give up after S seconds, exit 124"},
    {0},
};
static const struct arg_option policy_set[] = {
    {"policy", 0, ARG_VALUE, "FILE", "the new policy; - reads stdin"},
    WAIT_OPTIONS,
    {"dry-run", 0, ARG_FLAG, NULL, "ask the voters, change nothing"},
    {"if-revision", 0, ARG_VALUE, "N", "only if N is still the newest revision"},
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
     "ask about the requests of this file instead; each comes out as it says, or is told"},
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
static const struct arg_option rule_get[] = {
    {"status", 0, ARG_VALUE, "S",
     "only those of one status:" STORE_DRAFT_STATUSES(STORE_EACH_WORD)},
    {0},
};
static const struct arg_option rule_approve[] = {
    {"chunk-id", 0, ARG_VALUE, "ID", "the chunk"},
    {"token", 0, ARG_VALUE, "T", "its review token; fetched and shown when left out"},
    {"once", 0, ARG_FLAG, NULL, "the rule ends after one use, as with --uses 1"},
    {"uses", 0, ARG_VALUE, "N",
     "it ends after N uses: connections or, where requests are inspected, requests"},
    {"for", 0, ARG_VALUE, "DURATION", "it ends so long after the approval, such as 10m"},
    {"until", 0, ARG_VALUE, "TIME", "it ends at this time: 2026-01-31T08:05:00Z"},
    {"while-pid", 0, ARG_VALUE, "P",
     "it is for the process tree of process P, as the sandbox sees it, and ends with P"},
    {"no-end", 0, ARG_FLAG, NULL, "it stays, though the chunk proposes an end"},
    WAIT_OPTIONS,
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {"override", 0, ARG_FLAG, NULL, "overrule overridable voters; needs --reason"},
    {0},
};
static const struct arg_option rule_reject[] = {
    {"chunk-id", 0, ARG_VALUE, "ID", "the chunk"},
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the history"},
    {0},
};
static const struct arg_option rule_approve_all[] = {
    {"include-security-flagged", 0, ARG_FLAG, NULL, "also those with security notes"},
    WAIT_OPTIONS,
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {0},
};
static const struct arg_option rule_edit[] = {
    {"chunk-id", 0, ARG_VALUE, "ID", "the chunk"},
    {"rule", 0, ARG_VALUE, "FILE", "the rule it proposes from now on; - reads stdin"},
    {0},
};
static const struct arg_option rule_undo[] = {
    {"chunk-id", 0, ARG_VALUE, "ID", "the chunk"},
    WAIT_OPTIONS,
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {0},
};
static const struct arg_option traffic[] = {
    {"verdict", 0, ARG_VALUE, "V",
     "only requests with one verdict:" STORE_TRAFFIC_VERDICTS(STORE_EACH_WORD)},
    {0},
};
#define STAGE_OPTIONS                                                               \
    {"plugin-dir", 0, ARG_VALUE, "DIR", "where named voters are; may be repeated"}, \
        {"isolation", 0, ARG_VALUE, "inline|process",                               \
         "how voters run (native code: process; all else as configured)"},          \
    {                                                                               \
        "run", 0, ARG_VALUE, "REGEX", "only cases whose name matches"               \
    }

static const struct arg_option plugin_test[] = {
    STAGE_OPTIONS,
    {"timeout", 0, ARG_VALUE, "S", "kill a voter that takes longer for one case (10)"},
    {"list", 0, ARG_FLAG, NULL, "name the cases, run none"},
    {"jobs", 'j', ARG_VALUE, "N", "processes at once (one for each processor)"},
    {"shuffle", 0, ARG_FLAG, NULL, "in another order"},
    {"seed", 0, ARG_VALUE, "N", "in the order of an earlier --shuffle"},
    {"repeat", 0, ARG_VALUE, "N", "each case N times"},
    {"fail-fast", 0, ARG_FLAG, NULL, "stop at the first that fails"},
    {"watch", 0, ARG_FLAG, NULL, "again whenever a file changes"},
    {"cover", 0, ARG_FLAG, NULL, "which declared codes were cast and options set"},
    {"min-cover", 0, ARG_VALUE, "PCT", "exit 4 below this coverage"},
    {"format", 0, ARG_VALUE, "F[=FILE]", "pretty, tap, junit or json; may be repeated"},
    {"update", 0, ARG_FLAG, NULL, "write what was voted into cases that fail"},
    {0},
};
static const struct arg_option plugin_bench[] = {
    STAGE_OPTIONS,
    {"timeout", 0, ARG_VALUE, "S", "kill a voter that takes longer for one case (30)"},
    {"time", 0, ARG_VALUE, "MS", "how long the cases of one file are measured (500)"},
    {"save", 0, ARG_VALUE, "FILE", "write what was measured"},
    {"compare", 0, ARG_VALUE, "FILE", "show the change since --save FILE"},
    {"threshold", 0, ARG_VALUE, "PCT", "exit 4 if the median or the bytes grew by more"},
    {0},
};
static const struct arg_option plugin_replay[] = {
    {"chain", 0, ARG_VALUE, "FILE", "the gateway configuration whose chain is asked"},
    {"sandbox", 0, ARG_VALUE, "N", "only decisions about this sandbox, and its requests"},
    {"since", 0, ARG_VALUE, "T", "only since then: 2026-01-31T08:05:00Z, or 24h ago"},
    {"plugin-dir", 0, ARG_VALUE, "DIR",
     "where voters are, instead of where FILE says; may be repeated"},
    {"isolation", 0, ARG_VALUE, "inline|process", "how voters run, whatever FILE says"},
    {0},
};
static const struct arg_option plugin_new[] = {
    {"c", 0, ARG_FLAG, NULL, "in C"},
    {"lua", 0, ARG_FLAG, NULL, "in Lua"},
    {0},
};
static const struct arg_option rule_history[] = {
    {"limit", 0, ARG_VALUE, "N", "at most N events (1000), the newest; 0: all"},
    {0},
};
static const struct arg_option decision_list[] = {
    {"limit", 0, ARG_VALUE, "N", "at most N decisions (20); 0: all"},
    {0},
};
#define VALUE_OPTIONS                                                                              \
    {"from-env", 0, ARG_VALUE, "K[=VAR]",                                                          \
     "the value of K, from the environment variable VAR (K); may be repeated"},                    \
    {"from-file", 0, ARG_VALUE, "K=FILE", "the value of K, from a file; - reads stdin"}
static const struct arg_option provider_create[] = {
    {"profile", 0, ARG_VALUE,
     "github|anthropic|claude-code|openai|codex|nvidia|npm|pypi|aws|generic",
     "which values it has, and where they may be sent"},
    VALUE_OPTIONS,
    {"refresh", 0, ARG_VALUE, "STRATEGY",
     "its values are fetched: oauth2_refresh_token, oauth2_client_credentials, "
     "google_service_account_jwt or aws_sts_assume_role; K are the parts that this needs"},
    {"set", 0, ARG_VALUE, "K=V", "with --refresh: a part that is no secret; may be repeated"},
    {0},
};
static const struct arg_option provider_rotate[] = {VALUE_OPTIONS, {0}};
static const struct arg_option provider_attach[] = {
    {"sandbox", 0, ARG_VALUE, "N", "the sandbox"},
    {0},
};
static const struct arg_option gateway_add[] = {
    {"ca", 0, ARG_VALUE, "FILE", "the authorities that its certificate may be of"},
    {"cert", 0, ARG_VALUE, "FILE", "the certificate to show it"},
    {"key", 0, ARG_VALUE, "FILE", "its private key"},
    {0},
};
static const struct arg_option gateway_init_tls[] = {
    {"host", 0, ARG_VALUE, "H[,H...]",
     "names and addresses of the gateway; may be repeated (this machine and localhost)"},
    {"client", 0, ARG_VALUE, "NAME", "the client whose certificate is made (client)"},
    {"days", 0, ARG_VALUE, "N", "how long they are valid (825; the authority ten years)"},
    {0},
};
static const struct arg_option token_create[] = {
    {"name", 0, ARG_VALUE, "N",
     "its bearer, in every record of what they did; made up when left out"},
    {"role", 0, ARG_VALUE, "R",
     "what they may do:" AUTH_GIVEN_HELP ", or a role of the gateway's auth.roles"},
    {"sandbox", 0, ARG_VALUE, "NAME", "the only sandbox that it is for"},
    {"expires", 0, ARG_VALUE, "DURATION", "how long it is good, such as 30d; without end"},
    {"offline", 0, ARG_FLAG, NULL, "without a gateway: print an entry for its configuration"},
    {0},
};
static const struct arg_option audit_verify[] = {
    {"file", 0, ARG_VALUE, "FILE", "a database file instead of the running gateway"},
    {"head", 0, ARG_VALUE, "HASH",
     "the head of an earlier check, which must be in the chain: finds a rolled back store"},
    {0},
};
static const struct arg_option events[] = {
    {"follow", 'f', ARG_FLAG, NULL, "go on as they happen"},
    {0},
};
static const struct arg_option logs[] = {
    {"tail", 0, ARG_FLAG, NULL, "go on as they are written"},
    {"follow", 'f', ARG_FLAG, NULL, "the same as --tail"},
    {0},
};

const struct command cli_commands[] = {
    {"sandbox", "create", "[-- CMD...]", sandbox_create, cmd_sandbox_create,
     "make a sandbox and wait until it is ready",
     "sluice sandbox create --name demo --policy policy.yaml"},
    {"sandbox", "list", "", sandbox_list, cmd_sandbox_list, "list sandboxes",
     "sluice sandbox list --label team=a"},
    {"sandbox", "get", "[NAME]", none, cmd_sandbox_get, "show a sandbox",
     "sluice sandbox get demo -o json"},
    {"sandbox", "set", "[NAME]", sandbox_set, cmd_sandbox_set,
     "change what may change while a sandbox runs, at once",
     "sluice sandbox set demo --hold 20s --agent-proposals on"},
    {"sandbox", "share", "[NAME]", sandbox_share, cmd_sandbox_share,
     "let somebody else use a sandbox, in a role, at once",
     "sluice sandbox share demo --with bob --role user"},
    {"sandbox", "unshare", "[NAME]", sandbox_unshare, cmd_sandbox_unshare,
     "let them use it no longer", "sluice sandbox unshare demo --with bob"},
    {"sandbox", "delete", "NAME...", none, cmd_sandbox_delete,
     "stop sandboxes and delete them with their files", "sluice sandbox delete demo"},
    {"sandbox", "stop", "[NAME]", none, cmd_sandbox_stop, "stop a sandbox; its files stay",
     "sluice sandbox stop demo"},
    {"sandbox", "start", "[NAME]", none, cmd_sandbox_start, "start a stopped sandbox",
     "sluice sandbox start demo"},
    {"sandbox", "exec", "[NAME] -- CMD...", sandbox_exec, cmd_sandbox_exec,
     "run a command in a sandbox", "sluice sandbox exec demo -- curl https://api.github.com/"},
    {"sandbox", "connect", "[NAME]", sandbox_connect, cmd_sandbox_connect,
     "attach to the main process of a sandbox and show what it printed; open a shell where it has "
     "none",
     "sluice sandbox connect demo"},
    {"sandbox", "ssh-config", "[NAME]", none, cmd_sandbox_ssh_config,
     "print what makes ssh, scp, sftp and rsync reach a sandbox",
     "sluice sandbox ssh-config demo >demo.ssh && ssh -F demo.ssh sluice-demo"},
    {"sandbox", "ssh-proxy", "[NAME]", none, cmd_sandbox_ssh_proxy,
     "connect stdin and stdout to a sandbox's SSH server; for ssh's ProxyCommand",
     "sluice sandbox ssh-proxy demo"},
    {"sandbox", "upload", "NAME LOCAL [REMOTE]", none, cmd_sandbox_upload,
     "copy a file or a folder into a sandbox; links in the folder are left out",
     "sluice sandbox upload demo ./project /sandbox"},
    {"sandbox", "download", "NAME REMOTE [LOCAL]", none, cmd_sandbox_download,
     "copy a file or a folder out of a sandbox; links in the folder are left out",
     "sluice sandbox download demo /sandbox/report ."},
    {"sandbox", "forward", "NAME [LOCAL:]PORT", sandbox_forward, cmd_sandbox_forward,
     "listen on this machine and connect to a port of a sandbox until it is ended",
     "sluice sandbox forward demo 8080:80"},
    {"sandbox", "wait", "[NAME]", sandbox_wait, cmd_sandbox_wait,
     "wait until the main process of a sandbox has ended, and exit with its code",
     "sluice sandbox wait demo"},
    {"policy", "set", "[NAME]", policy_set, cmd_policy_set, "replace the policy",
     "sluice policy set demo --policy policy.yaml --wait"},
    {"policy", "update", "[NAME]", policy_update, cmd_policy_update,
     "apply changes to the policy, in the order given",
     "sluice policy update demo --add-endpoint api.github.com:443 --binary /usr/bin/curl --wait"},
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
    {"rule", "get", "[NAME]", rule_get, cmd_rule_get, "show proposed rules",
     "sluice rule get demo --status pending"},
    {"rule", "approve", "[NAME]", rule_approve, cmd_rule_approve,
     "approve a chunk, for good or with an end",
     "sluice rule approve demo --chunk-id ID --for 10m --wait"},
    {"rule", "reject", "[NAME]", rule_reject, cmd_rule_reject, "reject a chunk",
     "sluice rule reject demo --chunk-id ID --reason 'not needed'"},
    {"rule", "approve-all", "[NAME]", rule_approve_all, cmd_rule_approve_all,
     "approve all pending chunks in one update", "sluice rule approve-all demo"},
    {"rule", "edit", "[NAME]", rule_edit, cmd_rule_edit, "change what a pending chunk proposes",
     "sluice rule edit demo --chunk-id ID --rule rule.yaml"},
    {"rule", "undo", "[NAME]", rule_undo, cmd_rule_undo, "take an approved chunk back",
     "sluice rule undo demo --chunk-id ID --wait"},
    {"rule", "clear", "[NAME]", none, cmd_rule_clear, "delete the pending chunks",
     "sluice rule clear demo"},
    {"rule", "history", "[NAME]", rule_history, cmd_rule_history,
     "show what happened to the chunks", "sluice rule history demo"},
    {"plugin", "list", "", none, cmd_plugin_list, "list the chain of voters", "sluice plugin list"},
    {"plugin", "reload", "", none, cmd_plugin_reload,
     "read the gateway's configuration again and reload its chain", "sluice plugin reload"},
    {"plugin", "check", "PATH...", none, cmd_plugin_check, "check plugin files without a gateway",
     "sluice plugin check ./my_voter.so"},
    {"plugin", "bench", "PATH...", plugin_bench, cmd_plugin_bench,
     "measure voters with their test cases as load",
     "sluice plugin bench --compare before.json --threshold 10 cases"},
    {"plugin", "new", "NAME [DIR]", plugin_new, cmd_plugin_new,
     "make a folder for a voter, with a first case", "sluice plugin new no_wildcards --lua"},
    {"plugin", "test", "PATH...", plugin_test, cmd_plugin_test,
     "run test cases of voters and chains", "sluice plugin test --plugin-dir build/plugins cases"},
    {"plugin", "replay", "", plugin_replay, cmd_plugin_replay,
     "ask another chain about decisions and requests on record; gives way to all else here",
     "sluice plugin replay --chain new.yaml --since 7d"},
    {"decision", "list", "[NAME]", decision_list, cmd_decision_list, "list decisions",
     "sluice decision list demo"},
    {"decision", "show", "ID", none, cmd_decision_show, "explain a decision",
     "sluice decision show ID"},
    {"audit", "verify", "", audit_verify, cmd_audit_verify, "check the audit chain",
     "sluice audit verify"},
    {"provider", "create", "PROVIDER", provider_create, cmd_provider_create,
     "keep credentials that sandboxes use and never see",
     "sluice provider create gh --profile github --from-env GITHUB_TOKEN"},
    {"provider", "list", "", none, cmd_provider_list, "list providers", "sluice provider list"},
    {"provider", "get", "PROVIDER", none, cmd_provider_get, "show a provider, but no value",
     "sluice provider get gh"},
    {"provider", "rotate", "PROVIDER", provider_rotate, cmd_provider_rotate,
     "replace values, also for programs that run",
     "sluice provider rotate gh --from-file GITHUB_TOKEN=token.txt"},
    {"provider", "delete", "PROVIDER", none, cmd_provider_delete,
     "delete a provider that nothing uses", "sluice provider delete gh"},
    {"provider", "attach", "PROVIDER", provider_attach, cmd_provider_attach,
     "let a sandbox use its credentials", "sluice provider attach gh --sandbox demo"},
    {"provider", "detach", "PROVIDER", provider_attach, cmd_provider_detach,
     "let a sandbox no longer use them", "sluice provider detach gh --sandbox demo"},
    {"gateway", "add", "NAME ADDR", gateway_add, cmd_gateway_add, "give a gateway a name",
     "sluice gateway add team https://gateway.example:7443 --ca ca.pem"},
    {"gateway", "list", "", none, cmd_gateway_list, "list the gateways that have a name",
     "sluice gateway list"},
    {"gateway", "select", "[NAME]", none, cmd_gateway_select,
     "ask this gateway from now on, or without NAME the local one", "sluice gateway select team"},
    {"gateway", "remove", "NAME", none, cmd_gateway_remove, "forget a name",
     "sluice gateway remove team"},
    {"gateway", "init-tls", "DIR", gateway_init_tls, cmd_gateway_init_tls,
     "make an authority and certificates for a gateway and a client",
     "sluice gateway init-tls /etc/sluice/tls --host gateway.example"},
    {"token", "create", "", token_create, cmd_token_create,
     "make a token for a person or a program", "sluice token create --name alice --role admin"},
    {"token", "list", "", none, cmd_token_list, "list tokens, not the secrets",
     "sluice token list"},
    {"token", "revoke", "TOKEN", none, cmd_token_revoke,
     "take a token away, by its name or id, at once", "sluice token revoke alice"},
    {"whoami", NULL, "", none, cmd_whoami, "show who asks, and what they may do", "sluice whoami"},
    {"events", NULL, "[NAME]", events, cmd_events, "show what happens", "sluice events --follow"},
    {"logs", NULL, "[NAME]", logs, cmd_logs, "show a sandbox's log", "sluice logs demo --tail"},
    {"traffic", NULL, "[NAME]", traffic, cmd_traffic, "show what a sandbox asked its proxy for",
     "sluice traffic demo --verdict refused"},
    {"status", NULL, "", none, cmd_status, "show the gateway", "sluice status"},
    {0},
};
