/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/hosts, and the stream that a host's agent opens. */
#include <stdio.h>

#include "api/call.h"
#include "api/routes.h"
#include "http/problem.h"
#include "http/tunnel.h"
#include "runtime/hosts/hosts.h"
#include "sandbox/wire/protocol.h"

void handle_hosts(struct api *api, struct http_request *req)
{
    json_t *list = runtime_hosts_json(api->runtime);
    http_respond_json(req, 200, list);
    json_decref(list);
}

void handle_host_stream(struct api *api, struct http_request *req)
{
    static const struct http_tunnel_callbacks silent = {0};
    const struct auth_principal who = *(const struct auth_principal *)req->user;
    const char *instance = http_request_header(req, SANDBOX_HOST_INSTANCE);
    struct error err;
    if (!http_upgrade_asked(req, SANDBOX_HOST_UPGRADE)) {
        http_respond_problem(req, 426, "upgrade-required", NULL,
                             "this is a host's stream: Upgrade: " SANDBOX_HOST_UPGRADE, NULL);
        return;
    }
    if (who.kind != AUTH_BY_TOKEN || !*who.name)
        error_set(&err, ERROR_FORBIDDEN,
                  "a host comes with a token, whose name is its own: sluice token create --role "
                  "host --name NAME");
    else if (runtime_host_check(api->runtime, &who, instance, &err) == 0) {
        char copy[UUID_SIZE];
        snprintf(copy, sizeof copy, "%s", instance);
        struct http_tunnel *tunnel = http_upgrade(req, SANDBOX_HOST_UPGRADE, &silent, NULL);
        if (tunnel)
            runtime_host_connect(api->runtime, &api->auth, &who, copy,
                                 http_tunnel_stream(tunnel, NULL, NULL));
        return;
    }
    http_respond_error(req, &err);
}
