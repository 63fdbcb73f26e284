/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "chain/process/frame.h"
#include "policy/policy.h"

enum { OPEN_TIMEOUT_MS = 10000 };

/* ---- failures ---- */

static void forget_sent(struct session *s)
{
    for (int i = 0; i < MESSAGE_ROLES_COUNT; i++)
        buf_free(&s->sent[i]);
}

static void note_failure(struct session *s, const char *how)
{
    bool before = health_quarantined(&s->health);
    health_failed(&s->health);
    log_warn(s->log, "voter %s: its process failed, %u in a row: %s", s->name, s->health.failures, how);
    if (before || !health_quarantined(&s->health))
        return;
    log_error(s->log, "voter %s is quarantined until the chain is reloaded", s->name);
    voter_changed(s->voter, how);
}

/* How it ended, or what ended it; true: by itself, in order. */
static bool end_process(struct session *s, struct buf *how)
{
    child_pass_messages(&s->child, s->name, s->log);
    forget_sent(s);
    return child_end(&s->child, how);
}

/* The process has ended; err says why it is no longer trusted, and how what it did itself. */
static int blame(struct session *s, const char *request, uint32_t limit_ms, const struct buf *how,
                 struct error *err)
{
    struct error cause = *err;
    /* The kind says that the process died over the request: chain.c asks for it. */
    if (cause.kind == ERROR_TIMEOUT)
        error_set(err, ERROR_TIMEOUT, "it did not %s within %u ms and was killed", request,
                  limit_ms);
    else if (cause.kind == ERROR_UPSTREAM)
        error_set(err, ERROR_UPSTREAM, "%s", buf_str(how));
    else
        error_set(err, ERROR_UPSTREAM, "it answered with what is no answer and was killed: %s",
                  cause.text);
    note_failure(s, err->text);
    return -1;
}

/* ---- messages ---- */

/* The first answer, which may be as long as the options that it repeats. */
static int receive(struct session *s, uint64_t deadline_ns, struct arena *arena,
                   struct message *out, struct error *err)
{
    struct buf json = {0};
    int rc = frame_receive(s->child.socket, FRAME_MAX, deadline_ns, &json, err);
    if (rc == 0)
        rc = message_decode(buf_str(&json), json.len, arena, out, err);
    buf_free(&json);
    return rc;
}

static uint64_t deadline(uint32_t ms)
{
    return clock_mono_ns() + (uint64_t)ms * 1000000u;
}

/* Adds the policies that the process does not have already, and the request. */
static void add_told(struct session *s, struct buf *frames, const struct told *told)
{
    for (int i = 0; i < MESSAGE_ROLES_COUNT; i++) {
        const struct buf *policy = &told->policies[i];
        struct buf *sent = &s->sent[i];
        if (sent->len == policy->len && memcmp(sent->data, policy->data, policy->len) == 0)
            continue;
        buf_add(frames, policy->data, policy->len);
        buf_clear(sent);
        buf_add(sent, policy->data, policy->len);
    }
    buf_add(frames, told->request.data, told->request.len);
}

int session_tell(struct session *s, const struct told *told, uint32_t limit_ms,
                 const char *request, struct error *err)
{
    struct buf frames = {0};
    add_told(s, &frames, told);
    int rc = frame_send(s->child.socket, &frames, deadline(limit_ms), err);
    buf_free(&frames);
    if (rc != 0) {
        struct buf how = {0};
        end_process(s, &how);
        blame(s, request, limit_ms, &how, err);
        buf_free(&how);
    }
    return rc;
}

void session_ask(struct session *s, const struct told *told, uint32_t limit_ms,
                 struct exchange *x)
{
    struct buf frames = {0};
    add_told(s, &frames, told);
    exchange_begin(x, s->child.socket, &frames, limit_ms);
}

static int read_vote(const struct exchange *x, int64_t id, struct arena *arena, struct message *out,
                     struct error *err)
{
    *err = x->err;
    if (x->failed)
        return -1;
    size_t len;
    const char *json = exchange_json(x, &len);
    if (message_decode(json, len, arena, out, err) != 0)
        return -1;
    bool fits = (out->type == MESSAGE_VOTED && out->voted->id == id &&
                 message_verdict(out->voted->verdict) >= 0) ||
                (out->type == MESSAGE_FAILED && out->failed->id == id);
    return fits ? 0 : error_set(err, ERROR_MALFORMED, "no ballot of this vote");
}

int session_take_vote(struct session *s, const struct exchange *x, int64_t id, bool first,
                      struct arena *arena, struct message *out, struct error *err)
{
    if (read_vote(x, id, arena, out, err) == 0) {
        child_pass_messages(&s->child, s->name, s->log);
        health_answered(&s->health);
        return 0;
    }
    struct buf how = {0};
    bool left = end_process(s, &how) && err->kind == ERROR_UPSTREAM;
    int rc = left && first ? SESSION_LEFT : blame(s, "vote", s->config.timeout_ms, &how, err);
    buf_free(&how);
    return rc;
}

/* ---- starting ---- */

/* The first answer of a process: what it is, or why it cannot be opened. */
static int greet(struct session *s, struct arena *arena, const struct message_opened **out,
                 struct error *err)
{
    struct buf frames = {0};
    struct message message;
    uint64_t until = deadline(OPEN_TIMEOUT_MS);
    const struct message_open open = {
        .protocol = MESSAGE_PROTOCOL, .plugin_dirs = s->chain.plugin_dirs,
        .n_plugin_dirs = s->chain.n_plugin_dirs, .base_dir = s->chain.base_dir,
        .voter = &s->config,
    };
    size_t begin = frame_begin(&frames);
    message_encode(MESSAGE_OPEN, &open, &frames);
    frame_end(&frames, begin);
    int rc = frame_send(s->child.socket, &frames, until, err);
    buf_free(&frames);
    if (rc != 0 || receive(s, until, arena, &message, err) != 0)
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
static const struct message_opened *describe_command(const struct session *s,
                                                     const struct message_opened *said,
                                                     const struct command *command,
                                                     struct arena *arena)
{
    struct message_opened *opened = arena_alloc(arena, sizeof *opened);
    *opened = *said;
    opened->path = command->path;
    opened->sha256 = arena_str(arena, command->sha256);
    if (*s->config.name)
        opened->name = s->config.name;
    return opened;
}

int session_open(struct session *s, struct arena *arena, const struct message_opened **opened,
                 struct error *err)
{
    struct command command;
    if (s->external && command_read(&s->chain, &s->config, arena, &command, err) != 0)
        return -1;
    if (child_start(&s->child, s->external ? &command : NULL, err) != 0)
        return -1;
    int rc = greet(s, arena, opened, err);
    if (rc == 0 && s->external)
        *opened = describe_command(s, *opened, &command, arena);
    child_pass_messages(&s->child, s->name, s->log);
    if (rc == 0)
        return 0;
    struct buf how = {0}, said = {0};
    enum error_kind kind = err->kind;
    const char *last = s->child.said;
    if (*last && text_utf8_valid(last, strlen(last)) == strlen(last))
        buf_printf(&said, ", after saying: %s", last);
    child_end(&s->child, &how);
    if (kind == ERROR_UPSTREAM)
        error_set(err, ERROR_STATE, "its process could not open it: %s%s", buf_str(&how),
                  buf_str(&said));
    else if (kind == ERROR_TIMEOUT)
        error_set(err, ERROR_STATE, "its process did not open it within %d ms", OPEN_TIMEOUT_MS);
    buf_free(&how);
    buf_free(&said);
    return -1;
}

static int restart(struct session *s, struct error *err)
{
    struct arena *arena = arena_new();
    const struct message_opened *opened;
    int rc = health_check(&s->health, err);
    if (rc == 0 && session_open(s, arena, &opened, err) != 0) {
        note_failure(s, err->text);
        rc = -1;
    } else if (rc == 0 && strcmp(opened->sha256, s->sha256) != 0) {
        child_end(&s->child, NULL);
        rc = error_set(err, ERROR_STATE,
                       "its file changed since the chain was loaded: reload the chain");
        note_failure(s, err->text);
    }
    arena_free(arena);
    return rc;
}

/* A process that ended between two votes is started again; it failed unless it ended in order. */
int session_ensure(struct session *s, struct error *err)
{
    if (child_is_idle(&s->child))
        return 0;
    if (s->child.socket >= 0) {
        struct buf how = {0};
        if (!end_process(s, &how))
            note_failure(s, buf_str(&how));
        buf_free(&how);
    }
    return restart(s, err);
}

/* ---- beginning and end ---- */

static const char *text_or(struct arena *arena, const char *text, const char *otherwise)
{
    return arena_str(arena, text && *text ? text : otherwise);
}

/* Keeps a copy of everything that a later start needs. */
static void keep_config(struct session *s, const struct chain_config *chain,
                        const struct chain_voter_config *config, const struct voter *voter)
{
    struct arena *arena = s->arena;
    const char **dirs = arena_zalloc(arena, (chain->n_plugin_dirs + 1) * sizeof *dirs);
    for (size_t i = 0; i < chain->n_plugin_dirs; i++)
        dirs[i] = arena_str(arena, chain->plugin_dirs[i]);
    s->chain = (struct chain_config){
        .plugin_dirs = dirs, .n_plugin_dirs = chain->n_plugin_dirs,
        .base_dir = text_or(arena, chain->base_dir, ""),
    };
    const char **command = arena_zalloc(arena, (config->n_command + 1) * sizeof *command);
    for (size_t i = 0; i < config->n_command; i++)
        command[i] = arena_str(arena, config->command[i]);
    s->config = (struct chain_voter_config){
        .command = command, .n_command = config->n_command,
        .plugin = text_or(arena, config->plugin, ""), .script = text_or(arena, config->script, ""),
        .name = text_or(arena, config->name, ""), .level = "mandatory", .on_error = "deny",
        .isolation = "inline", .sha256 = text_or(arena, config->sha256, ""),
        .options_json = text_or(arena, config->options_json, "{}"), .doc_path = "",
        .timeout_ms = voter->timeout_ms, .memory_mb = voter->memory_mb,
    };
    s->name = *s->config.name     ? s->config.name
              : *s->config.plugin ? s->config.plugin
              : s->external       ? command[0]
                                  : s->config.script;
}

void session_begin(struct session *s, const struct voter *voter, const struct chain_config *chain,
                   const struct chain_voter_config *config, const struct log *log)
{
    *s = (struct session){.arena = arena_new(), .voter = voter, .log = log, .child = CHILD_NONE,
                          .external = config->n_command > 0};
    keep_config(s, chain, config, voter);
}

void session_close(struct session *s)
{
    child_finish(&s->child);
    child_end(&s->child, NULL);
    forget_sent(s);
    arena_free(s->arena);
}
