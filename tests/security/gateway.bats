#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is in a sandbox must not reach the gateway's interface, by any way, not even where it runs under
# the gateway's own uid, as it does for an ordinary user.

load ../e2e/helper.bash

setup_file() {
    load ../e2e/helper.bash
    root=$BATS_FILE_TMPDIR
    mkdir -p "$root/public" "$root/state" "$root/client"
    if [ "$(id -u)" -eq 0 ]; then
        chown 1000:1000 "$root"/*
        chmod 755 "$BATS_RUN_TMPDIR" "$root"
        as="setpriv --reuid 1000 --regid 1000 --clear-groups"
    fi
    export root as SLUICE_GATEWAY=unix:$root/public/gateway.sock XDG_STATE_HOME=$root/client
    start_ordinary
    cat >"$root/policy.yaml" <<YAML
version: 1
filesystem_policy:
  read_only: [/usr, /lib, /etc, /proc, $root]
  read_write: [$root/public, /tmp]
network_policies:
  gateway:
    endpoints: [{host: 10.77.0.3, port: 7070}, {host: 10.77.0.4, port: 7072}]
    binaries: [{path: /usr/bin/curl}]
YAML
    $as sluice sandbox create --name inmate --policy "$root/policy.yaml"
}

# A gateway of an ordinary user that listens wherever it can.
start_ordinary() {
    rm -f "$root/ready"
    mkfifo "$root/ready"
    $as sluiced --state-dir "$root/state" --listen "unix:$root/public/gateway.sock" --listen tcp:10.77.0.3:7070 \
        --listen tcp:127.0.0.1:7071 --listen tcp:0.0.0.0:7072 >"$root/ready" 2>>"$root/gateway.log" 3>&- &
    echo $! >"$root/gateway.pid"
    read -r -t 180 _ <"$root/ready"
}

end_ordinary() {
    kill "$(cat "$root/gateway.pid")"
    wait_gone "$(cat "$root/gateway.pid")"
}

teardown_file() {
    $as sluice sandbox delete inmate || true
    end_ordinary
}

inmate() { $as sluice sandbox exec inmate -- "$@"; }

ask_socket() { inmate curl -sS --unix-socket "$root/public/gateway.sock" http://localhost/v1/status; }

@test "a socket in a folder that the policy lists is not there, and neither is the state" {
    run ! inmate ls "$root/state"
    run ! inmate stat -c %F "$root/public/gateway.sock"
    run -7 ask_socket
}

@test "an address of this host that the policy lists leads to the gateway, but to no rights there" {
    for gateway in 10.77.0.3:7070 10.77.0.4:7072; do
        run -0 inmate curl -sS -o /dev/null -w '%{http_code}' "http://$gateway/v1/status"
        [ "$output" = 401 ]
        run -0 inmate curl -sSp -o /dev/null -w '%{http_code}' "http://$gateway/v1/status"
        [ "$output" = 401 ]
    done
}

@test "the loopback addresses of this host cannot be reached, in no spelling" {
    for gateway in localhost:7071 localhost.:7071 '[::ffff:127.0.0.1]:7071' '[::1]:7071' 0.0.0.0:7072 127.0.0.1:7071; do
        run inmate curl -gsSp -o /dev/null --noproxy '' -w '%{http_connect}' "http://$gateway/v1/status"
        [[ "$output" == *403* ]]
    done
}

@test "a rule for a loopback address is refused before it is one" {
    printf 'version: 1\nnetwork_policies: {g: {endpoints: [{host: 127.0.0.1, port: 7071}], binaries: [{path: "/**"}]}}\n' >"$root/loop.yaml"
    run -1 $as sluice policy set inmate --policy "$root/loop.yaml"
    [[ "$output" == *"127.0.0.1"*"always blocked"* ]]
}

@test "a socket that a restarted gateway makes anew is not there either, and who is in another user namespace is nobody to it" {
    end_ordinary
    start_ordinary
    run ! inmate stat -c %F "$root/public/gateway.sock"
    run -7 ask_socket
    run -0 $as unshare --user --map-root-user curl -sS --unix-socket "$root/public/gateway.sock" http://localhost/v1/status
    [ "$(jq .status <<<"$output")" = 401 ]
    [[ "$output" == *"another user namespace, such as a sandbox"* ]]
    run -0 $as curl -sS --unix-socket "$root/public/gateway.sock" http://localhost/v1/status
    [ "$(jq -r .status <<<"$output")" = connected ]
}
