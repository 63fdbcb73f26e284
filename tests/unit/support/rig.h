/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy on a loop, an origin, and the ends of connections that collect what they are sent. */
#ifndef TESTS_SUPPORT_RIG_H
#define TESTS_SUPPORT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "egress/dns/names.h"
#include "egress/proxy.h"
#include "support/patience.h"
#include "support/puppet.h"

#include <jansson.h>
#include <sys/epoll.h>

enum { RIG_ENDS = 320 };

/* One end of a connection, read as fast as bytes come unless it is held. */
struct end {
    int fd;
    struct buf in;
    bool eof, held;
};

struct rig {
    uv_loop_t loop;
    uv_timer_t patience;
    uv_poll_t wake;                                 /* an epoll of all ends, polled by the loop */
    int epoll;
    struct egress_proxy *proxy;
    uint16_t port, origin_port;
    uint16_t transparent_port;                      /* where connects to outside are redirected */
    struct egress_names *names;
    int origin;
    struct watched watched;
    unsigned accepted;
    struct end ends[RIG_ENDS];
    size_t n_ends;
    struct log log;
    struct buf lines, denials, audited, passed;     /* one line each */
    struct buf waiting;                             /* a line for each change */
    unsigned n_denials, n_uses;
    struct egress_forecast forecast;                /* what is said of every cure */
    uint64_t forecast_id;                           /* of the last question */
    bool timed_out, closed;
    char folder[64], client[128], other[128], parent[128];      /* programs */
};

static inline struct end *rig_end(struct rig *rig, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    assert_true(rig->n_ends < RIG_ENDS);
    struct end *end = &rig->ends[rig->n_ends++];
    *end = (struct end){.fd = fd};
    event.data.ptr = end;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    assert_int_equal(epoll_ctl(rig->epoll, EPOLL_CTL_ADD, fd, &event), 0);
    return end;
}

static inline void rig_read(struct rig *rig, struct end *end)
{
    char bytes[65536];
    ssize_t n = recv(end->fd, bytes, sizeof bytes, 0);
    if (n > 0) {
        buf_add(&end->in, bytes, (size_t)n);
    } else if (n == 0 || errno != EAGAIN) {
        end->eof = true;
        epoll_ctl(rig->epoll, EPOLL_CTL_DEL, end->fd, NULL);
    }
}

static inline void rig_accept(struct rig *rig)
{
    int fd = accept4(rig->origin, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    rig->accepted++;
    rig_end(rig, fd);
}

static inline void rig_events(uv_poll_t *poll, int status, int events)
{
    struct rig *rig = poll->data;
    struct epoll_event ready[16];
    (void)status;
    (void)events;
    int n = epoll_wait(rig->epoll, ready, 16, 0);
    for (int i = 0; i < n; i++) {
        if (ready[i].data.ptr == rig)
            rig_accept(rig);
        else
            rig_read(rig, ready[i].data.ptr);
    }
}

static inline void rig_hold(struct rig *rig, struct end *end, bool held)
{
    struct epoll_event event = {.events = held ? 0 : EPOLLIN, .data.ptr = end};
    end->held = held;
    epoll_ctl(rig->epoll, EPOLL_CTL_MOD, end->fd, &event);
}

static inline void rig_out_of_patience(uv_timer_t *timer)
{
    ((struct rig *)timer->data)->timed_out = true;
}

#define UNTIL(rig, condition)                                                           \
    do {                                                                                \
        (rig)->timed_out = false;                                                       \
        uv_timer_start(&(rig)->patience, rig_out_of_patience, patience_ms(), 0);          \
        while (!(condition) && !(rig)->timed_out)                                       \
            uv_run(&(rig)->loop, UV_RUN_ONCE);                                          \
        uv_timer_stop(&(rig)->patience);                                                \
        if ((rig)->timed_out)                                                           \
            fail_msg("never came: %s", #condition);                                     \
    } while (0)

static inline bool end_has(const struct end *end, const char *text)
{
    return end->in.len && memmem(end->in.data, end->in.len, text, strlen(text)) != NULL;
}

static inline void end_send_bytes(struct end *end, const void *bytes, size_t len)
{
    ssize_t sent = send(end->fd, bytes, len, MSG_NOSIGNAL);
    assert_int_equal(sent, len);
}

static inline void end_send(struct end *end, const char *text)
{
    end_send_bytes(end, text, strlen(text));
}

/* Waits for the next connection at the origin. */
static inline struct end *rig_origin(struct rig *rig)
{
    unsigned before = rig->accepted;
    UNTIL(rig, rig->accepted > before);
    return &rig->ends[rig->n_ends - 1];
}

static inline void rig_on_denial(void *ctx, const struct egress_denial *d)
{
    struct rig *rig = ctx;
    buf_printf(&rig->denials, "%s %s:%u %s [", d->stage, d->host, d->port, d->binary);
    for (size_t i = 0; i < d->n_ancestors; i++)
        buf_printf(&rig->denials, "%s%s", i ? " " : "", d->ancestors[i]);
    buf_printf(&rig->denials, "] %s\n", d->reason);
    assert_true(d->at_ms > 0);
    rig->n_denials++;
}

/* The number, what waits, and for what. */
static inline void rig_on_waiting(void *ctx, const struct egress_waiting *w)
{
    struct rig *rig = ctx;
    buf_printf(&rig->waiting, "%u %s:%u %s", w->waiting, w->host, w->port, w->binary);
    const char *const texts[] = {w->method, w->path, w->operation, w->field, w->rpc_method,
                                 w->tool, w->vote};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && *texts[i])
            buf_printf(&rig->waiting, " %s", texts[i]);
    buf_putc(&rig->waiting, '\n');
}

static inline const char *rig_text(const char *text)
{
    return text && *text ? text : "-";
}

/* The request and the call, the rule, the reason. */
static inline void rig_on_audited(void *ctx, const struct egress_passed *a)
{
    struct rig *rig = ctx;
    assert_string_equal(a->host, "origin.test");
    assert_int_equal(a->port, rig->origin_port);
    assert_string_equal(a->binary, rig->client);
    buf_printf(&rig->audited, "%s %s %s %s %s %s %s: %s\n", a->method, a->path,
               rig_text(a->operation), rig_text(a->field), rig_text(a->rpc_method),
               rig_text(a->tool), a->rule, a->reason);
}

/* The request and the call, the program, the reason. */
static inline void rig_on_passed(void *ctx, const struct egress_passed *p)
{
    struct rig *rig = ctx;
    assert_string_equal(p->rule, "");
    buf_printf(&rig->passed, "%s %s%s %s %s %s %s %s: %s\n", p->method, p->host, p->path,
               rig_text(p->operation), rig_text(p->field), rig_text(p->rpc_method),
               rig_text(p->tool), p->binary, p->reason);
}

static inline void rig_on_line(void *ctx, const struct egress_line *line)
{
    struct rig *rig = ctx;
    buf_puts(&rig->lines, line->text);
    buf_putc(&rig->lines, '\n');
}

static inline void rig_on_use(void *ctx, const char *rule)
{
    (void)rule;
    ((struct rig *)ctx)->n_uses++;
}

static inline struct policy *rig_parse(const char *yaml)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(yaml, strlen(yaml), DOC_YAML, &problems);
    if (!policy)
        fail_msg("the policy of the test: %s: %s", problems.items[0].path,
                 problems.items[0].message);
    problems_free(&problems);
    return policy;
}

/* A policy of one rule for each line of "HOST PORT BINARY [ALLOWED_IP]"; 0 is the origin's port. */
static inline struct policy *rig_policy(const struct rig *rig, const char *rules)
{
    struct buf yaml = {0};
    buf_puts(&yaml, "version: 1\nnetwork_policies:");
    if (!*rules)
        buf_puts(&yaml, " {}\n");
    else
        buf_puts(&yaml, "\n");
    for (int i = 1; *rules; i++) {
        char host[256], binary[256], ip[64] = "";
        unsigned port;
        int used = 0;
        assert_true(sscanf(rules, "%255s %u %255s%n", host, &port, binary, &used) == 3);
        rules += used;
        if (*rules == ' ' && sscanf(rules, " %63s%n", ip, &used) == 1)
            rules += used;
        rules += *rules == '\n';
        buf_printf(&yaml, "  rule%d:\n    endpoints:\n      - host: \"%s\"\n        port: %u\n", i,
                   strcmp(host, "-") == 0 ? "" : host, port ? port : rig->origin_port);
        if (*ip)
            buf_printf(&yaml, "        allowed_ips: [\"%s\"]\n", ip);
        buf_printf(&yaml, "    binaries:\n      - path: \"%s\"\n", binary);
    }
    struct policy *policy = rig_parse(yaml.data);
    buf_free(&yaml);
    return policy;
}

static inline void rig_set(struct rig *rig, const char *rules)
{
    struct policy *policy = rig_policy(rig, rules);
    egress_set_policy(rig->proxy, policy);
    policy_unref(policy);
}

/* This program, or who descends from it, may reach the origin, and nobody else. */
static inline void rig_allow(struct rig *rig, const char *program)
{
    char rules[256];
    snprintf(rules, sizeof rules, "origin.test 0 %s", program);
    rig_set(rig, rules);
}

/* Names that the tests know. */
static const char *const rig_origin_address[] = {ORIGIN_ADDRESS};
static const char *const rig_mixed_addresses[] = {ORIGIN_ADDRESS, "127.0.0.1"};
static const char *const rig_two_addresses[] = {OTHER_ADDRESS, ORIGIN_ADDRESS};
static const char *const rig_public_address[] = {"8.8.8.8"};
static const char *const rig_own_address[] = {OWN_ADDRESS};
static const struct egress_pin rig_pins[] = {
    {"origin.test", rig_origin_address, 1},
    {"Other.Test", rig_origin_address, 1},
    {"mixed.test", rig_mixed_addresses, 2},
    {"two.test", rig_two_addresses, 2},
    {"public.test", rig_public_address, 1},
    {"own.test", rig_own_address, 1},
};

static inline void rig_begin(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    rig->log = (struct log){.fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_DEBUG,
                            .program = "test"};
    snprintf(rig->folder, sizeof rig->folder, "/tmp/sluice-egress-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    puppet_install(rig->folder, "client", rig->client, sizeof rig->client);
    puppet_install(rig->folder, "other", rig->other, sizeof rig->other);
    puppet_install(rig->folder, "parent", rig->parent, sizeof rig->parent);
    uv_loop_init(&rig->loop);
    uv_timer_init(&rig->loop, &rig->patience);
    rig->patience.data = rig;
    rig->epoll = epoll_create1(EPOLL_CLOEXEC);
    uv_poll_init(&rig->loop, &rig->wake, rig->epoll);
    rig->wake.data = rig;
    uv_poll_start(&rig->wake, UV_READABLE, rig_events);
    rig->origin = network_listen(ORIGIN_ADDRESS, &rig->origin_port);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = rig};
    epoll_ctl(rig->epoll, EPOLL_CTL_ADD, rig->origin, &event);
    watched_begin(&rig->watched);
}

static inline struct egress_forecast rig_forecast(void *ctx, uint64_t id, const char *operations)
{
    struct rig *rig = ctx;
    assert_non_null(strstr(operations, "{\"operations\":[{\"add_rule\":"));
    rig->forecast_id = id;
    return rig->forecast;
}

static inline void rig_start_proxy(struct rig *rig, struct policy *policy,
                                   struct egress_limits limits, struct egress_inspection inspection)
{
    struct error err;
    rig->names = egress_names_new();
    struct egress_config config = {.listen_fd = network_listen(PROXY_ADDRESS, &rig->port),
                                   .transparent_fd =
                                       network_listen(PROXY_ADDRESS, &rig->transparent_port),
                                   .names = rig->names,
                                   .connects_fd = rig->watched.listener,
                                   .init_pid = getpid(),
                                   .policy = policy,
                                   .pins = rig_pins,
                                   .n_pins = sizeof rig_pins / sizeof *rig_pins,
                                   .limits = limits,
                                   .inspection = inspection,
                                   .log = &rig->log,
                                   .on_denial = rig_on_denial,
                                   .on_waiting = rig_on_waiting,
                                   .on_audited = rig_on_audited,
                                   .on_passed = rig_on_passed,
                                   .on_line = rig_on_line,
                                   .forecast = rig_forecast,
                                   .on_use = rig_on_use,
                                   .ctx = rig};
    rig->proxy = egress_new(&rig->loop, &config, &err);
    assert_non_null(rig->proxy);
    policy_unref(policy);
}

static inline void rig_start_with(struct rig *rig, const char *rules, struct egress_limits limits)
{
    rig_begin(rig);
    rig_start_proxy(rig, rig_policy(rig, rules), limits, (struct egress_inspection){0});
}

static inline void rig_start(struct rig *rig, const char *rules)
{
    rig_start_with(rig, rules, (struct egress_limits){0});
}

static inline void rig_closed(void *ctx)
{
    ((struct rig *)ctx)->closed = true;
}

/* Fails when a handle of the proxy is left. */
static inline void rig_close_proxy(struct rig *rig)
{
    egress_close(rig->proxy, rig_closed, rig);
    UNTIL(rig, rig->closed);
}

/* Kills the workloads that still run. */
static inline void rig_stop(struct rig *rig)
{
    if (!rig->closed)
        rig_close_proxy(rig);
    egress_names_free(rig->names);
    for (size_t i = 0; i < rig->n_ends; i++) {
        close(rig->ends[i].fd);
        buf_free(&rig->ends[i].in);
    }
    uv_close((uv_handle_t *)&rig->patience, NULL);
    uv_close((uv_handle_t *)&rig->wake, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    close(rig->epoll);
    close(rig->origin);
    watched_end(&rig->watched);
    close(rig->log.fd);
    buf_free(&rig->lines);
    buf_free(&rig->denials);
    buf_free(&rig->audited);
    buf_free(&rig->passed);
    buf_free(&rig->waiting);
    unlink(rig->client);
    unlink(rig->other);
    unlink(rig->parent);
    char *rule = alloc_printf("%s/judge.lua", rig->folder);   /* of inspectors.h */
    unlink(rule);
    free(rule);
    assert_int_equal(rmdir(rig->folder), 0);
}

static inline bool rig_heard_of(const struct puppet *puppet)
{
    struct pollfd control = {.fd = puppet->control, .events = POLLIN};
    return poll(&control, 1, 0) == 1;
}

static inline void rig_on_control(uv_poll_t *poll, int status, int events)
{
    (void)poll;
    (void)status;
    (void)events;
}

/* Takes the socket that comes once the loop has answered the puppet's connect. */
static inline void rig_take_socket(struct rig *rig, struct puppet *puppet)
{
    uv_poll_t control;
    uv_poll_init(&rig->loop, &control, puppet->control);
    uv_poll_start(&control, UV_READABLE, rig_on_control);
    UNTIL(rig, rig_heard_of(puppet));
    fcntl(puppet->control, F_SETFL, 0);             /* libuv has made it non-blocking */
    uv_close((uv_handle_t *)&control, NULL);
    uv_run(&rig->loop, UV_RUN_NOWAIT);
    puppet->socket = puppet_take(puppet->control);
    assert_true(puppet->socket >= 0);
}

/* The programs of puppet_start_spare. */
static inline struct puppet rig_puppet_chain(struct rig *rig, const char *const *programs,
                                             int n_spare)
{
    struct puppet puppet = puppet_start_spare(&rig->watched, rig->port, programs, n_spare);
    rig_take_socket(rig, &puppet);
    return puppet;
}

/* The puppet connects anew, as what it is now. */
static inline void rig_puppet_again(struct rig *rig, struct puppet *puppet)
{
    char byte = PUPPET_AGAIN;
    close(puppet->socket);
    assert_int_equal(write(puppet->control, &byte, 1), 1);
    rig_take_socket(rig, puppet);
    assert_int_equal(read(puppet->control, &byte, 1), 1);
}

static inline struct puppet rig_puppet(struct rig *rig, const char *program)
{
    const char *programs[] = {program, NULL};
    return rig_puppet_chain(rig, programs, 0);
}

/* The body of the answer in end, which must be complete and of that status; the caller frees it. */
static inline json_t *end_answer(const struct end *end, int status)
{
    char expected[32], *body, *length;
    snprintf(expected, sizeof expected, "HTTP/1.1 %d ", status);
    assert_non_null(end->in.data);
    if (strncmp(end->in.data, expected, strlen(expected)) != 0)
        fail_msg("expected %d, got: %s", status, end->in.data);
    assert_non_null(body = strstr(end->in.data, "\r\n\r\n"));
    assert_non_null(length = strstr(end->in.data, "Content-Length: "));
    assert_non_null(strstr(end->in.data, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(end->in.data, "Connection: close\r\n"));
    assert_int_equal(atoi(length + 16), strlen(body + 4));
    json_t *json = json_loads(body + 4, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

/* Waits for an answer after which the proxy closes. */
static inline void rig_refused(struct rig *rig, struct end *end, int status, const char *error,
                               const char *detail, const char *reason)
{
    UNTIL(rig, end->eof);
    json_t *json = end_answer(end, status);
    assert_string_equal(json_string_value(json_object_get(json, "error")), error);
    if (detail)
        assert_string_equal(json_string_value(json_object_get(json, "detail")), detail);
    if (reason)
        assert_string_equal(json_string_value(json_object_get(json, "reason")), reason);
    json_decref(json);
}

/* One request by a program, and the refusal it must get. */
static inline void rig_expect_refusal(struct rig *rig, const char *request, int status,
                                      const char *error, const char *detail, const char *reason)
{
    struct puppet puppet = rig_puppet(rig, rig->client);
    struct end *end = rig_end(rig, puppet.socket);
    end_send(end, request);
    rig_refused(rig, end, status, error, detail, reason);
    puppet_end(&puppet);
}

/* CONNECT of a host at the origin's port. */
static inline const char *rig_connect(const struct rig *rig, const char *host)
{
    static char request[1024];
    snprintf(request, sizeof request, "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n\r\n", host,
             rig->origin_port, host, rig->origin_port);
    return request;
}

/* An open tunnel: the client's end, with the origin's in *origin. */
static inline struct end *rig_tunnel(struct rig *rig, const struct puppet *puppet, const char *host,
                                     struct end **origin)
{
    struct end *end = rig_end(rig, puppet->socket);
    end_send(end, rig_connect(rig, host));
    *origin = rig_origin(rig);
    UNTIL(rig, end_has(end, "\r\n\r\n"));
    assert_string_equal(end->in.data, "HTTP/1.1 200 Connection Established\r\n\r\n");
    buf_clear(&end->in);
    return end;
}

/* Is refused as somebody who cannot be identified, for that reason. */
static inline void rig_unidentified(struct rig *rig, struct puppet *puppet, const char *why)
{
    struct end *end = rig_end(rig, puppet->socket);
    end_send(end, rig_connect(rig, "origin.test"));
    rig_refused(rig, end, 403, "policy_denied", NULL, NULL);
    assert_true(end_has(end, "the calling process could not be identified: "));
    if (!end_has(end, why))
        fail_msg("expected '%s' in %s", why, end->in.data);
    assert_int_equal(rig->accepted, 0);
    assert_int_equal(rig->n_denials, 1);
    puppet_end(puppet);
}

/* Waits for the answer, which must be 403; attempt: which of several this is. */
static inline void rig_forbidden(struct rig *rig, const struct end *end, int attempt)
{
    UNTIL(rig, end_has(end, "\r\n\r\n"));
    if (!end_has(end, "HTTP/1.1 403 "))
        fail_msg("attempt %d: %s", attempt, end->in.data);
}

static inline int rig_main(int argc, char **argv, int (*tests)(void))
{
    int puppet = puppet_main(argc, argv);
    if (puppet >= 0)
        return puppet;
    network_enter();
    return tests();
}

#endif
