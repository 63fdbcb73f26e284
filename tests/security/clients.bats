#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a client with few rights, or with rights to one sandbox alone, gets by asking otherwise.

load ../e2e/helper.bash

setup_file() {
    load ../e2e/helper.bash
    export state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    cat >"$state/sluice.yaml" <<YAML
listen: ["unix:$state/sluice.sock", "tcp:127.0.0.1:7070"]
auth:
  roles: {nobody: [gateway.read]}
  oidc: {issuer: "http://127.0.0.1:7480", audience: sluice, roles: {people: user}}
YAML
    listen /usr/bin/python3 "$top/tests/e2e/issuer.py" 7480 "$BATS_FILE_TMPDIR"
    start_gateway --config "$state/sluice.yaml"
    sluice -q sandbox create --name shop --network none
    sluice -q sandbox create --name bank --network none --detach -- sleep 100000
}

setup() { state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

token() { sluice -q token create --name "$1" --role "$2" "${@:3}"; }

# as TOKEN WIRE METHOD [JSON [ANSWERS]]
as() { TOKEN=$1 timeout 120 /usr/bin/python3 "$top/tests/e2e/openshell_call.py" 127.0.0.1:7070 "$(command -v message_reader)" "${@:2}"; }

@test "whoever may not ask about a sandbox is not told whether there is one of that name" {
    one=$(token one admin --sandbox shop) nobody=$(token none nobody)
    id=$(sluice sandbox get bank -o json | jq -r .id)
    for who in "$one" "$nobody"; do
        for method in GetSandbox GetSandboxConfig StopSandbox StartSandbox DeleteSandbox; do
            run -0 as "$who" texts "$method" '{"name": "bank"}'
            there=$output
            run -0 as "$who" texts "$method" '{"name": "nowhere"}'
            [[ "$there" == PERMISSION_DENIED* && "$output" == "$there" ]] || { echo "$method: $there / $output"; false; }
        done
        for call in WatchSandbox GetSandboxLogs ListSandboxPolicies CreateSshSession ListServices GetDraftPolicy; do
            run -0 as "$who" texts "$call" '{"sandbox": "bank"}'
            there=$output
            run -0 as "$who" texts "$call" "{\"sandbox\": \"$id\"}"
            [ "$output" = "$there" ]
            run -0 as "$who" texts "$call" '{"sandbox": "nowhere"}'
            [[ "$there" == PERMISSION_DENIED* && "$output" == "$there" ]] || { echo "$call: $there / $output"; false; }
        done
        run -0 as "$who" enums DeleteSandbox '{"name": "nowhere", "workspace_scope": {"workspace": "default"}, "allow_missing": true}'
        [[ "$output" == PERMISSION_DENIED* ]]
    done
    viewer=$(token vera viewer)
    run -0 as "$viewer" texts GetSandbox '{"name": "nowhere"}'
    [ "$output" = "NOT_FOUND sandbox not found" ]
}

@test "a token for a sandbox sees no event of an earlier one of that name" {
    sluice -q sandbox create --name twice --network none
    earlier=$(sluice sandbox get twice -o json | jq -r .id)
    sluice -q sandbox share twice --with secret-friend --role viewer
    sluice -q sandbox delete twice
    wait_event twice sandbox '.phase == "deleted"'
    sluice -q sandbox create --name twice --network none
    one=$(token second admin --sandbox twice)
    id=$(sluice sandbox get twice -o json | jq -r .id)
    run -0 as "$one" enums WatchSandbox '{"sandbox": "twice", "follow_events": true, "event_tail": 1000, "stop_on_terminal": true}'
    [[ "$output" == *"$id"* ]]
    run ! grep -q -e secret-friend -e "$earlier" <<<"$output"
}

@test "a wait ends with the right to its answer" {
    tom=$(token tom viewer)
    curl -sS -H "Authorization: Bearer $tom" 'http://127.0.0.1:7070/v1/sandboxes/bank/main?wait_ms=3600000' -w '%{http_code}' >"$BATS_TEST_TMPDIR/answer" 3>&- &
    waiter=$!
    until_so '[ "$(api GET /metrics | sed -n "s/^sluice_http_requests_running //p")" -ge 2 ]'
    sluice -q token revoke tom
    wait_gone "$waiter"
    [[ "$(cat "$BATS_TEST_TMPDIR/answer")" == *401 ]]
}

@test "a reason over gRPC has the limits of the API: its length, and no characters that mislead" {
    id=$(propose shop)
    al=$(token al approver)
    for reason in "$(printf 'x%.0s' {1..1025})" 'good \u202e live' 'red \u001b[31m'; do
        run -0 as "$al" texts RejectDraftChunk "{\"sandbox\": \"shop\", \"chunk_id\": \"$id\", \"reason\": \"$reason\"}"
        [[ "$output" == INVALID_ARGUMENT*reason* ]] || { echo "${output:0:300}"; false; }
    done
    [ "$(sluice rule get shop -o json | jq -r '.chunks[0].status')" = pending ]
}

@test "strangers ask for a login so often in a minute, and no more" {
    for _ in {1..61}; do urls+=(http://127.0.0.1:7070/auth/oidc-token); done
    run -0 curl -sS -w '\n%{http_code}\n' -H 'Content-Type: application/json' -d '{}' "${urls[@]}"
    [ "$(grep -cx 422 <<<"$output") $(grep -cx 429 <<<"$output")" = "60 1" ]
    run -0 curl -sS -i -H 'Content-Type: application/json' -d '{}' "${urls[0]}"
    [[ "$output" == *$'\nRetry-After: '* && "$output" == *"more than 60 logins were tried from here within a minute: try again in "*" s"* ]]
    run -0 api POST /auth/oidc-token -d '{}'            # from elsewhere
    [[ "$output" == *"no code of an issuer"* ]]
}
