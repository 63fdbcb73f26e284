/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/services.h"

#include <string.h>

#include "grpc/grpc.h"

static const struct grpc_methods *const all[] = {
    &grpc_health_methods,
    &grpc_reflection_methods,
    &grpc_reflection_alpha_methods,
    &grpc_gateway_methods,
    &grpc_workspace_methods,
    &grpc_sandbox_methods,
    &grpc_config_methods,
    &grpc_drafts_methods,
    &grpc_exec_methods,
    &grpc_forward_methods,
    &grpc_logs_methods,
    &grpc_watch_methods,
    &grpc_provider_methods,
    &grpc_profile_methods,
    &grpc_attachment_methods,
    &grpc_refresh_methods,
    &grpc_exposed_methods,
};

const struct grpc_services grpc_all_services = {all, sizeof all / sizeof *all};

static bool is_named(const struct grpc_methods *service, const char *name, size_t len)
{
    return strlen(service->service) == len && memcmp(service->service, name, len) == 0;
}

static bool find_service(const struct grpc_services *services, const char *name, size_t len)
{
    for (size_t i = 0; i < services->n; i++)
        if (is_named(services->items[i], name, len))
            return true;
    return false;
}

bool grpc_has_service(const struct grpc_services *services, const char *name)
{
    return find_service(services, name, strlen(name));
}

static const struct grpc_method *find_method(const struct grpc_methods *service, const char *name)
{
    for (size_t i = 0; i < service->n; i++)
        if (strcmp(service->items[i].name, name) == 0)
            return &service->items[i];
    return NULL;
}

const struct grpc_method *grpc_find_method(const struct grpc_services *services, const char *path,
                                           struct error *err)
{
    const char *name = path + 1, *slash = strchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : strlen(name);
    const struct grpc_method *found = NULL;
    for (size_t i = 0; slash && i < services->n && !found; i++)
        if (is_named(services->items[i], name, len))
            found = find_method(services->items[i], slash + 1);
    if (found)
        return found;
    if (find_service(services, name, len))
        error_set(err, ERROR_UNSUPPORTED, "this gateway does not offer the method %.100s of %.*s",
                  slash ? slash + 1 : "", len < 100 ? (int)len : 100, name);
    else
        error_set(err, ERROR_UNSUPPORTED, "this gateway does not offer the service %.*s",
                  len < 100 ? (int)len : 100, name);
    return NULL;
}
