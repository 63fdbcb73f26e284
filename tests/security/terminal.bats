#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Text that a sandbox, a case file or a gateway chooses must not rewrite the terminal of the person who
# reads it: each command is run on a terminal of its own, and every byte that it prints is looked at.

load ../e2e/helper.bash

setup_file() {
    load ../e2e/helper.bash
    state=$BATS_FILE_TMPDIR/state
    start_gateway
    sluice sandbox create --name demo
    cat >"$state/run.py" <<'PY'
import shutil, subprocess
names = ["a\x1b]0;p\x07b", b"c\x9b31m", "d\u009b31m", "e\u202egnp", "f\nsluice: forged", "g\r\x1b[2K", "h\u2028l", "i\u200bz", "j\x7fd", "k\x08b", "m\U000e0041t",
         "n\ufeffb", "o\u061ca", "p\u00ads", "q\ufe0fv", "r\ufff9i", "plain"]
for name in names:
    path = b"/tmp/" + (name if isinstance(name, bytes) else name.encode())
    shutil.copy(b"/usr/bin/curl", path)
    subprocess.run([path, "-sS", "-m", "5", "-o", "/dev/null", "http://h.test:80/"], stderr=subprocess.DEVNULL)
PY
    sluice sandbox exec demo -- python3 -c "$(cat "$state/run.py")"
    until_so "sluice rule get demo -o json | grep -q /tmp/plain"
}
setup() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; shown=$BATS_TEST_TMPDIR; }
teardown_file() { load ../e2e/helper.bash; state=$BATS_FILE_TMPDIR/state; teardown_all; }

look() { python3 "$BATS_TEST_DIRNAME/look_raw.py" "$@"; }

on_terminal() {    # on_terminal FILE WORD…: runs a command on a terminal, whatever it exits with
    local file=$1
    shift
    script -qec "$(printf '%q ' "$@")" /dev/null </dev/null >"$file" 2>&1 || true
    [ -s "$file" ]
}

serve() {          # serve STATUS: a hostile gateway; the commands that follow talk to it
    mkfifo "$BATS_TEST_TMPDIR/up"
    python3 "$BATS_TEST_DIRNAME/hostile_gateway.py" "$BATS_TEST_TMPDIR/g.sock" "$1" >"$BATS_TEST_TMPDIR/up" 3>&- &
    hostile=$!
    exec 4<"$BATS_TEST_TMPDIR/up"
    read -r -t 10 _ <&4
    export SLUICE_GATEWAY=unix:$BATS_TEST_TMPDIR/g.sock
}

teardown() { [ -z "${hostile:-}" ] || kill "$hostile"; }

commands() {
    cat <<'LIST'
sandbox list
sandbox get demo
sandbox stop demo
sandbox delete demo
sandbox exec demo -- true
policy get demo
policy get demo --full
policy list demo
policy diff demo
policy rollback demo --to 1
rule get demo
rule history demo
rule approve-all demo
rule clear demo
decision list demo
decision show d1
plugin list
plugin reload
audit verify
events demo
logs demo
status
LIST
}

@test "names of programs do not reach the terminal raw, in no form" {
    for form in table json yaml; do
        for words in 'rule get demo' 'logs demo' 'events demo' 'rule history demo' 'decision list demo' 'policy get demo' 'sandbox get demo'; do
            on_terminal "$shown/$form.${words// /_}" sluice $words -o $form
        done
    done
    look "$shown"/*.*
    grep -q 'x1b]0;p' "$shown/table.logs_demo"
    look "$state"/sandboxes/*/supervisor.log "$state/gateway.log"
}

@test "a program whose path a terminal does not show makes no chunk, and the log says so" {
    run -0 bash -c "sluice rule get demo -o json | jq -r '.chunks[].binary' | sort -u"
    [ "$(grep . <<<"$output")" = /tmp/plain ]            # of one whose path is no UTF-8 no path is known
    grep -q 'made no chunk: their host or program path has characters that a terminal does not show' "$state/gateway.log"
}

@test "JSON on a terminal keeps its values" {
    sluice logs demo -o json | jq -r .text >"$shown/text"
    grep -q 'x1b]0;p' "$shown/text"
    sluice events demo -o json | jq -e . >/dev/null
}

@test "what a hostile gateway answers does not reach the terminal raw" {
    serve 200
    while read -r words; do
        for form in table json yaml; do
            on_terminal "$shown/$form.${words//[ \/]/_}" sluice $words -o $form
        done
    done < <(commands)
    look "$shown"/table.* "$shown"/json.* "$shown"/yaml.*
    [ "$(cat "$shown"/table.* | grep -c pwned)" -gt 20 ]
}

@test "nor what a hostile gateway refuses with" {
    serve 422
    while read -r words; do
        for form in table json yaml; do
            on_terminal "$shown/$form.${words//[ \/]/_}" sluice $words -o $form
        done
    done < <(commands)
    look "$shown"/table.* "$shown"/json.* "$shown"/yaml.*
    [ "$(cat "$shown"/table.* | grep -c pwned)" -gt 15 ]
}

@test "nor an answer that is no JSON" {
    serve 599
    on_terminal "$shown/text" sluice sandbox list
    look "$shown/text"
    grep -q pwned "$shown/text"
}

@test "names in case files do not reach the terminal raw, in any report" {
    printf 'plugin: live_reload\ncases:\n  - {name: "a\\e]0;pwned\\ab\\u202e\\u009b\\x7f", candidate: {version: 1}, expect: {verdict: deny, message: "x\\u200b"}}\n' >"$shown/g.test.yaml"
    cp "$shown/g.test.yaml" "$shown/x"$'\x1b]0;pwned\x07\nsluice: forged'".test.yaml"
    printf 'plugin: live_reload\nnonsense\xff\n' >"$shown/b"$'\x1b'".test.yaml"
    for format in pretty tap junit json; do
        on_terminal "$shown/report.$format" sluice plugin test --plugin-dir "$build/plugins" --format "$format" "$shown/g.test.yaml" "$shown"/x*.test.yaml
        grep -q pwned "$shown/report.$format"
    done
    on_terminal "$shown/report.broken" sluice plugin test --plugin-dir "$build/plugins" "$shown"
    look "$shown"/report.*
}
