#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Programs that know no proxy: what they connect to by name or address is decided when they connect.

load helper.bash

setup_file() {
    load helper.bash
    state=$BATS_FILE_TMPDIR/state
    with_resolver 'nameserver 10.77.0.9'
    listen python3 "$top/tests/e2e/nameserver.py" 10.77.0.9 "$BATS_FILE_TMPDIR/asked"
    listen python3 "$top/tests/e2e/talker.py" 10.77.0.2 2525
    # The server, by its other name: the package of that name would start a service.
    (exec -a redis-server redis-check-rdb --bind 10.77.0.2 --port 6379 --save '' --protected-mode no --logfile "$BATS_FILE_TMPDIR/redis.log" 3>&-) &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    until_so 'redis-cli -h 10.77.0.2 ping >/dev/null 2>&1'
    start_origin
    start_gateway
}
setup() { load helper.bash; state=$BATS_FILE_TMPDIR/state; asked=$BATS_FILE_TMPDIR/asked; }
teardown_file() { load helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

bare() { plain "$1" curl -sS -o /dev/null -w '%{http_code}' "$2"; }

# rules NAME HOST:PORT:BINARY…: the whole policy, in force when it returns.
rules() {
    local name=$1 n=0 rule
    shift
    printf 'version: 1\nnetwork_policies:\n' >"$BATS_TEST_TMPDIR/rules.yaml"
    for rule in "$@"; do
        n=$((n + 1))
        printf '  rule%d:\n    endpoints: [{host: "%s", port: %s, protocol: tcp}]\n    binaries: [{path: "%s"}]\n' \
            "$n" "${rule%%:*}" "$(cut -d: -f2 <<<"$rule")" "${rule##*:}" >>"$BATS_TEST_TMPDIR/rules.yaml"
    done
    sluice policy set "$name" --policy "$BATS_TEST_TMPDIR/rules.yaml" --wait
}

@test "a program without a proxy is refused at once, and the refusal becomes a proposal" {
    sluice sandbox create --name first
    run plain first curl -sS http://api.open.test:8080/
    [ "$status" -eq 7 ]
    until_so 'sluice rule get first -o json | grep -q api.open.test'
    run -0 sluice rule get first -o json
    [ "$(jq -r '.chunks[0] | "\(.rule.endpoints[0].host):\(.rule.endpoints[0].port) \(.rule.binaries[0].path)"' <<<"$output")" = "api.open.test:8080 /usr/bin/curl" ]
    run ! grep -q api.open.test "$asked"
}

@test "the first rule makes it work, without a restart and in a program that keeps the address" {
    plain first python3 -u - >"$BATS_TEST_TMPDIR/kept" <<'PY' 3>&- &
import socket, time
at = socket.getaddrinfo("api.open.test", 8080, socket.AF_INET, socket.SOCK_STREAM)[0][4]
print("has", at[0])
while True:
    s = socket.socket()
    try:
        s.connect(at)
    except ConnectionRefusedError:
        s.close()
        time.sleep(0.05)
        continue
    s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    print(s.recv(100).split(b"\r\n")[0].decode())
    break
PY
    until_so 'grep -q has "$BATS_TEST_TMPDIR/kept"'
    rules first api.open.test:8080:/usr/bin/curl "api.open.test:8080:/usr/bin/python3*"
    wait $!
    grep -q "HTTP/1.1 200" "$BATS_TEST_TMPDIR/kept"
    [ "$(bare first http://api.open.test:8080/)" = 200 ]
}

@test "another port, name or program is still refused" {
    for url in http://api.open.test:8081/ http://other.open.test:8080/; do
        run bare first "$url"
        [ "$status" -eq 7 ]
    done
    run plain first bash -c 'exec 3<>/dev/tcp/api.open.test/8080'
    [[ "$output" == *"Connection refused"* ]]
}

@test "with proxy variables the same rule lets a tunnel through" {
    run -0 sluice sandbox exec first -- curl -sS -p -o /dev/null -w '%{http_code}' http://api.open.test:8080/
    [ "$output" = 200 ]
}

@test "a protocol in which the server speaks first, and redis-cli, work" {
    sluice sandbox create --name talk
    rules talk "mail.open.test:2525:/usr/bin/python3*" redis.open.test:6379:/usr/bin/redis-cli
    run plain talk python3 -c '
import socket
s = socket.create_connection(("mail.open.test", 2525))
print(s.recv(100).decode(), end="")
s.sendall(b"hello\n"); s.shutdown(socket.SHUT_WR)
print(s.makefile().read(), end="")'
    [ "$output" = "$(printf '220 ready\nheard hello')" ]
    [ "$(plain talk redis-cli -h redis.open.test set key value)" = OK ]
    [ "$(plain talk redis-cli -h redis.open.test get key)" = value ]
    run plain talk redis-cli -h redis.open.test -p 6380 get key
    [[ "$output" == *"Connection refused"* ]]
}

@test "what cannot be reached says so as without a proxy" {
    sluice sandbox create --name far
    rules far "shut.open.test:1:/usr/bin/python3*" "nowhere.partner.test:8080:/usr/bin/python3*"
    run -0 plain far python3 -c '
import errno, socket
for host, port in (("shut.open.test", 1), ("nowhere.partner.test", 8080)):
    print(errno.errorcode[socket.socket().connect_ex((host, port))])'
    [ "$output" = "$(printf 'ECONNREFUSED\nEHOSTUNREACH')" ]
}

@test "addresses work where allowed_ips lets them, and nowhere else" {
    sluice sandbox create --name direct
    cat >"$BATS_TEST_TMPDIR/direct.yaml" <<'YAML'
version: 1
network_policies:
  direct:
    endpoints: [{port: 8080, allowed_ips: [10.77.0.0/30]}]
    binaries: [{path: /usr/bin/curl}]
YAML
    sluice policy set direct --policy "$BATS_TEST_TMPDIR/direct.yaml" --wait
    [ "$(bare direct http://10.77.0.2:8080/)" = 200 ]
    for url in http://10.77.0.9:8080/ http://10.77.0.2:8081/ http://127.0.0.1:8080/ http://169.254.169.254/ http://198.18.3.4:8080/ "http://[2001:db8::1]:8080/"; do
        run bare direct "$url"
        [ "$status" -eq 7 ]
    done
    run plain direct bash -c 'exec 3<>/dev/tcp/10.77.0.2/8080'
    [[ "$output" == *"Connection refused"* ]]
}

@test "a connection that is still allowed survives a reload, one that is not ends" {
    sluice sandbox create --name reload
    rules reload "stays.open.test:2525:/usr/bin/python3*" "goes.open.test:2525:/usr/bin/python3*"
    plain reload python3 -u - >"$BATS_TEST_TMPDIR/both" <<'PY' 3>&- &
import socket
stays = socket.create_connection(("stays.open.test", 2525))
goes = socket.create_connection(("goes.open.test", 2525))
print(stays.recv(100) + goes.recv(100))
try:
    print("gone", goes.recv(100))
except ConnectionResetError:
    print("gone")
stays.sendall(b"still here\n")
print(stays.recv(100))
PY
    until_so 'grep -q "220 ready.*220 ready" "$BATS_TEST_TMPDIR/both"'
    rules reload "stays.open.test:2525:/usr/bin/python3*"
    wait $!
    grep -q gone "$BATS_TEST_TMPDIR/both"
    grep -q "heard still here" "$BATS_TEST_TMPDIR/both"
}

@test "a caller that waits for a silent name holds up nobody, and may be killed" {
    sluice sandbox create --name slow
    rules slow "*.silent.test:8080:/usr/bin/curl" api.open.test:8080:/usr/bin/curl
    took_ms bare slow http://api.open.test:8080/
    for n in 1 2 3 4 5 6 7 8; do
        bare slow "http://n$n.silent.test:8080/" >>"$BATS_TEST_TMPDIR/silent" 2>&1 3>&- &
    done
    until_so 'grep -q n8.silent.test "$asked"'
    [ "$(timeout 180 sluice sandbox exec slow -- curl --noproxy '*' -sS -m $((4 + ms / 50)) -o /dev/null -w '%{http_code}' http://api.open.test:8080/)" = 200 ]
    sluice sandbox exec slow -- bash -c 'kill -9 $(pgrep curl || ps -e -o pid,comm | sed -n "s/ *\([0-9]*\) curl/\1/p")'
    wait
    [ "$(bare slow http://api.open.test:8080/)" = 200 ]
}
