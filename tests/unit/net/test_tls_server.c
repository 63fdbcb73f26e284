/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a TLS listener, what it agrees to in a handshake, and what it learns of a client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "net/certificate.h"
#include "net/issue.h"
#include "net/tls_server.h"

struct bench {
    char dir[64];
    EVP_PKEY *key, *other_key;
    X509 *ca, *other_ca, *server, *client;
};

static char *path_of(const struct bench *b, const char *name)
{
    return alloc_printf("%s/%s", b->dir, name);
}

static FILE *create(const struct bench *b, const char *name, int mode)
{
    char *path = path_of(b, name);
    unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(chmod(path, (mode_t)mode), 0);
    free(path);
    return f;
}

static void put_certificate(const struct bench *b, const char *name, X509 *certificate)
{
    FILE *f = create(b, name, 0644);
    assert_int_equal(PEM_write_X509(f, certificate), 1);
    fclose(f);
}

static void put_key(const struct bench *b, const char *name, EVP_PKEY *key, const char *passphrase)
{
    FILE *f = create(b, name, 0600);
    const EVP_CIPHER *cipher = passphrase ? EVP_aes_128_cbc() : NULL;
    assert_int_equal(PEM_write_PrivateKey(f, key, cipher, (const unsigned char *)passphrase,
                                          passphrase ? (int)strlen(passphrase) : 0, NULL, NULL),
                     1);
    fclose(f);
}

static void put_text(const struct bench *b, const char *name, const char *text)
{
    FILE *f = create(b, name, 0600);
    fputs(text, f);
    fclose(f);
}

static X509 *leaf(const struct bench *b, const char *name, const char *const *hosts, size_t n,
                  const char *usage)
{
    const struct issue issue = {.issuer = b->ca,
                                .issuer_key = b->key,
                                .key = b->key,
                                .name = name,
                                .hosts = hosts,
                                .n_hosts = n,
                                .usage = usage,
                                .days = 2};
    X509 *made = issue_certificate(&issue);
    assert_non_null(made);
    return made;
}

static int set_up(void **state)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1"},
                             *const names[] = {"alice.example"};
    struct bench *b = alloc_zero(1, sizeof *b);
    strcpy(b->dir, "/tmp/sluice-tls-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    b->key = issue_key();
    b->other_key = issue_key();
    b->ca = issue_authority(b->key, "one", 2);
    b->other_ca = issue_authority(b->other_key, "two", 2);
    b->server = leaf(b, NULL, hosts, 2, "serverAuth");
    b->client = leaf(b, "al,ice", names, 1, "clientAuth");
    put_certificate(b, "server.pem", b->server);
    put_certificate(b, "ca.pem", b->ca);
    put_key(b, "server.key", b->key, NULL);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    char *command = alloc_printf("rm -r %s", b->dir);
    assert_int_equal(system(command), 0);
    free(command);
    X509_free(b->ca);
    X509_free(b->other_ca);
    X509_free(b->server);
    X509_free(b->client);
    EVP_PKEY_free(b->key);
    EVP_PKEY_free(b->other_key);
    free(b);
    return 0;
}

struct named {
    struct tls_files files;
    char *certificate, *key, *client_ca;
};

static struct named files_of(const struct bench *b, const char *certificate, const char *key,
                             const char *client_ca)
{
    struct named n = {.certificate = path_of(b, certificate),
                      .key = path_of(b, key),
                      .client_ca = client_ca ? path_of(b, client_ca) : NULL};
    n.files = (struct tls_files){n.certificate, n.key, n.client_ca, false};
    return n;
}

static void forget(struct named *n)
{
    free(n->certificate);
    free(n->key);
    free(n->client_ca);
}

static void refuses(const struct bench *b, const char *certificate, const char *key,
                    const char *client_ca, const char *wanted)
{
    struct error err = {.text = "it was taken"};
    struct named n = files_of(b, certificate, key, client_ca);
    struct tls_server *server = tls_server_new(&n.files, &err);
    if (server || !strstr(err.text, wanted))
        fail_msg("wanted \"%s\" in \"%s\"", wanted, err.text);
    forget(&n);
}

static void files_that_are_wrong_are_named(void **state)
{
    const struct bench *b = *state;
    put_text(b, "text", "no certificate\n");
    put_text(b, "half",
             "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    put_key(b, "other.key", b->other_key, NULL);
    put_key(b, "locked.key", b->key, "secret");
    put_key(b, "open.key", b->key, NULL);
    char *open_key = path_of(b, "open.key");
    chmod(open_key, 0644);
    free(open_key);
    refuses(b, "nothing", "server.key", NULL, "/nothing: No such file or directory");
    refuses(b, "text", "server.key", NULL, "/text has no certificate in PEM that OpenSSL takes");
    refuses(b, "half", "server.key", NULL, "/half has no certificate in PEM that OpenSSL takes");
    refuses(b, ".", "server.key", NULL, "/. is no file");
    refuses(b, "server.pem", "text", NULL, "/text has no private key in PEM without a passphrase");
    refuses(b, "server.pem", "locked.key", NULL,
            "/locked.key has no private key in PEM without a passphrase");
    refuses(b, "server.pem", "other.key", NULL, "/other.key is not the key of the certificate");
    refuses(b, "server.pem", "open.key", NULL, "everybody may read or change the key ");
    refuses(b, "server.pem", "server.key", "text", "/text has no certificate in PEM");
}

/* Whoever writes it has not come to its end yet: the authorities behind would be left out. */
static void authorities_that_are_half_written_are_refused(void **state)
{
    const struct bench *b = *state;
    struct buf whole = {0};
    char *path = path_of(b, "ca.pem"), *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (getline(&line, &room, file) > 0)
        buf_puts(&whole, line);
    fclose(file);
    free(line);
    free(path);
    size_t len = whole.len;
    buf_reserve(&whole, len + 1);
    buf_add(&whole, whole.data, len);
    for (size_t kept = len + 40; kept < 2 * len - 20; kept += len / 4) {
        whole.data[kept] = '\0';
        put_text(b, "written.pem", whole.data);
        whole.data[kept] = whole.data[kept - len];
        refuses(b, "server.pem", "server.key", "written.pem",
                "/written.pem has a part that is no certificate in PEM");
    }
    buf_free(&whole);
}

/* ---- handshakes ---- */

struct shaken {
    SSL *client, *server;
    SSL_CTX *ctx;
    bool done;
};

/* Moves bytes between the two until both are content, or one is not. */
static bool shake(SSL *client, SSL *server)
{
    for (int turn = 0; turn < 10; turn++) {
        int a = SSL_do_handshake(client), b = SSL_do_handshake(server);
        if (a == 1 && b == 1)
            return true;
        if ((a != 1 && SSL_get_error(client, a) != SSL_ERROR_WANT_READ) ||
            (b != 1 && SSL_get_error(server, b) != SSL_ERROR_WANT_READ))
            return false;
    }
    return false;
}

static struct shaken meet(const struct bench *b, struct tls_server *listener, X509 *certificate,
                          const char *alpn, int newest)
{
    struct shaken s = {.ctx = SSL_CTX_new(TLS_client_method())};
    unsigned epoch;
    SSL_CTX_set_max_proto_version(s.ctx, newest);
    SSL_CTX_set_security_level(s.ctx, 0);
    if (certificate) {
        SSL_CTX_use_certificate(s.ctx, certificate);
        SSL_CTX_use_PrivateKey(s.ctx, b->key);
    }
    s.client = SSL_new(s.ctx);
    SSL_set_alpn_protos(s.client, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    SSL_set_connect_state(s.client);
    s.server = tls_server_ssl(listener, &epoch);
    BIO *one, *two;
    assert_int_equal(BIO_new_bio_pair(&one, 0, &two, 0), 1);
    SSL_set_bio(s.client, one, one);
    SSL_set_bio(s.server, two, two);
    s.done = shake(s.client, s.server);
    return s;
}

static void part(struct shaken *s)
{
    SSL_free(s->client);
    SSL_free(s->server);
    SSL_CTX_free(s->ctx);
}

static struct tls_server *listener_of(const struct bench *b, const char *client_ca, bool require)
{
    struct error err;
    struct named n = files_of(b, "server.pem", "server.key", client_ca);
    n.files.require_client_certificate = require;
    struct tls_server *listener = tls_server_new(&n.files, &err);
    if (!listener)
        fail_msg("%s", err.text);
    forget(&n);
    return listener;
}

static void alpn_chooses_h2_then_http_1_1_or_nothing(void **state)
{
    static const struct {
        const char *offered, *chosen;
    } cases[] = {{"\x02h2\x08http/1.1", "h2"},
                 {"\x08http/1.1\x02h2", "h2"},
                 {"\x08http/1.1", "http/1.1"},
                 {"", ""},
                 {"\x06spdy/3", NULL}};
    struct tls_server *listener = listener_of(*state, NULL, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const unsigned char *chosen = NULL;
        unsigned n = 0;
        struct shaken s = meet(*state, listener, NULL, cases[i].offered, 0);
        assert_int_equal(s.done, cases[i].chosen != NULL);
        SSL_get0_alpn_selected(s.server, &chosen, &n);
        if (s.done) {
            assert_int_equal(n, strlen(cases[i].chosen));
            assert_memory_equal(chosen ? (const char *)chosen : "", cases[i].chosen, n);
        }
        part(&s);
    }
    tls_server_free(listener);
}

static void older_versions_are_refused(void **state)
{
    static const struct {
        int version;
        bool taken;
    } cases[] = {{TLS1_VERSION, false},
                 {TLS1_1_VERSION, false},
                 {TLS1_2_VERSION, true},
                 {TLS1_3_VERSION, true}};
    struct tls_server *listener = listener_of(*state, NULL, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shaken s = meet(*state, listener, NULL, "", cases[i].version);
        assert_int_equal(s.done, cases[i].taken);
        part(&s);
    }
    tls_server_free(listener);
}

static void sessions_are_not_resumed(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct tls_server *listener = listener_of(*state, "ca.pem", false);
    for (size_t i = 0; i < 2; i++) {
        char byte;
        const struct bench *b = *state;
        struct shaken s = meet(b, listener, b->client, "", versions[i]);
        assert_true(s.done);
        SSL_read(s.client, &byte, 1);               /* where tickets come */
        assert_false(SSL_SESSION_is_resumable(SSL_get0_session(s.client)) &&
                     SSL_SESSION_has_ticket(SSL_get0_session(s.client)));
        part(&s);
    }
    tls_server_free(listener);
}

static void a_clients_certificate_tells_its_subject_and_names(void **state)
{
    const struct bench *b = *state;
    struct tls_server *listener = listener_of(b, "ca.pem", true);
    struct shaken s = meet(b, listener, b->client, "", 0);
    assert_true(s.done);
    struct net_certificate *c = net_certificate_of(s.server);
    assert_non_null(c);
    assert_string_equal(c->subject, "CN=al\\,ice");
    assert_int_equal(c->n_dns, 1);
    assert_string_equal(c->dns[0], "alice.example");
    assert_true(c->expires_s > 0);
    net_certificate_unref(c);
    part(&s);
    tls_server_free(listener);
}

/* With TLS 1.3 the client's side is over before the server has looked. */
static void other_certificates_are_refused(void **state)
{
    struct bench *b = *state;
    struct tls_server *asks = listener_of(b, "ca.pem", false),
                      *requires = listener_of(b, "ca.pem", true),
                      *never = listener_of(b, NULL, false);
    X509 *const strangers[] = {b->other_ca, b->server};
    for (size_t i = 0; i < 2; i++) {
        struct shaken s = meet(b, asks, strangers[i], "", 0);
        assert_false(s.done && SSL_get0_peer_certificate(s.server));
        part(&s);
    }
    struct shaken none = meet(b, asks, NULL, "", 0), missing = meet(b, requires, NULL, "", 0),
                  unasked = meet(b, never, b->client, "", 0);
    assert_true(none.done);
    assert_null(net_certificate_of(none.server));
    assert_false(missing.done);
    assert_true(unasked.done);
    assert_null(net_certificate_of(unasked.server));
    part(&none);
    part(&missing);
    part(&unasked);
    tls_server_free(asks);
    tls_server_free(requires);
    tls_server_free(never);
}

/* ---- reading again ---- */

static void files_that_became_wrong_change_nothing(void **state)
{
    const struct bench *b = *state;
    struct tls_server *listener = listener_of(b, "ca.pem", true);
    struct named bad = files_of(b, "server.pem", "server.key", "nothing");
    struct error err;
    assert_int_equal(tls_server_load(listener, &bad.files, &err), -1);
    assert_non_null(strstr(err.text, "/nothing: No such file"));
    assert_true(tls_server_trusts(listener, 0));
    struct shaken s = meet(b, listener, b->client, "", 0);
    assert_true(s.done);
    part(&s);
    forget(&bad);
    tls_server_free(listener);
}

static void only_other_authorities_begin_an_epoch(void **state)
{
    const struct bench *b = *state;
    struct tls_server *listener = listener_of(b, "ca.pem", true);
    struct named n = files_of(b, "server.pem", "server.key", "ca.pem");
    struct error err;
    assert_int_equal(tls_server_load(listener, &n.files, &err), 0);
    assert_true(tls_server_trusts(listener, 0));
    put_certificate(b, "ca.pem", b->other_ca);
    assert_int_equal(tls_server_load(listener, &n.files, &err), 0);
    assert_false(tls_server_trusts(listener, 0));
    struct shaken s = meet(b, listener, b->client, "", 0);
    assert_null(SSL_get0_peer_certificate(s.server));
    part(&s);
    put_certificate(b, "ca.pem", b->ca);
    forget(&n);
    tls_server_free(listener);
}

static void subjects_are_read_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text, *same;
    } cases[] = {{"CN=alice,O=team", "CN=alice,O=team"},
                 {" cn = alice , o = big  team ", "CN=alice,O=big  team"},
                 {"CN=a\\,b, O=c", "CN=a\\,b,O=c"},
                 {"CN=a\\ ,O=c", "CN=a\\ ,O=c"},
                 {"CN=a + UID=b", "CN=a+UID=b"},
                 {"CN=a=b", "CN=a=b"},
                 {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *subject = net_certificate_subject(cases[i].text);
        assert_string_equal(subject, cases[i].same);
        free(subject);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_wrong_are_named),
        cmocka_unit_test(authorities_that_are_half_written_are_refused),
        cmocka_unit_test(alpn_chooses_h2_then_http_1_1_or_nothing),
        cmocka_unit_test(older_versions_are_refused),
        cmocka_unit_test(sessions_are_not_resumed),
        cmocka_unit_test(a_clients_certificate_tells_its_subject_and_names),
        cmocka_unit_test(other_certificates_are_refused),
        cmocka_unit_test(files_that_became_wrong_change_nothing),
        cmocka_unit_test(only_other_authorities_begin_an_epoch),
        cmocka_unit_test(subjects_are_read_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
