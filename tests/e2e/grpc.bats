#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# HTTP/2 on the gateway's own listeners: its API by curl, beside HTTP/1.1.

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
