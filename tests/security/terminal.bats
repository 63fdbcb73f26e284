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
    read -r -t 180 _ <&4
    export SLUICE_GATEWAY=unix:$BATS_TEST_TMPDIR/g.sock
}

teardown() { [ -z "${hostile:-}" ] || kill "$hostile"; }

commands() {
    cat <<'LIST'
sandbox list
sandbox get demo
sandbox stop demo
sandbox delete demo
sandbox delete demo --yes
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
rule clear demo --yes
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

look_at_each_command() {
    while read -r words; do
        for form in table json yaml; do
            on_terminal "$shown/$form.${words//[ \/]/_}" sluice $words -o $form
        done
    done < <(commands)
    look "$shown"/table.* "$shown"/json.* "$shown"/yaml.*
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
    look_at_each_command
    [ "$(cat "$shown"/table.* | grep -c pwned)" -gt 20 ]
}

@test "nor what a hostile gateway refuses with" {
    serve 422
    look_at_each_command
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

listen_as() {      # listen_as UID: somebody's gateway at $shown/theirs/s.sock
    mkdir "$shown/theirs"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$shown" "$shown/theirs"
    chown "$1" "$shown/theirs"
    mkfifo "$shown/up"
    setpriv --reuid "$1" --regid "$1" --clear-groups /usr/bin/python3 - "$shown/theirs/s.sock" 422 <"$BATS_TEST_DIRNAME/hostile_gateway.py" >"$shown/up" 3>&- &
    hostile=$!
    exec 4<"$shown/up"
    read -r -t 180 _ <&4
}

@test "a token is not sent to a socket that another user serves" {
    [ "$(id -u)" -eq 0 ] || skip "needs another user"
    listen_as 4243
    export SLUICE_TOKEN=canary-token
    for words in 'sandbox list' 'events demo' 'sandbox exec demo -- true'; do
        run -3 sluice --gateway "unix:$shown/theirs/s.sock" $words
        [[ "$output" == *"belongs to uid 4243, not to you (uid 0) or root: the token was not sent; --gateway-user USER names whose gateway it is"* ]]
    done
    chown 0:0 "$shown/theirs" "$shown/theirs/s.sock"
    run -3 sluice --gateway "unix:$shown/theirs/s.sock" sandbox list
    [[ "$output" == *"is served by uid 4243, not to you"* ]] || [[ "$output" == *"is served by uid 4243"* ]]
    chmod 777 "$shown/theirs"
    run -3 sluice --gateway "unix:$shown/theirs/s.sock" --gateway-user 4243 sandbox list
    [[ "$output" == *"others may write to the folder $shown/theirs"* ]]
    chmod 755 "$shown/theirs"
    kill "$hostile"; hostile=
    cat <&4 >"$shown/got"
    run ! grep -q canary "$shown/got"
}

@test "a gateway that leaves out what was asked for does not end the command line by a signal" {
    mkfifo "$shown/up"
    /usr/bin/python3 "$BATS_TEST_DIRNAME/hostile_gateway.py" "$shown/empty.sock" 202 >"$shown/up" 3>&- &
    hostile=$!
    exec 4<"$shown/up"
    read -r -t 180 _ <&4
    for words in 'policy get demo' 'policy get demo --full' 'rule get demo' 'sandbox get demo' 'traffic demo' 'policy audit-report demo' status; do
        for form in table json yaml; do
            run -0 sluice --gateway "unix:$shown/empty.sock" $words -o $form
        done
    done
}

@test "a token goes to another user's socket where that user is named" {
    [ "$(id -u)" -eq 0 ] || skip "needs another user"
    listen_as 4243
    SLUICE_TOKEN=canary-token run -1 sluice --gateway "unix:$shown/theirs/s.sock" --gateway-user 4243 sandbox list
    kill "$hostile"; hostile=
    grep -q canary <&4
}

@test "a token goes to another machine without TLS only where somebody insists" {
    export SLUICE_TOKEN=canary-token
    for address in http://10.77.0.2:7999 tcp:10.77.0.2:7999 http://127.0.0.1@10.77.0.2:7999; do
        run -3 sluice --gateway "$address" sandbox list
        [[ "$output" == *"leads to another machine without TLS: the token was not sent"*"insist with --insecure"* ]]
        run -3 sluice --gateway "$address" --insecure sandbox list
        [[ "$output" == *"cannot reach the gateway"* ]]
    done
    for address in http://127.0.0.1:1 http://localhost:1 'http://[::1]:1' https://10.77.0.2:7999; do
        run -3 sluice --gateway "$address" sandbox list
        [[ "$output" == *"cannot reach the gateway"* ]]
    done
}

# serve_as UID ADDRESS PORT [hold]: what it gets goes to $shown/got; with "hold" it accepts nobody.
serve_as() {
    rm -f "$shown/up" "$shown/got"
    mkfifo "$shown/up"
    cat >"$shown/serve.py" <<'PY'
import signal, socket, sys
address, port = sys.argv[1], int(sys.argv[2])
listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if ":" in address:
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
listener.bind((address, port))
listener.listen(8)
print("ready", file=sys.stderr, flush=True)
if len(sys.argv) > 3:
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.pause()                                  # whoever connects meanwhile waits to be accepted
while True:
    listener.settimeout(0.5 if len(sys.argv) > 3 else None)
    try:
        peer, _ = listener.accept()
    except TimeoutError:
        break
    print(peer.recv(65536).decode("latin-1"), flush=True)
    peer.close()
PY
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$shown"
    setpriv --reuid "$1" --regid "$1" --clear-groups /usr/bin/python3 - "${@:2}" <"$shown/serve.py" >"$shown/got" 2>"$shown/up" 3>&- &
    hostile=$!
    exec 4<"$shown/up"
    read -r -t 180 _ <&4
}

@test "a token is not sent to a loopback port that another user serves" {
    [ "$(id -u)" -eq 0 ] || skip "needs another user"
    export SLUICE_TOKEN=canary-token
    for where in "127.0.0.1 127.0.0.1" "127.0.0.1 localhost" "::1 [::1]" "127.0.0.2 127.0.0.2" "0.0.0.0 127.0.0.1" ":: 127.0.0.1" ":: [::1]"; do
        serve_as 4243 "${where% *}" 7996
        for words in 'sandbox list' 'events demo' 'sandbox exec demo -- true'; do
            for gateway in "http://${where#* }:7996" "tcp:${where#* }:7996"; do
                run -3 sluice --gateway "$gateway" $words
                [[ "$output" == *"$gateway is served by uid 4243, not to you (uid 0) or root: the token was not sent; --gateway-user USER names"* ]] || { echo "$gateway $words: $output"; false; }
            done
        done
        kill "$hostile"; wait "$hostile" || true; hostile=
        run ! grep -q canary "$shown/got"
    done
}

@test "a token is not left for whoever accepts a connection later" {
    [ "$(id -u)" -eq 0 ] || skip "needs another user"
    serve_as 4243 127.0.0.1 7996 hold
    SLUICE_TOKEN=canary-token run -3 sluice --gateway http://127.0.0.1:7996 sandbox list
    [[ "$output" == *"is served by uid 4243"* ]]
    kill "$hostile"; wait "$hostile" || true; hostile=
    run ! grep -q canary "$shown/got"
}

@test "a token goes to a loopback port of one's own, of root, and of the user that is named" {
    [ "$(id -u)" -eq 0 ] || skip "needs another user"
    for case in "0 4243" "4243 4243" "4243 0 --gateway-user 4243" "4243 0 --insecure"; do
        set -- $case
        serve_as "$1" 127.0.0.1 7996
        SLUICE_TOKEN=canary-token run -3 setpriv --reuid "$2" --regid "$2" --clear-groups env HOME=/nonexistent "$build/bin/sluice" --gateway http://127.0.0.1:7996 "${@:3}" sandbox list
        kill "$hostile"; wait "$hostile" || true; hostile=
        grep -q canary "$shown/got" || { echo "$case: $output"; false; }
    done
}

@test "cases of a stranger run no native code in the runner and show no other files" {
    echo 'TOP-SECRET-canary: yes' >"$shown/secret.yaml"
    mkdir "$shown/cases"
    ln -s ../secret.yaml "$shown/cases/link.yaml"
    ln -s ../secret.yaml "$shown/cases/case.test.yaml"
    mkfifo "$shown/cases/pipe.yaml"
    for named in ../secret.yaml "$shown/secret.yaml" link.yaml sub/../../secret.yaml; do
        printf 'plugin: live_reload\ncases: [{name: x, candidate: {file: %s}, expect: {verdict: allow}}]\n' "$named" >"$shown/cases/leak.test.yaml"
        run -2 sluice plugin test --plugin-dir "$build/plugins" "$shown/cases"
        [[ "$output" != *canary* ]]
        [[ "$output" == *"leads out of the case file's folder"* ]] || [[ "$output" == *"No such file"* ]]
    done
    printf 'plugin: live_reload\ncases: [{name: x, candidate: {file: pipe.yaml}, expect: {verdict: allow}}]\n' >"$shown/cases/leak.test.yaml"
    run -2 timeout 180 sluice plugin test --plugin-dir "$build/plugins" "$shown/cases"
    [[ "$output" == *"pipe.yaml is no regular file"* ]]
    printf 'chain: ../secret.yaml\ncases: [{name: x, candidate: {version: 1}, expect: {outcome: allowed}}]\n' >"$shown/cases/leak.test.yaml"
    run sluice plugin test --plugin-dir "$build/plugins" "$shown/cases"
    [[ "$output" != *canary* ]]
    rm "$shown"/cases/*
    cat >"$shown/cases/evil.c" <<C
#include <sluice/plugin.h>
#include <fcntl.h>
__attribute__((constructor)) static void begin(void) { open("$shown/mark", O_WRONLY | O_CREAT, 0644); }
static enum sluice_verdict vote(void *self, const struct sluice_transition *t, struct sluice_ballot *b) { (void)self, (void)t; return sluice_allow(b); }
SLUICE_PLUGIN(.name = "evil", .version = "1.0.0", .summary = "x.", .vote = vote);
C
    gcc -shared -fPIC -I"$top/include" -o "$shown/cases/evil.so" "$shown/cases/evil.c"
    printf 'plugin: evil.so\ncases: [{name: x, candidate: {version: 1}, expect: {verdict: allow}}]\n' >"$shown/cases/a.test.yaml"
    printf 'chain: gateway.yaml\ncases: [{name: x, candidate: {version: 1}, expect: {outcome: allowed}}]\n' >"$shown/cases/b.test.yaml"
    echo 'chain: {plugin_dirs: [.], voters: [{plugin: evil, isolation: inline}]}' >"$shown/cases/gateway.yaml"
    run -0 sluice plugin test "$shown/cases"
    [ ! -e "$shown/mark" ]
    run sluice plugin bench "$shown/cases"
    [ ! -e "$shown/mark" ]
    run -0 sluice plugin test --isolation inline "$shown/cases"
    [ -e "$shown/mark" ]
}
