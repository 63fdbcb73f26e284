/* SPDX-License-Identifier: Apache-2.0 */
#include "api/services.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/api.h"
#include "api/service_relay.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "http/problem.h"
#include "runtime/jobs.h"
#include "runtime/services.h"
#include "runtime/sessions/exec.h"
#include "runtime/sessions/port_stream.h"

/* ---- the name ---- */

struct named {
    char text[64];                                  /* a label of a host name */
    const char *workspace, *sandbox, *service;
};

/* WORKSPACE--SANDBOX--SERVICE, none of which has "--" in it; or WORKSPACE--SANDBOX, below our own
 * domain alone, as other hosts are called so too.  Names in another script begin with xn--. */
static bool read_name(const char *host, struct named *out)
{
    size_t len = host ? strcspn(host, ".:") : 0;
    bool ours = host && strncasecmp(host + len, SERVICES_DOMAIN, strlen(SERVICES_DOMAIN)) == 0;
    if (!len || len >= sizeof out->text || host[len] != '.' || strncasecmp(host, "xn--", 4) == 0)
        return false;
    memcpy(out->text, host, len);
    out->text[len] = '\0';
    for (char *c = out->text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    char *first = strstr(out->text, "--"), *second = first ? strstr(first + 2, "--") : NULL;
    if (!first || first == out->text || (!second && !ours) || second == first + 2)
        return false;
    out->sandbox = first + 2;
    out->service = second ? second + 2 : "";
    *first = '\0';
    if (second)
        *second = '\0';
    out->workspace = out->text;
    return true;
}

static bool is_exposed(const struct http_head *head)
{
    struct named named;
    return read_name(http_head_get(head, "Host"), &named);
}

/* ---- the request ---- */

struct visit {
    struct api *api;
    struct http_request *req;
    struct service_relay *relay;
    struct arena *arena;
    const char *sandbox, *id;                       /* its name */
    struct auth_principal who;
    struct sandbox_service service;
    bool failed;
    struct error err;
};

static void free_visit(struct visit *v)
{
    arena_free(v->arena);
    free(v);
}

static void port_came(void *arg, struct net_stream *session, const struct error *err)
{
    struct visit *v = arg;
    service_relay_run(v->relay, session ? runtime_port_stream(session) : NULL, err);
    free_visit(v);
}

/* Worker thread.  What the sandbox does for its visitor it does for somebody who could ask for it
 * by a command. */
static void note_visitor(void *arg)
{
    struct visit *v = arg;
    auth_look_up_name(&v->who, v->api->auth.accounts);
    const struct store_user user = {v->who.name, v->who.account};
    v->failed = runtime_exec_note(v->api->store, v->id, &user, &v->err) != 0;
}

static void visitor_noted(void *arg)
{
    struct visit *v = arg;
    const struct sandbox_exec command = {.service = SANDBOX_SERVICE_TCP, .port = v->service.port};
    if (!v->failed)
        v->failed =
            runtime_exec(v->api->runtime, v->id, &v->who, &command, port_came, v, &v->err) != 0;
    if (!v->failed)
        return;
    service_relay_run(v->relay, NULL, &v->err);
    free_visit(v);
}

/* ---- who asks ---- */

static void refuse(struct http_request *req, const struct auth_refusal *refusal)
{
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%d", refusal->retry_s);
    if (refusal->challenge)
        http_header(req, "WWW-Authenticate", "Bearer");
    if (refusal->retry_s)
        http_header(req, "Retry-After", seconds);
    http_respond_error(req, &refusal->err);
}

/* Also that the sandbox which has the name now is the one that was judged. */
static bool find_service(struct visit *v, const struct named *named)
{
    struct auth_sandbox sandbox;
    if (runtime_find_service(v->api->runtime, named->workspace, named->sandbox, named->service,
                             v->arena, &sandbox, &v->service) &&
        strcmp(sandbox.id, v->who.asked) == 0) {
        v->id = arena_str(v->arena, sandbox.id);
        v->sandbox = arena_str(v->arena, named->sandbox);
        return true;
    }
    error_set(&v->err, ERROR_NOT_FOUND,
              "sandbox '%s' exposes no service '%s': sandboxes expose what ExposeService names",
              named->sandbox, named->service);
    return false;
}

static void begin(struct visit *v, const struct auth_principal *who)
{
    struct auth_principal *kept = alloc_zero(1, sizeof *kept);
    *kept = *who;
    v->req->user = kept;
    v->req->free_user = free;
    v->relay = service_relay_new(v->api, v->req, v->sandbox);
    jobs_run(v->api->jobs, NULL, note_visitor, visitor_noted, v);
}

static void handle(struct http_request *req, void *ctx)
{
    struct api *api = ctx;
    struct named named;
    struct auth_refusal refusal;
    struct visit *v = alloc_zero(1, sizeof *v);
    *v = (struct visit){.api = api, .req = req, .arena = arena_new()};
    read_name(http_request_header(req, "Host"), &named);
    const struct auth_question question = {
        .permission = AUTH_SANDBOX_RUN, .sandbox = named.sandbox, .local_names = true};
    if (auth_admit(&api->auth, req, &question, &v->who, &refusal) != 0) {
        refuse(req, &refusal);
    } else if (api->draining) {
        http_respond_problem(req, 503, "draining", NULL, "the gateway is stopping", NULL);
    } else if (!find_service(v, &named)) {
        http_respond_error(req, &v->err);
    } else {
        begin(v, &v->who);
        return;
    }
    free_visit(v);
}

const struct http_service api_exposed_services = {is_exposed,
                                                  {.handler = handle, .reads_body = true}};
