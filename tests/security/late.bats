#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Requests whose head comes while somebody may do something, and whose body comes when they may no more.

load ../e2e/helper.bash

setup_file() {
    load ../e2e/helper.bash
    export state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    cat >"$state/sluice.yaml" <<YAML
listen: ["unix:$state/sluice.sock", "tcp:127.0.0.1:7070"]
auth: {roles: {nobody: [gateway.read]}}
YAML
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name shop
}

setup() { state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

begin() {          # begin TOKEN METHOD PATH LENGTH: sends a head and returns when the gateway asks for the body
    local line
    exec {late}<>/dev/tcp/127.0.0.1/7070
    printf '%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: %s\r\n\r\n' \
        "$2" "$3" "$1" "$4" >&"$late"
    read -r -t 180 line <&"$late"
    [ "$line" = $'HTTP/1.1 100 Continue\r' ]
    read -r -t 180 line <&"$late"
}

finish() {         # finish BODY: sends it; $status and $answer are what comes back
    printf %s "$1" >&"$late"
    read -r -t 180 _ status _ <&"$late"
    answer=$(timeout 180 cat <&"$late")
    exec {late}>&-
}

@test "a token that was revoked meanwhile makes no other one" {
    token=$(sluice -q token create --role admin --name eve)
    body='{"role":"admin","name":"eve2"}'
    begin "$token" POST /v1/tokens ${#body}
    sluice -q token revoke eve
    finish "$body"
    [ "$status" = 401 ]
    [[ "$answer" == *"holds no more: its token or certificate was revoked"* ]]
    run ! grep -q eve2 <(sluice token list)
}

@test "whom a sandbox is shared with no longer does not stop it, and sees no log of it" {
    token=$(sluice -q token create --role nobody --name carl)
    sluice -q sandbox share shop --with carl --role user
    begin "$token" POST /v1/sandboxes/shop/stop 2
    stopping=$late
    begin "$token" GET /v1/sandboxes/shop/logs 2
    sluice -q sandbox unshare shop --with carl
    finish "{}"
    [ "$status" = 403 ] || { echo "$answer"; false; }
    late=$stopping
    finish "{}"
    [ "$status" = 403 ]
    [ "$(sluice sandbox get shop -o json | jq -r .phase)" = ready ]
}

@test "over gRPC the first message of a stream comes too late, too" {
    token=$(sluice -q token create --role admin --name mia)
    cat >"$BATS_TEST_TMPDIR/late.py" <<'PYTHON'
import sys
import grpc


def messages():
    sys.stdin.readline()
    command = b"\x0a\x04shop" + b"\x12\x04echo" + b"\x12\x04late"
    yield b"\x0a" + bytes([len(command)]) + command


channel = grpc.insecure_channel("127.0.0.1:7070")
call = channel.stream_stream("/openshell.v1.OpenShell/ExecSandboxInteractive")(
    messages(), timeout=60, metadata=[("authorization", "Bearer " + sys.argv[1])])
call.initial_metadata()
print("begun", flush=True)
try:
    print(*call)
except grpc.RpcError as error:
    print(error.code().name, error.details())
PYTHON
    mkfifo "$BATS_TEST_TMPDIR/go_on" "$BATS_TEST_TMPDIR/said"
    /usr/bin/python3 "$BATS_TEST_TMPDIR/late.py" "$token" <"$BATS_TEST_TMPDIR/go_on" >"$BATS_TEST_TMPDIR/said" 3>&- &
    exec {go_on}>"$BATS_TEST_TMPDIR/go_on" {said}<"$BATS_TEST_TMPDIR/said"
    read -r -t 180 line <&"$said"
    [ "$line" = begun ]
    sluice -q token revoke mia
    echo >&"$go_on"
    read -r -t 180 line <&"$said"
    exec {go_on}>&- {said}<&-
    [[ "$line" == UNAUTHENTICATED* ]]
}

@test "a request that is sent again with another token of the same name is not answered as before" {
    admin=$(sluice -q token create --role admin --name ann)
    cat >"$BATS_TEST_TMPDIR/again.py" <<'PYTHON'
import sys
import grpc
id = b"0b5f2a9e-8a52-4d7c-9a55-0f0f8f5d6a01"
request = b"\x0a\x04shop" + b"\x1a" + bytes([len(id)]) + id
try:
    grpc.insecure_channel("127.0.0.1:7070").unary_unary("/openshell.v1.OpenShell/StopSandbox")(
        request, timeout=60, metadata=[("authorization", "Bearer " + sys.argv[1])])
    print("OK")
except grpc.RpcError as error:
    print(error.code().name, error.details())
PYTHON
    run -0 /usr/bin/python3 "$BATS_TEST_TMPDIR/again.py" "$admin"
    [ "$output" = OK ]
    sluice -q token revoke ann
    viewer=$(sluice -q token create --role viewer --name ann)
    run -0 /usr/bin/python3 "$BATS_TEST_TMPDIR/again.py" "$viewer"
    [[ "$output" == PERMISSION_DENIED* ]]
}
