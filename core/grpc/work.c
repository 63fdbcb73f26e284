/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/holders.h"
#include "auth/lease.h"
#include "base/alloc.h"
#include "grpc/details.h"
#include "runtime/events.h"
#include "runtime/jobs.h"

/* ---- the request ---- */

static const struct doc_node *get(const struct grpc_work *work, const char *field)
{
    return doc_get(work->request, field);
}

const char *grpc_text(const struct grpc_work *work, const char *field)
{
    const struct doc_node *value = get(work, field);
    return value ? value->text : "";
}

uint64_t grpc_number(const struct grpc_work *work, const char *field)
{
    return strtoull(grpc_text(work, field), NULL, 10);
}

bool grpc_flag(const struct grpc_work *work, const char *field)
{
    return strcmp(grpc_text(work, field), "true") == 0;
}

int grpc_required(struct grpc_work *work, const char *field, const char **out)
{
    *out = grpc_text(work, field);
    return **out ? 0 : error_set(&work->err, ERROR_MALFORMED, "%s is required", field);
}

const char *grpc_json(struct grpc_work *work, const struct doc_node *tree, const char *without)
{
    struct buf text = {0};
    struct doc_json_writer json;
    if (!tree)
        return without;
    doc_write_tree(doc_json_writer(&json, &text), tree);
    const char *copy = arena_str(work->arena, buf_str(&text));
    buf_free(&text);
    return copy;
}

int64_t grpc_parse_time(const char *text)
{
    struct tm tm = {0};
    double seconds = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%lfZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &seconds) != 6)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000 + (int64_t)(seconds * 1000 + .5);
}

int64_t grpc_time(const struct grpc_work *work, const char *ms_field, const char *time_field)
{
    const char *newer = grpc_text(work, time_field);
    return *newer ? grpc_parse_time(newer) : strtoll(grpc_text(work, ms_field), NULL, 10);
}

/* Only the newer wire has scopes, request ids, page tokens and times that are messages. */
static bool is_newer(const struct grpc_work *work)
{
    static const char *const marks[] = {"workspace_scope", "request_id", "page_token",
                                        "since_time", "execution_timeout", "allow_missing",
                                        "resume_after_cursor", "no_login_shell"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (get(work, marks[i]))
            return true;
    return false;
}

/* "": none is named. */
static const char *named_workspace(const struct grpc_work *work)
{
    const struct doc_node *scope = get(work, "workspace_scope");
    const struct doc_node *named = scope ? doc_get(scope, "workspace") : get(work, "workspace");
    return named ? named->text : "";
}

static bool asks_for_all(const struct grpc_work *work)
{
    const struct doc_node *scope = get(work, "workspace_scope");
    return (scope && doc_get(scope, "all_workspaces")) || grpc_flag(work, "all_workspaces");
}

int grpc_workspace(struct grpc_work *work, const char **out)
{
    struct store_workspace found;
    const char *name = named_workspace(work);
    bool all = asks_for_all(work);
    if (all && *name)
        return error_set(&work->err, ERROR_MALFORMED,
                         "all_workspaces and workspace are mutually exclusive");
    *out = all ? NULL : *name ? name : STORE_WORKSPACE;
    if (!*name || strcmp(name, STORE_WORKSPACE) == 0)
        return 0;
    return store_workspace_get(work->grpc->store, name, work->arena, &found, &work->err);
}

static int find_sandbox(struct grpc_work *work, const char *field, struct store_sandbox *out)
{
    struct store *store = work->grpc->store;
    const char *name, *workspace;
    if (grpc_required(work, field, &name) != 0 || grpc_workspace(work, &workspace) != 0)
        return -1;
    if (store_sandbox_get(store, name, work->arena, out, &work->err) == 0) {
        if (!workspace || strcmp(out->workspace, workspace) == 0)
            return 0;
    } else if (work->err.kind == ERROR_NOT_FOUND && !get(work, "workspace_scope") &&
               store_sandbox_by_id(store, name, work->arena, out, &work->err) == 0 &&
               !out->deleted_at_ms &&
               (!*named_workspace(work) || strcmp(out->workspace, workspace) == 0)) {
        return 0;
    }
    /* Clients look for these words. */
    return error_set(&work->err, ERROR_NOT_FOUND, "sandbox not found");
}

static int judge(struct grpc_work *work, enum auth_permission permission,
                 const struct auth_sandbox *sandbox)
{
    work->judged = true;
    if (sandbox)
        auth_ask_about(&work->who, sandbox);
    return auth_check(&work->who, permission, sandbox ? sandbox->id : NULL, &work->err);
}

int grpc_judge(struct grpc_work *work, const struct auth_sandbox *sandbox)
{
    return judge(work, work->permission, sandbox);
}

/* Only those who might do this to some sandbox are told that there is none of that name. */
static int refuse_missing(struct grpc_work *work, enum auth_permission permission)
{
    const struct auth_principal *who = &work->who;
    bool some = (who->powers.all | who->powers.own) & UINT32_C(1) << permission;
    work->judged = true;
    if (work->err.kind == ERROR_NOT_FOUND && (!some || *who->only))
        judge(work, permission, &(struct auth_sandbox){"", AUTH_NO_HOLDERS});
    return -1;
}

int grpc_find_sandbox_to(struct grpc_work *work, const char *field,
                         enum auth_permission permission, struct store_sandbox *out)
{
    if (find_sandbox(work, field, out) != 0)
        return refuse_missing(work, permission);
    work->judged_of = out->name;
    return judge(work, permission, &(struct auth_sandbox){out->id, out->holders_json});
}

int grpc_find_sandbox(struct grpc_work *work, const char *field, struct store_sandbox *out)
{
    return grpc_find_sandbox_to(work, field, work->permission, out);
}

/* ---- the answer ---- */

void grpc_put_text(struct doc_writer *w, const char *field, const char *text)
{
    if (!text || !*text)
        return;
    doc_write_key(w, field);
    doc_write_text(w, text);
}

void grpc_put_number(struct doc_writer *w, const char *field, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    doc_write_key(w, field);
    doc_write_literal(w, text);
}

void grpc_put_time(struct doc_writer *w, const char *ms_field, const char *time_field, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (!ms)
        return;
    doc_write_key(w, ms_field);
    doc_write_number(w, ms);
    grpc_put_text(w, time_field, clock_format(ms, text));
}

/* The tree that was written, as bytes.  What does not fit its table is our own fault. */
static int encode_tree(struct doc_tree_writer *tree, const struct schema *schema,
                       enum protobuf_modes modes, struct buf *out, struct problems *problems,
                       struct error *err)
{
    struct doc_node *root = doc_tree_writer_end(tree);
    if (!root || protobuf_encode(schema, root, modes, out, problems) != 0)
        return problems_first(problems, ERROR_INTERNAL, err);
    return 0;
}

int grpc_encode(const struct schema *schema, enum protobuf_modes modes,
                void (*fill)(struct doc_writer *w, const void *arg), const void *arg,
                struct buf *out, struct error *err)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_tree_writer tree;
    struct doc_writer *w = doc_tree_writer(&tree, arena, &problems);
    doc_write_open(w, DOC_MAP);
    fill(w, arg);
    doc_write_close(w, DOC_MAP);
    int rc = encode_tree(&tree, schema, modes, out, &problems, err);
    problems_free(&problems);
    arena_free(arena);
    return rc;
}

/* ---- the work ---- */

static void free_work(struct grpc_work *work)
{
    problems_free(&work->problems);
    buf_free(&work->details);
    buf_free(&work->answer);
    if (work->secret)
        arena_wipe(work->arena);
    else
        arena_free(work->arena);
    free(work);
}

/* All that is wrong, as clients show nothing else. */
static void add_problems(struct grpc_work *work)
{
    struct buf text = {0};
    for (size_t i = 0; i < work->problems.n && text.len < sizeof work->err.text; i++) {
        const struct problem *p = &work->problems.items[i];
        buf_printf(&text, "%s%s%s%s", i ? "; " : "", p->path, *p->path ? ": " : "", p->message);
    }
    error_set(&work->err, work->err.kind, "%s", buf_str(&text));
    buf_free(&text);
    grpc_details_problems(&work->details, &work->problems);
}

static void end_failed(struct grpc_work *work)
{
    struct grpc_call *call = work->call;
    call->details = work->details;
    work->details = (struct buf){0};
    grpc_end_error(call, &work->err);
}

/* Our own fault: nobody is answered what nobody judged. */
static void fail_unjudged(struct grpc_work *work)
{
    work->failed = true;
    error_set(&work->err, ERROR_INTERNAL, "it was not judged who may do this");
}

static void run(void *arg)
{
    struct grpc_work *work = arg;
    struct doc_tree_writer tree;
    struct doc_writer *w = doc_tree_writer(&tree, work->arena, &work->problems);
    tree.build.depth_max = DOC_DEPTH_MAX + DOC_AROUND;
    auth_look_up_name(&work->who, work->grpc->auth->accounts);
    doc_write_open(w, DOC_MAP);
    work->failed = work->fn(work, w) != 0;
    if (!work->failed && work->of_sandbox && !work->judged)
        fail_unjudged(work);
    if (work->failed || work->then) {
        doc_tree_writer_end(&tree);
        if (work->problems.n)
            add_problems(work);
        return;
    }
    doc_write_close(w, DOC_MAP);
    work->failed = encode_tree(&tree, work->method->answer, work->modes, &work->answer,
                               &work->problems, &work->err) != 0;
}

/* Who did what, from where, as the API tells it. */
static void tell_administration(const struct grpc_work *work)
{
    const struct auth_principal *who = &work->who;
    events_publish(work->grpc->events, "administration", work->judged_of ? work->judged_of : "",
                   json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "actor", who->name, "role",
                             who->powers.role, "identity", auth_identity_word(who), "origin",
                             who->origin, "method", "POST", "path", work->administers));
}

static void answer(struct grpc_work *work)
{
    struct grpc_call *call = work->call;
    if (work->administers && !work->failed)
        tell_administration(work);
    if (work->replay)
        grpc_replays_end(&work->grpc->replays, work->replay, work->failed ? NULL : &work->answer);
    if (call)
        call->state = NULL;
    if (call && work->failed)
        end_failed(work);
    else if (call)
        grpc_reply(call, buf_str(&work->answer), work->answer.len);
    free_work(work);
}

static void done(void *arg)
{
    struct grpc_work *work = arg;
    void (*then)(struct grpc_work *) = work->then;
    work->then = NULL;
    if (work->judged_of && work->call)
        auth_lease_of_sandbox(work->call->lease, &work->who, work->permission, work->judged_of);
    if (then && !work->failed)
        then(work);
    else
        answer(work);
}

void grpc_work_again(struct grpc_work *work,
                     int (*fn)(struct grpc_work *work, struct doc_writer *answer))
{
    work->fn = fn;
    jobs_run(work->grpc->jobs, NULL, run, done, work);
}

void grpc_work_fail(struct grpc_work *work, const struct error *err)
{
    work->failed = true;
    work->err = *err;
    if (work->problems.n)
        add_problems(work);
    answer(work);
}

void grpc_work_end(struct grpc_work *work, enum grpc_code code, const char *text)
{
    struct grpc_call *call = work->call;
    if (call) {
        call->state = NULL;
        grpc_end(call, code, "%s", text);
    }
    free_work(work);
}

void grpc_forget_work(struct grpc_call *call)
{
    struct grpc_work *work = call->state;
    if (!work)
        return;
    work->call = NULL;
    if (work->gone)
        work->gone(work);
}

static const char *authority_of(struct arena *arena, const struct grpc_call *call)
{
    const char *host = call->req ? http_request_header(call->req, "Host") : NULL;
    return arena_str(arena, host ? host : "");
}

static struct grpc_work *new_work(struct grpc_call *call)
{
    char path[128];
    struct grpc_work *work = alloc_zero(1, sizeof *work);
    snprintf(path, sizeof path, "/" OPENSHELL_SERVICE "/%s", call->method->name);
    work->grpc = call->grpc;
    work->who = call->who;
    work->arena = arena_new();
    work->method = openshell_find_method(path);
    work->call = call;
    work->authority = authority_of(work->arena, call);
    work->fn = call->method->work;
    work->secret = call->method->secret;
    work->of_sandbox = call->method->of_sandbox;
    work->permission = call->method->permission;
    work->administers = call->method->administers ? arena_str(work->arena, path) : NULL;
    return work;
}

/* Calls that change a sandbox wait for each other by its name. */
static const char *key_of(const struct grpc_work *work)
{
    const char *sandbox = grpc_text(work, "sandbox");
    return *sandbox ? sandbox : grpc_text(work, "name");
}

/* ---- repeated requests ---- */

static void refuse_repeat(struct grpc_work *work, const char *reason)
{
    if (reason)
        grpc_details_info(&work->details, reason, NULL, 0);
    end_failed(work);
}

static void reply_again(struct grpc_call *call, const struct buf *answer)
{
    http_header(call->req, OPENSHELL_REPLAYED, "true");
    grpc_reply(call, buf_str(answer), answer->len);
}

/* True: the call has ended, with what the same request was answered before or with a refusal.
 * Streams are never repeated. */
static bool end_repeated(struct grpc_work *work, struct grpc_call *call, const char *bytes,
                         size_t len)
{
    char caller[400];
    const struct grpc_request request = {caller, call->method->name,
                                         grpc_text(work, "request_id"), bytes, len};
    const struct buf *before = NULL;
    const char *reason = NULL;
    if (!*request.id)
        return false;
    /* The name of a uid is looked up later; tokens of one name may have different rights. */
    snprintf(caller, sizeof caller, "%d %u %s %s %s %s", work->who.kind, (unsigned)work->who.uid,
             work->who.name, work->who.powers.role, work->who.proof, work->who.only);
    if (grpc_check_request_id(request.id, &work->err) == 0) {
        work->replay = grpc_replays_begin(&work->grpc->replays, &request, uv_now(work->grpc->loop),
                                          &before, &reason, &work->err);
        if (!work->replay && (call->method->kind & GRPC_SERVER_STREAMS)) {
            before = NULL;
            reason = "REQUEST_STREAM_UNAVAILABLE";
            error_set(&work->err, ERROR_STATE, "a stream is not sent again: take a new request_id");
        }
    }
    if (work->replay)
        return false;
    if (before)
        reply_again(call, before);
    else
        refuse_repeat(work, reason);
    return true;
}

struct grpc_work *grpc_do_with(struct grpc_call *call, const char *bytes, size_t len,
                               void *then_arg)
{
    struct doc_node *request;
    if (!auth_holds(call->grpc->auth, &call->who)) {   /* messages may come long after the head */
        grpc_end(call, GRPC_UNAUTHENTICATED, AUTH_HOLDS_NO_MORE);
        return NULL;
    }
    struct grpc_work *work = new_work(call);
    if (protobuf_decode(work->method->request, bytes, len, work->arena, &request,
                        &work->problems) != 0) {
        work->err.kind = ERROR_MALFORMED;
        add_problems(work);
        end_failed(work);
        free_work(work);
        return NULL;
    }
    work->request = request;
    if (end_repeated(work, call, bytes, len)) {
        free_work(work);
        return NULL;
    }
    work->then_arg = then_arg;
    work->modes = is_newer(work) ? PROTOBUF_ENUMS : PROTOBUF_TEXTS;
    call->state = work;
    jobs_run(work->grpc->jobs, call->method->ordered ? key_of(work) : NULL, run, done, work);
    return work;
}

void grpc_do(struct grpc_call *call, const char *bytes, size_t len)
{
    grpc_do_with(call, bytes, len, NULL);
}
