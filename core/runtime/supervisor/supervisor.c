/* SPDX-License-Identifier: Apache-2.0 */
/* Sends messages to supervisors and handles those that come from them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/sandbox.h"
#include "runtime/supervisor/grants.h"

void sandbox_send(struct sandbox *s, const struct sandbox_message *message)
{
    if (s->link)
        link_send(s->link, message);
}

void sandbox_encode_policy(uint64_t revision, struct policy *policy,
                           const struct policy_grants *grants, struct buf *out)
{
    const struct sandbox_message message = {
        .type = MESSAGE_POLICY,
        .revision = {.revision = revision, .hash = policy_hash(policy),
                     .policy = policy_json(policy), .grants = grants->items,
                     .n_grants = grants->n}};
    sandbox_message_encode(&message, out);
}

void sandbox_send_policy(struct sandbox *s, uint64_t revision, const struct buf *line)
{
    if (!s->link || revision <= s->sent_revision)
        return;
    s->sent_revision = revision;
    link_send_line(s->link, line);
}

/* ---- the newest policy: in answer to a hello, and after another gateway's commit ---- */

struct catch_up {
    struct runtime *all;
    char *id;
    uint64_t revision;                              /* 0: it could not be read */
    struct buf line;
    struct buf approvals;
    size_t n_approvals, n_known;                    /* the supervisor has so many */
};

static void encode_newest(struct catch_up *c, const struct store_revision *r, struct arena *arena)
{
    struct problems problems = {0};
    struct policy_grants grants = grants_of_revision(c->all->setup.store, r, arena);
    struct policy *policy =
        policy_parse(r->policy_json, strlen(r->policy_json), DOC_JSON, &problems);
    if (policy) {
        c->revision = r->revision;
        sandbox_encode_policy(r->revision, policy, &grants, &c->line);
    }
    policy_unref(policy);
    problems_free(&problems);
}

static void read_newest(void *arg)
{
    struct catch_up *c = arg;
    struct arena *arena = arena_new();
    struct store_revision r;
    struct error err;
    if (store_revision_get(c->all->setup.store, c->id, 0, arena, &r, &err) == 0)
        encode_newest(c, &r, arena);
    else
        log_error(c->all->setup.log, "cannot read the newest policy of a sandbox: %s", err.text);
    if (approvals_encode(c->all, c->id, &c->approvals, &c->n_approvals, &err) != 0)
        log_error(c->all->setup.log, "cannot read the approved requests of a sandbox: %s",
                  err.text);
    arena_free(arena);
}

static void send_newest(void *arg)
{
    struct catch_up *c = arg;
    struct sandbox *s = sandbox_find(c->all, c->id);
    if (s && s->ready && c->revision)
        sandbox_send_policy(s, c->revision, &c->line);
    if (s && s->ready && c->approvals.len && (c->n_approvals || c->n_known))
        link_send_line(s->link, &c->approvals);
    if (s) {
        s->catching_up = false;
        if (s->ready && c->revision && s->sent_revision < s->wanted_revision)
            sandbox_catch_up(s, c->n_approvals);
        else if (!c->revision)
            s->unsent[0] = s->wanted_revision; /* it could not be read: tried again */
    }
    buf_free(&c->line);
    buf_free(&c->approvals);
    free(c->id);
    free(c);
}

void sandbox_catch_up(struct sandbox *s, size_t n_known_approvals)
{
    struct catch_up *c = alloc_zero(1, sizeof *c);
    *c = (struct catch_up){.all = s->all, .id = alloc_str(s->id), .n_known = n_known_approvals};
    s->catching_up = true;
    jobs_run(s->all->setup.jobs, NULL, read_newest, send_newest, c);
}

static void on_hello(struct sandbox *s, const struct sandbox_hello *hello)
{
    if (hello->protocol != SANDBOX_PROTOCOL_VERSION || strcmp(hello->sandbox, s->id) != 0) {
        log_error(s->all->setup.log,
                  "the supervisor of sandbox %s speaks protocol %u, this gateway speaks %u: "
                  "restart the sandbox",
                  s->name, hello->protocol, SANDBOX_PROTOCOL_VERSION);
        sandbox_disconnect(s);
        return;
    }
    if (s->state == SANDBOX_STOPPING) {             /* it was stopped before it had connected */
        sandbox_send(
            s, &(struct sandbox_message){.type = MESSAGE_STOP, .stop.grace_ms = STOP_GRACE_MS});
        return;
    }
    s->ready = true;
    s->sent_revision = hello->loaded_revision;
    free(s->ssh_host_key);
    s->ssh_host_key = alloc_str(hello->ssh_host_key);
    json_decref(s->warnings);
    s->warnings = json_array();
    for (size_t i = 0; i < hello->n_warnings; i++)
        json_array_append_new(s->warnings, json_string(hello->warnings[i]));
    log_info(s->all->setup.log, "sandbox %s is ready at revision %lu", s->name,
             (unsigned long)hello->loaded_revision);
    sandbox_report(s, hello->loaded_revision, NULL);
    sandbox_send_settings(s);
    sandbox_send_inspectors(s, hello->inspectors);
    sandbox_is_ready(s);
    runtime_equip(s->all, s->id, NULL, NULL);
    sandbox_catch_up(s, hello->n_approvals);
}

/* ---- messages ---- */

static void on_failed(struct sandbox *s, const struct sandbox_revision *revision)
{
    log_error(s->all->setup.log, "sandbox %s could not load revision %lu: %s", s->name,
              (unsigned long)revision->revision, revision->error);
    sandbox_report(s, revision->revision, revision->error);
}

static bool on_message(void *owner, const struct sandbox_message *m, struct arena *arena)
{
    struct sandbox *s = owner;
    switch (m->type) {
    case MESSAGE_HELLO:
        if (!s->ready)
            on_hello(s, &m->hello);
        return false;
    case MESSAGE_START_FAILED:
        error_set(&s->start_error, ERROR_UPSTREAM, "sandbox '%s' cannot be made: %s", s->name,
                  m->log.text);
        return false;
    case MESSAGE_LOADED:
        sandbox_report(s, m->revision.revision, NULL);
        return false;
    case MESSAGE_FAILED:
        on_failed(s, &m->revision);
        return false;
    case MESSAGE_DENIALS:
        sandbox_denied(s, &m->denials, arena);
        return true;
    case MESSAGE_FORECAST:
        sandbox_forecast(s, &m->forecast, arena);
        return true;
    case MESSAGE_PROPOSE:
    case MESSAGE_CHUNK_QUERY:
        sandbox_agent_asks(s, m, arena);
        return true;
    case MESSAGE_GRANT:
        sandbox_grant_reported(s, &m->grant);
        return false;
    case MESSAGE_INSPECTING:
        sandbox_inspecting(s, &m->inspectors);
        return false;
    case MESSAGE_INSPECTED:
        sandbox_inspected(s, &m->inspected);
        return false;
    case MESSAGE_MAIN:
        sandbox_main_reported(s, &m->main);
        return false;
    case MESSAGE_DETACHED:
        sandbox_exec_detached(s, &m->detached);
        return false;
    case MESSAGE_TRAFFIC:
        sandbox_traffic(s, &m->traffic, arena);
        return true;
    case MESSAGE_EQUIPPED:
        sandbox_equipped(s, m->credentials.number);
        return false;
    case MESSAGE_LOG:
        sandbox_log_line(s, &m->log);
        return false;
    default:
        return false;
    }
}

static void on_malformed(void *owner, const struct error *why)
{
    struct sandbox *s = owner;
    log_warn(s->all->setup.log, "sandbox %s sent a line that cannot be read: %s", s->name,
             why->text);
}

static void detach(struct sandbox *s)
{
    s->link = NULL;
    s->ready = s->equipped = false;
    sandbox_equipments_fail(s);
    sandbox_not_inspecting(s);
    drafts_forget_waiting(s->all->setup.drafts, s->id);
    sandbox_exec_fail_all(s, "the connection to its supervisor broke");
}

static void on_ended(void *owner, const char *why)
{
    struct sandbox *s = owner;
    log_warn(s->all->setup.log, "sandbox %s: the supervisor's stream ended%s%s", s->name,
             *why ? ": " : "", why);
    detach(s);
    if (s->process_ended)
        sandbox_ended(s);
}

void sandbox_disconnect(struct sandbox *s)
{
    if (!s->link)
        return;
    link_close(s->link);
    detach(s);
}

void runtime_connect(struct runtime *all, const char *id, struct net_stream *stream)
{
    static const struct link_calls calls = {
        .message = on_message, .malformed = on_malformed, .ended = on_ended};
    struct sandbox *s = sandbox_find(all, id);
    if (!s || sandbox_is_foreign(s)) {
        net_discard(stream);
        return;
    }
    sandbox_disconnect(s);
    s->link = link_new(stream, &calls, s);
    link_read(s->link);
    sandbox_watch_holder(s);
}
