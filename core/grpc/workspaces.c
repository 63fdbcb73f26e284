/* SPDX-License-Identifier: Apache-2.0 */
/* The one workspace that there is, and lists of what this gateway does not have: clients ask for
 * them when they start. */
#include <string.h>

#include "grpc/work.h"

#define ONLY "default"

static void put_workspace(struct doc_writer *w)
{
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "metadata");
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "id", ONLY);
    grpc_put_text(w, "name", ONLY);
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
    const char *name;
    if (grpc_required(work, "name", &name) != 0)
        return -1;
    if (strcmp(name, ONLY) != 0)
        return error_set(&work->err, ERROR_NOT_FOUND, "workspace '%.100s' not found", name);
    doc_write_key(w, "workspace");
    put_workspace(w);
    return 0;
}

static int list(struct grpc_work *work, struct doc_writer *w)
{
    (void)work;
    doc_write_key(w, "workspaces");
    doc_write_open(w, DOC_LIST);
    put_workspace(w);
    doc_write_close(w, DOC_LIST);
    return 0;
}

static int create(struct grpc_work *work, struct doc_writer *w)
{
    const char *name;
    (void)w;
    if (grpc_required(work, "name", &name) != 0)
        return -1;
    if (strcmp(name, ONLY) == 0)
        return error_set(&work->err, ERROR_EXISTS, "workspace already exists");
    return error_set(&work->err, ERROR_UNSUPPORTED,
                     "this gateway has the one workspace '" ONLY "' and makes no others");
}

static int delete(struct grpc_work *work, struct doc_writer *w)
{
    const char *name;
    if (grpc_required(work, "name", &name) != 0)
        return -1;
    if (strcmp(name, ONLY) == 0)
        return error_set(&work->err, ERROR_STATE, "the default workspace cannot be deleted");
    if (!grpc_flag(work, "allow_missing"))
        return error_set(&work->err, ERROR_NOT_FOUND, "workspace '%.100s' not found", name);
    grpc_put_text(w, "outcome", "ALREADY_ABSENT");
    return 0;
}

/* ---- what there is none of ---- */

static int find_no_service(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return error_set(&work->err, ERROR_NOT_FOUND, "service endpoint not found");
}

static int find_no_template(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return error_set(&work->err, ERROR_NOT_FOUND, "sandbox template not found");
}

static int list_nothing(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return grpc_check_workspace(work);
}

static const struct grpc_method methods[] = {
    READ("GetWorkspace", AUTH_SANDBOX_READ, get),
    READ("ListWorkspaces", AUTH_SANDBOX_READ, list),
    READ("CreateWorkspace", AUTH_SANDBOX_CREATE, create),
    READ("DeleteWorkspace", AUTH_SANDBOX_DELETE, delete),
    READ("GetService", AUTH_SANDBOX_READ, find_no_service),
    READ("GetSandboxTemplate", AUTH_SANDBOX_READ, find_no_template),
    READ("ListWorkspaceMembers", AUTH_SANDBOX_READ, list_nothing),
    READ("ListSandboxTemplates", AUTH_SANDBOX_READ, list_nothing),
    READ("ListServices", AUTH_SANDBOX_READ, list_nothing),
};

const struct grpc_methods grpc_workspace_methods = {OPENSHELL_SERVICE, methods,
                                                    sizeof methods / sizeof *methods};
