/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy prune: the policy without what nothing on record needed, as an update. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "cli/document.h"
#include "cli/policy/seen.h"
#include "policy/learn/prune.h"

struct prune {
    struct cli *cli;
    const char *name;
    struct arena *arena;
    struct seen seen;
    long long revision;                             /* of the policy */
    struct policy *policy;
    const struct sluice_policy **before;
    size_t n_before;
};

static char *sandbox_path(const struct prune *p, const char *rest)
{
    char *escaped = url_escape(p->name);
    char *path = alloc_printf("/v1/sandboxes/%s%s", escaped, rest);
    free(escaped);
    return path;
}

/* An exit code. */
static int get(const struct prune *p, const char *rest, struct reply *out)
{
    client_call(p->cli, &(struct call){.method = "GET", .path = sandbox_path(p, rest)}, out);
    return out->status == 200 && out->json ? EXIT_DONE : reply_failed(p->cli, out);
}

static int read_policy(const struct prune *p, long long revision, struct policy **out)
{
    struct reply reply;
    char *rest = alloc_printf("/revisions/%lld", revision);
    int code = get(p, rest, &reply);
    *out = NULL;
    if (code == EXIT_DONE) {
        char *text = json_dumps(json_object_get(reply.json, "policy"), JSON_COMPACT);
        *out = policy_keep(policy_parse(text, strlen(text), DOC_JSON, NULL), p->arena);
        free(text);
        if (!*out)
            complain("revision %lld has no policy that this version can read", revision);
        code = *out ? EXIT_DONE : EXIT_REFUSED;
    }
    reply_free(&reply);
    free(rest);
    return code;
}

/* The newest first: all down to the one that was in force at that time.  Where there is none, or
 * the record begins later, nothing was there long enough. */
static int read_revisions(struct prune *p, const json_t *list)
{
    bool whole = time_read(json_text(p->seen.json, "since")) <= p->seen.from_ms;
    int code = EXIT_DONE;
    size_t i;
    json_t *r;
    p->before = arena_alloc(p->arena, (json_array_size(list) + 1) * sizeof *p->before);
    json_array_foreach(list, i, r) {
        struct policy *policy;
        bool first = time_read(json_text(r, "created_at")) <= p->seen.from_ms;
        if ((code = read_policy(p, json_number(r, "revision"), &policy)) != EXIT_DONE)
            return code;
        if (i == 0) {
            p->policy = policy;
            p->revision = json_number(r, "revision");
        }
        p->before[p->n_before++] = policy_model(policy);
        if (first && whole)
            return EXIT_DONE;
        if (!whole)
            break;
    }
    p->n_before = 0;
    return code;
}

static int read_all(struct prune *p)
{
    struct reply reply;
    int code = seen_read(p->cli, p->name, &p->seen);
    if (code != EXIT_DONE)
        return code;
    code = get(p, "/revisions", &reply);
    if (code == EXIT_DONE)
        code = read_revisions(p, json_object_get(reply.json, "revisions"));
    reply_free(&reply);
    return code;
}

static void print_parts(const struct prune *p, const struct policy_pruned *pruned)
{
    const char *duration = arg_value(p->cli, "unused-for");
    for (size_t i = 0; i < pruned->n_unused; i++)
        terminal_print(stderr, "unused for %s: %s\n", duration, pruned->unused[i]);
    for (size_t i = 0; i < pruned->n_young; i++)
        terminal_print(stderr, "kept, as its record is shorter than %s: %s\n", duration,
                       pruned->young[i]);
}

/* What is unused is found on one revision, and taken from no other. */
static int send(const struct prune *p, const struct policy_pruned *pruned)
{
    struct reply reply;
    char *reason, *match = alloc_printf("If-Match: \"%lld\"", p->revision);
    const char *text = policy_json(pruned->policy);
    int code = reason_header(p->cli, &reason);
    if (code < 0 && !reason)
        reason = alloc_printf("Sluice-Reason: unused for %s", arg_value(p->cli, "unused-for"));
    if (code < 0) {
        struct call call = {.method = "PUT", .type = "application/json", .body = text,
                            .len = strlen(text), .headers = {match, reason}};
        call.path = sandbox_path(
            p, arg_given(p->cli, "dry-run") ? "/policy?dry_run=true" : "/policy");
        client_call(p->cli, &call, &reply);
        code = update_finish(p->cli, p->name, &reply);
        reply_free(&reply);
    }
    free(reason);
    free(match);
    return code;
}

static int prune(const struct prune *p)
{
    struct policy_pruned pruned;
    struct error err;
    const struct policy_pruning pruning = {
        .policy = policy_model(p->policy), .seen = p->seen.items, .n = p->seen.n,
        .before = p->before, .n_before = p->n_before};
    if (policy_prune(&pruning, p->arena, &pruned, &err) != 0) {
        complain("%s", err.text);
        return EXIT_REFUSED;
    }
    print_parts(p, &pruned);
    if (pruned.n_unused)
        return send(p, &pruned);
    say(p->cli, "Nothing of the policy is known to be unused for %s.",
        arg_value(p->cli, "unused-for"));
    return EXIT_DONE;
}

int cmd_policy_prune(struct cli *cli)
{
    struct prune p = {.cli = cli, .seen.to_ms = INT64_MAX};
    int64_t unused_ms;
    int code = arg_duration(cli, "unused-for", &unused_ms);
    if (code >= 0)
        return code;
    if (arg_given(cli, "wait") && arg_given(cli, "dry-run"))
        return usage_error(cli, "--wait cannot be combined with --dry-run");
    if (!(p.name = sandbox_operand(cli, 0)))
        return EXIT_USAGE;
    p.seen.from_ms = clock_now_ms() - unused_ms;
    p.arena = arena_new();
    code = read_all(&p);
    if (code == EXIT_DONE)
        code = prune(&p);
    seen_free(&p.seen);
    arena_free(p.arena);
    return code;
}
