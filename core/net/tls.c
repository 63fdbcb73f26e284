/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL reads and writes memory; what it wants sent goes to the stream below at once. */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/unset.h"
#include "net/transport.h"

enum { RECORD_MAX = 16 * 1024, PROBLEM_SIZE = 200 };

struct tls {
    struct net_stream stream;
    struct net_stream *below;
    SSL *ssl;
    struct buf early;                               /* written before the handshake was over */
    uv_idle_t resume;                               /* goes on from the loop, once */
    uv_timer_t deadline;                            /* of the handshake */
    unsigned open_parts;                            /* the stream below, resume and deadline */
    bool established, reading, ended, cut_short;
    bool finishing;                                 /* our side is ended, or is to be */
    bool failed;                                    /* when writing; the owner is not told yet */
    int broken;
    char problem[PROBLEM_SIZE];
};

static struct tls *tls_of(const struct net_stream *stream)
{
    return (struct tls *)stream;
}

/* Sends the records that TLS has made.  True: the stream below has taken them. */
static bool flush(struct tls *t)
{
    char *records;
    BIO *bio = SSL_get_wbio(t->ssl);
    long n = BIO_get_mem_data(bio, &records);
    if (n <= 0)
        return true; /* resetting would clear the memory for nothing */
    bool taken = net_write(t->below, records, (size_t)n);
    (void)BIO_reset(bio);
    return taken;
}

static void note_problem(struct tls *t)
{
    long verified = SSL_get_verify_result(t->ssl);
    unsigned long code = ERR_peek_error();
    const char *text = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                       : code               ? ERR_reason_error_string(code)
                                            : NULL;
    snprintf(t->problem, sizeof t->problem, "%s", text ? text : "the TLS handshake failed");
}

static void shake_hands(struct tls *t);

/* The stream is of no use any more; the owner hears of it where it waits. */
static void fail(struct tls *t, int status)
{
    if (t->broken)
        return;
    t->broken = status;
    uv_timer_stop(&t->deadline);
    buf_free(&t->early);
    if (!t->established)
        net_tell_connected(&t->stream, status);
    else
        net_tell_read(&t->stream, NULL, status);
}

static void fail_tls(struct tls *t)
{
    note_problem(t);
    flush(t);                                       /* the alert that tells the peer */
    fail(t, UV_EPROTO);
}

static void end_reading(struct tls *t)
{
    if (t->ended)
        return;
    t->ended = true;
    t->reading = false;
    net_tell_read(&t->stream, NULL, UV_EOF);
}

/* OpenSSL takes what others left in the queue for errors of the next call. */
static void forget_errors(void)
{
    if (ERR_peek_error())
        ERR_clear_error();
}

/* Bytes have come that are not read yet.  To ask SSL_read instead costs as much as a record. */
static bool has_more(const struct tls *t)
{
    return BIO_pending(SSL_get_rbio(t->ssl)) > 0 || SSL_has_pending(t->ssl);
}

/* Gives the owner what has come, as long as it reads. */
static void read_records(struct tls *t)
{
    char bytes[RECORD_MAX] UNSET;           /* no more than was read is looked at */
    while (t->reading && !t->broken && !t->stream.closing && has_more(t)) {
        forget_errors();
        int n = SSL_read(t->ssl, bytes, sizeof bytes);
        if (n > 0) {
            net_tell_read(&t->stream, bytes, n);
            continue;
        }
        int why = SSL_get_error(t->ssl, n);
        if (why == SSL_ERROR_ZERO_RETURN)
            end_reading(t);
        else if (why != SSL_ERROR_WANT_READ)
            fail_tls(t);
        break;
    }
    if (!t->stream.closing)
        flush(t);                                   /* answers of TLS itself, such as key updates */
}

static void on_resume(uv_idle_t *idle)
{
    struct tls *t = idle->data;
    uv_idle_stop(idle);
    if (!t->established)
        shake_hands(t);
    else if (t->failed)
        fail_tls(t);
    else
        read_records(t);
}

static void begin_finish(struct tls *t)
{
    SSL_shutdown(t->ssl);
    flush(t);
    net_finish(t->below);
}

/* A failure is told from the loop. */
static void write_records(struct tls *t, const void *bytes, size_t len)
{
    size_t written;
    forget_errors();
    if (t->broken || len == 0 || SSL_write_ex(t->ssl, bytes, len, &written) == 1)
        return;
    t->failed = true;
    uv_idle_start(&t->resume, on_resume);
}

static void established(struct tls *t)
{
    struct buf early = t->early;
    t->early = (struct buf){0};
    t->established = true;
    uv_timer_stop(&t->deadline);
    if (!t->reading)
        net_pause(t->below);
    net_tell_connected(&t->stream, 0);
    if (!t->stream.closing && !t->broken) {
        struct buf later = t->early;                /* written from the callback */
        t->early = (struct buf){0};
        write_records(t, early.data, early.len);
        write_records(t, later.data, later.len);
        buf_free(&later);
        if (early.len && flush(t))
            net_tell_drained(&t->stream, 0);
    }
    if (!t->stream.closing && t->finishing && !t->broken)
        begin_finish(t);
    buf_free(&early);
}

static void shake_hands(struct tls *t)
{
    forget_errors();
    int rc = SSL_do_handshake(t->ssl);
    int why = SSL_get_error(t->ssl, rc);
    if (rc != 1 && why != SSL_ERROR_WANT_READ) {
        fail_tls(t);
        return;
    }
    flush(t);
    if (rc == 1)
        established(t);
}

static void below_read(void *owner, const char *bytes, ssize_t n)
{
    struct tls *t = owner;
    if (t->broken)
        return;
    if (n > 0)
        BIO_write(SSL_get_rbio(t->ssl), bytes, (int)n);
    if (n == UV_EOF && t->established) {
        read_records(t);
        t->cut_short = !t->ended;
        if (!t->broken && !t->stream.closing)
            end_reading(t);
        return;
    }
    if (n < 0) {
        snprintf(t->problem, sizeof t->problem, "the peer ended the connection");
        fail(t, n == UV_EOF ? UV_ECONNRESET : (int)n);
        return;
    }
    if (!t->established)
        shake_hands(t);
    if (t->established)
        read_records(t);
}

static void below_drained(void *owner, int status)
{
    struct tls *t = owner;
    if (status < 0)
        t->broken = status;
    if (t->established)
        net_tell_drained(&t->stream, status);
    else if (status < 0)
        net_tell_connected(&t->stream, status);
}

static void below_finished(void *owner, int status)
{
    struct tls *t = owner;
    net_tell_finished(&t->stream, status);
}

static void part_closed(struct tls *t)
{
    if (--t->open_parts)
        return;
    void (*closed)(void *) = t->stream.calls->closed;
    void *owner = t->stream.owner;
    SSL_free(t->ssl);
    buf_free(&t->early);
    free(t);
    closed(owner);
}

static void below_closed(void *owner)
{
    part_closed(owner);
}

static void handle_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

/* ---- the transport ---- */

static void tls_read(struct net_stream *stream)
{
    struct tls *t = tls_of(stream);
    if (t->ended || t->broken)
        return;
    t->reading = true;
    if (!t->established)
        return;                                     /* the handshake reads anyway */
    net_read(t->below);
    if (has_more(t))
        uv_idle_start(&t->resume, on_resume);
}

static void tls_pause(struct net_stream *stream)
{
    struct tls *t = tls_of(stream);
    t->reading = false;
    if (t->established)
        net_pause(t->below);
}

static bool tls_write(struct net_stream *stream, const void *bytes, size_t len)
{
    struct tls *t = tls_of(stream);
    if (t->broken || t->failed || t->finishing)
        return true;
    if (!t->established) {
        buf_add(&t->early, bytes, len);
        return false;
    }
    write_records(t, bytes, len);
    return flush(t);
}

/* drained has to follow, so the records go as one piece that the stream below owns. */
static void tls_send(struct net_stream *stream, struct buf *bytes)
{
    struct tls *t = tls_of(stream);
    struct buf out = {0};
    char *records;
    if (t->broken || t->failed || t->finishing)
        return;
    if (!t->established) {
        buf_add(&t->early, bytes->data, bytes->len);
        return;
    }
    write_records(t, bytes->data, bytes->len);
    long n = BIO_get_mem_data(SSL_get_wbio(t->ssl), &records);
    buf_add(&out, records, n > 0 ? (size_t)n : 0);
    (void)BIO_reset(SSL_get_wbio(t->ssl));
    net_send(t->below, &out);
}

static size_t tls_queued(const struct net_stream *stream)
{
    const struct tls *t = tls_of(stream);
    return t->early.len + net_queued(t->below);
}

static void tls_finish(struct net_stream *stream)
{
    struct tls *t = tls_of(stream);
    if (t->finishing || t->broken)
        return;
    t->finishing = true;
    if (t->established)
        begin_finish(t);
}

/* OpenSSL takes a connection that ends without an alert for a broken one, and gives its session up.
 * TLS 1.1 dropped that rule (RFC 4346, 7.2.1).  Where TLS itself failed, it stands. */
static void keep_session(struct tls *t)
{
    if (t->established && t->broken != UV_EPROTO && !t->failed)
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

static void tls_close(struct net_stream *stream)
{
    struct tls *t = tls_of(stream);
    keep_session(t);
    net_close(t->below);
    uv_close((uv_handle_t *)&t->resume, handle_closed);
    uv_close((uv_handle_t *)&t->deadline, handle_closed);
}

static int tls_fileno(const struct net_stream *stream)
{
    return net_fileno(tls_of(stream)->below);
}

static const struct net_transport tls_transport = {
    .read = tls_read,
    .pause = tls_pause,
    .write = tls_write,
    .send = tls_send,
    .queued = tls_queued,
    .finish = tls_finish,
    .close = tls_close,
    .fileno = tls_fileno,
};

struct net_stream *net_tls_new(struct net_stream *below, SSL *ssl, const void *first,
                               size_t n_first, const struct net_calls *calls, void *owner)
{
    static const struct net_calls below_calls = {
        .read = below_read,
        .drained = below_drained,
        .finished = below_finished,
        .closed = below_closed,
    };
    struct tls *t = alloc_zero(1, sizeof *t);
    t->stream = (struct net_stream){.transport = &tls_transport, .loop = net_loop(below),
                                    .calls = calls, .owner = owner};
    t->below = below;
    t->ssl = ssl;
    t->open_parts = 3;
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    uv_idle_init(t->stream.loop, &t->resume);
    t->resume.data = t;
    uv_timer_init(t->stream.loop, &t->deadline);
    t->deadline.data = t;
    net_set_owner(below, &below_calls, t);
    net_read(below);
    if (n_first)
        BIO_write(SSL_get_rbio(ssl), first, (int)n_first);
    if (n_first || !SSL_is_server(ssl))
        uv_idle_start(&t->resume, on_resume);
    return &t->stream;
}

static void on_deadline(uv_timer_t *deadline)
{
    struct tls *t = deadline->data;
    snprintf(t->problem, sizeof t->problem, "the TLS handshake took too long");
    fail(t, UV_ETIMEDOUT);
}

void net_tls_expect(struct net_stream *tls, unsigned ms)
{
    struct tls *t = tls_of(tls);
    if (!t->established)
        uv_timer_start(&t->deadline, on_deadline, ms, 0);
}

bool net_tls_timed_out(const struct net_stream *tls)
{
    return tls_of(tls)->broken == UV_ETIMEDOUT && !tls_of(tls)->established;
}

SSL *net_tls_ssl(const struct net_stream *tls)
{
    return tls_of(tls)->ssl;
}

const char *net_tls_problem(const struct net_stream *tls)
{
    return tls_of(tls)->problem;
}

bool net_tls_cut_short(const struct net_stream *tls)
{
    return tls_of(tls)->cut_short;
}
