/* SPDX-License-Identifier: Apache-2.0 */
/* The SPECs of policy update as merge operations, in command-line order. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "policy/cure/refused.h"
#include "policy/policy.h"

enum { PARTS_MAX = 6 };

struct spec {
    const char *flag, *text;
    char *copy;
    char *parts[PARTS_MAX];
    size_t n;
};

/* Splits at ':' into at most max parts; an IPv6 literal stands in brackets. */
static void split(struct spec *s, size_t max)
{
    char *at = s->copy = alloc_str(s->text);
    for (s->n = 0; s->n < max && at;) {
        char *from = *at == '[' && strchr(at, ']') ? strchr(at, ']') : at;
        char *colon = s->n + 1 < max ? strchr(from, ':') : NULL;
        s->parts[s->n++] = at;
        if (colon)
            *colon = '\0';
        at = colon ? colon + 1 : NULL;
    }
}

static int read_port(const struct cli *cli, const struct spec *s, json_int_t *out)
{
    char *end;
    long port = strtol(s->parts[1], &end, 10);
    if (!isdigit((unsigned char)s->parts[1][0]) || *end || port < 1 || port > 65535)
        return usage_error(cli, "--%s port must be in the range 1-65535, got '%s' in '%s'", s->flag,
                           s->parts[1], s->text);
    *out = port;
    return -1;
}

/* host:port at the front.  An exit code, or -1. */
static int read_target(const struct cli *cli, const struct spec *s, size_t need, const char *shape,
                       json_int_t *port)
{
    if (s->n < need)
        return usage_error(cli, "--%s expects %s, got '%s'", s->flag, shape, s->text);
    if (!*s->parts[0])
        return usage_error(cli, "--%s has an empty host segment in '%s'", s->flag, s->text);
    return read_port(cli, s, port);
}

static int read_endpoint_option(const struct cli *cli, const struct spec *s, const char *word,
                                json_t *endpoint)
{
    static const char *const flags[] = {"allow-uninspected-credentials",
                                        "websocket-credential-rewrite",
                                        "request-body-credential-rewrite"};
    static const char *const fields[] = {"allow_uninspected_credentials",
                                         "websocket_credential_rewrite",
                                         "request_body_credential_rewrite"};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(word, flags[i]) == 0)
            return json_object_set_new(endpoint, fields[i], json_true());
    if (strncmp(word, "allowed-ip=", 11) == 0) {
        json_t *list = json_object_get(endpoint, "allowed_ips");
        if (!list)
            json_object_set_new(endpoint, "allowed_ips", list = json_array());
        return json_array_append_new(list, json_string(word + 11));
    }
    usage_error(cli, "--%s has an unknown option '%s' in '%s'", s->flag, word, s->text);
    return -1;
}

/* One of the words that the policy's schema has for the field. */
static int read_endpoint_word(const struct cli *cli, const struct spec *s, const char *field,
                              const char *word, json_t *endpoint)
{
    const struct schema_field *f = policy_endpoint_schema.fields;
    while (strcmp(f->name, field) != 0)
        f++;
    for (size_t i = 0; f->words[i]; i++)
        if (strcasecmp(f->words[i], word) == 0)
            return json_object_set_new(endpoint, field, json_string(f->words[i]));
    char *words = alloc_str(f->words[0]);
    for (size_t i = 1; f->words[i]; i++) {
        char *more = alloc_printf("%s%s%s", words, f->words[i + 1] ? ", " : " or ", f->words[i]);
        free(words);
        words = more;
    }
    usage_error(cli, "--%s %s must be %s, got '%s' in '%s'", s->flag, field, words, word, s->text);
    free(words);
    return -1;
}

static int read_endpoint(const struct cli *cli, const struct spec *s, json_t *endpoint)
{
    static const char *const fields[] = {"access", "protocol", "enforcement"};
    for (size_t i = 2; i < s->n && i < 5; i++)
        if (*s->parts[i] && read_endpoint_word(cli, s, fields[i - 2], s->parts[i], endpoint) != 0)
            return -1;
    if (json_object_get(endpoint, "enforcement") && !json_object_get(endpoint, "protocol")) {
        usage_error(cli, "--%s cannot set enforcement without protocol in '%s'", s->flag, s->text);
        return -1;
    }
    char *save = NULL;
    for (char *word = s->n > 5 ? strtok_r(s->parts[5], ",", &save) : NULL; word;
         word = strtok_r(NULL, ",", &save))
        if (read_endpoint_option(cli, s, word, endpoint) != 0)
            return -1;
    return 0;
}

static json_t *binaries(const struct cli *cli)
{
    json_t *list = json_array();
    for (size_t i = 0; i < cli->n_args; i++)
        if (strcmp(cli->args[i].name, "binary") == 0)
            json_array_append_new(list, json_pack("{s:s}", "path", cli->args[i].value));
    return list;
}

static json_t *add_endpoint(const struct cli *cli, struct spec *s)
{
    json_int_t port = 0;
    split(s, PARTS_MAX);
    if (read_target(cli, s, 2, "host:port[:access[:protocol[:enforcement[:options]]]]", &port) >= 0)
        return NULL;
    json_t *endpoint = json_pack("{s:s, s:I}", "host", s->parts[0], "port", port);
    if (read_endpoint(cli, s, endpoint) != 0) {
        json_decref(endpoint);
        return NULL;
    }
    const char *given = arg_value(cli, "rule-name");
    struct arena *arena = arena_new();
    const char *name = given ? given : policy_rule_name_for(s->parts[0], (uint16_t)port, arena);
    json_t *op = json_pack("{s:{s:s, s:{s:[o], s:o}}}", "add_rule", "rule_name", name, "rule",
                           "endpoints", endpoint, "binaries", binaries(cli));
    arena_free(arena);
    return op;
}

static json_t *remove_endpoint(const struct cli *cli, struct spec *s)
{
    json_int_t port = 0;
    split(s, 2);
    if (read_target(cli, s, 2, "host:port", &port) >= 0)
        return NULL;
    return json_pack("{s:{s:s, s:I}}", "remove_endpoint", "host", s->parts[0], "port", port);
}

static json_t *l7_rule(const struct cli *cli, struct spec *s, json_int_t *port)
{
    split(s, 4);
    if (read_target(cli, s, 4, "host:port:METHOD:path", port) >= 0)
        return NULL;
    if (!*s->parts[2]) {
        usage_error(cli, "--%s has an empty METHOD segment in '%s'", s->flag, s->text);
        return NULL;
    }
    const char *path = s->parts[3];
    if (*path != '/' && strcmp(path, "**") != 0 && strncmp(path, "**/", 3) != 0) {
        usage_error(cli, "--%s path must start with '/' or be '**' in '%s'", s->flag, s->text);
        return NULL;
    }
    for (char *c = s->parts[2]; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return json_pack("{s:s, s:s}", "method", s->parts[2], "path", path);
}

static json_t *add_allow(const struct cli *cli, struct spec *s)
{
    json_int_t port = 0;
    json_t *rule = l7_rule(cli, s, &port);
    return rule ? json_pack("{s:{s:s, s:I, s:[{s:o}]}}", "add_allow_rules", "host", s->parts[0],
                            "port", port, "rules", "allow", rule)
                : NULL;
}

static json_t *add_deny(const struct cli *cli, struct spec *s)
{
    json_int_t port = 0;
    json_t *rule = l7_rule(cli, s, &port);
    return rule ? json_pack("{s:{s:s, s:I, s:[o]}}", "add_deny_rules", "host", s->parts[0], "port",
                            port, "deny_rules", rule)
                : NULL;
}

static json_t *remove_rule(const struct cli *cli, struct spec *s)
{
    if (!*s->text) {
        usage_error(cli, "--%s expects the name of a rule", s->flag);
        return NULL;
    }
    return json_pack("{s:{s:s}}", "remove_rule", "rule_name", s->text);
}

static json_t *remove_binary(const struct cli *cli, struct spec *s)
{
    split(s, 2);
    if (s->n < 2 || !*s->parts[0] || !*s->parts[1]) {
        usage_error(cli, "--%s expects RULE:PATH, got '%s'", s->flag, s->text);
        return NULL;
    }
    return json_pack("{s:{s:s, s:s}}", "remove_binary", "rule_name", s->parts[0], "binary_path",
                     s->parts[1]);
}

static const struct {
    const char *flag;
    json_t *(*make)(const struct cli *cli, struct spec *spec);
} makers[] = {
    {"add-endpoint", add_endpoint}, {"remove-endpoint", remove_endpoint},
    {"add-allow", add_allow},       {"add-deny", add_deny},
    {"remove-rule", remove_rule},   {"remove-binary", remove_binary},
};

static size_t count(const struct cli *cli, const char *flag)
{
    size_t n = 0;
    for (size_t i = 0; i < cli->n_args; i++)
        n += strcmp(cli->args[i].name, flag) == 0;
    return n;
}

static int check_flags(const struct cli *cli)
{
    size_t endpoints = count(cli, "add-endpoint"), all = count(cli, "operations");
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
        all += count(cli, makers[i].flag);
    if (all == 0)
        return usage_error(cli, "policy update requires at least one operation flag");
    if (arg_given(cli, "binary") && !endpoints)
        return usage_error(cli, "--binary can only be used with --add-endpoint");
    if (arg_given(cli, "rule-name") && !endpoints)
        return usage_error(cli, "--rule-name can only be used with --add-endpoint");
    if (arg_given(cli, "rule-name") && endpoints > 1)
        return usage_error(
            cli, "--rule-name is only supported when exactly one --add-endpoint is provided");
    if (arg_given(cli, "wait") && arg_given(cli, "dry-run"))
        return usage_error(cli, "--wait cannot be combined with --dry-run");
    return -1;
}

static json_t *make_operation(const struct cli *cli, const struct arg *arg, bool *is_operation)
{
    *is_operation = false;
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        if (strcmp(arg->name, makers[i].flag) != 0)
            continue;
        struct spec spec = {.flag = arg->name, .text = arg->value};
        *is_operation = true;
        json_t *op = makers[i].make(cli, &spec);
        free(spec.copy);
        return op;
    }
    return NULL;
}

/* Those of a document {operations: [...]}, or of the cure in the answer to a refused request.
 * False after saying what is wrong. */
static bool add_from_file(const struct cli *cli, json_t *list)
{
    const char *file = arg_value(cli, "operations");
    struct buf text = {0};
    json_error_t error;
    if (!file)
        return true;
    if (read_input(file, &text) >= 0)
        return false;
    json_t *json = json_loadb(buf_str(&text), text.len, 0, &error);
    const json_t *cure = json_object_get(json, "cure");
    json_t *operations = json_object_get(cure ? cure : json, "operations");
    bool found = json_array_size(operations) > 0;
    if (found)
        json_array_extend(list, operations);
    else if (json)
        complain("%s has no operations: --operations takes {\"operations\": [...]}, or the answer "
                 "to a refused request that has a cure", file);
    else
        complain("%s:%d:%d: is not JSON: %s", file, error.line, error.column, error.text);
    json_decref(json);
    buf_free(&text);
    return found;
}

json_t *operations_from_args(const struct cli *cli)
{
    if (check_flags(cli) >= 0)
        return NULL;
    json_t *list = json_array();
    if (!add_from_file(cli, list)) {
        json_decref(list);
        return NULL;
    }
    for (size_t i = 0; i < cli->n_args; i++) {
        bool is_operation;
        json_t *op = make_operation(cli, &cli->args[i], &is_operation);
        if (op) {
            json_array_append_new(list, op);
        } else if (is_operation) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:o}", "operations", list);
}
