#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# voters.sh [quick]: what a vote costs; scripts/bench voters calls it.  SLUICE_BUILD: another build than build/; OPA: the peer.
set -euo pipefail
umask 022
cd "$(dirname "$0")/../.."
. tests/bench/machine.sh

top=$PWD build=${SLUICE_BUILD:-$PWD/build} here=$PWD/tests/bench/voters
time=${1:+2} time=${time:-1000}            # milliseconds for each measurement
opa=$(command -v "${OPA:-opa}" || true)
work=$(mktemp -d "$build/bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$here/ten.yaml" "$work/ten_rules.yaml"  # a case reads no file outside of its folder
inspect_c=1000 inspect_lua=10000 inspect_isolated=80000
inline_c=200 inline_lua=10000 twenty=100000 isolated="150000 1000000"     # nanoseconds at most: p50, p99

# ---- asking ----

# cases FILE EXPECTED SUBJECT: the transition there and back, so that no vote finds the policies of the one before.
cases() {
    local rest="baseline: {version: 1}, reason: OPS-1, sandbox: {name: demo, network: proxy, labels: {owner: web}}, expect: {$2}"
    cat >"$work/$1.test.yaml" <<YAML
$3
policies: {ten: {file: ten_rules.yaml}, other: {file: other.yaml}}
cases:
  - {name: there, current: ten, candidate: other, $rest}
  - {name: back, current: other, candidate: ten, $rest}
YAML
}

# sluice_plugin COMMAND FILE [FLAG...]: its output is in $work/out.
sluice_plugin() {
    "$build/bin/sluice" plugin "$1" --plugin-dir "$build/plugins" --plugin-dir "$work" "${@:3}" "$work/$2.test.yaml" \
        >"$work/out" 2>"$work/log" || { cat "$work/out" "$work/log" >&2; exit 1; }
}

# measure FILE [FLAG...]: "P50 P99" in ns of the only voter, or of the chain as a whole.  What votes otherwise than
# expected is not measured.
measure() {
    sluice_plugin test "$@"
    sluice_plugin bench "$@" --time "$time" -o json
    jq -r '.voters[-1] | "\(.p50_ns) \(.p99_ns)"' "$work/out"
}

# chain FILE OUTCOME VOTER...: each the inside of a map of a gateway's configuration.
chain() {
    printf 'chain: {vote_timeout_ms: 10000, voters: [%s]}\n' "$(printf '{%s}, ' "${@:3}")" >"$work/$1.yaml"
    cases "$1" "outcome: $2" "chain: $1.yaml"
}

# options VOTER: those without which it would have nothing to do.
options() {
    case $1 in
        allowed_domains) echo '{domains: [com, org, io]}' ;;
        freeze_window) echo '{windows: ["Fri 16:00-Mon 08:00"]}' ;;
        *) echo '{}' ;;
    esac
}

# votes FILE: whether the voter of this source judges changes; the others judge requests alone.
votes() { grep -qE '^ +vote = function|\.vote = ' "$1"; }
source_in_c() { echo "plugins/$1/$1.c"; }

# ---- telling ----

line() { printf '%-48s %10s %10s  %-26s %s\n' "$@"; }
human() {
    awk -v ns="$1" 'BEGIN { if (ns < 1000) printf "%d ns", ns; else if (ns < 1e6) printf "%.1f us", ns / 1e3; else printf "%.2f ms", ns / 1e6 }'
}
ratio() { awk -v a="${1% *}" -v b="${2% *}" 'BEGIN { printf "%.1f", a / b }'; }
judge() { awk "BEGIN { print $1 ? \"met\" : \"not met\" }"; }

# row WHAT "P50 P99" [MOST_P50 [MOST_P99]]
row() {
    local target='' verdict='' p50=${2% *} p99=${2#* }
    if [ $# -ge 3 ]; then
        target="<= $(human "$3")${4:+, p99 <= $(human "$4")}"
        verdict=$(judge "$p50 <= $3 && $p99 <= ${4:-$p99}")
    fi
    line "$1" "$(human "$p50")" "$(human "$p99")" "$target" "$verdict"
}

# ---- what is measured ----

one_rule_in_each_language() {
    cases c "verdict: allow" "plugin: no_wildcards"
    cases lua "verdict: allow" "plugin: $top/scripts/rules/no_wildcards.lua"
    cases python "verdict: allow" "command: [python3, $here/no_wildcards.py]"
    c=$(measure c --isolation inline) lua=$(measure lua) lua_isolated=$(measure lua --isolation process)
    row "no_wildcards in C, inline" "$c" $inline_c
    row "no_wildcards in Lua, inline" "$lua" $inline_lua
    row "no_wildcards in C, isolated" "$(measure c --isolation process)" $isolated
    row "no_wildcards in Lua, isolated" "$lua_isolated" $isolated
    row "no_wildcards in Python, isolated" "$(measure python)" $isolated
}

# Ten of each, the shipped ones over and over.
voters_of_twenty() {
    local c=() lua=() i voter
    for voter in plugins/*/CMakeLists.txt; do
        ! votes "$(source_in_c "$(basename "$(dirname "$voter")")")" || c+=("$voter")
    done
    for voter in scripts/rules/*.lua; do ! votes "$voter" || lua+=("$voter"); done
    for ((i = 0; i < 10; i++)); do
        voter=$(basename "$(dirname "${c[i % ${#c[@]}]}")")
        echo "plugin: $voter, name: c$i, isolation: inline, options: $(options "$voter")"
        voter=$(basename "${lua[i % ${#lua[@]}]}" .lua)
        echo "script: $top/scripts/rules/$voter.lua, name: lua$i, isolation: inline, options: $(options "$voter")"
    done
}

a_chain_of_twenty() {
    local voters
    mapfile -t voters < <(voters_of_twenty)
    chain twenty held "${voters[@]}"
    row "a chain of 10 C and 10 Lua voters, inline" "$(measure twenty --isolation inline)" $twenty
}

# ten_beside_one WHAT VOTER
ten_beside_one() {
    local ten=() i one all
    for ((i = 0; i < 10; i++)); do ten+=("$2, name: voter$i"); done
    chain one allowed "${ten[0]}"
    chain ten allowed "${ten[@]}"
    one=$(measure one) all=$(measure ten)
    row "isolated voters that $1: 1" "$one"
    row "isolated voters that $1: 10 at once" "$all"
    line "isolated voters that $1: 10 to 1" "$(ratio "$all" "$one")x" "" "<= 2x" "$(judge "$(ratio "$all" "$one") <= 2")"
}

# shipped KIND VOTER SUBJECT MOST
shipped() {
    local expected=allow
    [ "$2" != quorum ] || expected=hold
    cases shipped "verdict: $expected" "$3"$'\n'"options: $(options "$2")"
    row "$2 ($1), inline" "$(measure shipped --isolation inline)" "$4"
}

each_shipped_voter() {
    local file
    for file in plugins/*/CMakeLists.txt; do
        file=$(basename "$(dirname "$file")")
        votes "$(source_in_c "$file")" || continue
        shipped C "$file" "plugin: $file" $inline_c
    done
    for file in scripts/rules/*.lua; do
        votes "$file" || continue
        shipped Lua "$(basename "$file" .lua)" "plugin: $top/$file" $inline_lua
    done
}

# inspecting KIND VOTER SUBJECT MOST: a request with ten headers and a body of 1 KiB that passes.
inspecting() {
    local i headers='' body
    for i in 1 2 3 4 5 6 7 8 9 10; do headers+="x-header-$i: value of header $i, "; done
    body=$(printf '{\\"line\\": \\"%s\\"}' "$(printf 'words and words %.0s' {1..60})")
    cat >"$work/inspect.test.yaml" <<YAML
$3
cases:
  - {name: passes, request: {method: POST, path: /v1/items, query: page=3, headers: {${headers%, }}, body: "$body", middleware: true}, expect: {verdict: $5}}
YAML
    row "$2 ($1), inline" "$(measure inspect --isolation inline)" "$4"
    row "$2 ($1), isolated" "$(measure inspect --isolation process)" $inspect_isolated
}

each_voter_on_requests() {
    local file verdict options
    echo
    line "a POST with ten headers and a body of 1 KiB" p50 p99 target ""
    inspecting C secrets_guard "plugin: secrets_guard" $inspect_c allow
    for file in scripts/rules/*.lua; do
        votes "$file" && continue
        verdict=allow options='{}'
        case $(basename "$file" .lua) in
            git_push_guard|mcp_tools) verdict=abstain ;;
            openshell_regex) options='{mode: redact}' ;;
        esac
        inspecting Lua "$(basename "$file" .lua)" "plugin: $top/$file"$'\n'"options: $options" $inspect_lua "$verdict"
    done
}

# ---- the peer: the Open Policy Agent ----

# rego COMMAND [FLAG...]: its output.
rego() {
    "$opa" "$1" -f json -d "$here/no_wildcards.rego" -i "$work/input.yaml" "${@:2}" data.sluice.no_wildcards.deny 2>"$work/log" ||
        { cat "$work/log" >&2; exit 1; }
}

# input CANDIDATE: to it from ten.yaml.
input() {
    { echo 'current:' && sed 's/^/  /' "$here/ten.yaml" && echo 'candidate:' && sed 's/^/  /' "$1"; } >"$work/input.yaml"
}

# refuses PATH...: it must, and nothing else.
refuses() {
    local said
    said=$(rego eval | jq -r '.result[0].expressions[0].value[].path')
    [ "$said" = "$*" ] || { echo "the rule in Rego refuses '$said', not '$*'" >&2; exit 1; }
}

# peer TIMER [FLAG...]: "P50 P99"
peer() {
    rego bench "${@:2}" | jq -r --arg of "histogram_timer_$1_ns_" '.Extra | "\(.[$of + "median"] | round) \(.[$of + "99%"] | round)"'
}

the_peer() {
    local engine server
    [ -n "$opa" ] || return 0
    sed 's/wiki\.example\.com/"*.example.com"/' "$here/ten.yaml" >"$work/wide.yaml"
    input "$work/wide.yaml"
    refuses 'network_policies.wiki.endpoints[0]'
    input "$work/other.yaml"
    refuses
    engine=$(peer rego_query_eval) server=$(peer server_handler --e2e)
    row "no_wildcards in Rego, evaluated in one process" "$engine"
    row "no_wildcards in Rego, answered by its server" "$server"
    line "Rego in one process to Lua inline" "$(ratio "$engine" "$lua")x" "" "" ""
    line "Rego in one process to C inline" "$(ratio "$engine" "$c")x" "" "" ""
    line "Rego in its server to Lua isolated" "$(ratio "$server" "$lua_isolated")x" "" "" ""
}

# ---- the table ----

# part WHAT EDIT: the transition is that from ten.yaml to what sed makes of it.
part() {
    echo
    line "$1" p50 p99 target ""
    sed "$2" "$here/ten.yaml" >"$work/other.yaml"
    one_rule_in_each_language
    the_peer
    a_chain_of_twenty
    ten_beside_one "run Lua" "script: $top/scripts/rules/no_wildcards.lua"
    each_shipped_voter
}

for voter in no_wildcards waits; do
    cc -O2 -shared -fPIC -Iinclude -o "$work/$voter.so" "$here/$voter.c"
done
for subject in "plugin: no_wildcards" "plugin: $top/scripts/rules/no_wildcards.lua" "command: [python3, $here/no_wildcards.py]"; do
    sed "s|^plugin:.*|$subject|" "$here/no_wildcards.test.yaml" >"$work/twin.test.yaml"
    sluice_plugin test twin
done

echo "$machine"
if [ -n "$opa" ]; then
    echo "peer: OPA $("$opa" version | sed -n 's/^Version: //p')"
else
    echo "peer not installed: put opa on PATH or name it in OPA (scripts/lib/opa FOLDER builds it)"
fi
part "one of ten rules changes" 's/wiki\.example/handbook.example/'
ten_beside_one "wait 5 ms" "plugin: waits"
part "each of ten rules changes" 's/{host: /&eu./g'
each_voter_on_requests
