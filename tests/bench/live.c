/* SPDX-License-Identifier: Apache-2.0 */
/* Measures a running gateway; scripts/bench sets the stage.
 *
 * live one SOCKET NAME ROUNDS       (a) policy set sent -> enforced, one sandbox
 * live many SOCKET ROUNDS NAME...   (a) the same for all of them at once
 * live rate SOCKET SECONDS NAME...  (b) durable updates per second, a client
 * each */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

enum { SANDBOXES_MAX = 64, PORT = 8090 };

static const char address[] = "10.77.0.2";
static const char type[] = "application/yaml";

/* A policy with the rule, or without; the round makes each text another one. */
static void policy_text(char *out, size_t size, int allow, int round)
{
    int n = snprintf(out, size,
                     "version: 1\nnetwork_policies:\n  round%d:\n    endpoints: [{host: "
                     "round%d.example.com, port: 443}]\n"
                     "    binaries: [{path: /usr/bin/curl}]\n",
                     round % 7, round % 1000);
    if (allow)
        snprintf(out + n, size - (size_t)n,
                 "  knock:\n    endpoints: [{host: %s, port: %d}]\n    binaries: [{path: "
                 "/sandbox/knock}]\n",
                 address, PORT);
}

/* ---- the origin: the first request of each path since it was armed ---- */

struct target {
    _Atomic uint64_t seen_ns;                       /* 0: not yet */
    _Atomic uint64_t last_ns;                       /* the newest request */
    sem_t arrived;                                  /* posted with each seen_ns */
};

struct origin {
    struct target targets[SANDBOXES_MAX];
};

struct visitor {
    struct origin *origin;
    int fd;
};

static void *serve(void *arg)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct visitor *v = arg;
    char text[4096];
    size_t used = 0;
    ssize_t n;
    while ((n = recv(v->fd, text + used, sizeof text - 1 - used, 0)) > 0) {
        uint64_t now = now_ns(), none = 0;
        used += (size_t)n;
        text[used] = '\0';
        if (!strstr(text, "\r\n\r\n"))
            continue;
        const char *path = strchr(text, '/');
        struct target *t = &v->origin->targets[path ? (unsigned)atoi(path + 1) % SANDBOXES_MAX : 0];
        if (atomic_compare_exchange_strong(&t->seen_ns, &none, now))
            sem_post(&t->arrived);
        atomic_store(&t->last_ns, now);
        send_all(v->fd, answer, sizeof answer - 1);
        used = 0;
    }
    close(v->fd);
    free(v);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct origin *origin = arg;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    inet_pton(AF_INET, address, &in.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&in, sizeof in) != 0 || listen(fd, 512) != 0) {
        perror("live: origin");
        exit(1);
    }
    for (;;) {
        struct visitor *v = malloc(sizeof *v);
        pthread_t thread;
        *v = (struct visitor){origin, accept(fd, NULL, NULL)};
        setsockopt(v->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        pthread_create(&thread, NULL, serve, v);
        pthread_detach(thread);
    }
    return NULL;
}

static struct origin *start_origin(void)
{
    static struct origin origin;
    pthread_t thread;
    for (int i = 0; i < SANDBOXES_MAX; i++)
        sem_init(&origin.targets[i].arrived, 0, 0);
    pthread_create(&thread, NULL, accept_all, &origin);
    return &origin;
}

/* ---- results ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void report(const char *what, double *ms, size_t n)
{
    qsort(ms, n, sizeof *ms, by_value);
    printf("%s: n %zu  p50 %.3f ms  p90 %.3f ms  p99 %.3f ms  max %.3f ms\n", what, n, ms[n / 2],
           ms[n * 9 / 10], ms[n * 99 / 100], ms[n - 1]);
}

/* ---- (a) ---- */

static void put_policy(struct client *c, const char *name, int allow, int round)
{
    char path[128], body[1024];
    const char *answer;
    snprintf(path, sizeof path, "/v1/sandboxes/%s/policy", name);
    policy_text(body, sizeof body, allow, round);
    int status = request(c, "PUT", path, type, body, &answer);
    if (status != 200) {
        fprintf(stderr, "live: policy set of %s answered %d: %s\n", name, status,
                answer ? answer : "");
        exit(1);
    }
}

/* Closed again: no request has come through for 100 ms, which the knocker fills many times over. */
static void wait_closed(struct target *t)
{
    while (now_ns() - atomic_load(&t->last_ns) < 100000000u)
        usleep(1000);
    while (sem_trywait(&t->arrived) == 0)
        ;
    atomic_store(&t->seen_ns, 0);
}

/* The first request since then.  It blocks: fifty threads that look every now and then would take
 * a processor from what they measure. */
static uint64_t wait_seen(struct target *t, uint64_t since)
{
    for (;;) {
        sem_wait(&t->arrived);
        uint64_t seen = atomic_load(&t->seen_ns);
        if (seen >= since)
            return seen;
        atomic_compare_exchange_strong(&t->seen_ns, &seen, 0);      /* one that was under way */
    }
}

struct round {
    struct origin *origin;
    const char *socket, *name;
    unsigned slot;
    int rounds;
    double *ms;
    pthread_barrier_t *barrier;
};

static void *measure(void *arg)
{
    struct round *r = arg;
    struct client *c = calloc(1, sizeof *c);
    struct target *t = &r->origin->targets[r->slot];
    c->fd = connect_unix(r->socket);
    for (int i = 0; i < r->rounds; i++) {
        put_policy(c, r->name, 0, 2 * i);
        wait_closed(t);
        pthread_barrier_wait(r->barrier);
        uint64_t sent = now_ns();
        put_policy(c, r->name, 1, 2 * i + 1);
        r->ms[i] = (double)(wait_seen(t, sent) - sent) / 1e6;
        pthread_barrier_wait(r->barrier);
    }
    put_policy(c, r->name, 0, 1);
    close(c->fd);
    free(c);
    return NULL;
}

static int run_live(const char *what, const char *socket, int rounds, char **names, int n)
{
    static struct round all[SANDBOXES_MAX];
    pthread_t threads[SANDBOXES_MAX];
    pthread_barrier_t barrier;
    struct origin *origin = start_origin();
    double *ms = calloc((size_t)(n * rounds), sizeof *ms);
    pthread_barrier_init(&barrier, NULL, (unsigned)n);
    for (int i = 0; i < n; i++) {
        all[i] = (struct round){origin, socket,          names[i], (unsigned)i,
                                rounds, ms + i * rounds, &barrier};
        pthread_create(&threads[i], NULL, measure, &all[i]);
    }
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    report(what, ms, (size_t)(n * rounds));
    free(ms);
    return 0;
}

/* ---- (b) ---- */

struct writer {
    const char *socket, *name;
    uint64_t until_ns;
    unsigned long done;
};

static void *write_policies(void *arg)
{
    struct writer *w = arg;
    struct client *c = calloc(1, sizeof *c);
    c->fd = connect_unix(w->socket);
    for (int i = 0; now_ns() < w->until_ns; i++) {
        put_policy(c, w->name, 0, i + (int)(w->done % 7));
        w->done++;
    }
    close(c->fd);
    free(c);
    return NULL;
}

static int run_rate(const char *socket, int seconds, char **names, int n)
{
    static struct writer writers[SANDBOXES_MAX];
    pthread_t threads[SANDBOXES_MAX];
    uint64_t start = now_ns();
    unsigned long total = 0;
    for (int i = 0; i < n; i++) {
        writers[i] = (struct writer){socket, names[i], start + (uint64_t)seconds * 1000000000u, 0};
        pthread_create(&threads[i], NULL, write_policies, &writers[i]);
    }
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        total += writers[i].done;
    }
    printf("%.0f\n", (double)total / ((double)(now_ns() - start) / 1e9));
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "one") == 0 && argc == 5)
        return run_live("one sandbox", argv[2], atoi(argv[4]), argv + 3, 1);
    if (strcmp(mode, "many") == 0 && argc > 4)
        return run_live("all at once", argv[2], atoi(argv[3]), argv + 4, argc - 4);
    if (strcmp(mode, "rate") == 0 && argc > 4)
        return run_rate(argv[2], atoi(argv[3]), argv + 4, argc - 4);
    fprintf(stderr, "usage: live one SOCKET NAME ROUNDS | many SOCKET ROUNDS NAME... | rate SOCKET "
                    "SECONDS NAME...\n");
    return 2;
}
