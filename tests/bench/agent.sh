#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# agent.sh [quick]: held requests of a sandbox; scripts/bench agent calls it.
set -euo pipefail
umask 022
cd "$(dirname "$0")/../.."
. tests/bench/gateway.sh

quick=${1:+1}
rounds=${quick:+10} rounds=${rounds:-100}
ends=${quick:+5} ends=${ends:-20}
held=${quick:+100} held=${held:-1000}

id_of() { sluice sandbox get "$1" -o json | sed -n 's/^ *"id": "\(.*\)",/\1/p'; }
supervisor_of() { pgrep -f "sluice-supervisor --spec $state/sandboxes/$(id_of "$1")/"; }
kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
# make NAME: a sandbox that may ask one path of the origin, and holds the rest; the workload is in it.
make() {
    sluice -q sandbox create --name "$1" --hold 10m --policy "$state/rules.yaml" >/dev/null
    cp tests/bench/agent.py "$state/sandboxes/$(id_of "$1")/work/agent.py"
}
# memory KIND: what the supervisor has more once so many requests wait, in MiB.
memory() {
    local pid before after job
    make "$1"
    pid=$(supervisor_of "$1")
    sleep 3                                 # idle, not just made
    before=$(kib "$pid")
    sluice sandbox exec "$1" -- /usr/bin/python3 /sandbox/agent.py "$1" "$held" >/dev/null 2>&1 &
    job=$!
    /usr/bin/python3 tests/bench/agent.py waiting "$state/sluice.sock" "$1" "$held"
    after=$(kib "$pid")
    sluice -q sandbox delete "$1" >/dev/null
    wait "$job" 2>/dev/null || true
    awk "BEGIN { printf \"%.1f MiB more\", ($after - $before) / 1024 }"
}

cat >"$state/rules.yaml" <<'YAML'
version: 1
network_policies:
  api:
    endpoints: [{host: 10.77.0.2, port: 8091, protocol: rest, enforcement: enforce, rules: [{allow: {method: GET, path: /none}}]}]
    binaries: [{path: "/usr/**"}]
YAML

table
make asks
sluice sandbox exec asks -- /usr/bin/python3 /sandbox/agent.py ask "$rounds" >/dev/null 2>&1 &
row "approve -> held request at the origin" "$(/usr/bin/python3 tests/bench/agent.py approve "$state/sluice.sock" asks "$rounds")" "p50 <= 5 ms"
wait $! || true
make ends
sluice sandbox exec ends -- /usr/bin/python3 /sandbox/agent.py open "$ends" >/dev/null 2>&1 &
row "end of a grant -> its connection is closed" "$(/usr/bin/python3 tests/bench/agent.py expire "$state/sluice.sock" ends "$ends")" "<= 10 ms"
wait $! || true
row "$held tunnels wait for one decision" "$(memory tunnels)" "<= 20 MiB for 1000"
row "$held requests wait for $((held / 2)) decisions" "$(memory requests)" "<= 20 MiB for 1000"
row "a credential in a request, 10 fields, path and query" "$("${SLUICE_BUILD:-build}/bin/bench_credentials")" "<= 10 us added"
