/* SPDX-License-Identifier: Apache-2.0 */
/* sluice rule propose: rules for somebody else to approve. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/document.h"
#include "policy/policy.h"

static int check_words(const struct cli *cli)
{
    bool endpoint = arg_given(cli, "add-endpoint"), file = arg_given(cli, "rule"),
         operations = arg_given(cli, "operations");
    if (endpoint + file + operations == 0)
        return usage_error(cli, "what is proposed? --add-endpoint HOST:PORT --binary PATH, --rule "
                                "FILE or --operations FILE");
    if (endpoint + file + operations > 1)
        return usage_error(cli, "--add-endpoint, --rule and --operations exclude each other");
    return -1;
}

/* Problems are told with the lines of the file.  NULL after saying what is wrong: *code. */
static json_t *rule_of_file(const char *path, int *code)
{
    struct document file;
    struct problems problems = {0};
    struct buf text = {0};
    void *rule;
    json_t *json = NULL;
    *code = document_read(path, &file);
    if (*code < 0) {
        if (schema_decode(&policy_rule_schema, file.tree, "", file.arena, &rule, &problems) == 0) {
            doc_print(file.tree, DOC_JSON, &text);
            json = json_loadb(buf_str(&text), text.len, 0, NULL);
        }
        document_complain(path, &problems);
        *code = EXIT_REFUSED;
    }
    problems_free(&problems);
    document_free(&file);
    buf_free(&text);
    return json;
}

static void add_proposal(json_t *list, const char *name, json_t *rule)
{
    json_t *proposal = json_pack("{s:O}", "rule", rule);
    if (name && *name)
        json_object_set_new(proposal, "rule_name", json_string(name));
    json_array_append_new(list, proposal);
}

/* Only rules are proposed: who approves one sees all that it opens. */
static int add_operations(const struct cli *cli, json_t *list)
{
    json_t *operations = operations_from_args(cli), *op;
    size_t i;
    int code = operations ? -1 : EXIT_USAGE;
    json_array_foreach(json_object_get(operations, "operations"), i, op) {
        json_t *add = json_object_get(op, "add_rule");
        json_t *rule = json_object_get(add, "rule");
        if (rule)
            add_proposal(list, json_text(add, "rule_name"), rule);
        else
            code = usage_error(cli, "operation %zu of --operations adds no rule: only rules can be "
                                    "proposed",
                               i + 1);
    }
    json_decref(operations);
    return code;
}

static int add_proposals(const struct cli *cli, json_t *list)
{
    const char *file = arg_value(cli, "rule");
    int code = -1;
    if (!file)
        return add_operations(cli, list);
    json_t *rule = rule_of_file(file, &code);
    if (!rule)
        return code;
    add_proposal(list, arg_value(cli, "rule-name"), rule);
    json_decref(rule);
    return -1;
}

/* What all of them have in common. */
static int add_rest(const struct cli *cli, json_t *list)
{
    const char *reason = arg_value(cli, "reason");
    size_t i;
    json_t *proposal;
    int code = -1;
    json_array_foreach(list, i, proposal) {
        if (reason)
            json_object_set_new(proposal, "rationale", json_string(reason));
        if (code < 0)
            code = grant_add(cli, proposal);
    }
    return code;
}

/* Lines are those of the request, which nobody wrote. */
static void drop_lines(json_t *problem)
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(problem, "errors"), i, e)
        json_object_del(e, "line");
}

static int show(const struct cli *cli, const struct reply *reply)
{
    size_t i;
    json_t *c, *list = json_object_get(reply->json, "chunks");
    if (reply->status != 201 && reply->status != 200) {
        drop_lines(reply->json);
        return reply_failed(cli, reply);
    }
    if (cli->output != OUT_TABLE)
        print_json(cli, reply->json);
    else
        json_array_foreach(list, i, c)
            terminal_print(stdout, "✓ Proposed rule %s: chunk %s is %s\n",
                           json_text(c, "rule_name"), json_text(c, "id"), json_text(c, "status"));
    return EXIT_DONE;
}

static int send(const struct cli *cli, const char *name, const json_t *body)
{
    struct reply reply;
    char *escaped = url_escape(name), *text = json_dumps(body, JSON_COMPACT);
    client_call(cli,
                &(struct call){.method = "POST",
                               .path = alloc_printf("/v1/sandboxes/%s/drafts", escaped),
                               .type = "application/json",
                               .body = text,
                               .len = strlen(text)},
                &reply);
    int code = show(cli, &reply);
    reply_free(&reply);
    free(escaped);
    free(text);
    return code;
}

int cmd_rule_propose(struct cli *cli)
{
    json_t *list = json_array(), *body = json_pack("{s:o}", "proposals", list);
    const char *name = NULL;
    int code = check_words(cli);
    if (code < 0)
        code = add_proposals(cli, list);
    if (code < 0)
        code = add_rest(cli, list);
    if (code < 0 && !(name = sandbox_operand(cli, 0)))
        code = EXIT_USAGE;
    if (code < 0)
        code = send(cli, name, body);
    json_decref(body);
    return code;
}
