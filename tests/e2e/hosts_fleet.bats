#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A host and two gateways on one store in PostgreSQL: the host changes its gateway, and nothing else changes.

setup_file() {
    load helper
    db=$BATS_FILE_TMPDIR/db a=$BATS_FILE_TMPDIR/a b=$BATS_FILE_TMPDIR/b h1=$BATS_FILE_TMPDIR/h1
    export db a b h1 pg="postgresql://sluice@/postgres?host=$BATS_FILE_TMPDIR/db" PGUSER=sluice PGHOST=$BATS_FILE_TMPDIR/db
    "$top/tests/lib/postgres" start "$db"
    start_origin
    mkdir -p "$a" "$b" "$h1"
    sluice -q gateway init-tls "$a/tls" --host 10.77.0.2 --host 10.78.1.1 --host 10.78.2.1 >/dev/null
    cp -r "$a/tls" "$b/tls"
    configure a 7443
    configure b 7444
    start b
    start a
    first_rule >"$a/first-rule.yaml"
    (umask 077 && sluice token create --name h1 --role host -o json | jq -r .token >"$h1/token")
    sluice-supervisor host --gateway "https://10.77.0.2:7443,https://10.77.0.2:7444" --ca "$a/tls/ca.pem" --token-file "$h1/token" \
        --state-dir "$h1/state" 2>>"$h1/agent.log" 3>&- &
    echo $! >"$h1/agent.pid"
    until_so '[ "$(host_is)" = ready ]'
}
setup() { load helper; state=$a; export SLUICE_GATEWAY=unix:$a/sluice.sock; }
teardown_file() {
    load helper
    state=$a stop_gateway || true
    state=$b SLUICE_GATEWAY=unix:$b/sluice.sock teardown_all
    kill "$(cat "$h1/agent.pid")" 2>/dev/null || true
    "$top/tests/lib/postgres" stop "$db"
}

configure() {      # configure a|b PORT
    cat >"$BATS_FILE_TMPDIR/$1/sluice.yaml" <<YAML
listen:
  - unix:$BATS_FILE_TMPDIR/$1/sluice.sock
  - {address: "tcp:0.0.0.0:$2", tls: {certificate: tls/server.pem, key: tls/server.key}}
YAML
}

start() {          # start a|b: that gateway
    state=$BATS_FILE_TMPDIR/$1
    start_gateway --config "$state/sluice.yaml" --store "$pg"
}

on_b() { SLUICE_GATEWAY=unix:$b/sluice.sock "$@"; }
host_is() { sluice host list -o json | jq -r '.hosts[] | select(.name == "h1") | .state'; }

@test "a sandbox of a host is known at both gateways" {
    run -0 sluice sandbox create --name far --host h1 --policy "$a/first-rule.yaml"
    [ "$(knock far)" = 200 ]
    until_so '[ "$(on_b sluice sandbox get far -o json 2>/dev/null | jq -c "[.host, .gateway_here]")" = "[\"h1\",false]" ]'
    first_rule | sed 's/8080/8081/g' >"$b/other.yaml"
    run -0 on_b sluice policy set far --policy "$b/other.yaml" --wait
    run ! sluice sandbox exec far -- curl -sSf "$url"
    run -0 on_b sluice policy set far --policy "$a/first-rule.yaml" --wait
    [ "$(knock far)" = 200 ]
}

@test "when its gateway is killed the host is at the other one within two seconds, and its sandboxes run on" {
    pid=$(pgrep -f "spec $h1/state/sandboxes/")
    took_ms sluice sandbox exec far -- true
    local usual=$ms
    state=$a stop_gateway KILL
    export SLUICE_GATEWAY=unix:$b/sluice.sock
    took_ms until_so 'sluice sandbox exec far -- true 2>/dev/null'
    [ "$ms" -lt $((2000 + 10 * usual)) ]
    [ "$(pgrep -f "spec $h1/state/sandboxes/")" = "$pid" ]
    [ "$(host_is)" = ready ]
    [ "$(knock far)" = 200 ]
    run -0 sluice policy set far --policy "$b/other.yaml" --wait
    run ! sluice sandbox exec far -- curl -sSf "$url"
}

@test "a gateway that comes back has the host again when the other one goes" {
    start a
    state=$b stop_gateway KILL
    export SLUICE_GATEWAY=unix:$a/sluice.sock
    until_so '[ "$(host_is)" = ready ]'
    until_so 'sluice sandbox exec far -- true 2>/dev/null'
    run ! sluice sandbox exec far -- curl -sSf "$url"
    run -0 sluice policy set far --policy "$a/first-rule.yaml" --wait
    [ "$(knock far)" = 200 ]
    state=$b
    start b
}

# ready_at a|b COMMAND...: what is done, and in $ms how long it took until that gateway told that the host is there.
ready_at() {
    local gateway=$BATS_FILE_TMPDIR/$1 line start from
    shift
    from=$(curl -sS --unix-socket "$gateway/sluice.sock" 'http://localhost/v1/events?follow=false' | sed -n 's/^id: //p' | tail -1)
    start=$EPOCHREALTIME
    "$@"
    while read -r line; do
        case $line in "data: "*'"ready"'*) ms=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000)); break ;; esac
    done < <(exec 2>/dev/null 3>&-; exec timeout 60 curl -sSN --unix-socket "$gateway/sluice.sock" -H "Last-Event-ID: $from" http://localhost/v1/events)
    [ -n "$ms" ]
}

@test "a gateway that is silent loses the host to the other one within two seconds; once it speaks again it knows" {
    local ms usual
    until_so '[ "$(host_is)" = ready ]'
    pid=$(pgrep -f "spec $h1/state/sandboxes/")
    took_ms sluice sandbox exec far -- true
    usual=$ms ms=
    ready_at b kill -STOP "$(cat "$a/gateway.pid")"
    echo "# changed in $ms ms" >&3
    [ "$ms" -lt $((2000 + 10 * usual)) ]
    until_so 'on_b sluice sandbox exec far -- true 2>/dev/null'
    run -0 on_b knock far
    [ "$output" = 200 ]
    run -0 on_b sluice policy set far --policy "$b/other.yaml" --wait
    run ! on_b sluice sandbox exec far -- curl -sSf "$url"
    kill -CONT "$(cat "$a/gateway.pid")"
    until_so '[ "$(host_is)" = away ]'
    until_so '[ "$(sluice sandbox get far -o json | jq -c "[.gateway_here, .phase]")" = "[false,\"ready\"]" ]'
    run -0 sluice policy set far --policy "$a/first-rule.yaml" --wait
    [ "$(on_b knock far)" = 200 ]
    [ "$(pgrep -f "spec $h1/state/sandboxes/")" = "$pid" ]
    ms=
    ready_at a kill -STOP "$(cat "$b/gateway.pid")"
    echo "# and back in $ms ms" >&3
    [ "$ms" -lt $((2000 + 10 * usual)) ]
    until_so 'sluice sandbox exec far -- true 2>/dev/null'
    kill -CONT "$(cat "$b/gateway.pid")"
    [ "$(knock far)" = 200 ]
    sluice audit verify
    on_b sluice audit verify
}

@test "a network that is cut is silence, too, and the sandbox enforces meanwhile" {
    local ms net n usual
    unshare -n sleep 1000 3>&- &
    net=$!
    echo "$net" >>"$BATS_FILE_TMPDIR/origins"
    until_so '[ "$(readlink /proc/$net/ns/net)" != "$(readlink /proc/self/ns/net)" ]'
    for n in 1 2; do
        ip link add "to$n" type veth peer name "up$n" netns "$net"
        ip addr add "10.78.$n.1/24" dev "to$n"
        ip link set "to$n" up
        nsenter -t "$net" -n sh -ec "ip link set lo up; ip addr add 10.78.$n.2/24 dev up$n; ip link set up$n up"
    done
    nsenter -t "$net" -n ip route add 10.77.0.2 via 10.78.2.1
    mkdir -p "$BATS_FILE_TMPDIR/h2"
    (umask 077 && sluice token create --name h2 --role host -o json | jq -r .token >"$BATS_FILE_TMPDIR/h2/token")
    nsenter -t "$net" -n sluice-supervisor host --gateway "https://10.78.1.1:7443,https://10.78.2.1:7444" --ca "$a/tls/ca.pem" \
        --token-file "$BATS_FILE_TMPDIR/h2/token" --state-dir "$BATS_FILE_TMPDIR/h2/state" 2>>"$BATS_FILE_TMPDIR/h2/agent.log" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    until_so '[ "$(sluice host list -o json | jq -r ".hosts[] | select(.name == \"h2\") | .state")" = ready ]'
    run -0 sluice sandbox create --name further --host h2 --policy "$a/first-rule.yaml"
    sluice sandbox exec --detach further -- sh -c 'while :; do curl -s -o /dev/null -w "%{http_code}\n" '"$url"' >>seen; curl -s -o /dev/null -w "%{http_code}\n" http://10.77.0.2:8081/ >>seen.other; done'
    took_ms sluice sandbox exec further -- true
    usual=$ms ms=
    ready_at b ip link set to1 down
    echo "# changed in $ms ms" >&3
    [ "$ms" -lt $((2000 + 10 * usual)) ]
    until_so 'on_b sluice sandbox exec further -- true 2>/dev/null'
    [ "$(on_b sluice sandbox exec further -- sort -u seen)" = 200 ]
    [ "$(on_b sluice sandbox exec further -- sort -u seen.other)" = 403 ]
    until_so '[ "$(sluice host list -o json | jq -r ".hosts[] | select(.name == \"h2\") | .state")" = away ]'
    on_b sluice -q sandbox delete further
}

@test "delete leaves nothing" {
    SLUICE_GATEWAY=unix:$a/sluice.sock run -0 sluice sandbox delete far
}
