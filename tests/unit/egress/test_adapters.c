/* SPDX-License-Identifier: Apache-2.0 */
/* One decision and one relay, several ways to them: a generated request gets the same verdict, and
 * the origin the same request, in a tunnel of plain HTTP, within TLS, in absolute form, from a
 * program that knows no proxy, and by HTTP/2 with and without TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/inspect/authority.h"
#include "egress/inspect/trust.h"
#include "net/tls.h"
#include "support/http2_scene.h"
#include "support/trust.h"

#include <stdio.h>
#include <unistd.h>

enum { REQUESTS = 1000, SPARSE = 5 };

static const char policy_text[] =
    "version: 1\n"
    "network_policies:\n"
    "  api:\n"
    "    endpoints:\n"
    "      - host: origin.test\n"
    "        port: 80\n"
    "        path: /api/**\n"
    "        protocol: rest\n"
    "        enforcement: enforce\n"
    "        allow_encoded_slash: true\n"
    "        rules:\n"
    "          - allow: {method: GET, path: /api/**}\n"
    "          - allow: {method: POST, path: \"/api/*/issues\", query: {state: \"op*\"}}\n"
    "        deny_rules: [{method: \"*\", path: \"/api/secret/**\"}]\n"
    "      - host: origin.test\n"
    "        port: 80\n"
    "        path: /files/**\n"
    "        protocol: rest\n"
    "        enforcement: enforce\n"
    "        access: read-write\n"
    "    binaries: [{path: /bin/curl}]\n"
    "  audited:\n"
    "    endpoints:\n"
    "      - {host: origin.test, port: 80, path: \"/log/**\", protocol: rest, access: read-only}\n"
    "    binaries: [{path: /bin/curl}]\n";

/* ---- requests ---- */

struct request {
    const char *method;
    char path[512];                                 /* with its query */
    bool body;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static const char *pick(uint32_t *seed, const char *const *items, size_t n)
{
    return items[next_random(seed) % n];
}

#define PICK(seed, items) pick(seed, items, sizeof items / sizeof *items)

static struct request make_request(uint32_t *seed)
{
    static const char *const methods[] = {"GET",    "HEAD",    "POST", "PUT",
                                          "DELETE", "OPTIONS", "PATCH"};
    static const char *const tops[] = {"/api", "/files", "/log",         "/other",
                                       "",     "/%61pi", "/api/../files"};
    static const char *const parts[] = {"/x",      "/secret", "/issues",    "/..",   "/.",   "/",
                                        "/%2e%2e", "/a%2Fb",  "/%2f",       "/;p=1", "/x;y", "/%zz",
                                        "/%00",    "/%41",    "/caf%C3%A9", "/a+b",  "/*"};
    static const char *const queries[] = {
        "",  "",       "?state=open",   "?state=closed", "?state=open&state=x",
        "?", "?a=%zz", "?state=%6fpen", "?x=/../secret"};
    struct request r = {.method = PICK(seed, methods)};
    size_t len = (size_t)snprintf(r.path, sizeof r.path, "%s", PICK(seed, tops));
    for (uint32_t n = next_random(seed) % 4; n > 0; n--)
        len += (size_t)snprintf(r.path + len, sizeof r.path - len, "%s", PICK(seed, parts));
    snprintf(r.path + len, sizeof r.path - len, "%s%s", len ? "" : "/", PICK(seed, queries));
    r.body = strcmp(r.method, "POST") == 0 || strcmp(r.method, "PUT") == 0;
    return r;
}

static void print_request(const struct request *r, const char *origin, struct buf *out)
{
    buf_printf(out, "%s %s%s HTTP/1.1\r\nHost: origin.test:80\r\nX-Kept: 1\r\n", r->method, origin,
               r->path);
    buf_puts(out, r->body ? "Content-Length: 2\r\n\r\nhi" : "\r\n");
}

/* ---- the ways ---- */

struct outcome {
    int status;
    char reason[256], asked[600]; /* asked: the request line that the origin got */
    bool audited;
};

struct tools {
    struct egress_authority *authority, *origins;
    struct egress_trust *trust;
    SSL_CTX *client;
    struct policy *policy;
};

static void feed_text(struct memory_scene *scene, struct far_end *end, const char *text)
{
    memory_feed(scene, end, (const uint8_t *)text, strlen(text), strlen(text));
}

static void open_tunnel(struct memory_scene *scene)
{
    feed_text(scene, &scene->user,
              "CONNECT origin.test:80 HTTP/1.1\r\nHost: origin.test:80\r\n\r\n");
    assert_non_null(scene->user.in.data);
    assert_string_equal(scene->user.in.data, "HTTP/1.1 200 Connection Established\r\n\r\n");
    buf_clear(&scene->user.in);
}

static void secure(struct far_end *end, SSL *ssl)
{
    assert_non_null(ssl);
    end->stream = net_tls_new(end->stream, ssl, NULL, 0, &far_calls, end);
    net_read(end->stream);
}

static void secure_both(struct memory_scene *scene, const struct tools *tools, const char *alpn)
{
    SSL *ssl = SSL_new(tools->client);
    SSL_set_alpn_protos(ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    SSL_set_connect_state(ssl);
    SSL_set_tlsext_host_name(ssl, "origin.test");
    secure(&scene->origin, trust_origin(tools->origins, "origin.test", alpn));
    secure(&scene->user, ssl);
    if (alpn[0] == 2) { /* what HTTP/2 says first waits for its reader */
        net_pause(scene->user.stream);
        net_pause(scene->origin.stream);
    }
    for (int i = 0; i < 6; i++)
        memory_run(scene);
}

static void read_outcome(const char *answer, const char *asked, struct outcome *out)
{
    const char *reason = strstr(answer, "\"reason\":\"");
    *out = (struct outcome){.status = strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0};
    if (reason)
        snprintf(out->reason, sizeof out->reason, "%.*s", (int)strcspn(reason + 10, "\""),
                 reason + 10);
    snprintf(out->asked, sizeof out->asked, "%.*s", (int)strcspn(asked, "\r"), asked);
}

static void finish_request(struct memory_scene *scene, struct outcome *out)
{
    memory_run(scene);
    if (scene->origin.in.len)
        feed_text(scene, &scene->origin, "HTTP/1.1 204 No Content\r\n\r\n");
    memory_run(scene);
    memory_run(scene);
    read_outcome(buf_str(&scene->user.in), buf_str(&scene->origin.in), out);
    out->audited = scene->audited > 0;
    memory_finish(scene);
}

static void ask_in_tunnel(const struct tools *tools, const struct request *r, bool tls,
                          struct outcome *out)
{
    struct memory_scene scene;
    struct buf text = {0};
    memory_begin(&scene, tools->policy);
    scene.proxy.inspection =
        (struct egress_inspection){.authority = tools->authority, .trust = tools->trust};
    open_tunnel(&scene);
    if (tls)
        secure_both(&scene, tools, "\x08http/1.1");
    print_request(r, "", &text);
    feed_text(&scene, &scene.user, text.data);
    buf_free(&text);
    finish_request(&scene, out);
}

static void ask_as_proxy(const struct tools *tools, const struct request *r, struct outcome *out)
{
    struct memory_scene scene;
    struct buf text = {0};
    memory_begin(&scene, tools->policy);
    print_request(r, "http://origin.test:80", &text);
    feed_text(&scene, &scene.user, text.data);
    buf_free(&text);
    finish_request(&scene, out);
}

/* Its connect was redirected, and succeeds. */
static void ask_transparently(const struct tools *tools, const struct request *r,
                              struct outcome *out)
{
    struct memory_scene scene;
    struct egress_refusal refusal;
    struct buf text = {0};
    memory_begin(&scene, tools->policy);
    scene.proxy.inspection =
        (struct egress_inspection){.authority = tools->authority, .trust = tools->trust};
    struct client *c = scene.client;
    net_pause(c->stream);
    c->transparent = true;
    c->exchange.kind = EXCHANGE_CONNECT;
    assert_int_equal(egress_target_authority("origin.test:80", &c->route.target, &refusal), 0);
    egress_request_begin(c);
    memory_run(&scene);
    assert_int_equal(scene.user.in.len, 0);
    print_request(r, "", &text);
    feed_text(&scene, &scene.user, text.data);
    buf_free(&text);
    finish_request(&scene, out);
}

static bool answer_request(struct pair_end *end)
{
    if (end->in.len && !end->drained++)
        end_write(end, "HTTP/1.1 204 No Content\r\n\r\n");
    return true;
}

static void ask_by_http2(const struct tools *tools, const struct request *r, bool tls,
                         struct outcome *out)
{
    struct memory_scene scene;
    struct pair *pair = alloc_zero(1, sizeof *pair);
    struct buf text = {0};
    pair->serve = answer_request;
    memory_begin(&scene, tools->policy);
    scene.proxy.inspection =
        (struct egress_inspection){.authority = tools->authority, .trust = tools->trust};
    open_tunnel(&scene);
    scene_resolve(&scene);
    if (tls)
        secure_both(&scene, tools, "\x02h2\x08http/1.1");
    pair_of_origin(pair, &scene, tls);
    pair_of_user(pair, &scene, tls);
    struct pair_end *end = pair_open(pair);
    print_request(r, "", &text);
    end_write(end, text.data);
    buf_free(&text);
    pair_run_scene(&scene);
    read_outcome(buf_str(&end->in), buf_str(&pair->requests[0].in), out);
    out->audited = scene.audited > 0;
    end_free(end);
    pair_leave_scene(pair);
    memory_finish(&scene);
}

static void expect_same(const struct request *r, const char *way, const struct outcome *a,
                        const struct outcome *b)
{
    bool told = strcmp(r->method, "HEAD") != 0 || *b->reason; /* HTTP/2 has no room for more */
    if (a->status != b->status || (told && strcmp(a->reason, b->reason) != 0) ||
        strcmp(a->asked, b->asked) != 0 || a->audited != b->audited)
        fail_msg("%s %s: %d '%s' '%s' in plain HTTP, but %d '%s' '%s' %s", r->method, r->path,
                 a->status, a->reason, a->asked, b->status, b->reason, b->asked, way);
}

/* ---- */

static void every_way_leads_to_the_same_verdict(void **state)
{
    struct error err;
    struct tools tools = {.authority = egress_authority_new(&err),
                          .origins = egress_authority_new(&err),
                          .client = SSL_CTX_new(TLS_client_method()),
                          .policy = memory_policy(policy_text)};
    unsigned allowed = 0, refused = 0, malformed = 0, audited = 0;
    uint32_t seed = 20261130;
    (void)state;
    tools.trust = trust_in(tools.origins);
    for (int i = 0; i < REQUESTS; i++) {
        struct request r = make_request(&seed);
        struct outcome plain, tls, proxy, transparent, http2, http2_tls;
        ask_in_tunnel(&tools, &r, false, &plain);
        ask_in_tunnel(&tools, &r, true, &tls);
        ask_as_proxy(&tools, &r, &proxy);
        ask_transparently(&tools, &r, &transparent);
        ask_by_http2(&tools, &r, false, &http2);
        if (i % SPARSE == 0)
            ask_by_http2(&tools, &r, true, &http2_tls);
        expect_same(&r, "within TLS", &plain, &tls);
        expect_same(&r, "in absolute form", &plain, &proxy);
        expect_same(&r, "from a program that knows no proxy", &plain, &transparent);
        expect_same(&r, "by HTTP/2", &plain, &http2);
        if (i % SPARSE == 0)
            expect_same(&r, "by HTTP/2 within TLS", &plain, &http2_tls);
        allowed += plain.status == 204;
        refused += plain.status == 403;
        malformed += plain.status == 400;
        audited += plain.audited;
    }
    assert_true(allowed > REQUESTS / 20 && refused > REQUESTS / 20 && malformed > REQUESTS / 20 &&
                audited > 5);
    assert_int_equal(allowed + refused + malformed, REQUESTS);
    egress_trust_free(tools.trust);
    egress_authority_free(tools.authority);
    egress_authority_free(tools.origins);
    SSL_CTX_free(tools.client);
    policy_unref(tools.policy);
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(every_way_leads_to_the_same_verdict),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}
