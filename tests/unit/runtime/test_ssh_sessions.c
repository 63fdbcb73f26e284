/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens with which clients connect to services of a sandbox. */
#include "support/runtime.h"

#include "runtime/sandbox.h"
#include "runtime/sessions/ssh_sessions.h"

struct connection {
    struct ssh_use *use;                            /* NULL: refused, or released */
    bool revoked;
    const char *why;
};

static void on_revoked(void *arg, const char *why)
{
    struct connection *c = arg;
    c->revoked = true;
    c->why = why;
    ssh_session_release(c->use);
    c->use = NULL;
}

static void create(struct house *h, int64_t ms, char token[DIGEST_HEX_SIZE])
{
    assert_int_equal(ssh_session_create(h->runtime, "s1", ms, token, &h->f->err), 0);
    assert_int_equal(strlen(token), 64);
}

static bool use(struct house *h, const char *sandbox, const char *token, struct connection *c)
{
    *c = (struct connection){0};
    c->use = ssh_session_use(h->runtime, sandbox, token, on_revoked, c, &h->f->err);
    return c->use != NULL;
}

static void expect_refusal(struct house *h, const char *sandbox, const char *token,
                           enum error_kind kind, const char *text)
{
    struct connection c;
    assert_false(use(h, sandbox, token, &c));
    assert_int_equal(h->f->err.kind, kind);
    assert_string_equal(h->f->err.text, text);
}

static void a_token_is_of_one_sandbox(void **state)
{
    struct house *h = *state;
    char token[DIGEST_HEX_SIZE], digest[DIGEST_HEX_SIZE];
    struct connection c;
    create(h, SSH_SESSION_MS, token);
    assert_true(use(h, "s1", token, &c));
    ssh_session_release(c.use);
    expect_refusal(h, "s2", token, ERROR_UNAUTHORIZED, "SSH session token not found");
    expect_refusal(h, "nowhere", token, ERROR_UNAUTHORIZED, "SSH session token not found");
    expect_refusal(h, "s1", "", ERROR_UNAUTHORIZED, "SSH session token not found");
    digest_of(token, strlen(token), digest);
    expect_refusal(h, "s1", digest, ERROR_UNAUTHORIZED, "SSH session token not found");
    assert_int_equal(
        ssh_session_create(h->runtime, "s2", SSH_SESSION_MS, token, &h->f->err), -1);
    assert_int_equal(h->f->err.kind, ERROR_STATE);
}

static void a_token_has_its_time(void **state)
{
    struct house *h = *state;
    char token[DIGEST_HEX_SIZE];
    struct connection c;
    create(h, 0, token);
    expect_refusal(h, "s1", token, ERROR_UNAUTHORIZED, "SSH session token expired");
    create(h, SSH_SESSION_MS, token);
    assert_true(use(h, "s1", token, &c));         /* what expires now takes no other with it */
    create(h, -1, token);
    expect_refusal(h, "s1", token, ERROR_UNAUTHORIZED, "SSH session token expired");
    assert_false(c.revoked);
    ssh_session_release(c.use);
}

static void a_connection_ends_when_its_token_expires(void **state)
{
    struct house *h = *state;
    char brief[DIGEST_HEX_SIZE], lasting[DIGEST_HEX_SIZE];
    struct connection a, b;
    struct sandbox *demo = sandbox_by_name(h->runtime, "demo");
    create(h, SSH_SESSION_MS, lasting);
    create(h, 200, brief);
    assert_true(use(h, "s1", brief, &a) && use(h, "s1", lasting, &b));
    while (!a.revoked)
        sandbox_ssh_end_expired(demo);
    assert_string_equal(a.why, "SSH session token expired");
    assert_false(b.revoked);
    assert_true(ssh_session_revoke(h->runtime, lasting));
    assert_string_equal(b.why, "SSH session token is not valid: it was revoked");
}

static void connections_are_bounded(void **state)
{
    struct house *h = *state;
    char tokens[8][DIGEST_HEX_SIZE];
    struct connection c[SSH_SANDBOX_USES_MAX];
    for (size_t i = 0; i < 8; i++)
        create(h, SSH_SESSION_MS, tokens[i]);
    for (size_t i = 0; i < SSH_SANDBOX_USES_MAX; i++)
        assert_true(use(h, "s1", tokens[i / SSH_SESSION_USES_MAX], &c[i]));
    expect_refusal(h, "s1", tokens[0], ERROR_LIMIT, "SSH session connection limit reached");
    expect_refusal(h, "s1", tokens[7], ERROR_LIMIT, "sandbox SSH connection limit reached");
    ssh_session_release(c[4].use);
    assert_true(use(h, "s1", tokens[7], &c[4]));
    for (size_t i = 0; i < SSH_SANDBOX_USES_MAX; i++)
        ssh_session_release(c[i].use);
    assert_true(use(h, "s1", tokens[0], &c[0]));
    ssh_session_release(c[0].use);
}

static void a_revoked_token_ends_its_connections_alone(void **state)
{
    struct house *h = *state;
    char one[DIGEST_HEX_SIZE], two[DIGEST_HEX_SIZE];
    struct connection a, b, c;
    create(h, SSH_SESSION_MS, one);
    create(h, SSH_SESSION_MS, two);
    assert_true(use(h, "s1", one, &a) && use(h, "s1", one, &b) && use(h, "s1", two, &c));
    assert_true(ssh_session_revoke(h->runtime, one));
    assert_true(a.revoked && b.revoked);
    assert_false(c.revoked);
    expect_refusal(h, "s1", one, ERROR_UNAUTHORIZED, "SSH session token not found");
    assert_false(ssh_session_revoke(h->runtime, one));
    assert_false(ssh_session_revoke(h->runtime, ""));
    ssh_session_release(c.use);
}

static void many_tokens_displace_the_oldest_that_is_not_used(void **state)
{
    struct house *h = *state;
    char used[DIGEST_HEX_SIZE], oldest[DIGEST_HEX_SIZE], more[DIGEST_HEX_SIZE];
    struct connection c, d;
    create(h, SSH_SESSION_MS, used);
    create(h, SSH_SESSION_MS, oldest);
    assert_true(use(h, "s1", used, &c));
    for (int i = 0; i < SSH_SESSIONS_MAX - 2; i++)
        create(h, SSH_SESSION_MS, more);
    assert_true(use(h, "s1", oldest, &d));
    ssh_session_release(d.use);
    create(h, SSH_SESSION_MS, more);
    expect_refusal(h, "s1", oldest, ERROR_UNAUTHORIZED, "SSH session token not found");
    assert_false(c.revoked);
    assert_true(use(h, "s1", used, &d));
    ssh_session_release(c.use);
    ssh_session_release(d.use);
}

static void the_end_of_the_runtime_ends_connections(void **state)
{
    struct house *h = *state;
    static struct connection c;                     /* outlives the test: teardown revokes */
    char token[DIGEST_HEX_SIZE];
    create(h, SSH_SESSION_MS, token);
    assert_true(use(h, "s1", token, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_token_is_of_one_sandbox),
        HOUSE_TEST(a_token_has_its_time),
        HOUSE_TEST(a_connection_ends_when_its_token_expires),
        HOUSE_TEST(connections_are_bounded),
        HOUSE_TEST(a_revoked_token_ends_its_connections_alone),
        HOUSE_TEST(many_tokens_displace_the_oldest_that_is_not_used),
        HOUSE_TEST(the_end_of_the_runtime_ends_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
