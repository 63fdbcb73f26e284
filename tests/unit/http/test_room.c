/* SPDX-License-Identifier: Apache-2.0 */
/* Whose connection gives way when one client has its share.  All of a test are of one source: its
 * user. */
#include "support/http.h"

enum { SHARE = 3 }; /* of the 16 of SMALL: a quarter of three quarters */

static struct http_request *held[SHARE];
static unsigned n_held;

static void hold(struct http_request *req, void *ctx)
{
    (void)ctx;
    held[n_held++] = req;
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/hello", .handler = hello},
    {.method = "GET", .pattern = "/hold", .handler = hold},
};
static const struct http_router router = {routes, sizeof routes / sizeof *routes, NULL};

static struct fixture *serving(bool tcp)
{
    struct fixture *f = fixture_new();
    n_held = 0;
    fixture_serve(f, SMALL, &router, tcp);
    return f;
}

/* One more than the share, each of which sends that first. */
static void open_each(struct fixture *f, struct raw *all[SHARE + 1], const char *first)
{
    for (int i = 0; i < SHARE + 1; i++) {
        all[i] = raw_new(f);
        raw_puts(all[i], first);
    }
}

static void close_each(struct fixture *f, struct raw *all[SHARE + 1])
{
    for (int i = 0; i < SHARE + 1; i++)
        raw_free(all[i]);
    fixture_free(f);
}

static void the_oldest_idle_connection_gives_way(void **state)
{
    static const char *const firsts[] = {"", "GET /hel", "GET /hello HTTP/1.1\r\nHost: a\r\n"};
    (void)state;
    for (size_t k = 0; k < sizeof firsts / sizeof *firsts; k++) {
        struct fixture *f = serving(true);
        struct raw *all[SHARE + 1];
        open_each(f, all, firsts[k]);
        RUN_UNTIL(f, all[0]->eof);
        RUN_UNTIL(f, http_server_stats(f->server).connections == SHARE);
        raw_puts(all[SHARE], *firsts[k] == '\0' ? HEAD("GET /hello") "\r\n"
                             : k == 1           ? "lo HTTP/1.1\r\nHost: a\r\n\r\n"
                                                : "\r\n");
        RUN_UNTIL(f, raw_has(all[SHARE], "hello"));
        for (int i = 1; i < SHARE; i++)
            assert_false(all[i]->eof);
        close_each(f, all);
    }
}

static void requests_under_way_do_not_give_way(void **state)
{
    struct raw *all[SHARE + 1];
    struct fixture *f = serving(true);
    (void)state;
    for (int i = 0; i < SHARE; i++) {
        all[i] = raw_new(f);
        raw_puts(all[i], HEAD("GET /hold") "\r\n");
        RUN_UNTIL(f, n_held == (unsigned)i + 1);
    }
    all[SHARE] = raw_new(f);
    RUN_UNTIL(f, all[SHARE]->eof);
    assert_true(raw_has(all[SHARE], "HTTP/1.1 503 Service Unavailable"));
    assert_true(raw_has(
        all[SHARE],
        "you have as many connections to this server as one client may: close some of them"));
    for (int i = 0; i < SHARE; i++) {
        http_respond(held[i], 200, "text/plain", "done", 4);
        RUN_UNTIL(f, raw_has(all[i], "done"));
    }
    close_each(f, all);
}

static void who_connects_by_the_unix_socket_has_no_share(void **state)
{
    struct raw *all[SHARE + 1];
    struct fixture *f = serving(false);
    (void)state;
    open_each(f, all, HEAD("GET /hello") "\r\n");
    for (int i = 0; i < SHARE + 1; i++)
        RUN_UNTIL(f, raw_has(all[i], "hello"));
    close_each(f, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_idle_connection_gives_way),
        cmocka_unit_test(requests_under_way_do_not_give_way),
        cmocka_unit_test(who_connects_by_the_unix_socket_has_no_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
