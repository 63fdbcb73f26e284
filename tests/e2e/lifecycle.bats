#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Gateways and supervisors that stop, are killed and come back.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_origin
    start_gateway
    first_rule >"$state/first-rule.yaml"
    sluice sandbox create --name demo
    sluice policy set demo --policy "$state/first-rule.yaml" --wait
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

supervisor_pid() { pgrep -f "sluice-supervisor --spec $state/sandboxes/$(sluice sandbox get "$1" -o json | jq -r .id)/"; }

@test "a gateway that is killed finds its sandbox again, still enforcing" {
    before=$(supervisor_pid demo)
    stop_gateway KILL
    kill -0 "$before"
    start_gateway
    wait_event demo revision '.status == "loaded"'
    [ "$(supervisor_pid demo)" = "$before" ]
    [ "$(sluice sandbox get demo -o json | jq -r .phase)" = ready ]
    [ "$(knock demo)" = 200 ]
    echo 'version: 1' | sluice policy set demo --policy - --wait
    [ "$(knock demo)" = 403 ]
    sluice policy set demo --policy "$state/first-rule.yaml" --wait
}

@test "a command that comes before the supervisor is back waits for it" {
    supervisor=$(supervisor_pid demo)
    stop_gateway KILL
    kill -STOP "$supervisor"
    : >"$state/gateway.log"
    start_gateway
    sluice sandbox exec demo -- echo back >"$BATS_TEST_TMPDIR/out" 3>&- &
    waiter=$!
    timeout 180 grep -q "sandbox demo: a command waits" <(exec tail -n +1 -F "$state/gateway.log" 2>/dev/null 3>&-)
    kill -CONT "$supervisor"
    wait "$waiter"
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = back ]
}

@test "a gateway that is stopped exits 0 and leaves its sandbox running" {
    before=$(supervisor_pid demo)
    pid=$(cat "$state/gateway.pid")
    stop_gateway TERM
    run -3 sluice status
    [[ "$output" == *"cannot reach the gateway at unix:"*"is sluiced running?"* ]]
    kill -0 "$before"
    start_gateway
    wait_event demo revision '.status == "loaded"'
    [ "$(knock demo)" = 200 ]
}

@test "a supervisor that is killed during --wait: exit 1 at once, and the status says so" {
    sluice sandbox create --name victim
    supervisor=$(supervisor_pid victim)
    kill -STOP "$supervisor"
    sluice policy set victim --policy "$state/first-rule.yaml" --wait --timeout 180 >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    waiter=$!
    wait_event victim decision '.kind == "replace" and .outcome == "allowed"'
    kill -KILL "$supervisor"
    code=0
    wait "$waiter" || code=$?
    [ "$code" -eq 1 ]
    grep -q "failed to load" "$BATS_TEST_TMPDIR/out"
    [ "$(sluice policy list victim -o json | jq -r '.revisions[0].status')" = failed ]
    [ "$(sluice sandbox get victim -o json | jq -r .phase)" = error ]
    run -1 sluice sandbox exec victim -- true
    [[ "$output" == *"sandbox 'victim' is not ready (its phase is error, and sandbox get says why): start it, or wait for it"* ]]
    [ "$(sluice sandbox get victim -o json | jq -r .loaded_revision)" != 2 ]
}

@test "--wait that runs out of time exits 124 and loses nothing" {
    sluice sandbox create --name slow
    supervisor=$(supervisor_pid slow)
    kill -STOP "$supervisor"
    run -124 sluice policy set slow --policy "$state/first-rule.yaml" --wait --timeout 1
    [[ "$output" == *"revision 2 is not loaded after 1 s"* ]]
    kill -CONT "$supervisor"
    wait_event slow revision '.revision == 2 and .status == "loaded"'
    [ "$(knock slow)" = 200 ]
}

@test "--wait for a revision that got a successor: exit 0, and the successor is named" {
    sluice sandbox create --name heir
    sluice sandbox stop heir
    sluice policy set heir --policy "$state/first-rule.yaml" --wait >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    waiter=$!
    wait_event heir decision '.kind == "replace"'
    run -0 sluice policy update heir --add-endpoint 10.77.0.3:8080 --binary /usr/bin/curl
    sluice sandbox start heir
    wait "$waiter"
    grep -qx '⚠ Policy revision 2 was superseded (loaded revision: 3)' "$BATS_TEST_TMPDIR/out"
    [ "$(sluice policy list heir -o json | jq -c '[.revisions[].status]')" = '["loaded","superseded","superseded"]' ]
    sluice sandbox delete heir
}

@test "a gateway that is killed during --wait: exit 3, and what is not known is said" {
    supervisor=$(supervisor_pid slow)
    kill -STOP "$supervisor"
    echo 'version: 1' | sluice policy set slow --policy - --wait >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    waiter=$!
    wait_event slow decision '.kind == "replace" and .outcome == "allowed" and .revision == 3'
    stop_gateway KILL
    code=0
    wait "$waiter" || code=$?
    [ "$code" -eq 3 ]
    grep -q "cannot reach the gateway at unix:" "$BATS_TEST_TMPDIR/out"
    grep -q "revision 3 was submitted; whether it is loaded is not known" "$BATS_TEST_TMPDIR/out"
    kill -CONT "$supervisor"
    start_gateway
    wait_event slow revision '.revision == 3 and .status == "loaded"'
}

@test "a sandbox whose supervisor ended can be started again, with the newest policy" {
    run -0 sluice sandbox start victim
    [ "$(sluice sandbox get victim -o json | jq -r .phase)" = ready ]
    [ "$(knock victim)" = 200 ]
}

@test "stop ends every process, keeps the files; start brings them back" {
    sluice sandbox exec demo -- sh -c 'echo kept >/sandbox/note'
    supervisor=$(supervisor_pid demo)
    sluice sandbox stop demo
    ended "$supervisor"
    [ "$(sluice sandbox get demo -o json | jq -r .phase)" = stopped ]
    run -1 sluice sandbox exec demo -- true
    [[ "$output" == *"sandbox 'demo' is not ready (it is stopped): start it, or wait for it"* ]]
    sluice sandbox start demo
    run -0 sluice sandbox exec demo -- cat /sandbox/note
    [ "$output" = kept ]
    [ "$(knock demo)" = 200 ]
}

@test "delete leaves no process, no file and no name behind" {
    sluice sandbox create --name gone
    id=$(sluice sandbox get gone -o json | jq -r .id)
    supervisor=$(supervisor_pid gone)
    sluice sandbox delete gone
    ended "$supervisor"
    [ ! -e "$state/sandboxes/$id" ]
    run -1 sluice sandbox get gone
    [[ "$output" == *"gone"*"not found"* ]]
    run ! grep -q "cannot record" "$state/gateway.log"
    sluice sandbox create --name gone
}

@test "an update that a killed gateway acknowledged is there after the restart" {
    for i in 1 2 3; do
        sluice policy update demo --add-endpoint "10.77.0.3:900$i" --binary /usr/bin/curl -o json | jq -r .revision >"$BATS_TEST_TMPDIR/acked"
    done
    stop_gateway KILL
    start_gateway
    [ "$(sluice policy get demo -o json | jq -r .revision)" -eq "$(cat "$BATS_TEST_TMPDIR/acked")" ]
    run -0 sluice audit verify
}

@test "a gateway that is stopped in the middle of an update decides it, answers, and takes no other" {
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state"
    start_gated_gateway
    sluice sandbox create --name busy
    exec 8<>"$state/asked"
    api PUT /v1/sandboxes/busy/policy -H 'Content-Type: application/yaml' -d "$(first_rule)" >"$BATS_TEST_TMPDIR/answer" 3>&- 8>&- &
    asking=$!
    read -r -t 180 -n 1 <&8
    exec 8>&-
    kill -TERM "$(cat "$state/gateway.pid")"
    until_so '! sluice status >/dev/null 2>&1'
    run -3 sluice policy update busy --add-endpoint other.example.com:443 --binary /usr/bin/curl
    : >"$state/go_on"
    wait "$asking"
    wait_gone "$(cat "$state/gateway.pid")"
    [ "$(jq -c '[.outcome, .revision]' "$BATS_TEST_TMPDIR/answer")" = '["allowed",2]' ]
    start_gateway --config "$state/sluice.yaml"
    wait_event busy revision '.status == "loaded" and .revision == 2'
    sluice sandbox delete busy
    stop_gateway
}

@test "on_exit: stop ends the sandboxes with the gateway" {
    stop_gateway
    printf 'sandboxes: {on_exit: stop}\n' >"$state/stop.yaml"
    start_gateway --config "$state/stop.yaml"
    wait_event demo revision '.status == "loaded"'
    supervisor=$(supervisor_pid demo)
    sluice sandbox exec demo -- tail -f /dev/null >/dev/null 2>&1 3>&- &
    stop_gateway
    ended "$supervisor"
    run ! grep -q 'Sanitizer\|Assertion' "$state/gateway.log"
    start_gateway
    [ "$(sluice sandbox get demo -o json | jq -r .phase)" = stopped ]
    sluice sandbox start demo
    [ "$(knock demo)" = 200 ]
}

@test "a second gateway on the same state refuses to start" {
    run -1 sluiced --state-dir "$state"
    [[ "$output" == *"another sluiced works in the state folder $state"* ]]
    sluice status
}
