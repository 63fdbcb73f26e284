/* SPDX-License-Identifier: Apache-2.0 */
/* Sends GET requests through a proxy at a steady rate.  Runs in a sandbox.
 *
 * paced PROXY HOST:PORT PATH RATE COUNT CONNECTIONS    RATE requests a second, COUNT in all (0:
 * until standard input ends)
 *
 * Each request is due at its time, whatever became of those before it, and a late one counts from
 * when it was due.  Prints one line of JSON; failed are those that got another status than 200, or
 * no answer on a new connection:
 *     {"requests": 2000, "failed": 0, "p50_us": 310, "p99_us": 1800, "max_us":
 * 5100} */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, SAMPLES_MAX = 1 << 20, HEAD_MAX = 8192 };

struct run {
    struct sockaddr_in proxy;
    const char *origin, *path;
    uint64_t start_ns;
    long rate, count, step;                         /* step: the number of connections */
    atomic_bool stopped;
    atomic_long requests, failed;
    uint32_t *us;                                   /* by the number of the request */
};

struct sender {
    struct run *run;
    pthread_t thread;
    long first;
    int fd;                                         /* -1: not connected */
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void wait_until(uint64_t ns)
{
    const struct timespec at = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
        continue;
}

static void end(struct sender *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static bool begin(struct sender *s)
{
    int one = 1;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return connect(s->fd, (const struct sockaddr *)&s->run->proxy, sizeof s->run->proxy) == 0;
}

/* The status; 0: the connection ended before the head. */
static int read_answer(struct sender *s)
{
    char text[HEAD_MAX + 1];
    const char *head_end = NULL;
    size_t len = 0;
    for (ssize_t n; !head_end; head_end = strstr(text, "\r\n\r\n")) {
        if (len == HEAD_MAX || (n = recv(s->fd, text + len, HEAD_MAX - len, 0)) <= 0)
            return 0;
        len += (size_t)n;
        text[len] = '\0';
    }
    const char *said = strcasestr(text, "\r\nContent-Length:");
    long left = said && said < head_end ? strtol(said + 17, NULL, 10) : 0;
    left -= (long)(text + len - (head_end + 4));
    bool closes = strcasestr(text, "\r\nConnection: close");
    int status = atoi(text + 9);
    while (left > 0) {
        ssize_t n = recv(s->fd, text, left < HEAD_MAX ? (size_t)left : HEAD_MAX, 0);
        if (n <= 0)
            return 0;
        left -= n;
    }
    if (closes)
        end(s);
    return status;
}

static int ask_once(struct sender *s, long n)
{
    char text[1024];
    const struct run *run = s->run;
    if (s->fd < 0 && !begin(s))
        return 0;
    int len = snprintf(text, sizeof text, "GET http://%s%s?n=%ld HTTP/1.1\r\nHost: %s\r\n\r\n",
                       run->origin, run->path, n, run->origin);
    if (send(s->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        return 0;
    return read_answer(s);
}

/* A server may end a connection between two requests without saying so before. */
static void ask(struct sender *s, long n, uint64_t due_ns)
{
    struct run *run = s->run;
    bool reused = s->fd >= 0;
    int status = ask_once(s, n);
    if (status == 0 && reused) {
        end(s);
        status = ask_once(s, n);
    }
    if (status != 200)
        end(s);
    run->us[n] = (uint32_t)((now_ns() - due_ns) / 1000);
    run->requests++;
    run->failed += status != 200;
}

static void *send_all(void *arg)
{
    struct sender *s = arg;
    struct run *run = s->run;
    for (long n = s->first; n < run->count && !run->stopped; n += run->step) {
        uint64_t due_ns = run->start_ns + (uint64_t)n * 1000000000u / (uint64_t)run->rate;
        wait_until(due_ns);
        if (!run->stopped)
            ask(s, n, due_ns);
    }
    end(s);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void report(struct run *run)
{
    size_t n = 0;
    for (long i = 0; i < run->count; i++)
        if (run->us[i])
            run->us[n++] = run->us[i];
    qsort(run->us, n, sizeof *run->us, by_size);
    printf("{\"requests\": %ld, \"failed\": %ld, \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u}\n",
           run->requests, run->failed, run->us[n / 2], run->us[n * 99 / 100],
           n ? run->us[n - 1] : 0);
}

static void *wait_for_end(void *arg)
{
    struct run *run = arg;
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    run->stopped = true;
    return NULL;
}

int main(int argc, char **argv)
{
    static struct run run;
    static struct sender senders[CONNECTIONS_MAX];
    const char *colon = argc == 7 ? strchr(argv[1], ':') : NULL;
    char address[64];
    pthread_t stdin_thread;
    if (!colon || atol(argv[4]) < 1 || atol(argv[6]) < 1 || atol(argv[6]) > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: paced PROXY HOST:PORT PATH RATE COUNT CONNECTIONS\n");
        return 2;
    }
    snprintf(address, sizeof address, "%.*s", (int)(colon - argv[1]), argv[1]);
    run = (struct run){.origin = argv[2], .path = argv[3], .rate = atol(argv[4]),
                       .count = atol(argv[5]), .step = atol(argv[6])};
    run.proxy =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
    inet_pton(AF_INET, address, &run.proxy.sin_addr);
    bool until_end = run.count == 0;
    if (until_end || run.count > SAMPLES_MAX)
        run.count = SAMPLES_MAX;
    run.us = calloc(SAMPLES_MAX, sizeof *run.us);
    run.start_ns = now_ns();
    if (until_end)
        pthread_create(&stdin_thread, NULL, wait_for_end, &run);
    for (long i = 0; i < run.step; i++) {
        senders[i] = (struct sender){.run = &run, .first = i, .fd = -1};
        pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
    }
    for (long i = 0; i < run.step; i++)
        pthread_join(senders[i].thread, NULL);
    report(&run);
    return 0;
}
