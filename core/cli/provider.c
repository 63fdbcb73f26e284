/* SPDX-License-Identifier: Apache-2.0 */
/* sluice provider …: values are read here and sent in a request's body, never printed. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/confirm.h"
#include "cli/watch.h"

static char *provider_path(const char *name, const char *rest)
{
    char *escaped = url_escape(name), *path = alloc_printf("/v1/providers/%s%s", escaped, rest);
    free(escaped);
    return path;
}

/* ---- values ---- */

/* Of KEY=REST; NULL rest: there is no "=". */
static char *split_pair(const char *pair, const char **rest)
{
    const char *equals = strchr(pair, '=');
    *rest = equals ? equals + 1 : NULL;
    return alloc_strn(pair, equals ? (size_t)(equals - pair) : strlen(pair));
}

static int add_value(const struct cli *cli, json_t *values, const char *key, const char *value,
                     size_t len)
{
    if (json_object_get(values, key))
        return usage_error(cli, "%s is given twice", key);
    if (json_object_set_new(values, key, json_stringn(value, len)) != 0)
        return usage_error(cli, "the value of %s is no UTF-8 text", key);
    return -1;
}

static int add_from_env(const struct cli *cli, json_t *values, const char *arg)
{
    const char *variable;
    char *key = split_pair(arg, &variable);
    const char *value = getenv(variable ? variable : key);
    int code = -1;
    if (value && *value)
        code = add_value(cli, values, key, value, strlen(value));
    else if (variable)                              /* which may be a value, put there by mistake */
        code = usage_error(cli, "--from-env %s=...: no environment variable of that name is set; "
                                "what follows = is a name and no value", key);
    else
        code = usage_error(cli, "--from-env %s: this environment variable is not set", key);
    free(key);
    return code;
}

/* Files of secrets mostly end with a line break that is no part of it. */
static size_t without_line_break(const struct buf *text)
{
    size_t len = text->len;
    len -= len && text->data[len - 1] == '\n';
    len -= len && len < text->len && text->data[len - 1] == '\r';
    return len;
}

static int add_from_file(const struct cli *cli, json_t *values, const char *arg)
{
    const char *file;
    char *key = split_pair(arg, &file);
    struct buf text = {0};
    int code = file && *file ? read_input(file, &text)
                             : usage_error(cli, "--from-file takes KEY=FILE");
    if (code < 0)
        code = add_value(cli, values, key, buf_str(&text), without_line_break(&text));
    buf_wipe(&text);
    free(key);
    return code;
}

static int add_plain(const struct cli *cli, json_t *values, const char *arg)
{
    const char *text;
    char *key = split_pair(arg, &text);
    int code = text && *text ? add_value(cli, values, key, text, strlen(text))
                             : usage_error(cli, "--set takes K=V");
    free(key);
    return code;
}

/* All of the command line.  An exit code after saying what is wrong, or -1. */
static int read_values(const struct cli *cli, json_t *values)
{
    int code = -1;
    for (size_t i = 0; i < cli->n_args && code < 0; i++)
        if (strcmp(cli->args[i].name, "from-env") == 0)
            code = add_from_env(cli, values, cli->args[i].value);
        else if (strcmp(cli->args[i].name, "from-file") == 0)
            code = add_from_file(cli, values, cli->args[i].value);
        else if (strcmp(cli->args[i].name, "set") == 0)
            code = add_plain(cli, values, cli->args[i].value);
    if (code < 0 && !json_object_size(values))
        code = usage_error(cli, "give its values with --from-env KEY[=VARIABLE] or --from-file "
                                "KEY=FILE");
    return code;
}

/* ---- what is shown ---- */

static void print_list(const char *title, const json_t *list, const char *none)
{
    size_t i;
    json_t *text;
    terminal_print(stdout, "%-13s", title);
    json_array_foreach(list, i, text)
        terminal_print(stdout, "%s%s", i ? ", " : "", json_string_value(text));
    terminal_print(stdout, "%s\n", json_array_size(list) ? "" : none);
}

static void print_refresh(const json_t *refresh)
{
    const char *error = json_text(refresh, "last_error"), *end = json_text(refresh, "expires_at");
    terminal_print(stdout, "Refresh:     %s, %s%s%s\nNext:        %s\nExpires:     %s\n",
                   json_text(refresh, "strategy"), json_text(refresh, "status"),
                   *error ? ": " : "", error, json_text(refresh, "next_refresh_at"),
                   *end ? end : "not known");
}

static void table_one(const struct cli *cli, const json_t *p)
{
    (void)cli;
    const char *rotated = json_text(p, "rotated_at");
    const json_t *refresh = json_object_get(p, "refresh");
    terminal_print(stdout, "Name:        %s\nId:          %s\nProfile:     %s\n",
                   json_text(p, "name"), json_text(p, "id"), json_text(p, "profile"));
    print_list("Credentials:", json_object_get(p, "credentials"), "none");
    print_list("Sent to:", json_object_get(p, "endpoints"),
               "endpoints of the policy with credential_binding");
    print_list("Sandboxes:", json_object_get(p, "sandboxes"), "none");
    terminal_print(stdout, "Created:     %s\nRotated:     %s\n", json_text(p, "created_at"),
                   *rotated ? rotated : "never");
    if (refresh)
        print_refresh(refresh);
}

static char *joined(const json_t *list)
{
    struct buf out = {0};
    size_t i;
    json_t *text;
    json_array_foreach(list, i, text)
        buf_printf(&out, "%s%s", i ? "," : "", json_string_value(text));
    return buf_take(&out);
}

static void table_all(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    size_t i;
    json_t *p, *list = json_object_get(json, "providers");
    if (json_array_size(list) == 0) {
        say(cli, "No providers found.");
        return;
    }
    table_row(&t, 5, (const char *[]){"NAME", "PROFILE", "CREDENTIALS", "SANDBOXES", "CREATED"});
    json_array_foreach(list, i, p) {
        char *names = joined(json_object_get(p, "credentials"));
        char *sandboxes = joined(json_object_get(p, "sandboxes"));
        table_row(&t, 5, (const char *[]){json_text(p, "name"), json_text(p, "profile"), names,
                                          sandboxes, json_text(p, "created_at")});
        free(names);
        free(sandboxes);
    }
    table_print(cli, &t);
}

/* ---- calls ---- */

/* Says what was done to the provider; what sandboxes have not confirmed is no success of theirs. */
static int finish(struct cli *cli, const struct reply *reply, const char *done)
{
    size_t i;
    json_t *text;
    if (reply->status < 200 || reply->status > 299 || !reply->json)
        return reply_failed(cli, reply);
    json_array_foreach(json_object_get(reply->json, "unconfirmed"), i, text)
        complain("warning: %s", json_string_value(text));
    if (cli->output != OUT_TABLE)
        print_json(cli, reply->json);
    else
        terminal_print(stdout, "✓ %s provider %s\n", done, json_text(reply->json, "name"));
    return EXIT_DONE;
}

static int send_values(struct cli *cli, json_t *body, char *path, const char *done)
{
    struct reply reply;
    char *text = json_dumps(body, JSON_COMPACT);
    client_call(cli,
                &(struct call){.method = "POST", .path = path, .type = "application/json",
                               .body = text, .len = strlen(text)},
                &reply);
    explicit_bzero(text, strlen(text));
    free(text);
    int code = finish(cli, &reply, done);
    reply_free(&reply);
    return code;
}

static int send_plain(struct cli *cli, const char *method, char *path, const char *done)
{
    struct reply reply;
    client_call(cli, &(struct call){.method = method, .path = path}, &reply);
    int code = finish(cli, &reply, done);
    reply_free(&reply);
    return code;
}

static const char *name_operand(const struct cli *cli)
{
    if (cli->n_operands)
        return cli->operands[0];
    usage_error(cli, "which provider?");
    return NULL;
}

int cmd_provider_create(struct cli *cli)
{
    const char *name = name_operand(cli), *profile = arg_value(cli, "profile");
    if (!name)
        return EXIT_USAGE;
    if (!profile)
        return usage_error(cli, "of which kind is it? --profile github|anthropic|claude-code|"
                                "openai|codex|nvidia|npm|pypi|aws|generic");
    const char *strategy = arg_value(cli, "refresh");
    if (!strategy && arg_given(cli, "set"))
        return usage_error(cli, "--set needs --refresh");
    json_t *values = json_object();
    json_t *body = json_pack("{s:s, s:s, s:o}", "name", name, "profile", profile,
                             strategy ? "refresh" : "credentials", values);
    if (strategy) {
        json_object_set_new(body, "credentials", json_object());
        json_object_set_new(values, "strategy", json_string(strategy));
    }
    int code = read_values(cli, values);
    if (code < 0)
        code = send_values(cli, body, alloc_str("/v1/providers"), "Created");
    json_decref(body);
    return code;
}

int cmd_provider_rotate(struct cli *cli)
{
    const char *name = name_operand(cli);
    if (!name)
        return EXIT_USAGE;
    json_t *values = json_object(), *body = json_pack("{s:o}", "credentials", values);
    int code = read_values(cli, values);
    if (code < 0)
        code = send_values(cli, body, provider_path(name, "/rotate"), "Rotated");
    json_decref(body);
    return code;
}

int cmd_provider_list(struct cli *cli)
{
    return list_show(cli, &(struct list){.path = alloc_str("/v1/providers"),
                                         .key = "providers",
                                         .complete = true,
                                         .table = table_all});
}

int cmd_provider_get(struct cli *cli)
{
    const char *name = name_operand(cli);
    return name ? client_show(cli, provider_path(name, ""), table_one) : EXIT_USAGE;
}

int cmd_provider_delete(struct cli *cli)
{
    const char *name = name_operand(cli);
    int code = name ? confirm(cli, "Delete provider %s with its credentials?", name) : EXIT_USAGE;
    return code < 0 ? send_plain(cli, "DELETE", provider_path(name, ""), "Deleted") : code;
}

static int change_attachment(struct cli *cli, const char *method, const char *done)
{
    const char *name = name_operand(cli), *sandbox = arg_value(cli, "sandbox");
    if (!name)
        return EXIT_USAGE;
    if (!sandbox)
        return usage_error(cli, "which sandbox? --sandbox NAME");
    char *escaped = url_escape(name), *escaped_sandbox = url_escape(sandbox);
    char *path = alloc_printf("/v1/sandboxes/%s/providers/%s", escaped_sandbox, escaped);
    free(escaped);
    free(escaped_sandbox);
    return send_plain(cli, method, path, done);
}

int cmd_provider_attach(struct cli *cli)
{
    return change_attachment(cli, "PUT", "Attached");
}

int cmd_provider_detach(struct cli *cli)
{
    return change_attachment(cli, "DELETE", "Detached");
}
