#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Held requests: what a policy refuses waits for a decision, and goes on, or is refused, when there is one.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    make_certificate ca "/CN=Authority of the test" "" -addext basicConstraints=critical,CA:TRUE
    make_certificate good "/CN=api.test" ca -addext subjectAltName=DNS:api.test
    start_tls_origin 10.77.0.2 443 good
    start_origin
    hosts=
    for name in api tunnel forward reject late gone live stop bare other; do hosts+="$name.test: 10.77.0.2, "; done
    hosts+="public.test: 8.8.8.8, "
    printf 'egress:\n  extra_ca: %s\n  hosts: {%s}\n' "$state/ca.pem" "${hosts%, }" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo --hold 10m
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; : >>"$state/counts"; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

# ask OUTPUT CURL-OPTION...: in the background, the status code of a request of demo.
ask() {
    local out=$BATS_TEST_TMPDIR/$1
    shift
    sluice sandbox exec "${box:-demo}" -- curl -sS -o /dev/null -w '%{http_code}\n%{http_connect}' "$@" >"$out" 2>&1 3>&- &
    asked=$!
}
# got OUTPUT CODE: waits for the end of what ask began, whose code that is.
got() { wait "$asked" || true; [ "$(head -1 "$BATS_TEST_TMPDIR/$1")" = "$2" ]; }
# waiting FILTER N: until the chunk for which the filter holds has so many requests waiting.  Its id is $chunk.
waiting() {
    until_so "[ \"\$(sluice rule get ${box:-demo} -o json | jq '[.chunks[] | select($1) | .waiting] | add')\" = $2 ]"
    chunk=$(sluice rule get "${box:-demo}" -o json | jq -r "first(.chunks[] | select($1)) | .id")
}
approve() { sluice -q rule approve "${box:-demo}" --chunk-id "$chunk"; }
reject() { sluice -q rule reject "${box:-demo}" --chunk-id "$chunk"; }
# rules RULES: requests to api.test are inspected by these.
rules() {
    printf 'version: 1\nnetwork_policies:\n  api:\n    binaries: [{path: "/usr/**"}]\n    endpoints: [{host: api.test, port: 443, allowed_ips: [10.77.0.0/24], enforcement: enforce, %s}]\n' \
        "$1" >"$BATS_TEST_TMPDIR/rules.yaml"
    sluice -q policy set demo --policy "$BATS_TEST_TMPDIR/rules.yaml" --wait
}

@test "a tunnel and a forwarded request wait, are shown, and go on once they are approved" {
    ask tunnel -p http://tunnel.test:8080/
    waiting '.host == "tunnel.test"' 1
    [ ! -s "$BATS_TEST_TMPDIR/tunnel" ]
    wait_event demo held ".host == \"tunnel.test\" and .waiting == 1 and .draft == \"$chunk\""
    run -0 sluice rule get demo
    [[ "$output" == *"Waiting:    1 held request"* ]]
    until_so "sluice logs demo | grep -q 'NET:OPEN .MED. HELD .* tunnel.test:8080 .*reason:'"
    approve
    got tunnel 200
    waiting '.host == "tunnel.test"' 0
    wait_event demo held '.host == "tunnel.test" and .waiting == 0'
    ask forward -d body http://forward.test:8080/
    waiting '.host == "forward.test"' 1
    approve
    got forward 200
}

@test "a rejection is the usual refusal with its cure, at once, and so is what comes after it" {
    sluice sandbox exec demo -- curl -sS http://reject.test:8080/ >"$BATS_TEST_TMPDIR/answer" 3>&- &
    asked=$!
    waiting '.host == "reject.test"' 1
    reject
    wait "$asked"
    [ "$(jq -c '[.error, .cure.operations[0].add_rule.rule.endpoints[0].host]' "$BATS_TEST_TMPDIR/answer")" = '["policy_denied","reject.test"]' ]
    [ "$(sluice sandbox exec demo -- curl -sS -o /dev/null -w '%{http_code}' http://reject.test:8080/)" = 403 ]
}

@test "the time ends with the usual refusal, and a setting of nothing ends it for all" {
    sluice -q sandbox create --name short --hold 300ms
    [ "$(sluice sandbox exec short -- curl -sS -o /dev/null -w '%{http_code}' http://late.test:8080/)" = 403 ]
    until_so "[ \"\$(sluice rule get short -o json | jq -c '[.chunks[] | [.host, .waiting]]')\" = '[[\"late.test\",0]]' ]"
    sluice -q sandbox set short --hold 10m
    box=short ask live http://live.test:8080/
    box=short waiting '.host == "live.test"' 1
    sluice -q sandbox set short --hold 0
    box=short got live 403
    sluice -q sandbox delete short
}

@test "requests within TLS wait: curl by HTTP/1.1 and HTTP/2, Python, and each is approved alone" {
    rules 'protocol: rest, access: read-only'
    ask one --http1.1 -d x https://api.test/one
    first=$asked
    waiting '.path == "/one"' 1
    ask two --http2 -d x https://api.test/two
    second=$asked
    waiting '.path == "/two"' 1
    sluice sandbox exec demo -- python3 -c '
import urllib.request as u
print(u.urlopen(u.Request("https://api.test/three", data=b"x")).status)' >"$BATS_TEST_TMPDIR/three" 2>&1 3>&- &
    third=$!
    waiting '.path == "/three"' 1
    run ! grep -q POST "$state/counts"
    waiting '.path == "/two"' 1
    approve
    asked=$second got two 200
    waiting '.path == "/three"' 1
    approve
    wait "$third"
    [ "$(head -1 "$BATS_TEST_TMPDIR/three")" = 200 ]
    waiting '.path == "/one"' 1
    reject
    asked=$first got one 403
    [ "$(cut -d' ' -f2- "$state/counts" | sort -u)" = $'POST /three\nPOST /two' ]
}

@test "a GraphQL operation waits with its body" {
    rules 'protocol: graphql, rules: [{allow: {operation_type: query}}]'
    ask graphql -H 'Content-Type: application/json' -d '{"query":"mutation Add { add }"}' https://api.test/graphql
    waiting '.operation == "mutation Add"' 1
    approve
    got graphql 200
}

@test "a WebSocket upgrade waits" {
    rules 'protocol: rest, rules: [{allow: {method: GET, path: /none}}]'
    ask socket --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
        -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' https://api.test/socket
    waiting '.path == "/socket"' 1
    approve
    got socket 200
}

@test "a program without a proxy waits in its connect" {
    plain demo python3 -u -c '
import socket
try: socket.create_connection(("bare.test", 8080)); print("connected")
except OSError as e: print(e.strerror)' >"$BATS_TEST_TMPDIR/bare" 3>&- &
    asked=$!
    waiting '.host == "bare.test"' 1
    [ ! -s "$BATS_TEST_TMPDIR/bare" ]
    approve
    wait "$asked"
    [ "$(cat "$BATS_TEST_TMPDIR/bare")" = connected ]
    plain demo bash -c 'exec 4<>/dev/tcp/bare.test/8080' >"$BATS_TEST_TMPDIR/bare" 2>&1 3>&- &
    asked=$!
    waiting '.host == "bare.test" and .binary == "/usr/bin/bash"' 1
    reject
    wait "$asked" || true
    [[ "$(cat "$BATS_TEST_TMPDIR/bare")" == *"Connection refused"* ]]
}

@test "a client that is gone waits no more, nor does one whose sandbox stops" {
    sluice -q sandbox create --name brief --hold 10m
    box=brief ask gone --max-time 1 http://gone.test:8080/
    box=brief waiting '.host == "gone.test"' 1
    box=brief waiting '.host == "gone.test"' 0
    box=brief ask stop http://stop.test:8080/
    box=brief waiting '.host == "stop.test"' 1
    sluice -q sandbox stop brief
    wait "$asked" || true
    [ "$(sluice rule get brief -o json | jq '[.chunks[].waiting] | add')" = 0 ]
    sluice -q sandbox delete brief
}

@test "it waits while the gateway is away, and the approval comes after that" {
    # The command's output goes by way of the gateway: the origin tells whether the request came through.
    sluice sandbox exec demo -- sh -c 'curl -sS -o /dev/null -w "%{http_code}" http://other.test:8080/ >/sandbox/answer & echo' >/dev/null
    waiting '.host == "other.test"' 1
    stop_gateway KILL
    start_gateway --config "$state/sluice.yaml"
    waiting '.host == "other.test"' 1
    approve
    until_so '[ "$(sluice sandbox exec demo -- cat /sandbox/answer)" = 200 ]'
}

@test "in approval mode auto the first request passes after the vote" {
    sluice -q sandbox create --name auto --hold 10m --approval-mode auto
    # No packet leaves: it is allowed, and then cannot be reached.
    run -0 sluice sandbox exec auto -- curl -sS -o /dev/null -w '%{http_code}' http://public.test:8080/
    [ "$output" = 502 ]
    [ "$(sluice rule get auto -o json | jq -c '[.chunks[] | [.host, .status]]')" = '[["public.test","approved"]]' ]
    until_so "sluice logs auto | grep -q 'ALLOWED .*public.test:8080'"
    run ! grep -q DENIED <(sluice logs auto)
    sluice -q sandbox delete auto
}
