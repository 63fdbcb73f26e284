#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# live.sh [quick]: a policy change in running sandboxes; scripts/bench live calls it.
set -euo pipefail
umask 022
cd "$(dirname "$0")/../.."
. tests/bench/gateway.sh

quick=${1:+1}
rounds=${quick:+20} rounds=${rounds:-200}

times() {          # times COUNT COMMAND...: p50 and p99 of its wall-clock milliseconds
    local n=$1 i
    shift
    for ((i = 0; i < n; i++)); do
        local from=$EPOCHREALTIME to
        "$@" >/dev/null 2>&1
        to=$EPOCHREALTIME
        echo $((${to/./} - ${from/./}))
    done | sort -n | awk '{ v[NR] = $1 } END { printf "p50 %.1f ms  p99 %.1f ms (n %d)", v[int((NR + 1) / 2)] / 1000, v[int((NR * 99 + 99) / 100)] / 1000, NR }'
}

table
row "(d) idle gateway, resident" "$(rss "$gateway")" "<= 10 MiB"

made=0
create() { made=$((made + 1)); sluice -q sandbox create --name "s$made" --policy "$state/plain.yaml"; }
echo 'version: 1' >"$state/plain.yaml"
row "(e) sandbox create -> ready, whole command" "$(times 10 create)" "p50 <= 50 ms"
made=10
row "(e) sandbox exec -- true, whole command" "$(times 50 sluice sandbox exec s1 -- true)" "p50 <= 10 ms"
supervisor=$(pgrep -f "sluice-supervisor --spec $state/sandboxes/$(sluice sandbox get s1 -o json | sed -n 's/^ *"id": "\(.*\)",/\1/p')/")
sleep 3                                     # idle, not just made
row "(d) idle supervisor, resident" "$(rss "$supervisor")" "<= 5 MiB"

knocker() {        # knocker NAME SLOT PAUSE_US: knocks from inside until it is killed
    local id
    id=$(sluice sandbox get "$1" -o json | sed -n 's/^ *"id": "\(.*\)",/\1/p')
    cp build/bin/bench_knock "$state/sandboxes/$id/work/knock"
    chmod 755 "$state/sandboxes/$id/work/knock"
    sluice sandbox exec "$1" -- /sandbox/knock 10.77.0.2 8090 "/$2" "$3" >/dev/null 2>&1 &
    knockers="$knockers $!"
}
stop_knocking() {
    for job in $knockers; do kill "$job" 2>/dev/null && wait "$job" 2>/dev/null || true; done
    knockers=
}
knockers=
knocker s1 0 100
row "(a) policy set -> enforced, one sandbox" "$(build/bin/bench_live one "$state/sluice.sock" s1 "$rounds" | sed 's/.*: //')" "p50 <= 2 ms, p99 <= 10 ms"
stop_knocking

id=$(sluice sandbox get s1 -o json | sed -n 's/^ *"id": "\(.*\)",/\1/p')
install -m 755 build/bin/bench_callers "$state/sandboxes/$id/work/callers"
for processes in 5 200; do
    row "(f) connect to the proxy, caller told" "$(sluice sandbox exec s1 -- /sandbox/callers 10.200.0.1 3128 $processes $((rounds * 10)))" "p99 <= 100 us, 200 within 1.5 x of 5"
done

# What one refused request costs, in CPU time: a paced program, as the cost of a cold cache belongs to it.
cpu() { awk '{ sum += $1 } END { print sum / 1000 }' /proc/"$1"/task/*/schedstat; }
install -m 755 build/bin/bench_knock "$state/sandboxes/$id/work/knock"
refusals=${quick:+300} refusals=${refusals:-2000}
before="$(cpu "$supervisor") $(cpu "$gateway")"
sluice sandbox exec s1 -- /sandbox/knock 10.77.0.2 8090 /refused 5000 "$refusals" >/dev/null 2>&1
row "(g) CPU of a refused request, each 5 ms" "$(awk -v n="$refusals" '{ printf "supervisor %.0f us, gateway %.0f us (n %d)", ($3 - $1) / n, ($4 - $2) / n, n }' <<<"$before $(cpu "$supervisor") $(cpu "$gateway")")" ""

names=s1
for ((i = 2; i <= 64; i++)); do
    [ "$i" -le 10 ] || sluice -q sandbox create --name "s$i" --policy "$state/plain.yaml" >/dev/null
    names="$names s$i"
done
fifty=$(echo $names | cut -d' ' -f1-50)
slot=0
# Fifty workloads that knock without a pause would only measure two cores shared by a hundred processes.
for name in $fifty; do knocker "$name" "$slot" 10000; slot=$((slot + 1)); done
row "(a) the same, 50 at once, a knock each 10 ms" "$(build/bin/bench_live many "$state/sluice.sock" $((rounds / 20)) $fifty | sed 's/.*: //')" "p99 <= 100 ms"
stop_knocking

seconds=${quick:+2} seconds=${seconds:-5}
rate=$(build/bin/bench_live rate "$state/sluice.sock" "$seconds" $names)
same=$(build/bin/bench_peer update "$state/sluice.db" "$state/peer.db" "$seconds")
bare=$(build/bin/bench_peer row "$state/row.db" "$seconds")
times_of() { awk "BEGIN { printf \"%.1fx\", $rate / $1 }"; }
row "(b) durable updates/s, 64 clients, 64 sandboxes" "$rate/s" ""
row "    one sqlite3 connection, the same rows" "$same/s: we do $(times_of "$same")" ">= 2x"
row "    one sqlite3 connection, one bare row" "$bare/s: we do $(times_of "$bare")" ""
row "(d) gateway after all that, resident" "$(rss "$gateway")" ""
