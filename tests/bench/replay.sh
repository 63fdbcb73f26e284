#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# replay.sh [quick]: a tightened rule asked about 10,000 recorded decisions; scripts/bench replay calls it.
set -euo pipefail
umask 022
cd "$(dirname "$0")/../.."
. tests/bench/gateway.sh

quick=${1:+1}
requests=${quick:+100000} requests=${requests:-1000000}
count=${quick:+500} count=${count:-10000}
seconds=${quick:+2} seconds=${seconds:-20}

cat >"$state/names.lua" <<'LUA'
return {
  codes = { NAME = "A host that nobody may reach." },
  vote = function(t, ballot)
    for rule in t:added() do
      local endpoint = rule.endpoints[1]
      if endpoint.host:find("7%.example%.com$") then
        return ballot:deny("NAME", endpoint.doc_path, "nobody may reach %s", endpoint.host)
      end
    end
    return ballot:abstain()
  end,
}
LUA
cat >"$state/tight.yaml" <<YAML
chain:
  plugin_dirs: [$PWD/build/plugins]
  voters:
    - {plugin: static_fields, isolation: inline}
    - {plugin: policy_safety, isolation: inline}
    - {plugin: live_reload, isolation: inline}
    - {script: names.lua, isolation: inline}
YAML
echo "chain: {plugin_dirs: [$PWD/build/plugins], voters: [{plugin: secrets_guard, isolation: inline}]}" >"$state/requests.yaml"
names=$(printf 's%d ' $(seq 16))
for name in $names; do sluice -q sandbox create --name "$name" >/dev/null; done

load() { bench_load "$state/sluice.sock" "$1" "$2" $names; }
times() {          # p50 and p99 of the answers that bench_load printed, and their number
    sed -n 's/.*"ms": \([0-9.]*\), "status": 200.*/\1/p' | sort -n |
        awk '{ v[NR] = $1 } END { printf "p50 %.2f ms  p99 %.2f ms (n %d)", v[int((NR + 1) / 2)], v[int((NR * 99 + 99) / 100)], NR }'
}

table
start=$EPOCHREALTIME
load 0 "$count" >"$state/made"
row "decisions made, one after the other in each of 16" "$count in $(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $start }") s" ""
before=$(rss "$gateway")
row "50 updates/s, nothing beside" "$(load 50 $((50 * seconds)) | times)" ""
bench_load "$state/sluice.sock" 50 1000000 $names >"$state/beside" &
loader=$!
start=$EPOCHREALTIME
replays=0
# Again until there are as many updates beside as there were alone.
while true; do
    from=$EPOCHREALTIME
    told=$(sluice -q plugin replay --chain "$state/tight.yaml" | tail -1) || [ $? -eq 1 ]
    replays=$((replays + 1))
    [ "$replays" -gt 1 ] || row "plugin replay" "$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $from }") s: $told" "10,000 in <= 10 s, 1 in 10 refused"
    awk "BEGIN { exit !($EPOCHREALTIME - $start >= $seconds) }" && break
done
kill "$loader"
wait "$loader" || true
row "50 updates/s, beside $replays replays" "$(times <"$state/beside")" "p99 as alone"
row "gateway, resident before and after" "$before, $(rss "$gateway")" ""
row "requests asked of secrets_guard" "$(build/bin/bench_requests "$state/requests.yaml" "$requests")" "1,000,000 in <= 2 s"
