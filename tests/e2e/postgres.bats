#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A gateway whose store is in PostgreSQL: the story, a server that is killed, copies of the store.

setup_file() {
    load helper
    db=$BATS_FILE_TMPDIR/db
    "$top/tests/lib/postgres" start "$db" || { [ $? -ne 77 ] || skip "postgresql is not installed"; return 1; }
    export state=$BATS_FILE_TMPDIR/state
    export pg="postgresql://sluice@/postgres?host=$db"
    mkdir -p "$state"
    chain_with static_fields policy_safety live_reload
    start_origin
    start_gateway --config "$state/sluice.yaml" --store "$pg"
    first_rule >"$state/first-rule.yaml"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state db=$BATS_FILE_TMPDIR/db; }
teardown_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    teardown_all
    "$top/tests/lib/postgres" stop "$BATS_FILE_TMPDIR/db"
}

@test "a refused request becomes a draft, and what is approved is enforced" {
    sluice sandbox create --name demo --keep
    [ "$(knock demo)" = 403 ]
    wait_event demo draft '.status == "pending"'
    chunk=$(sluice rule get demo -o json | jq -r '.chunks[0].id')
    run -0 sluice rule approve demo --chunk-id "$chunk" --wait -o json
    [ "$(jq -r .status <<<"$output")" = loaded ]
    [ "$(knock demo)" = 200 ]
    run -0 sluice audit verify
    [[ "$output" == *"is intact: "* ]]
    run -0 sluice audit verify --file "$pg"
    [[ "$output" == *"is intact: "* ]]
}
