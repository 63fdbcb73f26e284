/* SPDX-License-Identifier: Apache-2.0 */
/* sluice decision …, audit …, events, logs, status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/terminal.h"
#include "cli/prefix.h"
#include "cli/watch.h"
#include "store/store.h"

/* ---- decisions ---- */

static void table_decisions(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    size_t i;
    json_t *d, *list = json_object_get(json, "decisions");
    if (json_array_size(list) == 0) {
        say(cli, "No decisions on record.");
        return;
    }
    const size_t n = cli->wide ? 8 : 7;
    table_row(&t, n,
              (const char *[]){"TIME", "ID", "SANDBOX", "KIND", "OUTCOME", "REVISION", "ACTOR",
                               "REASON"});
    json_array_foreach(list, i, d) {
        char revision[24] = "-";
        if (json_number(d, "revision"))
            snprintf(revision, sizeof revision, "%lld", json_number(d, "revision"));
        table_row(&t, n,
                  (const char *[]){json_text(d, "at"), json_text(d, "id"), json_text(d, "sandbox"),
                                   json_text(d, "kind"), json_text(d, "outcome"), revision,
                                   json_text(json_object_get(d, "actor"), "name"),
                                   json_text(d, "reason")});
    }
    table_print(cli, &t);
}

int cmd_decision_list(struct cli *cli)
{
    long limit;
    if (arg_number(cli, "limit", 20, 1000000, &limit) != 0)
        return EXIT_USAGE;
    char *name = cli->n_operands ? url_escape(cli->operands[0]) : NULL;
    char *path = alloc_printf("/v1/decisions?limit=%ld%s%s&before=", limit,
                              name ? "&sandbox=" : "", name ? name : "");
    free(name);
    return list_show(cli, &(struct list){.path = path,
                                         .pages = true,
                                         .most = (size_t)limit,
                                         .key = "decisions",
                                         .sandbox = cli->n_operands ? cli->operands[0] : NULL,
                                         .table = table_decisions});
}

static void explain_changes(const json_t *diff)
{
    static const struct {
        const char *key, *name, *sentence;
    } parts[] = {{"added", "key", "adds rule %s"}, {"removed", "key", "removes rule %s"},
                 {"changed", "key", "changes rule %s"}, {"static", "path", "changes %s"}};
    for (size_t p = 0; p < 4; p++) {
        size_t i;
        json_t *c;
        json_array_foreach(json_object_get(diff, parts[p].key), i, c) {
            char line[512];
            const char *name = json_text(c, parts[p].name);
            snprintf(line, sizeof line, "%.*s%s",
                     (int)(strstr(parts[p].sentence, "%s") - parts[p].sentence), parts[p].sentence,
                     name);
            terminal_print(stdout, "  It %s.\n", line);
        }
    }
}

static void explain_vote(const json_t *v)
{
    const char *verdict = json_text(v, "verdict"), *message = json_text(v, "message"),
               *path = json_text(v, "path");
    const char *level = json_text(v, "level");
    const char *said = strcmp(verdict, "allow") == 0  ? "agreed"
                       : strcmp(verdict, "deny") == 0 ? "refused"
                       : strcmp(verdict, "hold") == 0 ? "asked for a person's decision"
                                                      : "had no opinion";
    terminal_print(stdout, "  %s %s (%s) %s%s%s%s%s%s%s%s.\n", json_text(v, "voter"),
                   json_text(v, "version"), level, said, *message ? ": " : "",
                   *message ? json_text(v, "code") : "", *message ? ", " : "", message,
                   *path ? " (at " : "", path, *path ? ")" : "");
}

static void explain_remedy(const json_t *d)
{
    size_t i;
    json_t *v;
    if (strcmp(json_text(d, "outcome"), "allowed") == 0)
        return;
    terminal_print(stdout, "\nTo pass:\n");
    json_array_foreach(json_object_get(d, "votes"), i, v) {
        const char *verdict = json_text(v, "verdict"), *level = json_text(v, "level");
        if (strcmp(level, "advisory") == 0)
            continue;
        if (strcmp(verdict, "deny") == 0)
            terminal_print(stdout, "  %s must no longer object to %s%s.\n", json_text(v, "voter"),
                           *json_text(v, "path") ? json_text(v, "path") : "it",
                           strcmp(level, "overridable") == 0
                               ? ", or an admin overrides it with --override --reason"
                               : "");
        else if (strcmp(verdict, "hold") == 0 && strcmp(json_text(d, "kind"), "create") == 0)
            terminal_print(stdout,
                           "  make the sandbox with less and ask for the rest with sluice policy "
                           "set: only a sandbox that exists can wait for an approval.\n");
        else if (strcmp(verdict, "hold") == 0)
            terminal_print(
                stdout,
                "  somebody other than its author must approve it (sluice rule approve).\n");
    }
}

static void explain_cure(const json_t *cure)
{
    const json_t *operation = json_array_get(json_object_get(cure, "operations"), 0);
    const json_t *rule = json_object_get(operation, "add_rule");
    if (rule)
        terminal_print(stdout,
                       "  It is the cure of a refusal: the rule %s opens what was refused and no "
                       "more.\n",
                       json_text(rule, "rule_name"));
}

/* A ceiling that was set or deleted: nothing was voted on. */
static void explain_ceiling(const json_t *d)
{
    const json_t *actor = json_object_get(d, "actor");
    terminal_print(stdout, "Record %s of %s\n\n%s (%s, via %s, known by %s, from %s): %s.\n",
                   json_text(d, "id"), json_text(d, "at"), json_text(actor, "name"),
                   json_text(actor, "role"), json_text(actor, "via"), json_text(actor, "identity"),
                   json_text(actor, "origin"), json_text(d, "reason"));
}

static void table_decision(const struct cli *cli, const json_t *d)
{
    (void)cli;
    if (strncmp(json_text(d, "kind"), "ceiling_", 8) == 0) {
        explain_ceiling(d);
        return;
    }
    const json_t *actor = json_object_get(d, "actor");
    size_t i;
    json_t *v;
    terminal_print(stdout, "Decision %s of %s\n\n", json_text(d, "id"), json_text(d, "at"));
    const char *identity = json_text(actor, "identity"), *origin = json_text(actor, "origin");
    terminal_print(stdout,
                   "%s (%s, via %s%s%s%s%s) asked for %s %s of the policy of sandbox %s%s%s%s.\n",
                   json_text(actor, "name"), json_text(actor, "role"), json_text(actor, "via"),
                   *identity ? ", known by " : "", identity, *origin ? ", from " : "", origin,
                   strchr("aeiou", *json_text(d, "kind")) ? "an" : "a", json_text(d, "kind"),
                   json_text(d, "sandbox"), *json_text(d, "reason") ? ", because \"" : "",
                   json_text(d, "reason"), *json_text(d, "reason") ? "\"" : "");
    explain_changes(json_object_get(d, "diff"));
    print_effect(json_object_get(d, "effect"), "  ");
    explain_cure(json_object_get(d, "cure"));
    terminal_print(stdout, "\nThe voters:\n");
    json_array_foreach(json_object_get(d, "votes"), i, v)
        explain_vote(v);
    terminal_print(stdout, "\nIt was %s", json_text(d, "outcome"));
    if (json_number(d, "revision"))
        terminal_print(stdout, " and became revision %lld", json_number(d, "revision"));
    terminal_print(stdout, "%s.\n",
                   json_is_true(json_object_get(d, "overridden")) ? ", overriding a voter" : "");
    explain_remedy(d);
}

int cmd_decision_show(struct cli *cli)
{
    if (cli->n_operands != 1)
        return usage_error(cli, "which decision? give one id; sluice decision list shows them");
    int code;
    char *id = prefix_decision(cli, cli->operands[0], &code);
    if (!id)
        return code;
    char *escaped = url_escape(id), *path = alloc_printf("/v1/decisions/%s", escaped);
    free(escaped);
    free(id);
    return client_show(cli, path, table_decision);
}

/* ---- audit ---- */

static int show_audit(const struct cli *cli, const json_t *json)
{
    bool intact = json_is_true(json_object_get(json, "intact"));
    if (cli->output != OUT_TABLE)
        print_json(cli, json);
    else if (intact)
        terminal_print(stdout, "✓ The audit chain is intact: %lld records, head %s\n",
                       json_number(json, "records"), json_text(json, "head"));
    else
        terminal_print(stdout, "✗ The audit chain is broken at record %lld: %s\n",
                       json_number(json, "first_bad"), json_text(json, "why"));
    return intact ? EXIT_DONE : EXIT_REFUSED;
}

static int verify_file(const struct cli *cli, const char *file, const char *head)
{
    struct store_audit_report r;
    struct error err;
    if (store_audit_verify_at(file, head, &r, &err) != 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    json_t *json = json_pack("{s:b, s:I, s:I, s:s, s:s}", "intact", (int)(r.bad_seq == 0),
                             "records", (json_int_t)r.records, "first_bad", (json_int_t)r.bad_seq,
                             "why", r.why, "head", r.head);
    int code = show_audit(cli, json);
    json_decref(json);
    return code;
}

int cmd_audit_verify(struct cli *cli)
{
    struct reply reply;
    const char *file = arg_value(cli, "file"), *head = arg_value(cli, "head");
    if (file)
        return verify_file(cli, file, head);
    char *noted = url_escape(head ? head : "");
    char *path = alloc_printf("/v1/audit/verify%s%s", head ? "?head=" : "", noted);
    free(noted);
    client_call(cli, &(struct call){.method = "GET", .path = path, .timeout_s = 600}, &reply);
    int code = reply.status == 200 ? show_audit(cli, reply.json) : reply_failed(cli, &reply);
    reply_free(&reply);
    return code;
}

/* ---- events and logs ---- */

struct sse {
    const struct cli *cli;
    char type[64];
    struct buf data;
};

/* "reset" matters only to readers that resume: a new reader misses nothing. */
static void print_event(struct sse *s)
{
    json_t *json = json_loads(buf_str(&s->data), 0, NULL);
    const char *sandbox = json_text(json, "sandbox");
    if (s->cli->output != OUT_TABLE) {
        json_t *item = json_pack("{s:s, s:O?}", "event", s->type, "data", json);
        print_item(s->cli, item);
        json_decref(item);
    } else {
        terminal_print(stdout, "%s %-9s %s ", json_text(json, "at"), s->type,
                       *sandbox ? sandbox : "-");
        print_compact(json);
        fflush(stdout);
    }
    json_decref(json);
}

static void event_line(void *ctx, const char *line)
{
    struct sse *s = ctx;
    int len = (int)strcspn(line, "\r");
    if (strncmp(line, "event: ", 7) == 0) {
        snprintf(s->type, sizeof s->type, "%.*s", len - 7, line + 7);
    } else if (strncmp(line, "data: ", 6) == 0) {
        buf_clear(&s->data);
        buf_printf(&s->data, "%.*s", len - 6, line + 6);
    } else if (len == 0 && s->data.len) {
        if (strcmp(s->type, "reset") != 0)
            print_event(s);
        buf_clear(&s->data);
    }
}

/* A sandbox may be made later, and a name be mistyped.  -1, or an exit code. */
static int note_absent(const struct cli *cli, const char *name)
{
    struct reply reply;
    char *word = url_escape(name);
    char *path = alloc_printf("/v1/sandboxes/%s", word);
    client_call(cli, &(struct call){.method = "GET", .path = path}, &reply);
    if (reply.status == 404)
        say(cli, "no sandbox is called '%s': waiting for one", name);
    int code = reply.status ? -1 : reply_failed(cli, &reply);
    reply_free(&reply);
    free(word);
    return code;
}

int cmd_events(struct cli *cli)
{
    struct sse s = {.cli = cli};
    int absent =
        cli->n_operands && arg_given(cli, "follow") ? note_absent(cli, cli->operands[0]) : -1;
    if (absent >= 0)
        return absent;
    char *name = cli->n_operands ? url_escape(cli->operands[0]) : NULL;
    /* From the oldest event that is kept. */
    const struct call call = {
        .method = "GET",
        .accept = "text/event-stream",
        .headers = {"Last-Event-ID: 0"},
        .path = alloc_printf("/v1/events?%s%s%sfollow=%s", name ? "sandbox=" : "", name ? name : "",
                             name ? "&" : "", arg_given(cli, "follow") ? "true" : "false"),
    };
    free(name);
    int code = client_follow(cli, &call, event_line, &s);
    buf_free(&s.data);
    return code;
}

/* TIME LEVEL TEXT, as log_write() writes it. */
static void log_line(void *ctx, const char *line)
{
    const struct cli *cli = ctx;
    char at[64] = "", level[16] = "";
    int text = 0;
    if (cli->output == OUT_TABLE || sscanf(line, "%63s %15s %n", at, level, &text) < 2 || !text) {
        terminal_print(stdout, "%s\n", line);
        fflush(stdout);
        return;
    }
    json_t *item = json_pack("{s:s, s:s, s:s}", "at", at, "level", level, "text", line + text);
    print_item(cli, item);
    json_decref(item);
}

/* An exit code after saying what is wrong, or -1. */
static int log_query(const struct cli *cli, bool follows, char **out)
{
    const char *level = arg_value(cli, "level");
    enum log_level parsed;
    int64_t since;
    long lines;
    if (level && log_level_parse(level, &parsed) != 0)
        return usage_error(cli, "--level is one of" LOG_LEVELS(LOG_EACH_WORD) ", not '%s'", level);
    if (arg_range(cli, "lines", 0, 1, 1000000, &lines) != 0)
        return EXIT_USAGE;
    int code = arg_time(cli, "since", 0, &since);
    if (code >= 0)
        return code;
    *out = alloc_printf("?follow=%s&limit=%ld&since_ms=%lld%s%s", follows ? "true" : "false", lines,
                        (long long)since, level ? "&level=" : "", level ? level : "");
    return -1;
}

int cmd_logs(struct cli *cli)
{
    const char *name = sandbox_operand(cli, 0);
    if (!name)
        return EXIT_USAGE;
    bool follows = arg_given(cli, "tail") || arg_given(cli, "follow");
    char *rest;
    int bad = log_query(cli, follows, &rest);
    if (bad >= 0)
        return bad;
    char *escaped = url_escape(name);
    const struct call call = {.method = "GET",
                              .accept = "*/*",
                              .path = alloc_printf("/v1/sandboxes/%s/logs%s", escaped, rest)};
    free(escaped);
    free(rest);
    return client_follow(cli, &call, log_line, cli);
}

/* ---- status ---- */

static void table_fact(const char *label, const char *value, const char *of, const char *reason)
{
    terminal_print(stdout, "%-10s %s%s%s%s\n", label, of, value, *reason ? ": " : "", reason);
}

/* Of a store that has several. */
static void table_gateways(const json_t *gateways)
{
    size_t i;
    const json_t *g;
    json_array_foreach(gateways, i, g)
        terminal_print(stdout, "%-10s %s%s%s\n", i ? "" : "Gateways:", json_text(g, "name"),
                       json_is_true(json_object_get(g, "here")) ? " (this one)" : "",
                       json_is_true(json_object_get(g, "alive")) ? "" : " (does not answer)");
}

static void table_status(const struct cli *cli, const json_t *s)
{
    terminal_print(stdout,
                   "Gateway:   %s\nStatus:    %s\nVersion:   %s\nStarted:   %s\nSandboxes: %lld "
                   "(%lld ready)\nVoters:    %lld\nPending:   %lld draft chunk(s)\n",
                   cli->gateway, json_text(s, "status"), json_text(s, "version"),
                   json_text(s, "started_at"), json_number(s, "sandboxes"), json_number(s, "ready"),
                   json_number(s, "voters"), json_number(s, "pending_drafts"));
    const json_t *limits = json_object_get(s, "limits"),
                 *uids = json_object_get(s, "workload_uids");
    table_fact("Limits:", json_text(limits, "cgroup"), "by cgroup ", json_text(limits, "reason"));
    table_fact("Uids:", json_text(uids, "kind"), "of sandboxes: ", json_text(uids, "reason"));
    table_gateways(json_object_get(s, "gateways"));
}

int cmd_status(struct cli *cli)
{
    struct reply reply;
    client_call(cli, &(struct call){.method = "GET", .path = alloc_str("/v1/status")}, &reply);
    int code = reply.status == 200 && reply.json ? EXIT_DONE : reply_failed(cli, &reply);
    if (code == EXIT_DONE && cli->output == OUT_TABLE) {
        table_status(cli, reply.json);
    } else if (code == EXIT_DONE) {
        json_object_set_new(reply.json, "gateway",
                            /* The gateway does not know by which address. */
                            json_string(cli->gateway));
        print_json(cli, reply.json);
    }
    reply_free(&reply);
    return code;
}
