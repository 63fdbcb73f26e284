#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fleet.sh [quick]: one gateway on each kind of store; scripts/bench fleet calls it.
set -euo pipefail
umask 022
cd "$(dirname "$0")/../.."
seconds=${1:+2} seconds=${seconds:-5} sandboxes=64

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
}

(measure SQLite)
db=$(mktemp -d "$PWD/build/pg-XXXXXX")          # on the same disk
trap 'tests/lib/postgres remove "$db"' EXIT
if tests/lib/postgres start "$db" fsync=on full_page_writes=on; then
    (measure PostgreSQL "\"postgresql://sluice@/postgres?host=$db\"")
fi
