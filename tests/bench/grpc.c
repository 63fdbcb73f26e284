/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC beside HTTP/1.1, of a running gateway; grpc.sh sets the stage.
 *
 * grpc rate SOCKET PID SECONDS NAME...
 *     updates per second, a client for each sandbox: four numbers, by gRPC and by HTTP/1.1, each
 *     with the processor time of the gateway, PID, for an update in microseconds
 * grpc watch SOCKET NAME CONNECTIONS STREAMS
 *     how long until every watcher has seen a change */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "client.h"
#include "doc/protobuf.h"
#include "doc/writer.h"
#include "grpc_client.h"
#include "openshell/messages.h"

enum { CLIENTS_MAX = 64, POLICIES = 7, ROUNDS = 3, SNAPSHOT_S = 60 };

/* ---- messages ---- */

/* JSON as a message of a table, with its prefix. */
static struct buf encode(const struct schema *schema, const char *json)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    struct buf message = {0}, framed = {0};
    if (doc_parse_own(json, strlen(json), 100, arena, &tree, &problems) != 0 ||
        protobuf_encode(schema, tree, PROTOBUF_ENUMS, &message, &problems) != 0) {
        fprintf(stderr, "bench_grpc: %s\n", problems.items[0].message);
        exit(1);
    }
    const unsigned char head[] = {0, (unsigned char)(message.len >> 24),
                                  (unsigned char)(message.len >> 16),
                                  (unsigned char)(message.len >> 8), (unsigned char)message.len};
    buf_add(&framed, head, sizeof head);
    buf_add(&framed, message.data, message.len);
    buf_free(&message);
    arena_free(arena);
    return framed;
}

static char *policy_json(int round)
{
    struct buf out = {0};
    buf_printf(&out,
               "{\"version\":1,\"network_policies\":{\"round%d\":{\"endpoints\":[{\"host\":"
               "\"round%d.example.com\",\"port\":443}],\"binaries\":[{\"path\":"
               "\"/usr/bin/curl\"}]}}}",
               round, round);
    return buf_take(&out);
}

static struct buf update_message(const char *sandbox, const char *policy)
{
    struct buf json = {0};
    buf_printf(&json, "{\"sandbox\":\"%s\",\"policy\":%s,\"workspace_scope\":{\"workspace\":"
                      "\"default\"}}", sandbox, policy);
    struct buf message = encode(&openshell_update_config_request, json.data);
    buf_free(&json);
    return message;
}

/* ---- rate ---- */

struct writer {
    const char *socket, *name;
    int by_grpc;
    char *policies[POLICIES];
    struct buf messages[POLICIES];
    uint64_t until_ns;
    unsigned long done, round;
};

static void write_by_grpc(struct writer *w)
{
    struct grpc_client c;
    grpc_client_open(&c, w->socket);
    for (; now_ns() < w->until_ns; w->done++, w->round++) {
        const struct buf *message = &w->messages[w->round % POLICIES];
        grpc_call(&c, "UpdateConfig", message->data, message->len);
    }
    grpc_client_close(&c);
}

static void write_by_http(struct writer *w)
{
    struct client *c = calloc(1, sizeof *c);
    char path[128];
    const char *answer;
    snprintf(path, sizeof path, "/v1/sandboxes/%s/policy", w->name);
    c->fd = connect_unix(w->socket);
    for (; now_ns() < w->until_ns; w->done++, w->round++) {
        const char *policy = w->policies[w->round % POLICIES];
        if (request(c, "PUT", path, "application/json", policy, &answer) == 200)
            continue;
        fprintf(stderr, "bench_grpc: an update was answered: %s\n", answer);
        exit(1);
    }
    close(c->fd);
    free(c);
}

static void *write_policies(void *arg)
{
    struct writer *w = arg;
    if (w->by_grpc)
        write_by_grpc(w);
    else
        write_by_http(w);
    return NULL;
}

/* User and system time of a process, in clock ticks. */
static unsigned long ticks_of(int pid)
{
    char path[64], text[1024] = "";
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[n] = '\0';
    const char *rest = strrchr(text, ')');
    if (rest)
        sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    if (file)
        fclose(file);
    return user + system;
}

struct rate {
    double per_s, cpu_us;
};

/* All of them for so long; the better rate and the lower cost are kept. */
static void measure(struct writer *all, int n, int by_grpc, int pid, double seconds,
                    struct rate *best)
{
    pthread_t threads[CLIENTS_MAX];
    unsigned long total = 0, ticks = ticks_of(pid);
    uint64_t begun = now_ns();
    for (int i = 0; i < n; i++) {
        all[i].by_grpc = by_grpc;
        all[i].done = 0;
        all[i].until_ns = begun + (uint64_t)(seconds * 1e9);
        pthread_create(&threads[i], NULL, write_policies, &all[i]);
    }
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        total += all[i].done;
    }
    double rate = (double)total / ((double)(now_ns() - begun) / 1e9);
    double cost = 1e6 * (double)(ticks_of(pid) - ticks) / (double)sysconf(_SC_CLK_TCK) /
                  (double)(total ? total : 1);
    if (rate > best->per_s)
        best->per_s = rate;
    if (!best->cpu_us || cost < best->cpu_us)
        best->cpu_us = cost;
}

/* In turns, as a machine is not equally quiet all the time. */
static int run_rate(const char *socket, int pid, double seconds, char **names, int n)
{
    struct writer *all = calloc((size_t)n, sizeof *all);
    struct rate grpc = {0}, http = {0};
    for (int i = 0; i < n; i++) {
        all[i].socket = socket;
        all[i].name = names[i];
        for (int k = 0; k < POLICIES; k++) {
            all[i].policies[k] = policy_json(k);
            all[i].messages[k] = update_message(names[i], all[i].policies[k]);
        }
    }
    for (int round = 0; round < ROUNDS; round++) {
        measure(all, n, 1, pid, seconds, &grpc);
        measure(all, n, 0, pid, seconds, &http);
    }
    printf("%.0f %.0f %.0f %.0f\n", grpc.per_s, grpc.cpu_us, http.per_s, http.cpu_us);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < POLICIES; k++) {
            free(all[i].policies[k]);
            buf_free(&all[i].messages[k]);
        }
    free(all);
    return 0;
}

/* ---- watch ---- */

struct crowd {
    struct grpc_client *clients;
    struct grpc_stream *streams;
    struct pollfd *fds;
    size_t n_clients, n_streams;                    /* streams: of all together */
};

static int all_have(const struct crowd *crowd, unsigned messages)
{
    for (size_t i = 0; i < crowd->n_streams; i++)
        if (crowd->streams[i].messages < messages)
            return 0;
    return 1;
}

static void read_until(struct crowd *crowd, unsigned messages)
{
    uint64_t until = now_ns() + SNAPSHOT_S * 1000000000ULL;
    while (!all_have(crowd, messages)) {
        if (now_ns() > until || poll(crowd->fds, crowd->n_clients, 1000) < 0) {
            fprintf(stderr, "bench_grpc: not all watchers have seen it\n");
            exit(1);
        }
        for (size_t i = 0; i < crowd->n_clients; i++)
            if (crowd->fds[i].revents)
                grpc_read(&crowd->clients[i]);
    }
}

static void open_crowd(struct crowd *crowd, const char *socket, const struct buf *request,
                       size_t connections, size_t streams)
{
    crowd->n_clients = connections;
    crowd->n_streams = connections * streams;
    crowd->clients = calloc(connections, sizeof *crowd->clients);
    crowd->fds = calloc(connections, sizeof *crowd->fds);
    crowd->streams = calloc(crowd->n_streams, sizeof *crowd->streams);
    for (size_t i = 0; i < connections; i++) {
        grpc_client_open(&crowd->clients[i], socket);
        crowd->fds[i] = (struct pollfd){crowd->clients[i].fd, POLLIN, 0};
        for (size_t k = 0; k < streams; k++) {
            struct grpc_stream *stream = &crowd->streams[i * streams + k];
            *stream = (struct grpc_stream){.request = request->data, .request_len = request->len};
            grpc_begin(&crowd->clients[i], "WatchSandbox", stream);
        }
    }
}

static int run_watch(const char *socket, const char *name, size_t connections, size_t streams)
{
    struct crowd crowd;
    struct buf json = {0};
    struct grpc_client writer;
    struct rlimit files;
    uint64_t last = 0;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    buf_printf(&json, "{\"sandbox\":\"%s\",\"follow_status\":true,\"workspace_scope\":"
                      "{\"workspace\":\"default\"}}", name);
    struct buf watch = encode(&openshell_watch_sandbox_request, json.data);
    grpc_client_open(&writer, socket);
    open_crowd(&crowd, socket, &watch, connections, streams);
    read_until(&crowd, 1);
    char *policy = policy_json((int)(now_ns() % 1000) + POLICIES);
    struct buf update = update_message(name, policy);
    uint64_t begun = now_ns();
    grpc_call(&writer, "UpdateConfig", update.data, update.len);
    read_until(&crowd, 2);
    for (size_t i = 0; i < crowd.n_streams; i++)
        if (crowd.streams[i].last_ns > last)
            last = crowd.streams[i].last_ns;
    printf("%.1f ms\n", (double)(last - begun) / 1e6);
    for (size_t i = 0; i < connections; i++)
        grpc_client_close(&crowd.clients[i]);
    grpc_client_close(&writer);
    free(crowd.clients);
    free(crowd.streams);
    free(crowd.fds);
    free(policy);
    buf_free(&json);
    buf_free(&watch);
    buf_free(&update);
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "rate") == 0 && argc > 5 && argc - 5 <= CLIENTS_MAX)
        return run_rate(argv[2], atoi(argv[3]), atof(argv[4]), argv + 5, argc - 5);
    if (strcmp(mode, "watch") == 0 && argc == 6)
        return run_watch(argv[2], argv[3], strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10));
    fprintf(stderr, "usage: grpc rate SOCKET PID SECONDS NAME... | watch SOCKET NAME CONNECTIONS "
                    "STREAMS\n");
    return 2;
}
