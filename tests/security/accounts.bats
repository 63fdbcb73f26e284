#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Accounts of the kernel that others may have filled: the gateway and its supervisors go on.

load ../e2e/helper.bash

setup() {
    load ../e2e/helper.bash
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state" "$BATS_TEST_TMPDIR/bin"
    [ -e "$BATS_FILE_TMPDIR/origins" ] || start_origin
}
teardown() { teardown_all; }
teardown_file() { load ../e2e/helper.bash; for pid in $(cat "$BATS_FILE_TMPDIR/origins"); do kill "$pid" 2>/dev/null || true; done; }

# The gateway, and whatever it starts, is refused every watch, as where fs.epoll.max_user_watches are taken.
refuse_watches() {
    cat >"$BATS_TEST_TMPDIR/bin/sluiced" <<PY
#!/usr/bin/python3
import ctypes, os, platform, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
epoll_ctl = {"x86_64": 233, "aarch64": 21}[platform.machine()]
rows = [(0x20, 0, 0, 0), (0x15, 0, 3, epoll_ctl), (0x20, 0, 0, 24), (0x15, 0, 1, 1), (0x06, 0, 0, 0x50000 | 28), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in rows))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(rows), ctypes.addressof(code)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program) == 0
os.execv("$build/bin/sluiced", ["sluiced"] + sys.argv[1:])
PY
    chmod +x "$BATS_TEST_TMPDIR/bin/sluiced"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "where the kernel watches no more descriptors, the gateway and its supervisors serve all the same" {
    refuse_watches
    start_gateway
    sluice sandbox create --name unseen
    [ "$(knock unseen)" = 403 ]
    first_rule | sluice policy set unseen --policy - --wait
    [ "$(knock unseen)" = 200 ]
    run -7 sluice sandbox exec unseen -- sh -c 'cat >/dev/null; exit 7' <<<text
    [ "$(sluice sandbox exec unseen -- head -c 3000000 /dev/zero | wc -c)" = 3000000 ]
    sluice sandbox stop unseen
    sluice sandbox start unseen
    [ "$(sluice sandbox exec unseen -- echo there)" = there ]
    kill -0 "$(<"$state/gateway.pid")"
}

@test "a gateway that may open no more files refuses clients, and serves again when it may" {
    printf '#!/bin/sh\nulimit -n 64\nexec %s "$@"\n' "$build/bin/sluiced" >"$BATS_TEST_TMPDIR/bin/sluiced"
    chmod +x "$BATS_TEST_TMPDIR/bin/sluiced"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
    start_gateway
    sluice sandbox create --name full
    mkfifo "$BATS_TEST_TMPDIR/said" "$BATS_TEST_TMPDIR/go"
    perl -MSocket -e '$| = 1; for (1 .. 200) { socket($s[$_], PF_UNIX, SOCK_STREAM, 0); connect($s[$_], pack_sockaddr_un($ARGV[0])) or last }
        print "connected\n"; open(F, "<", $ARGV[1]); <F>' "$state/sluice.sock" "$BATS_TEST_TMPDIR/go" >"$BATS_TEST_TMPDIR/said" 3>&- &
    read -r -t 180 line <"$BATS_TEST_TMPDIR/said"
    [ "$line" = connected ]
    run sluice status
    kill -0 "$(<"$state/gateway.pid")"
    echo >"$BATS_TEST_TMPDIR/go"
    until_so 'sluice status >/dev/null 2>&1'
    [ "$(sluice sandbox exec full -- echo there)" = there ]
}

@test "a supervisor that may open no more files refuses commands, and runs them again when it may" {
    start_gateway
    sluice sandbox create --name full
    supervisor=$(<"$state/sandboxes/$(sluice sandbox get full -o json | jq -r .id)/lock")
    prlimit --pid "$supervisor" --nofile="$(($(ls "/proc/$supervisor/fd" | wc -l) + 6)):"
    for n in 1 2 3 4; do sluice sandbox exec full -- sleep 30 >/dev/null 2>"$BATS_TEST_TMPDIR/error.$n" 3>&- & done
    until_so 'grep -q . "$BATS_TEST_TMPDIR"/error.*'
    cat "$BATS_TEST_TMPDIR"/error.*
    prlimit --pid "$supervisor" --nofile=1024:
    until_so '[ "$(sluice sandbox exec full -- echo there 2>/dev/null)" = there ]'
    [ "$(<"$state/sandboxes/$(sluice sandbox get full -o json | jq -r .id)/lock")" = "$supervisor" ]
    kill -0 "$supervisor"
}
