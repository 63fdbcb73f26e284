/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_server.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/digest.h"

enum { FILE_BYTES_MAX = 1024 * 1024, VERIFY_DEPTH = 8 };

struct tls_server {
    pthread_mutex_t lock;
    SSL_CTX *ctx;
    char authorities[DIGEST_HEX_SIZE];              /* the digest of the file that ctx trusts */
    unsigned epoch;
};

/* ---- files ---- */

static int read_open(int fd, const char *path, struct buf *out, struct error *err)
{
    ssize_t n;
    do {
        buf_reserve(out, 65536);
        n = read(fd, out->data + out->len, 65536);
        out->len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && out->len <= FILE_BYTES_MAX);
    if (n < 0)
        return error_errno(err, ERROR_INVALID, "cannot read %s", path);
    if (out->len > FILE_BYTES_MAX)
        return error_set(err, ERROR_INVALID, "%s has more than 1 MiB: is it a PEM file?", path);
    return 0;
}

/* secret: nobody but the owner, and a group that the operator chose, may read it. */
static int read_pem(const char *path, bool secret, struct buf *out, struct error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_errno(err, ERROR_INVALID, "cannot read %s", path);
    int rc = fstat(fd, &st);
    if (rc != 0)
        error_errno(err, ERROR_INVALID, "cannot read %s", path);
    else if (!S_ISREG(st.st_mode))
        rc = error_set(err, ERROR_INVALID, "%s is no file", path);
    else if (secret && (st.st_mode & 07))
        rc = error_set(err, ERROR_INVALID,
                       "everybody may read or change the key %s: chmod 600 it, and replace it if "
                       "others have read it", path);
    else
        rc = read_open(fd, path, out, err);
    close(fd);
    return rc;
}

/* ---- what OpenSSL makes of them ---- */

static int refuse(struct error *err, const char *path, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return error_set(err, ERROR_INVALID, "%s %s%s%s", path, what, why ? ": " : "", why ? why : "");
}

/* A key with a passphrase is refused: nobody is there to type it. */
static int no_passphrase(char *out, int size, int writing, void *ctx)
{
    (void)out, (void)size, (void)writing, (void)ctx;
    return -1;
}

/* What was read last is behind the last certificate of the file, and no part of another one. */
static bool is_at_end(void)
{
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* The server's certificate, then those between it and its authority. */
static int use_chain(SSL_CTX *ctx, const char *path, const struct buf *pem, struct error *err)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    X509 *own = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL) : NULL, *more;
    int used = own ? SSL_CTX_use_certificate(ctx, own) : 0;
    while (used == 1 && (more = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)))
        if (SSL_CTX_add0_chain_cert(ctx, more) != 1) {
            X509_free(more);
            used = 0;
        }
    bool whole = is_at_end();
    X509_free(own);
    BIO_free(bio);
    if (used != 1 || !whole)
        return refuse(err, path, "has no certificate in PEM that OpenSSL takes");
    ERR_clear_error();
    return 0;
}

static int use_key(SSL_CTX *ctx, const struct tls_files *files, const struct buf *pem,
                   struct error *err)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    bool used = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    int rc = 0;
    if (!key)
        rc = refuse(err, files->key, "has no private key in PEM without a passphrase");
    else if (!used || SSL_CTX_check_private_key(ctx) != 1)
        rc = refuse(err, files->key, "is not the key of the certificate");
    EVP_PKEY_free(key);
    BIO_free(bio);
    return rc;
}

/* Each certificate of the file is an authority. */
static int use_authorities(SSL_CTX *ctx, const struct tls_files *files, const struct buf *pem,
                           struct error *err)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    X509 *ca;
    int n = 0;
    while (bio && (ca = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
        n += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) == 1 &&
             SSL_CTX_add_client_CA(ctx, ca) == 1;
        X509_free(ca);
    }
    bool whole = is_at_end();
    BIO_free(bio);
    if (!n)
        return refuse(err, files->client_ca, "has no certificate in PEM");
    if (!whole)
        return refuse(err, files->client_ca,
                      "has a part that is no certificate in PEM: is it written whole?");
    ERR_clear_error();
    SSL_CTX_set_verify(ctx,
                       SSL_VERIFY_PEER | (files->require_client_certificate
                                              ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                              : 0),
                       NULL);
    SSL_CTX_set_verify_depth(ctx, VERIFY_DEPTH);
    return 0;
}

/* A client that offers neither gets an alert (RFC 7301, 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned n, void *ctx)
{
    static const unsigned char spoken[] = "\x02h2\x08http/1.1";
    (void)ssl, (void)ctx;
    return SSL_select_next_proto((unsigned char **)out, out_len, spoken, sizeof spoken - 1, offered,
                                 n) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *context(struct error *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
        SSL_CTX_free(ctx);
        error_set(err, ERROR_INTERNAL, "OpenSSL cannot be a TLS server");
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    return ctx;
}

static SSL_CTX *load(const struct tls_files *files, struct buf *client_ca, struct error *err)
{
    struct buf chain = {0}, key = {0};
    SSL_CTX *ctx = context(err);
    ERR_clear_error();
    if (ctx && (read_pem(files->certificate, false, &chain, err) != 0 ||
                read_pem(files->key, true, &key, err) != 0 ||
                use_chain(ctx, files->certificate, &chain, err) != 0 ||
                use_key(ctx, files, &key, err) != 0 ||
                (files->client_ca && (read_pem(files->client_ca, false, client_ca, err) != 0 ||
                                      use_authorities(ctx, files, client_ca, err) != 0)))) {
        SSL_CTX_free(ctx);
        ctx = NULL;
    }
    buf_free(&chain);
    buf_wipe(&key);
    return ctx;
}

/* ---- the server ---- */

int tls_server_load(struct tls_server *server, const struct tls_files *files, struct error *err)
{
    struct buf client_ca = {0};
    char authorities[DIGEST_HEX_SIZE];
    SSL_CTX *old = NULL, *ctx = load(files, &client_ca, err);
    if (ctx) {
        pthread_mutex_lock(&server->lock);
        old = server->ctx;
        server->ctx = ctx;
        digest_of(buf_str(&client_ca), client_ca.len, authorities);
        server->epoch += old && strcmp(authorities, server->authorities) != 0;
        memcpy(server->authorities, authorities, sizeof authorities);
        pthread_mutex_unlock(&server->lock);
    }
    SSL_CTX_free(old);                              /* connections keep what they use of it */
    buf_free(&client_ca);
    return ctx ? 0 : -1;
}

struct tls_server *tls_server_new(const struct tls_files *files, struct error *err)
{
    struct tls_server *server = alloc_zero(1, sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    if (tls_server_load(server, files, err) == 0)
        return server;
    tls_server_free(server);
    return NULL;
}

void tls_server_free(struct tls_server *server)
{
    if (!server)
        return;
    SSL_CTX_free(server->ctx);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

SSL *tls_server_ssl(struct tls_server *server, unsigned *epoch)
{
    pthread_mutex_lock(&server->lock);
    SSL *ssl = SSL_new(server->ctx);
    *epoch = server->epoch;
    pthread_mutex_unlock(&server->lock);
    if (ssl)
        SSL_set_accept_state(ssl);
    return ssl;
}

bool tls_server_trusts(struct tls_server *server, unsigned epoch)
{
    pthread_mutex_lock(&server->lock);
    bool same = server->epoch == epoch;
    pthread_mutex_unlock(&server->lock);
    return same;
}
