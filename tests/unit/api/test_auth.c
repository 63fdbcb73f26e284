/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the golden list of rights, made from the router itself.
 *
 * A route that is added or whose right changes must be entered in tests/fixtures/api/rights.txt;
 * the failure prints the line that is wanted. */
#include "support/api.h"

#include "auth/token.h"

struct role {
    const char *name;
    struct http_field headers[2];
    const char *bearer; /* whose token is made for the test; NULL: see headers */
};

static const struct role roles[] = {
    {"anonymous", {{"X-As", "anonymous"}}, NULL},
    {"user", {{"X-As", "user"}}, NULL},
    {"admin", {{NULL, NULL}}, NULL},
    {"admin-token", {{"X-As", "anonymous"}, {"Authorization", "Bearer " ADMIN_TOKEN}}, NULL},
    {"sandbox", {{"X-As", "anonymous"}, {"Authorization", "Bearer " SANDBOX_TOKEN}}, NULL},
    {"deleted-sandbox", {{"X-As", "anonymous"}, {"Authorization", "Bearer nobody's"}}, NULL},
    {"foreign-page", {{"Origin", "http://evil.example"}}, NULL},
    {"forwarded", {{"Via", "1.1 edge"}}, NULL},
    {"other-site",
     {{"Sec-Fetch-Site", "cross-site"}, {"Authorization", "Bearer " ADMIN_TOKEN}},
     NULL},
    {"viewer-token", {{"X-As", "anonymous"}, {"Authorization", "Bearer " VERA_TOKEN}}, NULL},
    {"user-token", {{"X-As", "anonymous"}, {"Authorization", "Bearer " BOB_TOKEN}}, NULL},
    {"approver-token", {{"X-As", "anonymous"}, {"Authorization", "Bearer " PAUL_TOKEN}}, NULL},
    {"deployer-token", {{"X-As", "anonymous"}, {"Authorization", "Bearer " DORA_TOKEN}}, NULL},
    {"host-token", {{"X-As", "anonymous"}, {"Authorization", "Bearer " HUGO_TOKEN}}, NULL},
    {"owner", {{"X-As", "anonymous"}}, "olga"},
    {"shared-user", {{"X-As", "anonymous"}}, "sam"},
    {"shared-approver", {{"X-As", "anonymous"}}, "sue"},
    {"owner-certificate", {{"X-As", "CN=olga"}}, NULL},
    {"other-certificate", {{"X-As", "CN=carl"}}, NULL},
};
enum { ROLES = sizeof roles / sizeof *roles };

static const char *make_token(struct api_fixture *d, const char *name, const char *role)
{
    struct answer a = ASK(d, "POST", "/v1/tokens",
                          .body = arena_printf(d->g.arena, "{\"name\":\"%s\",\"role\":\"%s\"}",
                                               name, role));
    assert_status(&a, 201);
    return arena_printf(d->g.arena, "Bearer %s", text_of(&a, "token"));
}

static void share(struct api_fixture *d, const char *as, const char *with, const char *role)
{
    struct answer a = ASK(d, "PUT", arena_printf(d->g.arena, "/v1/sandboxes/1/shares/%s", with),
                          HEADERS({"Authorization", as}),
                          .body = arena_printf(d->g.arena, "{\"role\":\"%s\"}", role));
    assert_status(&a, 200);
}

/* A sandbox "1" of olga's, shared with two who have no more than the role viewer. */
static void make_team(struct api_fixture *d, const char *bearers[3])
{
    bearers[0] = make_token(d, "olga", "user");
    bearers[1] = make_token(d, "sam", "viewer");
    bearers[2] = make_token(d, "sue", "viewer");
    struct answer a = ASK(d, "POST", "/v1/sandboxes", HEADERS({"Authorization", bearers[0]}),
                          .body = "{\"name\":\"1\"}");
    assert_status(&a, 201);
    share(d, bearers[0], "sam", "user");
    share(d, "Bearer " ADMIN_TOKEN, "sue", "approver");
}

/* The header fields of those whose token was made for the test. */
static void give_tokens(struct api_fixture *d, struct role *all)
{
    static const char *const names[] = {"olga", "sam", "sue"};
    const char *bearers[3];
    make_team(d, bearers);
    for (int i = 0; i < ROLES; i++)
        for (int k = 0; k < 3; k++)
            if (all[i].bearer && strcmp(all[i].bearer, names[k]) == 0)
                all[i].headers[1] = (struct http_field){"Authorization", bearers[k]};
}

static const char *judge(struct api_fixture *d, const struct http_route *route,
                         const struct role *role)
{
    struct ask q = {.method = route->method, .path = example_path(d, route->pattern)};
    memcpy(q.headers, role->headers, sizeof role->headers);
    struct answer a = ask(d, q);
    return a.status == 299 ? "allowed" : arena_printf(d->g.arena, "%d", a.status);
}

static void add_line(struct api_fixture *d, const struct http_route *route,
                     const struct role *all, struct buf *out)
{
    buf_printf(out, "%-6s %-50s", route->method, route->pattern);
    for (int i = 0; i < ROLES; i++)
        buf_printf(out, " %-*s", (int)strlen(roles[i].name), judge(d, route, &all[i]));
    const struct api_route *doc = route->doc;
    buf_printf(out, " %s\n", auth_permission_word(doc->permission));
}

static char *read_golden(struct api_fixture *d)
{
    static char nothing[] = "";
    FILE *file = fopen("tests/fixtures/api/rights.txt", "r");
    size_t room = 65536;
    char *text = arena_zalloc(d->g.arena, room);
    if (!file)
        return nothing;
    (void)!fread(text, 1, room - 1, file);
    fclose(file);
    return text;
}

static void rights_are_the_golden_list(void **state)
{
    struct api_fixture *d = *state;
    struct buf now = {0};
    struct role all[ROLES];
    memcpy(all, roles, sizeof all);
    give_tokens(d, all);
    d->judge_only = true;
    buf_printf(&now, "# %-55s", "route");
    for (int i = 0; i < ROLES; i++)
        buf_printf(&now, " %s", roles[i].name);
    buf_puts(&now, " permission\n");
    for (size_t i = 0; i < api_router.n_routes; i++)
        add_line(d, &api_router.routes[i], all, &now);
    char *golden = read_golden(d), *save = NULL, *text = arena_str(d->g.arena, buf_str(&now));
    unsigned missing = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (strstr(golden, line))
            continue;
        print_error("%s\n", line);
        missing++;
    }
    size_t expected = strlen(golden), is = now.len;
    buf_free(&now);
    assert_int_equal(missing, 0);
    assert_int_equal(is, expected);                 /* no route of the list is gone */
}

#define WHO_ASKS                                                                                   \
    "who is asking is not known: send a token (sluice --token, SLUICE_TOKEN), or connect through " \
    "the gateway's Unix socket"

static void refusals_say_what_to_do(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/v1/status", HEADERS({"X-As", "anonymous"}));
    assert_problem(&a, 401, "/unauthorized", WHO_ASKS);
    a = ASK(d, "GET", "/v1/status", HEADERS({"Authorization", "Bearer nobody's"}));
    assert_problem(&a, 401, "/unauthorized",
                   "who is asking is not known: this gateway does not know the token that was "
                   "sent: it was revoked, has expired or is for another gateway; send another one");
    a = ASK(d, "PUT", "/v1/sandboxes/demo/policy", HEADERS({"X-As", "user"}));
    assert_problem(&a, 403, "/forbidden",
                   "the role user may not do this, as it lacks the permission policy.change: ask "
                   "with a token of a role that has it (GET /v1/permissions)");
    a = ASK(d, "POST", "/v1/sandboxes/demo/stop", HEADERS({"X-As", "user"}));
    assert_problem(
        &a, 403, "/forbidden",
        "the role user may do this to its own sandboxes alone: ask the owner of this one "
        "to share it with you (sluice sandbox share), or an admin");
    a = ASK(d, "PATCH", "/v1/sandboxes/demo", HEADERS({"X-As", "user"}), .body = "{}");
    assert_problem(
        &a, 403, "/forbidden",
        "only an admin may do this: the gateway's own user, root, or a token of an admin");
    a = ASK(d, "POST", "/v1/plugins/reload", HEADERS({"X-As", "user"}));
    assert_problem(
        &a, 403, "/forbidden",
        "only an admin may do this: the gateway's own user, root, or a token of an admin");
    a = ASK(d, "GET", "/v1/status", HEADERS({"Authorization", "Bearer " SANDBOX_TOKEN}));
    assert_problem(&a, 403, "/forbidden", "a sandbox may not do this: it only has its own stream");
    a = ASK(d, "GET", "/v1/supervisor/stream");
    assert_problem(&a, 403, "/forbidden", "only the supervisor of a sandbox may do this");
    a = ASK(d, "GET", "/v1/supervisor/stream", HEADERS({"Authorization", "Bearer nobody's"}));
    assert_problem(&a, 410, "/gone", "no sandbox of this gateway has this token");
}

static void a_refusal_names_the_permission_that_is_missing(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "POST", "/v1/sandboxes/demo/drafts",
                          HEADERS({"Authorization", "Bearer " VERA_TOKEN}), .body = "{}");
    assert_problem(&a, 403, "/forbidden",
                   "the role viewer may not do this, as it lacks the permission policy.propose: "
                   "ask with a token of a role that has "
                   "it (GET /v1/permissions)");
}

/* Who may change a policy may not overrule voters as well. */
static void overriding_is_a_permission_of_its_own(void **state)
{
    struct api_fixture *d = *state;
    static const struct {
        const char *method, *path;
    } routes[] = {
        {"PUT", "/v1/sandboxes/demo/policy"},
        {"PATCH", "/v1/sandboxes/demo/policy"},
        {"POST", "/v1/sandboxes/demo/revisions/1/rollback"},
        {"POST", "/v1/sandboxes/demo/drafts/approve-all"},
        {"POST", "/v1/sandboxes/demo/drafts/1/approve"},
        {"POST", "/v1/sandboxes/demo/drafts/1/reject"},
        {"POST", "/v1/sandboxes/demo/drafts/1/undo"},
    };
    static const char *const yes[] = {"true", "TRUE", "1"}, *const no[] = {"false", "0"};
    d->judge_only = true;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        struct ask q = {.method = routes[i].method, .path = routes[i].path};
        q.headers[0] = (struct http_field){"Authorization", "Bearer " PAUL_TOKEN};
        for (size_t j = 0; j < 3; j++) {
            q.headers[1] = (struct http_field){"Sluice-Override", yes[j]};
            struct answer a = ask(d, q);
            assert_problem(&a, 403, "/forbidden", "only an admin may override a voter");
        }
        for (size_t j = 0; j < 2; j++) {
            q.headers[1] = (struct http_field){"Sluice-Override", no[j]};
            struct answer a = ask(d, q);
            assert_status(&a, 299);
        }
        q.headers[0] = (struct http_field){"Authorization", "Bearer " ALICE_TOKEN};
        q.headers[1] = (struct http_field){"Sluice-Override", "true"};
        struct answer a = ask(d, q);
        assert_status(&a, 299);
    }
}

/* A record shows the role of who acted. */
static void an_approver_changes_a_policy(void **state)
{
    struct api_fixture *d = *state;
    struct answer a =
        ASK(d, "PUT", "/v1/sandboxes/demo/policy", HEADERS({"Authorization", "Bearer " PAUL_TOKEN}),
            .body = "{\"version\":1,\"network_policies\":{\"a\":{\"endpoints\":[{\"host\":\"a."
                    "example.com\",\"port\":443}],"
                    "\"binaries\":[{\"path\":\"/usr/bin/curl\"}]}}}");
    assert_status(&a, 200);
    a = ASK(d, "GET", "/v1/decisions?limit=1");
    const json_t *actor =
        json_object_get(json_array_get(json_object_get(a.json, "decisions"), 0), "actor");
    assert_string_equal(json_string_value(json_object_get(actor, "name")), "paul");
    assert_string_equal(json_string_value(json_object_get(actor, "role")), "approver");
}

/* Of two, or of one that is not understood, nothing is taken, and the uid does not stand in for
 * it. */
static void an_authorization_is_one_bearer_token(void **state)
{
    struct api_fixture *d = *state;
    static const char *const others[] = {"Basic Og==",           "Bearer", "Bearer  ",
                                         "BearerX " ADMIN_TOKEN, "",       "Digest a=b"};
    struct answer a = ASK(d, "GET", "/v1/status",
                          HEADERS({"Authorization", "Bearer " ADMIN_TOKEN},
                                  {"authorization", "Bearer " ADMIN_TOKEN}));
    assert_problem(&a, 400, "/malformed",
                   "header field Authorization is given twice: which one counts?");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        a = ASK(d, "GET", "/v1/status", HEADERS({"Authorization", others[i]}));
        assert_problem(&a, 401, "/unauthorized",
                       "the only Authorization understood is 'Bearer TOKEN': send that, or none to "
                       "be known by your uid");
    }
    a = ASK(d, "GET", "/v1/status", HEADERS({"Authorization", "bearer   " ADMIN_TOKEN}));
    assert_status(&a, 200);
    a = ASK(d, "GET", "/healthz", HEADERS({"Authorization", "Basic Og=="}));
    assert_status(&a, 200);
}

static const char *author_of(struct api_fixture *d, const char *token)
{
    static const char *const body =
        "{\"proposals\":[{\"rule\":{\"endpoints\":[{\"host\":\"a.example.com\",\"port\":443}]}}]}";
    struct ask q = {.method = "POST", .path = "/v1/sandboxes/demo/drafts", .body = body};
    if (token)
        q.headers[0] =
            (struct http_field){"Authorization", arena_printf(d->g.arena, "Bearer %s", token)};
    struct answer a = ask(d, q);
    assert_status(&a, 201);
    return json_string_value(
        json_object_get(json_array_get(json_object_get(a.json, "chunks"), 0), "author"));
}

/* The admin token is no second person beside the gateway's own user: neither could then approve
 * what the other asked for.  People whom the configuration names are people of their own. */
static void a_person_is_one_whichever_way_they_come(void **state)
{
    struct api_fixture *d = *state;
    struct answer shared =
        ASK(d, "PUT", "/v1/sandboxes/demo/shares/bob", .body = "{\"role\":\"user\"}");
    assert_status(&shared, 200);
    assert_string_equal(author_of(d, ADMIN_TOKEN), author_of(d, NULL));
    assert_string_equal(author_of(d, ALICE_TOKEN), "alice");
    assert_string_equal(author_of(d, BOB_TOKEN), "bob");
    struct answer a =
        ASK(d, "POST", "/v1/plugins/reload", HEADERS({"Authorization", "Bearer " BOB_TOKEN}));
    assert_status(&a, 403);
    a = ASK(d, "POST", "/v1/plugins/reload", HEADERS({"Authorization", "Bearer " ALICE_TOKEN}));
    assert_status(&a, 200);
}

static void a_supervisor_is_its_own_sandbox_only(void **state)
{
    struct api_fixture *d = *state;
    struct ask stream = {.method = "GET",
                         .path = "/v1/supervisor/stream",
                         HEADERS({"Authorization", "bearer " SANDBOX_TOKEN})};
    struct answer *a = begin_upgrade(d, stream, SANDBOX_STREAM_UPGRADE);
    RUN_UNTIL(d, a->done);
    assert_status(a, 101);
    assert_string_equal(d->runtime.connected, "s1");
    struct answer b =
        ASK(d, "GET", "/v1/supervisor/stream", HEADERS({"Authorization", "bearer " SANDBOX_TOKEN}));
    assert_problem(&b, 426, "/upgrade-required",
                   "this is a supervisor's stream: Upgrade: " SANDBOX_STREAM_UPGRADE);
}

/* On an address that is not encrypted and that other machines reach. */
static void no_token_is_taken_where_it_can_be_read(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/v1/status",
                          HEADERS({"X-As", "exposed"}, {"Authorization", "Bearer " ADMIN_TOKEN}));
    assert_problem(&a, 403, "/forbidden",
                   "no token is taken here: this address is not encrypted and other machines can "
                   "reach it, so the token may have "
                   "been read. Replace it, and connect through the gateway's Unix socket");
    a = ASK(d, "GET", "/v1/status", HEADERS({"X-As", "exposed"}));
    assert_problem(&a, 401, "/unauthorized",
                   "who is asking cannot be known here, as this address is not encrypted and other "
                   "machines can reach it: connect "
                   "through the gateway's Unix socket");
    a = ASK(d, "GET", "/metrics", HEADERS({"X-As", "exposed"}));
    assert_status(&a, 200);
}

static void a_secret_cannot_be_tried_out(void **state)
{
    struct api_fixture *d = *state;
    char token[TOKEN_SIZE], hash[DIGEST_HEX_SIZE], strong[TOKEN_SIZE + 16];
    snprintf(strong, sizeof strong, "Bearer %s", token_make(token));
    d->alice.sha256 = digest_of(token, strlen(token), hash);
    for (int i = 0; i < GUESSES_MAX; i++) {
        struct answer a = ASK(d, "GET", "/v1/status", HEADERS({"Authorization", "Bearer guess"}));
        assert_status(&a, 401);
    }
    struct answer a = ASK(d, "GET", "/v1/status", HEADERS({"Authorization", "Bearer " BOB_TOKEN}));
    assert_problem(
        &a, 429, "/too-many",
        "too many wrong tokens came from here: try again later. A token of 'sluice token create' "
        "is taken at any time");
    assert_true(atoi(a.retry) > 50 && atoi(a.retry) <= 61);
    a = ASK(d, "GET", "/v1/status", HEADERS({"Authorization", strong}));
    assert_status(&a, 200);
    a = ASK(d, "GET", "/v1/status",
            HEADERS({"Authorization", "Bearer " BOB_TOKEN}, {"X-As", "anonymous"}));
    assert_status(&a, 200);
    for (size_t i = 0; i < GUESSES_SOURCES; i++)
        d->api.auth.guesses.rows[i].since_ms -= GUESSES_WINDOW_MS;
    a = ASK(d, "GET", "/v1/status", HEADERS({"Authorization", "Bearer " BOB_TOKEN}));
    assert_status(&a, 200);
}

static void a_page_of_the_gateway_itself_may_ask(void **state)
{
    struct api_fixture *d = *state;
    d->judge_only = true;
    struct answer a = ASK(d, "GET", "/v1/status", HEADERS({"Origin", "http://LOCALHOST"}));
    assert_status(&a, 299);
    static const char *const foreign[] = {"null",
                                          "",
                                          "http://localhost:7071",
                                          "http://evil.example",
                                          "localhost",
                                          "http://localhost.evil.example"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        a = ASK(d, "POST", "/v1/plugins/reload", HEADERS({"Origin", foreign[i]}));
        assert_problem(&a, 403, "/forbidden",
                       "a web page from elsewhere may not act for its reader: send a token");
    }
    a = ASK(d, "POST", "/v1/plugins/reload",
            HEADERS({"Origin", "http://localhost"}, {"Origin", "http://evil.example"}));
    assert_problem(&a, 403, "/forbidden",
                   "a web page from elsewhere may not act for its reader: send a token");
    a = ASK(
        d, "GET", "/v1/status",
        HEADERS({"Origin", "http://console.example"}, {"Authorization", "Bearer " ADMIN_TOKEN}));
    assert_status(&a, 299);
}

static void however_a_proxy_spells_its_fields_its_uid_is_not_used(void **state)
{
    struct api_fixture *d = *state;
    d->judge_only = true;
    static const char *const fields[] = {
        "FORWARDED",
        "X_Forwarded_For",
        "x_real-ip",
        "X-FORWARDED_PROTO",
        "WL-Proxy-Client-IP",
        "Ali-CDN-Real-IP",
        "Fly-Client-IP",
        "Incap-Client-IP",
        "X-Varnish",
        "Surrogate-Capability",
        "X-Vercel-Forwarded-For",
        "Akamai-Origin-Hop",
        "X-WebAuth-User",
        "X-Traefik-Router",
        "X-Nginx-Proxy",
        "X-Sucuri-ClientIP",
        "Front-End-Https",
        "X-SSL-Client-Verify",
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct answer a = ASK(d, "GET", "/v1/status", HEADERS({fields[i], ""}));
        assert_status(&a, 401);
        assert_non_null(strstr(json_string_value(json_object_get(a.json, "detail")),
                               "a proxy forwarded this request"));
    }
    static const char *const others[] = {"X-Request-Id", "Viaduct", "X-Realm",
                                         "Traceparent",  "Accept",  "X-Fly"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct answer a = ASK(d, "GET", "/v1/status", HEADERS({others[i], "1"}));
        assert_status(&a, 299);
    }
}

static void a_gateway_that_stops_takes_no_more_changes(void **state)
{
    struct api_fixture *d = *state;
    d->api.draining = true;
    struct answer a = ASK(d, "POST", "/v1/sandboxes", .body = "{}");
    assert_problem(&a, 503, "/draining", "the gateway is stopping: try again when it is back");
    assert_string_equal(a.retry, "1");
    a = ASK(d, "GET", "/v1/status");
    assert_status(&a, 200);
    assert_true(json_is_true(json_object_get(a.json, "draining")));
    a = ASK(d, "GET", "/readyz");
    assert_status(&a, 503);
    a = ASK(d, "GET", "/healthz");
    assert_status(&a, 200);
    a = ASK(d, "HEAD", "/healthz");
    assert_status(&a, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(rights_are_the_golden_list),
        API_TEST(refusals_say_what_to_do),
        API_TEST(a_refusal_names_the_permission_that_is_missing),
        API_TEST(overriding_is_a_permission_of_its_own),
        DEMO_TEST(an_approver_changes_a_policy),
        API_TEST(an_authorization_is_one_bearer_token),
        DEMO_TEST(a_person_is_one_whichever_way_they_come),
        API_TEST(a_supervisor_is_its_own_sandbox_only),
        API_TEST(no_token_is_taken_where_it_can_be_read),
        API_TEST(a_secret_cannot_be_tried_out),
        API_TEST(a_page_of_the_gateway_itself_may_ask),
        API_TEST(however_a_proxy_spells_its_fields_its_uid_is_not_used),
        API_TEST(a_gateway_that_stops_takes_no_more_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
