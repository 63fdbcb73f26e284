#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# OpenShell's gRPC service: a stock gRPC client, with messages of both wires.

load helper.bash

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_origin
    start_gateway
    sluice -q sandbox create --name demo
    id=$(sluice sandbox get demo -o json | jq -r .id)
    export id
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

# call WIRE METHOD [JSON [ANSWERS]]: the answers, or code and text.
call() {
    timeout 120 /usr/bin/python3 "$top/tests/e2e/openshell_call.py" "unix:$state/sluice.sock" \
        "$(command -v message_reader)" "$@"
}

in_default='"workspace_scope": {"workspace": "default"}'

submit() {         # submit HOST [FIELDS]: a proposed rule, whose endpoint has these fields too; prints its id
    api POST /v1/sandboxes/demo/drafts -H 'Content-Type: application/json' -d '{"proposals": [{"rule_name": "to-'"$1"'",
        "rule": {"endpoints": [{"host": "'"$1"'.example.com", "port": 443'"$2"'}],
        "binaries": [{"path": "/usr/bin/curl"}]}, "rationale": "wanted"}]}' | jq -r '.chunks[0].id'
}

@test "a draft is seen by both wires, in the words and numbers of each" {
    chunk=$(submit both ', "protocol": "rest", "tls": "skip", "access": "read-only"')
    run -0 call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "pending", "workspace": "default"}'
    [ "$(jq -c '.chunks[0] | [.id, .status, .rule_name, .rationale]' <<<"$output")" = \
      "[\"$chunk\",\"pending\",\"to-both\",\"wanted\"]" ]
    [ "$(jq -c '.chunks[0].proposed_rule.endpoints[0] | [.tls, .access, .ports]' <<<"$output")" = '["skip","read-only",[443]]' ]
    [ "$(jq -r '.chunks[0] | .created_at_ms > 1.7e12 and (.created_time | startswith("20"))' <<<"$output")" = true ]
    [ "$(jq -r '.chunks[0].current_effective_policy_hash | length' <<<"$output")" = 64 ]
    run -0 call enums GetDraftPolicy "{\"sandbox\": \"demo\", $in_default}"
    [ "$(jq -r '.chunks[0].id' <<<"$output")" = "$chunk" ]
    run -0 call enums RejectDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\", \"reason\": \"no need\", $in_default}"
    [ "$output" = '{}' ]
    run -0 call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "rejected"}'
    [ "$(jq -r '.chunks[0].rejection_reason' <<<"$output")" = "no need" ]
}

@test "a chunk is approved with the token that was reviewed, taken back and found in the history" {
    chunk=$(submit token)
    token=$(call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "pending"}' | jq -r '.chunks[0].review_token')
    run -0 call texts ApproveDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\", \"review_token\": \"old\"}"
    [ "$output" = "FAILED_PRECONDITION review token does not match the fetched proposal; refetch and review again" ]
    run -0 call texts ApproveDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\", \"review_token\": \"$token\"}"
    [ "$(jq -r '.policy_version' <<<"$output")" = "$(sluice sandbox get demo -o json | jq .policy_revision)" ]
    [ "$(jq -r '.policy_hash' <<<"$output")" = "$(sluice sandbox get demo -o json | jq -r .policy_hash)" ]
    sluice policy get demo --full | grep -q token.example.com
    run -0 call enums UndoDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\", $in_default}"
    [[ "$(sluice policy get demo --full)" != *token.example.com* ]]
    run -0 call texts GetDraftHistory '{"sandbox": "demo"}'
    [ "$(jq -r --arg c "$chunk" '[.entries[] | select(.chunk_id == $c) | .event_type] | index("approved") != null' <<<"$output")" = true ]
}

@test "a client without tokens approves what is there, an edited chunk has another token" {
    chunk=$(submit edited)
    token=$(call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "pending"}' | jq -r '.chunks[0].review_token')
    run -0 call texts EditDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\", \"proposed_rule\": {\"endpoints\":
        [{\"host\": \"other.example.com\", \"port\": 443}], \"binaries\": [{\"path\": \"/usr/bin/curl\"}]}}"
    [ "$output" = '{}' ]
    [ "$(call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "pending"}' | jq -r '.chunks[0].review_token')" != "$token" ]
    run -0 call texts ApproveDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"$chunk\"}"
    [ "$(jq 'has("policy_hash")' <<<"$output")" = true ]
    sluice policy get demo --full | grep -q other.example.com
}

@test "several chunks are approved by name, or all of them, by either wire" {
    one=$(submit one) two=$(submit two)
    tokens=$(call texts GetDraftPolicy '{"sandbox": "demo", "status_filter": "pending"}' |
        jq -c --arg a "$one" --arg b "$two" '[.chunks[] | select(.id == $a or .id == $b) | {chunk_id: .id, review_token}]')
    run -0 call enums ApproveAllDraftChunks "{\"sandbox\": \"demo\", \"approvals\": [{\"chunk_id\": \"$one\", \"review_token\": \"x\"}],
        \"approvals_or_scope\": [{\"chunk_id\": \"default\"}]}"
    [ "$output" = "FAILED_PRECONDITION proposal inputs changed during bulk review; refetch and review again" ]
    run -0 call enums ApproveAllDraftChunks "{\"sandbox\": \"demo\", \"approvals\": $tokens, \"approvals_or_scope\": [{\"chunk_id\": \"default\"}]}"
    [ "$(jq .chunks_approved <<<"$output")" = 2 ]
    submit three
    run -0 call texts ApproveAllDraftChunks '{"sandbox": "demo"}'
    [ "$(jq '.chunks_approved > 0' <<<"$output")" = true ]
    sluice policy get demo --full | grep -q three.example.com
    submit four
    run -0 call texts ClearDraftChunks '{"sandbox": "demo", "workspace": "default"}'
    [ "$output" = '{"chunks_cleared":1}' ]
}

@test "what is missing or unknown is said in the words that clients look for" {
    run -0 call texts GetDraftPolicy '{}'
    [ "$output" = "INVALID_ARGUMENT sandbox is required" ]
    run -0 call texts GetDraftPolicy '{"sandbox": "nobody"}'
    [ "$output" = "NOT_FOUND sandbox not found" ]
    run -0 call enums GetDraftPolicy '{"sandbox": "demo", "workspace_scope": {"workspace": "other"}}'
    [ "$output" = "NOT_FOUND workspace 'other' not found" ]
    run -0 call texts ApproveDraftChunk '{"sandbox": "demo"}'
    [ "$output" = "INVALID_ARGUMENT chunk_id is required" ]
    run -0 call texts ApproveDraftChunk '{"sandbox": "demo", "chunk_id": "nothing"}'
    [ "$output" = "NOT_FOUND chunk not found" ]
    run -0 call texts EditDraftChunk "{\"sandbox\": \"demo\", \"chunk_id\": \"x\"}"
    [ "$output" = "INVALID_ARGUMENT proposed_rule is required" ]
}

# exec WIRE JSON...: a line for each event of a command, with its bytes as text.
exec_in() {
    call "$1" "${3:-ExecSandbox}" "$2" | while read -r line; do
        jq -r 'if .exit then "exit \(.exit.exit_code // 0)" elif .stdout then "out " + (.stdout.data | @base64d)
            elif .stderr then "err " + (.stderr.data | @base64d) else . end' <<<"$line" 2>/dev/null || echo "$line"
    done | grep -v '^$'
}

@test "a command has its output, its errors and its exit code" {
    run -0 exec_in texts '{"sandbox": "'"$id"'", "command": ["sh", "-c", "echo hello; echo wrong >&2; exit 7"], "timeout_seconds": 60}'
    [ "$(sort <<<"$output")" = $'err wrong\nexit 7\nout hello' ]
    run -0 exec_in enums "{\"sandbox\": \"demo\", \"command\": [\"sh\", \"-c\", \"echo \$WORD in \$PWD; cat\"], \"workdir\": \"/tmp\",
        \"environment\": {\"WORD\": \"here\"}, \"stdin\": \"$(printf given | base64)\", \"execution_timeout\": \"60s\", $in_default}"
    [ "$output" = $'out here in /tmp\nout given\nexit 0' ] || [ "$output" = $'out here in /tmp\ngiven\nexit 0' ]
    run -0 exec_in texts '{"sandbox": "demo", "command": ["sleep", "60"], "timeout_seconds": 1}'
    [ "$output" = "exit 124" ]
}

@test "a command that cannot run says why" {
    run -0 call texts ExecSandbox '{"sandbox": "demo"}'
    [ "$output" = "INVALID_ARGUMENT command is required" ]
    run -0 call enums ExecSandbox "{\"sandbox\": \"demo\", \"command\": [\"true\"], \"execution_timeout\": \"-5s\", $in_default}"
    [ "$output" = "INVALID_ARGUMENT execution_timeout is from 0, which means none, to 2147483 s" ]
    run -0 call texts ExecSandbox '{"sandbox": "nobody", "command": ["true"]}'
    [ "$output" = "NOT_FOUND sandbox not found" ]
    run -0 exec_in texts '{"sandbox": "demo", "command": ["/no/such/program"]}'
    [[ "$output" == *"/no/such/program"* ]]
    [ "${lines[-1]}" = "exit 127" ]
}

@test "an interactive command takes input as it comes, until it ends" {
    run -0 exec_in texts '{"start": {"sandbox": "demo", "command": ["sh", "-c", "read a; read b; echo $b$a; cat; exit 3"]}}
        {"stdin": "'"$(printf 'one\n' | base64)"'"}
        {"stdin": "'"$(printf 'two\nrest' | base64)"'"}' ExecSandboxInteractive
    [ "$(tr -d '\n' <<<"${output//out /}")" = "twoonerestexit 3" ]
    run -0 exec_in texts '{"start": {"sandbox": "demo", "command": ["sh", "-c", "sleep 1; stty size"], "tty": true, "cols": 100, "rows": 30}}
        {"resize": {"cols": 90, "rows": 20}}' ExecSandboxInteractive
    [[ "$output" == *"20 90"* ]]
    run -0 call texts ExecSandboxInteractive '{"stdin": "eA=="}'
    [ "$output" = "INVALID_ARGUMENT first message must be a start payload" ]
    run -0 call texts ExecSandboxInteractive ''
    [ "$output" = "INVALID_ARGUMENT empty stream: expected start message" ]
}

@test "a client that leaves takes its command along" {
    call texts ExecSandbox '{"sandbox": "demo", "command": ["sh", "-c", "echo begun; exec sleep 12345"]}' 1 | grep -q stdout
    until_so '[ -z "$(sluice sandbox exec demo -- pgrep -f "sleep 1234[5]")" ]'
}

has_log() {        # a line about a refused request is in the log
    sluice sandbox exec demo -- curl -s http://10.77.0.2:8080/ -o /dev/null || true
    until_so 'api GET /v1/sandboxes/demo/logs | grep -q 10.77.0.2'
}

@test "the log of a sandbox, by level, source and number of lines" {
    has_log
    run -0 call texts GetSandboxLogs '{"sandbox": "'"$id"'", "lines": 1}'
    [ "$(jq -c '[(.logs | length), .logs[0].source, .logs[0].sandbox_id, .logs[0].timestamp_ms > 1.7e12, .buffer_total > 0]' <<<"$output")" = \
      "[1,\"sandbox\",\"$id\",true,true]" ]
    run -0 call enums GetSandboxLogs "{\"sandbox\": \"demo\", $in_default}"
    [ "$(jq -r '.logs | length' <<<"$output")" = "$(jq -r .buffer_total <<<"$output")" ]
    [ "$(jq -r '[.logs[].message] | join(" ")' <<<"$output" | grep -c 10.77.0.2)" = 1 ]
    run -0 call texts GetSandboxLogs '{"sandbox": "demo", "sources": ["gateway"]}'
    [ "$(jq -r '.logs | length' <<<"$output")" = 0 ]
    run -0 call texts GetSandboxLogs '{"sandbox": "demo", "min_level": "ERROR"}'
    [ "$(jq -r '.logs // [] | length' <<<"$output")" = 0 ]
}

# watch WIRE JSON ANSWERS: the members of the first answers of a stream.
watch() { call "$1" WatchSandbox "$2" "$3" | jq -rc 'if .sandbox then "sandbox \(.sandbox.status.phase)" else (keys - ["cursor"])[0] end'; }

@test "a watcher sees the sandbox first, then what is kept, then what happens" {
    has_log
    run -0 watch texts '{"sandbox": "'"$id"'"}' 1
    [ "$output" = "sandbox READY" ]
    run -0 watch texts '{"sandbox": "'"$id"'", "follow_status": true, "stop_on_terminal": true}'
    [ "$output" = "sandbox READY" ]
    run -0 watch enums "{\"sandbox\": \"demo\", \"follow_logs\": true, \"follow_events\": true, \"event_tail\": 1, \"log_tail_lines\": 1, $in_default}" 3
    [ "$output" = $'sandbox READY\nlog\nevent' ]
    run -0 watch texts '{"sandbox": "demo", "follow_logs": true, "follow_events": true, "event_tail": 1, "log_sources": ["gateway"]}' 2
    [ "$output" = $'sandbox READY\nevent' ]
    run -0 call texts WatchSandbox '{"sandbox": "nobody"}'
    [ "$output" = "NOT_FOUND sandbox not found" ]
}

@test "a watcher that does not read gets one snapshot when it does, not each since" {
    { printf 'version: 1\nnetwork_policies:\n  many:\n    binaries: [{path: /usr/bin/curl}]\n    endpoints:\n'
        printf '      - {host: a-name-that-is-rather-long-%s.example.com, port: 443}\n' {1..600}; } >"$BATS_TEST_TMPDIR/large.yaml"
    sluice -q sandbox create --name large --policy "$BATS_TEST_TMPDIR/large.yaml"
    mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
    timeout 180 /usr/bin/python3 "$top/tests/e2e/watch_unread.py" "unix:$state/sluice.sock" "$(command -v message_reader)" large the-last \
        <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
    exec 5>"$BATS_TEST_TMPDIR/in" 6<"$BATS_TEST_TMPDIR/out"
    read -r -t 180 _ <&6
    for ((i = 0; i < 40; i++)); do api PATCH /v1/sandboxes/large -H 'Content-Type: application/json' -d '{"labels": {"i": "'$i'"}}' >/dev/null; done
    api PATCH /v1/sandboxes/large -H 'Content-Type: application/json' -d '{"labels": {"i": "the-last"}}' >/dev/null
    echo >&5
    read -r -t 180 total <&6
    exec 5>&- 6>&-
    echo "$total bytes"
    [ "$total" -lt 700000 ]
    sluice -q sandbox delete large
}

@test "a watcher hears of a stop, a start and the end" {
    sluice -q sandbox create --name seen
    call enums WatchSandbox "{\"sandbox\": \"seen\", \"follow_status\": true, $in_default}" >"$BATS_TEST_TMPDIR/seen" 3>&- &
    until_so 'grep -q READY "$BATS_TEST_TMPDIR/seen"'
    sluice -q sandbox stop seen
    until_so 'grep -q STOPPED "$BATS_TEST_TMPDIR/seen"'
    sluice -q sandbox delete seen
    wait $!
    [[ "$(tail -1 "$BATS_TEST_TMPDIR/seen")" == '{"sandbox"'* ]]
}
