/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests the port of sluice console lets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/console/relay.h"

#include <stdio.h>
#include <string.h>

enum { OWN_UID = 1000, OTHER_UID = 1001, NOW = 5000, UNTIL = 60000 };

#define FIELDS(...) (const struct http_field[]){__VA_ARGS__, {NULL, NULL}}
#define HOST {"Host", "127.0.0.1:4711"}
#define COOKIE {"Cookie", "a=1; sluice-console-4711=cookiecookie; b=2"}

struct scene {
    struct relay relay;
    struct relay_session session;
};

static void begin(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->relay.session = &s->session;
    s->relay.until = UNTIL;
    strcpy(s->relay.authority, "127.0.0.1:4711");
    strcpy(s->relay.cookie_name, "sluice-console-4711");
    strcpy(s->relay.link, "linklink");
    strcpy(s->relay.cookie, "cookiecookie");
}

static struct relay_answer ask(struct scene *s, const char *method, const char *target,
                               const struct http_field *fields, uid_t uid, int64_t now)
{
    struct http_head head = {.method = method, .target = target};
    struct relay_answer out;
    head.fields = (struct http_field *)fields;
    while (fields[head.n_fields].name)
        head.n_fields++;
    relay_admit(&s->relay, &head, uid, now, &out);
    return out;
}

static int open_link(struct scene *s, const char *path, uid_t uid, int64_t now)
{
    return ask(s, "GET", path, FIELDS(HOST), uid, now).status;
}

static void a_link_works_once(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    assert_int_equal(open_link(&s, "/open/linklin", OWN_UID, NOW), 403);
    assert_int_equal(open_link(&s, "/open/linklinkl", OWN_UID, NOW), 403);
    assert_int_equal(open_link(&s, "/open/", OWN_UID, NOW), 403);
    struct relay_answer a = ask(&s, "GET", "/open/linklink", FIELDS(HOST), OWN_UID, NOW);
    assert_int_equal(a.status, 303);
    assert_string_equal(a.location, "/console/");
    assert_true(a.sets_cookie);
    a = ask(&s, "GET", "/open/linklink", FIELDS(HOST), OWN_UID, NOW);
    assert_int_equal(a.status, 403);
    assert_false(a.sets_cookie);
    assert_non_null(strstr(a.text, "works once, within a minute"));
}

static void a_link_dies_after_a_minute(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    assert_int_equal(open_link(&s, "/open/linklink", OWN_UID, UNTIL), 403);
    assert_int_equal(open_link(&s, "/open/linklink", OWN_UID, UNTIL - 1), 303);
}

/* What must not use it up: it still works afterwards. */
static void a_link_is_not_used_up_by_others(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    assert_int_equal(ask(&s, "HEAD", "/open/linklink", FIELDS(HOST), OWN_UID, NOW).status, 405);
    assert_int_equal(ask(&s, "POST", "/open/linklink", FIELDS(HOST), OWN_UID, NOW).status, 405);
    assert_int_equal(ask(&s, "GET", "/open/linklink",
                         FIELDS(HOST, {"Sec-Purpose", "prefetch;prerender"}), OWN_UID, NOW)
                         .status,
                     405);
    assert_int_equal(ask(&s, "GET", "/open/linklink",
                         FIELDS(HOST, {"Sec-Fetch-Site", "cross-site"}), OWN_UID, NOW)
                         .status,
                     403);
    assert_int_equal(open_link(&s, "/open/linklink", OWN_UID, NOW), 303);
}

static void requests_of_the_page_pass(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    assert_int_equal(open_link(&s, "/open/linklink", OWN_UID, NOW), 303);
    assert_int_equal(ask(&s, "GET", "/console/", FIELDS(HOST, COOKIE), OWN_UID, NOW).status, 0);
    assert_int_equal(ask(&s, "GET", "/console/main.js",
                         FIELDS(HOST, COOKIE, {"Sec-Fetch-Site", "same-origin"}), OWN_UID,
                         10 * UNTIL)
                         .status,
                     0);
    assert_int_equal(ask(&s, "POST", "/v1/sandboxes/a/drafts/b/approve",
                         FIELDS(HOST, COOKIE, {"Origin", "http://127.0.0.1:4711"}), OWN_UID, NOW)
                         .status,
                     0);
    assert_int_equal(ask(&s, "GET", "/", FIELDS(HOST, COOKIE), OWN_UID, NOW).status, 303);
    assert_int_equal(ask(&s, "GET", "/metrics", FIELDS(HOST, COOKIE), OWN_UID, NOW).status, 404);
}

/* Each differs in one thing from a request that passes. */
static void no_other_request_passes(void **state)
{
    static const struct {
        const char *what;
        struct http_field fields[4];
        uid_t uid;
    } cases[] = {
        {"no cookie", {HOST}, OWN_UID},
        {"another cookie", {HOST, {"Cookie", "sluice-console-4711=cookiecookiE"}}, OWN_UID},
        {"a part of it", {HOST, {"Cookie", "sluice-console-4711=cookiecooki"}}, OWN_UID},
        {"more than it", {HOST, {"Cookie", "sluice-console-4711=cookiecookie1"}}, OWN_UID},
        {"the cookie of another port",
         {HOST, {"Cookie", "sluice-console-4712=cookiecookie"}},
         OWN_UID},
        {"the cookie's name as a part",
         {HOST, {"Cookie", "xsluice-console-4711=cookiecookie"}},
         OWN_UID},
        {"the link as a cookie", {HOST, {"Cookie", "sluice-console-4711=linklink"}}, OWN_UID},
        {"another user", {HOST, COOKIE}, OTHER_UID},
        {"a user that is not known", {HOST, COOKIE}, (uid_t)-1},
        {"a rebound name", {{"Host", "evil.example.com:4711"}, COOKIE}, OWN_UID},
        {"a name of this machine", {{"Host", "localhost:4711"}, COOKIE}, OWN_UID},
        {"another port", {{"Host", "127.0.0.1:4712"}, COOKIE}, OWN_UID},
        {"no port", {{"Host", "127.0.0.1"}, COOKIE}, OWN_UID},
        {"no host", {COOKIE}, OWN_UID},
        {"two hosts", {HOST, {"Host", "evil.example.com"}, COOKIE}, OWN_UID},
        {"a page of another site", {HOST, COOKIE, {"Sec-Fetch-Site", "cross-site"}}, OWN_UID},
        {"a page of another port", {HOST, COOKIE, {"Sec-Fetch-Site", "same-site"}}, OWN_UID},
        {"another origin", {HOST, COOKIE, {"Origin", "http://evil.example.com"}}, OWN_UID},
        {"the origin of another port",
         {HOST, COOKIE, {"Origin", "http://127.0.0.1:4712"}},
         OWN_UID},
        {"an origin over TLS", {HOST, COOKIE, {"Origin", "https://127.0.0.1:4711"}}, OWN_UID},
        {"an origin that is hidden", {HOST, COOKIE, {"Origin", "null"}}, OWN_UID},
    };
    struct scene s;
    (void)state;
    begin(&s);
    assert_int_equal(ask(&s, "GET", "/console/", FIELDS(HOST, COOKIE), OWN_UID, NOW).status, 403);
    assert_int_equal(open_link(&s, "/open/linklink", OWN_UID, NOW), 303);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct relay_answer a = ask(&s, "GET", "/v1/sandboxes", cases[i].fields, cases[i].uid, NOW);
        if (a.status != 403 || !a.text)
            fail_msg("%s: %d", cases[i].what, a.status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_works_once),
        cmocka_unit_test(a_link_dies_after_a_minute),
        cmocka_unit_test(a_link_is_not_used_up_by_others),
        cmocka_unit_test(requests_of_the_page_pass),
        cmocka_unit_test(no_other_request_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
