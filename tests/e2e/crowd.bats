#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Many at once, and some of them greedy: the gateway and the other sandboxes do not notice.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_gateway
    sluice sandbox create --name greedy
    sluice sandbox create --name calm
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

supervisor_pid() { pgrep -f "sluice-supervisor --spec $state/sandboxes/$(sluice sandbox get "$1" -o json | jq -r .id)/"; }

others_are_well() {
    [ "$(timeout 180 sluice sandbox exec calm -- echo well)" = well ]
    [ "$(timeout 180 sluice status -o json | jq .ready)" = 2 ]
}

@test "commands that reach a supervisor in one go each run as asked for, with their own output" {
    local supervisor fds=/proc/$(cat "$state/gateway.pid")/fd out=$BATS_TEST_TMPDIR jobs= before
    supervisor=$(supervisor_pid calm)
    before=$(ls "$fds" | wc -l)
    kill -STOP "$supervisor"
    for n in $(seq 24); do
        sluice sandbox exec calm --env "WHO=$n" -- sh -c "echo $n \$WHO; exit $n" >"$out/$n" 2>"$out/$n.err" 3>&- &
        jobs="$jobs $!"
    done
    until_so "[ \$(ls $fds | wc -l) -ge $((before + 24)) ]"
    sluice -q status >/dev/null                     # whoever came before this has been read
    kill -CONT "$supervisor"
    n=0
    for job in $jobs; do
        n=$((n + 1))
        code=0
        wait "$job" || code=$?
        [ "$code" -eq "$n" ]
        [ "$(cat "$out/$n")" = "$n $n" ]
    done
}

@test "more commands than a sandbox takes are refused, and say so" {
    local out=$BATS_TEST_TMPDIR jobs= ran=0 refused=0
    mkfifo "$out/gate"
    for n in $(seq 60); do
        sluice sandbox exec greedy -- cat <"$out/gate" >/dev/null 2>"$out/$n.err" 3>&- &
        jobs="$jobs $!"
    done
    exec 7>"$out/gate"
    until_so "[ \$(cat $out/*.err | grep -c 'commands run in this sandbox already') -ge 28 ]"
    others_are_well
    exec 7>&-
    for job in $jobs; do if wait "$job"; then ran=$((ran + 1)); else refused=$((refused + 1)); fi; done
    [ "$ran" -le 32 ]
    [ "$ran" -ge 1 ]
    [ "$refused" -ge 28 ]
    sluice sandbox exec greedy -- true
}

@test "a sandbox cannot take all processes of the host" {
    run sluice sandbox exec greedy -- sh -c 'i=0; while [ $i -lt 3000 ]; do sleep 1000 & i=$((i+1)); done'
    [ "$status" -ne 0 ]
    [[ "$output" == *[Ff]ork* ]]
    others_are_well
    sluice sandbox stop greedy
    sluice sandbox start greedy
}

@test "more connections than the proxy takes are told so" {
    run -0 sluice sandbox exec greedy -- python3 -c '
import os, socket, urllib.parse
proxy = urllib.parse.urlparse(os.environ["HTTP_PROXY"])
held = [socket.create_connection((proxy.hostname, proxy.port), 5) for _ in range(300)]
held[-1].settimeout(5)
print(held[-1].recv(12).decode())'
    [ "$output" = "HTTP/1.1 503" ]
    others_are_well
    sluice sandbox exec greedy -- true
}

@test "a reader that never reads and one that never finishes its request hinder nobody" {
    local pids=
    for n in 1 2 3 4; do
        sluice sandbox exec greedy -- yes | { read -r _; exec sleep 100; } 3>&- &
        pids="$pids $!"
        python3 -c '
import socket, sys, time
held = []
for n in range(200):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
    s.sendall(b"PUT /v1/sandboxes/calm/policy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    held.append(s)
print("held", flush=True)
time.sleep(100)' "$state/sluice.sock" >"$BATS_TEST_TMPDIR/held.$n" 3>&- &
        pids="$pids $!"
    done
    until_so "[ \$(cat $BATS_TEST_TMPDIR/held.* | grep -c held) -eq 4 ]"
    others_are_well
    kill $pids
}

@test "a command that cannot be read as asked for is refused, not run in part" {
    ask() { api POST /v1/sandboxes/calm/exec -H 'Connection: Upgrade' -H 'Upgrade: sluice-exec' -H 'Content-Type: application/json' -d "$1" | jq -r '"\(.status) \(.detail)"'; }
    [[ "$(ask '{"command":"true"}')" == "422 "*"command: must be a list of texts: the program and its arguments" ]]
    [[ "$(ask '{"command":[]}')" == "422 "*"command: must be a list of texts: the program and its arguments" ]]
    [[ "$(ask '{"command":["true",1]}')" == "422 "*'command: must be a text: write "1"' ]]
    [[ "$(ask '{"command":["true"],"env":["A"]}')" == "422 "*"env: must be a map of texts" ]]
    [[ "$(ask '{"command":["true"],"env":{"A":1}}')" == "422 "*'env: must be a text: write "1"' ]]
    [[ "$(ask '{"command":["true"],"cols":70000}')" == "422 "*"cols: must be between 0 and 65535, not 70000" ]]
    [[ "$(ask '{"tty":true}')" == "422 "*'the field "command" is missing' ]]
    [[ "$(ask '{"command":["true"],"tty":"yes"}')" == "422 "*"tty: must be true or false"* ]]
    [ "$(api POST /v1/sandboxes/calm/exec -H 'Connection: Upgrade' -H 'Upgrade: sluice-exec' -d '{"command":["true"], "comand":[], "rows":-1}' |
        jq -c '[.errors[] | [.path, .line, .column]]')" = '[["comand",1,22],["rows",1,42]]' ]
    for ms in -1 2147483648 9223372036854775807; do
        [[ "$(ask "{\"command\":[\"true\"],\"timeout_ms\":$ms}")" == "422 timeout_ms is a number from 0, which means none, to 2147483647" ]]
    done
    [[ "$(ask '{"command":["true"],"comand":[]}')" == "422 "* ]]
    [[ "$(ask '{"command":["true"],"command":["false"]}')" == "400 "*"this key is written twice"* ]]
}

@test "a command may be written in YAML, and each of its characters arrives" {
    run_raw() { api POST /v1/sandboxes/calm/exec -H 'Connection: Upgrade' -H 'Upgrade: sluice-exec' -H "Content-Type: $1" --max-time 180 -d "$2" | tr -d '\0'; }
    [[ "$(run_raw application/yaml 'command: [printf, "%s|", a, "1"]')" == *"a|1|"*'{"code":0}' ]]
    [[ "$(run_raw application/json '{"command":["printf","%s|","a\nb\tc","\u001b\u007f"]}')" == *$'a\nb\tc|\x1b\x7f|'*'{"code":0}' ]]
}
