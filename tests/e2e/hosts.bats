#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Sandboxes on other hosts: the gateway is on one side of a TLS connection, a host's agent with its own state folder on the other.

load helper

gateway=https://10.77.0.2:7443

setup_file() {
    export state=$BATS_FILE_TMPDIR/state h1=$BATS_FILE_TMPDIR/h1
    mkdir -p "$state" "$h1"
    sluice -q gateway init-tls "$state/tls" --host 10.77.0.2 >/dev/null
    cat >"$state/sluice.yaml" <<YAML
listen:
  - unix:$state/sluice.sock
  - {address: "tcp:10.77.0.2:7443", tls: {certificate: tls/server.pem, key: tls/server.key}}
  - {address: "tcp:127.0.0.1:7070"}
YAML
    start_gateway --config "$state/sluice.yaml"
    start_origin
    first_rule >"$state/first-rule.yaml"
    token h1
    start_host h1 --label zone=eu --capacity 4
}

teardown_file() {
    teardown_all
    local pid
    for pid in $(cat "$BATS_FILE_TMPDIR"/*/agent.pid 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
}

token() {          # token NAME: of the host with that name, in its folder
    mkdir -p "$BATS_FILE_TMPDIR/$1"
    (umask 077 && sluice token create --name "$1" --role host -o json | jq -r .token >"$BATS_FILE_TMPDIR/$1/token")
}

# start_host NAME [OPTION...]: its agent, whose first gateway answers nobody; returns when it is registered.
start_host() {
    local name=$1 folder=$BATS_FILE_TMPDIR/$1
    shift
    sluice-supervisor host --gateway "https://127.0.0.1:9,$gateway" --ca "$state/tls/ca.pem" --token-file "$folder/token" \
        --state-dir "$folder/state" "$@" 2>>"$folder/agent.log" 3>&- &
    echo $! >"$folder/agent.pid"
    until_so "[ \"\$(host_is $name)\" = ready ]"
}

host_is() {        # host_is NAME: its state, as the gateway has it
    sluice host list -o json | jq -r --arg n "$1" '.hosts[] | select(.name == $n) | .state'
}

# refused_host TEXT OPTION...: an agent says TEXT and ends by itself, or is ended.
refused_host() {
    local text=$1 pid
    shift
    : >"$BATS_TEST_TMPDIR/refused"
    sluice-supervisor host --ca "$state/tls/ca.pem" --token-file "$h1/token" --state-dir "$BATS_TEST_TMPDIR/state" "$@" \
        2>"$BATS_TEST_TMPDIR/refused" 3>&- &
    pid=$!
    until_so "grep -qF \"$text\" $BATS_TEST_TMPDIR/refused || ended $pid"
    kill "$pid" 2>/dev/null || true
    wait "$pid" || true
    grep -qF "$text" "$BATS_TEST_TMPDIR/refused" || { cat "$BATS_TEST_TMPDIR/refused" >&2; return 1; }
}

@test "a sandbox runs on a host: its policy, its refusals, its commands and its log come and go there" {
    run -0 sluice sandbox create --name far --host h1 --policy "$state/first-rule.yaml" --env COLOUR=red
    [ "$(sluice sandbox get far -o json | jq -r '"\(.host) \(.phase)"')" = "h1 ready" ]
    id=$(sluice sandbox get far -o json | jq -r .id)
    [ -e "$h1/state/sandboxes/$id/spec.json" ]
    [ ! -e "$state/sandboxes/$id/spec.json" ]
    [ "$(stat -c %a "$h1/state/sandboxes/$id/spec.json")" = 600 ]
    run -0 sluice sandbox exec far -- sh -c 'echo $COLOUR; cat'  <<<"through both"
    [ "$output" = $'red\nthrough both' ]
    [ "$(knock far)" = 200 ]
    first_rule | sed 's/8080/8081/g' >"$BATS_TEST_TMPDIR/other.yaml"
    run -0 sluice policy set far --policy "$BATS_TEST_TMPDIR/other.yaml" --wait
    [ "$(knock far || true)" = 000 ] || [ "$(knock far)" = 403 ]
    wait_event far denial '.host == "10.77.0.2" and .port == 8080'
    run -0 sluice policy set far --policy "$state/first-rule.yaml" --wait
    [ "$(knock far)" = 200 ]
    until_so "sluice logs far | grep -q '10.77.0.2:8080'"
}

@test "a grant for a while counts by the wall clock, as a host was booted at another time" {
    run -0 sluice sandbox create --name while --host h1
    run ! sluice sandbox exec while -- curl -sSf "$url"
    run -0 sluice rule approve while --chunk-id "$(propose while)" --for 1h --wait
    [ "$(knock while)" = 200 ]
    run -0 python3 -c 'import sqlite3, sys; print([r[0] for r in sqlite3.connect(sys.argv[1]).execute("SELECT grant_json FROM draft WHERE grant_json LIKE \"%expires_at_ms%\"")])' "$state/sluice.db"
    echo "$output" >&2
    [[ "$output" == *'"for_ms":3600000'* && "$output" != *boot* ]]
    sluice -q sandbox delete while
}

@test "a host on which no sandbox can be made says why, at once" {
    token h3
    echo 1 >"$BATS_TEST_TMPDIR/masked"
    unshare --mount sh -c 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec sluice-supervisor "$@"' "$BATS_TEST_TMPDIR/masked" \
        host --gateway "$gateway" --ca "$state/tls/ca.pem" --token-file "$BATS_FILE_TMPDIR/h3/token" \
        --state-dir "$BATS_FILE_TMPDIR/h3/state" 2>>"$BATS_FILE_TMPDIR/h3/agent.log" 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/h3/agent.pid"
    until_so '[ "$(host_is h3)" = ready ]'
    for i in 1 2 3; do
        run -1 sluice sandbox create --name "masked$i" --host h3
        [[ "$output" == *"/proc is partly masked here"* ]]
    done
    kill "$(cat "$BATS_FILE_TMPDIR/h3/agent.pid")"
}

@test "nothing of a host is in a sandbox: its state, its token, its socket" {
    run sluice sandbox exec far -- sh -c "ls $h1/state $h1/token; echo; ls /"
    [[ "$output" != *"supervisors.sock"* && "$output" != *"spec.json"* ]]
    run ! grep -sqFf "$h1/token" /proc/[0-9]*/cmdline
}

@test "host list shows the host, and create chooses by name, by label and by load" {
    run -0 sluice host list
    [[ "$output" == *"NAME"*"STATE"*"SANDBOXES"*"h1"*"ready"*"1 of 4"*"zone=eu"* ]]
    run -0 sluice sandbox create --name near
    [ "$(sluice sandbox get near -o json | jq -r .host)" = "" ]
    run -0 sluice sandbox create --name label --host zone=eu
    [ "$(sluice sandbox get label -o json | jq -r .host)" = h1 ]
    token h2
    start_host h2 --capacity 1
    run -0 sluice sandbox create --name any --host '*'
    [ "$(sluice sandbox get any -o json | jq -r .host)" = h2 ]
    run -1 sluice sandbox create --name full --host h2
    [[ "$output" == *"the host h2 has room for 1 sandboxes, and has as many"* ]]
    run -1 sluice sandbox create --name nowhere --host h9
    [[ "$output" == *"there is no host 'h9': sluice host list shows the hosts of this gateway"* ]]
    run -1 sluice sandbox create --name nowhere --host zone=mars
    [[ "$output" == *"no host that has zone=mars takes a further sandbox"* ]]
    sluice -q sandbox delete near label any
    kill "$(cat "$BATS_FILE_TMPDIR/h2/agent.pid")"
    until_so '[ "$(host_is h2)" = away ]'
    run -1 sluice sandbox create --name nowhere --host h2
    [[ "$output" == *"the host h2 is away; it was last seen "* ]]
}

@test "an agent that is killed leaves its sandboxes enforcing; the next one finds them" {
    kill -9 "$(cat "$h1/agent.pid")"
    until_so '[ "$(host_is h1)" = away ]'
    run -1 sluice sandbox delete far
    [[ "$output" == *"is on the host h1, which is away"* ]]
    sluice policy set far --policy <(first_rule | sed 's/8080/8081/g')
    start_host h1 --label zone=eu --capacity 4
    until_so '[ "$(sluice sandbox get far -o json | jq -c "[.policy_revision == .loaded_revision, .phase]")" = "[true,\"ready\"]" ]'
    run ! sluice sandbox exec far -- curl -sSf "$url"
    sluice policy set far --policy "$state/first-rule.yaml" --wait
    [ "$(knock far)" = 200 ]
}

@test "an agent that is silent is away, and is back when it speaks" {
    kill -STOP "$(cat "$h1/agent.pid")"
    until_so '[ "$(host_is h1)" = away ]'
    run -1 sluice sandbox create --name nowhere --host h1
    [[ "$output" == *"the host h1 is away; it was last seen "* ]]
    kill -CONT "$(cat "$h1/agent.pid")"
    until_so '[ "$(host_is h1)" = ready ]'
    until_so 'sluice sandbox exec far -- true 2>/dev/null'
}

@test "a gateway that is killed finds the sandboxes of its hosts again" {
    pid=$(pgrep -f "spec $h1/state/sandboxes/")
    stop_gateway KILL
    start_gateway --config "$state/sluice.yaml"
    until_so '[ "$(host_is h1)" = ready ]'
    until_so 'sluice sandbox exec far -- true 2>/dev/null'
    [ "$(knock far)" = 200 ]
    [ "$(pgrep -f "spec $h1/state/sandboxes/")" = "$pid" ]
}

@test "stop and start, and a supervisor that is killed" {
    run -0 sluice sandbox stop far
    run ! pgrep -f "spec $h1/state/sandboxes/"
    run -0 sluice sandbox start far
    [ "$(knock far)" = 200 ]
    kill -9 "$(pgrep -f "spec $h1/state/sandboxes/")"
    until_so '[ "$(sluice sandbox get far -o json | jq -r .phase)" = error ]'
    [[ "$(sluice sandbox get far -o json | jq -r .error)" == *"on the host h1 ended unexpectedly"* ]]
    run -0 sluice sandbox start far
    [ "$(knock far)" = 200 ]
}

@test "a host that is refused says why" {
    refused_host "is not encrypted: policies and credentials would cross the network in clear text; use https://" --gateway http://10.77.0.2:7443
    refused_host "a gateway is https://HOST:PORT, not '10.77.0.2:7443'" --gateway 10.77.0.2:7443
    refused_host "the name 'h1' is taken by another host, which is connected from tcp:10.77.0.2:" --gateway "$gateway"
    refused_host "cannot be reached: unable to get local issuer certificate" --gateway "$gateway" --ca /etc/ssl/certs/ca-certificates.crt
    sluice token create --name reader --role viewer -o json | jq -r .token >"$BATS_TEST_TMPDIR/reader"
    chmod 600 "$BATS_TEST_TMPDIR/reader"
    refused_host "HTTP status 403: the role viewer may not do this, as it lacks the permission host.manage" --gateway "$gateway" --token-file "$BATS_TEST_TMPDIR/reader"
    chmod 644 "$BATS_TEST_TMPDIR/reader"
    refused_host "has the host's token, and others may read it: chmod 600" --gateway "$gateway" --token-file "$BATS_TEST_TMPDIR/reader"
}

@test "a host's token is for its stream alone" {
    SLUICE_TOKEN=$(cat "$h1/token") run -1 sluice --gateway "$gateway" --ca "$state/tls/ca.pem" sandbox list
    [[ "$output" == *"the role host may not do this"* ]]
    SLUICE_TOKEN=$(cat "$h1/token") run -1 sluice --gateway "$gateway" --ca "$state/tls/ca.pem" host list
    [[ "$output" == *"the role host may not do this"* ]]
}

@test "delete leaves nothing on the host, also when it was away" {
    id=$(sluice sandbox get far -o json | jq -r .id)
    run -0 sluice sandbox delete far
    [ ! -e "$h1/state/sandboxes/$id" ]
    [ ! -e "$state/sandboxes/$id" ]
}
