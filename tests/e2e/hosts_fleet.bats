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
    sluice -q gateway init-tls "$a/tls" --host 10.77.0.2 >/dev/null
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
  - {address: "tcp:10.77.0.2:$2", tls: {certificate: tls/server.pem, key: tls/server.key}}
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
    SLUICE_GATEWAY=unix:$a/sluice.sock run -0 sluice sandbox delete far
}
