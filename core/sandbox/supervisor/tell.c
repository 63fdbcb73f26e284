/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor tells its gateway, and what the proxy tells it. */
#include "sandbox/supervisor/denials.h"
#include "sandbox/supervisor/enforcement.h"
#include "sandbox/supervisor/lines.h"
#include "sandbox/supervisor/link.h"
#include "sandbox/supervisor/process/main_process.h"
#include "sandbox/supervisor/release_memory.h"
#include "sandbox/supervisor/supervisor_parts.h"
#include "sandbox/supervisor/traffic.h"
#include "sandbox/wire/spec.h"

/* --- to the gateway -------------------------------------------------------------------------- */

bool supervisor_in_touch(const struct supervisor *s)
{
    return s->state == SUPERVISOR_RUNNING && s->link && sandbox_link_is_up(s->link);
}

bool supervisor_send_traffic(void *ctx, const struct sandbox_traffic *batch)
{
    struct supervisor *s = ctx;
    struct sandbox_message message = {.type = MESSAGE_TRAFFIC, .traffic = *batch};
    return s->link && sandbox_link_is_up(s->link) && sandbox_link_send(s->link, &message);
}

bool supervisor_send_denials(void *ctx, const struct sandbox_denials *denials)
{
    struct supervisor *s = ctx;
    struct sandbox_message message = {.type = MESSAGE_DENIALS, .denials = *denials};
    return supervisor_in_touch(s) && sandbox_link_has_room(s->link) &&
           sandbox_link_send(s->link, &message);
}

void supervisor_tell_of_grant(void *ctx, const struct sandbox_grant *grant)
{
    struct supervisor *s = ctx;
    if (supervisor_in_touch(s))
        sandbox_link_send(s->link, &(struct sandbox_message){.type = MESSAGE_GRANT,
                                                             .grant = *grant});
}

void supervisor_tell_detached(void *ctx, const struct sandbox_detached *detached)
{
    struct supervisor *s = ctx;
    if (sandbox_link_is_up(s->link))
        sandbox_link_send(s->link, &(struct sandbox_message){.type = MESSAGE_DETACHED,
                                                             .detached = *detached});
}

void supervisor_tell_of_main(struct supervisor *s)
{
    if (s->main && sandbox_link_is_up(s->link))
        sandbox_link_send(s->link,
                          &(struct sandbox_message){.type = MESSAGE_MAIN,
                                                    .main = *sandbox_main_report(s->main)});
}

void supervisor_tell_of_inspectors(struct supervisor *s)
{
    const struct held_inspectors *held = &s->inspectors;
    const struct sandbox_inspectors said = {.digest = held->digest ? held->digest : "",
                                            .error = held->error};
    if (supervisor_in_touch(s))
        sandbox_link_send(s->link, &(struct sandbox_message){.type = MESSAGE_INSPECTING,
                                                             .inspectors = said});
}

bool supervisor_send_inspected(void *ctx, const struct sandbox_inspected *counts)
{
    struct supervisor *s = ctx;
    bool can = supervisor_in_touch(s) && sandbox_link_has_room(s->link);
    return can && (!counts || sandbox_link_send(s->link, &(struct sandbox_message){
                                                             .type = MESSAGE_INSPECTED,
                                                             .inspected = *counts}));
}

static bool send_forecast(void *ctx, const struct sandbox_forecast *question)
{
    struct supervisor *s = ctx;
    struct sandbox_message message = {.type = MESSAGE_FORECAST, .forecast = *question};
    return supervisor_in_touch(s) && sandbox_link_has_room(s->link) &&
           sandbox_link_send(s->link, &message);
}

static bool ask_gateway(void *ctx, const struct sandbox_message *question)
{
    struct supervisor *s = ctx;
    return supervisor_in_touch(s) && sandbox_link_has_room(s->link) &&
           sandbox_link_send(s->link, question);
}

void supervisor_say_hello(struct supervisor *s)
{
    struct sandbox_message message = {
        .type = MESSAGE_HELLO,
        .hello = {.protocol = SANDBOX_PROTOCOL_VERSION, .sandbox = s->spec->id,
                  .loaded_revision = sandbox_enforcement_revision(s->enforcement),
                  .inspectors = s->inspectors.error || s->inspectors.loading
                                    ? NULL : s->inspectors.digest,
                  .n_approvals = s->network ? sandbox_network_approvals(s->network) : 0,
                  .warnings = s->warnings,
                  .n_warnings = s->n_warnings,
                  .ssh_host_key = s->ssh.fingerprint}};
    if (!supervisor_in_touch(s))
        return;
    sandbox_link_send(s->link, &message);
    sandbox_lines_connect(s->lines, s->link);
    sandbox_traffic_connected(s->traffic);
    sandbox_denials_connected(s->denials);
    sandbox_enforcement_tell(s->enforcement);
    sandbox_denials_flush(s->denials);
    if (s->network)
        sandbox_network_reconnected(s->network);
    supervisor_tell_of_main(s);
    release_memory_later(&s->idle);
}

/* --- from the proxy -------------------------------------------------------------------------- */

static void on_denial(void *ctx, const struct sandbox_denial *denial)
{
    struct supervisor *s = ctx;
    if (s->state == SUPERVISOR_RUNNING)
        sandbox_denials_add(s->denials, denial);
}

static void on_waiting(void *ctx, const struct sandbox_denial *denial, unsigned waiting)
{
    struct supervisor *s = ctx;
    if (s->state == SUPERVISOR_RUNNING)
        sandbox_denials_set_waiting(s->denials, denial, waiting);
}

static void on_line(void *ctx, const struct egress_line *line)
{
    struct supervisor *s = ctx;
    if (s->lines)
        sandbox_lines_add_decision(s->lines, line);
    if (s->traffic)
        sandbox_traffic_add(s->traffic, line);
}

static void on_audited(void *ctx, const struct egress_passed *audited)
{
    struct supervisor *s = ctx;
    if (s->traffic)
        sandbox_traffic_add_audited(s->traffic, audited);
}

static void on_passed(void *ctx, const struct egress_passed *passed)
{
    struct supervisor *s = ctx;
    if (s->traffic)
        sandbox_traffic_add_passed(s->traffic, passed);
}

const struct network_calls supervisor_network_calls = {on_denial, on_waiting, on_line, on_audited,
                                                   on_passed, send_forecast, ask_gateway};
