/* SPDX-License-Identifier: Apache-2.0 */
/* Services of sandboxes that are exposed: on record with the sandbox, reached by HTTP at the
 * gateway's own listeners (api/services.h). */
#include "grpc/exposed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "grpc/page.h"
#include "runtime/record.h"

/* ---- where it is ---- */

/* The port of HOST:PORT, with its colon. */
static const char *port_of(const char *authority)
{
    const char *colon = strrchr(authority, ':');
    return colon && !strchr(colon, ']') && strspn(colon + 1, "0123456789") == strlen(colon + 1)
               ? colon : "";
}

const char *grpc_service_url(struct grpc_work *work, const struct store_sandbox *s,
                             const struct sandbox_service *service)
{
    return arena_printf(work->arena, "http://%s--%s%s%s" SERVICES_DOMAIN "%s/", s->workspace,
                        s->name, *service->name ? "--" : "", service->name,
                        port_of(work->authority));
}

/* A UUID of the service, the same each time: it has none of its own. */
static const char *id_of(struct grpc_work *work, const struct store_sandbox *s, const char *name)
{
    char hex[DIGEST_HEX_SIZE];
    const char *text = arena_printf(work->arena, "%s/%s", s->id, name);
    digest_of(text, strlen(text), hex);
    return arena_printf(work->arena, "%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12,
                        hex + 15, hex + 18);
}

static void put_endpoint(struct grpc_work *work, struct doc_writer *w,
                         const struct store_sandbox *s, const struct sandbox_service *service)
{
    doc_write_key(w, "endpoint");
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "metadata");
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "id", id_of(work, s, service->name));
    grpc_put_text(w, "name", service->name);
    grpc_put_time(w, "created_at_ms", "created_time", service->at_ms);
    grpc_put_number(w, "resource_version", 1);
    grpc_put_text(w, "workspace", s->workspace);
    doc_write_close(w, DOC_MAP);
    grpc_put_text(w, "sandbox_id", s->id);
    grpc_put_text(w, "sandbox", s->name);
    grpc_put_text(w, "name", service->name);
    grpc_put_number(w, "target_port", service->port);
    doc_write_key(w, "domain");
    doc_write_bool(w, service->domain);
    grpc_put_text(w, "authorization_mode", "STRIP");
    doc_write_close(w, DOC_MAP);
    grpc_put_text(w, "url", grpc_service_url(work, s, service));
}

/* ---- ExposeService ---- */

static int check_mode(struct grpc_work *work, const char *mode)
{
    if (strcmp(mode, "BEARER_PASSTHROUGH") != 0)
        return 0;
    return error_set(&work->err, ERROR_STATE,
                     "this gateway takes Authorization out of requests to services, as tokens of "
                     "its own are in it: leave authorization_mode out");
}

static int check_port(struct grpc_work *work, uint64_t port)
{
    if (port >= 1 && port <= UINT16_MAX)
        return 0;
    return error_set(&work->err, ERROR_MALFORMED, "target_port must be a number from 1 to 65535");
}

static int put_exposed(struct grpc_work *work, struct doc_writer *w)
{
    const struct settings_change *change = work->then_arg;
    put_endpoint(work, w, &change->record, change->changes->expose);
    return 0;
}

static int put_deleted(struct grpc_work *work, struct doc_writer *w)
{
    (void)work;
    doc_write_key(w, "deleted");
    doc_write_bool(w, true);
    grpc_put_text(w, "outcome", "COMPLETED");
    return 0;
}

static void changed(void *arg, const struct error *err)
{
    struct grpc_work *work = arg;
    const struct settings_change *change = work->then_arg;
    if (err)
        grpc_work_fail(work, err);
    else
        grpc_work_again(work, change->changes->expose ? put_exposed : put_deleted);
}

static void change_services(struct grpc_work *work)
{
    runtime_set_settings(work->grpc->runtime, work->then_arg, changed, work);
}

static void begin_change(struct grpc_work *work, const struct store_sandbox *s,
                         const struct sandbox_changes *changes)
{
    struct settings_change *change = arena_zalloc(work->arena, sizeof *change);
    *change = (struct settings_change){.sandbox = s->name,
                                       .id = s->id,
                                       .changes = changes,
                                       .actor = work->who.name,
                                       .arena = work->arena,
                                       .problems = &work->problems};
    work->then = change_services;
    work->then_arg = change;
}

static int expose(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    struct sandbox_service *service = arena_zalloc(work->arena, sizeof *service);
    struct sandbox_changes *changes = arena_zalloc(work->arena, sizeof *changes);
    uint64_t port = grpc_number(work, "target_port");
    (void)w;
    if (grpc_find_sandbox(work, "sandbox", &s) != 0 || check_port(work, port) != 0 ||
        check_mode(work, grpc_text(work, "authorization_mode")) != 0)
        return -1;
    *service = (struct sandbox_service){.name = grpc_text(work, "name"),
                                        .port = (uint16_t)port,
                                        .domain = grpc_flag(work, "domain"),
                                        .at_ms = clock_now_ms()};
    if (!services_with(s.services_json, service, work->arena, &work->err))
        return -1;
    *changes = (struct sandbox_changes){
        .approval_mode = "", .labels_json = "", .expose = service};
    log_info(work->grpc->log, "sandbox %s: %s exposes port %u as service '%s'", s.name,
             work->who.name, service->port, service->name);
    begin_change(work, &s, changes);
    return 0;
}

/* ---- CreateSandbox ---- */

int grpc_read_exposures(struct grpc_work *work, struct store_sandbox *record)
{
    const struct doc_node *list = doc_get(work->request, "service_exposures");
    const char *services = "[]";
    for (size_t i = 0; list && i < list->n; i++) {
        const struct doc_node *name = doc_get(list->items[i], "service"),
                              *port = doc_get(list->items[i], "target_port"),
                              *mode = doc_get(list->items[i], "authorization_mode");
        uint64_t number = port ? strtoull(port->text, NULL, 10) : 0;
        struct sandbox_service service = {.name = name ? name->text : "",
                                          .port = (uint16_t)number,
                                          .at_ms = clock_now_ms()};
        if (check_port(work, number) != 0 || check_mode(work, mode ? mode->text : "") != 0 ||
            !(services = services_with(services, &service, work->arena, &work->err)))
            return -1;
    }
    record->services_json = services;
    return 0;
}

void grpc_put_service_urls(struct grpc_work *work, struct doc_writer *w,
                           const struct store_sandbox *s)
{
    struct sandbox_service *all;
    size_t n = services_read(s->services_json, work->arena, &all);
    doc_write_key(w, "service_urls");
    doc_write_open(w, DOC_MAP);
    for (size_t i = 0; i < n; i++) {
        doc_write_key(w, all[i].name);
        doc_write_text(w, grpc_service_url(work, s, &all[i]));
    }
    doc_write_close(w, DOC_MAP);
}

/* ---- GetService, ListServices, DeleteService ---- */

static int find_service(struct grpc_work *work, struct store_sandbox *s,
                        struct sandbox_service *out)
{
    if (grpc_find_sandbox(work, "sandbox", s) != 0)
        return -1;
    if (services_find(s->services_json, grpc_text(work, "name"), work->arena, out))
        return 0;
    return error_set(&work->err, ERROR_NOT_FOUND, "service endpoint not found");
}

static int get(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    struct sandbox_service service;
    if (find_service(work, &s, &service) != 0)
        return -1;
    put_endpoint(work, w, &s, &service);
    return 0;
}

static int delete(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    struct sandbox_service service;
    struct sandbox_changes *changes = arena_zalloc(work->arena, sizeof *changes);
    if (find_service(work, &s, &service) != 0) {
        /* The older wire hears of it by deleted alone. */
        bool absent = work->err.kind == ERROR_NOT_FOUND && work->judged_of &&
                      (work->modes == PROTOBUF_TEXTS || grpc_flag(work, "allow_missing"));
        if (absent)
            grpc_put_text(w, "outcome", "ALREADY_ABSENT");
        return absent ? 0 : -1;
    }
    *changes = (struct sandbox_changes){
        .approval_mode = "", .labels_json = "", .unexpose = service.name};
    log_info(work->grpc->log, "sandbox %s: %s exposes service '%s' no longer", s.name,
             work->who.name, service.name);
    begin_change(work, &s, changes);
    return 0;
}

struct page {
    size_t offset, limit, seen;
};

static void put_services(struct grpc_work *work, struct doc_writer *w,
                         const struct store_sandbox *s, struct page *page)
{
    struct sandbox_service *all;
    size_t n = services_read(s->services_json, work->arena, &all);
    for (size_t i = 0; i < n; i++, page->seen++) {
        if (page->seen < page->offset || page->seen >= page->offset + page->limit)
            continue;
        doc_write_open(w, DOC_MAP);
        put_endpoint(work, w, s, &all[i]);
        doc_write_close(w, DOC_MAP);
    }
}

/* Of one sandbox, or of all in the workspace. */
static int list(struct grpc_work *work, struct doc_writer *w)
{
    const char *workspace;
    struct store_sandbox one, *items = &one;
    struct page page = {.seen = 0};
    size_t n = 1;
    bool all = !*grpc_text(work, "sandbox");
    if ((all ? grpc_judge(work, NULL) : grpc_find_sandbox(work, "sandbox", &one)) != 0 ||
        grpc_workspace(work, &workspace) != 0 || grpc_page(work, &page.offset, &page.limit) != 0 ||
        (all && store_sandbox_list(work->grpc->store, work->arena, &items, &n, &work->err) != 0))
        return -1;
    doc_write_key(w, "services");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < n; i++)
        if (!workspace || strcmp(items[i].workspace, workspace) == 0)
            put_services(work, w, &items[i], &page);
    doc_write_close(w, DOC_LIST);
    if (page.seen > page.offset + page.limit)
        grpc_put_next_page(w, page.offset + page.limit);
    return 0;
}

static const struct grpc_method methods[] = {
    CHANGE_ONE("ExposeService", AUTH_SANDBOX_RUN, expose, .administers = true),
    READ_ONE("GetService", AUTH_SANDBOX_READ, get),
    READ_ONE("ListServices", AUTH_SANDBOX_READ, list),
    CHANGE_ONE("DeleteService", AUTH_SANDBOX_RUN, delete, .administers = true),
};

const struct grpc_methods grpc_exposed_methods = {OPENSHELL_SERVICE, methods,
                                                  sizeof methods / sizeof *methods};
