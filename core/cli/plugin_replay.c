/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin replay: the decisions come from the gateway, the chain is asked here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "chain/options.h"
#include "cli/plugin.h"
#include "testkit/replay.h"

enum { TIMEOUT_S = 30 };

struct history {
    struct cli *cli;
    struct arena *arena;
    json_t *list;                                   /* of the gateway, newest first */
    json_t *policies;                               /* {hash: index into known} */
    struct policy **known;
    size_t n_known;
    json_t *first; /* {sandbox: hash of its creation-time policy} */
    json_t *sandboxes;                              /* {name: as the gateway tells it, or null} */
    struct replay_decision *decisions;
    size_t n, unknown, gone;
};

/* ---- reading from the gateway ---- */

/* NULL with the exit code; *code is EXIT_DONE where there is no such thing. */
static json_t *get(const struct cli *cli, char *path, int *code)
{
    struct reply reply;
    json_t *json = NULL;
    client_call(cli, &(struct call){.method = "GET", .path = path}, &reply);
    *code = EXIT_DONE;
    if (reply.status == 200)
        json = json_incref(reply.json);
    else if (reply.status != 404)
        *code = reply_failed(cli, &reply);
    reply_free(&reply);
    return json;
}

static void drop_policy(void *policy)
{
    policy_unref(policy);
}

/* Known policies are found by hash: most bases are the candidate of an earlier decision. */
static struct policy *find_policy(const struct history *h, const char *hash)
{
    const json_t *index = json_object_get(h->policies, hash);
    return index ? h->known[json_integer_value(index)] : NULL;
}

static struct policy *keep_policy(struct history *h, const char *hash, const json_t *document)
{
    struct problems problems = {0};
    char *text = json_dumps(document, JSON_COMPACT);
    struct policy *written = text ? policy_parse(text, strlen(text), DOC_JSON, &problems) : NULL;
    free(text);
    problems_free(&problems);
    if (!written)
        return NULL;
    struct policy *policy = policy_complete(written, NULL);
    policy_unref(written);
    arena_defer(h->arena, drop_policy, policy);
    h->known = alloc_resize(h->known, h->n_known + 1, sizeof *h->known);
    json_object_set_new(h->policies, hash, json_integer((json_int_t)h->n_known));
    h->known[h->n_known++] = policy;
    return policy;
}

static void show_progress(const struct cli *cli, const char *what, size_t done, size_t n)
{
    if (cli->quiet || !isatty(STDERR_FILENO) || (done % 64 && done != n))
        return;
    enum { WIDTH = 40 };
    int filled = n ? (int)(done * WIDTH / n) : WIDTH;
    fprintf(stderr, "\r%s [%.*s%*s] %zu of %zu%s", what, filled,
            "########################################", WIDTH - filled, "", done, n,
            done == n ? "\n" : "");
}

/* ---- the candidates of all decisions, each policy once ---- */

struct wanted {
    struct history *h;
    char **paths;
    const char **hashes;
    size_t n, done;
};

static int on_candidate(void *arg, size_t i, const struct reply *reply)
{
    struct wanted *w = arg;
    if (reply->status != 200 && reply->status != 404)
        return reply_failed(w->h->cli, reply);
    if (reply->json)
        keep_policy(w->h, w->hashes[i], json_object_get(reply->json, "candidate"));
    show_progress(w->h->cli, "reading", ++w->done, w->n);
    return EXIT_DONE;
}

static int read_candidates(struct history *h)
{
    size_t n = json_array_size(h->list), i;
    struct wanted w = {.h = h, .paths = alloc_zero(n, sizeof *w.paths),
                       .hashes = alloc_zero(n, sizeof *w.hashes)};
    json_t *seen = json_object(), *d;
    json_array_foreach(h->list, i, d) {
        const char *hash = json_text(d, "candidate_hash");
        if (json_object_get(seen, hash))
            continue;
        json_object_set_new(seen, hash, json_true());
        char *id = url_escape(json_text(d, "id"));
        w.hashes[w.n] = hash;
        w.paths[w.n++] = alloc_printf("/v1/decisions/%s", id);
        free(id);
    }
    int code = client_get_each(h->cli, w.paths, w.n, on_candidate, &w);
    for (i = 0; i < w.n; i++)
        free(w.paths[i]);
    free(w.paths);
    free(w.hashes);
    json_decref(seen);
    return code;
}

static struct policy *revision_of(struct history *h, const char *sandbox, long long revision,
                                  const char *hash, int *code)
{
    struct policy *policy = *hash ? find_policy(h, hash) : NULL;
    *code = EXIT_DONE;
    if (policy)
        return policy;
    char *name = url_escape(sandbox);
    json_t *json =
        get(h->cli, alloc_printf("/v1/sandboxes/%s/policy?revision=%lld", name, revision), code);
    free(name);
    /* Another sandbox may have the name by now. */
    if (json && (!*hash || strcmp(json_text(json, "hash"), hash) == 0))
        policy = keep_policy(h, json_text(json, "hash"), json_object_get(json, "policy"));
    json_decref(json);
    return policy;
}

static const json_t *sandbox_of(struct history *h, const char *name, int *code)
{
    const json_t *known = json_object_get(h->sandboxes, name);
    *code = EXIT_DONE;
    if (known)
        return known;
    char *escaped = url_escape(name);
    json_t *json = get(h->cli, alloc_printf("/v1/sandboxes/%s", escaped), code);
    free(escaped);
    json_object_set_new(h->sandboxes, name, json ? json : json_null());
    return json_object_get(h->sandboxes, name);
}

/* ---- one decision ---- */

static void set_labels(struct history *h, const json_t *json, struct sluice_sandbox *out)
{
    json_t *labels = json_object_get(json, "labels"), *value;
    const char *key;
    const struct sluice_label **list =
        arena_alloc(h->arena, (json_object_size(labels) + 1) * sizeof *list);
    json_object_foreach(labels, key, value) {
        struct sluice_label *label = arena_alloc(h->arena, sizeof *label);
        size_t at = out->n_labels++;
        *label = (struct sluice_label){sizeof *label, key, json_string_value(value)};
        for (; at > 0 && strcmp(list[at - 1]->key, key) > 0; at--)
            list[at] = list[at - 1];
        list[at] = label;
    }
    out->labels = out->n_labels ? list : NULL;
}

/* A sandbox that is gone is taken for the usual one. */
static void set_sandbox(struct history *h, const json_t *json, struct replay_decision *d)
{
    struct sluice_sandbox *s = arena_zalloc(h->arena, sizeof *s);
    s->size = sizeof *s;
    s->name = d->sandbox;
    s->id = json_text(json, "id");
    s->network = strcmp(json_text(json, "network"), "none") == 0 ? SLUICE_NETWORK_NONE
                                                                 : SLUICE_NETWORK_PROXY;
    s->running = d->kind != SLUICE_CREATE;
    set_labels(h, json, s);
    h->gone += json_is_null(json);
    d->face = s;
}

static void set_actor(struct history *h, const json_t *json, struct replay_decision *d)
{
    struct sluice_actor *a = arena_alloc(h->arena, sizeof *a);
    *a = (struct sluice_actor){sizeof *a, json_text(json, "name"), json_text(json, "role"),
                               json_text(json, "via")};
    d->actor = a;
}

static int64_t read_time(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end)
        return -1;
    long ms = *end == '.' ? strtol(end + 1, (char **)(uintptr_t)&end, 10) : 0;
    return strcmp(end, "Z") == 0 ? (int64_t)timegm(&tm) * 1000 + ms : -1;
}

static int set_kind(const json_t *json, struct replay_decision *d)
{
    for (int k = 0; k < SLUICE_KIND_COUNT; k++) {
        d->kind = (enum sluice_kind)k;
        if (strcmp(json_text(json, "kind"), chain_kind_word(d->kind)) == 0)
            return 0;
    }
    return -1;
}

static int set_policies(struct history *h, const json_t *json, struct replay_decision *d)
{
    int code;
    d->candidate = find_policy(h, json_text(json, "candidate_hash"));
    if (d->kind == SLUICE_CREATE) {
        json_object_set_new(h->first, d->sandbox, json_string(json_text(json, "candidate_hash")));
        return EXIT_DONE;
    }
    d->current = revision_of(h, d->sandbox, json_number(json, "base_revision"),
                             json_text(json, "base_hash"), &code);
    if (code != EXIT_DONE || !d->current)
        return code;
    const char *first = json_text(h->first, d->sandbox);
    d->baseline = revision_of(h, d->sandbox, 1, first, &code);
    if (d->baseline && !*first)
        json_object_set_new(h->first, d->sandbox, json_string(policy_hash(d->baseline)));
    return code;
}

static int read_decision(struct history *h, const json_t *json)
{
    struct replay_decision *d = &h->decisions[h->n];
    *d = (struct replay_decision){
        .id = json_text(json, "id"),
        .sandbox = json_text(json, "sandbox"),
        .at = json_text(json, "at"),
        .outcome = json_text(json, "outcome"),
        .reason = json_text(json, "reason"),
        .votes = json_object_get(json, "votes"),
        .overridden = json_is_true(json_object_get(json, "overridden")),
        .now_ms = read_time(json_text(json, "at")),
    };
    int code = set_kind(json, d) == 0 ? set_policies(h, json, d) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    if (!d->candidate || (d->kind != SLUICE_CREATE && (!d->current || !d->baseline))) {
        h->unknown++;
        return EXIT_DONE;
    }
    const json_t *sandbox = d->kind == SLUICE_GLOBAL ? NULL : sandbox_of(h, d->sandbox, &code);
    set_actor(h, json_object_get(json, "actor"), d);
    if (sandbox)
        set_sandbox(h, sandbox, d);
    h->n++;
    return code;
}

/* Oldest first, so that policies are known when later decisions stand on them. */
static int read_decisions(struct history *h)
{
    size_t n = json_array_size(h->list);
    int read = read_candidates(h);
    if (read != EXIT_DONE)
        return read;
    h->decisions = alloc_zero(n, sizeof *h->decisions);
    for (size_t i = n; i > 0; i--) {
        int code = read_decision(h, json_array_get(h->list, i - 1));
        if (code != EXIT_DONE)
            return code;
    }
    return EXIT_DONE;
}

static int read_since(const struct cli *cli, int64_t *out)
{
    const char *text = arg_value(cli, "since");
    int64_t ago;
    *out = 0;
    if (!text)
        return -1;
    if (options_duration(text, &ago) == 0)
        *out = clock_now_ms() - ago;
    else
        *out = read_time(text);
    return *out >= 0
               ? -1
               : usage_error(cli,
                             "--since takes a time such as 2026-01-31T08:05:00Z or 24h, not '%s'",
                             text);
}

static int read_history(struct history *h)
{
    int64_t since;
    int code = read_since(h->cli, &since);
    if (code >= 0)
        return code;
    const char *sandbox = arg_value(h->cli, "sandbox");
    char *name = sandbox ? url_escape(sandbox) : NULL;
    json_t *json = get(h->cli,
                       alloc_printf("/v1/decisions?limit=1000000&since_ms=%lld%s%s",
                                    (long long)since, name ? "&sandbox=" : "", name ? name : ""),
                       &code);
    free(name);
    h->list = json_incref(json_object_get(json, "decisions"));
    if (!json && code == EXIT_DONE) {
        complain("there is no sandbox '%s'", sandbox ? sandbox : "");
        code = EXIT_USAGE;
    }
    json_decref(json);
    return code == EXIT_DONE ? read_decisions(h) : code == EXIT_REFUSED ? EXIT_USAGE : code;
}

/* ---- telling what differs ---- */

struct telling {
    const struct cli *cli;
    json_t *differing;
};

static const json_t *vote_of(const json_t *votes, const char *voter)
{
    size_t i;
    json_t *vote;
    json_array_foreach((json_t *)(uintptr_t)votes, i, vote) {
        if (strcmp(json_text(vote, "voter"), voter) == 0)
            return vote;
    }
    return NULL;
}

static bool same_vote(const json_t *a, const json_t *b)
{
    return a && b && strcmp(json_text(a, "verdict"), json_text(b, "verdict")) == 0 &&
           strcmp(json_text(a, "code"), json_text(b, "code")) == 0;
}

static void add_ballot(json_t *list, const char *voter, const json_t *then, const json_t *now)
{
    if (same_vote(then, now))
        return;
    json_t *pair = json_pack("{s:s, s:n, s:n}", "voter", voter, "then", "now");
    if (then)
        json_object_set(pair, "then", (json_t *)(uintptr_t)then);
    if (now)
        json_object_set(pair, "now", (json_t *)(uintptr_t)now);
    json_array_append_new(list, pair);
}

static json_t *differing_ballots(const json_t *then, const json_t *now)
{
    json_t *list = json_array(), *vote;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)then, i, vote)
        add_ballot(list, json_text(vote, "voter"), vote, vote_of(now, json_text(vote, "voter")));
    json_array_foreach((json_t *)(uintptr_t)now, i, vote)
        if (!vote_of(then, json_text(vote, "voter")))
            add_ballot(list, json_text(vote, "voter"), NULL, vote);
    return list;
}

static void print_vote(const char *when, const json_t *vote)
{
    const char *code = json_text(vote, "code"), *message = json_text(vote, "message"),
               *path = json_text(vote, "path");
    if (json_is_null(vote))
        printf("      %s: did not vote\n", when);
    else
        printf("      %s: %s%s%s%s%s%s%s%s\n", when, json_text(vote, "verdict"), *code ? " " : "",
               code, *message ? ", " : "", message, *path ? " (" : "", path, *path ? ")" : "");
}

static void print_difference(const json_t *d)
{
    size_t i;
    json_t *pair;
    printf("%s  %s  %s  %s\n  then %s, now %s%s%s\n", json_text(d, "id"), json_text(d, "sandbox"),
           json_text(d, "kind"), json_text(d, "at"), json_text(d, "then"), json_text(d, "now"),
           *json_text(d, "how") ? ": " : "", json_text(d, "how"));
    json_array_foreach(json_object_get(d, "ballots"), i, pair) {
        printf("    %s\n", json_text(pair, "voter"));
        print_vote("then", json_object_get(pair, "then"));
        print_vote("now ", json_object_get(pair, "now"));
    }
}

static void on_difference(void *arg, const struct replay_difference *difference)
{
    struct telling *t = arg;
    const struct replay_decision *d = difference->decision;
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "id", d->id, "sandbox", d->sandbox, "kind",
        chain_kind_word(d->kind), "at", d->at, "then", d->outcome, "now", difference->outcome,
        "how", difference->how, "ballots",
        difference->votes ? differing_ballots(d->votes, difference->votes) : json_array());
    if (t->cli->output == OUT_TABLE)
        print_difference(json);
    json_array_append_new(t->differing, json);
}

static void on_progress(void *arg, size_t done, size_t n)
{
    const struct telling *t = arg;
    show_progress(t->cli, "asking", done, n);
}

static int replay(struct history *h, const struct stage_settings *settings)
{
    struct telling telling = {h->cli, json_array()};
    const struct replay r = {.chain = arg_value(h->cli, "chain"),
                             .settings = *settings,
                             .timeout_s = TIMEOUT_S,
                             .decisions = h->decisions,
                             .n = h->n,
                             .progress = on_progress,
                             .differs = on_difference,
                             .arg = &telling};
    struct error err;
    int differing = replay_run(&r, &err);
    if (differing < 0)
        complain("%s", err.text);
    else if (h->cli->output == OUT_TABLE)
        printf("%zu decisions asked, %d would come out otherwise\n", h->n, differing);
    else {
        json_t *json =
            json_pack("{s:I, s:i, s:I, s:O}", "asked", (json_int_t)h->n, "differing", differing,
                      "skipped", (json_int_t)h->unknown, "decisions", telling.differing);
        print_json(h->cli, json);
        json_decref(json);
    }
    if (h->unknown)
        complain(
            "%zu decisions were not asked about: the policy they stood on is not kept any more",
            h->unknown);
    if (h->gone)
        say(h->cli,
            "%zu decisions are of sandboxes that are gone: taken for ones with a proxy and without "
            "labels",
            h->gone);
    json_decref(telling.differing);
    return differing < 0 ? EXIT_USAGE : differing ? EXIT_REFUSED : EXIT_DONE;
}

/* Before the gateway is asked for anything. */
static int check_chain(const struct cli *cli)
{
    const char *path = arg_value(cli, "chain");
    if (!path)
        return usage_error(cli, "which chain? --chain FILE, a gateway's configuration");
    if (access(path, R_OK) == 0)
        return -1;
    complain("cannot read %s: %s", path, strerror(errno));
    return EXIT_USAGE;
}

int cmd_plugin_replay(struct cli *cli)
{
    struct plugin_stage stage = {0};
    struct history h = {.cli = cli,
                        .arena = arena_new(),
                        .policies = json_object(),
                        .first = json_object(),
                        .sandboxes = json_object()};
    int code = cli->n_operands
                   ? usage_error(cli, "takes no operand: --sandbox NAME for one sandbox")
                   : check_chain(cli);
    if (code < 0)
        code = plugin_stage_open(cli, &stage);
    if (code < 0)
        code = read_history(&h);
    if (code == EXIT_DONE)
        code = replay(&h, &stage.settings);
    plugin_stage_close(&stage);
    arena_free(h.arena);
    free(h.known);
    free(h.decisions);
    json_decref(h.list);
    json_decref(h.policies);
    json_decref(h.first);
    json_decref(h.sandboxes);
    return code;
}
