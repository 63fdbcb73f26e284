/* SPDX-License-Identifier: Apache-2.0 */
/* Replaces policies at a steady rate; the measurements and the end-to-end suites under load use it.
 *
 * load SOCKET RATE COUNT NAME...    RATE updates a second (0: as fast as answers come), COUNT in
 * all
 *
 * Update n goes to sandbox n modulo their number, over one connection for each, and lets curl reach
 * the host r<n>.example.com.  Each is due at its time, whatever became of those before it, and late
 * ones count from when they were due.  A line of JSON for each answer:
 *     {"n": 7, "sandbox": "s1", "ms": 1.25, "status": 200, "answer": {...}}
 * status 0: the connection ended without one, and its sandbox gets no more.  SIGTERM: no more are
 * sent, and what is under way is waited for.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

enum { SANDBOXES_MAX = 64 };

struct load {
    const char *socket;
    uint64_t start_ns;
    long rate, count, step;                         /* step: the number of sandboxes */
    atomic_bool stopped;
};

struct sender {
    struct load *load;
    const char *name;
    long first;
};

static void wait_until(uint64_t ns)
{
    const struct timespec at = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
        continue;
}

static int replace(struct client *c, const char *name, long n, uint64_t due_ns)
{
    char path[128], body[512];
    const char *answer = NULL;
    snprintf(path, sizeof path, "/v1/sandboxes/%s/policy", name);
    snprintf(body, sizeof body,
             "version: 1\nnetwork_policies:\n  r%ld: {endpoints: [{host: r%ld.example.com, port: "
             "443}], binaries: [{path: /usr/bin/curl}]}\n", n, n);
    int status = request(c, "PUT", path, "application/yaml", body, &answer);
    printf("{\"n\": %ld, \"sandbox\": \"%s\", \"ms\": %.3f, \"status\": %d, \"answer\": %s}\n", n,
           name, (double)(now_ns() - due_ns) / 1e6, status, status ? answer : "null");
    return status;
}

static void *send_updates(void *arg)
{
    const struct sender *s = arg;
    struct load *load = s->load;
    struct client *c = calloc(1, sizeof *c);
    c->fd = connect_unix(load->socket);
    for (long n = s->first; n < load->count && !atomic_load(&load->stopped); n += load->step) {
        uint64_t due = now_ns();
        if (load->rate) {
            due = load->start_ns + (uint64_t)n * 1000000000u / (uint64_t)load->rate;
            wait_until(due);
        }
        if (!atomic_load(&load->stopped) && replace(c, s->name, n, due) == 0)
            break;
    }
    close(c->fd);
    free(c);
    return NULL;
}

/* Takes SIGTERM for all threads, which have it blocked. */
static void *await_stop(void *arg)
{
    struct load *load = arg;
    sigset_t set;
    int signal;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigwait(&set, &signal);
    atomic_store(&load->stopped, true);
    return NULL;
}

static void block_sigterm(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
    static struct load load;
    struct sender senders[SANDBOXES_MAX];
    pthread_t threads[SANDBOXES_MAX], stopper;
    int n = argc - 4;
    if (n < 1 || n > SANDBOXES_MAX) {
        fprintf(stderr, "usage: load SOCKET RATE COUNT NAME...\n");
        return 2;
    }
    load = (struct load){argv[1], now_ns(), atol(argv[2]), atol(argv[3]), n, .stopped = false};
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    block_sigterm();
    pthread_create(&stopper, NULL, await_stop, &load);
    pthread_detach(stopper);
    for (int i = 0; i < n; i++) {
        senders[i] = (struct sender){&load, argv[4 + i], i};
        pthread_create(&threads[i], NULL, send_updates, &senders[i]);
    }
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
