#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A voter that fails in every way there is, in a process of its own, while 50 updates a second are decided:
# none is lost, the other voters do not feel it, and nothing of it stays.  SLUICE_FAULTS=full measures more
# (tests/README.md).
# Runs alone: the rate of its updates and the times of its voters are measured.

setup_file() {
    load helper
    export ASAN_OPTIONS=${ASAN_OPTIONS-}:quarantine_size_mb=1      # or freed memory would look like a leak
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    cat >"$state/few_rules.lua" <<'LUA'
return { vote = function(t, ballot)
  if #t.candidate.rules > 100 then return ballot:deny("MANY", "network_policies", "too many rules") end
  return ballot:allow()
end }
LUA
    chain none:deny
    start_gateway --config "$state/sluice.yaml"
    names=$(printf 's%d ' $(seq 8))
    for name in $names; do sluice -q sandbox create --name "$name"; done
    bench_load "$state/sluice.sock" 50 1000000 $names >"$state/answers" 3>&- &
    echo $! >"$state/load.pid"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; full=${SLUICE_FAULTS-}; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; end_load; teardown_all; }

end_load() {
    kill "$(cat "$state/load.pid")" 2>/dev/null || return 0
    wait_gone "$(cat "$state/load.pid")"
}

# chain MODE:ON_ERROR...: voters before and behind those that fail, inline and isolated.
chain() {
    local fault
    cat >"$state/sluice.yaml" <<YAML
chain:
  plugin_dirs: [$build/plugins, $build/tests/plugins]
  vote_timeout_ms: 20000
  voters:
    - {plugin: static_fields, isolation: inline}
    - {plugin: parrot, name: calm}
$(for fault in "$@"; do
    echo "    - {plugin: fault, name: ${fault%:*}, on_error: ${fault#*:}, timeout_ms: 100, memory_mb: 32, options: {mode: ${fault%:*}}}"
done)
    - {script: few_rules.lua}
    - {plugin: live_reload, isolation: inline}
YAML
}

reload() { api POST /v1/plugins/reload; }

loads() {          # loads MODE:ON_ERROR...: the gateway's chain is now the one with these
    chain "$@"
    reload | jq -e --arg name "${1%:*}" 'any(.voters[]; .name == $name)' >/dev/null
}

# of_voter NAME MEMBER: what plugin list says of it.
of_voter() { api GET /v1/plugins | jq -r --arg name "$1" --arg member "$2" '.voters[] | select(.name == $name) | .[$member]'; }

memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$state/gateway.pid")/status"; }
# Those of the store aside, which opens some late.
descriptors() { ls -l "/proc/$(cat "$state/gateway.pid")/fd" | grep -vc 'sluice\.db'; }
hosts() { pgrep -c -P "$(cat "$state/gateway.pid")" sluice-plugin; }

@test "a voter that does nothing wrong, to compare with" {
    loads none:deny
    until_so "[ \$(of_voter none votes) -ge ${full:+1}100 ]" 60        # 50 a second
    [ "$(of_voter none errors)" = 0 ]
    until_so '[ "$(hosts)" = 3 ]'
    memory_kb >"$state/memory"
    descriptors >"$state/descriptors"
}

quarantines() {    # quarantines MODE:ON_ERROR...
    echo "$@"
    loads "$@"
    until_so "[ \$(api GET /v1/plugins | jq '[.voters[] | select(.state == \"quarantined\" and .errors >= 5)] | length') = $# ]"
    until_so '[ "$(hosts)" = 2 ]'
    [ "$(of_voter calm errors) $(of_voter few_rules errors)" = "0 0" ]
}

modes="crash abort loop stop ignore handler exit_0 exit_3 fork fork_bomb exec thread allocate message
    flood partial close jump corrupt wrong_bytes wrong_type wrong_id wrong_verdict"

@test "whatever ends or hangs its process, again and again, has it quarantined" {
    if [ -n "$full" ]; then
        for mode in $modes; do quarantines "$mode:deny"; done
        memory_kb >"$state/memory"                  # what grows with each failure grows once more
        for mode in $modes; do quarantines "$mode:abstain"; done
    else
        local on_error=deny four
        while read -r four; do                      # at a time, which is quicker
            quarantines $(printf "%s:$on_error " $four)
            if [ "$on_error" = deny ]; then on_error=abstain; else on_error=deny; fi
        done < <(xargs -n 4 <<<"$modes")
    fi
}

@test "one that votes nonsense fails each vote and stays" {
    for mode in no_verdict not_cast; do
        loads "$mode:deny"
        until_so "[ \$(of_voter $mode errors) -ge 10 ]"
        [ "$(of_voter "$mode" state)" = ready ]
        [ "$(hosts)" = 3 ]
    done
}

# refuses MODE TEXT: the chain with that mode is not loaded, and votes go on.
refuses() {
    local said before
    chain "$1:deny"
    said=$(reload | jq -r '"\(.status) \(.errors[0].path): \(.errors[0].message)"')
    echo "$1: $said"
    [[ "$said" == "422 chain.voters[2].plugin: "*"$2"* ]]
    before=$(of_voter none votes)
    until_so "[ \$(of_voter none votes) -gt $before ]"
}

@test "one that fails in init is not loaded, and the chain at work stays" {
    loads none:abstain
    refuses init_crash "its process could not open it: it was killed by signal 11"
    refuses init_exit "its process could not open it: it ended with code 0"
    refuses init_refuse "refused to start: it does not feel like it"
    [ -z "$full" ] || refuses init_loop "its process did not open it within 10000 ms"
    [ "$(of_voter none errors)" = 0 ]
}

@test "one that fails in fini is gone with its chain all the same" {
    for mode in fini_crash fini_loop none; do
        loads "$mode:deny"
        until_so "[ \$(of_voter $mode votes) -ge 10 ]"
    done
    until_so '[ "$(hosts)" = 3 ]'
}

@test "nothing of it stays in the gateway" {
    local before now limit=16384
    [ -z "$full" ] || limit=2048
    case $build in *test*) limit=131072 ;; esac     # the sanitizer keeps books of its own, and looks for leaks
    before=$(cat "$state/memory") now=$(memory_kb)
    echo "memory: $before KiB, then $now KiB"
    [ "$now" -le $((before + limit)) ]
    until_so '[ "$(descriptors)" -le "$(cat "$state/descriptors")" ]'
}

@test "no update was lost" {
    until_so '[ "$(wc -l <"$state/answers")" -gt 500 ]'
    end_load
    # On a slow machine a sandbox may be late when the load ends; of its own updates none is missing.
    jq -se 'length > 500 and ([.[].n] | group_by(. % 8) | all(.[]; sort == [range(.[0] % 8; 8 * length; 8)])) and
            all(.[]; .status == 200 or .status == 403) and all(.[]; .answer.decision)' "$state/answers" >/dev/null
    sluice decision list --limit 100000 -o json >"$state/decisions"
    # Every answer is a decision on record, and every decision was answered, but for the making of the sandboxes.
    jq -r '.answer.decision' "$state/answers" | sort >"$state/answered"
    jq -r '.decisions[] | select(.kind != "create") | .id' "$state/decisions" | sort >"$state/decided"
    cmp "$state/answered" "$state/decided"
    # Each sandbox's decisions stand on one another: what was allowed is the next one's base.
    jq -e 'all(.decisions | group_by(.sandbox)[]; reduce (sort_by(.seq)[]) as $d ({at: 0, linear: true};
            .linear = (.linear and $d.base_revision == .at and ($d.outcome != "allowed" or $d.revision == .at + 1)) |
            if $d.outcome == "allowed" then .at = $d.revision else . end) | .linear)' "$state/decisions" >/dev/null
    sluice audit verify
}

# felt: for each of the other voters, microseconds for its vote beside each set of modes.
felt() {
    jq -s 'def quantile(p): .[length * p | floor];
        ["static_fields", "calm", "few_rules", "live_reload"] as $others |
        [.[].answer.votes | (map(.voter) - $others | join(" ")) as $modes |
            .[] | select(.voter | IN($others[])) | {voter, modes: $modes, us: .duration_us}] |
        group_by([.voter, .modes]) | map((map(.us) | sort) as $us |
            {voter: .[0].voter, modes: .[0].modes, p50: ($us | quantile(0.5)), p90: ($us | quantile(0.9)), us: $us})' "$state/answers"
}

@test "on_error decides what its failures mean" {
    jq -se '[.[] | {status, verdicts: [.answer.votes[] | select(.failed) | "\(.code) \(.verdict)"]}] |
        all(.[]; (.status == 403) == any(.verdicts[]; . == "VOTER_ERROR deny") and
                 (.verdicts - ["VOTER_ERROR deny", "VOTER_ERROR abstain"] == [])) and
        (map(select(.verdicts != []) | .status) | unique) == [200, 403]' "$state/answers" >/dev/null
}

# A busy machine makes everybody slow now and then, so the quick form looks for what a fault would do: its
# time limit is 100 ms, which nobody else may wait for.
@test "the other voters do not feel it" {
    felt >"$state/felt"
    jq -r '.[] | "\(.voter) beside \(.modes): p50 \(.p50) us, p90 \(.p90) us"' "$state/felt"
    jq -e 'all(.[]; .p50 < 50000) and all(.[] | select(.voter | IN("static_fields", "live_reload")); .p90 < 20000)' "$state/felt" >/dev/null
    [ -n "$full" ] || return 0
    jq 'def p99: sort | .[length * 0.99 | floor];
        group_by(.voter) | map({voter: .[0].voter, alone: (map(select(.modes == "none") | .us) | add | p99),
                                beside: (map(select(.modes != "none") | .us) | add | p99)})' "$state/felt" >"$state/p99"
    jq -r '.[] | "\(.voter): p99 \(.alone) us alone, \(.beside) us beside faults"' "$state/p99" >&3
    # Where a process alone waits for its turn on a processor, the difference says nothing.
    jq -e 'all(.[]; .alone > 2000 or .beside - .alone < 1000)' "$state/p99" >/dev/null
}

@test "the gateway ends in order" {
    sluice -q sandbox delete $(printf 's%d ' $(seq 8))
    stop_gateway
    tail -1 "$state/gateway.log" | grep -q ' stopped$'
    run ! grep -E 'Sanitizer|runtime error' "$state/gateway.log"
}
