#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The seven steps that must always work.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    chain_with static_fields policy_safety live_reload
    start_origin
    start_gateway --config "$state/sluice.yaml"
    first_rule >"$state/first-rule.yaml"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

@test "1: a sandbox without a policy gets the restrictive default and is ready" {
    sluice sandbox create --name demo --keep --no-auto-providers
    run -0 sluice sandbox get demo -o json
    [ "$(jq -r .phase <<<"$output")" = ready ]
    [ "$(jq -r .network <<<"$output")" = proxy ]
    [ "$(jq -r .policy_revision <<<"$output")" = 1 ]
    [ "$(jq -r .loaded_revision <<<"$output")" = 1 ]
    run -0 sluice policy get demo -o json
    [ "$(jq -c '.policy.network_policies // {}' <<<"$output")" = '{}' ]
}

@test "2: its requests are refused by the proxy with 403, CONNECT likewise" {
    run -0 knock demo
    [ "$output" = 403 ]
    run sluice sandbox exec demo -- curl -sS -p -o /dev/null -w '%{http_connect}' "$url"
    [ "$status" -eq 56 ]
    [[ "$output" == *403* ]]
}

@test "3: full replacement sets the first network rule and waits until it is loaded" {
    run -0 sluice policy set demo --policy "$state/first-rule.yaml" --wait -o json
    [ "$(jq -r .outcome <<<"$output")" = allowed ]
    [ "$(jq -r .status <<<"$output")" = loaded ]
    [ "$(jq -r .revision <<<"$output")" = 2 ]
    [ "$(jq -r '.diff.added[0].key' <<<"$output")" = allow_10_77_0_2_8080 ]
}

@test "4: the same request now gets 200 from the origin, by both ways" {
    run -0 knock demo
    [ "$output" = 200 ]
    run -0 knock demo -p
    [ "$output" = 200 ]
}

@test "5: draft approval of the same rule gives the same outcome, votes, hash and enforcement" {
    sluice sandbox create --name second
    [ "$(knock second)" = 403 ]
    wait_event second draft '.status == "pending"'
    run -0 sluice rule get second -o json
    [ "$(jq '.chunks | length' <<<"$output")" = 1 ]
    chunk=$(jq -r '.chunks[0].id' <<<"$output")
    [ "$(jq -r '.chunks[0].source' <<<"$output")" = mechanistic ]
    [ "$(jq -r '.chunks[0].rule_name' <<<"$output")" = allow_10_77_0_2_8080 ]
    run -0 sluice rule approve second --chunk-id "$chunk" --wait -o json
    [ "$(jq -r .status <<<"$output")" = loaded ]
    [ "$(knock second)" = 200 ]
    [ "$(sluice policy get demo -o json | jq -r .hash)" = "$(sluice policy get second -o json | jq -r .hash)" ]
    [ "$(votes_of demo)" != '[]' ]
    [ "$(votes_of demo)" = "$(votes_of second)" ]
}

@test "6: a sandbox without a proxy refuses both ways, with the same code and message" {
    sluice sandbox create --name alone --network none
    run -1 sluice policy set alone --policy "$state/first-rule.yaml" --wait
    [[ "$output" == *"refused by 1 of 3 voters"* ]]
    [[ "$output" == *"live_reload: NO_PROXY_SUBSTRATE"* ]]
    one=$(grep NO_PROXY_SUBSTRATE <<<"$output")
    chunk=$(propose alone)
    run -1 sluice rule approve alone --chunk-id "$chunk" --wait
    [ "$(grep NO_PROXY_SUBSTRATE <<<"$output")" = "$one" ]
    [ "$(sluice sandbox get alone -o json | jq -r .policy_revision)" = 1 ]
}

@test "7: the old check as a plugin refuses both ways; reloading without it makes both work" {
    sluice sandbox create --name third
    sluice sandbox create --name fourth
    chunk=$(propose fourth)
    before=$(sluice status -o json | jq .pid)
    chain_with static_fields policy_safety live_reload mode_lock
    sluice plugin reload
    run -1 sluice policy set third --policy "$state/first-rule.yaml" --wait
    [[ "$output" == *"mode_lock"*"cannot add network policies to a sandbox created without them (Block → Proxy mode change requires restart)"* ]]
    run -1 sluice rule approve fourth --chunk-id "$chunk" --wait
    [[ "$output" == *"mode_lock"*"cannot add network policies to a sandbox created without them (Block → Proxy mode change requires restart)"* ]]
    chain_with static_fields policy_safety live_reload
    sluice plugin reload
    sluice policy set third --policy "$state/first-rule.yaml" --wait
    sluice rule approve fourth --chunk-id "$chunk" --wait
    [ "$(knock third)" = 200 ]
    [ "$(knock fourth)" = 200 ]
    [ "$(sluice status -o json | jq .pid)" = "$before" ]
    [ "$(sluice sandbox get third -o json | jq -r .phase)" = ready ]
}

@test "replacement goes from empty to non-empty and back, live each time" {
    sluice sandbox create --name there-and-back
    sluice policy set there-and-back --policy "$state/first-rule.yaml" --wait
    [ "$(knock there-and-back)" = 200 ]
    echo 'version: 1' | sluice policy set there-and-back --policy - --wait
    [ "$(knock there-and-back)" = 403 ]
    sluice policy set there-and-back --policy "$state/first-rule.yaml" --wait
    [ "$(knock there-and-back)" = 200 ]
    [ "$(sluice policy list there-and-back -o json | jq -c '[.revisions[].status]')" = '["loaded","superseded","superseded","superseded"]' ]
}

@test "what policy get prints, policy set takes back as no change" {
    run -0 sluice policy get demo --full
    printf '%s\n' "$output" >"$state/same.yaml"
    run -0 sluice policy set demo --policy "$state/same.yaml" -o json
    [ "$(jq -r .changed <<<"$output")" = false ]
    [ "$(jq -r .revision <<<"$output")" = 2 ]
}

@test "the audit chain is intact after all that" {
    run -0 sluice audit verify -o json
    [ "$(jq -r .intact <<<"$output")" = true ]
}
