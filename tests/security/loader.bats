#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The loader's search for libraries is not a way into the programs that load voters.

setup() {
    load ../rules/support
    trap=$build/tests/trap
    needing=$build/tests/plugins/needs_library.so
    export SLUICE_TEST_MARK=$BATS_TEST_TMPDIR/mark
}

@test "a library beside LD_LIBRARY_PATH would run" {
    LD_LIBRARY_PATH=$trap ASAN_OPTIONS=verify_asan_link_order=0 python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$needing"
    [ -e "$SLUICE_TEST_MARK" ]
}

@test "but not in a program of ours, in no isolation" {
    export LD_LIBRARY_PATH=$trap
    exits 1 "$sluice" plugin check "$needing"
    says "needs the library libtrap.so"
    for isolation in inline process; do
        printf 'chain: {plugin_dirs: ["%s"], voters: [{plugin: needs_library, isolation: %s}]}\n' \
            "$build/tests/plugins" $isolation >"$BATS_TEST_TMPDIR/chain.yaml"
        exits 2 "$build/bin/sluiced" --check --state-dir "$BATS_TEST_TMPDIR/state" --config "$BATS_TEST_TMPDIR/chain.yaml"
        says "needs the library libtrap.so"
    done
    [ ! -e "$SLUICE_TEST_MARK" ]
}
