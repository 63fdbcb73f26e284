#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Git over SSH, psql and redis-cli, which know no proxy: refused at first, and each works without a restart
# as soon as what it was refused is approved.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state/home"
    # Neither server runs as root: to them, this user is "story", whom no machine has with a locked password.
    { grep -v :x:1000: /etc/passwd; echo "story:x:1000:1000::$state/home:/bin/sh"; } >"$state/passwd"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
    printf 'egress:\n  hosts: {db.test: 10.77.0.2, cache.test: 10.77.0.2, code.test: 10.77.0.2}\n' >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
}
setup() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    # A command line, not a function: what runs in the background is then the server itself, which can be ended.
    as_guest=(unshare --mount sh -c 'mount --bind "$0" /etc/passwd && exec unshare --user --map-user=1000 --map-group=1000 "$@"' "$state/passwd")
}
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

serve() {          # serve COMMAND...: in the background, until the end of the suite
    "$@" >"$BATS_TEST_TMPDIR/server.log" 2>&1 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
}

# refused_then_approved HOST PORT PROGRAM COMMAND...: the command fails, what it was refused is proposed
# for this host, port and program, and is approved.
refused_then_approved() {
    local chunk=".chunks[] | select(.rule.endpoints[0].host == \"$1\" and .rule.endpoints[0].port == $2 and .status == \"pending\")"
    run ! plain demo "${@:4}"
    [[ "$output" == *"Connection refused"* ]]
    until_so "sluice rule get demo -o json | jq -e '$chunk' >/dev/null"
    [[ "$(sluice rule get demo -o json | jq -r "$chunk | .rule.binaries[0].path")" == $3 ]]
    sluice rule approve demo --chunk-id "$(sluice rule get demo -o json | jq -r "$chunk | .id")" --wait
}

@test "psql" {
    local bin
    bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
    [ -x "$bin/postgres" ] && [ -x /usr/bin/psql ] || skip "postgresql is not installed"
    "${as_guest[@]}" "$bin/initdb" -D "$state/db" -U story -A trust --no-sync >"$BATS_TEST_TMPDIR/initdb"
    echo "host all all 10.77.0.0/24 trust" >>"$state/db/pg_hba.conf"
    serve "${as_guest[@]}" "$bin/postgres" -D "$state/db" -h 10.77.0.2 -k "$state" -c fsync=off
    until_so "psql -h 10.77.0.2 -U story postgres -Atc 'create table t as select 42 as n' >/dev/null 2>&1"
    refused_then_approved db.test 5432 "/usr/lib/postgresql/*/bin/psql" psql -h db.test -U story postgres -c 'select n from t'
    [ "$(plain demo psql -h db.test -U story postgres -Atc 'insert into t values (43); select sum(n) from t' | tail -1)" = 85 ]
    run ! plain demo psql -h db.test -p 5433 -U story postgres -c 'select n from t'
    [[ "$output" == *"Connection refused"* ]]
}

@test "redis-cli" {
    # The server, by its other name: the package of that name would start a service.
    serve bash -c "exec -a redis-server redis-check-rdb --bind 10.77.0.2 --port 6379 --save '' --protected-mode no"
    until_so 'redis-cli -h 10.77.0.2 ping >/dev/null 2>&1'
    refused_then_approved cache.test 6379 /usr/bin/redis-cli redis-cli -h cache.test set key value
    [ "$(plain demo redis-cli -h cache.test set key value)" = OK ]
    [ "$(plain demo redis-cli -h cache.test get key)" = value ]
}

@test "git over SSH" {
    [ -x /usr/bin/git ] && [ -x /usr/bin/ssh ] && [ -x /usr/sbin/sshd ] || skip "git, openssh-client or openssh-server is not installed"
    ssh-keygen -q -t ed25519 -N '' -f "$state/host"
    ssh-keygen -q -t ed25519 -N '' -f "$state/key"
    printf '%s\n' "ListenAddress 10.77.0.2:2222" "HostKey $state/host" "AuthorizedKeysFile $state/key.pub" \
        "StrictModes no" "UsePAM no" "PidFile none" >"$state/sshd_config"
    serve "${as_guest[@]}" /usr/sbin/sshd -D -e -f "$state/sshd_config"
    until_so 'ssh-keyscan -p 2222 10.77.0.2 2>/dev/null | grep -q ed25519'
    git init -q --bare -b main "$state/home/repo.git"
    sluice sandbox exec demo -- sh -c 'mkdir -p -m 700 .ssh && umask 077 && cat >.ssh/id_ed25519' <"$state/key"
    echo "[code.test]:2222 $(cut -d' ' -f1,2 "$state/host.pub")" | sluice sandbox exec demo -- sh -c 'cat >.ssh/known_hosts'
    from="ssh://story@code.test:2222/$state/home/repo.git"
    refused_then_approved code.test 2222 /usr/bin/ssh git clone -q "$from" repo
    plain demo git clone -q "$from" repo
    plain demo git -C repo -c user.name=a -c user.email=a@b commit -q --allow-empty -m pushed
    plain demo git -C repo push -q origin HEAD:main
    [ "$(git -C "$state/home/repo.git" -c safe.directory='*' log -1 --format=%s main)" = pushed ]
}
