/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy learn: the smallest policy that allows what is on record. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "cli/document.h"
#include "cli/policy/seen.h"
#include "policy/learn/learn.h"
#include "policy/policy.h"
#include "secret/placeholder.h"

enum { LEFT_OUT_SHOWN = 100 };

/* The policy of the sandbox; with --ceiling, of which the rest comes from there, it need not be
 * there any more.  NULL: *code says why. */
static struct policy *find_ceiling(const struct cli *cli, const char *name, int *code)
{
    const char *file = arg_value(cli, "ceiling");
    struct policy *own = NULL, *ceiling;
    if (!file || !seen_is_deleted(cli, name)) {
        own = policy_of_sandbox(cli, name, code);
        if (!own)
            return NULL;
    }
    *code = EXIT_USAGE;
    ceiling = file ? policy_from_file(file) : policy_ref(own);
    if (ceiling) {
        struct policy *whole = policy_complete(ceiling, own);
        policy_unref(ceiling);
        ceiling = whole;
    }
    policy_unref(own);
    return ceiling;
}

static json_t *encode_evidence(const struct policy_evidence *evidence)
{
    char first[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];
    return json_pack("{s:I, s:s, s:s}", "count", (json_int_t)evidence->count, "first_seen",
                     clock_format(evidence->first_ms, first), "last_seen",
                     clock_format(evidence->last_ms, last));
}

static json_t *encode_parts(const struct policy_learned *learned)
{
    json_t *parts = json_array();
    for (size_t i = 0; i < learned->n_parts; i++) {
        json_t *part = json_pack("{s:s}", "path", learned->parts[i].path);
        json_t *evidence = encode_evidence(&learned->parts[i].evidence);
        json_object_update(part, evidence);
        json_decref(evidence);
        json_array_append_new(parts, part);
    }
    return parts;
}

static json_t *encode_left_out(const struct policy_learned *learned)
{
    json_t *list = json_array();
    for (size_t i = 0; i < learned->n_left_out; i++) {
        const struct policy_left_out *left = &learned->left_out[i];
        json_t *item = seen_encode(left->seen), *evidence = encode_evidence(&left->seen->evidence);
        json_object_update(item, evidence);
        json_object_set_new(item, "why", json_string(left->why));
        json_decref(evidence);
        json_array_append_new(list, item);
    }
    return list;
}

static void print_learned_json(const struct cli *cli, const struct policy_learned *learned)
{
    json_t *policy = json_loads(policy_json(learned->policy), 0, NULL);
    json_t *json = json_pack("{s:o, s:I, s:o, s:o, s:[s,s,s]}", "policy", policy, "count",
                             (json_int_t)learned->count, "parts", encode_parts(learned),
                             "left_out", encode_left_out(learned), "proved",
                             "recorded_within_learned", "learned_within_ceiling", "minimal");
    print_json(cli, json);
    json_decref(json);
}

/* An exit code. */
static int print_learned(const struct cli *cli, const struct policy_learned *learned)
{
    struct buf text = {0};
    int code = EXIT_DONE;
    if (cli->output != OUT_TABLE) {
        print_learned_json(cli, learned);
    } else if (policy_learned_print(learned, &text) == 0) {
        terminal_lines(stdout, "", buf_str(&text));
    } else {
        complain("what was learned does not read back as it was; this is an error of sluice");
        code = EXIT_REFUSED;
    }
    buf_free(&text);
    return code;
}

/* A placeholder in it is another one in each sandbox. */
static const char *general(const char *path, struct arena *arena)
{
    struct buf pattern = {0};
    if (!secret_has_plain_trace(path, strlen(path)))
        return path;
    secret_generalise(path, &pattern);
    const char *copy = arena_str(arena, buf_str(&pattern));
    buf_free(&pattern);
    return copy;
}

/* What is learned has a path as it was sent: the ceiling allows no pattern for it. */
static bool is_for_one_sandbox(const struct policy_learned *learned, struct arena *arena)
{
    const char *text = policy_json(learned->policy);
    return strcmp(general(text, arena), text) != 0;
}

static void tell(const struct cli *cli, const struct policy_learned *learned, struct arena *arena)
{
    for (size_t i = 0; i < learned->n_left_out && i < LEFT_OUT_SHOWN; i++)
        complain("left out: %s: %s",
                 policy_seen_name(learned->left_out[i].seen, arena), learned->left_out[i].why);
    if (learned->n_left_out > LEFT_OUT_SHOWN)
        complain("left out: %zu more, which -o json lists",
                 learned->n_left_out - LEFT_OUT_SHOWN);
    if (is_for_one_sandbox(learned, arena))
        complain("a path has the placeholder of a credential, which is another one in each "
                 "sandbox, and the ceiling names it: give a ceiling that allows any, such as "
                 "'/bot*/**', where the policy is for another sandbox");
    if (!learned->count && !learned->n_left_out) {
        say(cli,
            "nothing that the policy allows is on record yet, so this one opens nothing: let the "
            "sandbox do its work first, then learn again");
        return;
    }
    say(cli,
        "learned from %llu on record. Checked: all of it is allowed, nothing beyond the ceiling "
        "is, and no part can be left out.",
        (unsigned long long)learned->count);
}

static int learn(const struct cli *cli, const struct seen *seen, struct policy *ceiling,
                 long max_paths)
{
    struct arena *arena = arena_new();
    struct policy_learned learned;
    struct error err;
    const struct policy_learning learning = {.seen = seen->items, .n = seen->n,
                                             .ceiling = policy_model(ceiling),
                                             .max_paths = (size_t)max_paths,
                                             .general = general};
    int code = EXIT_REFUSED;
    if (policy_learn(&learning, arena, &learned, &err) != 0)
        complain("%s", err.text);
    else
        code = print_learned(cli, &learned);
    if (code == EXIT_DONE)
        tell(cli, &learned, arena);
    arena_free(arena);
    return code;
}

int cmd_policy_learn(struct cli *cli)
{
    struct seen seen = {0};
    long max_paths;
    int code = seen_options(cli, &seen);
    if (code >= 0)
        return code;
    if (arg_range(cli, "max-paths", 0, 1, 100000, &max_paths) != 0)
        return EXIT_USAGE;
    const char *name = sandbox_operand(cli, 0);
    if (!name)
        return EXIT_USAGE;
    code = seen_read(cli, name, &seen);
    struct policy *ceiling = code == EXIT_DONE ? find_ceiling(cli, name, &code) : NULL;
    if (ceiling)
        code = learn(cli, &seen, ceiling, max_paths);
    policy_unref(ceiling);
    seen_free(&seen);
    return code;
}
