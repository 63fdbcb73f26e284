#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# SSH, file transfer and port forwarding: OpenSSH's clients here, its server in the sandbox.

setup_file() {
    load helper
    [ -x /usr/sbin/sshd ] && command -v sftp >/dev/null || skip "takes openssh-server and openssh-client"
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    cat >"$state/sluice.yaml" <<YAML
listen: ["unix:$state/sluice.sock", "tcp:127.0.0.1:7070"]
tokens: [{name: somebody, sha256: $(printf secret | sha256sum | cut -d' ' -f1)}]
YAML
    start_origin
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo --env "ODD=a \"b\" 'c' \\d # \$HOME  e"
    sluice sandbox ssh-config demo >"$state/ssh"
    listen_inside
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

over() { timeout 180 ssh -F "$state/ssh" sluice-demo "$@"; }    # over COMMAND…: in the sandbox, by ssh

listen_inside() {   # listen_inside: a program in the sandbox answers each connection to 127.0.0.1:8000 and [::1]:8001 once it has ended its input
    listen sluice sandbox exec demo -- python3 -u -c '
import socket, threading
def serve(family, address):
    listener = socket.create_server(address, family=family, backlog=200)
    while True:
        threading.Thread(target=answer, args=listener.accept()[:1]).start()
def answer(client):
    with client:
        text = client.makefile("rb").read()
        client.sendall(b"%d bytes: %s" % (len(text), text[:20]))
threading.Thread(target=serve, args=(socket.AF_INET, ("127.0.0.1", 8000))).start()
threading.Thread(target=serve, args=(socket.AF_INET6, ("::1", 8001))).start()
print("bound")'
    until_so "sluice sandbox exec demo -- python3 -c 'import socket; socket.create_connection((\"::1\", 8001))'"
}

forward() {         # forward ARGUMENT…: sandbox forward; sets $at to where it listens
    listen_forward=$BATS_TEST_TMPDIR/forward.$#
    mkfifo "$listen_forward"
    sluice sandbox forward "$@" >"$listen_forward" 2>"$BATS_TEST_TMPDIR/forward.err" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    read -r -t 180 said <"$listen_forward"
    at=${said#*Forwarding }
    at=${at%% *}
}

ask() {             # ask ADDRESS TEXT...: what is answered, to each by a connection of its own, all of them open at once
    python3 -c '
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
clients = [socket.create_connection((host, int(port))) for _ in sys.argv[2:]]
for client, text in zip(clients, sys.argv[2:]):
    client.sendall(text.encode())
for client in clients:
    client.shutdown(socket.SHUT_WR)
    print(client.makefile().read())' "$@"
}

@test "ssh runs a command with its input, output, errors and code" {
    run -3 over 'cat; echo bad >&2; exit 3' <<<good
    [[ "$output" == *good* ]]
    [[ "$output" == *bad* ]]
    [ "$(head -c 3000000 /dev/urandom | tee "$BATS_TEST_TMPDIR/much" | over 'cat' | sha256sum)" = "$(sha256sum <"$BATS_TEST_TMPDIR/much")" ]
}

@test "its environment is that of any command, to the byte, but for TERM" {
    env_of() { grep -aE '^(ODD|PATH|HOME|SHELL|USER|[A-Za-z_]*(proxy|PROXY|CERT|BUNDLE|CERTS|CAINFO)|SLUICE_SANDBOX|OPENSHELL_SANDBOX)=' | sort; }
    one=$(over env | env_of)
    [ "$one" = "$(sluice sandbox exec demo -- env | env_of)" ]
    [[ "$one" == *"ODD=a \"b\" 'c' \\d # \$HOME  e"* ]]
    run -0 env TERM=vt220 timeout 180 ssh -tt -F "$state/ssh" demo 'echo "$TERM $(tty)"' </dev/null
    [[ "$output" == *"vt220 /dev/pts/"* ]]
}

@test "it has no right that a command lacks" {
    rights='grep -E "^(Uid|Gid|Groups|Cap.*|NoNewPrivs|Seccomp|Seccomp_filters):" /proc/self/status; cat /proc/self/uid_map; readlink /proc/self/ns/*; ulimit -Ha; mkdir /usr/x; cat /proc/1/environ; unshare -r true'
    run sluice sandbox exec demo -- bash -c "$rights"
    by_exec=$output
    run over "$rights"
    [ "$output" = "$by_exec" ]
    [[ "$output" == *"NoNewPrivs:"*1* ]]
}

@test "what it starts is judged as the workload, with sshd among its ancestors" {
    run -0 over curl -sS -o /dev/null -w '%{http_code}' "$url"
    [ "$output" = 403 ]
    wait_event demo draft '.status == "pending"'
    chunk=$(sluice rule get demo -o json | jq -r '.chunks[0].id')
    [ "$(sluice rule get demo -o json | jq -r '.chunks[0].binary')" = /usr/bin/curl ]
    sluice rule approve demo --chunk-id "$chunk" --wait
    run -0 over curl -sS -o /dev/null -w '%{http_code}' "$url"
    [ "$output" = 200 ]
    run -0 sluice sandbox exec demo -- curl -sS -o /dev/null -w '%{http_code}' "$url"
    [ "$output" = 200 ]
}

@test "files that the workload plants decide nothing" {
    over 'mkdir -p .ssh && cd .ssh && printf "echo PLANTED\n" >rc && chmod +x rc && echo PLANTED=1 >environment &&
          echo "command=\"echo PLANTED\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0" >authorized_keys && cp rc ../.profile'
    run -0 over 'echo "-$PLANTED-"'
    [ "$output" = "--" ]
    run -0 over 'cat /etc/sluice-ssh/host_key | head -1; echo x >/etc/sluice-ssh/host_key || rm -f /etc/sluice-ssh/host_key || echo kept'
    [[ "$output" == *"PRIVATE KEY"* ]]
    [[ "$output" == *kept* ]]
    over 'rm -r .ssh .profile'
}

@test "forwarding leads to the sandbox's loopback only, and never out of it to the client" {
    port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    [ "$(printf hello | over -W 127.0.0.1:8000)" = "5 bytes: hello" ]
    for target in "$origin" 10.200.0.1:3128 169.254.169.254:80; do
        run -255 timeout 180 ssh -F "$state/ssh" -o LogLevel=INFO -W "$target" demo
        [[ "$output" == *"administratively prohibited"* ]]
    done
    run timeout 180 ssh -F "$state/ssh" -o ExitOnForwardFailure=yes -N -R "$port:127.0.0.1:1" demo
    [ "$status" -eq 255 ]
    [[ "$output" == *"remote port forwarding failed"* ]]
}

@test "scp, sftp and rsync copy there and back" {
    cd "$BATS_TEST_TMPDIR"
    head -c 300000 /dev/urandom >one
    mkdir -p tree/deep && cp one tree/deep/two
    scp -q -F "$state/ssh" one sluice-demo:by-scp
    echo "get by-scp by-sftp" | sftp -q -b - -F "$state/ssh" sluice-demo
    cmp one by-sftp
    command -v rsync >/dev/null || skip "takes rsync"
    rsync -a -e "ssh -F $state/ssh" tree/ sluice-demo:by-rsync/
    rsync -a -e "ssh -F $state/ssh" sluice-demo:by-rsync/ back/
    cmp one back/deep/two
}

@test "upload and download: files and folders, any name, modes kept" {
    cd "$BATS_TEST_TMPDIR"
    name=$'odd "name" * [x] \\ -end é'
    mkdir -p -- tree/sub "-dash"
    echo 1 >"tree/sub/$name" && echo 2 >tree/run && chmod 755 tree/run && echo 3 >-dash/f && echo 4 >"$name"
    ln -s /etc/passwd tree/link
    run -0 sluice sandbox upload demo tree
    [[ "$output" == *"link: not a regular file"* ]]
    sluice sandbox upload demo ./-dash /tmp/dash
    sluice sandbox upload demo "$name" /tmp
    run -0 sluice sandbox exec demo -- sh -c 'cd /sandbox/tree && find . | sort && stat -c %a run && cat /tmp/dash/f /tmp/odd*'
    [ "$output" = $'.\n./run\n./sub\n./sub/'"$name"$'\n755\n3\n4' ]
    sluice sandbox download demo /sandbox/tree back
    sluice sandbox download demo /sandbox/tree back              # into it, as it is there now
    sluice sandbox download demo "/tmp/$name" single
    [ "$(cat single)" = 4 ]
    [ "$(cat "back/sub/$name" back/tree/run)" = $'1\n2' ]
    [ -x back/run ]
    [ -z "$(find . -name '.sluice-*')" ]
}

@test "a gateway at a TCP address, with a token" {
    export SLUICE_GATEWAY=tcp:127.0.0.1:7070
    echo hello >"$BATS_TEST_TMPDIR/file"
    sluice --token secret sandbox upload demo "$BATS_TEST_TMPDIR/file" /tmp/by-token
    run -0 sluice --token secret sandbox ssh-config demo
    [[ "$output" == *"'--gateway' 'tcp:127.0.0.1:7070' 'sandbox' 'ssh-proxy' 'demo'"* ]]
    [[ "$output" != *secret* ]]
    printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/ssh"
    run -0 env SLUICE_TOKEN=secret timeout 180 ssh -F "$BATS_TEST_TMPDIR/ssh" demo cat /tmp/by-token
    [ "$output" = hello ]
    run -255 env SLUICE_TOKEN=wrong timeout 180 ssh -F "$BATS_TEST_TMPDIR/ssh" demo true
    [[ "$output" == *"sluice: "* ]]
}

@test "what cannot be copied says why, and leaves nothing behind" {
    cd "$BATS_TEST_TMPDIR"
    run -1 sluice sandbox download demo /sandbox/nothing
    [[ "$output" == *"not found"* ]]
    run -2 sluice sandbox upload demo nothing
    [ "$output" = "sluice: cannot read nothing: No such file or directory" ]
    run -2 sluice sandbox download demo / .
    [[ "$output" == *"name what to copy, or a target that does not exist yet"* ]]
    run -2 sluice sandbox upload demo $'a\nb'
    [[ "$output" == *"a path with a line end cannot be copied"* ]]
    run -1 sluice sandbox download ghost /x
    [[ "$output" == *"sandbox 'ghost' not found"* ]]
    [ -z "$(ls -A)" ]
}

@test "a download stays in the folder that it made, whatever takes its place" {
    cd "$BATS_TEST_TMPDIR"
    mkdir programs target victim
    over 'mkdir -p moved && echo own >moved/file'
    cat >programs/sftp <<'SH'
#!/bin/sh
stage=$(echo target/.sluice-*)
mv "$stage" was && ln -s ../victim "$stage" || exit 9
exec /usr/bin/sftp "$@"
SH
    chmod 755 programs/sftp
    PATH=$PWD/programs:$PATH run -0 timeout 180 sluice sandbox download demo /sandbox/moved target/got
    [ "$(cat target/got/file)" = own ]
    [ -z "$(ls -A victim)" ]
}

@test "a download writes nothing outside its target, whatever links lie on either side" {
    cd "$BATS_TEST_TMPDIR"
    mkdir target outside && echo mine >outside/file
    ln -s ../outside target/folder && ln -s ../outside/file target/file
    over 'mkdir -p evil/folder evil/tree && echo bad >evil/folder/file && echo bad >evil/file && echo bad >evil/tree/x && cd evil &&
          ln -s / root && ln -s /etc/passwd tree/passwd && ln -s .. tree/up && ln -s ../../../outside/file tree/out && mkfifo tree/pipe'
    run timeout 180 sluice sandbox download demo /sandbox/evil/tree got
    [ "$status" -eq 0 ]
    [ "$(ls -A got)" = x ]
    run timeout 180 sluice sandbox download demo /sandbox/evil/file target
    [ "$status" -eq 0 ]
    [ "$(cat outside/file)" = mine ]
    [ ! -L target/file ]
    run -1 timeout 180 sluice sandbox download demo /sandbox/evil/folder target
    [[ "$output" == *"folder was not written: what is there is no folder, or a link, which is not followed"* ]]
    [ "$(cat outside/file)" = mine ]
    [ -z "$(find . -name '.sluice-*')" ]
}

@test "forward: many connections, IPv6 in the sandbox, loopback unless told" {
    forward demo 0:8000
    [[ "$said" == "✓ Forwarding 127.0.0.1:"*" to port 8000 of sandbox demo" ]]
    [ "$(ask "$at" hello)" = "5 bytes: hello" ]
    [ "$(ask "$at" {1000..1019})" = "$(printf '4 bytes: %d\n' {1000..1019})" ]
    forward demo 0:8001 --bind 10.77.0.2
    [[ "$at" == 10.77.0.2:* ]]
    [ "$(ask "$at" six)" = "3 bytes: six" ]
}

@test "forward: a port that nobody listens on is told, and bad arguments are" {
    forward demo 0:9
    run ask "$at" hello
    [[ "$output" != *bytes* ]]
    until_so "grep -q \"nothing listens on port 9 of the sandbox's loopback\" '$BATS_TEST_TMPDIR/forward.err'"
    for bad in 0 65536 x 1:x 70000:1 :1 1:2:3 ''; do
        run -2 sluice sandbox forward demo "$bad"
    done
    run -2 sluice sandbox forward demo 1 --bind somewhere
    [[ "$output" == *"--bind is an address of this machine, not 'somewhere'"* ]]
    run -1 sluice sandbox forward ghost 1
    [[ "$output" == *"sandbox 'ghost' not found"* ]]
}

@test "a flood of connections is bounded, and leaves room when it ends" {
    mkfifo "$BATS_TEST_TMPDIR/hold"
    exec 7<>"$BATS_TEST_TMPDIR/hold"
    flood=()
    for i in $(seq 31); do                          # and the one that listens
        sluice -q sandbox exec demo -- sh -c 'echo up; exec cat' <&7 >>"$BATS_TEST_TMPDIR/up" 3>&- &
        flood+=($!)
    done
    until_so "[ \$(grep -c up '$BATS_TEST_TMPDIR/up') = 31 ]"
    run -255 over true
    [[ "$output" == *"32 commands run in this sandbox already"* ]]
    forward demo 0:8000
    [ "$(ask "$at" beside)" = "6 bytes: beside" ]
    kill "${flood[@]}"
    until_so "ssh -F '$state/ssh' demo true 2>/dev/null"
}

@test "the gateway takes no other service" {
    ask_tunnel() { curl -sS --unix-socket "$state/sluice.sock" http://localhost/v1/sandboxes/demo/tunnel -H 'Connection: Upgrade' -H 'Upgrade: sluice-exec' -d "$1" | jq -r .detail; }
    [[ "$(ask_tunnel '{"service": "x11"}')" == *"a service is ssh or tcp, not 'x11'"* ]]
    [[ "$(ask_tunnel '{"service": "tcp"}')" == *"which port? it is a number from 1 to 65535"* ]]
    [[ "$(ask_tunnel '{"service": "ssh", "port": 22}')" == *"a port is for the service tcp"* ]]
    [[ "$(ask_tunnel '{"service": "ssh", "command": ["id"]}')" == *"command"* ]]
}

@test "without openssh-server, ssh says what to install" {
    state=$BATS_TEST_TMPDIR/state
    mkdir -p "$state" "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\nexec unshare --mount sh -c "mount -t tmpfs none /usr/sbin && exec %s \\"\\$@\\"" sluiced "$@"\n' "$build/bin/sluiced" >"$BATS_TEST_TMPDIR/bin/sluiced"
    chmod +x "$BATS_TEST_TMPDIR/bin/sluiced"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH start_gateway
    sluice sandbox create --name bare
    sluice sandbox ssh-config bare >"$state/ssh"
    run timeout 180 ssh -F "$state/ssh" bare true
    [ "$status" -eq 255 ]
    [[ "$output" == *"there is no /usr/sbin/sshd in the sandbox: install openssh-server on the gateway's machine"* ]]
    sluice sandbox delete bare
    stop_gateway
}

@test "under the gateway of an ordinary user, and without a network" {
    as_ordinary_user
    start_gateway
    sluice sandbox create --name plain --network none
    sluice sandbox ssh-config plain >"$state/ssh"
    run -0 timeout 180 ssh -tt -F "$state/ssh" plain 'id -un; tty' </dev/null
    [[ "$output" == *sandbox*/dev/pts/* ]]
    echo hello >"$BATS_TEST_TMPDIR/file"
    sluice sandbox upload plain "$BATS_TEST_TMPDIR/file"
    sluice sandbox download plain /sandbox/file "$BATS_TEST_TMPDIR/back"
    [ "$(cat "$BATS_TEST_TMPDIR/back")" = hello ]
    sluice sandbox delete plain
    stop_gateway
}

# ---- OpenShell's clients ----

call() {            # call WIRE METHOD JSON: the answer, or code and text
    timeout 120 /usr/bin/python3 "$top/tests/e2e/openshell_call.py" "unix:$state/sluice.sock" "$(command -v message_reader)" "$@"
}
relay() {           # relay ARGUMENT…: openshell_forward.py
    timeout 180 /usr/bin/python3 "$top/tests/e2e/openshell_forward.py" "unix:$state/sluice.sock" "$@"
}
token_for() {       # token_for SANDBOX: of a new session
    call enums CreateSshSession '{"sandbox": "'"$1"'", "workspace_scope": {"workspace": "default"}}' | jq -r .token
}

@test "a session has what both generations of clients check, and its token is bound to its sandbox" {
    id=$(sluice sandbox get demo -o json | jq -r .id)
    run -0 call texts CreateSshSession "{\"sandbox\": \"$id\"}"
    [ "$(jq -r .sandbox_id <<<"$output")" = "$id" ]
    [ "$(jq -r '.token | test("^[0-9a-f]{64}$")' <<<"$output")" = true ]
    [ "$(jq -c '[.gateway_host, .gateway_port, .gateway_scheme]' <<<"$output")" = '["localhost",80,"http"]' ]
    [ "$(jq '(.expires_at_ms / 1000 - now) as $s | $s > 3000 and $s <= 3600' <<<"$output")" = true ]
    [ "$(jq -r '.expiration_time | startswith("20")' <<<"$output")" = true ]
    key=$(jq -r .host_key_fingerprint <<<"$output")
    sluice sandbox exec demo -- cat /etc/sluice-ssh/host_key >"$BATS_TEST_TMPDIR/host_key"
    chmod 600 "$BATS_TEST_TMPDIR/host_key"
    [[ "$(ssh-keygen -lf "$BATS_TEST_TMPDIR/host_key")" == "256 $key "* ]]
    run -1 grep -rqF "$(jq -r .token <<<"$output")" "$state"       # only its digest is kept
    run -0 call enums CreateSshSession '{"sandbox": "ghost", "workspace_scope": {"workspace": "default"}}'
    [ "$output" = "NOT_FOUND sandbox not found" ]
    sluice sandbox create --name other --network none
    token=$(token_for other)
    run -1 relay demo "$token" ssh
    [ "$output" = "UNAUTHENTICATED SSH session token not found" ]
    sluice sandbox stop other
    run -0 call texts CreateSshSession '{"sandbox": "other"}'
    [ "$output" = "FAILED_PRECONDITION sandbox is not ready" ]
    sluice sandbox delete other
}

@test "ssh by ForwardTcp, as both generations of clients do it" {
    for wire in '' default; do
        proxy="/usr/bin/python3 $top/tests/e2e/openshell_forward.py unix:$state/sluice.sock demo $(token_for demo) ssh $wire"
        run -0 timeout 180 ssh -F none -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR -o ProxyCommand="$proxy" \
            sandbox@demo 'cat; id -un' <<<hello
        [ "$output" = $'hello\nsandbox' ]
        run -0 timeout 180 ssh -F none -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR -o ProxyCommand="$proxy" \
            -tt -s sandbox@demo openshell-main < <(echo 'tty; shopt -q login_shell && echo login; exit 0')
        [[ "$output" == */dev/pts/*login* ]]
    done
}

# main_ssh SANDBOX ARGUMENT…: ssh to the subsystem openshell-main, as OpenShell's clients do it.
main_ssh() {
    local proxy
    proxy="/usr/bin/python3 $top/tests/e2e/openshell_forward.py unix:$state/sluice.sock $1 $(token_for "$1") ssh default"
    timeout --foreground 170 ssh -F none -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR -o ProxyCommand="$proxy" \
        "${@:2}" -s "sandbox@$1" openshell-main
}

@test "openshell-main attaches to the main process: what it printed, what is typed, its exit code" {
    for wire in texts enums; do
        call $wire CreateSandbox '{"name": "main-'$wire'", "spec": {"command": ["sh", "-c", "stty -echo; echo one; while read -r a; do echo got $a; [ $a = end ] && exit 7; done"], "tty": true}}' >/dev/null
        until_so "sluice -q sandbox exec main-$wire -- pgrep -x sh >/dev/null"
        run -7 main_ssh main-$wire -tt < <(printf 'two\nend\n')
        [[ "$output" == *one*"got two"*"got end"* ]]
        run -7 main_ssh main-$wire -tt </dev/null             # what is kept of it, once it has ended
        [[ "$output" == *"got end"* ]]
        [ "$(call $wire GetSandbox '{"name": "main-'$wire'", "workspace_scope": {"workspace": "default"}}' | jq .sandbox.status.exit_code)" = 7 ]
        sluice -q sandbox delete main-$wire
    done
}

@test "a terminal of openshell-main is raw, has the client's size, and leaves by ctrl-p ctrl-q; read-only clients type nothing" {
    call texts CreateSandbox '{"name": "term", "spec": {"tty": true, "command": ["python3", "-uc",
        "import os, signal, sys, tty\nsignal.signal(signal.SIGWINCH, lambda *_: print(\"size\", *os.get_terminal_size(0), end=\"\\r\\n\"))\ntty.setraw(0)\nwhile True: print(\"key\", os.read(0, 1), end=\"\\r\\n\")"]}}' >/dev/null
    until_so "sluice -q sandbox exec term -- pgrep -x python3 >/dev/null"
    cat >"$BATS_TEST_TMPDIR/play.py" <<'PYTHON'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
def until(text):
    seen = b""
    while text not in seen:
        seen += os.read(fd, 4096)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 91, 0, 0))
until(b"size 91 31")
os.write(fd, b"\x03")
until(b"key b'\\x03'")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 22, 77, 0, 0))
until(b"size 77 22")
os.write(fd, b"\x10a")
until(b"key b'\\x10'\r\nkey b'a'")
os.write(fd, b"\x10\x11")
print("left", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
    export -f main_ssh token_for call
    export top state
    run -0 timeout 170 python3 "$BATS_TEST_TMPDIR/play.py" bash -c 'main_ssh term -tt'
    [[ "$output" == *"left 0"* ]]
    [ "$(sluice sandbox get term -o json | jq -r .main.state)" = running ]
    OPENSHELL_MAIN_READ_ONLY=1 main_ssh term -tt -o SendEnv=OPENSHELL_MAIN_READ_ONLY >"$BATS_TEST_TMPDIR/silent" < <(printf zzz; exec cat "$BATS_FILE_TMPDIR/never" 2>/dev/null) 3>&- &
    silent=$!
    until_so "grep -q \"key b'a'\" '$BATS_TEST_TMPDIR/silent'"
    main_ssh term -tt > "$BATS_TEST_TMPDIR/loud" < <(printf q) 3>&- &
    until_so "grep -q \"key b'q'\" '$BATS_TEST_TMPDIR/silent'"
    run -1 grep -q "key b'z'" "$BATS_TEST_TMPDIR/silent"
    sluice -q sandbox delete term
    wait "$silent" || true
}

@test "openshell-main without a terminal: the first client's input where it was waited for; and what breaks in from inside is bounded" {
    call enums CreateSandbox '{"name": "pipe", "await_main_process_attachment": true, "workspace_scope": {"workspace": "default"},
        "spec": {"command": ["sh", "-c", "cat; echo wrong >&2; exit 3"]}}' >/dev/null
    run -3 main_ssh pipe -T <<<"typed"
    [ "$(sort <<<"$output")" = $'typed\nwrong' ]       # two streams, whose order nobody keeps
    sluice -q sandbox delete pipe
    sluice -q sandbox create --name crowd --detach -- sh -c 'echo here; exec sleep 1000'
    run -0 sluice sandbox exec crowd -- python3 -c '
import socket, time
held = []
for i in range(40):
    client = socket.socket(socket.AF_UNIX)
    client.connect("\0sluice-main")
    client.settimeout(30)
    try:
        if client.recv(100): held.append(client)
    except ConnectionError: pass
garbage = held.pop()
garbage.sendall(b"\xff" * 4096)
while True:
    try:
        if not garbage.recv(4096): break
    except ConnectionError: break
print("held", len(held) + 1)'
    [ "$output" = "held 8" ]
    [ "$(timeout 60 sluice sandbox connect crowd </dev/null 2>/dev/null | head -1)" = here ]
    sluice -q sandbox delete crowd
}

@test "ports by ForwardTcp: loopback only, with a half-closed end" {
    token=$(token_for demo)
    for target in 127.0.0.1:8000 localhost:8001; do
        [ "$(printf hello | relay demo "$token" $target)" = "5 bytes: hello" ]
    done
    head -c 3000000 /dev/zero >"$BATS_TEST_TMPDIR/zeros"
    [[ "$(relay demo "$token" 127.0.0.1:8000 <"$BATS_TEST_TMPDIR/zeros" | tr '\0' 0)" == "3000000 bytes: 0"* ]]
    while read -r target answer; do
        run -1 relay demo "$token" "$target" </dev/null
        [ "$output" = "$answer" ]
    done <<ANSWERS
10.77.0.2:8080 INVALID_ARGUMENT tcp target host must be loopback
10.200.0.1:3128 INVALID_ARGUMENT tcp target host must be loopback
127.0.0.1:0 INVALID_ARGUMENT tcp target port must be a number from 1 to 65535
127.0.0.1:65536 INVALID_ARGUMENT tcp target port must be a number from 1 to 65535
127.0.0.1:9 UNAVAILABLE supervisor relay failed: nothing listens on port 9 of the sandbox's loopback
ANSWERS
    run -1 relay demo "" 127.0.0.1:8000
    [ "$output" = "UNAUTHENTICATED authorization_token is required for ForwardTcp" ]
    run -1 relay demo "${token//[0-9]/0}" 127.0.0.1:8000
    [ "$output" = "UNAUTHENTICATED SSH session token not found" ]
    run -1 relay demo "$token" 127.0.0.1:8000 elsewhere
    [ "$output" = "NOT_FOUND workspace 'elsewhere' not found" ]
}

@test "a revoked token ends its connections at once, and those of others stay" {
    token=$(token_for demo) other=$(token_for demo)
    mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/other-in"
    relay demo "$token" ssh <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    relay demo "$other" 127.0.0.1:8000 <"$BATS_TEST_TMPDIR/other-in" >"$BATS_TEST_TMPDIR/other-out" 3>&- &
    exec 7>"$BATS_TEST_TMPDIR/in" 8>"$BATS_TEST_TMPDIR/other-in"
    until_so "grep -qa SSH-2.0 '$BATS_TEST_TMPDIR/out'"
    run -0 call texts RevokeSshSession "{\"token\": \"$token\"}"
    [ "$(jq -r '.revoked, .outcome' <<<"$output")" = $'true\nCOMPLETED' ]
    until_so "grep -q 'UNAUTHENTICATED SSH session token is not valid: it was revoked' '$BATS_TEST_TMPDIR/err'"
    exec 7>&-
    printf still >&8
    exec 8>&-
    until_so "grep -q '5 bytes: still' '$BATS_TEST_TMPDIR/other-out'"
    run -1 relay demo "$token" ssh </dev/null
    [ "$output" = "UNAUTHENTICATED SSH session token not found" ]
    run -0 call texts RevokeSshSession "{\"token\": \"$token\"}"
    [ "$(jq -r '.revoked // false, .outcome' <<<"$output")" = $'false\nALREADY_ABSENT' ]
    run -0 call enums RevokeSshSession "{\"token\": \"$token\", \"allow_missing\": true}"
    [ "$(jq -r .outcome <<<"$output")" = ALREADY_ABSENT ]
    run -0 call texts RevokeSshSession '{}'
    [ "$output" = "INVALID_ARGUMENT token is required" ]
}
