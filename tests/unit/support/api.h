/* SPDX-License-Identifier: Apache-2.0 */
/* The routes behind a real server on a loop, with a real store and the shipped voters, but with
 * sandboxes that only say that they run.  Clients are made on the same loop. */
#ifndef TESTS_SUPPORT_API_H
#define TESTS_SUPPORT_API_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/call.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/digest.h"
#include "http/client.h"
#include "net/certificate.h"
#include "runtime/hosts/hosts.h"
#include "runtime/inspectors.h"
#include "runtime/sessions/exec.h"
#include "runtime/sessions/log_reader.h"
#include "runtime/record.h"
#include "support/gateway.h"

#define UNUSED __attribute__((unused))

/* The runtime's calls below take this one: with them the real ones are not linked. */
struct runtime {
    struct api_fixture *d;
    char connected[40]; /* the sandbox whose supervisor connected last */
    int64_t hold_ms;    /* that was set last ... */
    char set_by[128];   /* ... by whom */
};

struct api_fixture {
    struct api api;                                 /* first: the context of every route */
    struct gateway_fixture g;
    struct http_router router;
    char admin_hash[DIGEST_HEX_SIZE], hashes[6][DIGEST_HEX_SIZE];
    /* an admin, a user, a viewer, an approver, a deployer (of the configuration), a host */
    struct auth_token alice, bob, vera, paul, dora, hugo;
    const struct auth_token *tokens[6];
    struct auth_certificate olga, carl;             /* of users; olga has a token too */
    const struct auth_certificate *certificates[2];
    struct net_certificate shown;                   /* by whoever asks as its subject */
    struct error start_error; /* with a text: starting a sandbox fails with it */
    bool judge_only;                                /* answer 299 once a request may go on */
    unsigned reloads;
    struct runtime runtime;
    struct error err;
    struct secret_key key;
    struct providers providers;
};

/* ---- sandboxes that only say that they run ---- */

struct life {
    struct api_fixture *d;
    char id[UUID_SIZE];
    const char *phase;                              /* NULL: delete it */
    const struct error *err;                        /* what done is told; NULL: success */
    runtime_done *done;
    void *arg;
};

static inline int write_life(struct store_tx *tx, void *arg, struct error *err)
{
    struct life *l = arg;
    return l->phase ? store_tx_sandbox_phase(tx, l->id, l->phase, "", err)
                    : store_tx_sandbox_delete(tx, l->id, clock_now_ms(), err);
}

static inline void life_work(void *arg)
{
    struct life *l = arg;
    struct error err;
    store_write(l->d->api.store, write_life, l, &err);
}

static inline void life_done(void *arg)
{
    struct life *l = arg;
    l->done(l->arg, l->err);
    free(l);
}

static inline void change_phase(struct api_fixture *d, const char *id, const char *phase,
                                const struct error *err, runtime_done *done, void *arg)
{
    struct life *l = alloc_zero(1, sizeof *l);
    *l = (struct life){.d = d, .phase = phase, .err = err, .done = done, .arg = arg};
    snprintf(l->id, sizeof l->id, "%s", id);
    jobs_run(d->api.jobs, NULL, life_work, life_done, l);
}

static inline const struct error *start_error(struct api_fixture *d)
{
    return *d->start_error.text ? &d->start_error : NULL;
}

void runtime_tell_provider(struct runtime *rt, const struct provider_change *change,
                           runtime_done *done, void *arg)
{
    (void)rt;
    (void)change;
    done(arg, NULL);
}

void runtime_start(struct runtime *rt, const char *id, runtime_done *done, void *arg)
{
    change_phase(rt->d, id, "ready", start_error(rt->d), done, arg);
}

void runtime_stop(struct runtime *rt, const char *id, runtime_done *done, void *arg)
{
    change_phase(rt->d, id, "stopped", NULL, done, arg);
}

void runtime_delete(struct runtime *rt, const char *id, runtime_done *done, void *arg)
{
    change_phase(rt->d, id, NULL, NULL, done, arg);
}

void runtime_create(struct runtime *rt, const char *id, runtime_done *done, void *arg)
{
    change_phase(rt->d, id, start_error(rt->d) ? NULL : "ready", start_error(rt->d), done, arg);
}

const char *runtime_fetcher(const struct runtime *rt)
{
    (void)rt;
    return "/usr/bin/false";
}

/* There is process 7, and no other. */
int runtime_find_process(const struct runtime *runtime, const char *sandbox_id, int64_t inside,
                         int64_t *pid, int64_t *started, struct error *err)
{
    (void)runtime;
    (void)sandbox_id;
    *pid = 1007;
    *started = 12;
    return inside == 7 ? 0 : error_set(err, ERROR_INVALID, "no process");
}

static inline int write_settings(struct store_tx *tx, void *record, struct error *err)
{
    return store_tx_sandbox_settings(tx, record, err);
}

void runtime_set_settings(struct runtime *rt, struct settings_change *change, runtime_done *done,
                          void *arg)
{
    struct store *store = rt->d->api.store;
    struct error err;
    int rc = store_sandbox_get(store, change->sandbox, change->arena, &change->record, &err);
    if (rc == 0)
        sandbox_record_change(change->changes, change->arena, &change->record, change->problems);
    if (change->problems->n)
        rc = error_set(&err, ERROR_INVALID, "%s", change->problems->items[0].message);
    if (rc == 0)
        rc = store_write(store, write_settings, &change->record, &err);
    rt->hold_ms = change->record.hold_ms;
    snprintf(rt->set_by, sizeof rt->set_by, "%s", change->actor);
    done(arg, rc ? &err : NULL);
}

struct inspect_counts runtime_inspected(struct runtime *rt, const char *voter)
{
    (void)rt;
    (void)voter;
    return (struct inspect_counts){.requests = 7, .denials = 2, .errors = 1};
}

struct runtime_home runtime_home_of(struct runtime *rt, const struct store_sandbox *record,
                                    struct arena *arena)
{
    (void)rt;
    (void)record;
    (void)arena;
    return (struct runtime_home){.gateway = "here", .here = true, .alive = true};
}

bool runtime_leads(struct runtime *rt)
{
    (void)rt;
    return true;
}

int runtime_check_home(const struct runtime *rt, const struct store_sandbox *record,
                       struct error *err);
int runtime_check_home(const struct runtime *rt, const struct store_sandbox *record,
                       struct error *err)
{
    (void)rt;
    (void)record;
    (void)err;
    return 0;
}

void runtime_await_inspectors(struct runtime *rt, uint64_t timeout_ms)
{
    (void)rt;
    (void)timeout_ms;
}

json_t *runtime_not_inspecting(struct runtime *rt)
{
    (void)rt;
    return json_pack("[{s:s, s:s}]", "sandbox", "demo", "error", "a voter does not load");
}

json_t *runtime_warnings(struct runtime *rt, const char *id)
{
    (void)rt;
    (void)id;
    return json_pack("[s]", "a listed path is left out");
}

void runtime_connect(struct runtime *rt, const char *id, struct net_stream *stream)
{
    snprintf(rt->connected, sizeof rt->connected, "%s", id);
    net_discard(stream);
}

struct log_reader *runtime_logs_read(struct runtime *rt, const char *sandbox,
                                     const struct auth_principal *who, bool follow,
                                     const struct log_reader_calls *calls, void *ctx)
{
    struct buf text = {0};
    struct error err;
    (void)rt;
    (void)who;
    buf_puts(&text, sandbox);
    error_set(&err, ERROR_NOT_FOUND, "sandbox '%s' not found", sandbox);
    calls->kept(ctx, &text, follow ? &err : NULL);
    buf_free(&text);
    return NULL;
}

void runtime_logs_close(struct log_reader *reader)
{
    (void)reader;
}

int runtime_pick_host(struct runtime *rt, const char *wanted, struct arena *arena,
                      const char **host, struct error *err)
{
    (void)rt;
    (void)arena;
    *host = "";
    return *wanted ? error_set(err, ERROR_NOT_FOUND, "there is no host '%s'", wanted) : 0;
}

json_t *runtime_hosts_json(struct runtime *rt)
{
    (void)rt;
    return json_pack("{s:[]}", "hosts");
}

int runtime_host_check(struct runtime *rt, const struct auth_principal *who, const char *instance,
                       struct error *err)
{
    (void)rt;
    (void)who;
    (void)instance;
    return error_set(err, ERROR_DRAINING, "the gateway is about to stop");
}

void runtime_host_connect(struct runtime *rt, const struct auth *auth,
                          const struct auth_principal *who, const char *instance,
                          struct net_stream *stream)
{
    (void)rt;
    (void)auth;
    (void)who;
    (void)instance;
    net_discard(stream);
}

int runtime_exec_check(struct runtime *rt, const char *sandbox, struct error *err)
{
    (void)rt;
    return error_set(err, ERROR_STATE,
                     "sandbox '%s' is not ready (it is stopped): start it, or wait for it",
                     sandbox);
}

int runtime_exec(struct runtime *rt, const char *sandbox, const struct auth_principal *who,
                  const struct sandbox_exec *command,
                 runtime_exec_fn *done, void *arg, struct error *err)
{
    (void)who;
    (void)command;
    (void)done;
    (void)arg;
    return runtime_exec_check(rt, sandbox, err);
}

int runtime_detach(struct runtime *rt, const char *sandbox, const struct auth_principal *who,
                  const struct sandbox_exec *command,
                   runtime_detach_fn *done, void *arg, struct error *err)
{
    (void)who;
    (void)rt;
    (void)err;
    (void)sandbox;
    assert_true(command->detach);
    done(arg, 42, NULL);
    return 0;
}

int runtime_attach(struct runtime *rt, const char *sandbox, const struct auth_principal *who,
                  const struct sandbox_attach *client,
                   runtime_exec_fn *done, void *arg, struct error *err)
{
    (void)who;
    (void)client;
    (void)done;
    (void)arg;
    return runtime_exec_check(rt, sandbox, err);
}

struct exec_wait *runtime_exec_find(struct runtime *rt, const char *sandbox_id, const char *exec_id)
{
    (void)rt;
    (void)sandbox_id;
    (void)exec_id;
    return NULL;
}

void runtime_exec_connect(struct exec_wait *wait, struct net_stream *session)
{
    (void)wait;
    net_discard(session);
}

#define SANDBOX_TOKEN "a-sandbox's-token"
#define ADMIN_TOKEN "the-admin's-token"
#define ALICE_TOKEN "alice's-token"
#define BOB_TOKEN "bob's-token"
#define VERA_TOKEN "vera's-token"
#define PAUL_TOKEN "paul's-token"
#define DORA_TOKEN "dora's-token"
#define HUGO_TOKEN "hugo's-token"

static inline const char *fake_by_token(void *ctx, const char *token)
{
    (void)ctx;
    return strcmp(token, SANDBOX_TOKEN) == 0 ? "s1" : NULL;
}

static inline bool find_by_name(void *ctx, const char *name, struct auth_sandbox *out)
{
    struct api_fixture *d = ctx;
    struct store_sandbox s;
    struct error err;
    if (store_sandbox_get(d->api.store, name, d->g.arena, &s, &err) != 0)
        return false;
    *out = (struct auth_sandbox){s.id, s.holders_json};
    return true;
}

static inline int fake_reload(void *ctx, struct problems *problems, struct error *err)
{
    struct api_fixture *d = ctx;
    if (d->reloads++ == 0)
        return 0;
    problems_add(problems, "chain.voters[0].plugin", 4, 7, "there is no such plugin");
    return error_set(err, ERROR_INVALID,
                     "the chain at work stays: the chain of voters does not load: 1 problem");
}

/* ---- who asks ---- */

/* X-As: user, anonymous or exposed, or the subject of a certificate; the test's own uid, an admin,
 * where it is not said.  Each request of a test has a connection of its own. */
static inline int as_somebody(struct http_request *req, void *ctx)
{
    struct api_fixture *d = ctx;
    const char *as = http_request_header(req, "X-As");
    if (as && strcmp(as, "user") == 0)
        req->peer->uid = 987654;
    if (as && strcmp(as, "exposed") == 0)
        req->peer->listener = HTTP_NO_SECRETS;
    if (as && (strcmp(as, "anonymous") == 0 || strcmp(as, "exposed") == 0)) {
        req->peer->kind = HTTP_TCP;
        req->peer->loopback = req->peer->uid_known = false;
    }
    if (as && strncmp(as, "CN=", 3) == 0) {
        d->shown = (struct net_certificate){.refs = UINT_MAX / 2, .subject = (char *)as,
                                            .expires_s = INT64_MAX / 1000};
        req->peer->kind = HTTP_TCP;
        req->peer->encrypted = true;
        req->peer->loopback = req->peer->uid_known = false;
        req->peer->certificate = &d->shown;
    }
    int rc = api_router.before(req, ctx);
    if (rc != 0 || !d->judge_only)
        return rc;
    http_respond(req, 299, "text/plain", "go on", 5);
    return -1;
}

/* ---- requests ---- */

struct ask {
    const char *method, *path, *type, *body;
    struct http_field headers[6];
};

struct answer {
    struct api_fixture *d;
    struct http_call *call;
    bool done;
    int status;                                     /* 0: broken */
    char etag[32], type[64], retry[8];
    char *text;                                     /* in the arena */
    json_t *json;                                   /* NULL: no JSON */
};

static inline void keep_header(const struct http_response *response, const char *name, char *out,
                               size_t size)
{
    const char *value = http_head_get(response->head, name);
    snprintf(out, size, "%s", value ? value : "");
}

static inline void drop_json(void *json)
{
    json_decref(json);
}

static inline void on_response(void *ctx, const struct http_response *response)
{
    struct answer *a = ctx;
    a->status = response->head->status;
    a->text = arena_strn(a->d->g.arena, buf_str(&response->body), response->body.len);
    a->json = json_loadb(a->text, response->body.len, 0, NULL);
    arena_defer(a->d->g.arena, drop_json, a->json);
    keep_header(response, "ETag", a->etag, sizeof a->etag);
    keep_header(response, "Content-Type", a->type, sizeof a->type);
    keep_header(response, "Retry-After", a->retry, sizeof a->retry);
    a->done = true;
}

static inline void on_upgrade(void *ctx, const struct http_head *head, struct http_tunnel *tunnel)
{
    struct answer *a = ctx;
    a->status = head->status;
    a->done = true;
    http_tunnel_close(tunnel);
}

static inline void on_error(void *ctx, const struct error *err)
{
    struct answer *a = ctx;
    a->text = arena_str(a->d->g.arena, err->text);
    a->done = true;
}

/* upgrade: the protocol that is asked for; NULL: none. */
static UNUSED struct answer *begin_upgrade(struct api_fixture *d, struct ask q, const char *upgrade)
{
    static const struct http_call_callbacks callbacks = {on_response, on_upgrade, on_error};
    struct answer *a = arena_zalloc(d->g.arena, sizeof *a);
    struct http_call_request request = {
        .address = d->g.address,
        .method = q.method,
        .path = q.path,
        .headers = q.headers,
        .type = q.type,
        .body = q.body,
        .len = q.body ? strlen(q.body) : 0,
        .upgrade = upgrade,
        .timeout_ms = patience_ms(),
    };
    while (request.n_headers < 6 && q.headers[request.n_headers].name)
        request.n_headers++;
    if (q.body && !q.type)
        request.type = "application/json";
    a->d = d;
    a->call = http_client_send(&d->g.loop, &request, &callbacks, a);
    return a;
}

static UNUSED struct answer *begin_ask(struct api_fixture *d, struct ask q)
{
    return begin_upgrade(d, q, NULL);
}

static UNUSED struct answer ask(struct api_fixture *d, struct ask q)
{
    struct answer *a = begin_ask(d, q);
    RUN_UNTIL(d, a->done);
    if (!a->status)
        fail_msg("%s %s: %s", q.method, q.path, a->text);
    return *a;
}

#define ASK(d, method_, path_, ...) \
    ask(d, (struct ask){.method = method_, .path = path_, __VA_ARGS__})
#define YAML(text) .type = "application/yaml", .body = text
#define HEADERS(...) .headers = {__VA_ARGS__}

static UNUSED const char *text_of(const struct answer *a, const char *key)
{
    const char *text = json_string_value(json_object_get(a->json, key));
    return text ? text : "";
}

static UNUSED long long number_of(const struct answer *a, const char *key)
{
    return json_integer_value(json_object_get(a->json, key));
}

static UNUSED void assert_status(const struct answer *a, int status)
{
    if (a->status != status)
        fail_msg("status %d instead of %d: %s", a->status, status, a->text);
}

/* A problem document (RFC 9457) of that status, type and detail. */
static UNUSED void assert_problem(const struct answer *a, int status, const char *word,
                                  const char *detail)
{
    assert_status(a, status);
    assert_string_equal(a->type, "application/problem+json");
    assert_int_equal(number_of(a, "status"), status);
    assert_true(*text_of(a, "title"));
    const char *type = text_of(a, "type");
    if (strlen(type) < strlen(word) || strcmp(type + strlen(type) - strlen(word), word) != 0)
        fail_msg("type %s does not end in %s", type, word);
    assert_string_equal(text_of(a, "detail"), detail);
}

/* /v1/sandboxes/{name} as a path that somebody asks for. */
static UNUSED const char *example_path(struct api_fixture *d, const char *pattern)
{
    struct buf path = {0};
    for (const char *c = pattern; *c; c++) {
        if (*c == '{') {
            buf_puts(&path, "1");
            c = strchr(c, '}');
        } else {
            buf_putc(&path, *c);
        }
    }
    char *text = buf_take(&path);
    const char *kept = arena_str(d->g.arena, text);
    free(text);
    return kept;
}

/* ---- the fixture itself ---- */

static inline void settle_drafts(void *ctx, const struct update_request *request,
                                 const struct update_result *result)
{
    struct api_fixture *d = ctx;
    drafts_settle(d->api.drafts, request, result);
}

static const struct update_observer desk_observers[] = {{"drafts", settle_drafts, false}};

static inline void open_parts(struct api_fixture *d)
{
    static const char *const dirs[] = {SLUICE_BUILD_DIR "/plugins"};
    struct chain_config config = {
        .plugin_dirs = dirs, .n_plugin_dirs = 1, .vote_timeout_ms = 20000, .base_dir = "."};
    struct problems problems = {0};
    char url[128];
    snprintf(url, sizeof url, "sqlite:%s/sluice.db", d->g.folder);
    d->api.store = store_open(url, &d->g.log, &d->err);
    if (!d->api.store)
        fail_msg("%s", d->err.text);
    struct chain *chain = chain_load(&config, &d->g.log, &problems);
    if (!chain)
        fail_msg("%s", problems.items[0].message);
    d->api.updates = updates_new(d->api.store, chain, &d->g.log);
    chain_unref(chain);
    d->api.drafts = drafts_new(d->api.updates, NULL, &d->g.log);
    updates_observe(d->api.updates, desk_observers, 1, d);
}

/* A role of the configuration. */
static const struct auth_powers test_deployer = {
    "deployer",
    1U << AUTH_SANDBOX_READ | 1U << AUTH_SANDBOX_RUN | 1U << AUTH_POLICY_CHANGE |
        1U << AUTH_GATEWAY_READ,
    0};
static const struct auth_role_settings test_roles = {&test_deployer, 1, NULL, 0};

static inline struct auth_token a_token(const char *name, const char *token, const char *role,
                                        char hash[DIGEST_HEX_SIZE])
{
    return (struct auth_token){name, digest_of(token, strlen(token), hash), role};
}

static inline void fill_api(struct api_fixture *d)
{
    d->api.loop = &d->g.loop;
    d->api.log = &d->g.log;
    d->api.jobs = jobs_new(&d->g.loop);
    d->api.events = events_new(&d->g.loop);
    d->runtime.d = d;
    d->providers = (struct providers){d->api.store, &d->key};
    d->api.providers = &d->providers;
    d->api.runtime = &d->runtime;
    d->api.reload = fake_reload;
    d->api.reload_ctx = d;
    d->alice = a_token("alice", ALICE_TOKEN, "admin", d->hashes[0]);
    d->bob = a_token("bob", BOB_TOKEN, "user", d->hashes[1]);
    d->vera = a_token("vera", VERA_TOKEN, "viewer", d->hashes[2]);
    d->paul = a_token("paul", PAUL_TOKEN, "approver", d->hashes[3]);
    d->dora = a_token("dora", DORA_TOKEN, "deployer", d->hashes[4]);
    d->hugo = a_token("hugo", HUGO_TOKEN, "host", d->hashes[5]);
    memcpy(
        d->tokens,
        (const struct auth_token *[]){&d->alice, &d->bob, &d->vera, &d->paul, &d->dora, &d->hugo},
        sizeof d->tokens);
    d->api.auth.log = &d->g.log;
    d->api.auth.admin_token_hash = digest_of(ADMIN_TOKEN, strlen(ADMIN_TOKEN), d->admin_hash);
    d->api.auth.tokens = d->tokens;
    d->api.auth.n_tokens = 6;
    d->olga = (struct auth_certificate){"CN=olga", "user", "olga"};
    d->carl = (struct auth_certificate){"CN=carl", "user", "carl"};
    memcpy(d->certificates, (const struct auth_certificate *[]){&d->olga, &d->carl},
           sizeof d->certificates);
    d->api.auth.certificates = d->certificates;
    d->api.auth.n_certificates = 2;
    d->api.auth.find_supervisor = fake_by_token;
    d->api.auth.find_sandbox = find_by_name;
    d->api.auth.supervisors = d;
    d->api.auth.live = auth_live_new();
    d->api.auth.roles = auth_roles_new(&test_roles);
    d->api.started_ms = clock_now_ms();
}

static inline int api_setup(void **state)
{
    struct api_fixture *d = alloc_zero(1, sizeof *d);
    gateway_open(&d->g);
    open_parts(d);
    fill_api(d);
    d->router = api_router;
    d->router.before = as_somebody;
    gateway_serve(&d->g, &d->router, d);
    d->api.server = d->g.server;
    *state = d;
    return 0;
}

/* The same with the sandbox demo, whose policy is at revision 1. */
static UNUSED int api_setup_demo(void **state)
{
    api_setup(state);
    struct api_fixture *d = *state;
    struct answer a =
        ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"demo\",\"labels\":{\"team\":\"a\"}}");
    assert_status(&a, 201);
    return 0;
}

static inline void mark(void *flag)
{
    *(bool *)flag = true;
}

static inline int api_teardown(void **state)
{
    struct api_fixture *d = *state;
    bool idle = false;
    gateway_shut(&d->g);
    jobs_when_idle(d->api.jobs, mark, &idle);
    RUN_UNTIL(d, idle);
    events_close(d->api.events);
    uv_run(&d->g.loop, UV_RUN_DEFAULT);
    buf_free(&d->api.openapi);
    jobs_free(d->api.jobs);
    drafts_free(d->api.drafts);
    updates_free(d->api.updates);
    store_close(d->api.store);
    auth_live_free(d->api.auth.live);
    auth_roles_free(d->api.auth.roles);
    gateway_close(&d->g);
    free(d);
    return 0;
}

#define API_TEST(test) cmocka_unit_test_setup_teardown(test, api_setup, api_teardown)
#define DEMO_TEST(test) cmocka_unit_test_setup_teardown(test, api_setup_demo, api_teardown)

#endif
