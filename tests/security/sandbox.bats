#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a hostile workload does to the programs that watch it: they stay in command.

load ../e2e/helper.bash

setup_file() {
    load ../e2e/helper.bash
    state=$BATS_FILE_TMPDIR/state
    start_origin
    start_gateway
    first_rule >"$state/first-rule.yaml"
}
setup() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

inmate() { sluice sandbox exec inmate -- "$@"; }

@test "denials of programs with paths as long as they can be do not break the supervisor's stream, however many wait" {
    sluice sandbox create --name inmate
    log=$state/sandboxes/$(sluice sandbox get inmate -o json | jq -r .id)/supervisor.log
    cat >"$BATS_TEST_TMPDIR/flood.sh" <<'SH'
folder=/tmp
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do folder=$folder/$(printf '%0240d' 0 | tr 0 '\001'); done
mkdir -p "$folder" && cp /usr/bin/perl "$folder/perl"
exec "$folder/perl" -e 'use Socket; syswrite(STDOUT, "begun\n"); for $n (1..700) {
    socket($s, PF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in(3128, inet_aton("10.200.0.1"))) or die;
    syswrite($s, "CONNECT h$n.test:443 HTTP/1.1\r\nHost: h\r\n\r\n"); sysread($s, $answer, 99); $denied++ if $answer =~ / 403 /;
    close($s) } print "$denied denied\n"'
SH
    mkfifo "$BATS_TEST_TMPDIR/said"
    inmate bash -c "$(cat "$BATS_TEST_TMPDIR/flood.sh")" >"$BATS_TEST_TMPDIR/said" 3>&- &
    exec 7<"$BATS_TEST_TMPDIR/said"
    read -r -t 180 line <&7
    [ "$line" = begun ]
    kill -STOP "$(<"$state/gateway.pid")"           # more denials wait for it than a stream may hold
    for minute in 1 2 3; do                     # on a busy machine
        flooded=0
        until_so '[ "$(grep -c DENIED "$log")" = 700 ]' && break || flooded=$?
    done
    kill -CONT "$(<"$state/gateway.pid")"
    [ "$flooded" = 0 ]
    read -r -t 180 line <&7
    exec 7<&-
    [ "$line" = "700 denied" ]
    sluice policy set inmate --policy "$state/first-rule.yaml" --wait --timeout 180
    # A busy machine may keep the gateway stopped until it counts as dead; nothing else may end the stream.
    run -1 grep -v "sent nothing, not even a ping" <(grep "is away" "$log")
}

@test "a flood of denials is counted to the last one, and an update does not wait for it" {
    sluice sandbox create --name floods
    cat >"$BATS_TEST_TMPDIR/flood.pl" <<'PL'
use Socket;
for ($n = 1; $n <= 2000 || !-e "/tmp/enough"; $n++) {
    socket($s, PF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in(3128, inet_aton("10.200.0.1"))) or die;
    syswrite($s, sprintf("CONNECT h%d.test:443 HTTP/1.1\r\nHost: h\r\n\r\n", $n % 100)); sysread($s, $answer, 99); close($s);
    syswrite(STDOUT, "begun\n") if $n == 300 }
syswrite(STDOUT, $n - 1 . "\n");
PL
    mkfifo "$BATS_TEST_TMPDIR/said"
    sluice sandbox exec floods -- perl -e "$(cat "$BATS_TEST_TMPDIR/flood.pl")" >"$BATS_TEST_TMPDIR/said" 3>&- &
    exec 7<"$BATS_TEST_TMPDIR/said"
    read -r -t 180 line <&7
    [ "$line" = begun ]
    for n in 1 2 3; do
        printf 'version: 1\nnetwork_policies: {a: {endpoints: [{host: a%d.test, port: 80}], binaries: [{path: /bin/x}]}}\n' "$n" |
            sluice policy set floods --policy - --wait --timeout 180
    done
    sluice sandbox exec floods -- touch /tmp/enough # until now it goes on
    read -r -t 180 sent <&7
    exec 7<&-
    hits() { sluice rule get floods -o json | jq '[.chunks[].hits] | add'; }
    wait_event floods denial '.host == "h0.test"'
    until_so '[ "$(hits)" = "$sent" ]' || { echo "$(hits) of $sent"; false; }
}

@test "processes full of descriptors delay their own requests, and no new policy" {
    sluice sandbox create --name heavy
    echo 'version: 1' >"$BATS_TEST_TMPDIR/policy.yaml"
    took_ms sluice policy set heavy --policy "$BATS_TEST_TMPDIR/policy.yaml" --wait --timeout 180
    usual=$ms
    cat >"$BATS_TEST_TMPDIR/heavy.sh" <<'SH'
mkfifo /tmp/full
exec 8<>/tmp/full 9<>/dev/tcp/10.200.0.1/3128
for n in 1 2 3 4 5 6 7 8; do
    perl -e 'for (1 .. 15000) { open($kept[$_], "<&", STDIN) or last } syswrite(STDOUT, "full\n"); sleep 100' >&8 &
done
for n in 1 2 3 4 5 6 7 8; do read -r _ <&8; done
printf 'CONNECT 10.77.0.2:8080 HTTP/1.1\r\nHost: h\r\n\r\n' >&9
echo asked
head -1 <&9
kill $(jobs -p)
SH
    mkfifo "$BATS_TEST_TMPDIR/said"
    sluice sandbox exec heavy -- bash -c "$(cat "$BATS_TEST_TMPDIR/heavy.sh")" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    exec 7<"$BATS_TEST_TMPDIR/said"
    read -r -t 180 line <&7
    [ "$line" = asked ]
    took_ms sluice policy set heavy --policy "$BATS_TEST_TMPDIR/policy.yaml" --wait --timeout 180
    [ "$ms" -lt $((3 * usual + 400)) ] || { echo "$ms ms, and usually $usual"; false; }
    read -r -t 180 line <&7
    [[ "$line" == "HTTP/1.1 403 Forbidden"* ]]
    exec 7<&-
}

# Names of this gateway are asked of a server that takes the question and says nothing.
start_silent_resolver() {
    with_resolver $'nameserver 10.77.0.9\noptions timeout:20 attempts:1'
    mkfifo "$BATS_TEST_TMPDIR/asked"
    perl -MSocket -e '$| = 1; socket($s, PF_INET, SOCK_DGRAM, 0); bind($s, pack_sockaddr_in(53, inet_aton("10.77.0.9"))) or die;
        print "bound\n"; recv($s, $q, 512, 0); print "asked\n"; sleep 100' >"$BATS_TEST_TMPDIR/asked" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    exec 6<"$BATS_TEST_TMPDIR/asked"
    read -r -t 180 _ <&6
}

@test "a name that nobody answers for does not hold up the end of a sandbox" {
    start_silent_resolver
    state=$BATS_TEST_TMPDIR/state
    start_gateway
    printf 'version: 1\nnetwork_policies: {a: {endpoints: [{host: slow.test, port: 80}], binaries: [{path: "/**"}]}}\n' |
        sluice sandbox create --name asks --policy -
    sluice sandbox exec asks -- curl -s http://slow.test/ >/dev/null 2>&1 3>&- &
    read -r -t 180 line <&6
    [ "$line" = asked ]
    took_ms sluice sandbox stop asks
    [ "$ms" -lt 10000 ] || { echo "$ms ms"; false; }    # half of the resolver's patience
    run ! grep "does not stop" "$state/gateway.log"
    teardown_all
}

@test "what a workload has logged does not fill the disk of its gateway" {
    sluice sandbox create --name wordy
    log=$state/sandboxes/$(sluice sandbox get wordy -o json | jq -r .id)/supervisor.log
    yes "$(printf 'old %0200d' 0)" | head -c 9M >>"$log"
    sluice sandbox exec wordy -- curl -sS -o /dev/null "$url?newest"
    [ "$(stat -c %s "$log")" -lt $((5 * 1024 * 1024)) ]
    grep -q '^old 0*$' "$log"
    tail -1 "$log" | grep -q 'HTTP:GET .* DENIED'
}

# A server at 10.77.0.3:8443 that answers each hello with the alert handshake_failure.
start_choosy_server() {
    mkfifo "$BATS_TEST_TMPDIR/bound"
    perl -MSocket -e '$| = 1; socket($l, PF_INET, SOCK_STREAM, 0); setsockopt($l, SOL_SOCKET, SO_REUSEADDR, 1);
        bind($l, pack_sockaddr_in(8443, inet_aton("10.77.0.3"))) or die; listen($l, 9); print "bound\n";
        while (accept($s, $l)) { sysread($s, $b, 999) and syswrite($s, "\x15\x03\x03\0\x02\x02\x28"); close($s) }' \
        >"$BATS_TEST_TMPDIR/bound" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    read -r -t 180 _ <"$BATS_TEST_TMPDIR/bound"
}

@test "a tunnel to one host is no way to another one of the same server" {
    state=$BATS_TEST_TMPDIR/state
    mkdir "$state"
    start_choosy_server
    printf 'egress: {inspect_tls: when_needed, hosts: {open.test: [10.77.0.3], hidden.test: [10.77.0.3]}}\n' >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    printf 'version: 1\nnetwork_policies: {a: {endpoints: [{host: open.test, port: 8443}], binaries: [{path: "/**"}]}}\n' |
        sluice sandbox create --name fronts --policy -
    run ! sluice sandbox exec fronts -- curl -sSk --connect-to hidden.test:8443:open.test:8443 https://hidden.test:8443/
    [[ "$output" == *"unrecognized name"* ]]
    until_so 'sluice logs fronts | grep -q "DENIED .*-> open.test:8443 .*TLS asks for hidden.test in a tunnel to open.test"'
    run ! sluice sandbox exec fronts -- curl -sSk https://open.test:8443/
    [[ "$output" == *"handshake failure"* ]]        # that is what the server says: it was reached
    teardown_all
}

@test "a server that asks a client for another hello gets it through a tunnel" {
    state=$BATS_TEST_TMPDIR/state
    mkdir "$state"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=open.test -days 2 \
        -keyout "$state/key.pem" -out "$state/cert.pem"
    mkfifo "$state/bound"
    openssl s_server -accept 10.77.0.3:8443 -cert "$state/cert.pem" -key "$state/key.pem" -groups P-384 -www >"$state/bound" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    exec 7<"$state/bound"
    until [ "$line" = ACCEPT ]; do read -r -t 180 line <&7; done
    printf 'egress: {inspect_tls: when_needed, hosts: {open.test: [10.77.0.3]}}\n' >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    printf 'version: 1\nnetwork_policies: {a: {endpoints: [{host: open.test, port: 8443}], binaries: [{path: "/**"}]}}\n' |
        sluice sandbox create --name again --policy -
    run -0 sluice sandbox exec again -- curl -sSk --tls13-ciphers TLS_AES_128_GCM_SHA256 https://open.test:8443/
    [[ "$output" == *"TLS_AES_128_GCM_SHA256"* ]]
    exec 7<&-
    teardown_all
}
