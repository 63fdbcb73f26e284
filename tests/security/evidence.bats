#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a workload did stays on record, however much it does afterwards and whatever ends.

load ../e2e/helper.bash

setup_file() {
    load ../e2e/helper.bash
    state=$BATS_FILE_TMPDIR/state
    start_origin
    mkdir -p "$state"
    printf 'egress: {hosts: {origin.test: [10.77.0.2], other.test: [10.77.0.2]}}\n' >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    cat >"$state/policy.yaml" <<'YAML'
version: 1
network_policies:
  web:
    endpoints: [{host: origin.test, port: 8080}, {host: other.test, port: 8080}]
    binaries: [{path: /usr/bin/curl}, {path: /usr/bin/perl}]
YAML
}
setup() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

folder_of() { echo "$state/sandboxes/$(sluice sandbox get "$1" -o json | jq -r .id)"; }

# flood NAME COUNT REQUEST: the sandbox sends a request, in perl's printf form with one number, again and again.
flood() {
    sluice sandbox exec "$1" -- perl -e 'use Socket; my ($count, $form) = @ARGV; for $n (1..$count) {
        socket($s, PF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in(3128, inet_aton("10.200.0.1"))) or die;
        syswrite($s, sprintf($form, $n)); sysread($s, $a, 99); close($s) }' "$2" "$3"
}

# counted NAME VERDICT HOST: how often, on record.
counted() { sluice traffic "$1" --verdict "$2" -o json | jq "[.traffic[] | select(.host == \"$3\") | .count] | add // 0"; }

@test "neither refused nor permitted requests roll a permitted one out of log and record" {
    sluice sandbox create --name floods --policy "$state/policy.yaml"
    sluice sandbox exec floods -- curl -sS -o /dev/null http://other.test:8080/evidence
    yes "2026-01-01T00:00:00.000Z info  sluice-supervisor[refused]: DENIED $(printf '%01000d' 0)" | head -c 8M >>"$(folder_of floods)/supervisor.log"
    flood floods 300 $'CONNECT h%d.test:443 HTTP/1.1\r\nHost: h\r\n\r\n'
    [ "$(stat -c %s "$(folder_of floods)/supervisor.log")" -lt $((5 * 1024 * 1024)) ]
    grep -q 'ALLOWED .*other.test:8080/evidence' "$(folder_of floods)/supervisor.log"
    until_so '[ "$(counted floods allowed other.test)" = 1 ] && [ "$(counted floods refused h300.test)" = 1 ]'
    run -0 sluice traffic floods --verdict allowed
    [[ "$output" == *"allowed"*"other.test"*"/usr/bin/curl"*"web"* ]]
    [[ "$output" != *h300.test* ]]
    sluice logs floods | grep -q 'ALLOWED .*other.test:8080/evidence'
    flood floods 2000 $'GET http://origin.test:8080/%d HTTP/1.1\r\nHost: origin.test:8080\r\n\r\n'
    grep -q 'ALLOWED .*other.test:8080/evidence' "$(folder_of floods)/supervisor.log"
    until_so '[ "$(counted floods allowed origin.test)" = 2000 ]'
}

@test "a program's path does not make a line longer than a page" {
    sluice sandbox create --name wordy
    sluice sandbox exec wordy -- sh -c 'f=/tmp; for n in 1 2 3 4; do f=$f/$(printf "%0240d" 0 | tr 0 "\001"); done
        mkdir -p $f; cp /usr/bin/curl $f/curl; $f/curl -sS -o /dev/null http://origin.test:8080/'
    until_so 'grep -q "DENIED /tmp/.*\.\.\..*/curl(.* -> GET http://origin.test:8080/" "$(folder_of wordy)/supervisor.log"'
    [ "$(wc -L <"$(folder_of wordy)/supervisor.log")" -lt 2000 ]
}

@test "gateways that are killed at any time count every request once; logs and events outlive them" {
    sluice sandbox create --name counts --policy "$state/policy.yaml"
    sluice sandbox exec counts -- curl -sS -o /dev/null http://other.test:8080/before
    until_so 'sluice logs counts | grep -q other.test:8080/before'
    first=$(timeout 180 sluice events counts -o json | head -1)
    last=$(api GET '/v1/events?sandbox=counts&follow=false' | sed -n 's/^id: //p' | tail -1)
    mkfifo "$BATS_TEST_TMPDIR/said"
    for again in 1 2 3 4; do
        sluice sandbox exec counts -- sh -c 'echo begun; while :; do curl -sS -o /dev/null http://origin.test:8080/; done' \
            >"$BATS_TEST_TMPDIR/said" 2>/dev/null 3>&- &
        read -r -t 180 _ <"$BATS_TEST_TMPDIR/said"
        before=$(counted counts allowed origin.test)
        until_so '[ "$(counted counts allowed origin.test)" -gt "$before" ]'
        stop_gateway KILL
        start_gateway --config "$state/sluice.yaml"
    done
    until_so 'sluice sandbox exec counts -- true'
    until_so '[ "$(counted counts allowed origin.test)" = "$(grep -c "ALLOWED .* -> GET http://origin.test:8080/" "$(folder_of counts)/supervisor.log")" ]'
    [ "$(counted counts allowed other.test)" = 1 ]
    sluice logs counts | grep -q 'ALLOWED .*other.test:8080/before'
    [ "$(timeout 180 sluice events counts -o json | head -1)" = "$first" ]
    resumed=$(api GET '/v1/events?sandbox=counts&follow=false' -H "Last-Event-ID: $last")
    [[ "$resumed" != *reset* ]]
    [ "$(sed -n 's/^id: //p' <<<"$resumed" | sort -n | uniq -d | wc -l)" = 0 ]
    [ "$(sed -n 's/^id: //p' <<<"$resumed" | head -1)" -gt "$last" ]
}

@test "the record of a deleted sandbox can still be read" {
    sluice sandbox create --name gone --policy "$state/policy.yaml"
    sluice sandbox exec gone -- curl -sS -o /dev/null http://origin.test:8080/
    sluice sandbox delete gone
    [ "$(counted gone allowed origin.test)" = 1 ]
    run -1 sluice traffic nobody
    [[ "$output" == *"sandbox 'nobody' not found"* ]]
    [ "$(api GET '/v1/sandboxes/gone/traffic?verdict=maybe' | jq -r .detail)" = "query parameter verdict is one of allowed refused failed, not 'maybe'" ]
}
