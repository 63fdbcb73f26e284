/* SPDX-License-Identifier: Apache-2.0 */
/* Services of sandboxes that are exposed: names for ports of a sandbox's loopback, by which clients
 * of the gateway reach them.  They are on record with the sandbox, as JSON:
 * [{"name", "port", "domain", "at_ms"}].
 *
 * Ownership: what is read lives in the arena.  Any thread, unless a comment says otherwise. */
#ifndef RUNTIME_SERVICES_H
#define RUNTIME_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct auth_sandbox;
struct error;
struct runtime;

/* Where they are reached on this machine: [WORKSPACE--SANDBOX--SERVICE or WORKSPACE--SANDBOX] and
 * this. */
#define SERVICES_DOMAIN ".sluice.localhost"

enum { SERVICES_MAX = 32, SERVICE_NAME_MAX = 19 };

struct sandbox_service {
    const char *name;                               /* "": the sandbox's only one without a name */
    uint16_t port;
    bool domain;                                    /* a word of OpenShell's clients, told again */
    int64_t at_ms;                                  /* when it was exposed */
};

size_t services_read(const char *json, struct arena *arena, struct sandbox_service **out);
/* False: there is none of that name. */
bool services_find(const char *json, const char *name, struct arena *arena,
                   struct sandbox_service *out);
/* With one more, in place of an earlier one of that name.  NULL: err says what is wrong with it. */
const char *services_with(const char *json, const struct sandbox_service *service,
                          struct arena *arena, struct error *err);
/* NULL: there is none of that name. */
const char *services_without(const char *json, const char *name, struct arena *arena);

/* The service of the sandbox that has the name now; holders of out are valid until the loop turns.
 * False: there is no such sandbox or service.  Loop thread. */
bool runtime_find_service(struct runtime *runtime, const char *workspace, const char *sandbox,
                          const char *service, struct arena *arena,
                          struct auth_sandbox *out_sandbox, struct sandbox_service *out);

#endif
