#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a hostile gateway or case file makes as large as it likes ends with a message, soon and within
# little memory.

load ../e2e/helper.bash

teardown() { [ -z "${hostile:-}" ] || kill "$hostile" 2>/dev/null || true; }

serve() {          # serve KIND: the commands that follow talk to a gateway whose answers have no end
    local dir
    dir=$(mktemp -d -p "$BATS_TEST_TMPDIR")
    mkfifo "$dir/up"
    python3 "$BATS_TEST_DIRNAME/endless_gateway.py" "$dir/g.sock" "$1" >"$dir/up" 3>&- &
    hostile=$!
    read -r -t 180 _ <"$dir/up"
    export SLUICE_GATEWAY=unix:$dir/g.sock XDG_STATE_HOME=$dir
}

stop_serving() {
    kill "$hostile"
    wait "$hostile" 2>/dev/null || true
    hostile=
}

ends() {           # ends WORD…: the command ends with 3, and never holds more than 512 MiB
    local code=0
    timeout 180 /usr/bin/python3 - "$build/bin/sluice" "$@" >"$BATS_TEST_TMPDIR/out" 2>&1 <<'PY' || code=$?
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL).returncode
mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(f"{mib} MiB")
sys.exit(code if mib < 512 else 99)
PY
    [ "$code" -eq 3 ] || { echo "$*: exit $code"; cut -c1-200 "$BATS_TEST_TMPDIR/out" | tail -3; return 1; }
}

says() { grep -qF -- "$1" "$BATS_TEST_TMPDIR/out" || { echo "not said: $1"; cut -c1-200 "$BATS_TEST_TMPDIR/out"; return 1; }; }

@test "an answer without an end" {
    for kind in body untilclose announced refusal; do
        serve "$kind"
        ends sandbox list
        says "has more than 32 MiB: it was not read to its end"
        run ! grep -q 'not known' "$BATS_TEST_TMPDIR/out"
        ends policy update demo --remove-rule x
        says "has more than 32 MiB: it was not read to its end"
        says "whether the change was made is not known"
        ends events demo
        [ "$kind" = refusal ] && sent="an answer" || sent="a line"
        says "sent $sent of more than 32 MiB: what follows was not read"
        stop_serving
    done
}

@test "a line of a stream without an end" {
    serve line
    for words in "events --follow" "events demo" "logs demo" "logs demo --tail"; do
        ends $words
        says "sent a line of more than 32 MiB: what follows was not read"
    done
}

@test "a header without an end" {
    for kind in header field; do
        serve "$kind"
        for words in "sandbox list" "events" "policy update demo --remove-rule x"; do
            ends $words
            says "the header of the gateway's answer has more than 64 KiB or 100 fields"
        done
        ends sandbox exec demo -- true
        says "the header of the gateway's answer has more than 64 KiB"
        says "whether the command was started is not known"
        stop_serving
    done
}

@test "a refusal of exec without an end" {
    for kind in refused refusal announced; do
        serve "$kind"
        ends sandbox exec demo -- true
        says "the gateway's answer has more than 1024 KiB: it was not read to its end"
        stop_serving
    done
}

@test "an answer to exec is read as HTTP, and one that is none starts nothing" {
    serve chunks
    run -1 sluice sandbox exec demo -- true
    [[ "$output" == *"what is wrong is x"* ]]
    stop_serving
    serve noise
    run -3 sluice sandbox exec demo -- true
    [[ "$output" == *"the gateway's answer is no HTTP: "*"whether the command was started is not known"* ]]
    stop_serving
    serve escapes
    for words in "sandbox list" "events" "sandbox exec demo -- true"; do
        run -3 sluice $words
        [[ "$output" == *"the gateway's answer is no HTTP: "* && "$output" != *pwned* ]]
    done
}

@test "expressions of a case file that would take for ever are refused" {
    local bomb='(((((((((a{1,200}){1,200}){1,200}){1,200})*)*)*)*)*b'
    for expect in "verdict: allow, message: \"$bomb\"" "load_error: \"$bomb\"" 'verdict: deny, message: "((a|b)\\1)*c"' "votes: {live_reload: {verdict: allow, message: \"$bomb\"}}"; do
        printf 'plugin: live_reload\ncases:\n  - {name: x, candidate: {version: 1}, current: {version: 1}, expect: {%s}}\n' "$expect" >"$BATS_TEST_TMPDIR/a.test.yaml"
        run -2 timeout 180 sluice plugin test --plugin-dir "$build/plugins" "$BATS_TEST_TMPDIR"
        [[ "$output" == *"a.test.yaml:3:"*"has more than 1024 parts with its repetitions written out"* ]] || [[ "$output" == *"refers back with"* ]]
        run -2 timeout 180 sluice plugin bench --plugin-dir "$build/plugins" "$BATS_TEST_TMPDIR"
    done
    printf 'plugin: live_reload\ncases:\n  - {name: x, candidate: {version: 1}, expect: {verdict: allow}}\n' >"$BATS_TEST_TMPDIR/a.test.yaml"
    for command in test bench; do
        run -2 timeout 180 sluice plugin "$command" --plugin-dir "$build/plugins" --run "$bomb" "$BATS_TEST_TMPDIR"
        [[ "$output" == *"--run "*"has more than 1024 parts with its repetitions written out"* ]]
    done
}
