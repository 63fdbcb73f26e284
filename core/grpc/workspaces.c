/* SPDX-License-Identifier: Apache-2.0 */
/* Workspaces, which group sandboxes, and lists of what this gateway does not have: clients ask for
 * them when they start. */
#include <ctype.h>
#include <string.h>

#include "base/digest.h"
#include "grpc/page.h"
#include "grpc/work.h"
#include "runtime/record.h"

static void put_workspace(struct doc_writer *w, const struct store_workspace *workspace)
{
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "metadata");
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "id", workspace->id);
    grpc_put_text(w, "name", workspace->name);
    grpc_put_time(w, "created_at_ms", "created_time", workspace->created_at_ms);
    doc_write_key(w, "labels");
    doc_write_json(w, workspace->labels_json);
    grpc_put_number(w, "resource_version", 1);
    doc_write_close(w, DOC_MAP);
    doc_write_key(w, "status");
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "phase", "ACTIVE");
    doc_write_close(w, DOC_MAP);
    doc_write_close(w, DOC_MAP);
}

static int get(struct grpc_work *work, struct doc_writer *w)
{
    struct store_workspace found;
    const char *name;
    if (grpc_required(work, "name", &name) != 0 ||
        store_workspace_get(work->grpc->store, name, work->arena, &found, &work->err) != 0)
        return -1;
    doc_write_key(w, "workspace");
    put_workspace(w, &found);
    return 0;
}

static int list(struct grpc_work *work, struct doc_writer *w)
{
    struct store_workspace *items;
    size_t n, offset, limit, seen = 0;
    int fits = 0;
    if (grpc_page(work, &offset, &limit) != 0 ||
        store_workspace_list(work->grpc->store, work->arena, &items, &n, &work->err) != 0)
        return -1;
    doc_write_key(w, "workspaces");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < n && fits >= 0; i++) {
        fits = grpc_selected(work, items[i].labels_json);
        if (fits > 0 && seen >= offset && seen < offset + limit)
            put_workspace(w, &items[i]);
        seen += fits > 0;
    }
    doc_write_close(w, DOC_LIST);
    if (seen > offset + limit)
        grpc_put_next_page(w, offset + limit);
    return fits < 0 ? -1 : 0;
}

/* The words are those that clients look for. */
static int check_name(struct grpc_work *work, const char *name)
{
    size_t len = strlen(name);
    bool letters = name[0] != '-' && name[len - 1] != '-' && !strstr(name, "--");
    for (const char *c = name; letters && *c; c++)
        letters = islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '-';
    if (len > SANDBOX_NAME_MAX)
        return error_set(&work->err, ERROR_MALFORMED, "name exceeds maximum length (%zu > %d)",
                         len, SANDBOX_NAME_MAX);
    if (letters)
        return 0;
    return error_set(&work->err, ERROR_MALFORMED,
                     "name must contain only lowercase alphanumeric characters or hyphens, with "
                     "no hyphen at its ends or beside another");
}

static int insert(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_workspace_insert(tx, arg, err);
}

static int create(struct grpc_work *work, struct doc_writer *w)
{
    char id[UUID_SIZE];
    struct store_workspace made = {.id = digest_uuid(id), .created_at_ms = clock_now_ms()};
    if (grpc_required(work, "name", &made.name) != 0 || check_name(work, made.name) != 0)
        return -1;
    made.labels_json = grpc_json(work, doc_get(work->request, "labels"), "{}");
    sandbox_labels_check(made.labels_json, work->arena, &work->problems);
    if (work->problems.n)
        return error_set(&work->err, ERROR_INVALID, "no workspace was made");
    if (store_write(work->grpc->store, insert, &made, &work->err) != 0)
        return -1;
    log_info(work->grpc->log, "workspace %s: made by %s", made.name, work->who.name);
    doc_write_key(w, "workspace");
    put_workspace(w, &made);
    return 0;
}

static int remove_named(struct store_tx *tx, void *name, struct error *err)
{
    return store_tx_workspace_delete(tx, name, err);
}

static int delete(struct grpc_work *work, struct doc_writer *w)
{
    const char *name;
    if (grpc_required(work, "name", &name) != 0)
        return -1;
    if (store_write(work->grpc->store, remove_named, (void *)(uintptr_t)name, &work->err) != 0) {
        if (work->err.kind != ERROR_NOT_FOUND || !grpc_flag(work, "allow_missing"))
            return -1;
        grpc_put_text(w, "outcome", "ALREADY_ABSENT");
        return 0;
    }
    log_info(work->grpc->log, "workspace %s: deleted by %s", name, work->who.name);
    doc_write_key(w, "deleted");
    doc_write_bool(w, true);
    grpc_put_text(w, "outcome", "COMPLETED");
    return 0;
}

/* ---- what there is none of ---- */

static int find_no_template(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return error_set(&work->err, ERROR_NOT_FOUND, "sandbox template not found");
}

static int end_absent(struct grpc_work *work, struct doc_writer *w, const char *field,
                      const char *missing)
{
    const char *name, *workspace;
    if (grpc_required(work, field, &name) != 0 || grpc_workspace(work, &workspace) != 0)
        return -1;
    if (!grpc_flag(work, "allow_missing"))
        return error_set(&work->err, ERROR_NOT_FOUND, "%s", missing);
    grpc_put_text(w, "outcome", "ALREADY_ABSENT");
    return 0;
}

static int delete_template(struct grpc_work *work, struct doc_writer *w)
{
    return end_absent(work, w, "name", "sandbox template not found");
}

static int remove_member(struct grpc_work *work, struct doc_writer *w)
{
    return end_absent(work, w, "principal_subject", "member not found");
}

static int refuse_template(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return error_set(
        &work->err, ERROR_UNSUPPORTED,
        "this gateway keeps no sandbox templates: say in CreateSandbox what a sandbox has");
}

static int refuse_member(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return error_set(
        &work->err, ERROR_UNSUPPORTED,
        "workspaces of this gateway have no members: grant permissions in sluice.yaml");
}

static int list_nothing(struct grpc_work *work, struct doc_writer *w)
{
    const char *workspace;
    (void)w;
    return grpc_workspace(work, &workspace);
}

static const struct grpc_method methods[] = {
    READ("GetWorkspace", AUTH_SANDBOX_READ, get),
    READ("ListWorkspaces", AUTH_SANDBOX_READ, list),
    READ("CreateWorkspace", AUTH_SANDBOX_DELETE, create, .administers = true),
    READ("DeleteWorkspace", AUTH_SANDBOX_DELETE, delete, .administers = true),
    READ("GetSandboxTemplate", AUTH_SANDBOX_READ, find_no_template),
    READ("ListWorkspaceMembers", AUTH_SANDBOX_READ, list_nothing),
    READ("CreateSandboxTemplate", AUTH_SANDBOX_DELETE, refuse_template),
    READ("DeleteSandboxTemplate", AUTH_SANDBOX_DELETE, delete_template),
    READ("AddWorkspaceMember", AUTH_SANDBOX_DELETE, refuse_member),
    READ("RemoveWorkspaceMember", AUTH_SANDBOX_DELETE, remove_member),
    READ("ListSandboxTemplates", AUTH_SANDBOX_READ, list_nothing),
};

const struct grpc_methods grpc_workspace_methods = {OPENSHELL_SERVICE, methods,
                                                    sizeof methods / sizeof *methods};
