#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Main processes and detached commands: they need no client, no terminal and no gateway.

setup_file() {
    load helper
    start_gateway
    sluice sandbox create --name demo --detach -- \
        sh -c 'echo one; until [ -e go ]; do sleep 0.05; done; seq 300000; echo last >&2; exit 5'
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; out=$BATS_TEST_TMPDIR/out; err=$BATS_TEST_TMPDIR/err; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

main_of() { sluice sandbox get "$1" -o json | jq -r ".main.$2"; }

# attach SANDBOX TEXT: a client in the background, its pid in $client; returns when it has shown the text.
attach() {
    : >"$out"                                # what an earlier client has shown does not count
    sluice sandbox connect "$1" >"$out" 2>"$err" </dev/null 3>&- &
    client=$!
    until_so "grep -q '$2' '$out'"
}

@test "a main process goes on without its client and its gateway; a late client sees the newest output, and wait has its code" {
    attach demo one
    kill -KILL "$client"
    attach demo one
    stop_gateway KILL
    code=0
    wait "$client" || code=$?
    [ "$code" -eq 3 ]
    grep -q "the main process goes on, and sluice sandbox connect demo attaches to it again" "$err"
    start_gateway
    [ "$(main_of demo state)" = running ]
    sluice sandbox wait demo 3>&- &
    waiter=$!
    sluice sandbox exec demo -- touch go
    code=0
    wait "$waiter" || code=$?
    [ "$code" -eq 5 ]
    code=0
    sluice sandbox connect demo >"$out" 2>"$err" || code=$?
    [ "$code" -eq 5 ]
    [ "$(tail -n 1 "$out")" = 300000 ]
    [ "$(($(head -n 1 "$out") + 1))" = "$(sed -n 2p "$out")" ]
    [ "$(stat -c %s "$out")" -le 1048576 ]
    grep -qE '^\[sluice: [0-9]+ bytes of output were dropped here; the newest 1024 KiB are kept\]' "$err"
    [ "$(tail -n 1 "$err")" = last ]
}

@test "its code is on record: get, the log, an event, and wait after another restart" {
    stop_gateway TERM
    start_gateway
    run -5 sluice sandbox wait demo
    [ "$(sluice sandbox get demo -o json | jq .exit_code)" = 5 ]
    sluice sandbox get demo | grep -q "ended with code 5"
    sluice logs demo | grep -q "the main process has ended with code 5"
    wait_event demo main '.state == "ended" and .exit_code == 5'
}

@test "stop ends it with its sandbox, start runs it again" {
    sluice sandbox exec demo -- rm go
    sluice sandbox stop demo
    run -5 sluice sandbox wait demo
    sluice sandbox start demo
    until_so '[ "$(main_of demo state)" = running ]'
    [ "$(main_of demo exit_code)" = null ]
    run -124 sluice sandbox wait demo --timeout 0
    [[ "$output" == *"has not ended within 0 s"* ]]
    sluice sandbox stop demo
    run -143 sluice sandbox wait demo
    [ "$(sluice sandbox get demo -o json | jq -r .phase)" = stopped ]
}

@test "create with a command is its first client: input, output, code; the process outlives it" {
    run --separate-stderr -7 sluice sandbox create --name first -- sh -c 'cat; seq 200000 | tail -1; exit 7' <<<typed
    [ "$output" = $'typed\n200000' ]
    sluice sandbox delete first
    mkfifo "$BATS_TEST_TMPDIR/in"
    exec 7<>"$BATS_TEST_TMPDIR/in"
    echo input >&7
    sluice sandbox create --name left -- sh -c 'cat >got; echo end; exec sleep 1000' <"$BATS_TEST_TMPDIR/in" >"$out" 3>&- 7>&- &
    client=$!
    until_so "sluice -q sandbox exec left -- grep -q input got 2>/dev/null"
    kill -KILL "$client"
    exec 7>&-
    attach left end
    [ "$(main_of left state)" = running ]
    kill "$client"
    sluice sandbox delete left
}

@test "what cannot be run is 127 and says why, for every client" {
    run --separate-stderr -127 sluice sandbox create --name wrong -- nosuch
    [[ "$stderr" == *"cannot run nosuch: No such file or directory"* ]]
    run -127 sluice sandbox wait wrong
    [[ "$output" == *"cannot run nosuch: No such file or directory"* ]]
    sluice sandbox delete wrong
}

@test "detached commands have a pid, need no client and are bounded" {
    sluice sandbox create --name plain
    pid=$(sluice sandbox exec plain --detach -- sh -c 'echo $$ >pid; exec sleep 1000')
    until_so "sluice sandbox exec plain -- grep -qx $pid pid"
    run -1 sluice sandbox exec plain --detach -- nosuch
    [[ "$output" == *"the command was not run in sandbox 'plain': cannot run nosuch: No such file or directory"* ]]
    for i in {1..31}; do sluice sandbox exec plain --detach -- sleep 1000 >/dev/null; done
    run -1 sluice sandbox exec plain --detach -- sleep 1000
    [[ "$output" == *"32 commands run in this sandbox already"* ]]
    run -2 sluice sandbox exec plain --detach --tty -- true
    [[ "$output" == *"--detach and --tty exclude each other"* ]]
    sluice sandbox delete plain
}

@test "where there is no main process: connect opens a shell, wait says so" {
    sluice sandbox create --name shell
    [ "$(echo 'echo $((6 * 7))' | sluice sandbox connect shell)" = 42 ]
    run -1 sluice sandbox wait shell
    [[ "$output" == *"sandbox 'shell' has no main process: one is given when it is made"* ]]
    run -2 sluice sandbox create --detach
    [[ "$output" == *"--detach needs a command to start: -- CMD..."* ]]
    sluice sandbox delete shell
}

@test "a terminal: ctrl-p ctrl-q leave it, and neither they nor a closed terminal end it" {
    sluice sandbox create --name term --detach --tty -- sh -c 'while read -r line; do echo "<$line>"; done'
    python3 - "$(command -v sluice)" <<'PY'
import os, pty, sys

def client(typed, until):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.argv[1], ["sluice", "sandbox", "connect", "term"])
    seen = b""
    def wait_for(text):
        nonlocal seen
        while text not in seen:
            seen += os.read(fd, 4096)
    wait_for(b"ctrl-p ctrl-q detaches")
    os.write(fd, typed)
    wait_for(until)
    return pid, fd, wait_for

pid, fd, wait_for = client(b"one\n", b"<one>")
os.write(fd, b"\x10\x11")
wait_for(b"detached: sluice sandbox connect term attaches again")
assert os.waitpid(pid, 0)[1] == 0
pid, fd, wait_for = client(b"two\n", b"<two>")
os.close(fd)
os.waitpid(pid, 0)
pid, fd, wait_for = client(b"three\n", b"<three>")
os.kill(pid, 9)
PY
    [ "$(main_of term state)" = running ]
    sluice sandbox delete term
}

@test "an ordinary user's gateway: killed and started again, its main process lives and is heard" {
    (
        as_ordinary_user
        start_gateway
        sluice sandbox create --name mine --detach -- sh -c 'echo up; until [ -e go ]; do sleep 0.05; done; exit 6'
        stop_gateway KILL
        start_gateway
        sluice sandbox exec mine -- touch go
        run -6 sluice sandbox wait mine
        run --separate-stderr -6 sluice sandbox connect mine
        [ "$output" = up ]
        sluice sandbox delete mine
        stop_gateway
    )
}
