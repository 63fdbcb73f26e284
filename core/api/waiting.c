/* SPDX-License-Identifier: Apache-2.0 */
#include "api/waiting.h"

enum { WAIT_MS_MAX = 60 * 60 * 1000 };

struct waiting {
    struct record_wait_for what;
    int (*again)(struct api_call *call);
};

static void read_again(void *arg)
{
    struct api_call *call = arg;
    const struct waiting *waiting = call->then_arg;
    json_decref(call->body);
    call->body = NULL;
    if (waiting->again(call) != 0)
        call->status = 0;
}

static void was_read(void *arg)
{
    api_finish(arg);
}

static void waited(void *arg)
{
    struct api_call *call = arg;
    call->req->on_gone = NULL;
    jobs_run(call->api->jobs, NULL, read_again, was_read, call);
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
    struct record_wait *wait = record_wait(&waiting->what, waited, call);
    call->req->on_gone_ctx = wait;
    call->req->on_gone = client_is_gone;
    if (http_request_gone(call->req))
        record_wait_cancel(wait);
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
