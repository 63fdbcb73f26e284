#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# HTTP/2 on the gateway's own listeners, beside HTTP/1.1: its API by curl, and gRPC by a stock client.

load helper.bash

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    cat >"$state/sluice.yaml" <<YAML
listen: ["unix:$state/sluice.sock", "tcp:127.0.0.1:7070"]
tokens: [{name: somebody, sha256: $(printf secret | sha256sum | cut -d' ' -f1)}]
YAML
    start_gateway --config "$state/sluice.yaml"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

h2() {             # h2 PATH [CURL OPTION...]: by HTTP/2 on the Unix socket
    curl -sS --max-time 60 --http2-prior-knowledge --unix-socket "$state/sluice.sock" "http://localhost$1" "${@:2}"
}
h2_tcp() { curl -sS --max-time 60 --http2-prior-knowledge "http://127.0.0.1:7070$1" "${@:2}"; }

@test "the API answers by HTTP/2 as it does by HTTP/1.1" {
    [ "$(h2 /v1/status -o /dev/null -w '%{http_version} %{http_code}')" = "2 200" ]
    [ "$(h2 /v1/permissions)" = "$(api GET /v1/permissions)" ]
    [ "$(h2 /openapi.json)" = "$(api GET /openapi.json)" ]
    run -0 h2 /v1/sandboxes -H 'Content-Type: application/json' -d '{"name": 7}' -w '\n%{http_code}'
    [ "${lines[-1]}" = 422 ]
    [[ "$output" == *'"path":"name"'* ]]
    [ "$(h2 /v1/nothing -o /dev/null -w '%{http_code}')" = 404 ]
    [ "$(h2 /healthz -X DELETE -o /dev/null -w '%{http_code}')" = 405 ]
}

@test "by HTTP/2 too, a token or the Unix socket says who asks" {
    [ "$(h2_tcp /healthz)" = ok ]
    [ "$(h2_tcp /v1/status -o /dev/null -w '%{http_code}')" = 401 ]
    [ "$(h2_tcp /v1/status -H 'Authorization: Bearer wrong' -o /dev/null -w '%{http_code}')" = 401 ]
    [ "$(h2_tcp /v1/status -H 'Authorization: Bearer secret' | jq -r .status)" = connected ]
}

@test "events follow by HTTP/2" {
    sluice -q sandbox create --name seen
    run -0 grep -m1 '^id:' < <(exec 2>/dev/null 3>&-; h2 /v1/events -N -H 'Last-Event-ID: 0')
}

calls() { timeout 120 /usr/bin/python3 "$top/tests/e2e/grpc_calls.py" "$@"; }

@test "a stock gRPC client calls and watches, on the Unix socket and by TCP" {
    local target
    for target in "unix:$state/sluice.sock" 127.0.0.1:7070; do
        TOKEN=secret run -0 --separate-stderr calls "$target" check gzip watch deadline many streams
        [ "$output" = "check 0801
gzip 0801
watch 0801
watch CANCELLED
deadline 0801
deadline DEADLINE_EXCEEDED
many 1000
streams 99
beside 0801" ]
    done
}

@test "a stock gRPC client is told what is wrong with its calls" {
    run -0 --separate-stderr calls "unix:$state/sluice.sock" unknown missing long bomb check
    [ "$output" = "unknown UNIMPLEMENTED this gateway does not offer the service some.Service
missing UNIMPLEMENTED this gateway does not offer the method List of grpc.health.v1.Health
long RESOURCE_EXHAUSTED the message has more than 4096 bytes, which is the most that this method takes
bomb RESOURCE_EXHAUSTED the message would inflate to more than 4096 bytes, which is the most that this method takes
check 0801" ]
}

@test "a stock gRPC client is known by its token or its uid" {
    run -0 --separate-stderr calls 127.0.0.1:7070 check refused
    [ "$output" = "check 0801
watch UNAUTHENTICATED" ]
    TOKEN=wrong run -0 --separate-stderr calls 127.0.0.1:7070 refused
    [ "$output" = "watch UNAUTHENTICATED" ]
}
