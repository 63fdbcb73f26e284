/* SPDX-License-Identifier: Apache-2.0 */
/* Voters in processes of their own, seen from the gateway.
 *
 * One process per voter; it is asked one vote at a time, and every voter of a chain has its own.
 * Whatever goes wrong ends the process and fails the vote: a crash, silence beyond the time limit,
 * an answer too long or without sense.  It is started again for the next vote, after a pause that
 * doubles with each failure in a row; after QUARANTINE_FAILURES of them it is not started any more
 * until the chain is loaded anew. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "chain/ballot.h"
#include "chain/process/child.h"
#include "chain/process/frame.h"
#include "chain/process/message.h"
#include "chain/process/tables.h"
#include "chain/process/told.h"
#include "chain/voter.h"
#include "policy/policy.h"

enum {
    OPEN_TIMEOUT_MS = 10000,
    OBSERVE_TIMEOUT_MS = 100,
    GRACE_MS = 25,                                  /* for a voter that keeps its limit to say so */
    QUARANTINE_FAILURES = 5,
    QUARANTINE_WINDOW_MS = 60000,                   /* a failure older than this starts no row */
    PAUSE_MS = 50,                                  /* before the second start; doubles */
};

struct isolated {
    struct arena *arena;                            /* of the members below, up to the mutex */
    struct chain_config chain;
    struct chain_voter_config config;               /* with its defaults filled in */
    const char *name, *sha256;                      /* of the code that was opened first */
    bool observes, external;                        /* external: it is a command */
    const struct log *log;
    atomic_bool quarantined;
    pthread_mutex_t mutex;                          /* of the members below; one vote at a time */
    struct child child;
    struct buf sent[MESSAGE_ROLES_COUNT];           /* the policies that the process has */
    unsigned failures;                              /* in a row */
    uint64_t failed_ms;                             /* when the last one was */
};

/* ---- failures ---- */

static void forget_sent(struct isolated *v)
{
    for (int i = 0; i < MESSAGE_ROLES_COUNT; i++)
        buf_free(&v->sent[i]);
}

static void note_failure(struct isolated *v, const char *how)
{
    uint64_t now = clock_mono_ms();
    v->failures = v->failures && now - v->failed_ms < QUARANTINE_WINDOW_MS ? v->failures + 1 : 1;
    v->failed_ms = now;
    log_warn(v->log, "voter %s: its process failed, %u in a row: %s", v->name, v->failures, how);
    if (v->failures < QUARANTINE_FAILURES)
        return;
    atomic_store(&v->quarantined, true);
    log_error(v->log, "voter %s is quarantined until the chain is reloaded", v->name);
}

/* Ends the process; err says why it is no longer trusted, and what it did itself if that is why. */
static int fail(struct isolated *v, const char *request, struct error *err)
{
    struct buf how = {0};
    struct error cause = *err;
    child_pass_messages(&v->child, v->name, v->log);
    child_end(&v->child, &how);
    forget_sent(v);
    /* The kind says that the process died over the request: chain.c asks for it. */
    if (cause.kind == ERROR_TIMEOUT)
        error_set(err, ERROR_TIMEOUT, "it did not %s within %u ms and was killed", request,
                  v->config.timeout_ms);
    else if (cause.kind == ERROR_UPSTREAM)
        error_set(err, ERROR_UPSTREAM, "%s", buf_str(&how));
    else
        error_set(err, ERROR_UPSTREAM, "it answered with what is no answer and was killed: %s",
                  cause.text);
    buf_free(&how);
    note_failure(v, err->text);
    return -1;
}

/* ---- messages ---- */

static void add_message(struct buf *frames, enum message_type type, const void *record)
{
    size_t begin = frame_begin(frames);
    message_encode(type, record, frames);
    frame_end(frames, begin);
}

static int receive(struct isolated *v, uint64_t deadline_ns, struct arena *arena,
                   struct message *out, struct error *err)
{
    struct buf json = {0};
    int rc = frame_receive(v->child.socket, FRAME_ANSWER_MAX, deadline_ns, &json, err);
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
static void add_told(struct isolated *v, struct buf *frames, const struct told *told)
{
    for (int i = 0; i < MESSAGE_ROLES_COUNT; i++) {
        const struct buf *policy = &told->policies[i];
        struct buf *sent = &v->sent[i];
        if (sent->len == policy->len && memcmp(sent->data, policy->data, policy->len) == 0)
            continue;
        buf_add(frames, policy->data, policy->len);
        buf_clear(sent);
        buf_add(sent, policy->data, policy->len);
    }
    buf_add(frames, told->request.data, told->request.len);
}

/* ---- opening ---- */

/* The first answer of a process: what it is, or why it cannot be opened. */
static int greet(struct isolated *v, struct arena *arena, const struct message_opened **out,
                 struct error *err)
{
    struct buf frames = {0};
    struct message message;
    uint64_t until = deadline(OPEN_TIMEOUT_MS);
    const struct message_open open = {
        .protocol = MESSAGE_PROTOCOL, .plugin_dirs = v->chain.plugin_dirs,
        .n_plugin_dirs = v->chain.n_plugin_dirs, .base_dir = v->chain.base_dir,
        .voter = &v->config,
    };
    add_message(&frames, MESSAGE_OPEN, &open);
    int rc = frame_send(v->child.socket, &frames, until, err);
    buf_free(&frames);
    if (rc != 0 || receive(v, until, arena, &message, err) != 0)
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
static const struct message_opened *describe_command(const struct isolated *v,
                                                     const struct message_opened *said,
                                                     const struct command *command,
                                                     struct arena *arena)
{
    struct message_opened *opened = arena_alloc(arena, sizeof *opened);
    *opened = *said;
    opened->path = command->path;
    opened->sha256 = arena_str(arena, command->sha256);
    if (*v->config.name)
        opened->name = v->config.name;
    return opened;
}

/* Starts the process and opens the voter in it.  On failure no process is left. */
static int start(struct isolated *v, struct arena *arena, const struct message_opened **opened,
                 struct error *err)
{
    struct command command;
    if (v->external && command_read(&v->chain, &v->config, arena, &command, err) != 0)
        return -1;
    if (child_start(&v->child, v->external ? &command : NULL, err) != 0)
        return -1;
    int rc = greet(v, arena, opened, err);
    if (rc == 0 && v->external)
        *opened = describe_command(v, *opened, &command, arena);
    child_pass_messages(&v->child, v->name, v->log);
    if (rc == 0)
        return 0;
    struct buf how = {0}, said = {0};
    enum error_kind kind = err->kind;
    const char *last = v->child.said;
    if (*last && text_utf8_valid(last, strlen(last)) == strlen(last))
        buf_printf(&said, ", after saying: %s", last);
    child_end(&v->child, &how);
    if (kind == ERROR_UPSTREAM)
        error_set(err, ERROR_STATE, "its process could not open it: %s%s", buf_str(&how),
                  buf_str(&said));
    else if (kind == ERROR_TIMEOUT)
        error_set(err, ERROR_STATE, "its process did not open it within %d ms", OPEN_TIMEOUT_MS);
    buf_free(&how);
    buf_free(&said);
    return -1;
}

/* ---- keeping it running ---- */

static int check_pause(const struct isolated *v, struct error *err)
{
    if (atomic_load(&v->quarantined))
        return error_set(
            err, ERROR_STATE,
            "it is quarantined after %d failures in a row: reload the chain to try again",
            QUARANTINE_FAILURES);
    if (v->failures < 2)
        return 0;
    uint64_t pause = (uint64_t)PAUSE_MS << (v->failures - 2),
             since = clock_mono_ms() - v->failed_ms;
    if (since < pause)
        return error_set(err, ERROR_STATE,
                         "it failed %u times in a row and is started again in %llu ms", v->failures,
                         (unsigned long long)(pause - since));
    return 0;
}

static int restart(struct isolated *v, struct error *err)
{
    struct arena *arena = arena_new();
    const struct message_opened *opened;
    int rc = check_pause(v, err);
    if (rc == 0 && start(v, arena, &opened, err) != 0) {
        note_failure(v, err->text);
        rc = -1;
    } else if (rc == 0 && strcmp(opened->sha256, v->sha256) != 0) {
        child_end(&v->child, NULL);
        rc = error_set(err, ERROR_STATE,
                       "its file changed since the chain was loaded: reload the chain");
    }
    arena_free(arena);
    return rc;
}

/* A process that ended between two votes is started again; it failed unless it ended in order. */
static int ensure_running(struct isolated *v, struct error *err)
{
    if (child_is_idle(&v->child))
        return 0;
    if (v->child.socket >= 0) {
        struct buf how = {0};
        child_pass_messages(&v->child, v->name, v->log);
        bool in_order = child_end(&v->child, &how);
        forget_sent(v);
        if (!in_order)
            note_failure(v, buf_str(&how));
        buf_free(&how);
    }
    return restart(v, err);
}

/* ---- votes ---- */

/* A vote under way.  While it is, its thread holds the mutex of the voter; chains lock their voters
 * in one order, so two updates never wait for each other. */
struct begun {
    struct arena *arena;
    int64_t id;
    uint64_t until;
    bool failed;                                    /* it never got under way; err says why */
    struct error err;
};

static int send_vote(struct isolated *v, const struct told *told, const struct begun *b,
                     struct error *err)
{
    struct buf frames = {0};
    add_told(v, &frames, told);
    int rc = frame_send(v->child.socket, &frames, b->until, err);
    buf_free(&frames);
    return rc == 0 ? 0 : fail(v, "vote", err);
}

static int receive_answer(struct isolated *v, const struct begun *b, struct message *answer,
                          struct error *err)
{
    if (receive(v, b->until, b->arena, answer, err) != 0)
        return fail(v, "vote", err);
    bool fits = (answer->type == MESSAGE_VOTED && answer->voted->id == b->id &&
                 message_verdict(answer->voted->verdict) >= 0) ||
                (answer->type == MESSAGE_FAILED && answer->failed->id == b->id);
    if (!fits) {
        error_set(err, ERROR_MALFORMED, "no ballot of this vote");
        return fail(v, "vote", err);
    }
    child_pass_messages(&v->child, v->name, v->log);
    v->failures = 0;
    return 0;
}

/* Casts what the process said into the gateway's ballot, which checks it once more. */
static int cast(const struct message_voted *voted, struct sluice_ballot *ballot, struct error *err)
{
    enum sluice_verdict verdict = (enum sluice_verdict)message_verdict(voted->verdict);
    for (size_t i = 0; i < voted->n_facts; i++)
        sluice_fact(ballot, voted->facts[i]->key, voted->facts[i]->value);
    sluice_cast(ballot, verdict, voted->code, voted->path, "%s", voted->message);
    return ballot_finish(ballot, verdict, err);
}

static void *isolated_begin(struct voter *voter, struct voter_ask *ask)
{
    struct isolated *v = voter->impl;
    struct arena *arena = arena_new();
    struct begun *b = arena_zalloc(arena, sizeof *b);
    if (!ask->told)
        ask->told = told_vote(ask->transition, ask->id, ask->arena);
    pthread_mutex_lock(&v->mutex);
    b->arena = arena;
    b->id = ask->id;
    b->failed = ensure_running(v, &b->err) != 0;
    b->until = deadline(v->config.timeout_ms + GRACE_MS);
    b->failed = b->failed || send_vote(v, ask->told, b, &b->err) != 0;
    return b;
}

static int isolated_finish(struct voter *voter, void *begun, struct sluice_ballot *ballot,
                           struct error *err)
{
    struct isolated *v = voter->impl;
    struct begun *b = begun;
    struct message answer;
    int rc = -1;
    if (b->failed)
        *err = b->err;
    else
        rc = receive_answer(v, b, &answer, err);
    pthread_mutex_unlock(&v->mutex);
    if (rc == 0 && answer.type == MESSAGE_FAILED)
        rc = error_set(err, ERROR_INTERNAL, "%s", answer.failed->text);
    else if (rc == 0)
        rc = cast(answer.voted, ballot, err);
    arena_free(b->arena);
    return rc;
}

static void isolated_observe(struct voter *voter, const struct sluice_outcome *outcome)
{
    struct isolated *v = voter->impl;
    if (!v->observes || atomic_load(&v->quarantined))
        return;
    struct arena *arena = arena_new();
    struct buf frames = {0};
    struct error err;
    pthread_mutex_lock(&v->mutex);
    if (ensure_running(v, &err) == 0) {
        add_told(v, &frames, told_outcome(outcome, arena));
        if (frame_send(v->child.socket, &frames, deadline(OBSERVE_TIMEOUT_MS), &err) != 0)
            fail(v, "observe", &err);
    }
    pthread_mutex_unlock(&v->mutex);
    buf_free(&frames);
    arena_free(arena);
}

static const char *isolated_state(struct voter *voter)
{
    const struct isolated *v = voter->impl;
    return atomic_load(&v->quarantined) ? "quarantined" : "ready";
}

static void isolated_close(struct voter *voter)
{
    struct isolated *v = voter->impl;
    child_finish(&v->child);
    child_end(&v->child, NULL);
    forget_sent(v);
    pthread_mutex_destroy(&v->mutex);
    arena_free(v->arena);
    free(v);
}

#define OPS(word) \
    {.kind = word, .begin = isolated_begin, .finish = isolated_finish, \
     .observe = isolated_observe, .close = isolated_close, .state = isolated_state}
static const struct voter_ops native_ops = OPS("native"), lua_ops = OPS("lua"),
                              command_ops = OPS("command");

/* ---- making one ---- */

static const char *text_or(struct arena *arena, const char *text, const char *otherwise)
{
    return arena_str(arena, text && *text ? text : otherwise);
}

/* Keeps a copy of everything that a later start needs. */
static void keep_config(struct isolated *v, const struct chain_config *chain,
                        const struct chain_voter_config *config, const struct voter *voter)
{
    struct arena *arena = v->arena;
    const char **dirs = arena_zalloc(arena, (chain->n_plugin_dirs + 1) * sizeof *dirs);
    for (size_t i = 0; i < chain->n_plugin_dirs; i++)
        dirs[i] = arena_str(arena, chain->plugin_dirs[i]);
    v->chain = (struct chain_config){
        .plugin_dirs = dirs, .n_plugin_dirs = chain->n_plugin_dirs,
        .base_dir = text_or(arena, chain->base_dir, ""),
    };
    const char **command = arena_zalloc(arena, (config->n_command + 1) * sizeof *command);
    for (size_t i = 0; i < config->n_command; i++)
        command[i] = arena_str(arena, config->command[i]);
    v->config = (struct chain_voter_config){
        .command = command, .n_command = config->n_command,
        .plugin = text_or(arena, config->plugin, ""), .script = text_or(arena, config->script, ""),
        .name = text_or(arena, config->name, ""), .level = "mandatory", .on_error = "deny",
        .isolation = "inline", .sha256 = text_or(arena, config->sha256, ""),
        .options_json = text_or(arena, config->options_json, "{}"), .doc_path = "",
        .timeout_ms = voter->timeout_ms, .memory_mb = voter->memory_mb,
    };
    v->name = *v->config.name     ? v->config.name
              : *v->config.plugin ? v->config.plugin
                                  : v->config.script;
}

static int keep_description(struct isolated *v, struct voter *voter,
                            const struct message_opened *opened, struct error *err)
{
    voter->name = alloc_str(opened->name);
    voter->version = alloc_str(opened->version);
    voter->summary = alloc_str(opened->summary);
    voter->path = alloc_str(opened->path);
    voter->sha256 = alloc_str(opened->sha256);
    voter->options = alloc_str(opened->options);
    v->name = arena_str(v->arena, opened->name);
    v->sha256 = arena_str(v->arena, opened->sha256);
    v->observes = opened->observes;
    voter->codes = tables_keep_codes(v->arena, opened);
    return tables_keep_options(v->arena, opened, &voter->option_table, err);
}

struct voter *voter_process_open(const struct chain_config *chain,
                                 const struct chain_voter_config *config, const struct log *log,
                                 struct error *err)
{
    struct isolated *v = alloc_zero(1, sizeof *v);
    bool script = config->script && *config->script;
    const struct voter_ops *ops = config->n_command ? &command_ops
                                : script            ? &lua_ops : &native_ops;
    struct voter *voter = voter_new(ops, chain, config);
    struct arena *arena = arena_new();
    const struct message_opened *opened;
    voter->impl = v;
    v->arena = arena_new();
    v->log = log;
    v->external = config->n_command > 0;
    v->child = (struct child)CHILD_NONE;
    pthread_mutex_init(&v->mutex, NULL);
    keep_config(v, chain, config, voter);
    if (start(v, arena, &opened, err) != 0 || keep_description(v, voter, opened, err) != 0) {
        voter_free(voter);
        voter = NULL;
    }
    arena_free(arena);
    return voter;
}
