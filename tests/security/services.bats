#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Exposed services of sandboxes: who reaches them, what they learn of their visitors, and what hostile ones can do.

setup_file() {
    load ../e2e/helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    echo "listen: [\"unix:$state/sluice.sock\", \"tcp:127.0.0.1:7070\", {address: \"tcp:127.0.0.1:7071\", trust_local_uids: true}]" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    for name in demo other; do sluice -q sandbox create --name $name; done
    sluice sandbox exec demo -- sh -c 'cat >exposed.py' <"$top/tests/e2e/exposed.py"
    sluice sandbox exec demo --detach -- sh -c 'exec python3 -u exposed.py 8000 >>seen 2>&1'
    until_so "sluice -q sandbox exec demo -- grep -q bound seen"
    expose demo web 8000
}
setup() { load ../e2e/helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load ../e2e/helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

# as TOKEN METHOD JSON
as() { TOKEN=$1 timeout 120 /usr/bin/python3 "$top/tests/e2e/openshell_call.py" 127.0.0.1:7070 "$(command -v message_reader)" texts "${@:2}"; }
expose() {          # expose SANDBOX SERVICE PORT
    timeout 120 /usr/bin/python3 "$top/tests/e2e/openshell_call.py" "unix:$state/sluice.sock" "$(command -v message_reader)" texts \
        ExposeService "{\"sandbox\": \"$1\", \"name\": \"$2\", \"target_port\": $3}"
}

# visit PATH [CURL OPTION…]: by who may; the last line is the status
visit() { curl -sS --max-time 60 -w '\n%{http_code}' -H "Host: ${host-default--demo--web.sluice.localhost}" "http://127.0.0.1:${port-7071}$1" "${@:2}"; }

@test "a visitor needs the right to run commands in that sandbox, and is judged for each request" {
    ada=$(sluice -q token create --name ada --role user) vic=$(sluice -q token create --name vic --role viewer)
    export port=7070
    run -0 visit /
    [ "${lines[-1]}" = 401 ]
    for token in "$ada" "$vic"; do
        run -0 visit / -H "Authorization: Bearer $token"
        [ "${lines[-1]}" = 403 ]
        run -0 as "$token" ExposeService '{"sandbox": "demo", "name": "mine", "target_port": 22}'
        [[ "$output" == PERMISSION_DENIED* ]]
        run -0 as "$token" DeleteService '{"sandbox": "demo", "name": "web"}'
        [[ "$output" == PERMISSION_DENIED* ]]
    done
    sluice -q sandbox share demo --with vic --role user
    run -0 visit / -H "Authorization: Bearer $vic"
    [ "${lines[-1]}" = 200 ]
    run -1 sluice sandbox exec demo -- grep -qF "$vic" seen       # the service never sees how its visitor is known
    sluice -q sandbox unshare demo --with vic
    run -0 visit / -H "Authorization: Bearer $vic"
    [ "${lines[-1]}" = 403 ]
    bound=$(sluice -q token create --name bound --role admin --sandbox other)
    run -0 visit / -H "Authorization: Bearer $bound"
    [ "${lines[-1]}" = 403 ]
}

@test "names lead nowhere else: another workspace, another port, another host, and no page of another site" {
    for host in other--demo--web.sluice.localhost default--other--web.sluice.localhost default--demo--no.sluice.localhost default--demo.sluice.localhost; do
        run -0 visit /
        [ "${lines[-1]}" = 404 ] || { echo "$host: $output"; return 1; }
    done
    for host in default--demo--web.example.com default--demo--web.localhost.example.com; do   # a page's own name for 127.0.0.1
        run -0 visit /
        [ "${lines[-1]}" = 401 ]
    done
    for host in --demo--web.sluice.localhost default----web.sluice.localhost xn--demo--web.sluice.localhost a.default--demo--web.sluice.localhost; do
        run -0 visit /v1/status
        [[ "${lines[-1]}" = 40[14] ]] || { echo "$host: $output"; return 1; }
    done
    host=default--demo--web.sluice.localhost
    for site in cross-site same-site; do
        run -0 visit / -H "Sec-Fetch-Site: $site"
        [ "${lines[-1]}" = 403 ]
    done
    run -0 visit / -H "Origin: http://default--other--web.sluice.localhost:7071"
    [ "${lines[-1]}" = 403 ]
    run -0 visit /v1/sandboxes                          # the gateway's API is not below a service's name
    [ "${lines[0]}" = hello ]
    host=localhost
    run -0 visit /v1/sandboxes -H "Origin: http://default--demo--web.sluice.localhost:7071"
    [ "${lines[-1]}" = 403 ]
}

@test "what is the gateway's is taken out of both directions" {
    run -0 visit / -i -H "Cookie: a=b" -H "Connection: X-Hop" -H "X-Hop: 1"
    [[ "$output" == *"Set-Cookie: own=1"*"X-Own: yes"*hello* ]]
    for gone in wide=1 Strict-Transport X-Secret; do [[ "$output" != *"$gone"* ]]; done
    run -0 sluice sandbox exec demo -- tail -n 1 seen
    [[ "$output" == *"Cookie: a=b"* ]]
    [[ "$output" != *X-Hop* ]]
}

@test "a hostile service hangs and floods nobody" {
    for path in /head /lengths /switch; do
        run -0 visit $path
        [ "${lines[-1]}" = 502 ] || { echo "$path: $output"; return 1; }
    done
    run ! visit /short
    before=$(awk '/VmRSS/ {print $2}' "/proc/$(cat "$state/gateway.pid")/status")
    mkfifo "$BATS_TEST_TMPDIR/slow"
    visit /endless >"$BATS_TEST_TMPDIR/slow" 2>/dev/null 3>&- &
    reader=$!
    exec 7<"$BATS_TEST_TMPDIR/slow"
    head -c 1000000 <&7 >/dev/null
    run -0 visit /
    after=$(awk '/VmRSS/ {print $2}' "/proc/$(cat "$state/gateway.pid")/status")
    [ "$((after - before))" -lt 65536 ]
    kill "$reader"
    exec 7<&-
    [ "$(api GET /v1/status | jq -r .status)" = connected ]
}

@test "WebSockets pass, and end with the token, the service's sandbox, and nothing of them is left" {
    t=$(sluice -q token create --name wendy --role admin)
    talk() {        # talk TOKEN: says what it is answered, until the end
        python3 -u - "$1" <<'PYTHON'
import socket, sys
client = socket.create_connection(("127.0.0.1", 7070))
client.sendall(b"GET /ws HTTP/1.1\r\nHost: default--demo--web.sluice.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               b"Authorization: Bearer " + sys.argv[1].encode() + b"\r\n\r\n")
seen = b""
while b"ready" not in seen:
    seen += client.recv(4096)
client.sendall(b"ping")
assert client.recv(4096) == b"ping", seen
print(seen.split(b"\r\n")[0].decode(), flush=True)
try:
    print("end", client.recv(1))
except ConnectionError:
    print("end", b"")
PYTHON
    }
    talk "$t" >"$BATS_TEST_TMPDIR/one" 2>&1 3>&- &
    until_so "grep -q 'HTTP/1.1 101' '$BATS_TEST_TMPDIR/one'"
    sluice -q token revoke wendy
    until_so "grep -q end '$BATS_TEST_TMPDIR/one'"
    t=$(sluice -q token create --name walt --role admin)
    talk "$t" >"$BATS_TEST_TMPDIR/two" 2>&1 3>&- &
    until_so "grep -q 'HTTP/1.1 101' '$BATS_TEST_TMPDIR/two'"
    sluice -q sandbox stop demo
    until_so "grep -q end '$BATS_TEST_TMPDIR/two'"
    run -0 visit /
    [[ "${lines[-1]}" = 409 || "${lines[-1]}" = 50* ]]
    stop_gateway
    start_gateway --config "$state/sluice.yaml"
    [ "$(as "$t" ListServices '{}' | jq -r '.services[0].endpoint.name')" = web ]
    sluice -q sandbox delete demo
    run -0 visit /
    [[ "${lines[-1]}" = 40[34] ]]
}
