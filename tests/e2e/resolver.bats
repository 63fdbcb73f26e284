#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The resolver within a sandbox: every name has an address that stands for it, and nobody outside is asked.

load helper.bash

setup_file() {
    load helper.bash
    state=$BATS_FILE_TMPDIR/state
    with_resolver 'nameserver 10.77.0.9'
    listen python3 "$top/tests/e2e/nameserver.py" 10.77.0.9 "$BATS_FILE_TMPDIR/asked"
    start_gateway
    sluice sandbox create --name lookups
}
setup() { load helper.bash; state=$BATS_FILE_TMPDIR/state; asked=$BATS_FILE_TMPDIR/asked; }
teardown_file() { load helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

inside() { sluice sandbox exec lookups -- "$@"; }
query() { inside dig +noall +answer +comments "$@"; }       # the answer, with its status

@test "getent finds an address for any name, and the same one each time" {
    for name in db.example.test single a_b.example; do
        run -0 inside getent ahostsv4 "$name"
        [[ "${lines[0]}" =~ ^198\.1[89]\.[0-9]+\.[0-9]+\ +STREAM\ $name$ ]]
        first=$output
        run -0 inside getent ahostsv4 "$name"
        [ "$output" = "$first" ]
    done
}

@test "dig has the address by UDP and by TCP, for at most 30 seconds, in the case in which it asked" {
    run -0 query Db.Example.test
    [[ "$output" == *"status: NOERROR"* ]]
    [[ "$output" =~ Db\.Example\.test\.[[:space:]]+([0-9]+)[[:space:]]+IN[[:space:]]+A[[:space:]]+(198\.1[89]\.[0-9.]+) ]]
    address=${BASH_REMATCH[2]}
    [ "${BASH_REMATCH[1]}" -le 30 ]
    run -0 query +tcp +noedns +nocookie db.example.test
    [[ "$output" == *"IN"*"A"*"$address"* ]]
    run -0 query -x "$address"
    [[ "$output" == *"PTR"*"db.example.test."* ]]
}

@test "an answer has the status that fits its question" {
    while read -r wanted arguments; do
        run -0 query $arguments
        [[ "$output" == *"status: $wanted,"* ]] || { echo "$arguments: $output" >&2; return 1; }
    done <<'ROWS'
NOERROR db.example.test AAAA
NOTIMP db.example.test MX
NOTIMP db.example.test ANY
NOTIMP db.example.test HTTPS
NOTIMP version.bind CH TXT
REFUSED . A
REFUSED 10.0.0.1 A
NXDOMAIN -x 8.8.8.8
NXDOMAIN -x 10.200.0.1
BADVERS +edns=1 +noednsnegotiation db.example.test
NOTIMP +opcode=5 db.example.test
ROWS
    run -0 query db.example.test AAAA
    [[ "$output" == *"ANSWER: 0"* ]]
}

@test "the sandbox's own names lead to itself" {
    run -0 inside dig +short lookups localhost a.localhost
    [ "$output" = "$(printf '127.0.1.1\n127.0.0.1\n127.0.0.1')" ]
    run -0 inside dig +short localhost AAAA
    [ "$output" = ::1 ]
    run -0 inside getent hosts "$(inside hostname)"
    [[ "$output" == 127.0.1.1* ]]
}

@test "a flood of questions and garbage delays the proxy of no sandbox and ends nothing" {
    inside python3 - <<'PY'
import os, socket, struct, time
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.connect(("10.200.0.1", 53))
udp.setblocking(False)
end = time.monotonic() + 2
n = 0
while time.monotonic() < end:
    n += 1
    name = b"n%d" % n
    question = struct.pack(">6H", n & 65535, 256, 1, 0, 0, 0) + bytes([len(name)]) + name + b"\0\0\1\0\1"
    for message in (question, os.urandom(n % 600)):
        try:
            udp.send(message)
        except BlockingIOError:
            pass
        try:
            udp.recv(600)
        except BlockingIOError:
            pass
streams = []
for i in range(64):
    stream = socket.create_connection(("10.200.0.1", 53))
    try:
        stream.sendall(os.urandom(i * 7))
    except OSError:
        pass
    streams.append(stream)
PY
    run -0 timeout 180 sluice sandbox exec lookups -- dig +short +tries=20 +time=1 lookups
    [ "$output" = 127.0.1.1 ]
    [ "$(knock lookups)" = 403 ]
    [ "$(sluice sandbox list -o json | jq -r '.sandboxes[].phase')" = ready ]
}

@test "nobody outside is asked, whatever a workload looks up" {
    [ ! -s "$asked" ]
}

@test "the resolver's port is nobody else's, and without a network there is none" {
    run inside python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("127.0.0.1", 53))'
    [[ "$output" == *"Permission denied"* ]]
    sluice sandbox create --name none --network none
    run timeout 180 sluice sandbox exec none -- getent ahostsv4 db.example.test
    [ "$status" -eq 2 ]
}

@test "a sandbox of an ordinary user has a resolver, too" {
    as_ordinary_user
    start_gateway
    sluice sandbox create --name users
    run -0 sluice sandbox exec users -- getent ahostsv4 db.example.test
    [[ "$output" =~ ^198\.1[89]\. ]]
    sluice -q sandbox delete users
    stop_gateway
}
