/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway itself: Health, GetGatewayInfo, GetCurrentUser, and its only workspace. */
#include <string.h>

#include "grpc/work.h"

static int put_health(struct grpc_work *work, struct doc_writer *w)
{
    grpc_put_text(w, "status", *work->grpc->draining ? "DEGRADED" : "HEALTHY");
    grpc_put_text(w, "version", SLUICE_VERSION);
    return 0;
}

static void put_driver(struct doc_writer *w)
{
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "name", "sluice");
    doc_write_key(w, "capabilities");
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "driver_name", "sluice");
    grpc_put_text(w, "driver_version", SLUICE_VERSION);
    doc_write_close(w, DOC_MAP);
    doc_write_close(w, DOC_MAP);
}

static int put_info(struct grpc_work *work, struct doc_writer *w)
{
    grpc_put_text(w, "status", *work->grpc->draining ? "DEGRADED" : "HEALTHY");
    grpc_put_text(w, "gateway_version", SLUICE_VERSION);
    doc_write_key(w, "compute_drivers");
    doc_write_open(w, DOC_LIST);
    put_driver(w);
    doc_write_close(w, DOC_LIST);
    return 0;
}

static int put_user(struct grpc_work *work, struct doc_writer *w)
{
    grpc_put_text(w, "subject", work->who.name);
    grpc_put_text(w, "display_name", work->who.name);
    doc_write_key(w, "roles");
    doc_write_open(w, DOC_LIST);
    if (strcmp(work->who.powers.role, auth_role_word(AUTH_ADMIN)) == 0)
        doc_write_text(w, "openshell-admin");
    doc_write_text(w, "openshell-user");
    doc_write_close(w, DOC_LIST);
    grpc_put_text(w, "identity_provider", auth_identity_word(&work->who));
    return 0;
}

static const struct grpc_method methods[] = {
    READ("Health", AUTH_ANYBODY, put_health),
    READ("GetGatewayInfo", AUTH_GATEWAY_READ, put_info),
    READ("GetCurrentUser", AUTH_GATEWAY_READ, put_user),
};

const struct grpc_methods grpc_gateway_methods = {OPENSHELL_SERVICE, methods,
                                                  sizeof methods / sizeof *methods};
