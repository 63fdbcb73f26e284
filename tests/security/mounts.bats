#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a sandbox is shown stays what its policy lists, whatever happens to the paths meanwhile: while it
# starts, and while it runs.  SLUICE_STARTS=10000 is the long form of the race.

load ../e2e/helper.bash

setup_file() {
    load ../e2e/helper.bash
    state=$BATS_FILE_TMPDIR/state
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" # a workload of root's gateway has a uid of its own
    start_gateway
}
setup() {
    load ../e2e/helper.bash
    state=$BATS_FILE_TMPDIR/state
    chmod 755 "$(dirname "$BATS_TEST_TMPDIR")" "$BATS_TEST_TMPDIR"
    shared=$BATS_TEST_TMPDIR/shared
    mkdir -m 777 "$shared"
}
teardown_file() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

policy() {         # policy READ_ONLY READ_WRITE: comma-separated paths
    printf 'version: 1\nfilesystem_policy: {read_only: [/usr, /lib, /proc%s], read_write: [%s]}\n' "${1:+, $1}" "$2"
}

inside() { local name=$1; shift; sluice sandbox exec "$name" -- sh -c "$*"; }

@test "starts under a swapper of their paths: none shows what was not judged" {
    starts=${SLUICE_STARTS:-20}
    secret=$BATS_TEST_TMPDIR/secret
    mkdir -m 755 "$secret" "$shared/shown" "$shared/deep" "$shared/deep/shown" "$shared/deep.aside"
    echo mine | tee "$shared/shown/mine" >"$shared/deep/shown/mine"
    echo secret >"$secret/token"
    ln -s "$secret" "$shared/deep.aside/shown"
    mkfifo "$BATS_TEST_TMPDIR/end" "$BATS_TEST_TMPDIR/said"
    python3 "$BATS_TEST_DIRNAME/swapper.py" "$shared" "$secret" <"$BATS_TEST_TMPDIR/end" >"$BATS_TEST_TMPDIR/said" 3>&- &
    exec 6>"$BATS_TEST_TMPDIR/end" 7<"$BATS_TEST_TMPDIR/said"
    read -r -t 180 line <&7
    [ "$line" = swapping ]
    policy "$shared/shown" "$shared/deep/shown" >"$BATS_TEST_TMPDIR/policy.yaml"
    good=0 refused=0 shown=0
    for n in $(seq "$starts"); do
        sluice sandbox create --name race --no-keep --policy "$BATS_TEST_TMPDIR/policy.yaml" -- \
            sh -c "cat $shared/shown/* $shared/deep/shown/* 2>/dev/null; echo ran" >"$BATS_TEST_TMPDIR/seen" 2>"$BATS_TEST_TMPDIR/err" || true
        if grep -qx ran "$BATS_TEST_TMPDIR/seen"; then
            good=$((good + 1))
            run ! grep secret "$BATS_TEST_TMPDIR/seen"
            if grep -q mine "$BATS_TEST_TMPDIR/seen"; then shown=$((shown + 1)); fi
        else
            refused=$((refused + 1))
            grep -q "was moved or replaced while the sandbox was started" "$BATS_TEST_TMPDIR/err" || { cat "$BATS_TEST_TMPDIR/err"; return 1; }
        fi
    done
    exec 6>&-
    read -r -t 180 turns <&7
    exec 7<&-
    echo "# $starts starts: $good ready, $shown with the folder, $refused refused; $turns turns of the swapper" >&3
    [ $((good + refused)) = "$starts" ]
    [ "$shown" -gt 0 ]
    [ "$turns" -gt "$starts" ]
}

@test "a folder that becomes a link to the gateway's state never shows it" {
    starts=$((${SLUICE_STARTS:-20} / 2))
    mkdir -m 755 "$shared/shown" "$shared/deep" "$shared/deep.aside"
    echo mine >"$shared/shown/mine"
    mkfifo "$BATS_TEST_TMPDIR/end" "$BATS_TEST_TMPDIR/said"
    python3 "$BATS_TEST_DIRNAME/swapper.py" "$shared" "$state" <"$BATS_TEST_TMPDIR/end" >"$BATS_TEST_TMPDIR/said" 3>&- &
    exec 6>"$BATS_TEST_TMPDIR/end" 7<"$BATS_TEST_TMPDIR/said"
    read -r -t 180 line <&7
    policy "$shared/shown" "" >"$BATS_TEST_TMPDIR/policy.yaml"
    for n in $(seq "$starts"); do
        sluice sandbox create --name "state-$n" --policy "$BATS_TEST_TMPDIR/policy.yaml" >/dev/null 2>&1 || continue
        seen=$(inside "state-$n" "ls -A $shared/shown $state" 2>/dev/null) || true
        [[ "$seen" != *sluice.db* ]]
        sluice -q sandbox delete "state-$n"
    done
    exec 6>&-
    read -r -t 180 turns <&7
    exec 7<&-
    [ "$turns" -gt "$starts" ]
}

# A host's /etc and /run of this test, in a mount namespace of the gateway.
@test "what the host replaces while a sandbox runs does not appear in it" {
    grep -q 4294967295 /proc/self/uid_map && [ "$(id -u)" = 0 ] || skip "only root has an /etc of its own"
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state" "$BATS_TEST_TMPDIR/etc" "$BATS_TEST_TMPDIR/bin"
    cp -a /etc/. "$BATS_TEST_TMPDIR/etc"
    printf '#!/bin/sh\nexec unshare --mount sh -c "mount --bind %s /etc && exec %s \\"\\$@\\"" sluiced "$@"\n' \
        "$BATS_TEST_TMPDIR/etc" "$build/bin/sluiced" >"$BATS_TEST_TMPDIR/bin/sluiced"
    chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/bin/sluiced"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
    start_gateway
    sluice sandbox create --name lasting
    before=$(inside lasting "cat /etc/passwd; ls /etc")
    cd "$BATS_TEST_TMPDIR/etc"
    for file in passwd group shadow hosts resolv.conf; do
        echo "intruder:x:1:1::/:" >"$file.new" && chmod 644 "$file.new" && mv "$file.new" "$file"
    done
    echo secret >passwd- ; echo secret >sudoers
    [ "$(inside lasting "cat /etc/passwd; ls /etc")" = "$before" ]
    run ! inside lasting "grep -r -e intruder -e secret /etc 2>/dev/null"
    run ! inside lasting "cat /etc/shadow /etc/sudoers /etc/passwd-"
    cd /
    teardown_all
}

@test "what is listed read-only in a writable folder stays so when the host replaces it, or the folders above it" {
    mkdir -p "$shared/tree/sub" && chmod -R 777 "$shared/tree"
    echo 1 >"$shared/tree/limits"; echo 1 >"$shared/tree/sub/limits"; chmod 666 "$shared"/tree/limits "$shared"/tree/sub/limits
    mkdir -m 777 "$shared/tree/free"
    policy "$shared/tree/limits, $shared/tree/sub/limits" "$shared/tree" |
        sluice sandbox create --name half --policy - 2>"$BATS_TEST_TMPDIR/err"
    grep -q "holds $shared/tree/.*limits, which is listed read-only" "$BATS_TEST_TMPDIR/err"
    inside half "echo y >$shared/tree/free/new"
    write() { inside half "echo taken >$1" 2>/dev/null; }
    run ! write "$shared/tree/limits"
    sed -i s/1/2/ "$shared/tree/limits" "$shared/tree/sub/limits"
    chmod 666 "$shared/tree/limits" "$shared/tree/sub/limits"
    run ! write "$shared/tree/limits"
    run ! write "$shared/tree/sub/limits"
    inside half "mv $shared/tree/sub $shared/tree/gone" || true
    mv "$shared/tree/sub" "$shared/tree/sub.old"; mkdir -m 777 "$shared/tree/sub"; echo 3 >"$shared/tree/sub/limits"; chmod 666 "$shared/tree/sub/limits"
    run ! write "$shared/tree/sub/limits"
    [ "$(cat "$shared/tree/limits" "$shared/tree/sub/limits" "$shared/tree/sub.old/limits")" = "$(printf '2\n3\n2')" ]
}

@test "a sandbox ends when the host gives a file that it may write the name of one that it may not" {
    mkdir -p "$shared/tree/sub" && chmod -R 777 "$shared/tree"
    for how in mv ln; do
        echo 1 >"$shared/tree/sub/limits"
        echo 2 >"$shared/tree/sub/limits.new"; chmod 666 "$shared"/tree/sub/*       # a program of the host is at it
        policy "$shared/tree/sub/limits" "$shared/tree" | sluice sandbox create --name "$how" --policy - 2>/dev/null
        inside "$how" "echo x >>$shared/tree/sub/limits.new"
        sed -i s/1/3/ "$shared/tree/sub/limits"                                      # this is what it may go on with
        inside "$how" "echo x >>$shared/tree/sub/limits.new"
        [ "$how" = mv ] || rm "$shared/tree/sub/limits"
        "$how" "$shared/tree/sub/limits.new" "$shared/tree/sub/limits"
        until_so "sluice sandbox get $how -o json | jq -e '.phase == \"error\"'"
        sluice sandbox get "$how" -o json | jq -r .error >"$BATS_TEST_TMPDIR/error"
        grep -q "the host put what the sandbox has as limits.new in the place of $shared/tree/sub/limits, which it must not change or see: start it again" "$BATS_TEST_TMPDIR/error"
        rm -f "$shared/tree/sub/limits.new"
        sluice sandbox start "$how"
        run ! inside "$how" "echo x >>$shared/tree/sub/limits"
        sluice -q sandbox delete "$how"
        rm -f "$shared"/tree/sub/*
    done
}

@test "a mount that the host makes later below a listed folder does not come in" {
    grep -q 4294967295 /proc/self/uid_map && [ "$(id -u)" = 0 ] || skip "only root mounts on the host"
    mkdir "$shared/point"
    policy "$shared" "" | sluice sandbox create --name still --policy -
    mount -t tmpfs later "$shared/point"
    echo later >"$shared/point/later"
    run ! inside still "cat $shared/point/later"
    umount "$shared/point"
}

@test "a listed path that is missing or a link is a warning in the answer" {
    ln -s /usr/share "$BATS_TEST_TMPDIR/link"
    policy "/no/such/path, $BATS_TEST_TMPDIR/link" "" >"$BATS_TEST_TMPDIR/policy.yaml"
    sluice sandbox create --name warned --policy "$BATS_TEST_TMPDIR/policy.yaml" -o json >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    jq -e '.warnings | any(test("read_only.3. is left out: /no/such/path does not exist"))' "$BATS_TEST_TMPDIR/out"
    jq -e '.warnings | any(test("is or leads through a symbolic link: what is shown is /usr/share"))' "$BATS_TEST_TMPDIR/out"
    sluice -q sandbox delete warned
    sluice sandbox create --name warned --policy "$BATS_TEST_TMPDIR/policy.yaml" >/dev/null 2>"$BATS_TEST_TMPDIR/err"
    grep -q "warning: .*/no/such/path does not exist" "$BATS_TEST_TMPDIR/err"
    policy "" "$BATS_FILE_TMPDIR, $state" >"$BATS_TEST_TMPDIR/policy.yaml"
    sluice sandbox create --name once --policy "$BATS_TEST_TMPDIR/policy.yaml" -o json >"$BATS_TEST_TMPDIR/out"
    jq -e '[.warnings[] | select(test("read_write.1."))] | length == 1 and (.[0] | test("belongs to the gateway itself"))' "$BATS_TEST_TMPDIR/out"
    sluice sandbox create --name quiet -o json >"$BATS_TEST_TMPDIR/out"
    jq -e '.warnings == []' "$BATS_TEST_TMPDIR/out"
}

@test "random trees and policies, and a host that replaces what it can: nothing is seen or written that is not listed" {
    state=$BATS_TEST_TMPDIR/home/state
    mkdir -p "$state" "$BATS_TEST_TMPDIR/home/rules" "$BATS_TEST_TMPDIR/outside"
    echo "SECRET outside" >"$BATS_TEST_TMPDIR/outside/x"
    cat >"$BATS_TEST_TMPDIR/home/rules/strict.lua" <<'LUA'
-- SECRET rule
return { name = "strict", version = "1.0.0", summary = "Allows.", vote = function(t, b) return b:allow() end }
LUA
    printf '# SECRET\nchain: {voters: [{plugin: live_reload}, {script: rules/strict.lua}]}\n' >"$BATS_TEST_TMPDIR/home/sluice.yaml"
    start_gateway --config "$BATS_TEST_TMPDIR/home/sluice.yaml"
    run python3 "$BATS_TEST_DIRNAME/mount_fuzz.py" "$BATS_TEST_TMPDIR" "${SLUICE_FUZZ_SECONDS:-10}" "${SLUICE_FUZZ_SEED:-1}"
    echo "# $output" >&3
    teardown_all
    [ "$status" = 0 ]
}

@test "a rule in a folder that a running sandbox may write is not obeyed" {
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state" && chmod 755 "$shared"
    echo 'return { name = "late", version = "1.0.0", summary = "Allows.", vote = function(t, b) return b:allow() end }' >"$shared/late.lua"
    printf 'chain: {voters: [{plugin: live_reload}]}\n' >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    policy "" "$shared" | sluice sandbox create --name writes --policy -
    printf 'chain: {voters: [{plugin: live_reload}, {script: %s/late.lua}]}\n' "$shared" >"$state/sluice.yaml"
    run -1 sluice plugin reload
    [[ "$output" == *"$shared/late.lua may be written by sandbox 'writes', which is running"* ]]
    [[ "$(sluice plugin list -o json)" != *late* ]]
    sluice sandbox stop writes
    sluice plugin reload
    sluice sandbox start writes                     # now it is the gateway's, and hidden
    run ! inside writes "cat $shared/late.lua"
    teardown_all
}

@test "links that lead to what the gateway reads, files of a voter's command and of the environment cannot be written" {
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state" "$BATS_TEST_TMPDIR/rules" && chmod 755 "$shared"
    mkdir -m 777 "$shared/free" "$shared/libraries"
    echo 'return { name = "far", version = "1.0.0", summary = "Allows.", vote = function(t, b) return b:allow() end }' >"$BATS_TEST_TMPDIR/rules/far.lua"
    ln -s "$BATS_TEST_TMPDIR/rules" "$shared/middle"
    ln -s "$shared/middle" "$BATS_TEST_TMPDIR/first"
    mkdir -m 755 "$BATS_TEST_TMPDIR/voters"         # the gateway takes none from a folder that others may write
    cp "$top/tests/bench/voters/no_wildcards.py" "$BATS_TEST_TMPDIR/voters/voter.py"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -out "$shared/ca.pem" -subj /CN=x 2>/dev/null
    chmod -R go+w "$shared"
    cat >"$state/sluice.yaml" <<YAML
egress: {extra_ca: $shared/ca.pem}
chain:
  voters:
    - {plugin: live_reload}
    - {script: $BATS_TEST_TMPDIR/first/far.lua}
    - {command: [/usr/bin/python3, $BATS_TEST_TMPDIR/voters/voter.py], name: program}
YAML
    LD_LIBRARY_PATH=$shared/libraries start_gateway --config "$state/sluice.yaml"
    policy "" "$shared, $BATS_TEST_TMPDIR/voters" | sluice sandbox create --name reads --policy -
    inside reads "touch $shared/free/new"
    inside reads "rm $shared/middle; ln -sfn /tmp $shared/middle" || true
    inside reads "touch $shared/libraries/libuv.so.1" || true
    inside reads "grep ' $BATS_TEST_TMPDIR/voters/voter.py ro' /proc/self/mountinfo"
    run ! inside reads "echo taken >>$shared/ca.pem"
    [ ! -e "$shared/libraries/libuv.so.1" ]
    [ "$(readlink "$shared/middle")" = "$BATS_TEST_TMPDIR/rules" ]
    teardown_all
}

@test "a token of the gateway or a spec of a sandbox that has a second name is not shown under it" {
    state=$BATS_TEST_TMPDIR/state
    start_gateway --listen "unix:$state/sluice.sock" --listen tcp:127.0.0.1:7079
    [ -s "$state/admin.token" ]
    ln "$state/admin.token" "$shared/second"
    policy "$shared" "" >"$BATS_TEST_TMPDIR/policy.yaml"
    run -1 sluice sandbox create --name second --policy "$BATS_TEST_TMPDIR/policy.yaml"
    [[ "$output" == *"admin.token, which belongs to the gateway, has 2 names (hard links)"* ]]
    rm "$shared/second"
    sluice sandbox create --name first --env SECRET=1 >/dev/null
    ln "$state"/sandboxes/*/spec.json "$shared/second"
    run -1 sluice sandbox create --name second --policy "$BATS_TEST_TMPDIR/policy.yaml"
    [[ "$output" == *"/spec.json, which belongs to the gateway, has 2 names (hard links)"* ]]
    rm "$shared/second"
    sluice sandbox create --name second --policy "$BATS_TEST_TMPDIR/policy.yaml"
    teardown_all
}
