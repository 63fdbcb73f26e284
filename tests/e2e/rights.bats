#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What lasts ends with the right to it, in the API and over gRPC; and a method about a sandbox is judged for that sandbox.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    echo "listen: [\"unix:$state/sluice.sock\", \"tcp:127.0.0.1:7070\"]" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice -q sandbox create --name demo --detach -- sh -c 'echo begun; exec sleep 100000'
    sluice -q sandbox create --name other --network none
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

token() { sluice -q token create --name "$1" --role "$2" "${@:3}"; }

# as TOKEN WIRE METHOD [JSON [ANSWERS]]
as() { TOKEN=$1 timeout 120 /usr/bin/python3 "$top/tests/e2e/openshell_call.py" 127.0.0.1:7070 "$(command -v message_reader)" "${@:2}"; }

# begin NAME TEXT COMMAND…: in the background, its output in NAME; returns when that has TEXT.
begin() {
    local input
    mkfifo "$BATS_TEST_TMPDIR/$1.in"
    exec {input}<>"$BATS_TEST_TMPDIR/$1.in"
    "${@:3}" <&"$input" >"$BATS_TEST_TMPDIR/$1" 2>&1 3>&- &
    pids+=($!)
    until_so "grep -qa '$2' '$BATS_TEST_TMPDIR/$1'"
}

@test "a revoked token ends its commands, connections, logs and watches; those of others go on" {
    local t other pids=()
    t=$(token tom admin) other=$(token olga admin)
    session=$(as "$t" texts CreateSshSession '{"sandbox": "demo"}' | jq -r .token)
    SLUICE_TOKEN=$other begin others begun timeout 170 sluice sandbox exec demo -- sh -c 'echo begun; exec cat'
    pids=()
    SLUICE_TOKEN=$t begin exec begun timeout 170 sluice sandbox exec demo -- sh -c 'echo begun; exec cat'
    SLUICE_TOKEN=$t begin attach begun timeout 170 sluice sandbox connect demo
    SLUICE_TOKEN=$t begin logs started timeout 170 sluice logs demo --follow
    begin watch READY as "$t" texts WatchSandbox '{"sandbox": "demo", "follow_status": true}'
    begin grpc YmVndW4K as "$t" texts ExecSandbox '{"sandbox": "demo", "command": ["sh", "-c", "echo begun; exec sleep 100000"]}'
    GATEWAY_TOKEN=$t begin relay SSH-2 timeout 170 /usr/bin/python3 "$top/tests/e2e/openshell_forward.py" 127.0.0.1:7070 demo "$session" ssh
    sluice -q token revoke tom
    for pid in "${pids[@]}"; do wait_gone "$pid"; done
    for each in watch grpc relay; do
        grep -q "UNAUTHENTICATED what this was begun with no longer holds: the token was revoked" "$BATS_TEST_TMPDIR/$each"
    done
    until_so '[ -z "$(sluice sandbox exec demo -- pgrep -f "sleep 10000[0]" | tail -n +2)" ]'
    [ "$(sluice sandbox exec demo -- pgrep -xc cat)" = 1 ]
    run -0 as "$t" texts GetSandbox '{"name": "demo"}'
    [[ "$output" == "UNAUTHENTICATED who is asking is not known"* ]]
}

@test "a share that is taken back ends what was begun with it" {
    local carl pids=()
    carl=$(token carl viewer)
    sluice -q sandbox share demo --with carl --role user
    SLUICE_TOKEN=$carl begin exec begun timeout 170 sluice sandbox exec demo -- sh -c 'echo begun; exec cat'
    begin grpc YmVndW4K as "$carl" texts ExecSandbox '{"sandbox": "demo", "command": ["sh", "-c", "echo begun; exec sleep 10001"]}'
    begin watch READY as "$carl" texts WatchSandbox '{"sandbox": "demo", "follow_status": true}'
    sluice -q sandbox unshare demo --with carl
    wait_gone "${pids[0]}"
    wait_gone "${pids[1]}"
    grep -q "PERMISSION_DENIED the role viewer may not do this, as it lacks the permission sandbox.run" "$BATS_TEST_TMPDIR/grpc"
    kill -0 "${pids[2]}"                                # a viewer may watch
    sluice -q token revoke carl
    wait_gone "${pids[2]}"
}

@test "a token that expires ends what was begun with it" {
    local seconds
    for seconds in 3 15 60; do                          # on a slow machine the client starts too late
        t=$(token "eve$seconds" admin --expires "${seconds}s")
        as "$t" texts ExecSandbox '{"sandbox": "demo", "command": ["sh", "-c", "echo begun; exec sleep 10002"]}' >"$BATS_TEST_TMPDIR/grpc" 2>&1 || true
        if grep -qa YmVndW4K "$BATS_TEST_TMPDIR/grpc"; then break; fi
    done
    grep -qa YmVndW4K "$BATS_TEST_TMPDIR/grpc"
    grep -qa "UNAUTHENTICATED what this was begun with no longer holds" "$BATS_TEST_TMPDIR/grpc"
}

@test "a token for one sandbox does over gRPC what it may do there, and nothing about another or about all" {
    ci=$(token ci admin --sandbox demo)
    while IFS='|' read -r method fields; do
        run -0 as "$ci" texts "$method" '{"sandbox": "demo"'"$fields"'}'
        [[ "$output" == '{'* ]] || { echo "$method: $output"; return 1; }
        run -0 as "$ci" texts "$method" '{"sandbox": "other"'"$fields"'}'
        [[ "$output" == "PERMISSION_DENIED this token is for one sandbox alone, and this is another one or asks about all"* ]] ||
            { echo "$method: $output"; return 1; }
    done <<'CALLS'
GetSandboxPolicyStatus|
ListSandboxPolicies|
ListSandboxProviders|
ListServices|
ExposeService|, "target_port": 8000, "name": "ci"
GetDraftPolicy|
GetSandboxLogs|
UpdateConfig|, "setting_key": "proposal_approval_mode", "setting_value": {"string_value": "manual"}
CALLS
    for call in 'ListSandboxes {}' 'GetSandboxPolicyStatus {"global":true}' 'ListSandboxPolicies {"global":true}' 'ListServices {}'; do
        run -0 as "$ci" texts $call
        [[ "$output" == "PERMISSION_DENIED this token is for one sandbox alone"* ]] || { echo "$call: $output"; return 1; }
    done
}

@test "who owns a sandbox revokes its SSH sessions, and others do not" {
    tina=$(token tina user) bob=$(token bob user)
    run -0 as "$tina" texts CreateSandbox '{"name": "hers", "spec": {}}'
    session=$(as "$tina" texts CreateSshSession '{"sandbox": "hers"}' | jq -r .token)
    run -0 as "$bob" texts RevokeSshSession "{\"token\": \"$session\"}"
    [[ "$output" == "PERMISSION_DENIED the role user may do this to its own sandboxes alone"* ]]
    run -0 as "$tina" texts RevokeSshSession "{\"token\": \"$session\"}"
    [ "$(jq -r .revoked <<<"$output")" = true ]
    run -0 as "$bob" enums DeleteSandbox '{"name": "hers", "workspace_scope": {"workspace": "default"}, "allow_missing": true}'
    [[ "$output" == "PERMISSION_DENIED the role user may do this to its own sandboxes alone"* ]]
    run -0 as "$tina" texts DeleteSandbox '{"name": "hers"}'
    run -0 as "$tina" enums DeleteSandbox '{"name": "hers", "workspace_scope": {"workspace": "default"}, "allow_missing": true}'
    [ "$(jq -r .outcome <<<"$output")" = ALREADY_ABSENT ]
}

@test "what needs no decision is an event that says who did it, over both doors" {
    local t
    t=$(token adam admin)
    as "$t" texts CreateWorkspace '{"name": "lab"}' >/dev/null
    as "$t" texts ListWorkspaces '{}' >/dev/null
    run -0 as "$t" texts CreateSandbox '{"name": "told", "spec": {}}'
    [[ "$output" == '{'* ]] || { echo "$output"; return 1; }
    as "$t" texts DeleteSandbox '{"name": "told"}' >/dev/null
    run -0 as "$t" texts DeleteSandbox '{"name": "told"}'
    [[ "$output" == NOT_FOUND* ]]
    SLUICE_TOKEN=$t sluice -q sandbox create --name told
    told() { sluice events -o json | jq -r 'select(.event == "administration" and .data.actor == "adam") | [.data.sandbox, .data.role, .data.identity, .data.method, .data.path] | join(" ")'; }
    until_so '[ "$(told | wc -l)" -ge 4 ]'
    [ "$(told)" = " admin token POST /openshell.v1.OpenShell/CreateWorkspace
 admin token POST /openshell.v1.OpenShell/CreateSandbox
told admin token POST /openshell.v1.OpenShell/DeleteSandbox
 admin token POST /v1/sandboxes" ]
}
