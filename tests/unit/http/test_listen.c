/* SPDX-License-Identifier: Apache-2.0 */
/* Where a server listens, and who connects there. */
#include "support/http.h"

#include "http/peer.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static void whoami(struct http_request *req, void *ctx)
{
    (void)ctx;
    char text[64];
    uid_t uid = 4711;
    bool known = http_peer_uid(req->peer, &uid);
    snprintf(text, sizeof text, "known=%d uid=%u loopback=%d", known, (unsigned)uid,
             req->peer->loopback);
    http_respond(req, 200, "text/plain", text, strlen(text));
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/hello", .handler = hello},
    {.method = "GET", .pattern = "/whoami", .handler = whoami},
};
static const struct http_router router = {routes, sizeof routes / sizeof *routes, NULL};

static struct fixture *serving(bool tcp)
{
    struct fixture *f = fixture_new();
    fixture_serve(f, SMALL, &router, tcp);
    return f;
}

static void test_peer_uid(void **state)
{
    (void)state;
    char want[64];
    for (int tcp = 0; tcp < 2; tcp++) {
        struct fixture *f = serving(tcp);
        struct raw *raw = raw_new(f);
        raw_puts(raw, HEAD("GET /whoami") "\r\n");
        snprintf(want, sizeof want, "known=1 uid=%u loopback=%d", (unsigned)getuid(), tcp);
        RUN_UNTIL(f, raw_has(raw, want));
        raw_free(raw);
        fixture_free(f);
    }
}

static void listen_fails(struct fixture *f, const char *address, enum error_kind kind,
                         const char *text)
{
    struct error err = {0};
    assert_int_equal(http_server_listen(f->server, address, 0, &err), -1);
    assert_int_equal(err.kind, kind);
    if (!strstr(err.text, text))
        fail_msg("wanted \"%s\" in \"%s\"", text, err.text);
}

static void test_listen_refusals(void **state)
{
    (void)state;
    char file[128];
    struct fixture *f = serving(false);
    struct stat st;
    assert_int_equal(stat(f->address + 5, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    listen_fails(f, f->address, ERROR_EXISTS, "another process listens on unix:/tmp/sluice-http-");
    snprintf(file, sizeof file, "unix:%s/file", f->dir);
    FILE *made = fopen(file + 5, "w");
    fclose(made);
    listen_fails(f, file, ERROR_EXISTS, "is no socket: remove it or listen elsewhere");
    assert_int_equal(unlink(file + 5), 0);
    listen_fails(f, "tcp:example.org:80", ERROR_MALFORMED, "give an IP address or localhost");
    listen_fails(f, "unix:/no/such/folder/socket", ERROR_INTERNAL,
                 "cannot listen on unix:/no/such/folder/socket: ");
    assert_int_equal(http_server_n_addresses(f->server), 1);
    fixture_free(f);
}

static void test_stale_socket(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s/socket", f->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    close(fd);
    fixture_serve(f, SMALL, &router, false);
    struct raw *raw = raw_new(f);
    raw_puts(raw, HEAD("GET /hello") "\r\n");
    RUN_UNTIL(f, raw_has(raw, "hello"));
    raw_free(raw);
    fixture_free(f);
}

static void test_two_addresses(void **state)
{
    (void)state;
    struct fixture *f = serving(false);
    char address[HTTP_ADDRESS_SIZE];
    struct error err;
    assert_int_equal(http_server_listen(f->server, "tcp:[::1]:0", HTTP_TRUST_LOCAL_UIDS, &err), 0);
    assert_int_equal(http_server_n_addresses(f->server), 2);
    http_server_address(f->server, 1, address);
    assert_int_equal(strncmp(address, "tcp:[::1]:", 10), 0);
    assert_true(atoi(address + 10) > 0);
    listen_fails(f, address, ERROR_EXISTS, "address already in use");
    strcpy(f->address, address);
    struct raw *raw = raw_new(f);
    raw_puts(raw, HEAD("GET /whoami") "\r\n");
    RUN_UNTIL(f, raw_has(raw, "known=1"));
    assert_true(raw_has(raw, "loopback=1"));
    raw_free(raw);
    fixture_free(f);
}

/* Its request may still be read, but it is nobody's, and not a local one's. */
static void test_reset_peer(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger reset = {.l_onoff = 1};
    struct http_peer peer;
    uid_t uid;
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&at, len), 0);
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client);
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    http_peer_read(fd, &peer);
    assert_int_equal(peer.kind, HTTP_TCP);
    assert_false(http_peer_uid(&peer, &uid));
    close(fd);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer_uid),
        cmocka_unit_test(test_listen_refusals),
        cmocka_unit_test(test_stale_socket),
        cmocka_unit_test(test_two_addresses),
        cmocka_unit_test(test_reset_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
