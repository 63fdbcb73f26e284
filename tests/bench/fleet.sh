#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fleet.sh [quick]: one gateway on each kind of store, then two on PostgreSQL; scripts/bench fleet calls it.
set -euo pipefail
umask 022
cd "$(dirname "$0")/../.."
seconds=${1:+2} seconds=${seconds:-5} rounds=${1:+50} rounds=${rounds:-300} sandboxes=64

# A second gateway on the same store; the sandboxes are at home with the first.
measure_two() {
    local half=$((sandboxes / 2)) other knocker id
    mkdir "$state/b"
    mkfifo "$state/b/ready"
    sluiced --config "$state/sluice.yaml" --state-dir "$state/b" --log-level error >"$state/b/ready" 2>"$state/b/log" &
    other=$!
    read -r _ <"$state/b/ready"
    id=$(sluice sandbox get s1 -o json | sed -n 's/^ *"id": "\(.*\)",/\1/p')
    install -m 755 build/bin/bench_knock "$state/sandboxes/$id/work/knock"
    sluice sandbox exec s1 -- /sandbox/knock 10.77.0.2 8090 /0 100 >/dev/null 2>&1 &
    knocker=$!
    row "policy set at its own gateway -> enforced" "$(build/bin/bench_live one "$state/sluice.sock" s1 "$rounds" | sed 's/.*: //')" ""
    row "policy set at the other gateway -> enforced" "$(build/bin/bench_live one "$state/b/sluice.sock" s1 "$rounds" | sed 's/.*: //')" "p50 <= 15 ms, p99 <= 50 ms"
    kill "$knocker" && wait "$knocker" 2>/dev/null || true
    build/bin/bench_live rate "$state/sluice.sock" "$seconds" $(echo "$1" | cut -d' ' -f1-$half) >"$state/rate" &
    knocker=$!
    build/bin/bench_live rate "$state/b/sluice.sock" "$seconds" $(echo "$1" | cut -d' ' -f$((half + 1))-) >"$state/b/rate"
    wait "$knocker"
    row "durable updates/s of two gateways, $half clients each" "$(($(cat "$state/rate") + $(cat "$state/b/rate")))/s" ""
    kill "$other" && wait "$other" || true
}

measure() {        # measure KIND [URL]: in a subshell, as the gateway goes with it
    gateway_config=${2:+"store: $2"}
    . tests/bench/gateway.sh
    [ "$1" != SQLite ] || table
    row "idle gateway on $1, resident" "$(rss "$gateway")" ""
    echo 'version: 1' >"$state/plain.yaml"
    local names= i
    for ((i = 1; i <= sandboxes; i++)); do
        sluice -q sandbox create --name "s$i" --policy "$state/plain.yaml" >/dev/null
        names="$names s$i"
    done
    row "durable updates/s on $1, $sandboxes clients" "$(build/bin/bench_live rate "$state/sluice.sock" "$seconds" $names)/s" ""
    [ "$1" = SQLite ] || measure_two "${names# }"
}

(measure SQLite)
db=$(mktemp -d "$PWD/build/pg-XXXXXX")          # on the same disk
trap 'tests/lib/postgres remove "$db"' EXIT
if tests/lib/postgres start "$db" fsync=on full_page_writes=on; then
    (measure PostgreSQL "\"postgresql://sluice@/postgres?host=$db\"")
fi
