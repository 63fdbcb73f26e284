#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What makes a memory error harder to use is in every program and voter that is shipped, and what the systemd unit
# takes away leaves sandboxes working.

load ../e2e/helper.bash

setup() { unit=$top/scripts/cmake/sluiced.service.in; }

# The release build: below the build that is tested, unless that is one itself. Of its programs only sluice-init and the
# voters are built: the others are compiled and linked with the same flags, which two tests look at.
need_release() {
    release=$build
    grep -q '^SLUICE_SANITIZE:BOOL=ON' "$build/CMakeCache.txt" || return 0
    release=$build/release
    cmake -S "$top" -B "$release" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$BATS_TEST_TMPDIR/log" 2>&1 &&
        ninja -C "$release" $(targets | grep -E 'sluice-init|\.so$') >>"$BATS_TEST_TMPDIR/log" 2>&1 || { tail -20 "$BATS_TEST_TMPDIR/log" >&2; return 1; }
}
targets() { ninja -C "$release" -t targets all | sed -nE 's#^(bin/sluice[^:]*|plugins/[^:]*\.so): .*#\1#p'; }

@test "every program and voter: position independent, read-only relocations, no executable stack, shadow stack" {
    need_release
    built=$(targets | grep -E 'sluice-init|\.so$')
    [ "$(wc -l <<<"$built")" -ge 8 ]
    for file in $built; do
        echo "$file"
        file=$release/$file
        readelf -hW "$file" | grep -q 'Type: *DYN'
        readelf -lW "$file" | grep -q GNU_RELRO
        readelf -lW "$file" | grep 'GNU_STACK' | grep -q ' RW  *0x'
        readelf -dW "$file" | grep -qE 'BIND_NOW|Flags:.* NOW'
        [[ "$file" == *.so ]] || readelf -dW "$file" | grep -q 'Flags:.* PIE'
        [ "$(uname -m)" != x86_64 ] || readelf -nW "$file" | grep -q 'x86 feature:.*SHSTK'
    done
    readelf -sW "$release/bin/sluice-init" | grep -q __stack_chk_fail
    readelf -sW "$release/bin/sluice-init" | grep -qE '__[a-z]+_chk(@|$)'
}

@test "every program is linked with the flags of hardening" {
    need_release
    programs=$(targets | grep '^bin/')
    [ "$(wc -l <<<"$programs")" -ge 6 ]
    for program in $programs; do
        linked=$(ninja -C "$release" -t commands "$program" | tail -1)
        echo "$linked"
        [[ "$linked" == *" -pie "* || "$linked" == *" -static-pie "* ]]
        [[ "$linked" == *" -Wl,-z,relro,-z,now,-z,noexecstack "* ]]
        [ "$(uname -m)" != x86_64 ] || [[ "$linked" == *" -Wl,-z,shstk "* ]]
    done
}

@test "every source file of ours is compiled with the flags of hardening" {
    need_release
    flags="-D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=zero"
    [ "$(uname -m)" != x86_64 ] || flags="$flags -fcf-protection=full"
    jq -e --arg flags "$flags" 'length > 100 and all(.[]; . as $c | $flags / " " | all(. as $f | $c.command / " " | index($f) != null))' \
        "$release/compile_commands.json"
}

@test "a voter that is built elsewhere is built with its author's flags" {
    run ! grep -rn "HARDENING\|cf-protection\|FORTIFY" "$top/scripts/cmake/SluicePlugin.cmake" "$top/scripts/cmake/sluice-plugin.pc.in" \
        "$top/scripts/cmake/sluiceConfig.cmake"
}

@test "systemd rates the exposure of the unit at 6.0 at most" {
    command -v systemd-analyze >/dev/null || skip "systemd-analyze (Debian package systemd) is not installed"
    sed 's#@SLUICE_BINDIR@#/usr/bin#' "$unit" >"$BATS_TEST_TMPDIR/sluiced.service"
    run -0 systemd-analyze security --offline=true --no-pager --threshold=60 "$BATS_TEST_TMPDIR/sluiced.service"
}

@test "a sandbox works with the capabilities that the unit leaves, where it cannot write /usr and /etc" {
    [ "$(id -u)" -eq 0 ] || skip "only root has capabilities to lose"
    left=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr 'A-Z' 'a-z' | sed 's/cap_/+/g; s/ /,/g')
    [ -n "$left" ]
    sluiced() {
        exec unshare --mount --ipc -- sh -c 'for d in /usr /etc; do mount --bind "$d" "$d" && mount -o remount,bind,ro "$d" || exit 1; done
            umask 077; set=$1; shift; exec setpriv --no-new-privs --bounding-set "$set" --inh-caps -all "$@"' sh "-all,$left" "$build/bin/sluiced" "$@"
    }
    export state=$BATS_TEST_TMPDIR/state
    start_origin
    start_gateway
    grep -q 'NoNewPrivs:.1' "/proc/$(cat "$state/gateway.pid")/status"
    run ! grep -q 'CapBnd:.*1ffffffffff' "/proc/$(cat "$state/gateway.pid")/status"
    first_rule >"$BATS_TEST_TMPDIR/policy.yaml"
    sluice sandbox create --name boxed --policy "$BATS_TEST_TMPDIR/policy.yaml"
    through=$(knock boxed)
    sluice sandbox exec boxed --tty -- true
    sluice sandbox delete boxed
    teardown_all
    [ "$through" = 200 ]
}
