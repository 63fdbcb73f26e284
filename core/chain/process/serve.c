/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/serve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/printable.h"
#include "base/unset.h"
#include "chain/ballot.h"
#include "chain/native/native.h"
#include "chain/process/changes.h"
#include "chain/process/confine.h"
#include "chain/process/frame.h"
#include "chain/process/message.h"
#include "chain/process/tables.h"
#include "chain/voter.h"
#include "policy/policy.h"

/* The CPU time after which the process ends in order, so that its limit never meets a vote. */
enum { RETIRE_CPU_SECONDS = CONFINE_CPU_SECONDS * 3 / 4 };

struct role {
    struct arena *arena;                            /* of the policy; NULL before the first */
    const struct sluice_policy *policy;
};

struct host {
    int socket;
    struct log log;
    struct voter *voter;
    struct role roles[MESSAGE_ROLES_COUNT];
};

static int reply(struct host *host, enum message_type type, const void *record)
{
    struct buf frames = {0};
    struct error ignored;
    message_encode(type, record, &frames);
    int rc = frame_send(host->socket, &frames, FRAME_FOREVER, &ignored);
    buf_free(&frames);
    return rc;
}

/* Error texts may quote anything; the wire carries what a reader can see. */
static const char *clean(const char *text, struct arena *arena)
{
    struct buf out = {0};
    printable_escape(&out, text, strlen(text), "");
    const char *copy = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return copy;
}

/* ---- opening ---- */

static int send_opened(struct host *host, struct arena *arena)
{
    const struct voter *voter = host->voter;
    struct message_opened opened = {
        .protocol = MESSAGE_PROTOCOL,
        .name = voter->name, .version = voter->version, .summary = voter->summary,
        .path = voter->path, .sha256 = voter->sha256,
        .options = voter->options ? voter->options : "{}",
        .any_code = !voter->codes, .observes = voter->ops->observe != NULL,
        .votes = voter->votes, .inspects = voter->inspects,
        .inspects_responses = voter->inspects_responses,
    };
    opened.codes = tables_codes_of(voter, arena, &opened.n_codes);
    opened.option_table = tables_options_of(voter, arena, &opened.n_option_table);
    return reply(host, MESSAGE_OPENED, &opened);
}

/* The folders in which the voter's file may be. */
static const char *const *readable(const struct message_open *open, struct arena *arena, size_t *n)
{
    const char **folders = arena_alloc(arena, (open->n_plugin_dirs + 1) * sizeof *folders);
    *n = 0;
    if (*open->voter->script) {
        const char *script = open->voter->script, *slash = strrchr(script, '/');
        const char *base = *open->base_dir ? open->base_dir : ".";
        const char *folder = arena_strn(arena, script, slash ? (size_t)(slash - script) : 0);
        folders[(*n)++] = *script == '/' ? slash == script ? "/" : folder
                                         : arena_printf(arena, "%s/%s", base, folder);
    }
    for (size_t i = 0; !*open->voter->script && i < open->n_plugin_dirs; i++)
        folders[(*n)++] = open->plugin_dirs[i];
    return folders;
}

/* The last step before code of the voter can run. */
static int lock_in(const struct message_open *open, struct arena *arena, struct error *err)
{
    size_t n;
    const char *const *folders = readable(open, arena, &n);
    return confine(folders, n, open->voter->memory_mb, CONFINE_LIBRARY, err);
}

static struct voter *open_native(struct host *host, const struct message_open *open,
                                 const struct chain_config *chain, struct arena *arena,
                                 struct error *err)
{
    struct native_code code;
    struct voter *voter = NULL;
    if (native_read(chain, open->voter, &code, err) == 0 && lock_in(open, arena, err) == 0)
        voter = native_open(&code, chain, open->voter, &host->log, err);
    native_code_free(&code);
    return voter;
}

static int open_voter(struct host *host, const struct message_open *open, struct arena *arena,
                      struct error *err)
{
    const struct chain_config chain = {
        .plugin_dirs = open->plugin_dirs, .n_plugin_dirs = open->n_plugin_dirs,
        .base_dir = open->base_dir,
    };
    if (open->protocol != MESSAGE_PROTOCOL)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the gateway speaks protocol %u, sluice-plugin-host %d", open->protocol,
                         MESSAGE_PROTOCOL);
    if (!*open->voter->script)
        host->voter = open_native(host, open, &chain, arena, err);
    else if (lock_in(open, arena, err) == 0)
        host->voter = voter_lua_open(&chain, open->voter, &host->log, err);
    host->voter = voter_checked(host->voter, err);
    return host->voter ? 0 : -1;
}

static int open_first(struct host *host, struct arena *arena, struct error *err)
{
    struct buf json = {0};
    struct message message;
    int rc = frame_receive(host->socket, FRAME_MAX, FRAME_FOREVER, &json, err);
    if (rc == 0)
        rc = message_decode(buf_str(&json), json.len, arena, &message, err);
    buf_free(&json);
    if (rc == 0 && message.type != MESSAGE_OPEN)
        rc = error_set(err, ERROR_MALFORMED, "the first message is not open");
    if (rc == 0 && open_voter(host, message.open, arena, err) == 0)
        return send_opened(host, arena);
    const struct message_refused refused = {clean(err->text, arena), err->kind == ERROR_INVALID};
    reply(host, MESSAGE_REFUSED, &refused);
    return -1;
}

/* ---- votes ---- */

/* Takes the arena that the policy lives in. */
static void take_policy(struct host *host, const struct message_policy *message,
                        struct arena *arena)
{
    struct role *role = &host->roles[message_role(message->role)];
    arena_free(role->arena);
    *role = (struct role){arena, message->policy};
}

static int complete(struct host *host, const struct sluice_transition *received,
                    const struct message_diff *diff, struct arena *arena,
                    struct sluice_transition *out, struct error *err)
{
    *out = *received;
#define X(id, word, member) out->member = host->roles[ROLE_##id].policy;
    MESSAGE_ROLES(X)
#undef X
    if (!out->candidate)
        return error_set(err, ERROR_MALFORMED, "a transition without a candidate");
    return message_diff_resolve(diff, out, arena, err);
}

static const struct message_fact *const *facts_of(const struct ballot *ballot, struct arena *arena)
{
    const struct message_fact **out = arena_alloc(arena, (ballot->n_facts + 1) * sizeof *out);
    for (size_t i = 0; i < ballot->n_facts; i++) {
        struct message_fact *fact = arena_alloc(arena, sizeof *fact);
        *fact = (struct message_fact){ballot->facts[i].key, ballot->facts[i].value};
        out[i] = fact;
    }
    return out;
}

static int ask(struct voter *voter, const struct sluice_transition *t, struct ballot *ballot,
               struct error *err)
{
    uint64_t start = clock_mono_ns();
    if (voter->ops->vote(voter, t, &ballot->face, err) != 0)
        return -1;
    return voter->ops->unstoppable ? voter_check_time(voter, clock_mono_ns() - start, err) : 0;
}

static int reply_failed(struct host *host, int64_t id, const struct error *err,
                        struct arena *arena)
{
    const struct message_failed failed = {id, clean(err->text, arena)};
    return reply(host, MESSAGE_FAILED, &failed);
}

static int reply_ballot(struct host *host, int64_t id, const struct ballot *ballot,
                        struct arena *arena)
{
    struct message_voted voted = {
        .id = id, .verdict = chain_verdict_word(ballot->verdict), .code = ballot->code,
        .path = ballot->path, .message = ballot->message,
        .facts = facts_of(ballot, arena), .n_facts = ballot->n_facts,
    };
    changes_encode(ballot->changes, ballot->n_changes, arena, &voted);
    return reply(host, MESSAGE_VOTED, &voted);
}

static int inspect(struct host *host, const struct message_inspect *message, struct arena *arena)
{
    struct voter *voter = host->voter;
    UNSET struct ballot ballot;
    UNSET struct error err;
    ballot_begin(&ballot, arena, voter->codes);
    ballot.may_change = message->may_change;
    int rc = voter->inspects
               ? voter->ops->inspect(voter, message->request, &ballot.face, &err)
               : error_set(&err, ERROR_UNSUPPORTED, "it does not look at requests");
    return rc == 0 ? reply_ballot(host, message->id, &ballot, arena)
                   : reply_failed(host, message->id, &err, arena);
}

static int vote(struct host *host, const struct message_vote *message, struct arena *arena)
{
    struct sluice_transition t;
    UNSET struct ballot ballot;
    UNSET struct error err;
    ballot_begin(&ballot, arena, host->voter->codes);
    if (complete(host, message->transition, message->diff, arena, &t, &err) != 0 ||
        ask(host->voter, &t, &ballot, &err) != 0)
        return reply_failed(host, message->id, &err, arena);
    return reply_ballot(host, message->id, &ballot, arena);
}

static int observe(struct host *host, const struct message_observe *message, struct arena *arena)
{
    struct sluice_transition t;
    struct error err;
    if (complete(host, message->transition, message->diff, arena, &t, &err) != 0)
        return -1;
    const struct sluice_outcome outcome = {
        sizeof outcome, &t, message->outcome, (uint64_t)message->revision};
    if (host->voter->ops->observe)
        host->voter->ops->observe(host->voter, &outcome);
    return 0;
}

/* Handles one message; takes the arena. */
static int handle(struct host *host, const struct message *message, struct arena *arena)
{
    int rc = -1;
    switch (message->type) {
    case MESSAGE_POLICY:
        take_policy(host, message->policy, arena);
        return 0;
    case MESSAGE_VOTE:
        rc = vote(host, message->vote, arena);
        break;
    case MESSAGE_INSPECT:
        rc = inspect(host, message->inspect, arena);
        break;
    case MESSAGE_OBSERVE:
        rc = observe(host, message->observe, arena);
        break;
    default:
        break;
    }
    arena_free(arena);
    return rc;
}

static bool is_spent(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec >= RETIRE_CPU_SECONDS;
}

static int answer_one(struct host *host, const char *json, size_t len, bool *more)
{
    struct message message;
    UNSET struct error err;
    struct arena *arena = arena_new();
    if (message_decode(json, len, arena, &message, &err) != 0) {
        arena_free(arena);
        return -1;
    }
    int rc = handle(host, &message, arena);
    /* A request comes behind its policies. */
    *more = message.type == MESSAGE_POLICY || !is_spent();
    return rc;
}

static int answer(struct host *host)
{
    struct buf in = {0};
    bool more = true;
    int rc = 0;
    for (size_t len; more && rc == 0 && frame_next(host->socket, FRAME_MAX, &in, &len) == 0;) {
        rc = answer_one(host, in.data + FRAME_HEADER, len, &more);
        buf_consume(&in, FRAME_HEADER + len);
    }
    buf_free(&in);
    return rc == 0 ? 0 : 1;
}

int serve(int socket)
{
    struct host host = {
        .socket = socket,
        .log = {.fd = 2, .level = LOG_DEBUG, .program = "sluice-plugin-host"},
    };
    struct error err = {0};
    struct arena *arena = arena_new();
    int code = open_first(&host, arena, &err) == 0 ? answer(&host) : 0;
    voter_free(host.voter);
    for (int i = 0; i < MESSAGE_ROLES_COUNT; i++)
        arena_free(host.roles[i].arena);
    arena_free(arena);
    return code;
}
