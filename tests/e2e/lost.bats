#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Commands whose gateway is killed, or that are interrupted, in the middle: the exit code, what is said to
# be unknown, and what is left behind.  Each is stopped at a stage by a proxy, not by the clock.

load helper.bash

setup_file() {
    load helper.bash
    state=$BATS_FILE_TMPDIR/state
    start_gateway
    sluice sandbox create --name demo >/dev/null
}
setup() {
    load helper.bash
    state=$BATS_FILE_TMPDIR/state
    kill -0 "$(cat "$state/gateway.pid")" 2>/dev/null || start_gateway
}
teardown() { [ -z "${proxy:-}" ] || kill "$proxy" 2>/dev/null || true; }
teardown_file() { load helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

stop_at() {        # stop_at before|after METHOD PATH-SUFFIX: the commands that follow go through a proxy
    local pipe
    proxied=$(mktemp -d -p "$BATS_TEST_TMPDIR")
    for pipe in says goes; do mkfifo "$proxied/$pipe"; done
    python3 "$BATS_TEST_DIRNAME/stage_proxy.py" "$proxied/g.sock" "$state/sluice.sock" "$@" >"$proxied/says" <"$proxied/goes" 3>&- &
    proxy=$!
    exec 6<"$proxied/says" 5>"$proxied/goes"   # in the order in which the proxy opens them
    read -r -t 180 line <&6
    [ "$line" = up ]
}

reach_stage() { read -r -t 180 line <&6 && [ "$line" = at ]; }

leave_proxy() {
    kill "$proxy"
    wait "$proxy" 2>/dev/null || true
    exec 5>&- 6<&-
    proxy=
}

run_client() {     # run_client WORD…: through the proxy, in the background, its output in $out
    out=$BATS_TEST_TMPDIR/out
    env --default-signal=INT sluice --gateway "unix:$proxied/g.sock" "$@" >"$out" 2>&1 3>&- 5>&- 6<&- &
    client=$!
}

client_ends() {    # client_ends CODE
    local code=0
    wait "$client" || code=$?
    [ "$code" -eq "$1" ] || { echo "exit code $code"; cat "$out"; return 1; }
}

lose_gateway() {   # kills it while the client is where it stands, and starts another one
    stop_gateway KILL
    [ -z "${proxy:-}" ] || echo >&5
    client_ends 3
    [ -z "${proxy:-}" ] || leave_proxy
    start_gateway
}

says() {           # says TEXT…: all of them, in what the client wrote
    local text
    for text in "$@"; do
        grep -qF -- "$text" "$out" || { echo "not said: $text"; cat "$out"; return 1; }
    done
}

@test "a change whose gateway is killed: exit 3, and whether it was made is said to be unknown" {
    echo 'version: 1' >"$BATS_TEST_TMPDIR/p.yaml"
    while read -r method suffix words; do
        stop_at before "$method" "$suffix"
        run_client $words
        reach_stage
        lose_gateway
        says "cannot reach the gateway at unix:" "whether the change was made is not known: look before you ask for it again"
    done <<LIST
PUT /policy policy set demo --policy $BATS_TEST_TMPDIR/p.yaml --wait
PUT /policy policy set demo --policy $BATS_TEST_TMPDIR/p.yaml
POST /sandboxes sandbox create --name half
POST /sandboxes sandbox create --name half --no-keep -- true
DELETE /half sandbox delete half
LIST
    stop_at before PUT '/policy?dry_run=true'            # of what changes nothing, nothing is unknown
    run_client policy set demo --policy "$BATS_TEST_TMPDIR/p.yaml" --dry-run
    reach_stage
    lose_gateway
    run ! grep -q 'not known' "$out"
}

@test "a command whose gateway is killed: exit 3, and what became of it is said to be unknown" {
    stop_at before POST /exec
    run_client sandbox exec demo -- true
    reach_stage
    lose_gateway
    says "the gateway closed the connection without an answer" "whether the command was started is not known"
    stop_at after POST /exec
    run_client sandbox exec demo -- sleep 60
    reach_stage
    lose_gateway
    says "the connection to the gateway broke before the command ended: what became of it is not known"
}

@test "--no-keep whose gateway is killed says that the sandbox is still there" {
    stop_at after POST /attach
    run_client sandbox create --name stays --no-keep -- sleep 60
    reach_stage
    lose_gateway
    says "the connection to the gateway broke: the main process goes on" "sandbox stays was not deleted: sluice sandbox delete stays"
    sluice sandbox delete stays
}

@test "a stream whose gateway is killed: exit 3, and it is said that something may be missing" {
    for words in "logs demo --tail" "events --follow" "events demo --follow"; do
        stop_at after GET ""
        run_client $words
        reach_stage
        echo >&5
        api POST /v1/sandboxes/demo/drafts -H 'Content-Type: application/json' -d '{}' >/dev/null
        lose_gateway
        says "the connection to the gateway broke" "what happened since is not shown"
    done
}

@test "Ctrl-C at any stage of --no-keep leaves no sandbox behind" {
    while read -r when method suffix code; do
        stop_at "$when" "$method" "$suffix"
        run_client sandbox create --name brief --no-keep -- true
        reach_stage
        kill -INT "$client"
        [ "$when $method $suffix" != "before POST /sandboxes" ] || until_so "grep -q 'interrupted: the sandbox is deleted as soon as it is made' '$out'"
        echo >&5
        client_ends "$code"
        leave_proxy
        echo "$when $method $suffix: $(cat "$out")"
        [ "$(sluice sandbox list -o json | jq '[.sandboxes[] | select(.name != "demo")] | length')" = 0 ]
    done <<'LIST'
before POST /sandboxes 130
after POST /sandboxes 130
before POST /attach 130
after POST /attach 130
before DELETE /brief 0
after DELETE /brief 0
LIST
}
