/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connection/wire.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/connection/endpoint.h"
#include "cli/connection/trust.h"
#include "cli/gateway/login.h"

enum { CONNECT_MS = 10000 };

int wire_failed(const struct cli *cli, const char *why)
{
    complain("cannot reach the gateway at %s: %s\nis sluiced running? --gateway or SLUICE_GATEWAY "
             "names another one",
             cli->gateway, why);
    return EXIT_UNREACHABLE;
}

/* Who may not connect is known to have found something. */
static int not_permitted(const struct cli *cli)
{
    complain("cannot reach the gateway at %s: %s\nyou may not connect there: an admin can add "
             "you to the group of the socket (log in again then), or give you a token and an "
             "address for --gateway; sluiced starts a gateway of your own",
             cli->gateway, strerror(EACCES));
    return EXIT_UNREACHABLE;
}

/* The gateway runs, as it showed a certificate. */
static int not_trusted(const struct cli *cli, const char *why)
{
    complain("cannot reach the gateway at %s: %s\nthe authority that made it is given with --ca "
             "FILE, or for good with gateway add NAME ADDR --ca FILE; the address names what the "
             "certificate is for",
             cli->gateway, why);
    return EXIT_UNREACHABLE;
}

static void note_error(struct wire *wire, int number)
{
    snprintf(wire->why, sizeof wire->why, "%s", strerror(number));
}

/* ---- sockets ---- */

/* Until the descriptor is ready for the events.  false: not by then. */
static bool wait_for(int fd, short events, int64_t until)
{
    struct pollfd p = {fd, events, 0};
    int64_t left;
    while ((left = until - clock_boot_ms()) > 0)
        if (poll(&p, 1, (int)left) > 0)
            return true;
    errno = ETIMEDOUT;
    return false;
}

/* Connects wire->fd.  false: errno says why, and it is closed. */
static bool connect_socket(struct wire *wire, const struct sockaddr *address, socklen_t len,
                           int64_t until)
{
    int error = 0;
    socklen_t size = sizeof error;
    wire->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (wire->fd < 0)
        return false;
    if (connect(wire->fd, address, len) == 0)
        return true;
    if (errno != EINPROGRESS || !wait_for(wire->fd, POLLOUT, until))
        error = errno;
    else if (getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (!error)
        return true;
    close(wire->fd);
    wire->fd = -1;
    errno = error;
    return false;
}

static int open_path(const struct cli *cli, struct wire *wire, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return wire_failed(cli, "the path of a Unix socket has at most 107 bytes");
    memcpy(address.sun_path, path, strlen(path));
    if (!connect_socket(wire, (struct sockaddr *)&address, sizeof address,
                        clock_boot_ms() + CONNECT_MS))
        return errno == EACCES ? not_permitted(cli) : wire_failed(cli, strerror(errno));
    return trust_socket(cli, wire->fd, path) ? -1 : EXIT_UNREACHABLE;
}

/* The first address that takes the connection. */
static int connect_any(const struct cli *cli, struct wire *wire, const struct addrinfo *found,
                       bool tls)
{
    int64_t until = clock_boot_ms() + CONNECT_MS;
    int error = 0;
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        if (!tls && !trust_plain(cli, a->ai_addr))
            return EXIT_UNREACHABLE;
        if (connect_socket(wire, a->ai_addr, a->ai_addrlen, until))
            return tls || trust_tcp(cli, wire->fd) ? -1 : EXIT_UNREACHABLE;
        error = errno;
    }
    return wire_failed(cli, strerror(error));
}

static int open_tcp(const struct cli *cli, struct wire *wire, const struct endpoint *to)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(to->host, to->port, &hints, &found);
    if (error)
        return wire_failed(cli, error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
    int code = connect_any(cli, wire, found, to->tls);
    freeaddrinfo(found);
    return code;
}

/* ---- TLS ---- */

/* Files that cannot be read are errors of the system, for which OpenSSL has no words. */
static const char *reason_of(unsigned long code)
{
    const char *text =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    return text ? text : "an error without a name";
}

static void note_tls_error(struct wire *wire)
{
    long verdict = wire->ssl ? SSL_get_verify_result(wire->ssl) : X509_V_OK;
    unsigned long code = ERR_get_error();
    if (verdict != X509_V_OK)
        snprintf(wire->why, sizeof wire->why, "its certificate is not accepted: %s",
                 X509_verify_cert_error_string(verdict));
    else if (code)
        snprintf(wire->why, sizeof wire->why, "TLS: %s", reason_of(code));
    else
        snprintf(wire->why, sizeof wire->why, "it closed the connection within TLS");
}

static void begin_tls_call(void)
{
    ERR_clear_error();
    errno = 0;
}

/* Of what a call of OpenSSL returned. */
static ssize_t tls_outcome(struct wire *wire, int result, size_t done)
{
    int error = SSL_get_error(wire->ssl, result);
    if (error == SSL_ERROR_NONE)
        return (ssize_t)done;
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        wire->events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return WIRE_AGAIN;
    }
    if (error == SSL_ERROR_SYSCALL && errno)
        note_error(wire, errno);
    else
        note_tls_error(wire);
    return WIRE_BROKEN;
}

static bool set_up_tls(const struct cli *cli, struct wire *wire, const char *host)
{
    wire->tls = SSL_CTX_new(TLS_client_method());
    if (!wire->tls || !SSL_CTX_set_min_proto_version(wire->tls, TLS1_2_VERSION) ||
        (!cli->ca && !SSL_CTX_set_default_verify_paths(wire->tls)))
        return false;
    SSL_CTX_set_verify(wire->tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(wire->tls,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    wire->ssl = SSL_new(wire->tls);
    if (!wire->ssl || !SSL_set_fd(wire->ssl, wire->fd))
        return false;
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(wire->ssl), host))
        return true;
    return SSL_set1_host(wire->ssl, host) && SSL_set_tlsext_host_name(wire->ssl, host);
}

static bool cannot_use(const char *file)
{
    complain("cannot use %s: %s", file, reason_of(ERR_peek_error()));
    return false;
}

static bool trust_authorities(const struct cli *cli, struct wire *wire)
{
    return !cli->ca || SSL_CTX_load_verify_file(wire->tls, cli->ca) || cannot_use(cli->ca);
}

/* Nobody is asked for a passphrase. */
static int no_passphrase(char *out, int size, int writing, void *ctx)
{
    (void)out, (void)size, (void)writing, (void)ctx;
    return -1;
}

static bool show_certificate(const struct cli *cli, struct wire *wire)
{
    if (!cli->cert)
        return true;
    SSL_set_default_passwd_cb(wire->ssl, no_passphrase);
    if (SSL_use_certificate_chain_file(wire->ssl, cli->cert) != 1)
        return cannot_use(cli->cert);
    return SSL_use_PrivateKey_file(wire->ssl, cli->key, SSL_FILETYPE_PEM) == 1 ||
           cannot_use(cli->key);
}

static int open_tls(const struct cli *cli, struct wire *wire, const char *host)
{
    int64_t until = clock_boot_ms() + CONNECT_MS;
    ssize_t outcome;
    if (!set_up_tls(cli, wire, host)) {
        if (!*wire->why)
            note_tls_error(wire);
        return wire_failed(cli, wire->why);
    }
    if (!trust_authorities(cli, wire) || !show_certificate(cli, wire))
        return EXIT_USAGE;
    do {
        begin_tls_call();
        outcome = tls_outcome(wire, SSL_connect(wire->ssl), 1);
    } while (outcome == WIRE_AGAIN && wait_for(wire->fd, wire->events, until));
    if (outcome == 1)
        return -1;
    if (outcome == WIRE_AGAIN)
        note_error(wire, ETIMEDOUT);
    else if (SSL_get_verify_result(wire->ssl) != X509_V_OK)
        return not_trusted(cli, wire->why);
    return wire_failed(cli, outcome == 0 ? "it closed the connection within TLS" : wire->why);
}

/* ---- the connection ---- */

const char *cli_token(const struct cli *cli)
{
    return cli->token ? cli->token : cli->login ? cli->login->grant.token : NULL;
}

int wire_open(const struct cli *cli, struct wire *wire)
{
    struct endpoint to;
    if (cli->login && !cli->token)
        login_renew(cli->gateway, cli->login);
    *wire = (struct wire){.fd = -1};
    endpoint_read(cli->gateway, &to);
    int code = to.path ? open_path(cli, wire, to.path) : open_tcp(cli, wire, &to);
    if (code < 0 && to.tls)
        code = open_tls(cli, wire, to.host);
    endpoint_free(&to);
    return code;
}

static ssize_t socket_outcome(struct wire *wire, ssize_t done, short events)
{
    wire->events = events;
    if (done >= 0)
        return done;
    if (errno == EAGAIN || errno == EINTR)
        return WIRE_AGAIN;
    note_error(wire, errno);
    return WIRE_BROKEN;
}

ssize_t wire_send(struct wire *wire, const void *bytes, size_t len)
{
    size_t sent = 0;
    if (!wire->ssl)
        return socket_outcome(wire, send(wire->fd, bytes, len, MSG_NOSIGNAL), POLLOUT);
    begin_tls_call();
    int result = SSL_write_ex(wire->ssl, bytes, len, &sent);
    return tls_outcome(wire, result, sent);
}

ssize_t wire_receive(struct wire *wire, void *bytes, size_t room)
{
    size_t got = 0;
    if (!wire->ssl)
        return socket_outcome(wire, recv(wire->fd, bytes, room, 0), POLLIN);
    begin_tls_call();
    int result = SSL_read_ex(wire->ssl, bytes, room, &got);
    return tls_outcome(wire, result, got);
}

void wire_close(struct wire *wire)
{
    SSL_free(wire->ssl);
    SSL_CTX_free(wire->tls);
    if (wire->fd >= 0)
        close(wire->fd);
    *wire = (struct wire){.fd = -1};
}

void wire_request(const struct cli *cli, struct buf *out, const char *method, const char *path)
{
    struct endpoint to;
    endpoint_read(cli->gateway, &to);
    buf_printf(out, "%s %s%s HTTP/1.1\r\nHost: %s\r\n", method, to.prefix, path, to.authority);
    if (cli_token(cli))
        buf_printf(out, "Authorization: Bearer %s\r\n", cli_token(cli));
    endpoint_free(&to);
}
