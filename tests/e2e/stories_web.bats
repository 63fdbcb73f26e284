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
    printf 'egress:\n  extra_ca: %s\n  hosts: {api.test: 10.77.0.2}\n' "$state/ca.pem" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; clients=$top/tests/fixtures/clients; : >"$state/counts"; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

put() {            # put FILE NAME: a copy in the sandbox's folder
    sluice sandbox exec demo -- sh -c "cat >/sandbox/$2; chmod 755 /sandbox/$2" <"$1"
}

allow_reading() {  # allow_reading PROGRAM: it may read api.test, and nobody else may reach it
    sluice policy set demo --policy - --wait <<YAML
version: 1
network_policies:
  api:
    endpoints: [{host: api.test, port: 443, protocol: rest, enforcement: enforce, access: read-only, allowed_ips: [10.77.0.0/24]}]
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

@test "Python with requests" {
    /usr/bin/python3 -c 'import requests' || skip "python3-requests is not installed"
    put "$clients/fetch.py" fetch.py
    reads_only "/usr/bin/python3*" python3 /sandbox/fetch.py https://api.test/client
}

@test "Node" {
    [ -x /usr/bin/node ] || skip "nodejs is not installed"
    put "$clients/fetch.js" fetch.js
    reads_only /usr/bin/node node /sandbox/fetch.js https://api.test/client
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
}

@test "Java" {
    [ -x /usr/bin/javac ] || skip "default-jdk-headless is not installed"
    javac -d "$BATS_TEST_TMPDIR" "$clients/Fetch.java"
    put "$BATS_TEST_TMPDIR/Fetch.class" Fetch.class
    reads_only "/usr/lib/jvm/**" java -cp /sandbox Fetch https://api.test/client
}
