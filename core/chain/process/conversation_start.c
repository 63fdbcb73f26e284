/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the process of a conversation, and starts it again. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "chain/process/conversation_parts.h"
#include "chain/process/frame.h"

enum { OPEN_TIMEOUT_MS = 10000 };

/* The first answer, which may be as long as the options that it repeats. */
static int receive(struct conversation *c, uint64_t deadline_ns, struct arena *arena,
                   struct message *out, struct error *err)
{
    struct buf json = {0};
    int rc = frame_receive(c->child.socket, FRAME_MAX, deadline_ns, &json, err);
    if (rc == 0)
        rc = message_decode(buf_str(&json), json.len, arena, out, err);
    buf_free(&json);
    return rc;
}

/* The first answer of a process: what it is, or why it cannot be opened. */
static int greet(struct conversation *c, struct arena *arena, const struct message_opened **out,
                 struct error *err)
{
    struct buf frames = {0};
    struct message message;
    uint64_t until = clock_mono_ns() + (uint64_t)OPEN_TIMEOUT_MS * 1000000u;
    const struct message_open open = {
        .protocol = MESSAGE_PROTOCOL, .plugin_dirs = c->chain.plugin_dirs,
        .n_plugin_dirs = c->chain.n_plugin_dirs, .base_dir = c->chain.base_dir,
        .voter = &c->config,
    };
    message_encode(MESSAGE_OPEN, &open, &frames);
    int rc = frame_send(c->child.socket, &frames, until, err);
    buf_free(&frames);
    if (rc != 0 || receive(c, until, arena, &message, err) != 0)
        return -1;
    if (message.type == MESSAGE_REFUSED)
        return error_set(err, message.refused->options ? ERROR_INVALID : ERROR_STATE, "%s",
                         message.refused->text);
    if (message.type != MESSAGE_OPENED || message.opened->protocol != MESSAGE_PROTOCOL)
        return error_set(err, ERROR_MALFORMED, "it speaks another protocol than %d",
                         MESSAGE_PROTOCOL);
    *out = message.opened;
    return 0;
}

/* What a command says about itself, but not about its file, nor its name if it was given one. */
static const struct message_opened *describe_command(const struct conversation *c,
                                                     const struct message_opened *said,
                                                     const struct command *command,
                                                     struct arena *arena)
{
    struct message_opened *opened = arena_alloc(arena, sizeof *opened);
    *opened = *said;
    opened->path = command->path;
    opened->sha256 = arena_str(arena, command->sha256);
    if (*c->config.name)
        opened->name = c->config.name;
    return opened;
}

int conversation_open(struct conversation *c, struct arena *arena,
                      const struct message_opened **opened, struct error *err)
{
    struct command command;
    if (c->external && command_read(&c->chain, &c->config, arena, &command, err) != 0)
        return -1;
    if (child_start(&c->child, c->external ? &command : NULL, err) != 0)
        return -1;
    int rc = greet(c, arena, opened, err);
    if (rc == 0 && c->external)
        *opened = describe_command(c, *opened, &command, arena);
    child_pass_messages(&c->child, c->name, c->log);
    if (rc == 0)
        return 0;
    struct buf how = {0}, said = {0};
    enum error_kind kind = err->kind;
    const char *last = c->child.said;
    if (*last && text_utf8_valid(last, strlen(last)) == strlen(last))
        buf_printf(&said, ", after saying: %s", last);
    child_end(&c->child, &how);
    if (kind == ERROR_UPSTREAM)
        error_set(err, ERROR_STATE, "its process could not open it: %s%s", buf_str(&how),
                  buf_str(&said));
    else if (kind == ERROR_TIMEOUT)
        error_set(err, ERROR_STATE, "its process did not open it within %d ms", OPEN_TIMEOUT_MS);
    buf_free(&how);
    buf_free(&said);
    return -1;
}

static int restart(struct conversation *c, struct error *err)
{
    struct arena *arena = arena_new();
    const struct message_opened *opened;
    int rc = health_check(&c->health, err);
    if (rc == 0 && conversation_open(c, arena, &opened, err) != 0) {
        conversation_note_failure(c, err->text);
        rc = -1;
    } else if (rc == 0 && strcmp(opened->sha256, c->sha256) != 0) {
        child_end(&c->child, NULL);
        rc = error_set(err, ERROR_STATE,
                       "its file changed since the chain was loaded: reload the chain");
        conversation_note_failure(c, err->text);
    }
    arena_free(arena);
    return rc;
}

/* A process that ended between two votes is started again; it failed unless it ended in order. */
int conversation_ensure(struct conversation *c, struct error *err)
{
    if (child_is_idle(&c->child))
        return 0;
    if (c->child.socket >= 0) {
        struct buf how = {0};
        if (!conversation_end_process(c, &how))
            conversation_note_failure(c, buf_str(&how));
        buf_free(&how);
    }
    return restart(c, err);
}

/* ---- configuration ---- */

static const char *text_or(struct arena *arena, const char *text, const char *otherwise)
{
    return arena_str(arena, text && *text ? text : otherwise);
}

/* Keeps a copy of everything that a later start needs. */
static void keep_config(struct conversation *c, const struct chain_config *chain,
                        const struct chain_voter_config *config, const struct voter *voter)
{
    struct arena *arena = c->arena;
    const char **dirs = arena_zalloc(arena, (chain->n_plugin_dirs + 1) * sizeof *dirs);
    for (size_t i = 0; i < chain->n_plugin_dirs; i++)
        dirs[i] = arena_str(arena, chain->plugin_dirs[i]);
    c->chain = (struct chain_config){
        .plugin_dirs = dirs, .n_plugin_dirs = chain->n_plugin_dirs,
        .base_dir = text_or(arena, chain->base_dir, ""),
    };
    const char **command = arena_zalloc(arena, (config->n_command + 1) * sizeof *command);
    for (size_t i = 0; i < config->n_command; i++)
        command[i] = arena_str(arena, config->command[i]);
    c->config = (struct chain_voter_config){
        .command = command, .n_command = config->n_command,
        .plugin = text_or(arena, config->plugin, ""), .script = text_or(arena, config->script, ""),
        .name = text_or(arena, config->name, ""), .level = "mandatory", .on_error = "deny",
        .isolation = "inline", .sha256 = text_or(arena, config->sha256, ""),
        .options_json = text_or(arena, config->options_json, "{}"), .doc_path = "",
        .timeout_ms = voter->timeout_ms, .memory_mb = voter->memory_mb,
        .threads = voter->threads,
    };
    c->name = *c->config.name     ? c->config.name
              : *c->config.plugin ? c->config.plugin
              : c->external       ? command[0]
                                  : c->config.script;
}

void conversation_init(struct conversation *c, const struct voter *voter,
                       const struct chain_config *chain, const struct chain_voter_config *config,
                       const struct log *log)
{
    *c = (struct conversation){.arena = arena_new(), .voter = voter, .log = log,
                               .child = CHILD_NONE, .external = config->n_command > 0};
    keep_config(c, chain, config, voter);
}
