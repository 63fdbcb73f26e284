#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A voter whose process keeps failing is quarantined, and everybody who looks sees it.

load helper.bash

setup_file() {
    load helper.bash
    export state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    write_chain crash
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name q >/dev/null
}

teardown_file() { teardown_all; }

write_chain() {     # write_chain MODE
    cat >"$state/sluice.yaml" <<YAML
chain:
  plugin_dirs: [$build/plugins, $build/tests/plugins]
  voters:
    - {plugin: static_fields, isolation: inline}
    - {plugin: fault, on_error: abstain, options: {mode: $1}}
YAML
}

state_of_fault() { sluice plugin list -o json | jq -r '.voters[] | select(.name == "fault") | .state'; }

metric_of_fault() { api GET /metrics | sed -n 's/^sluice_voter_quarantined{voter="fault"} //p'; }

@test "at first it is ready, and its failures are counted" {
    [ "$(state_of_fault)" = ready ]
    [ "$(metric_of_fault)" = 0 ]
    [ "$(sluice plugin list -o json | jq '.voters[] | select(.name == "fault") | .errors')" -ge 1 ]
}

@test "after five failures in a row: list, metrics and an event tell" {
    first_rule >"$state/rule.yaml"
    for _ in $(seq 400); do
        sluice policy set q --policy "$state/rule.yaml" --dry-run >/dev/null
        [ "$(metric_of_fault)" = 0 ] || break
    done
    [ "$(metric_of_fault)" = 1 ]
    [ "$(state_of_fault)" = quarantined ]
    run -0 sluice plugin list
    [[ "$output" == *fault*quarantined* ]]
    wait_event "" voter '.voter == "fault" and .state == "quarantined" and (.reason | contains("signal 11"))'
    run -0 sluice events
    [ "$(grep -c '"state":"quarantined"' <<<"$output")" = 1 ]
    run -0 sluice policy set q --policy "$state/rule.yaml" --dry-run -o json
    [[ "$output" == *"quarantined after 5 failures in a row: reload the chain to try again"* ]]
}

@test "a reload gives it another chance" {
    write_chain none
    sluice plugin reload
    [ "$(state_of_fault)" = ready ]
    [ "$(metric_of_fault)" = 0 ]
    wait_event "" chain '.digest'
}
