/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/callers.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "egress/caller/borrow.h"
#include "egress/caller/closer.h"
#include "egress/caller/program.h"
#include "egress/caller/records.h"

struct egress_callers {
    struct egress_notifications notifications;
    uv_poll_t poll;
    struct sockaddr_in address;                     /* of the proxy's listening socket */
    struct sockaddr_in redirect;                    /* of the other one; port 0: there is none */
    uint64_t namespace;                             /* its network's */
    pid_t init_pid;
    const struct log *log;
    struct egress_records records;                  /* of connections to the proxy */
    struct egress_records redirected;
    struct egress_connects connects;
    int handles;                                    /* open ones */
    struct egress_processes processes;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
    struct egress_closer *closer;
};

/* What the socket is connected to, if it is: by us, or by an answer to a connect that went on. */
static bool is_connected_to(int fd, const struct sockaddr_in *address)
{
    struct egress_named_address peer = {.len = sizeof peer.address};
    return getpeername(fd, (struct sockaddr *)&peer.address, &peer.len) == 0 &&
           egress_address_is(&peer, address);
}

/* The address that a connection of the socket comes from, as the proxy sees it. */
static bool read_source(int fd, struct sockaddr_in *out)
{
    struct sockaddr_storage address;
    const struct sockaddr_in6 *in6 = (const void *)&address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    if (address.ss_family == AF_INET) {
        *out = *(const struct sockaddr_in *)(const void *)&address;
        return true;
    }
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = in6->sin6_port};
    memcpy(&out->sin_addr, &in6->sin6_addr.s6_addr[12], sizeof out->sin_addr);
    return address.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
}

/* Whether the record is in the table now.  The caller stands still until it is answered, so no byte
 * comes before. */
static bool keep(struct egress_records *records, struct egress_record *record)
{
    if (!read_source(record->socket, &record->source))
        return false;
    egress_records_add(records, record);
    return true;
}

/* A connect and where it leads. */
struct errand {
    const struct egress_suspended_call *call;
    struct egress_named_address to;
    bool outside;                                   /* this is where: */
    struct ipaddr address;
    uint16_t port;
};

static void answer(struct egress_callers *callers, const struct egress_suspended_call *call,
                   int result)
{
    if (result == EGRESS_CONNECT_WAIT)
        egress_suspended_call_continue(&callers->notifications, call->id);
    else
        egress_suspended_call_return(&callers->notifications, call->id, result);
}

/* Connects the record's socket to the proxy. */
static void connect_to_proxy(struct egress_callers *callers, const struct errand *errand,
                             struct egress_record *record)
{
    bool opened = false;
    int result = egress_socket_connect(record->socket, &errand->to, &opened);
    if (!opened || !keep(&callers->records, record))
        egress_record_free(record);
    answer(callers, errand->call, result);
}

/* The call is answered by whoever takes the record, or with it. */
static void redirect(struct egress_callers *callers, const struct errand *errand,
                     struct egress_record *record)
{
    bool opened = false;
    int result = egress_socket_redirect(record->socket, &callers->redirect, &opened);
    if (!opened) {
        egress_record_free(record);
        answer(callers, errand->call, result);
        return;
    }
    record->connect = egress_connects_add(&callers->connects, errand->call->id, record->socket);
    record->connect->address = errand->address;
    record->connect->port = errand->port;
    if (!keep(&callers->redirected, record))
        egress_record_free(record);
}

/* A socket that cannot be borrowed is connected by its owner and then has no record. */
static void serve_unwatched(struct egress_callers *callers,
                            const struct egress_suspended_call *call, int error)
{
    if (error == -EBADF) {
        answer(callers, call, error);
        return;
    }
    if (error != -ESRCH)
        log_warn(callers->log, "the socket of thread %d cannot be borrowed: %s", (int)call->thread,
                 strerror(-error));
    answer(callers, call, EGRESS_CONNECT_WAIT);
}

/* Everything that is said of the caller is read before its call is found to be still valid: until
 * then it has not executed another program, and nobody else got its number. */
static void open_connection(struct egress_callers *callers, const struct errand *errand,
                            const struct egress_process *thread, const struct egress_ids *ids,
                            int fd)
{
    /* None: a reset tells the proxy when nobody holds the socket any more. */
    const int orphan_s = -1;
    struct egress_record *record = alloc_zero(1, sizeof *record);
    record->socket = fd;
    record->closer = callers->closer;
    record->identified =
        egress_program_identify(&callers->processes, thread, ids, callers->init_pid,
                                &record->caller, &record->problem) == 0;
    if (!egress_suspended_call_valid(&callers->notifications, errand->call->id)) {
        egress_record_free(record);
        return;
    }
    setsockopt(record->socket, IPPROTO_TCP, TCP_LINGER2, &orphan_s, sizeof orphan_s);
    if (errand->outside)
        redirect(callers, errand, record);
    else
        connect_to_proxy(callers, errand, record);
}

static void serve_connect(struct egress_callers *callers, const struct errand *errand)
{
    const struct egress_suspended_call *call = errand->call;
    const struct egress_process *thread;
    struct egress_ids ids;
    int fd = -1, rc = egress_processes_hold(&callers->processes, call->thread, &thread, &ids);
    if (rc == 0)
        rc = fd = egress_socket_borrow(thread, ids.process, (int)call->args[0]);
    if (rc < 0) {
        serve_unwatched(callers, call, rc);
    } else if (!egress_socket_is_tcp(fd, callers->namespace) ||
               (errand->outside && !egress_socket_has_family(fd, &errand->to))) {
        egress_closer_close(callers->closer, fd);
        answer(callers, call, EGRESS_CONNECT_WAIT);
    } else if (!egress_records_have_room(errand->outside ? &callers->redirected
                                                         : &callers->records)) {
        egress_closer_close(callers->closer, fd);
        answer(callers, call, -EAGAIN);
    } else {
        open_connection(callers, errand, thread, &ids, fd);
    }
}

static void serve(struct egress_callers *callers, const struct egress_suspended_call *call)
{
    struct errand errand = {.call = call};
    int rc = egress_address_read(call, &errand.to);
    errand.outside = callers->redirect.sin_port &&
                     egress_address_is_outside(&errand.to, callers->address.sin_addr,
                                               &errand.address, &errand.port);
    if (rc != 0)
        answer(callers, call, rc);
    else if (!egress_closer_has_room(callers->closer))
        answer(callers, call, -EAGAIN);
    else if (callers->redirect.sin_port && egress_address_is(&errand.to, &callers->redirect))
        answer(callers, call, -ECONNREFUSED); /* nobody is redirected there by their own means */
    else if (!errand.outside && !egress_address_is(&errand.to, &callers->address))
        answer(callers, call, EGRESS_CONNECT_WAIT);
    else
        serve_connect(callers, &errand);
}

/* The loop comes again for the next call. */
static void have_call(uv_poll_t *poll, int status, int events)
{
    struct egress_callers *callers = poll->data;
    struct egress_suspended_call call;
    enum egress_notified notified = egress_notifications_next(&callers->notifications, &call);
    (void)status;
    (void)events;
    if (notified == NOTIFIED_CALL)
        serve(callers, &call);
    if (notified == NOTIFIED_END)
        uv_poll_stop(poll);
}

static bool find_address(int fd, struct sockaddr_in *out)
{
    socklen_t len = sizeof *out;
    return getsockname(fd, (struct sockaddr *)out, &len) == 0 && out->sin_family == AF_INET;
}

static int find_listeners(struct egress_callers *callers,
                          const struct egress_callers_config *config, struct error *err)
{
    callers->namespace = egress_socket_namespace(config->proxy);
    if (find_address(config->proxy, &callers->address) &&
        (!config->redirect || find_address(config->redirect, &callers->redirect)))
        return 0;
    return error_errno(err, ERROR_INTERNAL, "cannot tell where the proxy listens");
}

static void free_callers(struct egress_callers *callers)
{
    egress_records_clear(&callers->records);
    egress_records_clear(&callers->redirected);
    egress_notifications_close(&callers->notifications);
    egress_processes_clear(&callers->processes);
    egress_closer_free(callers->closer);
    free(callers);
}

struct egress_callers *
egress_callers_new(uv_loop_t *loop, const struct egress_callers_config *config, struct error *err)
{
    struct egress_callers *callers = alloc_zero(1, sizeof *callers);
    callers->init_pid = config->init_pid;
    callers->log = config->log;
    callers->poll.data = callers;
    int rc = egress_notifications_open(&callers->notifications, config->listener, err);
    if (rc == 0)
        rc = (callers->closer = egress_closer_new(loop, err)) ? 0 : -1;
    if (rc == 0)
        rc = find_listeners(callers, config, err);
    if (rc == 0 && (rc = uv_poll_init(loop, &callers->poll, config->listener)) != 0)
        error_set(err, ERROR_INTERNAL, "the sandbox's connects cannot be watched: %s",
                  uv_strerror(rc));
    if (rc == 0) {
        uv_poll_start(&callers->poll, UV_READABLE, have_call);
        egress_connects_open(&callers->connects, loop, &callers->notifications,
                             callers->closer);
        callers->handles = 2;
        return callers;
    }
    free_callers(callers);
    return NULL;
}

int egress_callers_take(struct egress_callers *callers, const struct sockaddr_storage *client,
                        struct egress_caller *out, struct error *err)
{
    struct egress_record *record =
        egress_records_take(&callers->records, (const struct sockaddr_in *)(const void *)client);
    bool same = record && is_connected_to(record->socket, &callers->address);
    bool identified = same && record->identified;
    *out = (struct egress_caller){0};
    if (identified) {
        *out = record->caller;
        record->caller = (struct egress_caller){0};
    } else if (same) {
        *err = record->problem;
    } else {
        error_set(err, ERROR_DENIED,
                  "the connection was not opened by a connect that the proxy saw");
    }
    egress_record_free(record);
    return identified ? 0 : -1;
}

struct egress_connect *egress_callers_take_redirected(struct egress_callers *callers,
                                                      const struct sockaddr_storage *client,
                                                      struct egress_caller *out, struct error *err)
{
    struct egress_record *record =
        egress_records_take(&callers->redirected, (const struct sockaddr_in *)(const void *)client);
    struct egress_connect *connect = NULL;
    *out = (struct egress_caller){0};
    error_set(err, ERROR_DENIED, "the connection was not opened by a connect that was redirected");
    if (record && is_connected_to(record->socket, &callers->redirect)) {
        connect = record->connect;
        record->connect = NULL;
        record->socket = -1;
        *out = record->caller;
        record->caller = (struct egress_caller){0};
        if (!record->identified) {
            egress_caller_free(out);
            *err = record->problem;
        }
    }
    egress_record_free(record);
    return connect;
}

size_t egress_callers_pending(const struct egress_callers *callers)
{
    return callers->records.n;
}

static void handle_closed(void *owner)
{
    struct egress_callers *callers = owner;
    if (--callers->handles > 0)
        return;
    void (*on_closed)(void *) = callers->on_closed;
    void *ctx = callers->closed_ctx;
    free_callers(callers);
    if (on_closed)
        on_closed(ctx);
}

static void poll_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

void egress_callers_close(struct egress_callers *callers, void (*on_closed)(void *ctx), void *ctx)
{
    callers->on_closed = on_closed;
    callers->closed_ctx = ctx;
    uv_close((uv_handle_t *)&callers->poll, poll_closed);
    egress_connects_close(&callers->connects, handle_closed, callers);
}
