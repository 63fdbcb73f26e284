/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plugin/replay_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "chain/options.h"
#include "cli/plugin/plugin.h"

/* ---- reading from the gateway ---- */

json_t *replay_source_get(const struct cli *cli, char *path, int *code)
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

/* Known policies are found by hash: most bases are the candidate of an earlier decision. */
static struct policy *find_policy(const struct replay_source *h, const char *hash)
{
    const json_t *index = json_object_get(h->policies, hash);
    return index ? h->known[json_integer_value(index)] : NULL;
}

static struct policy *keep_policy(struct replay_source *h, const char *hash, const json_t *document)
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
    policy_keep(policy, h->arena);
    h->known = alloc_resize(h->known, h->n_known + 1, sizeof *h->known);
    json_object_set_new(h->policies, hash, json_integer((json_int_t)h->n_known));
    h->known[h->n_known++] = policy;
    return policy;
}

void replay_source_progress(const struct cli *cli, const char *what, size_t done, size_t n)
{
    if (cli->quiet || !isatty(STDERR_FILENO) || (done % 64 && done != n))
        return;
    enum { WIDTH = 40 };
    int filled = n ? (int)(done * WIDTH / n) : WIDTH;
    terminal_print(stderr, "\r%s [%.*s%*s] %zu of %zu", what, filled,
                   "########################################", WIDTH - filled, "", done, n);
    if (done == n)
        terminal_print(stderr, "\n");
}

static struct policy *revision_of(struct replay_source *h, const char *sandbox, long long revision,
                                  const char *hash, int *code)
{
    struct policy *policy = *hash ? find_policy(h, hash) : NULL;
    *code = EXIT_DONE;
    if (policy)
        return policy;
    char *name = url_escape(sandbox);
    char *path = alloc_printf("/v1/sandboxes/%s/policy?revision=%lld", name, revision);
    json_t *json = replay_source_get(h->cli, path, code);
    free(name);
    /* Another sandbox may have the name by now. */
    if (json && (!*hash || strcmp(json_text(json, "hash"), hash) == 0))
        policy = keep_policy(h, json_text(json, "hash"), json_object_get(json, "policy"));
    json_decref(json);
    return policy;
}

static const json_t *sandbox_of(struct replay_source *h, const char *name, int *code)
{
    const json_t *known = json_object_get(h->sandboxes, name);
    *code = EXIT_DONE;
    if (known)
        return known;
    char *escaped = url_escape(name);
    json_t *json = replay_source_get(h->cli, alloc_printf("/v1/sandboxes/%s", escaped), code);
    free(escaped);
    json_object_set_new(h->sandboxes, name, json ? json : json_null());
    return json_object_get(h->sandboxes, name);
}

/* ---- one decision ---- */

static void set_labels(struct replay_source *h, const json_t *json, struct sluice_sandbox *out)
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

/* For a sandbox that was deleted, assumes the default settings. */
static const struct sluice_sandbox *make_sandbox(struct replay_source *h, const json_t *json,
                                                 const char *name, bool running)
{
    struct sluice_sandbox *s = arena_zalloc(h->arena, sizeof *s);
    s->size = sizeof *s;
    s->name = name;
    s->id = json_text(json, "id");
    s->network = strcmp(json_text(json, "network"), "none") == 0 ? SLUICE_NETWORK_NONE
                                                                 : SLUICE_NETWORK_PROXY;
    s->running = running;
    set_labels(h, json, s);
    return s;
}

int replay_source_sandbox(struct replay_source *h, const char *name, bool running,
                          const struct sluice_sandbox **out)
{
    int code;
    const json_t *json = sandbox_of(h, name, &code);
    *out = make_sandbox(h, json, name, running);
    return code;
}

static void set_actor(struct replay_source *h, const json_t *json, struct replay_decision *d)
{
    struct sluice_actor *a = arena_alloc(h->arena, sizeof *a);
    *a = (struct sluice_actor){sizeof *a, json_text(json, "name"), json_text(json, "role"),
                               json_text(json, "via"), json_text(json, "identity"),
                               json_text(json, "origin")};
    d->actor = a;
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

static int set_policies(struct replay_source *h, const json_t *json, struct replay_decision *d)
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

static int read_decision(struct replay_source *h, const json_t *json)
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
        .now_ms = time_read(json_text(json, "at")),
    };
    if (strncmp(json_text(json, "kind"), "ceiling_", 8) == 0)       /* no voter was asked */
        return EXIT_DONE;
    int code = set_kind(json, d) == 0 ? set_policies(h, json, d) : EXIT_DONE;
    if (code != EXIT_DONE || d->kind == SLUICE_EXPIRE)          /* no voter was asked */
        return code;
    if (!d->candidate || (d->kind != SLUICE_CREATE && (!d->current || !d->baseline))) {
        h->unknown++;
        return EXIT_DONE;
    }
    const json_t *sandbox = d->kind == SLUICE_GLOBAL ? NULL : sandbox_of(h, d->sandbox, &code);
    set_actor(h, json_object_get(json, "actor"), d);
    if (sandbox)
        d->face = make_sandbox(h, sandbox, d->sandbox, d->kind != SLUICE_CREATE);
    h->gone += sandbox && json_is_null(sandbox);
    h->n++;
    return code;
}

/* Oldest first, so that the base of each decision is known. */
static int read_decisions(struct replay_source *h)
{
    size_t n = json_array_size(h->list);
    h->decisions = alloc_zero(n, sizeof *h->decisions);
    for (size_t i = n; i > 0; i--) {
        int code = read_decision(h, json_array_get(h->list, i - 1));
        if (code != EXIT_DONE)
            return code;
    }
    return EXIT_DONE;
}

/* Drops the text: those of all decisions would take much memory. */
static void take_candidate(struct replay_source *h, json_t *decision)
{
    const char *hash = json_text(decision, "candidate_hash");
    if (!find_policy(h, hash))
        keep_policy(h, hash, json_object_get(decision, "candidate"));
    json_object_del(decision, "candidate");
}

/* One page of the gateway's list, which is newest first; *more: there may be another one.  Pages
 * are small: a gateway has nothing long to do for them, and its updates come between. */
static int read_page(struct replay_source *h, int64_t since, const char *sandbox, bool *more)
{
    enum { PAGE = 20 };
    int code;
    size_t i;
    const json_t *last = json_array_get(h->list, json_array_size(h->list) - 1);
    char *name = sandbox ? url_escape(sandbox) : NULL;
    char *path = alloc_printf("/v1/decisions?candidate=true&limit=%d&since_ms=%lld&before=%lld%s%s",
                              PAGE, (long long)since, last ? json_number(last, "seq") : 0,
                              name ? "&sandbox=" : "", name ? name : "");
    json_t *decision, *json = replay_source_get(h->cli, path, &code);
    free(name);
    if (!json && code == EXIT_DONE) {
        complain("there is no sandbox '%s'", sandbox ? sandbox : "");
        return EXIT_USAGE;
    }
    json_t *page = json_object_get(json, "decisions");
    *more = json_array_size(page) == PAGE;
    json_array_foreach(page, i, decision)
        take_candidate(h, decision);
    json_array_extend(h->list, page);
    json_decref(json);
    return code == EXIT_REFUSED ? EXIT_USAGE : code;
}

/* How many there are is known at the end: until then the newest one's place in the record stands
 * for it. */
static void tell_progress(const struct replay_source *h, bool more)
{
    size_t n = json_array_size(h->list),
           newest = (size_t)json_number(json_array_get(h->list, 0), "seq");
    replay_source_progress(h->cli, "reading", n, more && newest > n ? newest : n + more);
}

int replay_source_read(struct replay_source *h)
{
    int64_t since;
    bool more = true;
    int code = arg_time(h->cli, "since", 0, &since);
    if (code >= 0)
        return code;
    do {
        code = read_page(h, since, arg_value(h->cli, "sandbox"), &more);
        if (code == EXIT_DONE)
            tell_progress(h, more);
    } while (code == EXIT_DONE && more);
    return code == EXIT_DONE ? read_decisions(h) : code;
}

void replay_source_begin(struct replay_source *h, struct cli *cli)
{
    *h = (struct replay_source){.cli = cli, .arena = arena_new(), .list = json_array(),
                          .policies = json_object(), .first = json_object(),
                          .sandboxes = json_object()};
}

void replay_source_end(struct replay_source *h)
{
    arena_free(h->arena);
    free(h->known);
    free(h->decisions);
    json_decref(h->list);
    json_decref(h->policies);
    json_decref(h->first);
    json_decref(h->sandboxes);
}
