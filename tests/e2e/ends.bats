#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# How gateways and sandboxes end, also in the middle of things: nothing half-made stays, nothing strays.

load helper.bash

setup() {
    load helper
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state"
}
teardown() {
    umount "$state"/sandboxes/*/work/busy 2>/dev/null || true
    teardown_all
}

phase() { sluice sandbox get "$1" -o json 2>/dev/null | jq -r '.phase // "deleted"'; }

# The supervisors whose specification is below this test's state.
supervisors() { pgrep -f "sluice-supervisor --spec $state" || true; }

lock_holder() {    # the supervisor of sandbox $1
    pgrep -f "sluice-supervisor --spec $state/sandboxes/$(sluice sandbox get "$1" -o json | jq -r .id)/"
}

@test "on_exit: stop waits for every sandbox, and what became of them is on record" {
    printf 'sandboxes: {on_exit: stop}\n' >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    for name in a b c d; do sluice -q sandbox create --name "$name"; done
    pid=$(cat "$state/gateway.pid")
    kill "$pid"
    wait "$pid"
    [ -z "$(supervisors)" ]
    start_gateway
    for name in a b c d; do [ "$(phase "$name")" = stopped ]; done
    sluice sandbox start a
    [ "$(phase a)" = ready ]
}

@test "a creation that a stop overtakes is undone, and its client is told at once" {
    start_gated_gateway
    pid=$(cat "$state/gateway.pid")
    exec 8<>"$state/asked"
    api POST /v1/sandboxes -H 'Content-Type: application/json' -d '{"name":"late"}' >"$state/answer" 3>&- 8>&- &
    asking=$!
    read -r -t 180 -n 1 <&8
    exec 8>&-
    kill "$pid"
    until_so '! sluice status >/dev/null 2>&1'
    : >"$state/go_on"
    wait "$asking"
    wait "$pid"
    [ "$(jq -r '"\(.status) \(.detail)"' "$state/answer")" = "503 sandbox 'late' was not up before the gateway was stopped" ]
    [ -z "$(supervisors)" ]
    [ -z "$(ls "$state/sandboxes")" ]
    rm "$state/asked"
    start_gateway --config "$state/sluice.yaml"
    [ "$(phase late)" = deleted ]
}

@test "on_exit: stop also ends a sandbox that is only starting" {
    slow=$(mktemp -d /tmp/sluice-slow-XXXXXX)       # whoever runs bubblewrap has to get there
    chmod 755 "$slow"
    printf '#!/bin/sh\n[ ! -e %s/hold ] || exec /bin/sleep 1000\nexec /usr/bin/bwrap "$@"\n' "$slow" >"$slow/bwrap"
    chmod 755 "$slow/bwrap"
    printf 'sandboxes: {on_exit: stop}\n' >"$state/sluice.yaml"
    PATH=$slow:$PATH start_gateway --config "$state/sluice.yaml"
    pid=$(cat "$state/gateway.pid")
    sluice -q sandbox create --name slow
    sluice -q sandbox stop slow
    : >"$slow/hold"
    sluice sandbox start slow >"$state/answer" 2>&1 3>&- &
    asking=$!
    until_so '[ -n "$(supervisors)" ]'
    kill "$pid"
    wait "$asking" && false
    [[ "$(cat "$state/answer")" == *"sandbox 'slow' was not up before the gateway was stopped" ]]
    wait "$pid"
    [ -z "$(supervisors)" ]
    rm -r "$slow"
    start_gateway --config "$state/sluice.yaml"
    [ "$(phase slow)" = stopped ]
}

@test "a supervisor that ended while no gateway ran leaves a sandbox that can be started and deleted" {
    start_gateway
    sluice -q sandbox create --name gone
    holder=$(lock_holder gone)
    stop_gateway KILL
    kill -9 "$holder"
    wait_gone "$holder"
    start_gateway
    [ "$(phase gone)" = stopped ]
    sluice sandbox start gone
    sluice sandbox delete gone
    [ -z "$(supervisors)" ]
}

@test "a supervisor that ends before it comes back to a new gateway is noticed" {
    start_gateway
    sluice -q sandbox create --name lost
    holder=$(lock_holder lost)
    stop_gateway KILL
    kill -STOP "$holder"
    start_gateway
    kill -9 "$holder"
    wait_gone "$holder"
    sluice sandbox start lost
    [ "$(phase lost)" = ready ]
    sluice sandbox exec lost -- true
    sluice sandbox delete lost
    [ -z "$(supervisors)" ]
}

@test "a supervisor that hangs, and never came back to a new gateway, is ended by a delete" {
    start_gateway
    sluice -q sandbox create --name hangs
    holder=$(lock_holder hangs)
    stop_gateway KILL
    kill -STOP "$holder"
    start_gateway
    sluice sandbox delete hangs
    [ -z "$(supervisors)" ]
    [ -z "$(ls "$state/sandboxes")" ]
}

@test "a delete that cannot delete everything says so, and can be asked for again" {
    start_gateway
    sluice -q sandbox create --name full
    sluice sandbox exec full -- sh -c 'mkdir -p /sandbox/cache/mod && touch /sandbox/cache/mod/a && chmod -R 0555 /sandbox/cache && mkdir /sandbox/busy'
    work=$state/sandboxes/$(sluice sandbox get full -o json | jq -r .id)/work
    mount -t tmpfs none "$work/busy" || skip "nothing can be mounted here"
    run -1 sluice sandbox delete full
    [[ "$output" == *"cannot delete all below $(dirname "$work"): "*"'busy': "* ]]
    [ "$(phase full)" = stopped ]
    [ ! -e "$work/cache" ]
    umount "$work/busy"
    sluice sandbox delete full
    [ "$(phase full)" = deleted ]
    [ -z "$(ls "$state/sandboxes")" ]
}

@test "start, stop and delete of one sandbox at once end in one of their outcomes" {
    start_gateway
    for round in 1 2 3 4 5 6; do
        sluice -q sandbox create --name race
        sluice -q sandbox stop race
        for try in 1 2 3; do
            sluice -q sandbox start race >/dev/null 2>&1 3>&- &
            sluice -q sandbox stop race >/dev/null 2>&1 3>&- &
        done
        [ $((round % 2)) -eq 0 ] || sluice -q sandbox delete race >/dev/null 2>&1 3>&- &
        for job in $(jobs -p | grep -v "^$(cat "$state/gateway.pid")$"); do wait "$job" || true; done
        case $(phase race) in
        ready) sluice sandbox exec race -- true ;;
        stopped) sluice sandbox start race && sluice sandbox exec race -- true ;;
        deleted) [ $((round % 2)) -eq 1 ] ;;
        *) phase race; false ;;
        esac
        [ "$(supervisors | wc -l)" -le 1 ]
        sluice -q sandbox delete race || [ $((round % 2)) -eq 1 ]
        [ -z "$(supervisors)" ]
    done
    [ "$(sluice status -o json | jq .pid)" = "$(cat "$state/gateway.pid")" ]
}

@test "a gateway that is killed in the middle of anything finds a whole again" {
    start_gateway
    first_rule >"$state/first-rule.yaml"
    for round in 1 2 3 4 5 6 7 8; do
        for n in 1 2 3; do
            { sluice -q sandbox create --name "k$n-$round" && sluice -q policy set "k$n-$round" --policy "$state/first-rule.yaml" &&
                  sluice -q sandbox delete "k$n-$round"; } >/dev/null 2>&1 3>&- &
        done
        read -r -t "0.$round" _ <>"$state/ready" || true
        stop_gateway KILL
        for job in $(jobs -p | grep -v "^$(cat "$state/gateway.pid")$"); do wait "$job" || true; done
        start_gateway
        run -0 sluice audit verify -o json
        [ "$(jq -r .intact <<<"$output")" = true ]
    done
    for name in $(sluice sandbox list -o json | jq -r '.sandboxes[].name'); do
        until_so 'sluice sandbox start "$name" >/dev/null'
        [ "$(phase "$name")" = ready ]
        sluice sandbox delete "$name"
    done
    until_so '[ -z "$(supervisors)" ]'
    [ -z "$(ls "$state/sandboxes")" ]
}
