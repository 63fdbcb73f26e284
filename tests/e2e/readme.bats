#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the README's first screen tells a newcomer to type, as printed.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    start_origin
    start_gateway
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

chunk() { sluice rule get mine -o json | jq -r '.chunks[0].id // empty'; }

@test "a newcomer's first six commands" {
    cd "$BATS_TEST_TMPDIR"
    sed -n '/--keep` leaves/,/^## /s/^    \(sluice .*\)/\1/p' "$top/README.md" | sed 's/  *#.*//' >commands
    [ "$(wc -l <commands)" -eq 6 ]
    while read -r command <&4; do
        case $command in
        *exec*) run -0 bash -c "$command"; [[ "$output" == *policy_denied* ]]; until_so '[ -n "$(chunk)" ]' ;;
        *mine.yaml*--wait) sed -i 's/port: 8080/ports: [8080, 8081]/' mine.yaml ;;&
        *) run -0 bash -c "${command/ID/$(chunk 2>/dev/null)}"; [[ "$command" != *--wait* || "$output" == *loaded* ]] ;;
        esac
    done 4<commands
    run -0 sluice sandbox exec mine -- curl -sS -o /dev/null -w '%{http_code}' "$url"
    [ "$output" = 200 ]
}
