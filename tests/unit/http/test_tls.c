/* SPDX-License-Identifier: Apache-2.0 */
/* A listener by TLS: requests, clients that never finish their handshake, and certificates whose
 * authority is not trusted any more. */
#include "support/http.h"

#include <openssl/pem.h>
#include <sys/stat.h>

#include "net/certificate.h"
#include "net/issue.h"
#include "net/tls.h"
#include "net/tls_server.h"

enum { HANDSHAKES = 4 };                            /* of LIMITS; half of them for one source */

static void whoami(struct http_request *req, void *ctx)
{
    const struct net_certificate *c = req->peer->certificate;
    char text[128];
    (void)ctx;
    snprintf(text, sizeof text, "%s %s", req->peer->encrypted ? "encrypted" : "plain",
             c ? c->subject : "nobody");
    http_respond(req, 200, "text/plain", text, strlen(text));
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/whoami", .handler = whoami},
};
static const struct http_router router = {routes, sizeof routes / sizeof *routes, NULL};

struct scene {
    struct fixture *f;
    EVP_PKEY *key;
    X509 *ca, *server, *client;
    char files[3][96];
    struct tls_server *tls;
};

static void put(const char *path, X509 *certificate, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(certificate ? PEM_write_X509(file, certificate)
                                 : PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL),
                     1);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

static X509 *issue(const struct scene *s, const char *name, const char *usage)
{
    return issue_certificate(&(struct issue){.issuer = s->ca,
                                             .issuer_key = s->key,
                                             .key = s->key,
                                             .name = name,
                                             .usage = usage,
                                             .days = 2});
}

static struct tls_files files_of(const struct scene *s)
{
    return (struct tls_files){s->files[0], s->files[1], s->files[2], false};
}

static struct scene scene_new(const struct http_limits *limits)
{
    struct scene s = {.f = fixture_new(), .key = issue_key()};
    struct error err;
    for (int i = 0; i < 3; i++)
        snprintf(s.files[i], sizeof s.files[i], "%s/%d", s.f->dir, i);
    s.ca = issue_authority(s.key, "ca", 2);
    s.server = issue(&s, "server", "serverAuth");
    s.client = issue(&s, "alice", "clientAuth");
    put(s.files[0], s.server, NULL);
    put(s.files[1], NULL, s.key);
    put(s.files[2], s.ca, NULL);
    const struct tls_files files = files_of(&s);
    s.tls = tls_server_new(&files, &err);
    s.f->server = http_server_new(&s.f->loop, limits, &router, s.f, &s.f->log);
    if (!s.tls || http_server_listen_tls(s.f->server, "tcp:127.0.0.1:0", 0, s.tls, &err) != 0)
        fail_msg("%s", err.text);
    http_server_address(s.f->server, 0, s.f->address);
    return s;
}

static void scene_free(struct scene *s)
{
    for (int i = 0; i < 3; i++)
        unlink(s->files[i]);
    fixture_free(s->f);
    tls_server_free(s->tls);
    X509_free(s->ca);
    X509_free(s->server);
    X509_free(s->client);
    EVP_PKEY_free(s->key);
}

/* A client with a certificate or none. */
static struct raw *secured(const struct scene *s, X509 *certificate)
{
    struct raw *raw = raw_new(s->f);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (certificate) {
        SSL_CTX_use_certificate(ctx, certificate);
        SSL_CTX_use_PrivateKey(ctx, s->key);
    }
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    SSL_set_connect_state(ssl);
    raw->connected = false;
    raw->socket = net_tls_new(raw->socket, ssl, NULL, 0, &raw_calls, raw);
    net_read(raw->socket);
    RUN_UNTIL(s->f, raw->connected);
    return raw;
}

static void ask(struct raw *raw, const char *wanted)
{
    buf_clear(&raw->got);
    raw_puts(raw, HEAD("GET /whoami") "\r\n");
    RUN_UNTIL(raw->f, raw_has(raw, wanted));
}

static void a_client_is_known_by_its_certificate(void **state)
{
    (void)state;
    struct scene s = scene_new(SMALL);
    struct raw *alice = secured(&s, s.client), *nobody = secured(&s, NULL);
    ask(alice, "encrypted CN=alice");
    ask(nobody, "encrypted nobody");
    ask(alice, "encrypted CN=alice");
    raw_free(alice);
    raw_free(nobody);
    scene_free(&s);
}

static void a_certificate_ends_with_the_trust_in_its_authority(void **state)
{
    (void)state;
    struct scene s = scene_new(SMALL);
    struct raw *alice = secured(&s, s.client);
    const struct tls_files files = files_of(&s);
    EVP_PKEY *other_key = issue_key();
    X509 *other = issue_authority(other_key, "other", 2);
    ask(alice, "CN=alice");
    assert_int_equal(tls_server_load(s.tls, &files, NULL), 0);
    ask(alice, "CN=alice");                         /* the same files */
    put(s.files[2], other, NULL);
    assert_int_equal(tls_server_load(s.tls, &files, NULL), 0);
    ask(alice, "encrypted nobody");
    RUN_UNTIL(s.f, alice->eof);
    raw_free(alice);
    X509_free(other);
    EVP_PKEY_free(other_key);
    scene_free(&s);
}

static void what_is_no_tls_is_closed(void **state)
{
    (void)state;
    struct scene s = scene_new(SMALL);
    struct raw *raw = raw_new(s.f);
    raw_puts(raw, HEAD("GET /whoami") "\r\n");
    RUN_UNTIL(s.f, raw->eof);
    assert_false(raw_has(raw, "HTTP/1.1"));
    raw_free(raw);
    scene_free(&s);
}

static void handshakes_have_the_time_of_a_head(void **state)
{
    (void)state;
    struct scene s = scene_new(LIMITS(50, 5000, 5000, 5000, 16));
    static const char half[] = "\x16\x03\x01\x02\x00\x01";
    struct raw *silent = raw_new(s.f), *slow = raw_new(s.f);
    raw_send(slow, half, sizeof half - 1);
    RUN_UNTIL(s.f, silent->eof && slow->eof);
    raw_free(silent);
    raw_free(slow);
    scene_free(&s);
}

static void the_oldest_unfinished_handshake_gives_way(void **state)
{
    (void)state;
    struct scene s = scene_new(LIMITS(60000, 5000, 60000, 5000, 64));
    struct raw *done = secured(&s, NULL), *half[HANDSHAKES / 2 + 1];
    for (int i = 0; i < HANDSHAKES / 2 + 1; i++)
        half[i] = raw_new(s.f);
    RUN_UNTIL(s.f, half[0]->eof);
    ask(done, "encrypted");
    for (int i = 1; i < HANDSHAKES / 2 + 1; i++)
        assert_false(half[i]->eof);
    for (int i = 0; i < HANDSHAKES / 2 + 1; i++)
        raw_free(half[i]);
    raw_free(done);
    scene_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_known_by_its_certificate),
        cmocka_unit_test(a_certificate_ends_with_the_trust_in_its_authority),
        cmocka_unit_test(what_is_no_tls_is_closed),
        cmocka_unit_test(handshakes_have_the_time_of_a_head),
        cmocka_unit_test(the_oldest_unfinished_handshake_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
