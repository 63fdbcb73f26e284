/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on the gateway: who may ask it, its credentials. */
#include "auth/permission.h"
#include "cli/commands/commands.h"
#include "cli/confirm.h"
#include "cli/watch.h"
#include "store/store.h"
#include "store/url.h"

static const struct arg_option console[] = {
    {"port", 0, ARG_VALUE, "N", "the port of 127.0.0.1 that it is served at (any)"},
    {0},
};
static const struct arg_option none[] = {{0}};
static const struct arg_option yes[] = {YES_OPTION, {0}};
static const struct arg_option watch[] = {WATCH_OPTION, {0}};
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
    {"replace", 0, ARG_FLAG, NULL, "in the place of the one of this name"},
    {0},
};
static const struct arg_option gateway_init_tls[] = {
    {"host", 0, ARG_VALUE, "H[,H...]",
     "names and addresses of the gateway; may be repeated (this machine and localhost)"},
    {"client", 0, ARG_VALUE, "NAME", "the client whose certificate is made (client)"},
    {"days", 0, ARG_VALUE, "N", "how long they are valid (825; the authority ten years)"},
    {0},
};
#define CEILING_LABEL {"label", 0, ARG_VALUE, "K=V", \
                       "the sandboxes with this label; every sandbox when left out"}
static const struct arg_option ceiling_set[] = {
    CEILING_LABEL,
    {"policy", 0, ARG_VALUE, "FILE", "the policy that they must lie within; - for stdin"},
    {"dry-run", 0, ARG_FLAG, NULL, "print the sandboxes that would change, and change nothing"},
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
    {0},
};
static const struct arg_option ceiling_label[] = {CEILING_LABEL, {0}};
static const struct arg_option ceiling_delete[] = {
    CEILING_LABEL,
    {"reason", 0, ARG_VALUE, "TEXT", "why, for the record"},
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

static const struct arg_option store_migrate[] = {
    {"from", 0, ARG_VALUE, "URL", "the store to copy: " STORE_URL_FORMS},
    {"to", 0, ARG_VALUE, "URL", "an empty one"},
    {0},
};
static const struct arg_option store_place[] = {
    {"store", 0, ARG_VALUE, "URL", "the gateway's store: " STORE_URL_FORMS},
    {"state-dir", 0, ARG_VALUE, "DIR",
     "the gateway's state folder, with its store (the folder of its Unix socket)"},
    {0},
};

const struct command commands_gateway[] = {
    {"provider", "create", "PROVIDER", provider_create, cmd_provider_create,
     "keep credentials that sandboxes use and never see",
     "sluice provider create gh --profile github --from-env GITHUB_TOKEN"},
    {"provider", "list", "", watch, cmd_provider_list, "list providers", "sluice provider list"},
    {"provider", "get", "PROVIDER", none, cmd_provider_get, "show a provider, but no value",
     "sluice provider get gh"},
    {"provider", "rotate", "PROVIDER", provider_rotate, cmd_provider_rotate,
     "replace values, also for programs that run",
     "sluice provider rotate gh --from-file GITHUB_TOKEN=token.txt"},
    {"provider", "delete", "PROVIDER", yes, cmd_provider_delete,
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
    {"token", "list", "", watch, cmd_token_list, "list tokens, not the secrets",
     "sluice token list"},
    {"token", "revoke", "TOKEN", yes, cmd_token_revoke,
     "take a token away, by its name or id, at once", "sluice token revoke alice"},
    {"host", "list", "", watch, cmd_host_list, "list the machines that run sandboxes",
     "sluice host list"},
    {"login", NULL, "[GATEWAY]", none, cmd_login,
     "log in at the gateway's OpenID Connect issuer, in a browser", "sluice login team"},
    {"logout", NULL, "[GATEWAY]", none, cmd_logout,
     "forget the token of a login, and have its issuer revoke it", "sluice logout team"},
    {"ceiling", "set", "", ceiling_set, cmd_ceiling_set,
     "set what policies must lie within, and tighten those that do not",
     "sluice ceiling set --label team=a --policy ceiling.yaml --dry-run"},
    {"ceiling", "get", "", ceiling_label, cmd_ceiling_get, "list ceilings, or print one",
     "sluice ceiling get --label team=a"},
    {"ceiling", "delete", "", ceiling_delete, cmd_ceiling_delete, "delete a ceiling",
     "sluice ceiling delete --label team=a"},
    {"export", "list", "", watch, cmd_export_list,
     "list where the audit chain and the traffic record are sent, and how far that is",
     "sluice export list"},
    {"whoami", NULL, "", none, cmd_whoami, "show who asks, and what they may do", "sluice whoami"},
    {"top", NULL, "", none, cmd_top,
     "show sandboxes, requests and the inbox on the terminal, live; a, r and d decide",
     "sluice top"},
    {"completion", NULL, "bash|zsh|fish", none, cmd_completion,
     "print what makes a shell complete the words of sluice",
     "sluice completion bash >~/.local/share/bash-completion/completions/sluice"},
    {"status", NULL, "", none, cmd_status, "show the gateway", "sluice status"},
    {"console", NULL, "", console, cmd_console,
     "open the console, a web page, in a browser of this machine", "sluice console"},
    {"store", "migrate", "", store_migrate, cmd_store_migrate,
     "copy a store that no gateway works in to another database",
     "sluice store migrate --from URL --to URL"},
    {"backup", NULL, "FILE", store_place, cmd_backup,
     "write the gateway's store to a file, also while it runs", "sluice backup monday.db"},
    {"restore", NULL, "FILE", store_place, cmd_restore,
     "make the store of a new gateway from a backup",
     "sluice restore monday.db --state-dir /var/lib/sluice"},
    {0},
};
