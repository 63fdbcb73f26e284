/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that are made, used and revoked while the gateway runs. */
#include "support/api.h"

#include "auth/token.h"

static const char *made(struct api_fixture *d, const char *body)
{
    struct answer a = ASK(d, "POST", "/v1/tokens", .body = body);
    assert_status(&a, 201);
    assert_true(token_is_random(text_of(&a, "token")));
    return arena_printf(d->g.arena, "Bearer %s", text_of(&a, "token"));
}

static struct answer with(struct api_fixture *d, const char *bearer, const char *method,
                          const char *path)
{
    struct ask q = {.method = method, .path = path};
    q.headers[0] = (struct http_field){"Authorization", bearer};
    q.headers[1] = (struct http_field){"X-As", "anonymous"};
    return ask(d, q);
}

static void a_token_is_its_bearer_until_it_is_revoked(void **state)
{
    struct api_fixture *d = *state;
    const char *carol = made(d, "{\"name\":\"carol\",\"role\":\"viewer\"}");
    struct answer a = with(d, carol, "GET", "/v1/whoami");
    assert_status(&a, 200);
    assert_string_equal(text_of(&a, "name"), "carol");
    assert_string_equal(text_of(&a, "role"), "viewer");
    assert_string_equal(text_of(&a, "identity"), "token");
    assert_non_null(strstr(text_of(&a, "from"), "unix:"));
    a = with(d, carol, "GET", "/v1/sandboxes/demo");
    assert_status(&a, 200);
    a = with(d, carol, "POST", "/v1/sandboxes/demo/stop");
    assert_status(&a, 403);
    a = ASK(d, "DELETE", "/v1/tokens/carol");
    assert_status(&a, 200);
    a = with(d, carol, "GET", "/v1/whoami");
    assert_status(&a, 401);
    a = ASK(d, "DELETE", "/v1/tokens/carol");
    assert_problem(&a, 404, "/not-found",
                   "token 'carol' not found: `sluice token list` shows those there are");
}

static void only_its_creation_tells_the_token(void **state)
{
    struct api_fixture *d = *state;
    const char *dave = made(d, "{\"name\":\"dave\",\"role\":\"admin\",\"expires_ms\":86400000}");
    char hash[DIGEST_HEX_SIZE];
    digest_of(dave + 7, strlen(dave + 7), hash);
    struct answer a = ASK(d, "GET", "/v1/tokens");
    assert_status(&a, 200);
    const json_t *t = json_array_get(json_object_get(a.json, "tokens"), 0);
    assert_string_equal(json_string_value(json_object_get(t, "name")), "dave");
    assert_true(json_is_string(json_object_get(t, "expires_at")));
    assert_null(json_object_get(t, "token"));
    char *all = json_dumps(a.json, 0);
    assert_null(strstr(all, dave + 7));
    assert_null(strstr(all, hash));
    free(all);
    a = ASK(d, "DELETE", arena_printf(d->g.arena, "/v1/tokens/%s",
                                      json_string_value(json_object_get(t, "id"))));
    assert_status(&a, 200);
}

static void what_is_wrong_with_a_token_is_said(void **state)
{
    struct api_fixture *d = *state;
    made(d, "{\"name\":\"erin\",\"role\":\"user\"}");
    struct answer a = ASK(d, "POST", "/v1/tokens", .body = "{\"name\":\"erin\",\"role\":\"user\"}");
    assert_problem(&a, 409, "/exists",
                   "token 'erin' exists already: revoke it with `sluice token revoke`, or choose "
                   "another name");
    a = ASK(d, "POST", "/v1/tokens", .body = "{\"name\":\"a b\",\"role\":\"user\"}");
    assert_status(&a, 422);
    a = ASK(d, "POST", "/v1/tokens", .body = "{\"role\":\"sandbox\"}");
    assert_status(&a, 422);
    a = ASK(d, "POST", "/v1/tokens", .body = "{\"role\":\"user\",\"sandbox\":\"nobody\"}");
    assert_status(&a, 404);
    a = ASK(d, "POST", "/v1/tokens", .body = "{\"role\":\"user\",\"expires_ms\":0}");
    assert_status(&a, 422);
}

static void a_token_with_an_end_makes_none_that_outlasts_it(void **state)
{
    struct api_fixture *d = *state;
    const char *ops = made(d, "{\"name\":\"ops\",\"role\":\"admin\",\"expires_ms\":3600000}");
    static const char *const bodies[] = {
        "{\"name\":\"x\",\"role\":\"viewer\"}",
        "{\"name\":\"x\",\"role\":\"viewer\",\"expires_ms\":3700000}",
        "{\"name\":\"x\",\"role\":\"viewer\",\"expires_ms\":60000}",
    };
    for (size_t i = 0; i < 3; i++) {
        struct ask q = {.method = "POST", .path = "/v1/tokens", .body = bodies[i]};
        q.headers[0] = (struct http_field){"Authorization", ops};
        q.headers[1] = (struct http_field){"X-As", "anonymous"};
        struct answer a = ask(d, q);
        assert_status(&a, i < 2 ? 403 : 201);
        if (i < 2)
            assert_non_null(strstr(text_of(&a, "detail"),
                                   "and a token of yours ends no later: give it an end before"));
    }
}

static bool another(void *ctx, const char *name, struct auth_sandbox *out)
{
    (void)ctx;
    *out = (struct auth_sandbox){"other", "{}"};
    return strcmp(name, "demo") == 0;
}

/* A name may be given to another sandbox; the token is for the one that had it. */
static void a_token_for_a_sandbox_is_for_that_one_alone(void **state)
{
    struct api_fixture *d = *state;
    const char *ci = made(d, "{\"name\":\"ci\",\"role\":\"admin\",\"sandbox\":\"demo\"}");
    struct answer a = ASK(d, "GET", "/v1/tokens");
    const json_t *t = json_array_get(json_object_get(a.json, "tokens"), 0);
    assert_string_equal(json_string_value(json_object_get(t, "sandbox")), "demo");
    a = with(d, ci, "GET", "/v1/whoami");
    assert_status(&a, 200);
    static const char *const refused[][2] = {{"GET", "/v1/sandboxes"},
                                             {"GET", "/v1/sandboxes/another"},
                                             {"GET", "/v1/status"},
                                             {"GET", "/v1/events"},
                                             {"POST", "/v1/tokens"},
                                             {"GET", "/v1/decisions"}};
    d->api.auth.find_sandbox = another;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        a = with(d, ci, refused[i][0], refused[i][1]);
        assert_status(&a, 403);
    }
    a = with(d, ci, "GET", "/v1/sandboxes/demo");   /* another one by now */
    assert_status(&a, 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEMO_TEST(a_token_is_its_bearer_until_it_is_revoked),
        DEMO_TEST(only_its_creation_tells_the_token),
        DEMO_TEST(what_is_wrong_with_a_token_is_said),
        DEMO_TEST(a_token_with_an_end_makes_none_that_outlasts_it),
        DEMO_TEST(a_token_for_a_sandbox_is_for_that_one_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
