#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One file judges changes and requests, in each language.

setup() {
    load support
    folder=$BATS_TEST_TMPDIR
    umask 022
}

@test "one file in C serves both moments" {
    compile tests/fixtures/plugins/both.c both -Iinclude
    cat >"$folder/both.test.yaml" <<'YAML'
plugin: both.so
options: {say: never}
cases:
  - name: a change
    kind: [create, replace, merge, approve]
    candidate: {version: 1, network_policies: {api: {endpoints: [{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}}}
    expect: {verdict: deny, code: RULES, message: "1 rules, never"}
  - name: a request
    request: {path: /deny, headers: {X-Team: blue}}
    expect: {verdict: deny, code: PATH, message: "^never blue$"}
  - name: all of a request
    request: {method: PUT, host: b.example.com, port: 8443, path: /show, query: q=1, headers: {accept: [a, b]}, body: hello}
    expect: {verdict: deny, code: SEEN, message: "^PUT b.example.com:8443 /show\\?q=1 accept=a body=hello$"}
  - name: an answer
    request: {response: {status: 500}}
    expect: {verdict: deny, code: STATUS}
  - name: a middleware changes a request
    request: {path: /change, middleware: true, headers: {x-team: blue}}
    expect: {verdict: allow, headers: {x-team: null, x-openshell-middleware-seen: never}, body: "a\\x00b"}
  - name: nobody else does
    request: {path: /change}
    expect: {verdict: deny, code: VOTER_ERROR, message: "which it may only where a policy names it as a middleware"}
  - name: nor what it may not
    request: {path: /set, middleware: true}
    expect: {verdict: deny, code: VOTER_ERROR, message: "it sets a header whose name does not begin with"}
YAML
    for isolation in inline process; do
        exits 0 "$sluice" plugin test --isolation $isolation --format "junit=$folder/junit.xml" --format pretty "$folder"
        says "10 passed"
    done
    grep -q 'tests="10" failures="0"' "$folder/junit.xml"
    exits 0 "$sluice" plugin bench --isolation inline --time 50 "$folder/both.test.yaml"
    says "both"
}

@test "one file in Lua serves both moments" {
    cat >"$folder/both.lua" <<'LUA'
return {
  codes = { NO = "No." },
  vote = function(t, ballot)
    return ballot:deny("NO", "network_policies", "a change by %s", t.actor.name)
  end,
  inspect = function(r, ballot)
    if r.method == "POST" then
      ballot:set_body("hello")
      return ballot:allow()
    end
    return ballot:deny("NO", "", "a request to %s", r.host)
  end,
}
LUA
    cat >"$folder/both.test.yaml" <<'YAML'
plugin: both.lua
cases:
  - {name: a change, candidate: {version: 1}, expect: {verdict: deny, code: "NO", message: a change by dev}}
  - {name: a request, request: {host: b.example.com}, expect: {verdict: deny, code: "NO", message: a request to b.example.com}}
  - {name: a body, request: {method: POST, middleware: true}, expect: {verdict: allow, body: hello}}
YAML
    exits 0 "$sluice" plugin test --min-cover 100 "$folder"
    exits 0 "$sluice" plugin test --isolation process "$folder"
    says "3 passed"
    sed -i 's/body: hello/body: other/' "$folder/both.test.yaml"
    exits 1 "$sluice" plugin test "$folder"
    says "wanted body: other"
    says "got    body: hello"
}

@test "one file in Python serves both moments" {
    sed -n '/^```python$/,/^```$/p' include/WIRE.md | sed '1d;$d' >"$folder/few_rules.py"
    sed -n '/^command: /,/^```$/p' include/WIRE.md | sed '/^```$/,$d' >"$folder/few_rules.test.yaml"
    exits 0 "$sluice" plugin test "$folder"
    says "7 passed"
}

@test "a voter for one moment abstains from the other" {
    echo 'return { inspect = function(r, ballot) return ballot:allow() end }' >"$folder/only.lua"
    cat >"$folder/only.test.yaml" <<'YAML'
plugin: only.lua
cases:
  - {name: a change, candidate: {version: 1}, expect: {verdict: abstain}}
  - {name: a request, request: {}, expect: {verdict: allow}}
YAML
    exits 0 "$sluice" plugin test "$folder"
    exits 0 "$sluice" plugin test --isolation process "$folder"
}

@test "a case has a request or a policy, and names nothing that there is not" {
    expects() {
        printf 'plugin: x.lua\ncases:\n  - {name: a, %s, expect: {verdict: allow}}\n' "$1" >"$folder/x.test.yaml"
        exits 2 "$sluice" plugin test "$folder"
        says "$2"
    }
    expects 'request: {}, candidate: {version: 1}' "has a request and a policy: keep one of them"
    expects 'request: {}, kind: merge' "has a request, which has no kind"
    expects 'request: {hots: a}' "did you mean"
    expects 'request: {headers: [a]}' "must be a map of headers by name"
    expects 'request: {body: {base64: "*"}}' "must be base64"
}

@test "a request passes a chain in which nobody refuses it; those of other hosts are not asked about" {
    folder=$BATS_TEST_TMPDIR
    umask 022
    echo 'return { inspect = function(r, ballot) if r.method == "PUT" then return ballot:deny("NO", "", "no") end end }' >"$folder/no_put.lua"
    echo "chain: {voters: [{script: no_put.lua, isolation: inline, inspect: {hosts: [a.test]}}]}" >"$folder/chain.yaml"
    case_file chain <<'YAML'
chain: chain.yaml
cases:
  - {name: nobody minds, request: {host: a.test}, expect: {outcome: allowed, votes: {no_put: abstain}}}
  - {name: refused, request: {host: a.test, method: PUT}, expect: {outcome: denied, votes: {no_put: deny}}}
  - {name: another host, request: {host: b.test, method: PUT}, expect: {outcome: allowed, votes: {no_put: abstain}}}
YAML
    exits 0 "$sluice" plugin test "$folder"
    says "3 passed"
}
