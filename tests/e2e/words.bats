#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What somebody new reads where a word, a file or a program is wrong: what, where, and what to do.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_origin
    mkdir -p "$state"
    printf '{}\n' >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
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

@test "no store is opened or made where others could replace it" {
    cd "$BATS_TEST_TMPDIR"
    sluice backup b.db
    mkdir open linked good
    chmod 0777 open
    ln -s /nonexistent/away linked/sluice.db-wal
    local open="sluice: others may write $PWD/open (mode 0777): run chmod go-w on it, or choose another place"
    run -2 sluice restore b.db --state-dir "$PWD/open"
    [ "$output" = "$open" ]
    run -2 sluice store migrate --from "sqlite:$PWD/b.db" --to "sqlite:$PWD/open/new.db"
    [ "$output" = "$open" ]
    run -2 sluice restore b.db --state-dir "$PWD/linked"
    [ "$output" = "sluice: $PWD/linked/sluice.db-wal is a symbolic link, and none is followed there: remove it" ]
    [ "$(ls -A open linked)" = "$(printf 'linked:\nsluice.db-wal\n\nopen:')" ]
    cp b.db open/old.db
    run -2 sluice store migrate --from "sqlite:$PWD/open/old.db" --to "sqlite:$PWD/good/new.db"
    [ "$output" = "$open" ]
    run -2 sluice backup c.db --store "sqlite:$PWD/open/old.db"
    [ "$output" = "$open" ]
    run -2 sluice backup "$PWD/open/c.db"
    [ "$output" = "$open" ]
    [ ! -e c.db ]
    [ "$(ls -A open good)" = "$(printf 'good:\n\nopen:\nold.db')" ]
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

@test "a reload names the settings that wait for a restart" {
    printf 'sandboxes: {on_exit: stop}\n' >"$state/sluice.yaml"
    run -0 sluice plugin reload
    [[ "$output" == *"✓ Reloaded: 3 voters"* ]]
    grep -qxF "! these settings changed and need a restart of the gateway: sandboxes" <<<"$output"
    [ "$(sluice plugin reload -o json | jq -r '.warnings[0]')" = "these settings changed and need a restart of the gateway: sandboxes" ]
    printf '{}\n' >"$state/sluice.yaml"
    run -0 sluice plugin reload
    [ "$output" = "✓ Reloaded: 3 voters" ]
}

@test "whoever may not connect is not asked whether the gateway runs" {
    [ "$(id -u)" = 0 ] || skip "only root becomes another user"
    chmod 711 "$state"
    run -3 setpriv --reuid 4242 --clear-groups env HOME=/nonexistent "$(command -v sluice)" --gateway "unix:$state/sluice.sock" status
    [[ "${lines[0]}" == "sluice: cannot reach the gateway at unix:$state/sluice.sock: Permission denied" ]]
    [[ "${lines[1]}" == "you may not connect there: "*"group"*"sluiced starts a gateway of your own" ]]
}

@test "a port that cannot be listened on is told how to be another one" {
    run -1 sluice sandbox forward demo 8080 --bind 10.77.0.2
    [ "$output" = "sluice: cannot listen on port 8080: Address already in use; LOCAL:PORT names another port of this machine, such as 20000:8080" ]
}

@test "events of a sandbox that is not there are not waited for in silence" {
    sluice events --follow nobody 2>"$BATS_TEST_TMPDIR/said" &
    until_so '[ -s "$BATS_TEST_TMPDIR/said" ]'
    kill $!
    [ "$(cat "$BATS_TEST_TMPDIR/said")" = "no sandbox is called 'nobody': waiting for one" ]
}

@test "authorities, certificates and keys that cannot be read are named, with the reason" {
    run -2 sluice --gateway https://10.77.0.2:8080 --ca /nowhere.pem status
    [ "$output" = "sluice: cannot read /nowhere.pem: No such file or directory" ]
    run -2 sluice --gateway https://10.77.0.2:8080 --cert /etc/hostname --key /nowhere.key status
    [ "$output" = "sluice: cannot read /nowhere.key: No such file or directory" ]
    run -3 sluice --gateway https://10.77.0.2:8080 --ca /etc/hostname status
    [ "${lines[0]}" = "sluice: cannot use /etc/hostname: no certificate or crl found" ]
}

@test "what the gateway finds wrong in an option is bad usage, as what sluice itself finds" {
    local -a wrong=("sandbox create --name no --memory lots" "sandbox create --name no --memory 1" "sandbox create --name no --pids 999999"
        "sandbox create --name A_B" "sandbox create --name no --env 1=2" "sandbox exec demo --env 1=2 -- true" "token create --role nobody-has-it"
        "token create --role viewer --expires 99999d" "sandbox upload demo /none /tmp" "sandbox create --name no --hold forever")
    for each in "${wrong[@]}"; do
        run -2 --separate-stderr sluice $each
        [ -n "$stderr" ]
    done
    # A document with problems is refused.
    printf 'version: 1\nnetwork_policies: {a: {endpoints: [{host: "", port: 1}]}}\n' >"$BATS_TEST_TMPDIR/p.yaml"
    run -1 sluice sandbox create --name no --policy "$BATS_TEST_TMPDIR/p.yaml"
    run -1 sluice sandbox get no
}

@test "help lists the exit codes, also those of tests of voters" {
    run -0 sluice -h
    [[ "$output" == *"of plugin test and bench 3 no case ran,"$'\n'"4 below --min-cover or over --threshold, 5 a voter crashed or was killed"* ]]
}
