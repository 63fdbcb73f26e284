/* SPDX-License-Identifier: Apache-2.0 */
#include "api/main_process.h"

#include "sandbox/wire/spec.h"

static const char *state_of(const struct store_sandbox *s)
{
    return s->main_ended_ms ? "ended" : s->main_started_ms ? "running" : "waiting";
}

json_t *api_main_json(struct api_call *call, const struct store_sandbox *s)
{
    struct sandbox_exec exec = {0};
    struct error ignored;
    if (!*s->main_json || sandbox_exec_decode(s->main_json, call->arena, &exec, &ignored) != 0)
        return json_null();
    json_t *command = json_array();
    for (size_t i = 0; i < exec.n_command; i++)
        json_array_append_new(command, json_string(exec.command[i]));
    json_t *code = s->main_ended_ms ? json_integer((json_int_t)s->main_code) : json_null();
    return json_pack("{s:o, s:b, s:s, s:o, s:s?, s:s?, s:s?}", "command", command, "tty", exec.tty,
                     "state", state_of(s), "exit_code", code, "error",
                     *s->main_error ? s->main_error : NULL, "started_at",
                     api_time(call->arena, s->main_started_ms), "ended_at",
                     api_time(call->arena, s->main_ended_ms));
}
