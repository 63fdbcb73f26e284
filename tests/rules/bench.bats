#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# sluice plugin bench.
bats_require_minimum_version 1.5.0

setup() {
    load support
    folder=$BATS_TEST_TMPDIR
    umask 022
}

bench() { "$sluice" plugin bench --time 50 --plugin-dir "$plugins" "$@"; }

@test "each voter has its times and bytes" {
    exits 0 bench plugins/live_reload scripts/rules/cases/no_wildcards.test.yaml
    says "live_reload"
    says "no_wildcards"
    run --separate-stderr bench --isolation inline -o json plugins/live_reload scripts/rules/cases/no_wildcards.test.yaml
    [ "$(jq '.voters | length' <<<"$output")" = 2 ]
    jq -e '.voters[] | .votes > 0 and .p50_ns > 0 and .p50_ns <= .p95_ns and .p95_ns <= .p99_ns' <<<"$output"
    # C allocates nothing for a vote; Lua does where its pool of small blocks does not serve it.
    [ "$(jq -r '.voters[0] | "\(.voter) \(.bytes)"' <<<"$output")" = "live_reload 0" ]
    [ "$(jq '.voters[1].bytes > 0' <<<"$output")" = true ]
    run --separate-stderr bench --isolation process -o json plugins/live_reload
    [ "$(jq -r '.voters[0] | "\(.isolation) \(.bytes)"' <<<"$output")" = "process null" ]
}

@test "only the program that measures counts allocations" {
    nm "$(dirname "$sluice")/sluice-plugin-bench" | grep -q ' [TW] allocated_bytes$'
    run ! grep -qE ' [TWD] (allocated_bytes|malloc|realloc)$' <<<"$(nm "$sluice")"
    # It is found beside sluice, and missed by its name.
    cp "$sluice" "$folder/sluice"
    run -2 --separate-stderr "$folder/sluice" plugin bench --plugin-dir "$plugins" plugins/live_reload
    [ "$stderr" = "sluice: cannot run $folder/sluice-plugin-bench: No such file or directory: install it beside sluice" ]
    run -2 --separate-stderr "$folder/sluice" plugin bench --threshold 5 plugins/live_reload
    [[ "$stderr" == *"--threshold needs --compare FILE"* ]]
}

@test "a chain has a row of its own, with the time and bytes of all" {
    cat >"$folder/gateway.yaml" <<YAML
chain: {voters: [{plugin: mode_lock, isolation: inline}, {script: $PWD/scripts/rules/no_wildcards.lua, isolation: inline}]}
YAML
    case_file chain <<'YAML'
chain: gateway.yaml
cases: [{name: a, candidate: {version: 1}, expect: {outcome: allowed}}]
YAML
    run --separate-stderr bench --isolation inline -o json "$folder"
    [ "$(jq -r '.voters[] | "\(.voter) \(.isolation) \(.bytes != null)"' <<<"$output")" = "\
mode_lock inline false
no_wildcards inline false
(chain) inline true" ]
    jq -e '.voters | .[2].p50_ns >= .[1].p50_ns and .[2].votes == .[0].votes' <<<"$output"
    # Native code of a case file has a process of its own unless it is told otherwise.
    run --separate-stderr bench -o json "$folder"
    [ "$(jq -r '.voters[2] | "\(.voter) \(.isolation) \(.bytes)"' <<<"$output")" = "(chain) both null" ]
}

@test "exit 4 where the median grew by more than the threshold" {
    exits 0 bench --save "$folder/now.json" plugins/live_reload
    exits 0 bench --compare "$folder/now.json" plugins/live_reload
    says "P50 was"
    jq '.voters[].p50_ns = 1' "$folder/now.json" >"$folder/fast.json"
    exits 4 bench --compare "$folder/fast.json" --threshold 50 plugins/live_reload
    says "live_reload: p50_ns is"
    jq '.voters[].p50_ns = 1000000000' "$folder/now.json" >"$folder/slow.json"
    exits 0 bench --compare "$folder/slow.json" --threshold 50 plugins/live_reload
    exits 0 bench --compare "$folder/slow.json" --threshold 50 plugins/live_reload scripts/rules/cases/no_wildcards.test.yaml
    [[ "$output" =~ no_wildcards\ .*\ new\  ]]
    exits 2 bench --compare "$folder/slow.json" --threshold 50 scripts/rules/cases/no_wildcards.test.yaml
    says "has none of these voters with these cases"
}

@test "wrong use, no case, voters that crash or do not load" {
    exits 2 bench
    exits 2 bench --threshold 5 plugins
    exits 2 bench -o yaml plugins/live_reload
    exits 2 bench --compare "$folder/absent.json" plugins
    echo '{}' >"$folder/empty.json"
    exits 2 bench --compare "$folder/empty.json" plugins
    says "was not written by plugin bench --save"
    exits 3 bench "$folder"
    compile tests/fixtures/testkit/faulty.c faulty -Iinclude
    case_file crash <<'YAML'
plugin: faulty.so
cases: [{name: boom, candidate: {version: 1}, reason: crash, expect: {verdict: allow}}]
YAML
    exits 5 bench --isolation inline "$folder"
    says "its voter crashed"
    case_file crash <<'YAML'
plugin: absent
cases: [{name: a, candidate: {version: 1}, expect: {verdict: allow}}]
YAML
    exits 1 bench "$folder"
    says "there is no absent.so"
}
