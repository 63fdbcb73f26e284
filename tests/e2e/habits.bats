#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What people know from kubectl, docker and OpenShell: forms of results, prefixes, watching.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_gateway
    sluice sandbox create --name demo --label team=a
    sluice sandbox create --name other
    first_rule >"$state/first-rule.yaml"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

@test "results as names, by a template and as a wide table" {
    [ "$(sluice sandbox list -o name | sort | xargs)" = "demo other" ]
    [ "$(sluice sandbox get demo -o name)" = demo ]
    [ "$(sluice policy list demo -o name)" = 1 ]
    id=$(propose demo)
    [ "$(sluice rule get demo -o name)" = "$id" ]
    [ "$(sluice sandbox list -o jsonpath='{.items[?(@.name=="demo")].labels.team}')" = a ]
    [ "$(sluice sandbox get demo -o jsonpath='{.policy_revision} {.phase}')" = "1 ready" ]
    [ "$(sluice sandbox list -o jsonpath='{range .sandboxes[*]}{.name}:{.network}{"\n"}{end}' | sort | xargs)" = "demo:proxy other:proxy" ]
    run -0 sluice sandbox list -o wide
    [[ "${lines[0]}" == "NAME "*"CREATED "*"LABELS "*"HASH "*"ID" ]]
    [[ "$output" == *"team=a"* ]]
    [ "$(sluice sandbox list --no-headers | wc -l)" = 2 ]
    [ "$(sluice policy list demo -o wide --no-headers | awk '{ print length($2) }')" = 64 ]
    run -0 sluice decision list -o wide
    [[ "${lines[0]}" == *"REASON" ]]
    # What is wrong with a form is said before anything is asked.
    run -2 sluice --gateway unix:/nowhere.sock sandbox list -o 'jsonpath={.a'
    [[ "$output" == *"-o jsonpath={.a: } is missing, or this is not known here at its end"* ]]
    run -2 sluice sandbox list -o custom-columns=NAME:.name
    [[ "$output" == *"-o is table, wide, name, json, yaml or jsonpath=EXPR, not 'custom-columns=NAME:.name'"* ]]
    run -1 sluice sandbox get nobody -o name
    [ "$output" = "sluice: sandbox 'nobody' not found" ]
}

@test "ids and names need not be typed to their end, but to delete a sandbox" {
    id=$(propose demo)
    run -0 sluice rule reject demo --chunk-id "${id:0:9}"
    [ "$(sluice rule get demo --status rejected -o name)" = "$id" ]
    run -1 sluice rule undo demo --chunk-id ffffffff-0
    [[ "$output" == *"no chunk id begins with 'ffffffff-0'"* ]]
    sluice policy set demo --policy "$state/first-rule.yaml"
    hash=$(sluice policy get demo -o jsonpath='{.hash}')
    run -0 sluice policy get demo --rev "${hash:0:12}" -o jsonpath='{.revision}'
    [ "$output" = "$(sluice policy get demo -o jsonpath='{.revision}')" ]
    decision=$(sluice decision list demo -o name | head -1)
    [[ "$(sluice decision show "${decision:0:13}")" == "Decision $decision of "* ]]
    run -0 --separate-stderr sluice sandbox get othe -o name
    [ "$output" = other ]
    [ "$stderr" = "→ Using sandbox 'other'" ]
    sluice sandbox create --name demo-2 --network none
    run -0 sluice policy get demo -o jsonpath='{.sandbox}'
    [ "$output" = demo ]
    run -1 sluice policy get dem
    [[ "$output" == "sluice: 'dem' begins more than one sandbox: demo"*"demo"* ]]
    for words in "sandbox delete oth" "sandbox stop oth" "policy rollback oth --to 1" "traffic oth"; do
        run -1 sluice $words
        [[ "$output" == *"'oth' not found"* ]] || { echo "$words: $output" >&2; return 1; }
    done
    run -3 sluice --gateway unix:/nowhere.sock sandbox get oth
    sluice sandbox delete demo-2
}

@test "lists are watched: what changes is shown as it does" {
    mkfifo "$BATS_TEST_TMPDIR/table" "$BATS_TEST_TMPDIR/json"
    sluice sandbox list -w >"$BATS_TEST_TMPDIR/table" 3>&- &
    watcher=$!
    exec 4<"$BATS_TEST_TMPDIR/table"
    sluice rule get other -w -o jsonpath='{.id} {.status}' >"$BATS_TEST_TMPDIR/json" 3>&- &
    rules=$!
    exec 5<"$BATS_TEST_TMPDIR/json"
    read -r -t 60 line <&4
    [[ "$line" == "NAME "* ]]
    read -r -t 60 line <&4
    read -r -t 60 line <&4
    sluice sandbox create --name watched --network none
    until [[ "$line" == "watched "*ready* ]]; do read -r -t 60 line <&4; done
    sluice sandbox delete watched
    until [[ "$line" == "watched "*deleted* ]]; do read -r -t 60 line <&4; done
    id=$(propose other)
    read -r -t 60 line <&5
    [ "$line" = "$id pending" ]
    sluice rule reject other --chunk-id "$id"
    until [ "$line" = "$id rejected" ]; do read -r -t 60 line <&5; done
    kill "$watcher" "$rules"
}

@test "the proposals of all sandboxes in one list" {
    demo=$(propose demo) other=$(propose other)
    run -0 sluice rule get --all-sandboxes --status pending
    [[ "${lines[0]}" == "SANDBOX "*"ID "*"STATUS "* ]]
    [[ "$output" == *"other "*"$other"* ]]
    [[ "$(sluice rule get -A -o name)" == *"$other"* ]]
    run -2 sluice rule get demo -A
    [[ "$output" == *"--all-sandboxes and a name exclude each other"* ]]
}

@test "a rule is proposed by its endpoint, by a file or by the cure of a refusal" {
    run -0 sluice rule propose other --add-endpoint api.example.com:443:read-only:rest --binary /usr/bin/curl --for 10m --reason "the API of the example" -o json
    [ "$(jq -c '.chunks[0] | [.status, .source, .host, .port, .binary, .rationale, .grant.ends]' <<<"$output")" = \
        '["pending","operator","api.example.com",443,"/usr/bin/curl","the API of the example","10m after the approval"]' ] || { echo "$output"; return 1; }
    printf 'endpoints: [{host: db.example.com, port: 5432, protocol: tcp}]\nbinaries: [{path: /usr/bin/psql}]\n' >"$BATS_TEST_TMPDIR/rule.yaml"
    run -0 sluice rule propose other --rule "$BATS_TEST_TMPDIR/rule.yaml" --rule-name database
    [[ "$output" == "✓ Proposed rule database: chunk "*" is pending" ]]
    printf 'endpoints:\n- host: db.example.com\n  prot: 5432\n' >"$BATS_TEST_TMPDIR/rule.yaml"
    run -1 sluice rule propose other --rule "$BATS_TEST_TMPDIR/rule.yaml"
    [[ "$output" == *"rule.yaml:3:3: endpoints[0].prot: "*"did you mean"* ]]
    echo '{"cure":{"operations":[{"add_rule":{"rule_name":"cured","rule":{"endpoints":[{"host":"c.example.com","port":80}],"binaries":[{"path":"/usr/bin/curl"}]}}}]}}' |
        sluice rule propose other --operations -
    [ "$(sluice rule get other --status pending -o jsonpath='{.chunks[?(@.rule_name=="cured")].host}')" = c.example.com ]
    run -2 sluice rule propose other --operations - <<<'{"operations":[{"remove_rule":{"rule_name":"cured"}}]}'
    [[ "$output" == *"operation 1 of --operations adds no rule: only rules can be proposed"* ]]
    run -2 sluice rule propose other
    [[ "$output" == *"what is proposed? --add-endpoint HOST:PORT --binary PATH, --rule FILE or --operations FILE"* ]]
}

edit_with() {      # edit_with SCRIPT: the editor is this shell script, $1 the file
    printf '#!/bin/sh\n%s\n' "$1" >"$BATS_TEST_TMPDIR/editor"
    chmod +x "$BATS_TEST_TMPDIR/editor"
    export VISUAL=$BATS_TEST_TMPDIR/editor TMPDIR=$BATS_TEST_TMPDIR
}

kept() { find "$BATS_TEST_TMPDIR" -path '*/sluice-edit-*/policy.yaml'; }

@test "policy edit: what the editor leaves is set, and nothing is sent where nothing changed" {
    before=$(sluice policy get other -o jsonpath='{.revision}')
    edit_with 'stat -c %a "$1" >'"$BATS_TEST_TMPDIR"'/mode; printf "# a comment\n" >>"$1"; sed -i "\$d" "$1"'
    run -0 sluice policy edit other
    [ "$output" = "Nothing was changed: nothing was sent." ]
    [ "$(cat "$BATS_TEST_TMPDIR/mode")" = 600 ]
    edit_with ': >"$1"'
    run -0 sluice policy edit other
    edit_with 'exit 3'
    run -1 sluice policy edit other
    [[ "$output" == *"the editor '"*"' failed: nothing was sent"*"your edit is kept in $(kept)" ]]
    rm "$(kept)"
    [ "$(sluice policy get other -o jsonpath='{.revision}')" = "$before" ]
    edit_with "cat $state/first-rule.yaml >\"\$1\""
    run -0 sluice policy edit other --reason "by hand" --wait
    [[ "$output" == "✓ Policy revision $((before + 1)) loaded "* ]]
    [ "$(sluice policy list other -o jsonpath='{.revisions[0].reason}')" = "by hand" ]
    [ -z "$(kept)" ]
    unset VISUAL EDITOR
    run -2 sluice policy edit other </dev/null
    [[ "$output" == *"which editor? set VISUAL or EDITOR"* ]]
}

@test "policy edit: a mistake comes back as a comment with its line, a conflict keeps the edit" {
    # The first visit makes a mistake, the second finds it told and mends it.
    edit_with 'if grep -q "^# error: " "$1"; then grep "^# error: " "$1" >'"$BATS_TEST_TMPDIR"'/told; grep -n "^ *prot:" "$1" | cut -d: -f1 >'"$BATS_TEST_TMPDIR"'/line
sed -i s/prot:/port:/ "$1"; else printf "version: 1\nnetwork_policies:\n  x:\n    endpoints:\n    - host: x.example.com\n      prot: 80\n    binaries: [{path: /usr/bin/curl}]\n" >"$1"; fi'
    run -0 sluice policy edit other
    [[ "$(head -1 "$BATS_TEST_TMPDIR/told")" == "# error: line $(cat "$BATS_TEST_TMPDIR/line"): network_policies.x.endpoints[0].prot: "*"did you mean \"port\"?"* ]] || { cat "$BATS_TEST_TMPDIR/told" "$BATS_TEST_TMPDIR/line"; return 1; }
    [ "$(sluice policy get other -o jsonpath='{.policy.network_policies.x.endpoints[0].port}')" = 80 ]
    # Whoever saves the mistake again gives up.
    edit_with 'grep -q "^# error: " "$1" || echo "nonsense: 1" >>"$1"'
    run -1 sluice policy edit other
    [[ "$output" == *"still has the problems that its comments tell: nothing was changed"*"your edit is kept in $(kept)" ]]
    grep -q '^nonsense: 1' "$(kept)"
    rm "$(kept)"
    edit_with "sluice policy set other --policy $state/first-rule.yaml; sed -i s/x.example.com/y.example.com/ \"\$1\""
    run -1 sluice policy edit other
    [[ "$output" == *"somebody changed the policy of sandbox other after revision "*": nothing was sent. What changed since:"*"+ network_policies.allow_10_77_0_2_8080"*"your edit is kept in $(kept)" ]]
    grep -q y.example.com "$(kept)"
}

@test "logs: from a time on, of a level, the last lines, and what follows" {
    sluice sandbox create --name logged
    sluice sandbox exec logged -- curl -sS -o /dev/null "$url" || true
    until_so 'sluice logs logged | grep -q 10.77.0.2:8080'
    sluice logs logged >"$BATS_TEST_TMPDIR/all"
    [ "$(sluice logs logged -n 1)" = "$(tail -1 "$BATS_TEST_TMPDIR/all")" ]
    [ "$(sluice logs logged --level info)" = "$(cat "$BATS_TEST_TMPDIR/all")" ]
    [ "$(sluice logs logged --level warn)" = "$(awk '$2 == "warn" || $2 == "error"' "$BATS_TEST_TMPDIR/all")" ]
    [ "$(sluice logs logged --level warn | grep -c DENIED)" = 0 ]
    [ "$(sluice logs logged --since 1h)" = "$(cat "$BATS_TEST_TMPDIR/all")" ]
    [ -z "$(sluice logs logged --since 2999-01-01T00:00:00Z)" ]
    mkfifo "$BATS_TEST_TMPDIR/lines"
    sluice logs logged -f -n 1 --level info >"$BATS_TEST_TMPDIR/lines" 3>&- &
    follower=$!
    exec 4<"$BATS_TEST_TMPDIR/lines"
    read -r -t 60 line <&4
    [ "$line" = "$(tail -1 "$BATS_TEST_TMPDIR/all")" ]
    sluice sandbox exec logged -- curl -sS -o /dev/null "${url}again" || true
    until [[ "$line" == *DENIED*/again* ]]; do read -r -t 60 line <&4; done
    kill "$follower"
    sluice sandbox delete logged
    run -2 sluice logs logged --level loud
    [[ "$output" == *"--level is one of debug info warn error, not 'loud'"* ]]
    run -2 sluice logs logged -n 0
    run -124 sluice sandbox exec other --timeout 1s -- sleep 60
}

@test "completion knows what is asked, in bash, zsh and fish" {
    id=$(sluice rule propose demo --add-endpoint c.example.com:443 --binary /usr/bin/curl -o jsonpath="{.chunks[0].id}")
    [ "$(sluice __complete rule approve demo --chunk-id "${id:0:8}")" = "$id"$'\t'"c.example.com:443 /usr/bin/curl" ]
    [ "$(sluice __complete rule approve demo --chunk-id= | cut -f1 | grep -c "^$id$")" = 1 ]
    [ "$(sluice __complete rule get '' | cut -f1 | sort | xargs)" = "demo other" ]
    [ "$(sluice __complete policy get demo --rev '' | cut -f1 | tail -1)" = 1 ]
    [ "$(sluice __complete decision show '' | cut -f1 | tail -1)" = "$(sluice decision list -o name | tail -1)" ]
    [ "$(sluice __complete completion '' | xargs)" = "bash zsh fish" ]
    [ "$(sluice __complete policy set demo --policy '')" = :files ]
    [ "$(sluice __complete rule get demo --status p)" = pending ]
    [ "$(sluice __complete ls --sel)" = "$(sluice __complete sandbox list --sel)" ]
    # Where there is no gateway there is nothing to say.
    run -0 sluice __complete --gateway unix:/nowhere.sock rule get ''
    [ -z "$output" ]
    run -0 env SLUICE_GATEWAY=nonsense:// sluice __complete rule get ''
    [ -z "$output" ]
    mkdir "$BATS_TEST_TMPDIR/zsh"
    sluice completion zsh >"$BATS_TEST_TMPDIR/zsh/_sluice"
    cat >"$BATS_TEST_TMPDIR/try.zsh" <<'Z'
compdef() { :; }
_describe() { print -rl -- "${(@P)2}"; }
_files() { print files "$@"; }
source $1/_sluice
words=(sluice policy set demo --policy '') CURRENT=6; _sluice
words=(sluice sandbox create --network '') CURRENT=5; _sluice
words=(sluice sandbox create --network=) CURRENT=4; _sluice
words=(sluice rule get o) CURRENT=4; _sluice
Z
    run -0 zsh -f "$BATS_TEST_TMPDIR/try.zsh" "$BATS_TEST_TMPDIR/zsh"
    [ "$output" = "files
proxy
none
--network=proxy
--network=none
other:ready" ] || { echo "$output"; return 1; }
    sluice completion fish >"$BATS_TEST_TMPDIR/sluice.fish"
    run -0 env HOME="$BATS_TEST_TMPDIR" fish --no-config -c "source $BATS_TEST_TMPDIR/sluice.fish; complete -C 'sluice rule get o'; complete -C 'sluice sandbox create --network '; complete -C 'sluice sandbox create --network=p'"
    [ "$output" = "other"$'\t'"ready
none
proxy
--network=proxy" ] || [ "$output" = "other"$'\t'"ready
proxy
none
--network=proxy" ] || { echo "$output"; return 1; }
    run -2 sluice completion tcsh
    [[ "$output" == *"of which shell? bash, zsh or fish, not 'tcsh'"* ]]
}

# at_terminal ANSWER COMMAND...: on a terminal, where the answer is typed as soon as the command asks.
at_terminal() {
    python3 - "$@" <<'P'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
asked = False
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    if not asked and b"[y/N] " in seen:
        asked = True
        os.write(fd, sys.argv[1].encode() + b"\n")
sys.stdout.write(seen.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
P
}

@test "what deletes asks on a terminal, and nowhere else" {
    sluice sandbox create --name gone --network none
    run -1 at_terminal n sluice sandbox delete gone
    [[ "$output" == "Delete sandbox gone with its files? [y/N] n"*"sluice: nothing was done: answer y, or give --yes"* ]]
    sluice rule propose demo --add-endpoint d.example.com:443 --binary /usr/bin/curl
    run -1 at_terminal "" sluice rule clear demo
    [ -n "$(sluice rule get demo --status pending -o name)" ]
    run -0 at_terminal y sluice rule clear demo
    [ -z "$(sluice rule get demo --status pending -o name)" ]
    run -1 at_terminal n sluice token revoke nobody
    [[ "$output" == "Revoke token nobody? What uses it is refused at once. [y/N] "* ]]
    run -1 at_terminal n sluice provider delete nothing
    [[ "$output" == "Delete provider nothing with its credentials? [y/N] "* ]]
    run -0 at_terminal n sluice sandbox delete gone --yes
    [ "$output" = "✓ Deleted sandbox gone" ]
    sluice sandbox create --name gone --network none
    run -0 sluice sandbox delete gone </dev/null
}

@test "what takes longer than a second says so on a terminal, and cleans up after itself" {
    mkfifo "$BATS_TEST_TMPDIR/up"
    python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
print("up", flush=True)
c, _ = s.accept(); c.recv(65536); time.sleep(2.5)
c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"sandboxes\": []}"); c.close()' "$BATS_TEST_TMPDIR/slow.sock" >"$BATS_TEST_TMPDIR/up" 3>&- &
    read -r _ <"$BATS_TEST_TMPDIR/up"
    run -0 at_terminal "" sluice --gateway "unix:$BATS_TEST_TMPDIR/slow.sock" sandbox list
    [[ "$output" == *$'\r\e[K'"… sluice sandbox list: 1 s"*"2 s"*$'\r\e[K'"No sandboxes found."* ]] || { printf %q "$output"; return 1; }
}
