#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A slice of scripts/torture: a gateway that ends, or whose disk fails, at some of its calls that change a file.

setup() { load helper; }

crash() { SLUICE_BUILD=$build timeout 170 python3 "$top/tests/torture/crash.py" "$@" --folder "$BATS_TEST_TMPDIR" --operations 25; }

@test "killed, also in the middle of a write, it has all that it answered" {
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
    crash kill --points 4
    crash torn --points 3
}

@test "when the power fails it has all that it answered" {
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
    crash power --points 4
}

@test "on a disk that is full, broken or writes halves, what it did not do is not answered as done" {
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
    crash full --points 2
    crash broken --points 2
    crash short --points 1
}

@test "a disk that syncs nothing is found out" {
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
    run -1 crash lies --points 4
    [[ "$output" == *"not ok: crash lies --operations 25 --seed 1 --at "* ]]
    until_so '! pgrep -f "sluice-supervisor --spec $BATS_TEST_TMPDIR/" >/dev/null'
}
