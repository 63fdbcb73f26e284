#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two gateways on one store in PostgreSQL export it: one of them sends, the other takes over, and nothing is lost.

setup_file() {
    load helper
    load export_helper
    db=$BATS_FILE_TMPDIR/db a=$BATS_FILE_TMPDIR/a b=$BATS_FILE_TMPDIR/b
    export db a b pg="postgresql://sluice@/postgres?host=$BATS_FILE_TMPDIR/db" PGUSER=sluice PGHOST=$BATS_FILE_TMPDIR/db
    "$top/tests/lib/postgres" start "$db"
    for state in "$a" "$b"; do
        mkdir -p "$state/logs"
        chain_with static_fields policy_safety live_reload
        printf 'export:\n  - {name: logs, type: otlp, url: "http://127.0.0.1:4318", interval_ms: 50, timeout_ms: 500}\n' >>"$state/sluice.yaml"
    done
    state=$a
    first_rule >"$a/first-rule.yaml"
    echo ok >"$a/logs/mode"
    receive logs 4318
    start b
    start a
    sluice sandbox create --name demo --keep
}
setup() {
    load helper
    load export_helper
    state=$a
    export SLUICE_GATEWAY=unix:$a/sluice.sock
}
teardown_file() {
    load helper
    state=$b stop_gateway || true
    state=$a SLUICE_GATEWAY=unix:$a/sluice.sock teardown_all
    kill -9 "$(cat "$a/logs/pid")" 2>/dev/null || true
    "$top/tests/lib/postgres" stop "$db"
}

start() {          # start a|b: that gateway
    state=$BATS_FILE_TMPDIR/$1
    start_gateway --config "$state/sluice.yaml" --store "$pg"
}

on_b() { SLUICE_GATEWAY=unix:$b/sluice.sock "$@"; }

@test "one of two gateways sends what both decide, once" {
    [ "$(on_b status_of logs audit state)" = sending ]
    [ "$(status_of logs audit state)" = standby ]
    for i in 1 2 3; do change $i; on_b change 1$i; done
    until_so '[ "$(status_of logs audit waiting)" = 0 ]'
    came_in_order logs
    [ "$(jq -c 'select(.kind == "audit") | .seq' "$state/logs/received" | wc -l)" = "$(wc -l <"$state/logs/came")" ]
}

@test "a gateway that ends is followed by the other, a gateway that is killed goes on, and the database may be killed" {
    state=$b stop_gateway
    until_so '[ "$(status_of logs audit state)" = sending ]'
    for i in 20 21 22; do change $i; done
    kill -9 "$(cat "$a/gateway.pid")"
    wait_gone "$(cat "$a/gateway.pid")"
    start a
    for i in 23 24 25; do change $i; done
    "$top/tests/lib/postgres" kill "$db"
    "$top/tests/lib/postgres" start "$db"
    until_so 'change 26 2>/dev/null'
    idle logs
    came_in_order logs
}
