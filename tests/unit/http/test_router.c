/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "http/address.h"
#include "http/escape.h"
#include "http/problem.h"
#include "http/router.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/"},
    {.method = "POST", .pattern = "/v1/sandboxes/{name}/drafts/{id}"},
    {.method = "POST", .pattern = "/v1/sandboxes/{name}/drafts/approve-all"},
    {.method = "PATCH", .pattern = "/v1/sandboxes/{name}/drafts/{id}"},
    {.method = "GET", .pattern = "/v1/sandboxes/{name}/drafts/history"},
    {.method = "GET", .pattern = "/v1/sandboxes/{name}"},
    {.method = "DELETE", .pattern = "/v1/sandboxes/{name}"},
};
static const struct http_router router = {.routes = routes, .n_routes = 7};

/* The index of the route, -1 for none, -2 for a path that cannot be read. */
static int find(const char *method, const char *path, const char *params[2], char **allow)
{
    static char text[8][64];
    struct buf methods = {0};
    const char *found[HTTP_PARAMS_MAX] = {0};
    char **segments = http_path_split(path);
    if (!segments)
        return -2;
    const struct http_route *route = http_router_find(&router, method, segments, found, &methods);
    for (int i = 0; i < 2 && params; i++) {
        params[i] = found[i] ? strcpy(text[i], found[i]) : NULL;
    }
    if (allow)
        *allow = strcpy(text[2], buf_str(&methods));
    buf_free(&methods);
    free(segments);
    return route ? (int)(route - routes) : -1;
}

static void test_routes(void **state)
{
    (void)state;
    const char *params[2];
    char *allow;
    assert_int_equal(find("GET", "/", NULL, NULL), 0);
    assert_int_equal(find("POST", "/v1/sandboxes/a/drafts/7", params, NULL), 1);
    assert_string_equal(params[0], "a");
    assert_string_equal(params[1], "7");
    assert_int_equal(http_route_param(&routes[1], "name"), 0);
    assert_int_equal(http_route_param(&routes[1], "id"), 1);
    assert_int_equal(http_route_param(&routes[1], "i"), -1);
    assert_int_equal(find("POST", "/v1/sandboxes/a/drafts/approve-all", params, NULL), 2);
    assert_null(params[1]);
    assert_int_equal(find("POST", "/v1/sandboxes/a/drafts/approve%2Dall", NULL, NULL), 2);
    assert_int_equal(find("PATCH", "/v1/sandboxes/a/drafts/7", NULL, NULL), 3);
    assert_int_equal(find("HEAD", "/v1/sandboxes/a", NULL, NULL), 5);
    assert_int_equal(find("PUT", "/v1/sandboxes/a", NULL, &allow), -1);
    assert_string_equal(allow, "GET, HEAD, DELETE");
    /* the literal path is another resource: what {id} allows does not count */
    assert_int_equal(find("PATCH", "/v1/sandboxes/a/drafts/history", NULL, &allow), -1);
    assert_string_equal(allow, "GET, HEAD");
    assert_int_equal(find("GET", "/v1/sandboxes//drafts/history", NULL, &allow), -1);
    assert_string_equal(allow, "");
    assert_int_equal(find("GET", "/v1/sandboxes/a/", NULL, &allow), -1);
    assert_int_equal(find("GET", "/v1/sandboxes/a%2Fb", params, NULL), 5);
    assert_string_equal(params[0], "a/b");
}

static void test_paths(void **state)
{
    (void)state;
    assert_int_equal(find("GET", "x", NULL, NULL), -2);
    assert_int_equal(find("GET", "/%", NULL, NULL), -2);
    assert_int_equal(find("GET", "/%4", NULL, NULL), -2);
    assert_int_equal(find("GET", "/%4g", NULL, NULL), -2);
    assert_int_equal(find("GET", "/%00", NULL, NULL), -2);
    assert_int_equal(find("GET", "/%ff", NULL, NULL), -2);
    assert_int_equal(find("GET", "/%C0%AF", NULL, NULL), -2);
    assert_int_equal(find("GET", "/caf%C3%A9", NULL, NULL), -1);
}

static void test_query(void **state)
{
    (void)state;
    size_t n;
    struct http_param *q = http_query_parse("a=1&&b=x%3Dy+z&c&=d&a=", &n);
    static const char *const want[][2] = {{"a", "1"}, {"b", "x=y z"}, {"c", ""}, {"", "d"},
                                           {"a", ""}};
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(q[i].name, want[i][0]);
        assert_string_equal(q[i].value, want[i][1]);
    }
    free(q);
    struct buf many = {0};
    for (int i = 0; i < HTTP_QUERY_MAX; i++)
        buf_puts(&many, "&a");
    q = http_query_parse(many.data, &n);
    assert_int_equal(n, HTTP_QUERY_MAX);
    free(q);
    buf_puts(&many, "&a");
    assert_null(http_query_parse(many.data, &n));
    buf_free(&many);
    assert_null(http_query_parse("a=%0", &n));
    assert_null(http_query_parse("%80=1", &n));
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"unix:/run/sluice.sock", NULL},
        {"tcp:127.0.0.1:7070", NULL},
        {"tcp:[::1]:0", NULL},
        {"tcp:gateway.example:65535", NULL},
        {"tcp:localhost:80", NULL},
        {"/run/sluice.sock", "address /run/sluice.sock begins with neither unix: nor tcp:"},
        {"unix:", "needs a path"},
        {"unix:@x", "needs a path"},
        {"tcp:127.0.0.1", "is not tcp:HOST:PORT, as in tcp:127.0.0.1:7070"},
        {"tcp:127.0.0.1:65536", "is not tcp:HOST:PORT"},
        {"tcp:127.0.0.1:080000", "is not tcp:HOST:PORT"},
        {"tcp:127.0.0.1:8o", "is not tcp:HOST:PORT"},
        {"tcp:::1:80", "is neither an IP address (IPv6 in brackets) nor a host name"},
        {"tcp:[127.0.0.1]:80", "neither an IP address"},
        {"tcp:[::1:80", "is not tcp:HOST:PORT"},
        {"tcp:127.1:80", "host 127.1 of address tcp:127.1:80 is neither"},
        {"tcp:2130706433:80", "neither an IP address"},
        {"tcp::80", "neither an IP address"},
        {"tcp:a b:80", "neither an IP address"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_address address;
        struct error err = {0};
        char text[HTTP_ADDRESS_SIZE];
        int rc = http_address_parse(cases[i].text, &address, &err);
        if ((rc == 0) != !cases[i].error || (rc != 0 && !strstr(err.text, cases[i].error)))
            fail_msg("%s: %d %s", cases[i].text, rc, err.text);
        if (rc == 0)
            assert_string_equal(http_address_format(&address, text), cases[i].text);
    }
}

static void test_long_path(void **state)
{
    (void)state;
    char text[256] = "unix:/";
    struct http_address address;
    struct error err;
    memset(text + 6, 'x', 106);
    assert_int_equal(http_address_parse(text, &address, &err), 0);
    text[112] = 'x';
    assert_int_equal(http_address_parse(text, &address, &err), -1);
    assert_non_null(strstr(err.text, "longer than the 107 bytes that the kernel allows"));
}

static void test_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool loopback;
    } cases[] = {{"tcp:127.0.0.1:1", true}, {"tcp:127.255.0.9:1", true}, {"tcp:128.0.0.1:1", false},
                 {"tcp:[::1]:1", true}, {"tcp:[::ffff:127.0.0.1]:1", true},
                 {"tcp:[::ffff:10.0.0.1]:1", false}, {"tcp:[fe80::1]:1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_address address;
        assert_int_equal(http_address_parse(cases[i].text, &address, NULL), 0);
        assert_int_equal(http_address_loopback((struct sockaddr *)&address.ip), cases[i].loopback);
    }
}

static void test_problem(void **state)
{
    (void)state;
    json_t *extra = json_pack("{s:s, s:[i]}", "type", "mine", "votes", 1);
    char *text = http_problem_text(403, "denied", NULL, "by \"1\" voter", extra);
    assert_string_equal(text, "{\"type\":\"https://sluice.dev/problems/denied\","
                        "\"title\":\"Forbidden\",\"status\":403,\"detail\":\"by \\\"1\\\" voter\","
                        "\"votes\":[1]}");
    free(text);
    json_decref(extra);
    text = http_problem_text(400, "malformed", "Bad", "\xff", NULL);
    assert_string_equal(text, "{\"type\":\"https://sluice.dev/problems/malformed\","
                        "\"title\":\"Bad\",\"status\":400}");
    free(text);
}

static void weighs(const char *header, const char *type, int want)
{
    struct http_field field = {"Accept", header};
    struct http_head head = {.fields = &field, .n_fields = header != NULL};
    struct http_request req = {.head = &head};
    int is = http_request_weight(&req, type);
    if (is != want)
        fail_msg("Accept: %s, %s weighs %d", header, type, is);
}

static void test_accept(void **state)
{
    (void)state;
    weighs(NULL, "application/json", 1000);
    weighs("*/*", "application/json", 1000);
    weighs("application/yaml", "application/json", 0);
    weighs("text/html, application/*;q=0.5", "application/json", 500);
    weighs("application/*, application/json;q=0", "application/json", 0);
    weighs("application/*;q=0, application/json", "application/json", 1000);
    weighs("*/*;q=0.000", "application/json", 0);
    weighs("*/*; q=0.001", "application/json", 1);
    weighs("*/*;q=1", "application/json", 1000);
    weighs("*/*;q=1.000, text/html", "application/json", 1000);
    weighs("*/*;q=0.25", "application/json", 250);
    /* What is no qvalue is not wanted. */
    weighs("*/*;q=1e999", "application/json", 1000);
    weighs("*/*;q=nan", "application/json", 0);
    weighs("*/*;q=-1", "application/json", 0);
    weighs("*/*;q=7", "application/json", 0);
    weighs("*/*;q=1.5", "application/json", 0);
    weighs("Application/JSON; charset=utf-8", "application/json", 1000);
    weighs("", "application/json", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),    cmocka_unit_test(test_paths),
        cmocka_unit_test(test_query),     cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_long_path), cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_problem),   cmocka_unit_test(test_accept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
