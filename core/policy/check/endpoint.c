/* SPDX-License-Identifier: Apache-2.0 */
/* One endpoint: its ports, its credentials; host and inspection are checked elsewhere. */
#include <ctype.h>
#include <string.h>

#include "policy/check/check_parts.h"

/* Interfaces of cluster control planes, which the proxy refuses on every address. */
static const uint16_t control_ports[] = {2379, 2380, 6443, 10250, 10255};

static bool is_control_port(uint16_t port)
{
    for (size_t i = 0; i < sizeof control_ports / sizeof control_ports[0]; i++)
        if (control_ports[i] == port)
            return true;
    return false;
}

static void check_ports(struct check *c, const struct sluice_endpoint *e)
{
    const char *host = check_shown(c, e->host);
    if (e->n_ports == 0)
        check_problem(c, e->doc_path, "", "endpoint '%s' must declare at least one port", host);
    for (size_t i = 0; i < e->n_ports; i++) {
        const char *field = e->n_ports == 1 ? "port" : check_item(c, "ports", i);
        if (e->ports[i] == 0)
            check_problem(c, e->doc_path, field,
                          "endpoint '%s' has invalid port 0; expected 1..=65535", host);
        else if (is_control_port(e->ports[i]))
            check_warning(c, e->doc_path, field,
                          "port %u is a blocked control-plane port: the proxy "
                          "refuses it regardless of policy",
                          e->ports[i]);
    }
}

static void check_signing(struct check *c, const struct sluice_endpoint *e)
{
    const char *host = check_shown(c, e->host);
    if (!*e->credential_signing) {
        if (*e->signing_service || *e->signing_region)
            check_warning(c, e->doc_path,
                          *e->signing_service ? "signing_service" : "signing_region",
                          "has no effect without credential_signing");
        return;
    }
    if (!*e->signing_service)
        check_problem(c, e->doc_path, "credential_signing",
                      "endpoint '%s' has credential_signing set "
                      "but signing_service is empty",
                      host);
    if (e->request_body_credential_rewrite)
        check_problem(
            c, e->doc_path, "credential_signing",
            "endpoint '%s' has both credential_signing "
            "and request_body_credential_rewrite set; these options are mutually exclusive",
            host);
}

static void check_binding(struct check *c, const struct sluice_endpoint *e)
{
    static const char field[] = "credential_binding.provider";
    const char *provider = e->credential_provider;
    if (!*provider)
        return;
    if (isspace((unsigned char)provider[0]) ||
        isspace((unsigned char)provider[strlen(provider) - 1]))
        check_problem(c, e->doc_path, field,
                      "credential_binding.provider must not contain leading or "
                      "trailing whitespace");
    if (!*e->host)
        check_problem(c, e->doc_path, field,
                      "credential-bound endpoint for provider '%s' must define "
                      "a host",
                      check_shown(c, provider));
}

/* A credential that goes where nothing can see what it is used for. */
static void check_uninspected(struct check *c, const struct sluice_endpoint *e)
{
    bool blind = check_is(e->tls, "skip");
    if ((!*e->credential_provider && !*e->credential_signing) || e->allow_uninspected_credentials)
        return;
    if (blind || !check_is_inspected(e))
        check_problem(c, e->doc_path, "",
                      "credentialed endpoint '%s' uses %s; configure L7 inspection "
                      "or explicitly set allow_uninspected_credentials: true",
                      check_shown(c, e->host), blind ? "tls: skip" : "L4-only");
}

static void check_credentials(struct check *c, const struct sluice_endpoint *e)
{
    check_signing(c, e);
    check_binding(c, e);
    check_uninspected(c, e);
}

void check_endpoint(struct check *c, const struct sluice_endpoint *e)
{
    check_host(c, e);
    check_ports(c, e);
    check_allowed_ips(c, e);
    check_credentials(c, e);
    check_inspection(c, e);
    check_requests(c, e);
}
