#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Memory, processors and tasks of a sandbox, and the host uid that is its alone.  As root where that
# is asked for; as an ordinary user the answers say why there are none.

load helper.bash

setup() {
    load helper.bash
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state"
}
teardown() { teardown_all; }

groups_of() {      # groups_of NAME: the folders of its control groups
    cat "$state/sandboxes/$(sluice sandbox get "$1" -o json | jq -r .id)/cgroups"
}
supervisor_of() { cat "$state/sandboxes/$(sluice sandbox get "$1" -o json | jq -r .id)/lock"; }
uid_of() { stat -c %u "$state/sandboxes/$(sluice sandbox get "$1" -o json | jq -r .id)/work"; }

need_cgroups() {
    [ "$(sluice status -o json | jq '.limits | .memory and .cpus and .pids')" = true ] || skip "this host has no cgroup for each limit"
}
all_gone() { for folder in $1; do [ ! -e "$folder" ] || return 1; done; }

@test "limits that were asked for are enforced, shown, and there again after a restart" {
    start_gateway
    need_cgroups
    sluice sandbox create --name small --memory 64M --cpus 0.5 --pids 24
    run -0 sluice sandbox get small
    [[ "$output" == *"Memory:    64M"*"CPUs:      0.5"*"Pids:      24"*"Limits:    by cgroup v"* ]]
    [ "$(sluice sandbox get small -o json | jq -c '.limits | [.memory, .memory_bytes, .cpus, .pids, .reason]')" = '["64M",67108864,0.5,24,null]' ]
    for round in 1 2; do
        run -9 sluice sandbox exec small -- perl -e 'for (1 .. 30) {
            defined($pid = fork) or kill(9, @all), exit 9; $pid or sleep(50), exit; push(@all, $pid) }'
        run -137 sluice sandbox exec small -- perl -e '$kept = "x" x (200 << 20)'
        run -137 sluice sandbox exec small -- sh -c 'head -c 200M /dev/zero >/tmp/full'
        sluice sandbox stop small
        sluice sandbox start small
    done
}

@test "what waits in sockets counts against the limit of memory" {
    start_gateway
    need_cgroups
    sluice sandbox create --name sockets --memory 64M
    run -0 sluice sandbox exec sockets -- python3 -c '
import socket
boxes, sender, got = [], socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0
for _ in range(60):
    box = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    box.bind(("127.0.0.1", 0)); box.setblocking(False)
    box.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    for _ in range(400):
        sender.sendto(bytes(8000), box.getsockname())
    boxes.append(box)
for box in boxes:
    try:
        while True: got += len(box.recv(8000))
    except BlockingIOError: pass
print(got >> 20)'
    [ "$output" -lt 64 ]
}

@test "a limit of processors slows a workload down, and nobody else" {
    start_gateway
    need_cgroups
    sluice sandbox create --name slow --cpus 0.1
    run -0 sluice sandbox exec slow -- perl -MTime::HiRes=time -e '$end = time + 1; $n++ while time < $end; @t = times; print int(100 * ($t[0] + $t[1]))'
    [ "$output" -lt 40 ]
}

@test "its groups go when a sandbox ends, however it and its gateway end" {
    start_gateway
    need_cgroups
    sluice sandbox create --name ends
    groups=$(groups_of ends)
    [ -n "$groups" ]
    sluice sandbox stop ends
    until_so 'all_gone "$groups"'
    sluice sandbox start ends
    run ! all_gone "$groups"
    kill -KILL "$(supervisor_of ends)"
    until_so 'all_gone "$groups"'
    sluice sandbox start ends
    supervisor=$(supervisor_of ends)
    stop_gateway KILL
    kill -KILL "$supervisor"
    start_gateway
    until_so 'all_gone "$groups"'
    sluice sandbox start ends
    sluice sandbox delete ends
    all_gone "$groups"
}

@test "what is no limit is refused by name" {
    start_gateway
    run -2 sluice sandbox create --name no --cpus many
    [[ "$output" == *"--cpus is a number such as 1.5, not 'many'"* ]]
    run -2 sluice sandbox create --name no --pids 1.5
    [[ "$output" == *"--pids is a whole number, not '1.5'"* ]]
    run -2 sluice sandbox create --name no --pids 9999999999999999999999
    [[ "$output" == *"--pids is a number up to 2147483647, not '9999999999999999999999'"* ]]
    run -2 sluice sandbox create --name no --memory ""
    [[ "$output" == *"--memory is a size such as 512M, not ''"* ]]
    for size in 12x 1K -5 1.5G 99999999T; do
        run ! sluice sandbox create --name no --memory "$size"
        [[ "$output" == *"'$size' is no memory size: write bytes, or a number with K, M, G or T, such as 512M; at least 16M"* ]]
    done
    run ! sluice sandbox create --name no --pids 4
    [[ "$output" == *"pids is a number of processes and threads from 8 to 2048, not 4"* ]]
    run ! sluice sandbox create --name no --cpus 5000
    [[ "$output" == *"cpus is a number of processors from 0.01 to 1024, not 5000"* ]]
    [ "$(sluice sandbox list -o json | jq '.sandboxes | length')" = 0 ]
}

need_root() { [ "$(id -u)" = 0 ] || skip "takes root"; }

@test "where a limit cannot be enforced, one that is asked for is refused, and the status says why" {
    as_ordinary_user
    start_gateway
    run -0 sluice status
    [[ "$output" == *"Limits:    by cgroup none: "*"Uids:      of sandboxes: shared: /etc/subuid and /etc/subgid give no ids to uid 4242"* ]]
    for limit in "memory 512M" "cpus 1" "pids 100"; do
        run ! sluice sandbox create --name no --$limit
        [[ "$output" == *"${limit% *} cannot be limited on this host: "* ]]
    done
    sluice sandbox create --name plain
    run -0 sluice sandbox get plain
    [[ "$output" == *"Memory:    no limit asked for"*"Pids:      2048"*"Limits:    cgroup none: "* ]]
}

@test "sandboxes of two gateways of this host have different uids, also after one was stopped, and a new one is never the deleted one" {
    need_root
    start_gateway
    [ "$(sluice status -o json | jq -r .workload_uids.kind)" = own ]
    sluice sandbox create --name first
    first=$(uid_of first)
    sluice sandbox stop first
    one=$state
    state=$BATS_TEST_TMPDIR/state2 && mkdir "$state"
    start_gateway
    sluice sandbox create --name other
    [ "$(uid_of other)" != "$first" ]
    other=$(uid_of other)
    sluice sandbox delete other
    sluice sandbox create --name next
    [ "$(uid_of next)" != "$other" ]
    teardown_all
    state=$one SLUICE_GATEWAY=unix:$one/sluice.sock
    sluice sandbox start first
    [ "$(uid_of first)" = "$first" ]
}

@test "a sandbox keeps its files when its uid was taken while its gateway was away" {
    need_root
    start_gateway
    sluice sandbox create --name mine
    sluice sandbox exec mine -- sh -c 'umask 077; mkdir -p a/b; echo text >a/b/c; ln -s /etc/hostname a/link'
    taken=$(uid_of mine)
    sluice sandbox stop mine
    stop_gateway
    exec 8>>"/run/sluice/uids/$taken"
    flock 8
    start_gateway
    sluice sandbox start mine 8>&-
    [ "$(uid_of mine)" != "$taken" ]
    [ "$(sluice sandbox exec mine -- cat a/b/c 8>&-)" = text ]
    exec 8>&-
    [ "$(stat -c %u /etc/hostname)" = 0 ]
}

# A user with subordinate ids, known to this mount namespace alone.
as_user_with_ids() {
    sed '/^keeper:/d' /etc/passwd >"$BATS_TEST_TMPDIR/passwd"
    echo "keeper:x:4243:4243::$state:/bin/sh" >>"$BATS_TEST_TMPDIR/passwd"
    echo "keeper:3000000:1000" >"$BATS_TEST_TMPDIR/sub"
    chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
    chown -R 4243:4243 "$state"
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/sluiced" <<SH
#!/bin/sh
exec unshare --mount sh -c 'mount --bind $BATS_TEST_TMPDIR/passwd /etc/passwd && mount --bind $BATS_TEST_TMPDIR/sub /etc/subuid &&
    mount --bind $BATS_TEST_TMPDIR/sub /etc/subgid && exec setpriv --reuid 4243 --regid 4243 --clear-groups $build/bin/sluiced "\$@"' sluiced "\$@"
SH
    chmod +x "$BATS_TEST_TMPDIR/bin/sluiced"
    touch /etc/subuid /etc/subgid
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "an ordinary user's sandboxes have subordinate uids, work, and are deleted whole" {
    need_root
    [ -u /usr/bin/newuidmap ] || skip "uidmap is not installed"
    grep -q '^NoNewPrivs:.*0$' /proc/self/status || skip "newuidmap gains no privileges here"
    as_user_with_ids
    start_origin
    unset XDG_RUNTIME_DIR
    start_gateway
    [ "$(sluice status -o json | jq -c .workload_uids)" = '{"kind":"own","reason":null}' ]
    # Others could take away a folder in /tmp by which the gateways of a user share their ids.
    [ "$(stat -c %u:%a "$XDG_STATE_HOME/sluice-uids-4243")" = 4243:700 ]
    sluice sandbox create --name one
    sluice sandbox create --name two
    [ "$(uid_of one)" = 3000001 ]
    [ "$(uid_of two)" = 3000002 ]
    sluice sandbox exec one -- sh -c 'umask 077; mkdir -p a/b; echo text >a/b/c; id -u'
    [ "$(stat -c %u "$state"/sandboxes/*/work/a/b/c)" = 3000001 ]
    [ "$(knock one)" = 403 ]
    first_rule | sluice policy set one --policy - --wait
    [ "$(knock one)" = 200 ]
    sluice sandbox exec one -- sleep 100 & sleeper=$!
    until_so 'pgrep -u 3000001 -x sleep >/dev/null'
    sluice sandbox stop one
    wait $sleeper || true
    run ! pgrep -u 3000001
    sluice sandbox start one
    [ "$(sluice sandbox exec one -- cat a/b/c)" = text ]
    sluice sandbox delete one two
    [ -z "$(ls "$state/sandboxes")" ]
}
