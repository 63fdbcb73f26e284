/* SPDX-License-Identifier: Apache-2.0 */
#include "api/waiting.h"

#include "auth/lease.h"

enum { WAIT_MS_MAX = 60 * 60 * 1000 };

struct waiting {
    struct record_wait_for what;
    int (*again)(struct api_call *call);
    struct api_call *call;
    struct record_wait *wait;
    struct auth_lease *lease;
    bool lost;                                      /* the right to the answer; call->err says so */
};

static void read_again(void *arg)
{
    struct api_call *call = arg;
    const struct waiting *waiting = call->then_arg;
    json_decref(call->body);
    call->body = NULL;
    if (api_still_asked(call) != 0 || waiting->again(call) != 0)
        call->status = 0;
}

static void was_read(void *arg)
{
    api_finish(arg);
}

static void refuse(struct api_call *call)
{
    json_decref(call->body);
    call->body = NULL;
    call->status = 0;
    api_finish(call);
}

static void waited(void *arg)
{
    struct api_call *call = arg;
    struct waiting *waiting = call->then_arg;
    call->req->on_gone = NULL;
    auth_lease_end(waiting->lease);
    if (waiting->lost)
        refuse(call);
    else
        jobs_run(call->api->jobs, NULL, read_again, was_read, call);
}

static void lease_lost(void *arg, const struct error *why)
{
    struct waiting *waiting = arg;
    waiting->lost = true;
    waiting->call->err = *why;
    record_wait_cancel(waiting->wait);
}

static void client_is_gone(void *wait)
{
    record_wait_cancel(wait);
}

static void begin(struct api_call *call)
{
    struct waiting *waiting = call->then_arg;
    if (call->api->draining)
        waiting->what.timeout_ms = 0;  /* a gateway that stops answers with what it knows */
    waiting->call = call;
    waiting->wait = record_wait(&waiting->what, waited, call);
    waiting->lease = auth_lease_begin(call->api->auth.leases, call->who, lease_lost, waiting);
    auth_lease_of_sandbox(waiting->lease, call->who, call->route->permission,
                          waiting->what.sandbox);
    call->req->on_gone_ctx = waiting->wait;
    call->req->on_gone = client_is_gone;
    if (http_request_gone(call->req))
        record_wait_cancel(waiting->wait);
}

struct record_wait_for *api_wait_for(struct api_call *call,
                                     bool (*settled)(const struct record_wait_for *what))
{
    const struct api *api = call->api;
    struct waiting *waiting = arena_zalloc(call->arena, sizeof *waiting);
    waiting->what = (struct record_wait_for){
        .settled = settled, .loop = api->loop, .jobs = api->jobs, .events = api->events,
        .store = api->store, .sandbox = api_param(call, "name"),
    };
    if (api_query_number(call, "wait_ms", 0, WAIT_MS_MAX, &waiting->what.timeout_ms) != 0)
        return NULL;
    return &waiting->what;
}

void api_wait(struct api_call *call, struct record_wait_for *what,
              int (*again)(struct api_call *call))
{
    struct waiting *waiting = (struct waiting *)what;   /* its first member */
    if (!what->timeout_ms)
        return;
    waiting->again = again;
    call->then = begin;
    call->then_arg = waiting;
}
