/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on draft chunks, and what is on record. */
#include "cli/commands/commands.h"
#include "cli/confirm.h"
#include "cli/watch.h"
#include "store/words.h"

static const struct arg_option none[] = {{0}};
static const struct arg_option yes[] = {YES_OPTION, {0}};
static const struct arg_option rule_get[] = {
    {"status", 0, ARG_VALUE, "S",
     "only those of one status:" STORE_DRAFT_STATUSES(STORE_EACH_WORD)},
    {"all-sandboxes", 'A', ARG_FLAG, NULL, "of all sandboxes, a line each"},
    WATCH_OPTION,
    {0},
};
static const struct arg_option rule_propose[] = {
    {"add-endpoint", 0, ARG_VALUE, "SPEC",
     "host:port[:access[:protocol[:enforcement[:options]]]]; several are several chunks"},
    {"binary", 0, ARG_VALUE, "PATH", "who may use the endpoints; may be repeated"},
    {"rule", 0, ARG_VALUE, "FILE", "the rule, instead of --add-endpoint; - reads stdin"},
    {"operations", 0, ARG_VALUE, "FILE",
     "the rules of the cure in the answer to a refused request; - reads stdin"},
    {"rule-name", 0, ARG_VALUE, "N", "its name in the policy; made of its endpoint when left out"},
    {"once", 0, ARG_FLAG, NULL, "it is to end after one use, as with --uses 1"},
    {"uses", 0, ARG_VALUE, "N", "it is to end after N uses"},
    {"for", 0, ARG_VALUE, "DURATION", "it is to end so long after the approval, such as 10m"},
    {"until", 0, ARG_VALUE, "TIME", "it is to end at this time: 2026-01-31T08:05:00Z"},
    {"reason", 0, ARG_VALUE, "TEXT", "why, for whoever decides"},
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
static const struct arg_option rule_history[] = {
    {"limit", 0, ARG_VALUE, "N", "at most N events (1000), the newest; 0: all"},
    {0},
};
static const struct arg_option decision_list[] = {
    {"limit", 0, ARG_VALUE, "N", "at most N decisions (20); 0: all"},
    WATCH_OPTION,
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

const struct command commands_rule[] = {
    {"rule", "get", "[NAME]", rule_get, cmd_rule_get, "show proposed rules",
     "sluice rule get demo --status pending"},
    {"rule", "propose", "[NAME]", rule_propose, cmd_rule_propose,
     "propose a rule, for somebody who may approve it",
     "sluice rule propose demo --add-endpoint api.github.com:443 --binary /usr/bin/curl"},
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
    {"rule", "clear", "[NAME]", yes, cmd_rule_clear, "delete the pending chunks",
     "sluice rule clear demo"},
    {"rule", "history", "[NAME]", rule_history, cmd_rule_history,
     "show what happened to the chunks", "sluice rule history demo"},
    {"decision", "list", "[NAME]", decision_list, cmd_decision_list, "list decisions",
     "sluice decision list demo"},
    {"decision", "show", "ID", none, cmd_decision_show, "explain a decision",
     "sluice decision show ID"},
    {"audit", "verify", "", audit_verify, cmd_audit_verify, "check the audit chain",
     "sluice audit verify"},
    {"events", NULL, "[NAME]", events, cmd_events, "show what happens", "sluice events --follow"},
    {0},
};
