/* SPDX-License-Identifier: Apache-2.0 */
/* What may be changed of a sandbox while it runs, beside its policy. */
#include <string.h>

#include "runtime/sandbox.h"

struct spec_settings sandbox_settings_of(const struct store_sandbox *record)
{
    return (struct spec_settings){
        .hold_ms = (uint64_t)record->hold_ms,
        .agent_proposals = record->agent_proposals,
        .resolve_denied = strcmp(record->approval_mode, "auto") == 0,
    };
}

void sandbox_send_settings(struct sandbox *s)
{
    if (s->ready)
        sandbox_send(s, &(struct sandbox_message){.type = MESSAGE_SETTINGS,
                                                  .settings = s->settings});
}

void runtime_set_settings(struct runtime *all, const struct store_sandbox *record,
                          const char *actor)
{
    struct sandbox *s = sandbox_find(all, record->id);
    if (!s)
        s = sandbox_add(all, record);
    s->settings = sandbox_settings_of(record);
    sandbox_send_settings(s);
    events_publish(all->setup.events, "settings", record->name,
                   json_pack("{s:s, s:s, s:I, s:b, s:o}", "actor", actor, "approval_mode",
                             record->approval_mode, "hold_ms", (json_int_t)record->hold_ms,
                             "agent_proposals", record->agent_proposals, "labels",
                             json_loads(record->labels_json, 0, NULL)));
}
