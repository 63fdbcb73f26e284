#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Rules that name programs by paths that are links, scripts, or nothing at all.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_origin
    start_gateway
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

rule_for() {       # rule_for PATH
    printf 'version: 1\nnetwork_policies:\n  a:\n    endpoints: [{host: 10.77.0.2, port: 8080}]\n    binaries: [{path: "%s"}]\n' "$1"
}
allow() { rule_for "$1" | sluice policy set demo --policy - --wait; }
inside() { sluice sandbox exec demo -- "$@"; }
fetch="import urllib.request as u; print(u.urlopen('http://10.77.0.2:8080/').status)"

@test "links of the system count for the programs they lead to, and the log names both" {
    for path in /usr/bin/python3 /bin/python3; do
        allow "$path"
        [ "$(inside python3 -c "$fetch")" = 200 ]
        sluice logs demo | grep -E "ALLOWED /usr/bin/python3\.[0-9]+\([0-9]+\) .*\[path:$path\]"
    done
    allow /bin/curl
    [ "$(knock demo)" = 200 ]
}

@test "a virtual environment made after the policy was set has the interpreter it leads to let through, and nobody else" {
    allow /sandbox/venv/bin/python
    [[ "$(inside curl -sS "$url")" == *"\"hint\":\"in the sandbox, '/sandbox/venv/bin/python' names nothing\""* ]]
    inside python3 -m venv --without-pip /sandbox/venv
    [ "$(inside /sandbox/venv/bin/python -c "$fetch")" = 200 ]
    [ "$(knock demo)" = 403 ]
}

@test "a link by way of /etc/alternatives is followed where the sandbox sees that folder" {
    [ -e /etc/alternatives/awk ] || skip "no awk by /etc/alternatives"
    real=$(readlink -f /usr/bin/awk)
    allow /usr/bin/awk
    run inside curl -sS "$url"
    [[ "$output" == *"'/usr/bin/awk' leads to $real, the program that counts"* ]]
}

@test "a refusal says that a path is a script, and which interpreter counts" {
    inside sh -c 'printf "#!/usr/bin/env perl\n" >/sandbox/tool; chmod 755 /sandbox/tool'
    allow /sandbox/tool
    run inside curl -sS "$url"
    [[ "$output" == *"'/sandbox/tool' is a script: the program that counts is its interpreter, /usr/bin/perl"* ]]
    allow /usr/lib
    run inside curl -sS "$url"
    [[ "$output" == *"'/usr/lib' is a folder, not a program"* ]]
}

@test "a link is followed within the sandbox, not on the host" {
    echo '#!/nothing' >"$BATS_FILE_TMPDIR/host-only"
    chmod 755 "$BATS_FILE_TMPDIR/host-only"
    inside ln -s "$BATS_FILE_TMPDIR/host-only" /sandbox/out
    allow /sandbox/out
    run inside curl -sS "$url"
    [[ "$output" == *"'/sandbox/out' names nothing"* ]]
}

@test "policy check says what paths lead to, and which are scripts or nothing" {
    printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/script"
    chmod 755 "$BATS_TEST_TMPDIR/script"
    cd "$BATS_TEST_TMPDIR"
    rule_for /usr/bin/python3 >p.yaml
    run -0 sluice policy check p.yaml
    [[ "$output" == *"p.yaml:5:"*"note: network_policies.a.binaries[0].path: on this machine, '/usr/bin/python3' leads to /usr/bin/python3."*", the program that counts"* ]]
    [[ "$output" == *"p.yaml is good"* ]]
    rule_for /usr/bin/no-such >p.yaml
    run -0 sluice policy check p.yaml
    [[ "$output" == *"p.yaml:5:"*"warning: network_policies.a.binaries[0].path: on this machine, '/usr/bin/no-such' names nothing"* ]]
    rule_for /usr/bin/ldd >p.yaml
    run -0 sluice policy check p.yaml -o json
    [[ "$(jq -r '.files[0].warnings[0].message' <<<"$output")" == "on this machine, '/usr/bin/ldd' is a script: the program that counts is its interpreter, /usr/bin/"* ]]
    rule_for /sandbox/venv/bin/python >p.yaml
    run -0 sluice policy check p.yaml
    [ "$output" = "p.yaml is good" ]
}
