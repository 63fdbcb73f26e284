#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Which names are looked up for a workload, and which of their addresses it reaches.  The gateway's
# resolv.conf has a search domain whose owner answers for every name.

load helper.bash

setup_file() {
    load helper.bash
    state=$BATS_FILE_TMPDIR/state
    with_resolver $'nameserver 10.77.0.9\nsearch evil.test\noptions ndots:5' $'127.0.0.1 localhost\n10.77.0.2 hosted.test'
    listen python3 "$top/tests/e2e/nameserver.py" 10.77.0.9 "$BATS_FILE_TMPDIR/asked"
    start_origin
    start_gateway
    cat >"$state/names.yaml" <<'YAML'
version: 1
network_policies:
  names:
    endpoints: [{host: api.partner.test, port: 8080}, {host: partner, port: 8080}, {host: api.open.test, port: 8080},
        {host: dead.test, port: 8080}, {host: hosted.test, port: 8080}, {host: "*.silent.test", port: 8080},
        {host: "*.open.test", port: 8080}]
    binaries: [{path: "/**"}]
YAML
    sluice sandbox create --name names --policy "$state/names.yaml"
}
setup() { load helper.bash; state=$BATS_FILE_TMPDIR/state; asked=$BATS_FILE_TMPDIR/asked; }
teardown_file() { load helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

fetch() { sluice sandbox exec names -- curl -sS -w '%{http_code}' "http://$1:8080/"; }

@test "a judged name is asked for as it is, without the host's search domains" {
    for name in api.partner.test partner; do
        run fetch $name
        [[ "$output" == *"DNS resolution failed for $name:8080: there is no such name"*502 ]]
    done
    [ "$(sort -u "$asked")" = "$(printf '%s\n' 'api.partner.test A' 'api.partner.test AAAA' 'partner A' 'partner AAAA')" ]
}

@test "names are found in DNS and in the host's hosts file, by a supervisor that has given up its rights" {
    for name in api.open.test hosted.test; do
        run fetch $name
        [[ "$output" == *200 ]]
    done
    run ! grep hosted "$asked"
}

@test "names that nobody answers for delay no other one" {
    for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
        sluice sandbox exec names -- curl -sS -o /dev/null -w "silent %{http_code}\n" "http://n$n.silent.test:8080/" \
            >>"$BATS_TEST_TMPDIR/silent" 3>&- &
    done
    until_so '[ "$(grep silent "$asked" | sort -u | wc -l)" = 24 ]'
    run fetch api.open.test
    [[ "$output" == *200 ]]
    [ ! -s "$BATS_TEST_TMPDIR/silent" ]
    wait
    [ "$(sort -u "$BATS_TEST_TMPDIR/silent")" = "silent 504" ]
}

@test "an address that does not answer is passed over for the next one" {
    run sluice sandbox exec names -- curl -sS -o /dev/null -w '%{http_code}' http://dead.test:8080/
    [ "$output" = 200 ]
    dialled() { awk '/^Tcp: [0-9]/ { print $6 }' /proc/net/snmp; }
    before=$(dialled)
    sluice sandbox exec names -- sh -c 'for n in 1 2 3 4 5 6 7 8; do curl -sS -o /dev/null http://dead.test:8080/; done'
    [ $(($(dialled) - before)) -ge 8 ]
    [ $(($(dialled) - before)) -lt 16 ]                         # if it were forgotten, each would dial both
}
