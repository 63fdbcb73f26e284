#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A disk without room: refusals say so, nothing is claimed that is not on record, and with room all goes on.

load helper.bash

setup() {
    load helper
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state"
}

# Runs in a mount namespace of its own, in which the state is on a disk that can be filled.
on_a_small_disk() {
    . "$BATS_TEST_DIRNAME/helper.bash"
    mount -t tmpfs -o size=1200k,mode=755 none "$state"
    trap 'code=$?; rm -f "$state/ballast"; teardown_all >/dev/null 2>&1; exit $code' EXIT
    start_gateway
    sluice sandbox create --name demo
    sluice sandbox create --name big
    sluice sandbox exec big -- dd if=/dev/zero of=/sandbox/much bs=1000 count=150 status=none
    sluice sandbox exec demo -- true                # who runs commands there is on record from now on
    first_rule >"$BATS_TEST_TMPDIR/rule.yaml"
    fill() {        # the write-ahead log keeps no room for later either
        sqlite3 "$state/sluice.db" 'pragma wal_checkpoint(truncate)' >/dev/null
        if head -c 4000k /dev/zero >"$state/ballast" 2>/dev/null; then return 1; fi
    }
    refused() {     # refused COMMAND...: exits 1 and names the disk
        local code=0 said
        said=$("$@" 2>&1) || code=$?
        [ "$code" -eq 1 ]
        [[ "$said" == *"disk is full"*"make room on the disk"* ]]
    }

    fill
    refused sluice policy set demo --policy "$BATS_TEST_TMPDIR/rule.yaml" --wait
    refused sluice sandbox create --name more
    [ "$(sluice policy list demo -o json | jq '.revisions | length')" -eq 1 ]
    [ "$(sluice sandbox exec demo -- echo runs)" = runs ]

    rm "$state/ballast"
    sluice policy set demo --policy "$BATS_TEST_TMPDIR/rule.yaml" --wait

    fill
    refused sluice sandbox stop demo
    sluice sandbox delete big                       # its files make the room that its record needs
    rm "$state/ballast"
    wait_event demo sandbox '.phase == "stopped"'
    [ "$(sluice sandbox get demo -o json | jq -r .phase)" = stopped ]
    sluice sandbox start demo
    [ "$(sluice sandbox exec demo -- echo runs)" = runs ]
    [ "$(sluice sandbox get demo -o json | jq .loaded_revision)" -eq 2 ]
    sluice audit verify
    [ "$(sluice decision list -o json | jq '.decisions | length')" -eq 3 ]
    sluice sandbox delete demo
}

@test "without room nothing is lost and nothing is claimed; with room it goes on" {
    export state BATS_TEST_DIRNAME BATS_TEST_TMPDIR BATS_FILE_TMPDIR
    run -0 unshare --mount --propagation private bash -euo pipefail -c "$(declare -f on_a_small_disk); BATS_VERSION=$BATS_VERSION; bats_require_minimum_version() { :; }; on_a_small_disk"
}
