#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What somebody new reads where a word, a file or a program is wrong: what, where, and what to do.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_gateway
    first_rule >"$state/first-rule.yaml"
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

@test "a backup and a restore name the file that they were given" {
    cd "$BATS_TEST_TMPDIR"
    run -2 sluice backup nowhere/b.db
    [ "$output" = "sluice: no folder for a copy can be made beside nowhere/b.db: No such file or directory" ]
    run -0 sluice backup b.db
    run -0 sluice restore b.db --state-dir "$PWD/copy"
    [[ "${lines[1]}" == *"the credentials need it." ]]
    printf 'version: 1\n' >text.yaml
    run -2 sluice restore text.yaml --state-dir "$PWD/other"
    [ "$output" = "sluice: text.yaml is no backup: name a file that \`sluice backup\` has written" ]
    [ ! -e other/sluice.db ]
    head -c 5000 b.db >short.db
    run -2 sluice restore short.db --state-dir "$PWD/other"
    [[ "$output" == "sluice: short.db cannot be restored: "* ]]
    run -2 sluice restore nothing.db --state-dir "$PWD/other"
    [ "$output" = "sluice: nothing.db cannot be read: No such file or directory" ]
    run -2 sluice restore . --state-dir "$PWD/other"
    [[ "$output" == "sluice: . "* ]]
}

@test "a token that is not known is not asked for again" {
    run -1 sluice --token wrong status
    [[ "$output" == *"who is asking is not known: this gateway does not know the token that was sent: "*"expired"* ]]
}

@test "a policy's file that stands alone is pointed to its option" {
    cd "$state"
    for command in "policy set" "policy diff" "policy can-i"; do
        run -2 sluice $command demo first-rule.yaml
        [[ "${lines[0]}" == "sluice: unexpected 'first-rule.yaml': the file is given with --policy" ]]
    done
}

@test "programs that the gateway starts say so when a person does" {
    for program in sluice-init sluice-plugin-host; do
        run -2 timeout 10 bash -c "exec $program 3</dev/null"
        [[ "$output" == "$program is started by "* ]]
    done
}

@test "the summaries of all commands stand below each other" {
    run -0 sluice -h
    [ "$(grep -E '^  [a-z]' <<<"$output" | grep -cvE '^  .{22} [^ ]')" = 0 ]
}

@test "what a policy's field protocol means is said as it is" {
    run -0 sluice policy explain network_policies.endpoints
    [[ "$(tr -s ' \n' ' ' <<<"$output")" == *"left out: the connection, and the host that TLS and HTTP name; tcp: the connection"* ]]
}
