/* SPDX-License-Identifier: Apache-2.0 */
/* Requests over many connections at once, each of which sends its next request when it has its
 * answer. One thread, epoll. Prints one line: requests per second, their median and 99th percentile
 * in microseconds, how many there were, and how many of them failed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: load [-p PROXY:PORT] [-t] [-s CA] [-1] [-c CONNECTIONS] [-d SECONDS] [-n REQUESTS]\n"
    "            [-b BYTES] [-h] ORIGIN:PORT\n"
    "  -p  through this proxy, by absolute URLs    -t  within tunnels that CONNECT opens\n"
    "  -s  TLS, the server verified against CA     -1  one request for each connection\n"
    "  -b  size of an answer (1024)                -h  then hold the connections until stdin "
    "ends\n";

enum { EVENTS = 256, HEAD_MAX = 8192, SLOTS = 500000 };     /* of a tenth of a microsecond each */

struct options {
    const char *proxy, *origin, *ca;
    bool tunnel, once, hold;
    unsigned connections;
    double seconds;
    uint64_t requests, bytes;
};

struct connection {
    int fd;
    SSL *ssl;
    enum { AWAITS_TUNNEL, SHAKES_HANDS, AWAITS_HEAD, AWAITS_BODY } state;
    uint64_t begun_ns, left;
    char head[HEAD_MAX];
    size_t n_head;
    bool closing; /* the server says that it ends the connection */
    bool reused;                                    /* this is not its first request */
};

struct run {
    struct options o;
    struct sockaddr_in to;
    SSL_CTX *tls;
    int poll;
    char tunnel[256], request[512];
    uint64_t begun, sent, done, failed;
    uint32_t *times;
    bool stopping;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- one connection ---- */

static void say(struct run *run, struct connection *c, const char *text)
{
    int len = (int)strlen(text);
    int n = c->ssl && c->state != AWAITS_TUNNEL ? SSL_write(c->ssl, text, len)
                                                : (int)send(c->fd, text, (size_t)len, MSG_NOSIGNAL);
    if (n != len)
        run->failed++;
}

static void ask(struct run *run, struct connection *c)
{
    c->state = AWAITS_HEAD;
    c->n_head = 0;
    if (!run->o.once)
        c->begun_ns = now_ns();
    run->sent++;
    say(run, c, run->request);
}

static void begin(struct run *run, struct connection *c)
{
    int one = 1;
    c->begun_ns = now_ns();
    c->n_head = 0;
    c->reused = false;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&run->to, sizeof run->to) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(run->poll, EPOLL_CTL_ADD, c->fd, &event);
    if (run->tls) {
        c->ssl = SSL_new(run->tls);
        SSL_set_fd(c->ssl, c->fd);
        SSL_set_connect_state(c->ssl);
    }
    if (run->o.tunnel) {
        c->state = AWAITS_TUNNEL;
        say(run, c, run->tunnel);
    } else if (run->tls) {
        c->state = SHAKES_HANDS;
        SSL_do_handshake(c->ssl);
    } else {
        ask(run, c);
    }
}

static void end(struct connection *c)
{
    if (c->ssl)
        SSL_free(c->ssl);
    c->ssl = NULL;
    close(c->fd);
    c->fd = -1;
}

static void finish(struct run *run, struct connection *c, bool failed)
{
    uint64_t slot = (now_ns() - c->begun_ns) / 100;
    run->times[slot < SLOTS ? slot : SLOTS - 1]++;
    run->done++;
    run->failed += failed;
    bool enough = run->stopping || (run->o.requests && run->sent >= run->o.requests);
    if (enough && run->o.hold && !failed)
        return;
    if (failed || run->o.once || c->closing || enough) {
        end(c);
        if (!enough)
            begin(run, c);
    } else {
        c->reused = true;
        ask(run, c);
    }
}

/* A server may end a connection between two requests without saying so before. */
static void ask_again(struct run *run, struct connection *c)
{
    run->sent--;
    end(c);
    begin(run, c);
}

/* 0: not now. -1: the connection has ended. Bytes of a body in plain text are only counted. */
static ssize_t take(struct connection *c, void *bytes, size_t len)
{
    static char sink[65536];
    ssize_t n;
    if (c->ssl && c->state != AWAITS_TUNNEL) {
        n = SSL_read(c->ssl, bytes ? bytes : sink, (int)(bytes ? len : sizeof sink));
        return n > 0 ? n : SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    n = bytes ? recv(c->fd, bytes, len, 0) : recv(c->fd, NULL, 1 << 20, MSG_TRUNC);
    return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
}

/* 1: a head with status 200 is here, and *body has what of the body came along. */
static int read_head(struct connection *c, uint64_t *body)
{
    ssize_t n = take(c, c->head + c->n_head, sizeof c->head - 1 - c->n_head);
    if (n <= 0)
        return (int)n;
    c->n_head += (size_t)n;
    c->head[c->n_head] = '\0';
    const char *head_end = strstr(c->head, "\r\n\r\n");
    if (!head_end)
        return c->n_head < sizeof c->head - 1 ? 0 : -1;
    *body = c->n_head - (size_t)(head_end + 4 - c->head);
    c->closing =
        strncmp(c->head, "HTTP/1.0", 8) == 0 || strcasestr(c->head, "\r\nconnection: close");
    return strncmp(c->head + 8, " 200", 4) == 0 ? 1 : -1;
}

static int shake_hands(struct connection *c)
{
    int rc = SSL_do_handshake(c->ssl);
    return rc == 1 ? 1 : SSL_get_error(c->ssl, rc) == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* 1: the next state. 0: not now. -1: failed. */
static int step(struct run *run, struct connection *c)
{
    uint64_t body;
    int rc;
    switch (c->state) {
    case AWAITS_TUNNEL:
        if ((rc = read_head(c, &body)) != 1)
            return rc;
        if (!run->tls) {
            ask(run, c);
            return 1;
        }
        c->state = SHAKES_HANDS;
        return 1;
    case SHAKES_HANDS:
        if ((rc = shake_hands(c)) == 1)
            ask(run, c);
        return rc;
    case AWAITS_HEAD:
        if ((rc = read_head(c, &body)) != 1 || body > run->o.bytes)
            return rc == 0 ? 0 : -1;
        c->left = run->o.bytes - body;
        c->state = AWAITS_BODY;
        return 1;
    default:
        while (c->left) {
            ssize_t n = take(c, NULL, 0);
            if (n <= 0 || (uint64_t)n > c->left)
                return n == 0 ? 0 : -1;
            c->left -= (uint64_t)n;
        }
        finish(run, c, false);
        return 0;
    }
}

static void go_on(struct run *run, struct connection *c)
{
    int rc = 1;
    while (rc == 1)
        rc = step(run, c);
    if (rc < 0 && c->reused && c->state == AWAITS_HEAD && c->n_head == 0)
        ask_again(run, c);
    else if (rc < 0)
        finish(run, c, true);
}

/* ---- all of them ---- */

static bool is_over(const struct run *run)
{
    return run->o.requests ? run->done >= run->o.requests
                           : (double)(now_ns() - run->begun) >= run->o.seconds * 1e9;
}

static void run_until_over(struct run *run)
{
    struct epoll_event events[EVENTS];
    while (!is_over(run)) {
        int n = epoll_wait(run->poll, events, EVENTS, 1000);
        for (int i = 0; i < n; i++)
            go_on(run, events[i].data.ptr);
    }
}

static double percentile(const struct run *run, double share)
{
    uint64_t below = 0;
    size_t slot = 0;
    while (slot < SLOTS - 1 && (below += run->times[slot]) <= (uint64_t)(share * (double)run->done))
        slot++;
    return (double)slot / 10;
}

static void report(const struct run *run)
{
    double seconds = (double)(now_ns() - run->begun) / 1e9;
    printf("%.2f %.1f %.1f %llu %llu\n", (double)run->done / seconds, percentile(run, 0.5),
           percentile(run, 0.99), (unsigned long long)run->done, (unsigned long long)run->failed);
    fflush(stdout);
}

/* ---- options ---- */

static struct sockaddr_in address_of(const char *text)
{
    char host[64];
    struct sockaddr_in in = {.sin_family = AF_INET};
    const char *colon = strrchr(text, ':');
    snprintf(host, sizeof host, "%.*s", colon ? (int)(colon - text) : 0, text);
    if (!colon || inet_pton(AF_INET, host, &in.sin_addr) != 1) {
        fprintf(stderr, "%s is not ADDRESS:PORT\n", text);
        exit(2);
    }
    in.sin_port = htons((uint16_t)atoi(colon + 1));
    return in;
}

static SSL_CTX *tls_of(const char *ca)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (SSL_CTX_load_verify_locations(tls, ca, NULL) != 1) {
        fprintf(stderr, "%s has no certificates\n", ca);
        exit(1);
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    return tls;
}

static struct options parse(int argc, char **argv)
{
    struct options o = {.connections = 1, .seconds = 1, .bytes = 1024};
    for (int c; (c = getopt(argc, argv, "p:ts:1c:d:n:b:h")) != -1;)
        switch (c) {
        case 'p': o.proxy = optarg; break;
        case 't': o.tunnel = true; break;
        case 's': o.ca = optarg; break;
        case '1': o.once = true; break;
        case 'c': o.connections = (unsigned)atoi(optarg); break;
        case 'd': o.seconds = atof(optarg); break;
        case 'n': o.requests = strtoull(optarg, NULL, 10); break;
        case 'b': o.bytes = strtoull(optarg, NULL, 10); break;
        case 'h': o.hold = true; break;
        default: fputs(usage, stderr); exit(2);
        }
    if (optind != argc - 1 || o.connections == 0 || (o.tunnel && !o.proxy)) {
        fputs(usage, stderr);
        exit(2);
    }
    o.origin = argv[optind];
    return o;
}

static void prepare(struct run *run)
{
    const struct options *o = &run->o;
    bool absolute = o->proxy && !o->tunnel;
    run->to = address_of(o->proxy ? o->proxy : o->origin);
    run->tls = o->ca ? tls_of(o->ca) : NULL;
    run->poll = epoll_create1(EPOLL_CLOEXEC);
    run->times = calloc(SLOTS, sizeof *run->times);
    snprintf(run->tunnel, sizeof run->tunnel, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", o->origin,
             o->origin);
    snprintf(run->request, sizeof run->request,
             "GET %s%s/files/data/%llu HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: "
             "*/*\r\n%s\r\n",
             absolute ? "http://" : "", absolute ? o->origin : "", (unsigned long long)o->bytes,
             o->origin, o->once ? "Connection: close\r\n" : "");
}

int main(int argc, char **argv)
{
    struct run run = {.o = parse(argc, argv)};
    signal(SIGPIPE, SIG_IGN);
    prepare(&run);
    struct connection *connections = calloc(run.o.connections, sizeof *connections);
    run.begun = now_ns();
    for (unsigned i = 0; i < run.o.connections; i++)
        begin(&run, &connections[i]);
    run_until_over(&run);
    report(&run);
    while (run.o.hold && getchar() != EOF)
        ;
    return run.failed && run.failed == run.done;
}
