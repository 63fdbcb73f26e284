/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on sandboxes: their life, what runs in them, what they did. */
#include "auth/permission.h"
#include "cli/commands/commands.h"
#include "cli/confirm.h"
#include "cli/watch.h"

#define SETTINGS_OPTIONS                                                                           \
    {"hold", 0, ARG_VALUE, "DURATION",                                                             \
     "how long a refused request waits for a decision, such as 20s; 0: it fails at once"},         \
    {"agent-proposals", 0, ARG_VALUE, "on|off",                                                    \
     "on: its programs may read the policy and propose rules at http://policy.local"},             \
    {"approval-mode", 0, ARG_VALUE, "manual|auto",                                                 \
     "auto: denied requests and agents' proposals that every voter allows need no person"}
#include "store/words.h"

static const struct arg_option none[] = {{0}};
static const struct arg_option yes[] = {YES_OPTION, {0}};
static const struct arg_option sandbox_create[] = {
    {"name", 0, ARG_VALUE, "N", "at most 19 of a-z, 0-9 and '-'; made up when left out"},
    {"policy", 0, ARG_VALUE, "FILE", "its policy; the restrictive default when left out"},
    {"signature", 0, ARG_VALUE, "FILE.sig", "the policy's signature, of sluice policy sign"},
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
    {"host", 0, ARG_VALUE, "NAME|K=V[,K=V...]|*",
     "where it runs: a host (sluice host list), one with these labels, or any; the gateway's "
     "own machine when left out"},
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
    WATCH_OPTION,
    {0},
};
static const struct arg_option sandbox_exec[] = {
    {"name", 'n', ARG_VALUE, "NAME", "the sandbox"},
    {"tty", 't', ARG_FLAG, NULL, "with a terminal"},
    {"interactive", 'i', ARG_FLAG, NULL, "accepted: stdin is handed on in any case"},
    {"detach", 0, ARG_FLAG, NULL, "start it without streams and print its pid in the sandbox"},
    {"timeout", 0, ARG_VALUE, "DURATION", "end it after so long, such as 90s, exit 124"},
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
    {"timeout", 0, ARG_VALUE, "DURATION", "give up after so long, such as 5m, exit 124"},
    {0},
};
static const struct arg_option traffic[] = {
    {"verdict", 0, ARG_VALUE, "V",
     "only requests with one verdict:" STORE_TRAFFIC_VERDICTS(STORE_EACH_WORD)},
    {0},
};
static const struct arg_option logs[] = {
    {"follow", 'f', ARG_FLAG, NULL, "go on as they are written"},
    {"tail", 0, ARG_FLAG, NULL, "the same as --follow"},
    {"lines", 'n', ARG_VALUE, "N", "of what is kept only the newest N lines"},
    {"since", 0, ARG_VALUE, "T", "only since then: 2026-01-31T08:05:00Z, or 10m ago"},
    {"level", 0, ARG_VALUE, "debug|info|warn|error", "only lines of this level or a graver one"},
    {0},
};

const struct command commands_sandbox[] = {
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
    {"sandbox", "delete", "NAME...", yes, cmd_sandbox_delete,
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
    {"logs", NULL, "[NAME]", logs, cmd_logs, "show a sandbox's log",
     "sluice logs demo -f --since 10m --level warn"},
    {"traffic", NULL, "[NAME]", traffic, cmd_traffic, "show what a sandbox asked its proxy for",
     "sluice traffic demo --verdict refused"},
    {0},
};
