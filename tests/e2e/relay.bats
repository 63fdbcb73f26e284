#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two gateways on one store in PostgreSQL: commands, ports and logs of a sandbox of one are had at the other.

setup_file() {
    load helper
    db=$BATS_FILE_TMPDIR/db a=$BATS_FILE_TMPDIR/a b=$BATS_FILE_TMPDIR/b
    export db a b pg="postgresql://sluice@/postgres?host=$BATS_FILE_TMPDIR/db" PGUSER=sluice PGHOST=$BATS_FILE_TMPDIR/db
    "$top/tests/lib/postgres" start "$db"
    start_origin
    mkdir -p "$a" "$b"
    settings a 7501
    settings b 7502
    start b
    start a
    SLUICE_GATEWAY=unix:$a/sluice.sock
    sluice -q sandbox create --name demo --keep
    sluice -q sandbox create --name talker --keep --detach -- sh -c 'mkfifo go_on; echo begun; cat go_on; exit 4'
    until_so 'on_b sluice sandbox get talker -o json >"$b/talker.json" 2>/dev/null'
}
setup() { load helper; state=$a; export SLUICE_GATEWAY=unix:$b/sluice.sock; }
teardown_file() {
    load helper
    state=$b stop_gateway || true
    state=$a SLUICE_GATEWAY=unix:$a/sluice.sock teardown_all
    "$top/tests/lib/postgres" stop "$db"
}

settings() {       # settings a|b PORT: of that gateway
    cat >"$BATS_FILE_TMPDIR/$1/sluice.yaml" <<YAML
peers: {address: "tcp:127.0.0.1:$2"}
YAML
}

start() {          # start a|b: that gateway
    state=$BATS_FILE_TMPDIR/$1
    start_gateway --config "$state/sluice.yaml" --store "$pg"
    export SLUICE_GATEWAY=unix:$b/sluice.sock
}

on_a() { SLUICE_GATEWAY=unix:$a/sluice.sock "$@"; }
on_b() { SLUICE_GATEWAY=unix:$b/sluice.sock "$@"; }

@test "a command at the other gateway has its input, its output, its errors and its exit code" {
    [ "$(sluice sandbox get demo -o json | jq -c .gateway_here)" = false ]
    run -7 --separate-stderr sluice sandbox exec demo -- sh -c 'cat; echo wrong >&2; exit 7' <<<"through both"
    [ "$output" = "through both" ]
    [ "$stderr" = wrong ]
    run -0 sluice sandbox exec demo --env COLOUR=red -- sh -c 'echo $COLOUR'
    [ "$output" = red ]
    run -127 sluice sandbox exec demo -- /nothing/there
}

@test "much goes both ways, unchanged" {
    head -c 30000000 /dev/urandom >"$BATS_TEST_TMPDIR/much"
    sluice sandbox exec demo -- cat <"$BATS_TEST_TMPDIR/much" | cmp - "$BATS_TEST_TMPDIR/much"
}

@test "a terminal at the other gateway has its size, and a signal its target" {
    run -0 script -qec "stty rows 31 cols 91; sluice sandbox exec -t demo -- stty size" /dev/null
    [[ "$output" == *"31 91"* ]]
    mkfifo "$BATS_TEST_TMPDIR/out"
    sluice sandbox exec demo -- sh -c 'echo $$; exec sleep 1000' >"$BATS_TEST_TMPDIR/out" 3>&- &
    read -r inside <"$BATS_TEST_TMPDIR/out"
    on_a sluice sandbox exec demo -- kill -0 "$inside"
    kill -TERM $!
    wait $! || true
    until_so '! on_a sluice sandbox exec demo -- kill -0 '"$inside"' 2>/dev/null'
}

@test "the home's log names who asked, and where" {
    sluice sandbox exec demo -- true
    grep -q "sandbox demo: $(id -un) (unix.*) asks at the gateway $(hostname) unix:$b/sluice.sock: exec" "$a/gateway.log"
}

@test "a detached command, the main process, and its log" {
    run -0 sluice sandbox exec --detach demo -- sleep 1000
    [[ "$output" =~ [0-9]+ ]]
    sluice sandbox connect talker >"$BATS_TEST_TMPDIR/heard" 3>&- </dev/null &
    until_so 'grep -q begun "$BATS_TEST_TMPDIR/heard"'
    sluice sandbox exec talker -- sh -c 'echo more >go_on'
    code=0
    wait $! || code=$?
    [ "$code" = 4 ]
    [ "$(cat "$BATS_TEST_TMPDIR/heard")" = $'begun\nmore' ]
}

@test "logs, and logs that go on" {
    sluice sandbox exec demo -- curl -s "$url" || true
    until_so 'sluice logs demo | grep -q "10.77.0.2:8080"'
    diff <(on_a sluice logs demo) <(sluice logs demo)
    sluice logs -f demo >"$BATS_TEST_TMPDIR/followed" 3>&- &
    until_so 'grep -q "10.77.0.2:8080" "$BATS_TEST_TMPDIR/followed"'
    sluice sandbox exec demo -- curl -s "http://10.77.0.2:8099/" || true
    until_so 'grep -q "10.77.0.2:8099" "$BATS_TEST_TMPDIR/followed"'
    kill $!
    run -1 sluice logs nothing
    [[ "$output" == *"sandbox 'nothing' not found"* ]]
}

@test "files, ssh and ports" {
    echo "a file" >"$BATS_TEST_TMPDIR/file"
    run -0 sluice sandbox upload demo "$BATS_TEST_TMPDIR/file" .
    run -0 sluice sandbox exec demo -- cat file
    [ "$output" = "a file" ]
    run -0 sluice sandbox download demo file "$BATS_TEST_TMPDIR/back"
    cmp "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/back"
    sluice sandbox ssh-config demo >"$BATS_TEST_TMPDIR/ssh"
    run -0 ssh -F "$BATS_TEST_TMPDIR/ssh" sluice-demo echo by ssh
    [[ "$output" == *"by ssh"* ]]
    sluice sandbox exec --detach demo -- python3 -m http.server --bind 127.0.0.1 8123
    until_so 'sluice sandbox exec demo -- curl -s --noproxy "*" -o /dev/null http://127.0.0.1:8123/ 2>/dev/null'
    sluice sandbox forward demo 18123:8123 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    until_so 'curl -s http://127.0.0.1:18123/ | grep -q "Directory listing"'
}

@test "by gRPC: a command, an interactive one, the log, a port" {
    call() { timeout 120 /usr/bin/python3 "$top/tests/e2e/openshell_call.py" "unix:$b/sluice.sock" "$(command -v message_reader)" texts "$@"; }
    id=$(sluice sandbox get demo -o json | jq -r .id)
    run -0 call ExecSandbox "{\"sandbox\": \"demo\", \"command\": [\"sh\", \"-c\", \"cat; exit 3\"], \"stdin\": \"$(printf hello | base64)\"}"
    [ "$(jq -rs '[.[] | .stdout.data // empty] | join("")' <<<"$output" | base64 -d)" = hello ]
    [ "$(jq -s '.[-1].exit.exit_code' <<<"$output")" = 3 ]
    run -0 call ExecSandboxInteractive "{\"start\": {\"sandbox\": \"demo\", \"command\": [\"stty\", \"size\"], \"tty\": true, \"cols\": 77, \"rows\": 22}}"
    [[ "$(jq -rs '[.[] | .stdout.data // empty] | join("")' <<<"$output" | base64 -d)" == *"22 77"* ]]
    run -0 call GetSandboxLogs "{\"sandbox\": \"demo\"}"
    [ "$(jq '.logs | length' <<<"$output")" -gt 0 ]
    token=$(call CreateSshSession "{\"sandbox\": \"demo\"}" | jq -r .token)
    run -0 timeout 60 /usr/bin/python3 "$top/tests/e2e/openshell_forward.py" "unix:$b/sluice.sock" demo "$token" 127.0.0.1:8123 <<<$'GET / HTTP/1.0\r\n\r'
    [[ "$output" == *"Directory listing"* ]]
}

@test "who lacks the right at the gateway that is asked is refused there" {
    token=$(sluice token create --name looker --role viewer -o json | jq -r .token)
    SLUICE_TOKEN=$token run -1 sluice sandbox exec demo -- true
    [[ "$output" == *"may not do this"* ]]
}

@test "a peer that is no gateway of the store is sent away, and is told nothing" {
    state=$BATS_TEST_TMPDIR make_certificate stranger /CN=gateway ""
    id=$(sluice sandbox get demo -o json | jq -r .id)
    for key in "-cert $BATS_TEST_TMPDIR/stranger.pem -key $BATS_TEST_TMPDIR/stranger.key" ""; do
        # shellcheck disable=SC2086
        run timeout 20 openssl s_client -quiet -connect 127.0.0.1:7501 $key < <(printf '{"sluice_peer":1,"op":"logs","sandbox":"%s"}\n{}\n' "$id"; sleep 3 3>&-)
        [[ "$output" != *'"ok"'* ]]
    done
    grep -q "certificate is that of no gateway of the store" "$a/gateway.log"
}

@test "a gateway that answers with another certificate than is on record is not asked" {
    psql -qc "UPDATE gateway SET peer_digest='$(printf '%064d' 0)' WHERE peer_address='tcp:127.0.0.1:7501'" postgres
    run -1 sluice sandbox exec demo -- true
    [[ "$output" == *"who answers there has another certificate than the store says"* ]]
    stop_gateway
    start a
    until_so 'sluice sandbox exec demo -- true 2>/dev/null'
}

@test "kill -9 of the home in the middle ends the stream with an error that names it" {
    mkfifo "$BATS_TEST_TMPDIR/out"
    sluice sandbox exec demo -- sh -c 'echo on; exec sleep 1000' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    client=$!
    read -r _ <"$BATS_TEST_TMPDIR/out"
    sluice logs -f demo >"$BATS_TEST_TMPDIR/followed" 2>"$BATS_TEST_TMPDIR/logs.err" 3>&- &
    logs=$!
    until_so '[ -s "$BATS_TEST_TMPDIR/followed" ]'
    stop_gateway KILL
    code=0
    wait "$client" || code=$?
    [ "$code" = 255 ]
    grep -q "the gateway $(hostname) unix:$a/sluice.sock, where sandbox 'demo' runs, was lost" "$BATS_TEST_TMPDIR/err"
    code=0
    wait "$logs" || code=$?
    [ "$code" -ne 0 ]
    run -1 sluice sandbox exec demo -- true
    [[ "$output" == *"the gateway $(hostname) unix:$a/sluice.sock, where sandbox 'demo' runs, cannot be asked: connection refused"* ]]
    start a
    until_so 'sluice sandbox exec demo -- true 2>/dev/null'
}

@test "a home that is stopped is given up when it has been silent, and the client is told" {
    mkfifo "$BATS_TEST_TMPDIR/out"
    sluice sandbox exec demo -- sh -c 'echo on; exec sleep 1000' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    client=$!
    read -r _ <"$BATS_TEST_TMPDIR/out"
    kill -STOP "$(cat "$a/gateway.pid")"
    code=0
    wait "$client" || code=$?
    kill -CONT "$(cat "$a/gateway.pid")"
    [ "$code" = 255 ]
    grep -q "was lost: it has been silent for too long" "$BATS_TEST_TMPDIR/err"
    until_so 'sluice sandbox exec demo -- true 2>/dev/null'
}
