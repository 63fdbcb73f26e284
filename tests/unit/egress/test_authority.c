/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of inspected TLS against each other: the authority's servers, and clients that
 * trust it or do not. */
#include "base/alloc.h"
#include "egress/inspect/authority.h"
#include "egress/inspect/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

struct pair {
    struct egress_authority *authority;
    struct egress_trust *trust;
    char file[32];
};

static struct pair pair_new(void)
{
    struct error err;
    struct pair p = {.authority = egress_authority_new(&err), .file = "/tmp/authority-XXXXXX"};
    assert_non_null(p.authority);
    const char *pem = egress_authority_pem(p.authority);
    int fd = mkstemp(p.file);
    assert_int_equal(write(fd, pem, strlen(pem)), strlen(pem));
    close(fd);
    p.trust = egress_trust_new(p.file, &err);
    assert_non_null(p.trust);
    return p;
}

static void pair_free(struct pair *p)
{
    egress_trust_free(p->trust);
    egress_authority_free(p->authority);
    unlink(p->file);
}

/* A handshake and a byte back, so that session tickets are read.  The client's verdict. */
static long shake(SSL *client, SSL *server)
{
    BIO *a, *b;
    char byte;
    assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(client, a, a);
    SSL_set_bio(server, b, b);
    for (int i = 0; i < 20; i++) {
        SSL_do_handshake(client);
        if (SSL_do_handshake(server) == 1)
            SSL_write(server, "x", 1);
        SSL_read(client, &byte, 1);
    }
    return SSL_get_verify_result(client);
}

static long connect_as(struct pair *p, const char *wanted, const char *served, bool *resumed)
{
    struct error err;
    SSL *client = egress_trust_client(p->trust, wanted, 443, EGRESS_HTTP_1_1, &err);
    SSL *server = egress_authority_server(p->authority, served, &err);
    assert_non_null(client);
    assert_non_null(server);
    long verdict = shake(client, server);
    if (verdict == X509_V_OK)
        assert_true(SSL_is_init_finished(client) && SSL_is_init_finished(server));
    if (resumed)
        *resumed = SSL_session_reused(client);
    SSL_shutdown(client);
    SSL_free(client);
    SSL_free(server);
    return verdict;
}

static void names_and_addresses_are_verified_as_what_they_are(void **state)
{
    (void)state;
    struct pair p = pair_new();
    assert_int_equal(connect_as(&p, "api.example.com", "api.example.com", NULL), X509_V_OK);
    assert_int_equal(connect_as(&p, "10.77.0.2", "10.77.0.2", NULL), X509_V_OK);
    assert_int_equal(connect_as(&p, "2001:db8::1", "2001:db8::1", NULL), X509_V_OK);
    assert_int_equal(connect_as(&p, "other.example.com", "example.com", NULL),
                     X509_V_ERR_HOSTNAME_MISMATCH);
    assert_int_equal(connect_as(&p, "10.77.0.3", "10.77.0.2", NULL),
                     X509_V_ERR_IP_ADDRESS_MISMATCH);
    pair_free(&p);
}

static void offer_sha_384_first(SSL *client)
{
    assert_int_equal(SSL_set_ciphersuites(client, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"),
                     1);
}

static void sha_256_is_preferred_on_both_sides(void **state)
{
    (void)state;
    struct error err;
    struct pair p = pair_new();
    SSL *client = egress_trust_client(p.trust, "a.test", 443, EGRESS_HTTP_1_1, &err);
    SSL *server = egress_authority_server(p.authority, "a.test", &err);
    assert_string_equal(SSL_get_cipher_list(client, 0), "TLS_AES_128_GCM_SHA256");
    assert_string_equal(SSL_get_cipher_list(client, 1), "TLS_AES_256_GCM_SHA384");
    offer_sha_384_first(client);
    assert_int_equal(shake(client, server), X509_V_OK);
    assert_string_equal(SSL_get_cipher(server), "TLS_AES_128_GCM_SHA256");
    SSL_free(client);
    SSL_free(server);
    pair_free(&p);
}

static void another_authority_is_not_trusted(void **state)
{
    (void)state;
    struct error err;
    struct pair p = pair_new();
    egress_authority_free(p.authority);
    p.authority = egress_authority_new(&err);
    assert_int_not_equal(connect_as(&p, "a.test", "a.test", NULL), X509_V_OK);
    pair_free(&p);
}

static void a_session_is_resumed_at_its_own_place_alone(void **state)
{
    (void)state;
    bool resumed;
    struct pair p = pair_new();
    connect_as(&p, "a.test", "a.test", &resumed);
    assert_false(resumed);
    connect_as(&p, "a.test", "a.test", &resumed);
    assert_true(resumed);
    connect_as(&p, "b.test", "b.test", &resumed);
    assert_false(resumed);
    pair_free(&p);
}

enum { MANY = EGRESS_SESSIONS_OF_PLACE + 4 };

/* As many connections at once, each with a session to go on with or not. */
static size_t connect_at_once(struct pair *p, size_t n)
{
    struct error err;
    SSL *clients[MANY], *servers[MANY];
    size_t resumed = 0;
    for (size_t i = 0; i < n; i++) {
        clients[i] = egress_trust_client(p->trust, "a.test", 443, EGRESS_HTTP_1_1, &err);
        servers[i] = egress_authority_server(p->authority, "a.test", &err);
    }
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(shake(clients[i], servers[i]), X509_V_OK);
        resumed += (size_t)SSL_session_reused(clients[i]);
        SSL_shutdown(clients[i]);
    }
    for (size_t i = 0; i < n; i++) {
        SSL_free(clients[i]);
        SSL_free(servers[i]);
    }
    return resumed;
}

static void a_session_is_offered_once_and_a_place_has_several(void **state)
{
    (void)state;
    struct pair p = pair_new();
    assert_int_equal(connect_at_once(&p, 1), 0);
    assert_int_equal(connect_at_once(&p, 2), 1);
    assert_int_equal(connect_at_once(&p, 2), 2);
    connect_at_once(&p, MANY);
    assert_int_equal(connect_at_once(&p, MANY), EGRESS_SESSIONS_OF_PLACE);
    pair_free(&p);
}

static X509 *leaf_of(struct pair *p, const char *host)
{
    struct error err;
    SSL *server = egress_authority_server(p->authority, host, &err);
    X509 *leaf = SSL_get_certificate(server);
    X509_up_ref(leaf);
    SSL_free(server);
    return leaf;
}

static void a_leaf_is_what_verifiers_insist_on(void **state)
{
    (void)state;
    int days, seconds;
    struct pair p = pair_new();
    X509 *leaf = leaf_of(&p, "a.test");
    assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
    assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_check_ca(leaf), 0);
    assert_int_equal(X509_check_host(leaf, "a.test", 0, 0, NULL), 1);
    assert_int_equal(X509_get_version(leaf), X509_VERSION_3);
    ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(leaf), X509_get0_notAfter(leaf));
    assert_int_equal(days, EGRESS_LEAF_DAYS);
    assert_int_equal(seconds, 0);
    X509_free(leaf);
    pair_free(&p);
}

static void leaves_are_kept_and_the_one_unused_for_longest_goes(void **state)
{
    (void)state;
    char host[32];
    struct pair p = pair_new();
    X509 *first = leaf_of(&p, "first.test"), *second = leaf_of(&p, "second.test");
    X509 *again = leaf_of(&p, "first.test");
    assert_ptr_equal(first, again);
    for (int i = 0; i < EGRESS_LEAVES_MAX - 1; i++) {
        snprintf(host, sizeof host, "h%d.test", i);
        X509_free(leaf_of(&p, host));
    }
    X509 *kept = leaf_of(&p, "first.test"), *made = leaf_of(&p, "second.test");
    assert_ptr_equal(first, kept);
    assert_ptr_not_equal(second, made);
    X509_free(first);
    X509_free(second);
    X509_free(again);
    X509_free(kept);
    X509_free(made);
    pair_free(&p);
}

static void two_authorities_share_no_key_and_no_serial(void **state)
{
    (void)state;
    struct pair p = pair_new(), q = pair_new();
    X509 *a = leaf_of(&p, "a.test"), *b = leaf_of(&q, "a.test"), *c = leaf_of(&p, "c.test");
    assert_int_not_equal(EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)), 1);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(c)), 1);
    assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(a), X509_get0_serialNumber(c)), 0);
    X509_free(a);
    X509_free(b);
    X509_free(c);
    pair_free(&p);
    pair_free(&q);
}

static void a_client_that_speaks_no_http_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *offered, *chosen;
    } cases[] = {{"\x03xyz", ""},
                 {"\x02h2", "h2"},
                 {"\x08http/1.1", "http/1.1"},
                 {"\x08http/1.1\x02h2", "h2"},
                 {"\x03xyz\x08http/1.1", "http/1.1"}};
    const unsigned char *chosen;
    unsigned len;
    struct error err;
    struct pair p = pair_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *offered = cases[i].offered;
        SSL *client = egress_trust_client(p.trust, "a.test", 443, EGRESS_HTTP_1_1, &err);
        SSL *server = egress_authority_server(p.authority, "a.test", &err);
        SSL_set_alpn_protos(client, (const unsigned char *)offered, (unsigned)strlen(offered));
        shake(client, server);
        assert_int_equal(SSL_is_init_finished(client), i > 0);
        SSL_get0_alpn_selected(client, &chosen, &len);
        assert_int_equal(len, strlen(cases[i].chosen));
        assert_memory_equal(chosen ? (const char *)chosen : "", cases[i].chosen, len);
        SSL_free(client);
        SSL_free(server);
    }
    pair_free(&p);
}

static void a_file_of_extra_authorities_has_to_have_some(void **state)
{
    (void)state;
    struct error err;
    assert_null(egress_trust_new("/does/not/exist", &err));
    assert_non_null(strstr(err.text, "egress.extra_ca: /does/not/exist cannot be read"));
    assert_null(egress_trust_new("/etc/passwd", &err));
    assert_string_equal(err.text, "egress.extra_ca: /etc/passwd has no certificate in PEM");
}

static void the_bundle_has_the_extra_authorities(void **state)
{
    (void)state;
    struct pair p = pair_new();
    const struct buf *pem = egress_trust_pem(p.trust);
    assert_non_null(strstr(pem->data, egress_authority_pem(p.authority)));
    assert_int_equal(pem->data[pem->len - 1], '\n');
    pair_free(&p);
}

/* Roots are looked up by subject: all that share one are tried, and what is no certificate is
 * passed over. */
static void roots_that_share_a_subject_are_all_trusted(void **state)
{
    (void)state;
    struct error err;
    struct pair p = pair_new(), q = pair_new();
    size_t n;
    FILE *file = fopen(p.file, "w");
    fprintf(file, "-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n%sremark\n%s%s",
            egress_authority_pem(q.authority), egress_authority_pem(p.authority),
            egress_authority_pem(p.authority));
    fclose(file);
    egress_trust_free(p.trust);
    egress_trust_free(q.trust);
    p.trust = egress_trust_new(p.file, &err);
    q.trust = egress_trust_new(p.file, &err);
    assert_int_equal(connect_as(&p, "a.test", "a.test", NULL), X509_V_OK);
    assert_int_equal(connect_as(&q, "a.test", "a.test", NULL), X509_V_OK);
    assert_int_equal(egress_trust_extra(p.trust, &n)[0], egress_authority_hash(q.authority));
    assert_int_equal(n, 3);
    pair_free(&p);
    pair_free(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_addresses_are_verified_as_what_they_are),
        cmocka_unit_test(sha_256_is_preferred_on_both_sides),
        cmocka_unit_test(another_authority_is_not_trusted),
        cmocka_unit_test(a_session_is_resumed_at_its_own_place_alone),
        cmocka_unit_test(a_session_is_offered_once_and_a_place_has_several),
        cmocka_unit_test(a_leaf_is_what_verifiers_insist_on),
        cmocka_unit_test(leaves_are_kept_and_the_one_unused_for_longest_goes),
        cmocka_unit_test(two_authorities_share_no_key_and_no_serial),
        cmocka_unit_test(a_client_that_speaks_no_http_is_refused),
        cmocka_unit_test(a_file_of_extra_authorities_has_to_have_some),
        cmocka_unit_test(the_bundle_has_the_extra_authorities),
        cmocka_unit_test(roots_that_share_a_subject_are_all_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
