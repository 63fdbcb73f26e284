#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Voters on requests that fail, and reloads of the chain, while requests pass at a steady rate: none of them fails, and each
# is judged by exactly one chain.  SLUICE_FAULTS=full has 2,000 requests a second, 100 reloads and more failures, and compares the
# p99 (tests/README.md).
# Runs alone: the times of its requests are measured.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state/rules"
    chmod 755 "$state" "$state/rules"
    choose_form
    generation 0
    chain ""
    listen python3 "$top/tests/e2e/stamps_origin.py" 10.77.0.2 8080
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
    install -m 755 "$build/bin/bench_paced" "$(echo "$state"/sandboxes/*/work)/paced"
    allow
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; choose_form; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

choose_form() {
    full=${SLUICE_FAULTS-} modes="crash loop flood allocate" rate=50 reloads=20
    [ -z "$full" ] || modes+=" abort stop ignore fork exec thread message close jump corrupt handler partial" rate=${SLUICE_FAULTS_RATE:-2000} reloads=100
}

# chain MODE...: two voters that stamp each request, and one that fails in each of these ways on requests to MODE.test.
chain() {
    local mode
    {
        echo "egress: {hosts: {stamped.test: 10.77.0.2, $(for mode in none $modes; do printf '%s.test: 10.77.0.2, ' "$mode"; done)}}"
        echo "chain:"
        echo "  plugin_dirs: [$build/plugins, $build/tests/plugins]"
        echo "  voters:"
        echo "    - {plugin: live_reload, isolation: inline}"
        echo "    - {script: $state/rules/first.lua, isolation: inline, inspect: {middleware_only: true}}"
        echo "    - {script: $state/rules/second.lua, isolation: process, timeout_ms: 20000, inspect: {middleware_only: true}}"
        for mode in $1; do
            echo "    - {plugin: request_fault, name: $mode, timeout_ms: 300, memory_mb: 32, options: {mode: $mode}, inspect: {hosts: [$mode.test]}}"
        done
    } >"$state/sluice.yaml"
}

# generation N: both voters stamp N from the next reload on.
generation() {
    local name
    for name in first second; do
        cat >"$state/rules/new" <<LUA
return { inspect = function(r, ballot)
  ballot:set_header("x-openshell-middleware-$name", "$1")
  return ballot:allow()
end }
LUA
        mv "$state/rules/new" "$state/rules/$name.lua"
    done
}

allow() {
    local host
    {
        printf 'version: 1\nnetwork_policies:\n  all:\n    binaries: [{path: "/usr/**"}, {path: /sandbox/paced}]\n    endpoints:\n'
        for host in stamped none $modes; do
            echo "      - {host: $host.test, port: 8080, protocol: rest, enforcement: enforce, access: full, allowed_ips: [10.77.0.0/24]}"
        done
        echo "network_middlewares:"
        echo "  one: {middleware: first, order: 1, endpoints: {include: [stamped.test]}}"
        echo "  two: {middleware: second, order: 2, endpoints: {include: [stamped.test]}}"
    } >"$state/policy.yaml"
    sluice policy set demo --policy "$state/policy.yaml" --wait
}

inside() { sluice sandbox exec demo -- "$@"; }

# begin_load: requests to stamped.test at the rate; end_load: what came of them is in $state/load.
begin_load() {
    rm -f "$state/more"
    mkfifo "$state/more"
    inside /sandbox/paced 10.200.0.1:3128 stamped.test:8080 / "$rate" 0 16 <"$state/more" >"$state/load" &
    load=$!
    exec 9>"$state/more"
}
end_load() {
    exec 9>&-
    wait "$load"
    cat "$state/load"
}

# counts FILTER: of the stamps that the origin saw.
counts() { curl -sS http://10.77.0.2:8080/counts | jq -e "$1" >/dev/null; }

# fails MODE: its voter's own requests are refused, as it failed.
fails() {
    local said
    said=$(inside curl -sS -m 60 "http://$1.test:8080/")
    [ "$(jq -c '[.error,.voter,.code]' <<<"$said")" = "[\"voter_failed\",\"$1\",\"VOTER_ERROR\"]" ] || { echo "$1: $said"; return 1; }
}

@test "reloads under load: no request fails, and each is judged by exactly one chain" {
    local n
    begin_load
    until_so 'counts ".[\"0 0\"] > 0"'
    for ((n = 1; n <= reloads; n++)); do
        generation "$n"
        sluice -q plugin reload >/dev/null
        [ $((n % 10)) -ne 0 ] || until_so "counts '.[\"$n $n\"] > 0'"
    done
    end_load
    jq -e '.failed == 0 and .requests > 50' "$state/load"
    curl -sS http://10.77.0.2:8080/counts
    counts 'keys | all(split(" ") | .[0] == .[1] and .[0] != "-")'
    [ "$(curl -sS http://10.77.0.2:8080/counts | jq 'add')" -ge "$(jq .requests "$state/load")" ]
}

@test "a voter that crashes, hangs, floods or leaks costs its own requests alone" {
    local mode waiting=()
    chain "$modes"
    sluice -q plugin reload >/dev/null
    begin_load
    for mode in $modes; do
        fails "$mode" &
        waiting+=($!)
    done
    for mode in "${waiting[@]}"; do wait "$mode"; done
    end_load
    jq -e '.failed == 0 and .requests > 0' "$state/load"
}

# p99_beside MODE: of four seconds of load, in microseconds, while a voter of this mode is asked about other requests.
p99_beside() {
    chain "$1"
    sluice -q plugin reload >/dev/null || return 1
    inside /sandbox/paced 10.200.0.1:3128 stamped.test:8080 / "$rate" $((rate * 4)) 16 >"$state/load" &
    load=$!
    inside curl -sS -m 3 -o /dev/null "http://$1.test:8080/[1-1000]" 2>/dev/null || true
    wait "$load"
    jq -e 'if .failed == 0 then .p99_us else false end' "$state/load"
}

# Rounds of both take turns, and the best of each counts: the machine makes the others slow.  What is compared with asks a
# voter that does not fail.
@test "the p99 of other requests is unmoved" {
    [ -n "$full" ] || skip "SLUICE_FAULTS=full measures it"
    local round mode alone beside p99
    for mode in crash loop stop flood allocate; do
        alone=() beside=()
        for round in 1 2 3; do
            p99=$(p99_beside none)
            alone+=("$p99")
            p99=$(p99_beside "$mode")
            beside+=("$p99")
        done
        echo "p99 beside one that does not fail: ${alone[*]} us, beside $mode: ${beside[*]} us" >&3
        jq -ne '[$ARGS.positional[] | tonumber] | (.[:3] | min) as $alone | (.[3:] | min) < 1.5 * $alone + 500' \
            --args "${alone[@]}" "${beside[@]}" >/dev/null || echo "moved by $mode" >>"$state/moved"
    done
    [ ! -e "$state/moved" ] || { cat "$state/moved"; false; }
}
