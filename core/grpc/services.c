/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/services.h"

#include <string.h>

#include "grpc/grpc.h"

static const struct grpc_methods *const all[] = {
    &grpc_health_methods,
};

const struct grpc_services grpc_all_services = {all, sizeof all / sizeof *all};

static const struct grpc_methods *find_service(const struct grpc_services *services,
                                               const char *name, size_t len)
{
    for (size_t i = 0; i < services->n; i++) {
        const char *service = services->items[i]->service;
        if (strlen(service) == len && memcmp(service, name, len) == 0)
            return services->items[i];
    }
    return NULL;
}

bool grpc_has_service(const struct grpc_services *services, const char *name)
{
    return find_service(services, name, strlen(name)) != NULL;
}

const struct grpc_method *grpc_find_method(const struct grpc_services *services, const char *path,
                                           struct error *err)
{
    const char *name = path + 1, *slash = strchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : strlen(name);
    const struct grpc_methods *service = find_service(services, name, len);
    for (size_t i = 0; slash && service && i < service->n; i++)
        if (strcmp(service->items[i].name, slash + 1) == 0)
            return &service->items[i];
    if (service)
        error_set(err, ERROR_UNSUPPORTED, "this gateway does not offer the method %.100s of %s",
                  slash ? slash + 1 : "", service->service);
    else
        error_set(err, ERROR_UNSUPPORTED, "this gateway does not offer the service %.*s",
                  len < 100 ? (int)len : 100, name);
    return NULL;
}
