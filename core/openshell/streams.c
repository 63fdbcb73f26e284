/* SPDX-License-Identifier: Apache-2.0 */
/* Watching, logs, commands and forwarded connections. */
#include "openshell/messages.h"
#include "openshell/parts.h"
#include "policy/policy.h"

static const struct schema_field no_fields[] = {{0}};

static const struct schema_field watch_sandbox_request_fields[] = {
    TEXT(1, "sandbox"),
    BOOL(2, "follow_status"),
    BOOL(3, "follow_logs"),
    BOOL(4, "follow_events"),
    U32(5, "log_tail_lines"),
    U32(6, "event_tail"),
    BOOL(7, "stop_on_terminal"),
    I64(8, "log_since_ms"),
    TEXTS(9, "log_sources"),
    TEXT(10, "log_min_level"),
    MESSAGE(11, "workspace_scope", &openshell_workspace_selector),
    TEXT(12, "resume_after_cursor"),
    TIME(108, "since_time"),
    {0},
};
const struct schema openshell_watch_sandbox_request = {.name = "WatchSandboxRequest",
                                                       .fields = watch_sandbox_request_fields};

static const struct schema_field sandbox_log_line_fields[] = {
    TEXT(1, "sandbox_id"),
    I64(2, "timestamp_ms"),
    TEXT(3, "level"),
    TEXT(4, "target"),
    TEXT(5, "message"),
    TEXT(6, "source"),
    TEXT_MAP(7, "fields"),
    TIME(102, "event_time"),
    {0},
};
static const struct schema sandbox_log_line = {.name = "SandboxLogLine",
                                               .fields = sandbox_log_line_fields};

static const struct schema_field platform_event_fields[] = {
    I64(1, "timestamp_ms"),
    TEXT(2, "source"),
    TEXT(3, "type"),
    TEXT(4, "reason"),
    TEXT(5, "message"),
    TEXT_MAP(6, "metadata"),
    TIME(101, "event_time"),
    {0},
};
static const struct schema platform_event = {.name = "PlatformEvent",
                                             .fields = platform_event_fields};

static const struct schema_field sandbox_stream_warning_fields[] = {
    TEXT(1, "message"),
    {0},
};
static const struct schema sandbox_stream_warning = {.name = "SandboxStreamWarning",
                                                     .fields = sandbox_stream_warning_fields};

static const struct schema_field draft_policy_update_fields[] = {
    U64(1, "draft_version"),
    U32(2, "new_chunks"),
    U32(3, "total_pending"),
    TEXT(4, "summary"),
    {0},
};
static const struct schema draft_policy_update = {.name = "DraftPolicyUpdate",
                                                  .fields = draft_policy_update_fields};

static const struct schema_field sandbox_stream_event_fields[] = {
    MESSAGE(1, "sandbox", &openshell_sandbox, .oneof = "payload"),
    MESSAGE(2, "log", &sandbox_log_line, .oneof = "payload"),
    MESSAGE(3, "event", &platform_event, .oneof = "payload"),
    MESSAGE(4, "warning", &sandbox_stream_warning, .oneof = "payload"),
    MESSAGE(5, "draft_policy_update", &draft_policy_update, .oneof = "payload"),
    TEXT(6, "cursor"),
    {0},
};
const struct schema openshell_sandbox_stream_event = {.name = "SandboxStreamEvent",
                                                      .fields = sandbox_stream_event_fields};

static const struct schema_field get_sandbox_logs_request_fields[] = {
    TEXT(1, "sandbox"),
    U32(2, "lines"),
    I64(3, "since_ms"),
    TEXTS(4, "sources"),
    TEXT(5, "min_level"),
    TEXT(6, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(6, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TIME(103, "since_time"),
    {0},
};
const struct schema openshell_get_sandbox_logs_request = {
    .name = "GetSandboxLogsRequest", .fields = get_sandbox_logs_request_fields};

static const struct schema_field get_sandbox_logs_response_fields[] = {
    MESSAGES(1, "logs", &sandbox_log_line),
    U32(2, "buffer_total"),
    {0},
};
const struct schema openshell_get_sandbox_logs_response = {
    .name = "GetSandboxLogsResponse", .fields = get_sandbox_logs_response_fields};

static const struct schema_field exec_sandbox_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXTS(2, "command"),
    TEXT(3, "workdir"),
    TEXT_MAP(4, "environment"),
    U32(5, "timeout_seconds"),
    BYTES(6, "stdin"),
    BOOL(7, "tty"),
    U32(8, "cols"),
    U32(9, "rows"),
    BOOL(10, "no_login_shell"),
    TEXT(11, "request_id"),
    MESSAGE(12, "workspace_scope", &openshell_workspace_selector),
    DURATION(105, "execution_timeout"),
    {0},
};
const struct schema openshell_exec_sandbox_request = {.name = "ExecSandboxRequest",
                                                      .fields = exec_sandbox_request_fields};

static const struct schema_field exec_sandbox_stdout_fields[] = {
    BYTES(1, "data"),
    {0},
};
static const struct schema exec_sandbox_stdout = {.name = "ExecSandboxStdout",
                                                  .fields = exec_sandbox_stdout_fields};

static const struct schema_field exec_sandbox_stderr_fields[] = {
    BYTES(1, "data"),
    {0},
};
static const struct schema exec_sandbox_stderr = {.name = "ExecSandboxStderr",
                                                  .fields = exec_sandbox_stderr_fields};

static const struct schema_field exec_sandbox_exit_fields[] = {
    I32(1, "exit_code"),
    {0},
};
static const struct schema exec_sandbox_exit = {.name = "ExecSandboxExit",
                                                .fields = exec_sandbox_exit_fields};

static const struct schema_field exec_sandbox_event_fields[] = {
    MESSAGE(1, "stdout", &exec_sandbox_stdout, .oneof = "payload"),
    MESSAGE(2, "stderr", &exec_sandbox_stderr, .oneof = "payload"),
    MESSAGE(3, "exit", &exec_sandbox_exit, .oneof = "payload"),
    {0},
};
const struct schema openshell_exec_sandbox_event = {.name = "ExecSandboxEvent",
                                                    .fields = exec_sandbox_event_fields};

static const struct schema_field exec_sandbox_window_resize_fields[] = {
    U32(1, "cols"),
    U32(2, "rows"),
    {0},
};
static const struct schema exec_sandbox_window_resize = {
    .name = "ExecSandboxWindowResize", .fields = exec_sandbox_window_resize_fields};

static const struct schema_field exec_sandbox_input_fields[] = {
    MESSAGE(1, "start", &openshell_exec_sandbox_request, .oneof = "payload"),
    BYTES(2, "stdin", .oneof = "payload"),
    MESSAGE(3, "resize", &exec_sandbox_window_resize, .oneof = "payload"),
    {0},
};
const struct schema openshell_exec_sandbox_input = {.name = "ExecSandboxInput",
                                                    .fields = exec_sandbox_input_fields};

static const struct schema_field create_ssh_session_request_fields[] = {
    TEXT(1, "sandbox"),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector),
    {0},
};
const struct schema openshell_create_ssh_session_request = {
    .name = "CreateSshSessionRequest", .fields = create_ssh_session_request_fields};

static const struct schema_field create_ssh_session_response_fields[] = {
    TEXT(1, "sandbox_id"),
    TEXT(2, "token"),
    TEXT(3, "gateway_host"),
    U32(4, "gateway_port"),
    TEXT(5, "gateway_scheme"),
    TEXT(7, "host_key_fingerprint"),
    I64(8, "expires_at_ms"),
    TIME(108, "expiration_time"),
    {0},
};
const struct schema openshell_create_ssh_session_response = {
    .name = "CreateSshSessionResponse", .fields = create_ssh_session_response_fields};

static const struct schema_field revoke_ssh_session_request_fields[] = {
    TEXT(1, "token"),
    BOOL(2, "allow_missing"),
    {0},
};
const struct schema openshell_revoke_ssh_session_request = {
    .name = "RevokeSshSessionRequest", .fields = revoke_ssh_session_request_fields};

static const struct schema_field revoke_ssh_session_response_fields[] = {
    BOOL(1, "revoked"),
    ENUM(2, "outcome", openshell_deletion_outcome_words),
    {0},
};
const struct schema openshell_revoke_ssh_session_response = {
    .name = "RevokeSshSessionResponse", .fields = revoke_ssh_session_response_fields};

static const struct schema ssh_relay_target = {.name = "SshRelayTarget", .fields = no_fields};

static const struct schema_field tcp_relay_target_fields[] = {
    TEXT(1, "host"),
    U32(2, "port"),
    {0},
};
static const struct schema tcp_relay_target = {.name = "TcpRelayTarget",
                                               .fields = tcp_relay_target_fields};

static const struct schema_field tcp_forward_init_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(3, "workspace"),
    TEXT(4, "service_id"),
    MESSAGE(5, "ssh", &ssh_relay_target, .oneof = "target"),
    MESSAGE(6, "tcp", &tcp_relay_target, .oneof = "target"),
    TEXT(7, "authorization_token"),
    {0},
};
static const struct schema tcp_forward_init = {.name = "TcpForwardInit",
                                               .fields = tcp_forward_init_fields};

static const struct schema_field tcp_forward_frame_fields[] = {
    MESSAGE(1, "init", &tcp_forward_init, .oneof = "payload"),
    BYTES(2, "data", .oneof = "payload"),
    {0},
};
const struct schema openshell_tcp_forward_frame = {.name = "TcpForwardFrame",
                                                   .fields = tcp_forward_frame_fields};
