/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy diff: revisions with each other or with a file. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/document.h"
#include "cli/policy/change.h"
#include "cli/prefix.h"
#include "policy/diff.h"
#include "update/update.h"

static void print_side(const char *sign, const json_t *rule)
{
    struct buf text = {0};
    print_yaml(rule, &text);
    for (char *line = text.data, *end; line && *line; line = end + 1) {
        end = strchr(line, '\n');
        terminal_print(stdout, "%s     %.*s\n", sign, (int)(end - line), line);
    }
    buf_free(&text);
}

static void table_diff(const struct cli *cli, const json_t *json)
{
    const json_t *diff = json_object_get(json, "diff");
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(diff, "added"), i, c) {
        terminal_print(stdout, "+ network_policies.%s\n", json_text(c, "key"));
        print_side("+", json_object_get(c, "rule"));
    }
    json_array_foreach(json_object_get(diff, "removed"), i, c) {
        terminal_print(stdout, "- network_policies.%s\n", json_text(c, "key"));
        print_side("-", json_object_get(c, "rule"));
    }
    json_array_foreach(json_object_get(diff, "changed"), i, c) {
        terminal_print(stdout, "~ network_policies.%s\n", json_text(c, "key"));
        print_side("-", json_object_get(c, "before"));
        print_side("+", json_object_get(c, "after"));
    }
    json_array_foreach(json_object_get(diff, "static"), i, c)
        terminal_print(stdout, "~ %s\n- %s\n+ %s\n", json_text(c, "path"), json_text(c, "before"),
                       json_text(c, "after"));
    if (!json_is_true(json_object_get(json, "changed")))
        say(cli, "no difference");
    else
        print_effect(json_object_get(json, "effect"), "");
}

static int show_diff(const struct cli *cli, const json_t *json)
{
    if (cli->output != OUT_TABLE)
        print_json(cli, json);
    else
        table_diff(cli, json);
    return EXIT_DONE;
}

/* A revision's policy, complete as the gateway keeps it. */
static struct policy *fetch(const struct cli *cli, const char *name, long revision, int *code)
{
    struct reply reply;
    struct policy *policy = NULL;
    struct problems problems = {0};
    char *rest = revision ? alloc_printf("/policy?revision=%ld", revision) : alloc_str("/policy");
    client_call(cli,
                &(struct call){
                    .method = "GET", .path = policy_path(name, rest), .accept = "application/yaml"},
                &reply);
    free(rest);
    if (reply.status == 200)
        policy = policy_parse(buf_str(&reply.text), reply.text.len, DOC_YAML, &problems);
    *code = reply.status == 200 ? EXIT_DONE : reply_failed(cli, &reply);
    if (reply.status == 200 && !policy) {
        complain("the gateway's policy cannot be read: %s",
                 problems.n ? problems.items[0].message : "");
        *code = EXIT_REFUSED;
    }
    problems_free(&problems);
    reply_free(&reply);
    return policy;
}

/* Takes both policies.  NULL: one could not be read, which was reported. */
static int diff_policies(const struct cli *cli, const char *name, struct policy *a,
                         struct policy *b, int code)
{
    if (a && b) {
        struct arena *arena = arena_new();
        const struct sluice_diff *diff = policy_diff(policy_model(a), policy_model(b), arena);
        json_t *json = json_pack("{s:s, s:b, s:o, s:o}", "sandbox", name, "changed",
                                 strcmp(policy_hash(a), policy_hash(b)) != 0, "diff",
                                 update_diff_json(diff), "effect", update_effect_json(diff));
        code = show_diff(cli, json);
        json_decref(json);
        arena_free(arena);
    }
    policy_unref(a);
    policy_unref(b);
    return code;
}

int policy_diff_revisions(const struct cli *cli, const char *name, long from, long to)
{
    int code = EXIT_DONE;
    struct policy *a = fetch(cli, name, from, &code), *b = a ? fetch(cli, name, to, &code) : NULL;
    return diff_policies(cli, name, a, b, code);
}

/* What the newest revision changed. */
static int diff_newest(const struct cli *cli, const char *name)
{
    struct reply reply;
    client_call(cli, &(struct call){.method = "GET", .path = policy_path(name, "/policy")}, &reply);
    long newest = reply.status == 200 ? (long)json_number(reply.json, "revision") : 0;
    int code = newest ? EXIT_DONE : reply_failed(cli, &reply);
    reply_free(&reply);
    return newest ? policy_diff_revisions(cli, name, newest > 1 ? newest - 1 : 1, newest) : code;
}

/* The policy of a file, its static sections those of base where it does not write them. */
static struct policy *read_policy(const char *file, struct policy *base,
                                  int *code)
{
    struct document document;
    struct problems problems = {0};
    struct policy *complete = NULL;
    *code = document_read(file, &document);
    struct policy *policy = *code < 0 ? policy_decode(document.tree, "", &problems) : NULL;
    document_complain(file, &problems);
    if (policy)
        complete = policy_complete(policy, base);
    else if (*code < 0)
        *code = EXIT_REFUSED;
    policy_unref(policy);
    problems_free(&problems);
    document_free(&document);
    return complete;
}

static int diff_revision_to_file(const struct cli *cli, const char *name, long from,
                                 const char *file)
{
    int code = EXIT_DONE;
    struct policy *a = fetch(cli, name, from, &code),
                  *b = a ? read_policy(file, a, &code) : NULL;
    return diff_policies(cli, name, a, b, code);
}

/* What setting the file would change: a dry run at the gateway. */
static int diff_file(struct cli *cli, const char *name, const char *file)
{
    struct buf text = {0};
    struct reply reply;
    int code = read_input(file, &text);
    if (code < 0) {
        client_call(cli,
                    &(struct call){.method = "PUT",
                                   .type = policy_media_type(file, &text),
                                   .body = buf_str(&text),
                                   .len = text.len,
                                   .path = policy_path(name, "/policy?dry_run=true")},
                    &reply);
        code = reply.json && json_object_get(reply.json, "diff") ? show_diff(cli, reply.json)
                                                                 : reply_failed(cli, &reply);
        reply_free(&reply);
    }
    buf_free(&text);
    return code;
}

int cmd_policy_diff(struct cli *cli)
{
    long from, to;
    const char *file = arg_value(cli, "policy");
    if (file && arg_given(cli, "to"))
        return usage_error(cli, "--to and --policy exclude each other");
    const char *name = sandbox_operand(cli, 0);
    int code = name ? prefix_revision(cli, name, "from", 0, &from) : EXIT_USAGE;
    if (code < 0)
        code = prefix_revision(cli, name, "to", 0, &to);
    if (code >= 0)
        return code;
    if (file)
        return from ? diff_revision_to_file(cli, name, from, file) : diff_file(cli, name, file);
    return from || to ? policy_diff_revisions(cli, name, from, to) : diff_newest(cli, name);
}
