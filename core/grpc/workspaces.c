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

static int list_nothing(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return grpc_check_workspace(work);
}

static const struct grpc_method methods[] = {
    READ("GetWorkspace", AUTH_SANDBOX_READ, get),
    READ("ListWorkspaces", AUTH_SANDBOX_READ, list),
    READ("ListWorkspaceMembers", AUTH_SANDBOX_READ, list_nothing),
    READ("ListProviders", AUTH_SANDBOX_READ, list_nothing),
    READ("ListProviderProfiles", AUTH_SANDBOX_READ, list_nothing),
    READ("ListSandboxProviders", AUTH_SANDBOX_READ, list_nothing),
    READ("ListSandboxTemplates", AUTH_SANDBOX_READ, list_nothing),
    READ("ListServices", AUTH_SANDBOX_READ, list_nothing),
};

const struct grpc_methods grpc_workspace_methods = {OPENSHELL_SERVICE, methods,
                                                    sizeof methods / sizeof *methods};
