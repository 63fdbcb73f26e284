/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prefix.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { ID_LEN = 36, HASH_LEN_MIN = 4, SHOWN_MAX = 10 };

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The items of a list whose member begins with a text; the caller frees the result. */
static json_t *matching(const json_t *list, const char *member, const char *given)
{
    json_t *out = json_array(), *item;
    size_t i;
    json_array_foreach(list, i, item)
        if (begins(json_text(item, member), given))
            json_array_append(out, item);
    return out;
}

static void say_candidates(const json_t *found, const char *what, const char *member,
                           const char *given)
{
    size_t i;
    json_t *item;
    struct buf names = {0};
    json_array_foreach(found, i, item)
        if (i < SHOWN_MAX)
            buf_printf(&names, "%s%s", i ? ", " : "", json_text(item, member));
    if (json_array_size(found) > SHOWN_MAX)
        buf_printf(&names, " and %zu more", json_array_size(found) - SHOWN_MAX);
    complain("'%s' begins more than one %s: %s", given, what, buf_str(&names));
    buf_free(&names);
}

/* Of what a list of the gateway has: the only item that begins with the given text, a new
 * reference.  NULL after saying what is wrong. */
static json_t *find(const struct cli *cli, char *path, const char *list, const char *member,
                    const char *what, const char *given, int *code)
{
    json_t *all, *item = NULL;
    *code = client_pages(cli, path, list, &all);
    free(path);
    if (*code != EXIT_DONE) {
        json_decref(all);
        return NULL;
    }
    json_t *found = matching(json_object_get(all, list), member, given);
    *code = EXIT_REFUSED;
    if (json_array_size(found) == 1)
        item = json_incref(json_array_get(found, 0));
    else if (json_array_size(found))
        say_candidates(found, what, member, given);
    else
        complain("no %s begins with '%s'", what, given);
    json_decref(found);
    json_decref(all);
    return item;
}

/* Takes path. */
static char *find_id(const struct cli *cli, char *path, const char *list, const char *what,
                     const char *given, int *code)
{
    json_t *item = find(cli, path, list, "id", what, given, code);
    char *id = item ? alloc_str(json_text(item, "id")) : NULL;
    json_decref(item);
    return id;
}

char *prefix_chunk(const struct cli *cli, const char *sandbox, const char *given, int *code)
{
    if (strlen(given) >= ID_LEN || !*given)
        return alloc_str(given);
    char *name = url_escape(sandbox);
    char *path = alloc_printf("/v1/sandboxes/%s/drafts?after=", name);
    free(name);
    return find_id(cli, path, "chunks", "chunk id", given, code);
}

char *prefix_decision(const struct cli *cli, const char *given, int *code)
{
    if (strlen(given) >= ID_LEN || !*given)
        return alloc_str(given);
    return find_id(cli, alloc_str("/v1/decisions?limit=1000&before="), "decisions", "decision id",
                   given, code);
}

/* A short text of digits is a number, and no hash. */
static bool is_hash(const char *text)
{
    size_t len = strlen(text), hex = strspn(text, "0123456789abcdef");
    return len >= HASH_LEN_MIN && hex == len && (len > 9 || strspn(text, "0123456789") < len);
}

int prefix_revision(const struct cli *cli, const char *sandbox, const char *option, long fallback,
                    long *out)
{
    int code;
    const char *text = arg_value(cli, option);
    if (!text || !is_hash(text))
        return arg_number(cli, option, fallback, 1000000000, out) == 0 ? -1 : EXIT_USAGE;
    char *name = url_escape(sandbox);
    char *path = alloc_printf("/v1/sandboxes/%s/revisions?before=", name);
    free(name);
    json_t *item = find(cli, path, "revisions", "hash", "revision's hash", text, &code);
    *out = (long)json_number(item, "revision");
    json_decref(item);
    return item ? -1 : code;
}

/* The name stays as it is where none begins so: the gateway says that it is not there. */
static int take_name(struct cli *cli, const json_t *found, const char *given)
{
    if (json_array_size(found) > 1) {
        say_candidates(found, "sandbox", "name", given);
        return EXIT_REFUSED;
    }
    if (json_array_size(found) == 1) {
        cli->full_name = alloc_str(json_text(json_array_get(found, 0), "name"));
        cli->operands[0] = cli->full_name;
        say(cli, "→ Using sandbox '%s'", cli->full_name);
    }
    return -1;
}

/* Those that only read, and that know no sandbox that was deleted. */
static bool takes_prefix(const struct command *command)
{
    static int (*const readers[])(struct cli *) = {
        cmd_sandbox_get, cmd_policy_get, cmd_policy_list, cmd_policy_diff,
        cmd_rule_get,    cmd_rule_history, cmd_logs,
    };
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (readers[i] == command->run)
            return true;
    return false;
}

int prefix_operand(struct cli *cli)
{
    struct reply reply;
    if (!takes_prefix(cli->command) || !cli->n_operands ||
        is_current_sandbox(cli, cli->operands[0]))
        return -1;
    const char *given = cli->operands[0];
    char *name = url_escape(given);
    client_call(cli,
                &(struct call){.method = "GET", .path = alloc_printf("/v1/sandboxes/%s", name)},
                &reply);
    free(name);
    int code = reply.status ? -1 : EXIT_UNREACHABLE;
    bool unknown = reply.status == 404;
    reply_free(&reply);
    if (!unknown)
        return code;
    client_call(cli, &(struct call){.method = "GET", .path = alloc_str("/v1/sandboxes")}, &reply);
    json_t *found = matching(json_object_get(reply.json, "sandboxes"), "name", given);
    code = reply.status ? take_name(cli, found, given) : EXIT_UNREACHABLE;
    json_decref(found);
    reply_free(&reply);
    return code;
}
