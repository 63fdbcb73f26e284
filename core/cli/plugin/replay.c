/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin replay: the decisions come from the gateway, the chain is asked here. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/terminal.h"
#include "cli/plugin/plugin.h"
#include "cli/plugin/replay_requests.h"
#include "cli/plugin/replay_source.h"

/* Only the verdict matters here, not the time: other processes have priority. */
enum { TIMEOUT_S = 30, VOTE_TIMEOUT_MS = 20000 };

/* ---- reporting differences ---- */

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
        terminal_print(stdout, "      %s: did not vote\n", when);
    else
        terminal_print(stdout, "      %s: %s%s%s%s%s%s%s%s\n", when, json_text(vote, "verdict"),
                       *code ? " " : "", code, *message ? ", " : "", message, *path ? " (" : "",
                       path, *path ? ")" : "");
}

static void print_difference(const json_t *d)
{
    size_t i;
    json_t *pair;
    terminal_print(stdout, "%s  %s  %s  %s\n  then %s, now %s%s%s\n", json_text(d, "id"),
                   json_text(d, "sandbox"), json_text(d, "kind"), json_text(d, "at"),
                   json_text(d, "then"), json_text(d, "now"), *json_text(d, "how") ? ": " : "",
                   json_text(d, "how"));
    json_array_foreach(json_object_get(d, "ballots"), i, pair) {
        terminal_print(stdout, "    %s\n", json_text(pair, "voter"));
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
    replay_source_progress(t->cli, "asking", done, n);
}

static int replay(struct replay_source *h, const struct stage_settings *settings)
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
        terminal_print(stdout, "%zu decisions asked, %d would come out otherwise\n", h->n,
                       differing);
    json_t *json =
        json_pack("{s:I, s:i, s:I, s:O}", "asked", (json_int_t)h->n, "differing", differing,
                  "skipped", (json_int_t)h->unknown, "decisions", telling.differing);
    int code = differing < 0 ? EXIT_USAGE : replay_recorded_requests(h, settings, json);
    if (code == EXIT_DONE && differing > 0)
        code = EXIT_REFUSED;
    if (h->cli->output != OUT_TABLE && (code == EXIT_DONE || code == EXIT_REFUSED))
        print_json(h->cli, json);
    json_decref(json);
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
    return code;
}

/* Runs before the first request to the gateway. */
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
    struct replay_source h;
    int code = cli->n_operands
                   ? usage_error(cli, "takes no operand: --sandbox NAME for one sandbox")
                   : check_chain(cli);
    if (code < 0)
        code = plugin_stage_open(cli, &stage);
    stage.settings.vote_timeout_ms = VOTE_TIMEOUT_MS;
    replay_source_begin(&h, cli);
    /* The gateway may be on the same machine: whoever waits for its answers comes first, at
     * once. */
    (void)!sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0});
    if (code < 0)
        code = replay_source_read(&h);
    if (code == EXIT_DONE)
        code = replay(&h, &stage.settings);
    plugin_stage_close(&stage);
    replay_source_end(&h);
    return code;
}
