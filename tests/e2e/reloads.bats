#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A thousand reloads of the chain while updates are decided: every decision is that of one chain, as it is
# on record with it, and nothing of the old chains stays.

setup_file() {
    load helper
    export ASAN_OPTIONS=${ASAN_OPTIONS-}:quarantine_size_mb=1      # or freed memory would look like a leak
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    rule 1.0.0 >"$state/one.lua"
    rule 2.0.0 >"$state/two.lua"
    # Voters of the same names with other options and code; one more voter; voters in processes of their own.
    chain >"$state/plain" <<<"
    - {plugin: parrot, name: bird, isolation: inline, options: {facts: [plain]}}
    - {script: one.lua, name: rule, isolation: inline, options: {tag: plain}}"
    chain >"$state/more" <<<"
    - {script: two.lua, name: rule, isolation: inline, options: {tag: more}}
    - {plugin: parrot, name: bird, isolation: inline, options: {facts: [more]}}
    - {plugin: parrot, name: another, isolation: inline, options: {facts: [more]}}"
    chain >"$state/alone" <<<"
    - {plugin: parrot, name: bird, options: {facts: [alone]}}
    - {script: two.lua, name: rule, options: {tag: alone}}"
    # Who votes in each, with which version, and which option it says that it has.
    cat >"$state/voters" <<'JSON'
{"plain": [["bird", "2.1.0", "plain"], ["rule", "1.0.0", "plain"]],
 "more": [["another", "2.1.0", "more"], ["bird", "2.1.0", "more"], ["rule", "2.0.0", "more"]],
 "alone": [["bird", "2.1.0", "alone"], ["rule", "2.0.0", "alone"]]}
JSON
    cp "$state/plain" "$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    names=$(printf 's%d ' $(seq 8))
    for name in $names; do sluice -q sandbox create --name "$name"; done
    bench_load "$state/sluice.sock" 100 1000000 $names >"$state/answers" 3>&- &
    echo $! >"$state/load.pid"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; end_load; teardown_all; }

end_load() {
    kill "$(cat "$state/load.pid")" 2>/dev/null || return 0
    wait_gone "$(cat "$state/load.pid")"
}

rule() {           # rule VERSION
    cat <<LUA
return {
  version = "$1",
  options = { tag = { type = "text", help = "What to say." } },
  vote = function(t, ballot, options)
    ballot:fact("tag", options.tag)
    return ballot:allow()
  end,
}
LUA
}

chain() {
    printf 'chain:\n  plugin_dirs: [%s]\n  vote_timeout_ms: 20000\n  voters:\n' "$build/tests/plugins"
    cat
}

# storm COUNT CHAIN...: the digests of the chains are in $state/digests.
storm() {
    local count=$1 said
    shift
    said=$(python3 "$BATS_TEST_DIRNAME/storm.py" "$state/sluice.sock" "$(cat "$state/gateway.pid")" "$state/sluice.yaml" "$count" "${@/#/$state/}")
    echo "$said" >>"$state/digests"
}

memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$state/gateway.pid")/status"; }

# Descriptors (those of the store aside, which opens some late), mapped plugins, voters' processes.
gateway_has() {
    local of
    of=/proc/$(cat "$state/gateway.pid")
    echo "$(ls -l "$of/fd" | grep -vc 'sluice\.db') $(grep -c memfd: "$of/maps") $(pgrep -c -P "${of#/proc/}" sluice-plugin)"
}

@test "1,000 reloads, by request and by SIGHUP, from files that change under updates" {
    until_so '[ "$(api GET /v1/plugins | jq ".voters[0].votes")" -ge 20 ]'
    gateway_has >"$state/before"
    storm 198 plain alone more alone more plain
    memory_kb >"$state/memory"
    storm 702 plain more
    storm 100 alone more alone plain
}

@test "nothing of the old chains stays" {
    [ "$(wc -l <"$state/digests")" = 3 ]
    until_so '[ "$(gateway_has)" = "$(cat "$state/before")" ]' || { gateway_has; cat "$state/before"; false; }
    local before now limit=8192
    case $build in *test*) limit=65536 ;; esac      # the sanitizer keeps books of its own, and looks for leaks
    before=$(cat "$state/memory") now=$(memory_kb)
    echo "memory: $before KiB, then $now KiB"
    [ "$now" -le $((before + limit)) ]
}

@test "every update was answered, and what was answered is on record" {
    until_so '[ "$(wc -l <"$state/answers")" -gt 100 ]'
    end_load
    # Of each sandbox every update until the load ended; one that is slow then ends with an earlier one.
    jq -se 'length > 100 and all(.[]; .status == 200) and
        ([.[].n] | group_by(. % 8) | all(.[]; sort == [range(.[0] % 8; 8 * length; 8)]))' "$state/answers" >/dev/null ||
        { jq -c '[.n, .sandbox, .status]' "$state/answers" | tail -20; false; }
    sluice decision list --limit 100000 -o json >"$state/decisions"
    jq -c '.answer | [.decision, .votes]' "$state/answers" | sort >"$state/answered"
    jq -c '.decisions[] | select(.kind != "create") | [.id, .votes]' "$state/decisions" | sort >"$state/recorded"
    cmp "$state/answered" "$state/recorded"
    sluice audit verify
}

@test "each decision names the voters of one chain, all of them and no other, as it is on record with it" {
    # Which chain voted is told by the digest on record; who must have voted then, by the chain's file.
    jq -s 'add' "$state/digests" >"$state/chains"
    jq -c --slurpfile chains "$state/chains" '.decisions[] | select(.kind != "create") |
        [$chains[0][.chain_digest], ([.votes[] | [.voter, .version, (.facts[])]] | sort)]' "$state/decisions" >"$state/who"
    jq -se --slurpfile voters "$state/voters" 'all(.[]; .[1] == $voters[0][.[0]])' "$state/who" >/dev/null
    jq -r '.[0]' "$state/who" | sort | uniq -c
    jq -se 'map(.[0]) | unique == ["alone", "more", "plain"]' "$state/who" >/dev/null
}

@test "the gateway ends in order" {
    sluice -q sandbox delete $(printf 's%d ' $(seq 8))
    stop_gateway
    tail -1 "$state/gateway.log" | grep -q ' stopped$'
    run ! grep -E 'Sanitizer|runtime error' "$state/gateway.log"
}
