#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who may come through which listener, and as whom: Unix sockets, TCP with and without trust in local uids,
# proxies, web pages, made-up secrets.

load ../e2e/helper.bash

sha() { printf %s "$1" | sha256sum | cut -d' ' -f1; }

setup_file() {
    load ../e2e/helper.bash
    export state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    entry=$(sluice token create --offline --name alice --role admin)
    sed -n 1p <<<"$entry" >"$BATS_FILE_TMPDIR/alice.token"
    cat >"$state/sluice.yaml" <<YAML
listen:
  - unix:$state/sluice.sock
  - tcp:127.0.0.1:7070
  - {address: "tcp:127.0.0.1:7071", trust_local_uids: true}
  - {address: "tcp:10.77.0.2:7072", insecure: true}
  - address: "tcp:[::1]:7073"
    trust_local_uids: true
$(sed -n '3,$p' <<<"$entry")
  - {name: bob, sha256: $(sha "bob's own word"), role: user}
YAML
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name secretproject --label team=red
}

setup() {
    state=$BATS_FILE_TMPDIR/state
    alice=$(cat "$BATS_FILE_TMPDIR/alice.token")
}

teardown_file() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

code() { curl -gsS -o "$BATS_TEST_TMPDIR/answer" -w '%{http_code}' --max-time 180 "$@"; }
by_socket() { code --unix-socket "$state/sluice.sock" "${@:2}" "http://localhost$1"; }
detail() { jq -r .detail "$BATS_TEST_TMPDIR/answer"; }
other_namespace="unshare --user --map-root-user"

@test "on TCP a uid is nobody, unless the listener trusts local uids" {
    [ "$(by_socket /v1/status)" = 200 ]
    [ "$(code http://127.0.0.1:7070/v1/status)" = 401 ]
    [[ "$(detail)" == *"send a token"* ]]
    [ "$(code http://127.0.0.1:7071/v1/status)" = 200 ]
    [ "$(code 'http://[::1]:7073/v1/status')" = 200 ]
    [ "$(code http://10.77.0.2:7072/v1/status)" = 401 ]
    for gateway in 127.0.0.1:7070 127.0.0.1:7071 10.77.0.2:7072; do
        [ "$(code -H "Authorization: Bearer $alice" "http://$gateway/v1/status")" = 200 ]
    done
}

@test "a process in another user namespace has no uid, through no listener" {
    try() { $other_namespace curl -gsS -o /dev/null -w '%{http_code}' --max-time 180 "$@"; }
    [ "$(try --unix-socket "$state/sluice.sock" http://localhost/v1/status)" = 401 ]
    for gateway in 127.0.0.1:7070 127.0.0.1:7071 '[::1]:7073'; do
        [ "$(try "http://$gateway/v1/status")" = 401 ]
        [ "$(try -H 'Content-Type: application/json' -d '{"name":"theirs"}' "http://$gateway/v1/sandboxes")" = 401 ]
    done
    [ "$(try -H "Authorization: Bearer $alice" http://127.0.0.1:7071/v1/status)" = 200 ]
}

@test "a socket that one in another user namespace holds too has no uid" {
    cat >"$BATS_TEST_TMPDIR/share.py" <<'PY'
import ctypes, os, signal, socket
r, w = os.pipe()
s = socket.socket()
pid = os.fork()
if pid == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0   # CLONE_NEWUSER, holding the socket
    os.write(w, b".")
    signal.pause()
os.read(r, 1)
s.connect(("127.0.0.1", 7071))
s.sendall(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
print(s.recv(12).decode().split()[1])
os.kill(pid, 9)
PY
    run -0 python3 "$BATS_TEST_TMPDIR/share.py"
    [ "$output" = 401 ]
}

@test "another user of this host is a user on a listener that trusts uids, and no admin" {
    [ "$(id -u)" -eq 0 ] || skip "needs root to be two users"
    as="setpriv --reuid 4243 --regid 4243 --clear-groups"
    [ "$($as curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:7071/v1/status)" = 200 ]
    [ "$($as curl -sS -o /dev/null -w '%{http_code}' -X POST http://127.0.0.1:7071/v1/plugins/reload)" = 403 ]
    [ "$($as curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:7070/v1/status)" = 401 ]
}

@test "who is forwarded is not known by the uid of the proxy, through no listener; a token is still one" {
    for field in 'Forwarded: for=203.0.113.7' 'X-Forwarded-For: 203.0.113.7' 'x-forwarded-proto: https' 'Via: 1.1 edge' \
        'X-Real-IP: 203.0.113.7' 'X-Forwarded-Host: gateway.example' 'CF-Connecting-IP: 203.0.113.7' \
        'True-Client-IP: 203.0.113.7' 'X-Client-IP: 203.0.113.7' 'X-Original-URL: /' 'Via;' 'X-Envoy-External-Address: 203.0.113.7'; do
        [ "$(by_socket /v1/sandboxes -H "$field")" = 401 ]
        [[ "$(detail)" == *"a proxy forwarded this request (${field%%[:;]*})"* ]]
        [ "$(code -H "$field" http://127.0.0.1:7071/v1/sandboxes)" = 401 ]
        [ "$(by_socket /v1/sandboxes -H "$field" -H "Authorization: Bearer $alice")" = 200 ]
    done
}

@test "a web page of another site is refused wherever there is state, with a token too" {
    for site in cross-site same-site Cross-Site nonsense; do
        for path in /v1/status /v1/sandboxes /v1/events /metrics /v1/sandboxes/secretproject/policy; do
            [ "$(by_socket "$path" -H "Sec-Fetch-Site: $site")" = 403 ]
            [ "$(code -H "Sec-Fetch-Site: $site" "http://127.0.0.1:7071$path")" = 403 ]
        done
        [ "$(by_socket /v1/plugins/reload -X POST -H "Sec-Fetch-Site: $site")" = 403 ]
        [ "$(by_socket /v1/status -H "Sec-Fetch-Site: $site" -H "Authorization: Bearer $alice")" = 403 ]
        [[ "$(detail)" == *Sec-Fetch-Site* ]]
        [ "$(by_socket /v1/status -H 'Sec-Fetch-Site: none' -H "Sec-Fetch-Site: $site")" = 403 ]
    done
    for site in none same-origin; do [ "$(by_socket /v1/status -H "Sec-Fetch-Site: $site")" = 200 ]; done
    [ "$(by_socket /healthz -H 'Sec-Fetch-Site: cross-site')" = 200 ]
}

@test "a loopback address is not answered under a name of somebody else's (DNS rebinding)" {
    for host in evil.example evil.example:7071 localhost.evil.example 127.0.0.1.evil.example; do
        for path in /v1/status /metrics; do
            [ "$(code -H "Host: $host" "http://127.0.0.1:7071$path")" = 401 ]
        done
        [ "$(code -H "Host: $host" -H "Origin: http://$host" http://127.0.0.1:7071/v1/status)" = 401 ]
    done
    [ "$(code -H 'Host: localhost:7071' -H 'Origin: http://evil.example' http://127.0.0.1:7071/v1/status)" = 403 ]
}

@test "metrics name no sandbox and no label to anybody" {
    for gateway in 127.0.0.1:7070 10.77.0.2:7072; do
        run -0 curl -sS "http://$gateway/metrics"
        [[ "$output" == *"sluice_sandboxes 1"* ]]
        [[ "$output" != *secretproject* && "$output" != *team* ]]
    done
}

@test "no answer, no log and no check shows the digest of a token" {
    digest=$(sha "bob's own word")
    for path in $(curl -sS --unix-socket "$state/sluice.sock" http://localhost/openapi.json |
        jq -r '.paths | to_entries[] | select(.value.get) | .key' | grep -v supervisor | grep -v events | sed 's/{name}/secretproject/; s/{[a-z]*}/1/'); do
        by_socket "$path" >/dev/null
        run ! grep -qi "$digest\|sha256: \"" "$BATS_TEST_TMPDIR/answer"
    done
    run -0 sluiced --config "$state/sluice.yaml" --check
    [[ "$output" != *"$digest"* ]]
    sed "s/role: user/role: emperor/" "$state/sluice.yaml" >"$BATS_TEST_TMPDIR/bad.yaml"
    run -2 sluiced --config "$BATS_TEST_TMPDIR/bad.yaml" --check
    [[ "$output" == *role* && "$output" != *"$digest"* ]]
    kill -HUP "$(cat "$state/gateway.pid")"
    until_so 'grep -q "reloaded:" "$state/gateway.log"'
    run ! grep -q "$digest" "$state/gateway.log"
}

@test "a secret that somebody made up works, is warned of, and cannot be tried out" {
    [ "$(by_socket /v1/status -H "Authorization: Bearer bob's own word")" = 200 ]
    until_so 'grep -q "the token of bob was not made by .sluice token create.: whoever reads its digest" "$state/gateway.log"'
    run ! grep -q "the token of alice" "$state/gateway.log"
    codes=
    for try in $(seq 70); do codes="$codes $(code -H "Authorization: Bearer guess $try" http://10.77.0.2:7072/v1/status)"; done
    [[ "$codes" == " 401 401 "*" 429" ]]
    [ "$(code -H "Authorization: Bearer bob's own word" http://10.77.0.2:7072/v1/status)" = 429 ]
    [[ "$(detail)" == *"try again later"* ]]
    [ "$(code -H "Authorization: Bearer $alice" http://10.77.0.2:7072/v1/status)" = 200 ]
    [ "$(by_socket /v1/status -H "Authorization: Bearer bob's own word")" = 200 ]
}

@test "an address that other machines reach needs insecure: true in the configuration" {
    for address in tcp:10.77.0.2:7079 tcp:0.0.0.0:7079 'tcp:[::]:7079'; do
        printf 'listen: ["%s"]\n' "$address" >"$BATS_TEST_TMPDIR/open.yaml"
        run -2 sluiced --config "$BATS_TEST_TMPDIR/open.yaml" --state-dir "$BATS_TEST_TMPDIR/state"
        [[ "$output" == *"open.yaml:1:10: listen[0]: other machines can reach $address"* ]]
        [[ "$output" == *"write {address: \"$address\", insecure: true}"* ]]
        printf 'listen: [{address: "%s", insecure: true}]\n' "$address" >"$BATS_TEST_TMPDIR/open.yaml"
        run -0 sluiced --config "$BATS_TEST_TMPDIR/open.yaml" --state-dir "$BATS_TEST_TMPDIR/state" --check
    done
    printf 'listen: [{address: "tcp:127.0.0.1:1", tls: {certificate: a, key: b}}]\n' >"$BATS_TEST_TMPDIR/open.yaml"
    run -2 sluiced --config "$BATS_TEST_TMPDIR/open.yaml" --check
    [[ "$output" == *"cannot listen on tcp:127.0.0.1:1: cannot read $BATS_TEST_TMPDIR/a: No such file or directory"* ]]
}

@test "such an address that a flag names takes no token, unless the flag says insecure" {
    local other=$BATS_TEST_TMPDIR/state
    mkdir -p "$other"
    mkfifo "$other/ready"
    sluiced --state-dir "$other" --listen "unix:$other/s.sock" --listen tcp:10.77.0.3:7075 \
        --listen tcp:10.77.0.3:7076,insecure --listen tcp:127.0.0.1:7077,trust_local_uids >"$other/ready" 2>"$other/log" 3>&- &
    local pid=$!
    read -r -t 180 _ <"$other/ready"
    grep -q 'tcp:10.77.0.3:7075, which is not encrypted.*--listen tcp:10.77.0.3:7075,insecure' "$other/log"
    token=$(cat "$other/admin.token")
    local status
    status="$(code -H "Authorization: Bearer $token" http://10.77.0.3:7075/v1/status) $(detail)"
    status="$status $(code http://10.77.0.3:7075/v1/status) $(code http://10.77.0.3:7075/metrics) $(code http://10.77.0.3:7075/healthz)"
    status="$status $(code -H "Authorization: Bearer $token" http://10.77.0.3:7076/v1/status) $(code http://127.0.0.1:7077/v1/status)"
    kill "$pid"
    wait_gone "$pid"
    echo "$status"
    [[ "$status" == "403 no token is taken here: this address is not encrypted"*" 401 200 200 200 200" ]]
}
