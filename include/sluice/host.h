/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway offers to a plugin.  Lives as long as the plugin is loaded.
 * Every function may be called from any thread and does not block. */
#ifndef SLUICE_HOST_H
#define SLUICE_HOST_H

#include <stdbool.h>
#include <stdint.h>

struct sluice_endpoint;

struct sluice_host {
    uint32_t size;
    uint32_t abi;
    const char *version;                            /* the gateway's */
    void *gateway;
    /* One line in the gateway's log. */
    void (*log)(const struct sluice_host *host, const char *message);
    /* Whether a policy's host pattern matches a host name: * within a label, ** across labels. */
    bool (*host_match)(const struct sluice_host *host, const char *pattern, const char *name);
    bool (*cidr_contains)(const struct sluice_host *host, const char *cidr, const char *address);
    /* Whether the proxy refuses an endpoint's host (a name, a pattern or an address), or an entry
     * of allowed_ips, whatever the policy says: loopback, link-local, multicast, metadata and the
     * like. */
    bool (*host_blocked)(const struct sluice_host *host, const char *name);
    bool (*cidr_blocked)(const struct sluice_host *host, const char *cidr);
    /* The name of the first field of an endpoint that the sandbox's proxy cannot enforce yet; NULL:
     * it can enforce them all. */
    const char *(*endpoint_unenforceable)(const struct sluice_host *host,
                                          const struct sluice_endpoint *endpoint);
};

#endif
