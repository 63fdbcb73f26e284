/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a sandbox, and with whom it is shared. */
#include "support/api.h"

#include "auth/holders.h"

static const char *bearer(struct api_fixture *d, const char *name, const char *role)
{
    struct answer a = ASK(d, "POST", "/v1/tokens",
                          .body = arena_printf(d->g.arena, "{\"name\":\"%s\",\"role\":\"%s\"}",
                                               name, role));
    assert_status(&a, 201);
    return arena_printf(d->g.arena, "Bearer %s", text_of(&a, "token"));
}

static struct answer with(struct api_fixture *d, const char *who, const char *method,
                          const char *path, const char *body)
{
    return ASK(d, method, path, HEADERS({"Authorization", who}, {"X-As", "anonymous"}),
               .body = body);
}

#define RULE                                                                                     \
    "{\"version\":1,\"network_policies\":{\"a\":{\"endpoints\":[{\"host\":\"a.example.com\","    \
    "\"port\":443}],\"binaries\":[{\"path\":\"/usr/bin/curl\"}]}}}"
#define PROPOSAL \
    "{\"proposals\":[{\"rule\":{\"endpoints\":[{\"host\":\"a.example.com\",\"port\":443}]}}]}"

static void who_creates_a_sandbox_owns_it(void **state)
{
    struct api_fixture *d = *state;
    const char *olga = bearer(d, "olga", "user"), *carl = bearer(d, "carl", "user");
    struct answer a = with(d, olga, "POST", "/v1/sandboxes", "{\"name\":\"hers\"}");
    assert_status(&a, 201);
    assert_string_equal(text_of(&a, "owner"), "olga");
    a = with(d, carl, "GET", "/v1/sandboxes/hers", NULL);
    assert_string_equal(text_of(&a, "owner"), "olga");
    static const char *const wanted[][3] = {
        {"PUT", "/v1/sandboxes/hers/policy?dry_run=true", RULE},
        {"POST", "/v1/sandboxes/hers/drafts", PROPOSAL},
        {"POST", "/v1/sandboxes/hers/stop", NULL},
        {"POST", "/v1/sandboxes/hers/start", NULL},
        {"DELETE", "/v1/sandboxes/hers", NULL},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        a = with(d, carl, wanted[i][0], wanted[i][1], wanted[i][2]);
        assert_status(&a, 403);
        a = with(d, olga, wanted[i][0], wanted[i][1], wanted[i][2]);
        assert_int_equal(a.status / 100, 2);
    }
}

static void an_owner_decides_nothing(void **state)
{
    struct api_fixture *d = *state;
    const char *olga = bearer(d, "olga", "user");
    struct answer a = with(d, olga, "POST", "/v1/sandboxes", "{\"name\":\"hers\"}");
    static const char *const refused[][3] = {
        {"PUT", "/v1/sandboxes/hers/policy", RULE},
        {"PUT", "/v1/sandboxes/hers/policy?dry_run=false", RULE},
        {"PUT", "/v1/sandboxes/hers/policy?dry_run=false&dry_run=true", RULE},
        {"PATCH", "/v1/sandboxes/hers", "{\"approval_mode\":\"auto\"}"},
        {"POST", "/v1/sandboxes/hers/drafts/approve-all", NULL},
        {"PUT", "/v1/sandboxes/hers/policy?dry_run=true&override=true", RULE},
        {"PUT", "/v1/sandboxes/hers/shares/olga", "{\"role\":\"approver\"}"},
        {"PUT", "/v1/sandboxes/hers/shares/carl", "{\"role\":\"admin\"}"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        a = with(d, olga, refused[i][0], refused[i][1], refused[i][2]);
        assert_in_range(a.status, 400, 403);
    }
    a = with(d, olga, "PUT", "/v1/sandboxes/hers/shares/carl", "{\"role\":\"approver\"}");
    assert_problem(&a, 403, "/forbidden",
                   "who has the role approver may do policy.change there, which you may not: share "
                   "it in another role, or ask an admin");
}

static void a_share_is_good_until_it_is_taken_back(void **state)
{
    struct api_fixture *d = *state;
    const char *carl = bearer(d, "carl", "viewer");
    struct answer a = with(d, carl, "POST", "/v1/sandboxes/demo/stop", NULL);
    assert_status(&a, 403);
    a = ASK(d, "PUT", "/v1/sandboxes/demo/shares/carl", .body = "{\"role\":\"user\"}");
    assert_status(&a, 200);
    assert_string_equal(text_of(&a, "sandbox"), "demo");
    const json_t *share = json_array_get(json_object_get(a.json, "shares"), 0);
    assert_string_equal(json_string_value(json_object_get(share, "with")), "carl");
    assert_string_equal(json_string_value(json_object_get(share, "role")), "user");
    a = with(d, carl, "POST", "/v1/sandboxes/demo/stop", NULL);
    assert_status(&a, 200);
    a = ASK(d, "PUT", "/v1/sandboxes/demo/shares/carl", .body = "{\"role\":\"approver\"}");
    assert_int_equal(json_array_size(json_object_get(a.json, "shares")), 1);
    a = with(d, carl, "PUT", "/v1/sandboxes/demo/policy", RULE);
    assert_status(&a, 200);
    a = with(d, carl, "POST", "/v1/sandboxes/demo/stop", NULL);
    assert_status(&a, 403);
    a = ASK(d, "DELETE", "/v1/sandboxes/demo/shares/carl");
    assert_status(&a, 200);
    a = with(d, carl, "PUT", "/v1/sandboxes/demo/policy", RULE);
    assert_status(&a, 403);
    a = ASK(d, "DELETE", "/v1/sandboxes/demo/shares/carl");
    assert_problem(&a, 422, "/invalid",
                   "it is not shared with 'carl': `sluice sandbox get` shows with whom it is");
}

/* A name may be given again: what its owner was given is not for the next one. */
static void a_share_ends_with_its_sandbox(void **state)
{
    struct api_fixture *d = *state;
    const char *olga = bearer(d, "olga", "user");
    struct answer a = with(d, olga, "POST", "/v1/sandboxes", "{\"name\":\"hers\"}");
    a = with(d, olga, "DELETE", "/v1/sandboxes/hers", NULL);
    assert_status(&a, 200);
    a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"hers\"}");
    assert_status(&a, 201);
    a = with(d, olga, "POST", "/v1/sandboxes/hers/stop", NULL);
    assert_status(&a, 403);
}

/* What was asked of one sandbox is not done to another that has its name by then. */
static bool the_one_before(void *ctx, const char *name, struct auth_sandbox *out)
{
    (void)ctx;
    (void)name;
    *out = (struct auth_sandbox){"gone", "{\"owner\":{\"name\":\"olga\"}}"};
    return true;
}

static void a_right_is_to_one_sandbox_and_not_to_its_name(void **state)
{
    struct api_fixture *d = *state;
    const char *olga = bearer(d, "olga", "user");
    d->api.auth.find_sandbox = the_one_before;
    struct answer a = with(d, olga, "DELETE", "/v1/sandboxes/demo", NULL);
    assert_problem(&a, 404, "/not-found", "sandbox 'demo' not found");
}

static uint32_t rights(const char *holders, enum auth_kind kind, const char *name, uid_t uid)
{
    struct auth_principal p = {.kind = kind, .powers = auth_role_powers(AUTH_USER), .uid = uid};
    snprintf(p.name, sizeof p.name, "%s", name);
    return auth_holders_rights(holders, &p);
}

/* Who asks by uid is compared by uid, before its name is looked up; others by their name. */
static void a_holder_is_a_name_or_a_uid(void **state)
{
    (void)state;
    static const char by_uid[] = "{\"owner\":{\"name\":\"ann\",\"uid\":4242}}";
    static const char by_name[] = "{\"owner\":{\"name\":\"ann\"}}";
    assert_int_not_equal(rights(by_uid, AUTH_BY_UID, "", 4242), 0);
    assert_int_equal(rights(by_uid, AUTH_BY_UID, "ann", 4243), 0);
    assert_int_equal(rights(by_name, AUTH_BY_UID, "ann", 4242), 0);
    assert_int_not_equal(rights(by_name, AUTH_BY_CERTIFICATE, "ann", 0), 0);
    assert_int_not_equal(rights(by_uid, AUTH_BY_TOKEN, "ann", 0), 0);
    assert_int_equal(rights(by_name, AUTH_BY_TOKEN, "anna", 0), 0);
    assert_int_equal(rights(by_name, AUTH_BY_TOKEN, "", 0), 0);
    assert_int_equal(rights(by_name, AUTH_NOBODY, "ann", 0), 0);
    assert_int_equal(rights("{}", AUTH_BY_TOKEN, "ann", 0), 0);
    char *shared = auth_holders_share("{}", "uid:4242", AUTH_USER);
    assert_int_equal(rights(shared, AUTH_BY_UID, "", 4242), auth_share_rights(AUTH_USER));
    free(shared);
    shared = auth_holders_share("{}", "root", AUTH_USER);
    assert_int_not_equal(rights(shared, AUTH_BY_UID, "", 0), 0);
    free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(who_creates_a_sandbox_owns_it),
        API_TEST(an_owner_decides_nothing),
        DEMO_TEST(a_share_is_good_until_it_is_taken_back),
        API_TEST(a_share_ends_with_its_sandbox),
        DEMO_TEST(a_right_is_to_one_sandbox_and_not_to_its_name),
        cmocka_unit_test(a_holder_is_a_name_or_a_uid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
