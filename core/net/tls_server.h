/* SPDX-License-Identifier: Apache-2.0 */
/* What a TLS listener shows and asks for: its certificate and key, and the authorities of clients.
 *
 * TLS 1.2 or later; ALPN chooses h2 or http/1.1.  Sessions are not resumed, so a client's
 * certificate is verified at each handshake.
 *
 * Ownership: the maker frees it, after all listeners that use it.  Any thread. */
#ifndef NET_TLS_SERVER_H
#define NET_TLS_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/error.h"

/* PEM files.  client_ca NULL: clients are not asked for a certificate. */
struct tls_files {
    const char *certificate, *key, *client_ca;
    bool require_client_certificate;
};

struct tls_server;

/* NULL: err says which file is wrong, and why. */
struct tls_server *tls_server_new(const struct tls_files *files, struct error *err);
/* Reads the files again, for connections that begin from now on.  -1: what was read before
 * stays. */
int tls_server_load(struct tls_server *server, const struct tls_files *files, struct error *err);
void tls_server_free(struct tls_server *server);

/* For a new connection, in accept state.  NULL: OpenSSL refused.  epoch: of the authorities. */
SSL *tls_server_ssl(struct tls_server *server, unsigned *epoch);
/* Whether certificates verified in that epoch are still those of an authority of the listener. */
bool tls_server_trusts(struct tls_server *server, unsigned epoch);

#endif
