#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Inspected HTTP/2 with stock clients: curl and gRPC, to origins that speak HTTP/2 or HTTP/1.1.

bats_require_minimum_version 1.5.0

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -addext basicConstraints=critical,CA:TRUE \
        -keyout "$state/ca.key" -out "$state/ca.pem" 2>/dev/null
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=api.test -CA "$state/ca.pem" -CAkey "$state/ca.key" \
        -addext subjectAltName=DNS:api.test -keyout "$state/good.key" -out "$state/good.pem" 2>/dev/null
    cat "$state/good.pem" "$state/good.key" >"$state/good.both"
    run_origin python3 "$top/tests/e2e/tls_origin.py" 10.77.0.2 443 "$state/counts" "$state/good.both"
    run_origin python3 "$top/tests/e2e/tls_origin.py" 10.77.0.2 80 "$state/counts"
    run_origin /usr/bin/python3 "$top/tests/e2e/grpc_origin.py" 10.77.0.2 50051 "$state/good.pem" "$state/good.key"
    run_origin /usr/bin/python3 "$top/tests/e2e/grpc_origin.py" 10.77.0.2 50052
    run_nghttpx 8443 h2,http/1.1 good
    run_nghttpx 8444 h2 good
    cat >"$state/sluice.yaml" <<YAML
egress:
  extra_ca: $state/ca.pem
  hosts: {api.test: 10.77.0.2}
YAML
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; counts=$state/counts; : >"$counts"; : >"$state/access"; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

run_origin() {   # run_origin COMMAND...: it writes "up"
    local pipe
    pipe=$(mktemp -u "$state/up.XXXXXX")
    mkfifo "$pipe"
    "$@" >"$pipe" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    read -r -t 180 _ <"$pipe"
}

# rules PORT RULES: sets the policy of demo, for any program.
rules() {
    cat >"$state/rules.yaml" <<YAML
version: 1
network_policies:
  api:
    binaries: [{path: "/usr/**"}]
    endpoints: [{host: api.test, port: $1, protocol: rest, enforcement: enforce, allowed_ips: [10.77.0.0/24], $2}]
YAML
    sluice policy set demo --policy "$state/rules.yaml" --wait
}
inside() { sluice sandbox exec demo -- "$@"; }
grpc_rules() { rules "$1" "rules: [$(printf '{allow: {method: POST, path: /test.Service/%s}}, ' "${@:2}")]"; }
put_client() { inside sh -c 'cat >/tmp/grpc_client.py' <"$top/tests/e2e/grpc_client.py"; }

@test "curl by HTTP/2 to an origin that speaks it: a request passes, another is refused and says why, on one connection" {
    rules 8443 'access: read-only'
    run --separate-stderr -0 inside curl -sS --http2 -w '%{http_version} %{http_code} %{num_connects}\n' https://api.test:8443/a \
        --next -sS --http2 -d secret -w '%{http_version} %{http_code} %{num_connects}\n' https://api.test:8443/b \
        --next -sS --http2 -w '%{http_version} %{http_code} %{num_connects}\n' https://api.test:8443/c
    [ "${lines[0]}|${lines[1]}" = "GET /a|2 200 1" ]
    [ "$(jq -c '[.error,.rule]' <<<"${lines[2]}")" = '["policy_denied","POST /b"]' ]
    [ "${lines[3]}" = "2 403 0" ]
    [ "${lines[4]}|${lines[5]}" = "GET /c|2 200 0" ]
    [ "$(cut -d' ' -f2- "$counts")" = $'GET /a\nGET /c' ]
    [ "$(cut -d' ' -f2 "$state/access" | sort -u)" = h2 ]
    until_so "sluice logs demo | grep -q 'HTTP:POST .* DENIED .* POST https://api.test:8443/b .*engine:l7'"
}

@test "curl by HTTP/2 to an origin that speaks HTTP/1.1" {
    rules 443 'access: full'
    run --separate-stderr -0 inside curl -sS --http2 -w '%{http_version} %{http_code}\n' -d x https://api.test/one --next -sS --http2 -I -w '%{http_version} %{http_code}\n' -o /dev/null https://api.test/two
    [ "$output" = $'POST /one\n2 200\n2 200' ]
    [ "$(cut -d' ' -f2- "$counts")" = $'POST /one\nHEAD /two' ]
}

@test "curl by HTTP/1.1 to an origin that speaks HTTP/2, or both: a verdict for each request, on one connection" {
    for port in 8444 8443; do
        rules $port 'access: read-only'
        : >"$counts" >"$state/access"
        run --separate-stderr -0 inside curl -sS --http1.1 -w '%{http_version} %{http_code} %{num_connects}\n' https://api.test:$port/a \
            --next -sS --http1.1 -w '%{http_version} %{http_code} %{num_connects}\n' https://api.test:$port/b \
            --next -sS --http1.1 -d secret -o /dev/null -w '%{http_version} %{http_code} %{num_connects}\n' https://api.test:$port/c
        [ "$output" = $'GET /a\n1.1 200 1\nGET /b\n1.1 200 0\n1.1 403 0' ]
        [ "$(cut -d' ' -f2- "$counts")" = $'GET /a\nGET /b' ]
        [ "$(cut -d' ' -f2 "$state/access" | sort -u)" = h2 ]
        [ "$(cut -d' ' -f1 "$state/access" | sort -u | wc -l)" = 1 ]
    done
    rules 8444 'access: full'
    head -c 300000 /dev/zero | inside curl -sS --http1.1 --data-binary @- https://api.test:8444/up >"$BATS_TEST_TMPDIR/up"
    [ "$(cat "$BATS_TEST_TMPDIR/up")" = "POST /up" ]
}

@test "a request whose body voters look at reaches an origin that says its settings meanwhile" {
    mkdir -p -m 755 "$state/rules"
    chmod 755 "$state"
    echo 'return { inspect = function(r, ballot) return ballot:allow() end }' >"$state/rules/looks.lua"
    cp "$state/sluice.yaml" "$state/before.yaml"
    printf 'chain:\n  voters:\n    - {plugin: live_reload, isolation: inline}\n    - {script: %s, isolation: process}\n' "$state/rules/looks.lua" >>"$state/sluice.yaml"
    sluice plugin reload
    rules 8444 'access: full'
    for _ in 1 2 3 4 5 6 7 8; do
        head -c 300000 /dev/zero | inside curl -sS --http1.1 --data-binary @- https://api.test:8444/up >"$BATS_TEST_TMPDIR/up"
        [ "$(cat "$BATS_TEST_TMPDIR/up")" = "POST /up" ] || { cat "$BATS_TEST_TMPDIR/up"; return 1; }
    done
    mv "$state/before.yaml" "$state/sluice.yaml"
    sluice plugin reload
}

@test "curl by HTTP/2 without TLS to an origin that speaks HTTP/1.1, which sees no byte of the requests until that is known" {
    rules 80 'access: read-only'
    run --separate-stderr -0 inside curl -sS -p --http2-prior-knowledge -w '%{http_version} %{http_code}\n' http://api.test/a
    [ "$output" = $'GET /a\n2 200' ]
    run --separate-stderr -0 inside curl -sS -p --http2-prior-knowledge -d secret -o /dev/null -w '%{http_version} %{http_code}\n' http://api.test/b
    [ "$output" = "2 403" ]
    [ "$(cut -d' ' -f2- "$counts")" = "GET /a" ]
}

@test "fifty streams at once share a connection to the origin, or each has one of HTTP/1.1" {
    rules 8443 'access: read-only'
    run --separate-stderr -0 inside curl -sS --http2 --parallel --parallel-max 50 -w '%{http_version} %{http_code}\n' -o /dev/null 'https://api.test:8443/[1-50]'
    [ "$(sort <<<"$output" | uniq -c | xargs)" = "50 2 200" ]
    [ "$(grep -c ' h2 ' "$state/access")" = 50 ]
    [ "$(cut -d' ' -f1 "$state/access" | sort -u | wc -l)" = 1 ]
    rules 443 'access: read-only'
    : >"$counts"
    run --separate-stderr -0 inside curl -sS --http2 --parallel --parallel-max 50 -w '%{http_version} %{http_code}\n' -o /dev/null 'https://api.test/[1-50]'
    [ "$(sort <<<"$output" | uniq -c | xargs)" = "50 2 200" ]
    [ "$(wc -l <"$counts")" = 50 ]
}

@test "another host in a stream, or another scheme, is refused" {
    rules 8443 'access: read-only'
    run --separate-stderr -0 inside curl -sS --http2 -H 'Host: other.test' https://api.test:8443/
    [ "$(jq -r .error <<<"$output")" = request_authority_mismatch ]
    [ ! -s "$counts" ]
}

@test "HTTP/2 by prior knowledge, without TLS, has a verdict for each request" {
    put_client
    grpc_rules 50052 Echo
    run --separate-stderr -0 inside /usr/bin/python3 /tmp/grpc_client.py api.test:50052 plain Echo Drop
    [ "${lines[0]}" = "Echo OK 100000" ]
    [[ "${lines[1]}" == "Drop PERMISSION_DENIED "* ]]
}

@test "gRPC: methods are paths, trailers and streams pass, what no rule allows is PERMISSION_DENIED" {
    put_client
    grpc_rules 50051 Echo Fail Missing Chat
    run --separate-stderr -0 inside /usr/bin/python3 /tmp/grpc_client.py api.test:50051 tls Echo Drop Fail Missing Chat Many
    [ "${lines[0]}" = "Echo OK 100000" ]
    [[ "${lines[1]}" == "Drop PERMISSION_DENIED "* ]]
    [ "${lines[2]}" = "Fail FAILED_PRECONDITION not now: 100 % test" ]
    [[ "${lines[3]}" == "Missing UNIMPLEMENTED Method not found!"* ]]
    [ "${lines[4]}" = "Chat you said a, you said b" ]
    [ "${lines[5]}" = "Many 1225" ]
}

@test "a policy that allows one stream no more ends it, and the others of its connection go on" {
    put_client
    grpc_rules 50051 Watch Feed
    inside /usr/bin/python3 /tmp/grpc_client.py api.test:50051 tls Both >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    until_so '[ "$(grep -c began "$BATS_TEST_TMPDIR/said")" = 2 ]'
    grpc_rules 50051 Watch
    wait $!
    grep -q '^Feed ended ' "$BATS_TEST_TMPDIR/said"
    [ "$(tail -1 "$BATS_TEST_TMPDIR/said")" = "Watch goes on" ]
    until_so "sluice logs demo | grep -q '/test.Service/Feed'"
}

@test "WebSockets over HTTP/2: each message is judged, one that is refused ends its stream with 1008 and no other, whatever the origin speaks" {
    log=$BATS_TEST_TMPDIR/log
    /usr/bin/python3 "$top/tests/e2e/websocket_http2_server.py" 10.77.0.2 8445 "$log" "$state/good.pem" "$state/good.key" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    run_origin /usr/bin/python3 "$top/tests/e2e/websocket_server.py" 10.77.0.2 8446 "$log" "$state/good.both"
    until_so "grep -q 'LISTEN' <(ss -Hltn 'sport = 8445')"
    sluice policy set demo --wait --policy - <<YAML
version: 1
network_policies:
  chat:
    binaries: [{path: "/usr/**"}]
    endpoints:
      - {host: api.test, ports: [8445, 8446], protocol: websocket, enforcement: enforce, allowed_ips: [10.77.0.0/24],
         rules: [{allow: {method: GET, path: "/*"}}, {allow: {method: WEBSOCKET_TEXT, path: /chat}}]}
YAML
    inside sh -c 'cat >/tmp/client.py' <"$top/tests/e2e/websocket_http2_client.py"
    for port in 8445 8446; do
        : >"$log"
        run --separate-stderr -0 inside /usr/bin/python3 /tmp/client.py https://api.test:$port /chat=one /quiet=secret /chat=two /not/here=three
        [ "$output" = $'/chat one\n/quiet closed 1008 WEBSOCKET_TEXT /quiet not permitted by policy\n/chat two\n/not/here refused 403' ]
        until_so "grep -q 'closed $([ $port = 8445 ] || echo 1008)' '$log'"       # hypercorn does not tell which code it got
        run ! grep secret "$log"
        grep -q "$([ $port = 8446 ] || echo '2 ')text two" "$log"
    done
    until_so "sluice logs demo | grep -q 'HTTP:WEBSOCKET_TEXT .* DENIED .*WEBSOCKET_TEXT wss://api.test:8446/quiet .*engine:l7-websocket'"
    run ! grep secret <(sluice logs demo)
}
