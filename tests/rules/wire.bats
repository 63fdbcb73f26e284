#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# include/WIRE.md, kept by programs that are not ours: variants of its own voter in Python.

setup() {
    load support
    folder=$BATS_TEST_TMPDIR
    umask 022
    sed -n '/^```python$/,/^```$/p' include/WIRE.md | sed '1d;$d' >"$folder/few_rules.py"
    sed -n '/^command: /,/^```$/p' include/WIRE.md | sed '/^```$/,$d' >"$folder/few_rules.test.yaml"
}

# change FROM TO: one line of the voter becomes another text.
change() {
    python3 - "$folder/few_rules.py" "$1" "$2" <<'PY'
import sys
path, old, new = sys.argv[1:]
text = open(path).read()
assert text.count(old) == 1, (text.count(old), old)
open(path, "w").write(text.replace(old, new))
PY
}

# fails_with TEXT: every vote is a failure of the process that says so.
fails_with() {
    exits 5 "$sluice" plugin test -j 1 "$folder"
    says "5 crashed"
    says "$1"
}

@test "frames may be written in pieces" {
    change '    os.write(3, len(data).to_bytes(4, "big") + data)' '    for byte in len(data).to_bytes(4, "big") + data:
        os.write(3, bytes([byte]))'
    exits 0 "$sluice" plugin test "$folder"
}

@test "it may end by itself between two votes, with code 0" {
    change '            send(type="voted", id=message["id"], verdict="allow")' '            send(type="voted", id=message["id"], verdict="allow")
        sys.exit(0)'
    exits 0 "$sluice" plugin test -j 1 "$folder"
    says "7 passed"
}

@test "an unknown member in an answer is an error" {
    change 'verdict="allow")' 'verdict="allow", colour="red")'
    change 'if n > most:' 'if False:'
    fails_with 'answered with what is no answer and was killed: colour: a voted message has no such field'
}

@test "an answer is JSON, in UTF-8, of at most 256 KiB" {
    cp "$folder/few_rules.py" "$folder/keep.py"
    change 'if n > most:' 'os.write(3, (4).to_bytes(4, "big") + b"{\"\xff\"")
        if n > most:'
    fails_with 'answered with what is no answer and was killed: not valid UTF-8: byte 0xff'
    mv "$folder/keep.py" "$folder/few_rules.py"
    change 'if n > most:' 'os.write(3, (256 * 1024 + 1).to_bytes(4, "big"))
        if n > most:'
    fails_with 'a frame of 262145 bytes, where 262144 are allowed'
}

@test "another protocol is refused" {
    change 'protocol=1' 'protocol=2'
    sed -i 's/expect: .*/expect: {load_error: "it speaks another protocol than 1"}/' "$folder/few_rules.test.yaml"
    exits 0 "$sluice" plugin test "$folder"
}

@test "a policy is sent when it changes, and stands until then" {
    change 'policies, most = {}, 10' 'policies, most, told = {}, 10, []'
    change '        policies[message["role"]] = message.get("policy")' '        policies[message["role"]] = message.get("policy")
        told.append(message["role"])'
    change '        if n > most:' '        send(type="voted", id=message["id"], verdict="allow", facts=[{"key": "told", "value": " ".join(told)}])
        told = []
        continue
        if n > most:'
    cat >"$folder/few_rules.test.yaml" <<'YAML'
command: [python3, ./few_rules.py]
policies:
  one: {version: 1}
  two: {version: 1, network_policies: {api: {endpoints: [{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}}}
cases:
  - {name: first, current: one, candidate: two, expect: {verdict: allow, facts: {told: baseline current candidate}}}
  - {name: the same, current: one, candidate: two, expect: {verdict: allow, facts: {told: ""}}}
  - {name: the other way, current: two, candidate: one, baseline: one, expect: {verdict: allow, facts: {told: current candidate}}}
YAML
    exits 0 "$sluice" plugin test -j 1 "$folder"
    says "3 passed"
}

@test "every member that is sent is documented" {

    change 'import json, os, sys' 'import json, os, sys

def names(value):
    if isinstance(value, list):
        return set().union(*map(names, value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(names(v) for k, v in value.items() if k not in ("policy", "labels", "options")))
'
    change '    if message["type"] == "open":' '    seen |= names(message)
    if message["type"] == "open":'
    change 'policies, most = {}, 10' 'policies, most, seen = {}, 10, set()'
    change '        if n > most:' '        send(type="voted", id=message["id"], verdict="deny", code="TOO_MANY", message=" ".join(sorted(seen)))
        continue
        if n > most:'
    cat >"$folder/few_rules.test.yaml" <<'YAML'
command: [python3, ./few_rules.py]
policies:
  before:
    version: 1
    filesystem_policy: {read_only: [/usr]}
    network_policies:
      gone: {endpoints: [{host: gone.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}
      kept: {endpoints: [{host: kept.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}
  after:
    version: 1
    filesystem_policy: {read_only: [/usr, /etc]}
    network_policies:
      kept: {endpoints: [{host: kept.example.com, port: 80, protocol: rest, enforcement: enforce, access: read-only}], binaries: [{path: /usr/bin/curl}]}
      new: {endpoints: [{host: new.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}
cases:
  - name: all
    kind: approve
    dry_run: true
    reason: because
    current: before
    candidate: after
    sandbox: {name: box, id: "1", labels: {team: a}, network: none, running: true}
    actor: {name: ann, role: admin, via: tcp}
    draft: {id: d, source: agent, author: bob, hits: 3, confidence: 0.5, approvals: [{actor: ann, role: admin, at_ms: 5}]}
    expect: {verdict: allow}
YAML
    exits 1 "$sluice" plugin test --format "json=$folder/r.json" "$folder"
    jq -r '.tests[0].ballots[0].message' "$folder/r.json" | tr ' ' '\n' | sort >"$folder/sent"
    [ "$(wc -l <"$folder/sent")" -ge 40 ] || { cat "$folder/sent"; return 1; }
    grep -o '`[a-z_0-9]*`' include/WIRE.md | tr -d '`' | sort -u >"$folder/documented"
    [ "$(comm -23 "$folder/sent" "$folder/documented")" = "" ] || { comm -23 "$folder/sent" "$folder/documented"; return 1; }
}

@test "the deepest, the longest and the widest policy that there may be reaches it" {
    python3 - "$folder" <<'PY'
import sys
def write(name, text):
    open(f"{sys.argv[1]}/{name}.yaml", "w").write("version: 1\n" + text + "\n")
def config(value):
    return "network_middlewares: {m: {middleware: a/b, order: 1, config: {a: %s}}}" % value
write("deep", config("[" * 28 + "]" * 28))
write("wide", config("[" + ",".join("1" * 99980) + "]"))
write("long", "network_policies:\n  api:\n    endpoints: [%s]\n    binaries: [%s]" % (
    ", ".join("{host: h%d.example.com, port: 443}" % i for i in range(40)),
    ", ".join("{path: /usr/%d%s}" % (i, "/b" * 1500) for i in range(32))))
PY
    # What a vote takes is not the question here: a busy machine has all the time that it needs.
    limits() {
        echo "chain: {vote_timeout_ms: 60000, voters: [{$1}]}" >"$folder/patient.yaml"
        case_file few_rules <<'YAML'
chain: patient.yaml
policies: {deep: {file: deep.yaml}, wide: {file: wide.yaml}, long: {file: long.yaml}}
cases:
  - name: limits
    expect: {outcome: allowed}
    table: [{name: deep, candidate: deep}, {name: wide, candidate: wide}, {name: long, candidate: long}]
YAML
        exits 0 "$sluice" plugin test --timeout 120 --plugin-dir "$plugins" "$folder"
        says "3 passed"
    }
    limits "command: [python3, ./few_rules.py]"
    limits "plugin: live_reload, isolation: process"
}

@test "what it says of itself has a bound, so that the gateway keeps its memory" {
    cat >"$folder/talker.py" <<'PY'
import os
os.read(3, 1 << 20)
body = b'{"type":"opened","protocol":1,"name":"talker","version":"1","options":{"a":[' + b"0," * 2000000 + b"0]}}"
data = len(body).to_bytes(4, "big") + body
while data:
    data = data[os.write(3, data):]
os.read(3, 1)
PY
    case_file talker <<'YAML'
command: [python3, ./talker.py]
cases: [{name: too many values, candidate: {version: 1}, expect: {load_error: "the document has more than 400000 values"}}]
YAML
    exits 0 "$sluice" plugin test "$folder/talker.test.yaml"
}

@test "options may be as many as a configuration holds" {
    cp scripts/rules/allowed_domains.lua "$folder/"
    {
        echo 'plugin: allowed_domains.lua'
        printf 'options: {domains: [x'
        printf ', sub%s.some-domain.example.com' $(seq 10000)
        printf ']}\ncases: [{name: many, candidate: {version: 1}, expect: {verdict: allow}}]\n'
    } >"$folder/many.test.yaml"
    exits 0 "$sluice" plugin test --isolation process "$folder/many.test.yaml"
}
