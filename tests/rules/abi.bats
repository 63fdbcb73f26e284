#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A voter built against the frozen headers of ABI 1 still sees every field where it was.

setup() {
    load support
    folder=$BATS_TEST_TMPDIR
    umask 022
    compile tests/fixtures/abi1/old_voter.c old_voter -Werror -Itests/fixtures/abi1/include
}

@test "a voter of the first ABI reads everything, inline and in a process of its own" {
    for isolation in inline process; do
        exits 0 "$sluice" plugin test --plugin-dir "$folder" --isolation $isolation tests/fixtures/abi1
        says "1 passed"
    done
    exits 0 "$sluice" plugin check "$folder/old_voter.so"
    says "ABI 1"
    says "option time (duration, default 2s)"
}

@test "a member that moves does not compile" {
    mkdir -p "$folder/sluice"
    cp include/sluice/*.h "$folder/sluice/"
    layout() { cc -D_GNU_SOURCE -fsyntax-only -I"$folder" -Icore core/chain/native/abi.c; }
    exits 0 layout
    sed -i 's/^    const char \*reason; .*/    const char *why_so, *reason;/' "$folder/sluice/transition.h"
    exits 1 layout
    says "sluice_transition.reason moved since ABI 1"
    cp include/sluice/transition.h "$folder/sluice/"
    sed -i 's/    X(ALLOW, .*/    X(WAIT, "wait", "is new")&/' "$folder/sluice/ballot.h"
    exits 1 layout
    says "SLUICE_ALLOW is another number than in ABI 1"
}
