/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxes: made, seen, stopped, started and deleted, by the same calls as in the HTTP API. */
#include "grpc/sandboxes.h"

#include <stdlib.h>
#include <string.h>

#include "auth/holders.h"
#include "grpc/exposed.h"
#include "grpc/page.h"
#include "grpc/providers.h"
#include "grpc/template.h"
#include "grpc/work.h"
#include "runtime/record.h"
#include "runtime/sessions/exec.h"

/* ---- a sandbox ---- */

/* It grows with each change of the policy: what a client can compare. */
static uint64_t version_of(const struct store_sandbox *s)
{
    return s->revision ? s->revision : 1;
}

static void put_metadata(struct doc_writer *w, const struct store_sandbox *s)
{
    doc_write_key(w, "metadata");
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "id", s->id);
    grpc_put_text(w, "name", s->name);
    grpc_put_time(w, "created_at_ms", "created_time", s->created_at_ms);
    doc_write_key(w, "labels");
    doc_write_json(w, s->labels_json);
    grpc_put_number(w, "resource_version", version_of(s));
    grpc_put_text(w, "workspace", s->workspace);
    doc_write_close(w, DOC_MAP);
}

/* Clients print reason and message of a sandbox that failed. */
static void put_ready(struct doc_writer *w, const char *phase, const char *problem)
{
    bool ready = strcmp(phase, "ready") == 0;
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "type", "Ready");
    grpc_put_text(w, "status", ready ? "True" : "False");
    grpc_put_word(w, "reason", phase);
    grpc_put_text(w, "message", problem);
    doc_write_close(w, DOC_MAP);
}

static void put_conditions(struct doc_writer *w, const struct store_sandbox *s, const char *phase)
{
    doc_write_key(w, "conditions");
    doc_write_open(w, DOC_LIST);
    put_ready(w, phase, s->error);
    grpc_put_image_condition(w, s);
    doc_write_close(w, DOC_LIST);
}

static void put_status(struct doc_writer *w, const struct store_sandbox *s, const char *phase)
{
    doc_write_key(w, "status");
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "sandbox_name", s->name);
    put_conditions(w, s, phase);
    grpc_put_word(w, "phase", phase);
    grpc_put_number(w, "current_policy_version", s->revision);
    if (s->main_ended_ms)
        grpc_put_number(w, "exit_code", (uint64_t)s->main_code);
    doc_write_close(w, DOC_MAP);
}

/* Clients that attach look whether it has a terminal. */
static void put_main(struct doc_writer *w, const char *main_json)
{
    json_t *main = json_loads(main_json, 0, NULL), *command = json_object_get(main, "command");
    size_t i;
    json_t *word;
    doc_write_key(w, "command");
    doc_write_open(w, DOC_LIST);
    json_array_foreach(command, i, word)
        doc_write_text(w, json_string_value(word));
    doc_write_close(w, DOC_LIST);
    doc_write_key(w, "tty");
    doc_write_bool(w, json_is_true(json_object_get(main, "tty")));
    json_decref(main);
}

static void put_spec(struct doc_writer *w, const struct store_sandbox *s,
                     const struct store_revision *r)
{
    doc_write_key(w, "spec");
    doc_write_open(w, DOC_MAP);
    grpc_put_template(w, s);
    if (*s->main_json)
        put_main(w, s->main_json);
    if (r) {
        doc_write_key(w, "policy");
        doc_write_json(w, r->policy_json);
    }
    doc_write_close(w, DOC_MAP);
}

void grpc_put_sandbox(struct doc_writer *w, const struct store_sandbox *s,
                      const struct store_revision *r, const char *phase)
{
    doc_write_open(w, DOC_MAP);
    put_metadata(w, s);
    put_spec(w, s, r);
    put_status(w, s, phase);
    doc_write_close(w, DOC_MAP);
}

int grpc_answer_sandbox(struct grpc_work *work, struct doc_writer *w,
                        const struct store_sandbox *s, const char *phase)
{
    struct store_revision r;
    if (store_revision_get(work->grpc->store, s->id, 0, work->arena, &r, &work->err) != 0)
        return -1;
    doc_write_key(w, "sandbox");
    grpc_put_sandbox(w, s, &r, phase);
    return 0;
}

static int get(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    if (grpc_find_sandbox(work, "name", &s) != 0)
        return -1;
    return grpc_answer_sandbox(work, w, &s, s.phase);
}

/* ---- ListSandboxes ---- */

static int list(struct grpc_work *work, struct doc_writer *w)
{
    const char *workspace;
    struct store_sandbox *items;
    size_t n, offset, limit, seen = 0;
    int fits = 0;
    if (grpc_workspace(work, &workspace) != 0 || grpc_page(work, &offset, &limit) != 0 ||
        store_sandbox_list(work->grpc->store, work->arena, &items, &n, &work->err) != 0)
        return -1;
    doc_write_key(w, "sandboxes");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < n && fits >= 0; i++) {
        fits = grpc_selected(work, items[i].labels_json);
        if (fits < 0 || (workspace && strcmp(items[i].workspace, workspace) != 0))
            continue;
        if (fits > 0 && seen >= offset && seen < offset + limit)
            grpc_put_sandbox(w, &items[i], NULL, items[i].phase);
        seen += fits > 0;
    }
    doc_write_close(w, DOC_LIST);
    if (seen > offset + limit)
        grpc_put_next_page(w, offset + limit);
    return fits < 0 ? -1 : 0;
}

/* ---- CreateSandbox ---- */

/* What sandboxes here do not have is refused, rather than left out. */
static int check_spec(struct grpc_work *work, const struct doc_node *spec)
{
    const struct doc_node *resources = doc_get(spec, "resource_requirements");
    if (*grpc_text(work, "workload_template"))
        return error_set(&work->err, ERROR_NOT_FOUND, "sandbox template not found");
    if (resources && doc_get(resources, "gpu"))
        return error_set(&work->err, ERROR_STATE,
                         "sandboxes of this gateway have no GPU: leave "
                         "resource_requirements.gpu out");
    return grpc_check_providers(work, spec);
}

/* It starts at once, or with its first client where the request says that one comes: then that
 * client's input is its own.  Clients attach by SSH. */
static const struct sandbox_exec *read_main(struct grpc_work *work, const struct doc_node *spec)
{
    const struct doc_node *command = doc_get(spec, "command"), *tty = doc_get(spec, "tty");
    struct sandbox_exec *main = arena_zalloc(work->arena, sizeof *main);
    if (!command || !command->n)
        return NULL;
    const char **words = arena_zalloc(work->arena, (command->n + 1) * sizeof *words);
    for (size_t i = 0; i < command->n; i++)
        words[i] = command->items[i]->text;
    *main = (struct sandbox_exec){.command = words,
                                  .n_command = command->n,
                                  .tty = tty && strcmp(tty->text, "true") == 0,
                                  .detach = !grpc_flag(work, "await_main_process_attachment")};
    return main;
}

static void set_owner(struct grpc_work *work, struct store_sandbox *record)
{
    char *holders = auth_holders_new(&work->who);
    record->holders_json = arena_str(work->arena, holders);
    free(holders);
}

static int make_record(struct grpc_work *work, const struct doc_node *spec,
                       const char *workspace, struct store_sandbox *out)
{
    struct runtime_host host;
    struct sandbox_wanted wanted = {
        .name = grpc_text(work, "name"),
        .network = "proxy",
        .approval_mode = "manual",
        .memory = "",
        .labels_json = grpc_json(work, doc_get(work->request, "labels"), ""),
        .env_json = grpc_json(work, doc_get(spec, "environment"), ""),
        .main = read_main(work, spec),
    };
    if (grpc_read_template(work, spec, &wanted) != 0)
        return -1;
    runtime_host(work->grpc->runtime, &host);
    sandbox_record_make(&wanted, &host, work->arena, out, &work->problems);
    out->workspace = workspace;
    if (grpc_read_exposures(work, out) != 0)
        return -1;
    set_owner(work, out);
    return work->problems.n ? error_set(&work->err, ERROR_INVALID, "no sandbox was made") : 0;
}

static int read_made(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    if (store_sandbox_by_id(work->grpc->store, work->then_arg, work->arena, &s, &work->err) != 0)
        return -1;
    grpc_put_service_urls(work, w, &s);
    /* Clients wait until they have seen it change to READY. */
    return grpc_answer_sandbox(work, w, &s, "provisioning");
}

static void made(void *arg, const struct error *err)
{
    struct grpc_work *work = arg;
    if (err)
        grpc_work_fail(work, err);
    else
        grpc_work_again(work, read_made);
}

static void unmade(void *arg, const struct error *err)
{
    struct grpc_work *work = arg;
    const struct error why = work->err;
    (void)err;
    grpc_work_fail(work, &why);
}

/* One that did not get its providers; work->err says why. */
static void unmake(struct grpc_work *work)
{
    runtime_delete(work->grpc->runtime, work->then_arg, unmade, work);
}

static void start_made(struct grpc_work *work)
{
    runtime_create(work->grpc->runtime, work->then_arg, made, work);
}

static int create(struct grpc_work *work, struct doc_writer *w)
{
    const struct doc_node *spec = doc_get(work->request, "spec");
    struct store_sandbox *record = arena_zalloc(work->arena, sizeof *record);
    struct update_result result;
    const char *workspace;
    (void)w;
    if (!spec)
        return error_set(&work->err, ERROR_MALFORMED, "spec is required");
    if (grpc_workspace(work, &workspace) != 0)
        return -1;
    if (!workspace)
        return error_set(&work->err, ERROR_MALFORMED, "workspace is required");
    if (check_spec(work, spec) != 0 || make_record(work, spec, workspace, record) != 0)
        return -1;
    const struct update_request request = {
        .kind = SLUICE_CREATE,
        .sandbox = record->name,
        .actor = auth_actor(&work->who),
        .account = work->who.account,
        .create = record,
        .document = doc_get(spec, "policy"),
        .document_path = "spec.policy",
    };
    if (update_run(work->grpc->updates, &request, work->arena, &result, &work->problems,
                   &work->err) != 0 ||
        grpc_check_outcome(work, &result) != 0)
        return -1;
    const struct store_user user = {work->who.name, work->who.account};
    bool noted = !*record->main_json ||
                 runtime_exec_note(work->grpc->store, record->id, &user, &work->err) == 0;
    work->then = noted && grpc_attach_providers(work, spec, record) == 0 ? start_made : unmake;
    work->then_arg = (void *)(uintptr_t)record->id;
    return 0;
}

/* ---- stop, start, delete ---- */

static int read_changed(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    if (store_sandbox_by_id(work->grpc->store, work->then_arg, work->arena, &s, &work->err) != 0)
        return -1;
    return grpc_answer_sandbox(work, w, &s, s.phase);
}

static void changed(void *arg, const struct error *err)
{
    struct grpc_work *work = arg;
    if (err)
        grpc_work_fail(work, err);
    else
        grpc_work_again(work, read_changed);
}

static void begin_stop(struct grpc_work *work)
{
    runtime_stop(work->grpc->runtime, work->then_arg, changed, work);
}

static void begin_start(struct grpc_work *work)
{
    runtime_start(work->grpc->runtime, work->then_arg, changed, work);
}

static int change_life(struct grpc_work *work, void (*begin)(struct grpc_work *))
{
    struct store_sandbox s;
    if (grpc_find_sandbox(work, "name", &s) != 0)
        return -1;
    work->then = begin;
    work->then_arg = (void *)(uintptr_t)s.id;
    return 0;
}

static int stop(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return change_life(work, begin_stop);
}

static int start(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return change_life(work, begin_start);
}

static int put_deleted(struct grpc_work *work, struct doc_writer *w)
{
    doc_write_key(w, "deleted");
    doc_write_bool(w, true);
    grpc_put_text(w, "outcome", "COMPLETED");
    grpc_put_text(w, "sandbox_id", work->then_arg);
    return 0;
}

static void deleted(void *arg, const struct error *err)
{
    struct grpc_work *work = arg;
    if (err)
        grpc_work_fail(work, err);
    else
        grpc_work_again(work, put_deleted);
}

static void begin_delete(struct grpc_work *work)
{
    runtime_delete(work->grpc->runtime, work->then_arg, deleted, work);
}

static int delete(struct grpc_work *work, struct doc_writer *w)
{
    if (change_life(work, begin_delete) == 0)
        return 0;
    if (work->err.kind != ERROR_NOT_FOUND || !grpc_flag(work, "allow_missing"))
        return -1;
    grpc_put_text(w, "outcome", "ALREADY_ABSENT");
    return 0;
}

/* ---- the methods ---- */

static const struct grpc_method methods[] = {
    CHANGE("CreateSandbox", AUTH_SANDBOX_CREATE, create, .administers = true),
    READ_ONE("GetSandbox", AUTH_SANDBOX_READ, get),
    READ("ListSandboxes", AUTH_SANDBOX_READ, list),
    READ_ONE("StopSandbox", AUTH_SANDBOX_RUN, stop, .administers = true),
    READ_ONE("StartSandbox", AUTH_SANDBOX_RUN, start, .administers = true),
    READ_ONE("DeleteSandbox", AUTH_SANDBOX_DELETE, delete, .administers = true),
};

const struct grpc_methods grpc_sandbox_methods = {OPENSHELL_SERVICE, methods,
                                                  sizeof methods / sizeof *methods};
