#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Programs of several languages that know no proxy speak HTTPS: each request is judged, and the program needs no option.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    make_certificate ca "/CN=Authority of the test" "" -addext basicConstraints=critical,CA:TRUE
    make_certificate api "/CN=api.test" ca -addext subjectAltName=DNS:api.test
    start_tls_origin 10.77.0.2 443 api
    start_tls_origin 10.77.0.2 80
    run_nghttpx 8443 h2 api
    listen /usr/bin/python3 "$top/tests/e2e/grpc_origin.py" 10.77.0.2 50051 "$state/api.pem" "$state/api.key"
    printf 'egress:\n  extra_ca: %s\n  hosts: {api.test: 10.77.0.2}\n' "$state/ca.pem" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; clients=$top/tests/fixtures/clients; : >"$state/counts" >"$state/access"; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

put() {            # put FILE NAME: a copy in the sandbox's folder
    sluice sandbox exec demo -- sh -c "cat >/sandbox/$2; chmod 755 /sandbox/$2" <"$1"
}

allow_reading() {  # allow_reading PROGRAM: it may read api.test, and nobody else may reach it
    sluice policy set demo --policy - --wait <<YAML
version: 1
network_policies:
  api:
    endpoints: [{host: api.test, ports: [443, 8443], protocol: rest, enforcement: enforce, access: read-only, allowed_ips: [10.77.0.0/24]}]
    binaries: [{path: "$1"}]
YAML
}

# reads_only PROGRAM COMMAND...: PROGRAM may GET and not POST, and without the rule it does not connect.
reads_only() {
    echo 'version: 1' | sluice policy set demo --policy - --wait
    run -1 plain demo "${@:2}"
    [ ! -s "$state/counts" ]
    allow_reading "$1"
    run plain demo "${@:2}"
    [ "$output" = "200 403" ] || { echo "$output" >&2; return 1; }
    run -7 plain demo curl -sS https://api.test/curl
    [ "$(cut -d' ' -f2- "$state/counts")" = "GET /client" ]
}

# over_http2 ANSWER COMMAND...: PROGRAM may GET and not POST where the origin speaks nothing but HTTP/2; runs after reads_only.
over_http2() {
    : >"$state/counts" >"$state/access"
    run -0 plain demo "${@:2}"
    [ "$output" = "$1" ] || { echo "$output" >&2; return 1; }
    [ "$(cut -d' ' -f2- "$state/counts" | uniq)" = "GET /client" ]
    [ "$(cut -d' ' -f2- "$state/access" | uniq)" = "h2 GET /client HTTP/2" ]
}

@test "Python with requests" {
    /usr/bin/python3 -c 'import requests' || skip "python3-requests is not installed"
    put "$clients/fetch.py" fetch.py
    reads_only "/usr/bin/python3*" python3 /sandbox/fetch.py https://api.test/client
    over_http2 "200 403" python3 /sandbox/fetch.py https://api.test:8443/client
}

@test "Node" {
    [ -x /usr/bin/node ] || skip "nodejs is not installed"
    put "$clients/fetch.js" fetch.js
    put "$clients/fetch_http2.js" fetch_http2.js
    reads_only /usr/bin/node node /sandbox/fetch.js https://api.test/client
    over_http2 "200 403" node /sandbox/fetch.js https://api.test:8443/client
    over_http2 "200 403" node --no-warnings /sandbox/fetch_http2.js https://api.test:8443/client
}

@test "Go" {
    [ -x /usr/bin/go ] || skip "golang-go is not installed"
    # Debian's: it comes with the standard library compiled, others take a minute for it.
    GO111MODULE=off GOCACHE=$BATS_TEST_TMPDIR/cache /usr/bin/go build -o "$BATS_TEST_TMPDIR/fetch" "$clients/fetch.go"
    put "$BATS_TEST_TMPDIR/fetch" fetch
    for resolver in go cgo; do
        : >"$state/counts"
        reads_only /sandbox/fetch GODEBUG=netdns=$resolver /sandbox/fetch https://api.test/client
    done
    over_http2 "200 403 HTTP/2.0" /sandbox/fetch https://api.test:8443/client protocol
}

@test "Go gRPC" {
    [ -d /usr/share/gocode/src/google.golang.org/grpc ] || skip "golang-google-grpc-dev is not installed"
    # Its packages are compiled here, which takes a third less without optimization.
    GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$BATS_TEST_TMPDIR/cache /usr/bin/go build -ldflags='-s -w' -gcflags='google.golang.org/...=-N -l' \
        -gcflags='golang.org/...=-N -l' -gcflags='github.com/...=-N -l' -o "$BATS_TEST_TMPDIR/grpc" "$clients/grpc.go"
    put "$BATS_TEST_TMPDIR/grpc" grpc
    sluice policy set demo --policy - --wait <<YAML
version: 1
network_policies:
  api:
    binaries: [{path: /sandbox/grpc}]
    endpoints:
      - {host: api.test, port: 50051, protocol: rest, enforcement: enforce, allowed_ips: [10.77.0.0/24],
         rules: [{allow: {method: POST, path: /test.Service/Echo}}, {allow: {method: POST, path: /test.Service/Chat}}]}
YAML
    run -0 plain demo /sandbox/grpc api.test:50051 Echo Drop Chat
    [ "$output" = $'Echo OK 100000\nDrop PermissionDenied 0\nChat OK you said one you said two' ] || { echo "$output" >&2; false; }
}

@test "curl by HTTP/2 and by HTTP/1.1" {
    allow_reading /usr/bin/curl
    for version in 2 1.1; do
        over_http2 "200 $version 403" sh -c 'curl -sS -o /dev/null -w "%{http_code} %{http_version} " --http$1 $2 && curl -sS -o /dev/null -w "%{http_code}" -d x --http$1 $2' \
            sh $version https://api.test:8443/client
    done
}

@test "Java" {
    [ -x /usr/bin/javac ] || skip "default-jdk-headless is not installed"
    javac -d "$BATS_TEST_TMPDIR" "$clients/Fetch.java"
    put "$BATS_TEST_TMPDIR/Fetch.class" Fetch.class
    reads_only "/usr/lib/jvm/**" java -cp /sandbox Fetch https://api.test/client
}
