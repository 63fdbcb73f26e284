#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# sluice plugin test: its flags and exit codes.

setup_file() { load support; make_faulty; }
setup() { load support; take_faulty; }

@test "exit 0: all passed, once for each kind" {
    passing
    exits 0 "$sluice" plugin test "$folder"
    says "✓ it denies (replace)"
    says "✓ it denies (merge)"
    says "3 passed, 0 failed"
}

@test "exit 1: a failure says where, what was wanted and got, the ballot and the command" {
    failing
    exits 1 "$sluice" plugin test "$folder/bad.test.yaml"
    says "$folder/bad.test.yaml:3"
    says "wanted verdict: deny"
    says "got    verdict: allow"
    says "wanted code: ASKED"
    says "ballot faulty: allow"
    says "0 passed, 1 failed"
    again=$(printf '%s\n' "$output" | sed -n 's/^ *again  //p')
    PATH=$build/bin:$PATH exits 1 bash -c "$again"
    says "0 passed, 1 failed"
}

@test "exit 2: an unknown key names file, line and what was meant" {
    case_file typo <<'YAML'
plugin: faulty.so
cases:
  - name: a
    candidate: {version: 1}
    expcet: {verdict: allow}
YAML
    exits 2 "$sluice" plugin test "$folder"
    says "$folder/typo.test.yaml:5:5: cases[0].expcet:"
    says 'did you mean "expect"?'
}

@test "exit 2: every problem of every file at once" {
    case_file one <<'YAML'
plugin: faulty.so
cases:
  - {name: a, candidate: nobody, expect: {verdict: perhaps}}
  - {name: b, candidate: {version: 1}, expect: {}}
  - {name: c, candidate: {version: 1}, expect: {verdict: allow, message: "("}}
YAML
    case_file two <<'YAML'
cases: []
YAML
    exits 2 "$sluice" plugin test "$folder"
    says "one.test.yaml:3"
    says "must be abstain, allow, deny or hold"
    says "expects nothing"
    says "no POSIX extended regular expression"
    says 'two.test.yaml:1:1: the field "plugin" is missing'
}

@test "exit 2: names that are not there, policies that are not valid" {
    case_file names <<'YAML'
plugin: faulty.so
policies:
  empty: {version: 1}
  broken: {version: 1, netwrk_policies: {}}
  absent: {file: nowhere.yaml}
cases:
  - {name: a, candidate: emtpy, expect: {verdict: allow}}
  - {name: a, candidate: empty, expect: {verdict: allow}}
YAML
    exits 2 "$sluice" plugin test "$folder"
    says 'did you mean "empty"?'
    says 'names.test.yaml:4:24: policies.broken.netwrk_policies:'
    says "cannot read $folder/nowhere.yaml"
    says "another case of that name stands in line 7"
}

@test "exit 2: wrong use" {
    passing
    exits 2 "$sluice" plugin test
    exits 2 "$sluice" plugin test "$folder/absent"
    exits 2 "$sluice" plugin test --run '(' "$folder"
    says "no POSIX extended regular expression"
    exits 2 "$sluice" plugin test --isolation outside "$folder"
    exits 2 "$sluice" plugin test --min-cover 101 "$folder"
    exits 2 "$sluice" plugin test --format tpa "$folder"
    says "did you mean 'tap'?"
    exits 2 "$sluice" plugin test --format tap --format json "$folder"
    says "two reports cannot share stdout"
    exits 2 "$sluice" plugin test -j 0 "$folder"
    says "--jobs takes a number from 1 to 64, not '0'"
    printf 'x' >"$folder/notes.txt"
    exits 2 "$sluice" plugin test "$folder/notes.txt"
    says "is no case file"
}

@test "exit 3: no case ran" {
    exits 3 "$sluice" plugin test "$folder"
    says "there is no *.test.yaml"
    passing
    exits 3 "$sluice" plugin test --run 'no such case' "$folder"
    says "--run matches none"
    exits 3 "$sluice" plugin test --list --run 'no such case' "$folder"
    says "--run matches none"
    case_file none <<<'{plugin: faulty.so, cases: []}'
    exits 3 "$sluice" plugin test "$folder/none.test.yaml"
}

@test "exit 4: below --min-cover, naming what no case reaches" {
    passing
    exits 4 "$sluice" plugin test --min-cover 90 "$folder"
    says "codes      1 of 2; never: NEVER"
    says "options    1 of 3; never: start, end"
    says "covered: 40.0 %"
    exits 0 "$sluice" plugin test --min-cover 40 "$folder"
    exits 0 "$sluice" plugin test --cover "$folder"
    says "covered: 40.0 %"
}

@test "the configuration of a chain sets options as a case does" {
    echo 'chain: {plugin_dirs: [.], voters: [{plugin: faulty, isolation: inline, options: {how: deny}}]}' >"$folder/gateway.yaml"
    case_file chain <<'YAML'
chain: gateway.yaml
cases: [{name: it denies, candidate: {version: 1}, expect: {outcome: denied}}]
YAML
    exits 0 "$sluice" plugin test --cover "$folder"
    says "options    1 of 3; never: start, end"
}

@test "folders of the command line stand for those of a chain, as a gateway takes them" {
    echo 'chain: {plugin_dirs: [elsewhere], voters: [{plugin: faulty, isolation: inline}]}' >"$folder/gateway.yaml"
    case_file chain <<'YAML'
chain: gateway.yaml
cases: [{name: it allows, candidate: {version: 1}, expect: {outcome: allowed}}]
YAML
    exits 1 "$sluice" plugin test "$folder"
    says "there is no faulty.so in $folder/elsewhere"
    exits 0 "$sluice" plugin test --plugin-dir "$folder" "$folder"
}

@test "coverage of Lua counts lines, those of functions that are never called too" {
    cat >"$folder/lines.lua" <<'LUA'
local function never()
  return "called"
end
return {
  vote = function(t, ballot)
    if t.dry_run then
      return ballot:hold("DRY", "", "dry")
    end
    return ballot:allow()
  end,
}
LUA
    case_file lines <<'YAML'
plugin: lines.lua
cases: [{name: a, candidate: {version: 1}, expect: {verdict: allow}}]
YAML
    exits 4 "$sluice" plugin test --min-cover 100 "$folder"
    says "never: 2, 7"
    sed -i 's/\]$/, {name: b, dry_run: true, candidate: {version: 1}, expect: {verdict: hold}}]/' "$folder/lines.test.yaml"
    exits 4 "$sluice" plugin test --min-cover 100 "$folder"
    says "never: 2"
    says_not "2, 7"
}

@test "exit 5: a crash is of one case, the rest still runs" {
    crashing
    for jobs in 1 4; do
        exits 5 "$sluice" plugin test --isolation inline -j $jobs "$folder"
        says "✓ before"
        says "✗ boom: crashed"
        says "during the vote"
        says "✓ after"
        says "2 passed, 0 failed, 1 crashed"
    done
}

@test "exit 5: whatever ends the process, and whenever" {
    case_file ends <<'YAML'
plugin: faulty.so
cases:
  - {name: it exits, candidate: {version: 1}, reason: exit, expect: {verdict: allow}}
  - {name: it hangs, candidate: {version: 1}, reason: hang, expect: {verdict: allow}}
  - {name: it crashes in the end, options: {end: crash}, candidate: {version: 1}, expect: {verdict: allow}}
  - {name: it crashes in the beginning, options: {start: crash}, candidate: {version: 1}, expect: {verdict: allow}}
  - {name: it is well, options: {how: allow}, candidate: {version: 1}, expect: {verdict: allow}}
YAML
    exits 5 "$sluice" plugin test --isolation inline --timeout 1 "$folder"
    says "it ended its process with status 0, during the vote"
    says "no answer within 1 s (--timeout), during the vote"
    says "while it was closed, after this vote"
    says "while it was loaded"
    says "✓ it is well"
    says "1 passed, 0 failed, 4 crashed"
}

@test "exit 5: a crash in a process of its own is of one case as well" {
    crashing
    exits 5 "$sluice" plugin test --isolation process "$folder"
    says "✓ before"
    says "✗ boom: crashed"
    says "killed by signal 11"
    says "✓ after"
    says "2 passed, 0 failed, 1 crashed"
}

@test "what a voter prints, and processes it leaves, disturb nobody" {
    case_file loud <<'YAML'
plugin: faulty.so
cases:
  - {name: it prints, candidate: {version: 1}, reason: print, expect: {verdict: allow}}
  - {name: it leaves a process, candidate: {version: 1}, reason: leave, expect: {verdict: allow}}
YAML
    exits 0 "$sluice" plugin test --isolation inline --format json "$folder"
    [ "$(jq .passed <<<"$output")" = 2 ]
    run ! pgrep -f "$folder"
}

@test "a voter that fails is no voter that denies" {
    case_file lies <<'YAML'
plugin: faulty.so
options: {how: lie}
cases:
  - {name: it denies, candidate: {version: 1}, expect: {verdict: deny}}
  - {name: it fails, candidate: {version: 1}, expect: {verdict: deny, code: VOTER_ERROR, message: "without casting"}}
YAML
    exits 1 "$sluice" plugin test "$folder"
    says "✗ it denies"
    says "it returned deny without casting it"
    says "✓ it fails"
}

@test "code and path that are written empty expect none" {
    case_file none <<'YAML'
plugin: faulty.so
options: {how: deny}
cases:
  - {name: a code, candidate: {version: 1}, expect: {verdict: deny, code: ""}}
  - {name: a path, candidate: {version: 1}, expect: {verdict: deny, path: ""}}
  - {name: neither, candidate: {version: 1}, options: {how: allow}, expect: {verdict: allow, code: "", path: ""}}
YAML
    exits 1 "$sluice" plugin test "$folder"
    says "wanted code: (none)"
    says "got    code: ASKED"
    says "wanted path: (none)"
    says "got    path: network_policies"
    says "1 passed, 2 failed"
    exits 1 "$sluice" plugin test --update "$folder"
    exits 0 "$sluice" plugin test "$folder"
}

@test "load_error: a voter that must be refused" {
    case_file load <<'YAML'
plugin: faulty.so
cases:
  - {name: it refuses to start, options: {start: refuse}, expect: {load_error: "does not feel like it"}}
  - {name: an option is unknown, options: {hwo: deny}, expect: {load_error: "did you mean .?how"}}
YAML
    exits 0 "$sluice" plugin test "$folder"
    case_file not <<'YAML'
plugin: faulty.so
cases:
  - {name: it loads, expect: {load_error: "."}}
  - {name: another reason, options: {start: refuse}, expect: {load_error: "bad weather"}}
  - {name: no reason is expected, options: {start: refuse}, candidate: {version: 1}, expect: {verdict: allow}}
YAML
    exits 1 "$sluice" plugin test "$folder/not.test.yaml"
    says "got    load_error: it loads"
    says "wanted load_error: /bad weather/"
    says "wanted load: it loads"
    says "0 passed, 3 failed"
}

@test "a plugin by name, by file and in Lua" {
    cat >"$folder/few.lua" <<'LUA'
return {
  codes = { MANY = "More than one rule." },
  vote = function(t, ballot)
    local n = 0
    for _ in t:added() do n = n + 1 end
    if n > 1 then return ballot:deny("MANY", "network_policies", "%d rules", n) end
    ballot:fact("rules", tostring(n))
    return ballot:allow()
  end,
}
LUA
    mkdir "$folder/cases"
    case_file cases/lua <<'YAML'
plugin: ../few.lua
policies:
  two: {file: two.yaml}
cases:
  - {name: one is fine, candidate: {file: one.yaml}, expect: {verdict: allow, facts: {rules: "1"}}}
  - {name: two are many, candidate: two, expect: {verdict: deny, code: MANY, message: "^2 rules$"}}
YAML
    cat >"$folder/cases/one.yaml" <<'YAML'
version: 1
network_policies:
  a: {endpoints: [{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}
YAML
    { cat "$folder/cases/one.yaml"; sed -n 's/  a:/  b:/p' "$folder/cases/one.yaml"; } >"$folder/cases/two.yaml"
    sed 's/plugin: .*/plugin: live_reload/; /two are many/d; s/facts: {[^}]*}//; s/, }/}/' \
        "$folder/cases/lua.test.yaml" >"$folder/cases/name.test.yaml"
    exits 0 "$sluice" plugin test --plugin-dir "$plugins" "$folder"
    says "3 passed"
    sed 's/live_reload/absent\/live_reload.so/' "$folder/cases/name.test.yaml" >"$folder/cases/file.test.yaml"
    exits 1 "$sluice" plugin test --plugin-dir "$plugins" "$folder/cases/file.test.yaml"
    says "there is no live_reload.so in $folder/cases/absent"
}

@test "a program: the one of include/WIRE.md" {
    sed -n '/^```python$/,/^```$/p' include/WIRE.md | sed '1d;$d' >"$folder/few_rules.py"
    mkdir "$folder/cases"
    case_file cases/python <<'YAML'
command: [python3, ../few_rules.py]
options: {max: 1}
policies:
  two:
    version: 1
    network_policies:
      a: {endpoints: [{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}
      b: {endpoints: [{host: b.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}
cases:
  - {name: none, candidate: {version: 1}, expect: {verdict: allow}}
  - {name: two, candidate: two, expect: {verdict: deny, code: TOO_MANY, message: "2 rules"}}
YAML
    exits 0 "$sluice" plugin test --cover "$folder"
    says "2 passed"
    says "codes      1 of 2; never: KEY"              # which is about requests
}

@test "what a case says of sandbox, actor, reason, draft and time is what the voter sees" {
    cat >"$folder/echo.lua" <<'LUA'
return {
  vote = function(t, ballot)
    ballot:fact("kind", t.kind)
    ballot:fact("reason", t.reason)
    ballot:fact("sandbox", t.sandbox.name .. " " .. t.sandbox.network .. " " .. t.sandbox.labels.team)
    ballot:fact("actor", t.actor.name .. " " .. t.actor.role .. " " .. t.actor.via)
    ballot:fact("dry", tostring(t.dry_run))
    ballot:fact("now", tostring(t.now))
    if t.draft then
      ballot:fact("draft", t.draft.source .. " " .. t.draft.hits .. " " .. #t.draft.approvals .. " " .. t.draft.approvals[1].actor)
    end
    return ballot:abstain()
  end,
}
LUA
    case_file echo <<'YAML'
plugin: echo.lua
cases:
  - name: everything
    kind: approve
    candidate: {version: 1}
    sandbox: {name: demo, network: none, labels: {team: web}}
    actor: {name: alice, role: admin, via: tcp}
    reason: because
    dry_run: true
    now: 2026-01-31T08:05:00Z
    draft: {source: mechanistic, hits: 7, approvals: [{actor: bob, role: user}, {actor: alice, role: admin}]}
    expect:
      verdict: abstain
      facts:
        kind: approve
        reason: because
        sandbox: demo none web
        actor: alice admin tcp
        dry: "true"
        draft: mechanistic 7 2 bob
  - name: a draft that names no approval has the actor's
    kind: approve
    candidate: {version: 1}
    sandbox: {labels: {team: web}}
    actor: {name: carol}
    expect: {verdict: abstain, facts: {draft: agent 1 1 carol, actor: carol user unix}}
YAML
    exits 0 "$sluice" plugin test "$folder"
}

@test "a whole chain: outcome, votes, override, levels" {
    cat >"$folder/gateway.yaml" <<YAML
listen: ["tcp:127.0.0.1:7070"]
chain:
  plugin_dirs: [$folder]
  voters:
    - {plugin: faulty, isolation: inline}
    - {plugin: faulty, name: strict, isolation: inline, level: overridable, options: {how: deny}}
    - {plugin: faulty, name: advice, isolation: inline, level: advisory, options: {how: deny}}
YAML
    case_file chain <<'YAML'
chain: gateway.yaml
cases:
  - name: one voter is enough to deny
    candidate: {version: 1}
    expect: {outcome: denied, votes: {faulty: allow, strict: {verdict: deny, code: ASKED}, advice: deny}}
  - name: unless it is overruled
    candidate: {version: 1}
    override: true
    expect: {outcome: allowed}
YAML
    exits 0 "$sluice" plugin test "$folder"
    case_file wrong <<'YAML'
chain: gateway.yaml
cases:
  - {name: no such voter, candidate: {version: 1}, expect: {votes: {nobody: allow}}}
  - {name: another outcome, candidate: {version: 1}, expect: {outcome: held}}
YAML
    exits 1 "$sluice" plugin test "$folder/wrong.test.yaml"
    says "got    voter: faulty, strict, advice"
    says "got    outcome: denied"
    case_file form <<'YAML'
chain: gateway.yaml
options: {how: deny}
cases:
  - {name: a, candidate: {version: 1}, expect: {verdict: allow}}
YAML
    exits 2 "$sluice" plugin test "$folder/form.test.yaml"
    says "the options of a chain stand in its configuration"
}

@test "tables: a case for each row, with what differs" {
    case_file table <<'YAML'
plugin: faulty.so
cases:
  - name: who asks
    candidate: {version: 1}
    options: {how: deny}
    expect: {verdict: deny, code: ASKED}
    table:
      - {name: alice, actor: {name: alice}, expect: {verdict: deny, message: alice}}
      - {name: bob, actor: {name: bob}}
      - {name: nobody, options: {how: allow}, expect: {verdict: allow}}
YAML
    exits 0 "$sluice" plugin test "$folder"
    says "✓ who asks: alice"
    says "3 passed"
    exits 0 "$sluice" plugin test --run 'bob$' "$folder"
    says "1 passed"
}

@test "a link to a case file is a case file" {
    passing
    mkdir "$folder/more"
    ln -s ../good.test.yaml "$folder/more/again.test.yaml"
    ln -s .. "$folder/more/up"
    sed -i "s|^plugin: .*|plugin: $folder/faulty.so|" "$folder/good.test.yaml"
    exits 0 "$sluice" plugin test --list "$folder"
    [ "$(grep -c "it allows" <<<"$output")" -eq 2 ]
}

@test "--list names the cases and runs none" {
    crashing
    exits 0 "$sluice" plugin test --list "$folder"
    [ "${#lines[@]}" -eq 3 ]
    [ "${lines[1]}" = "$folder/crash.test.yaml:4: boom" ]
}

@test "--shuffle names its seed, which gives the same order again" {
    passing
    for i in $(seq 20); do printf '  - {name: n%s, options: {how: allow}, candidate: empty, expect: {verdict: allow}}\n' "$i"; done >>"$folder/good.test.yaml"
    exits 0 "$sluice" plugin test --shuffle --list "$folder"
    exits 0 "$sluice" plugin test --list --seed 7 "$folder"
    first=$output
    exits 0 "$sluice" plugin test --list --seed 7 "$folder"
    [ "$output" = "$first" ]
    exits 0 "$sluice" plugin test --list --seed 8 "$folder"
    [ "$output" != "$first" ]
    [ "$(sort <<<"$output")" = "$(sort <<<"$first")" ]
    exits 0 "$sluice" plugin test --seed 7 "$folder"
    says "shuffled with --seed 7"
}

@test "--repeat runs each case as often as told" {
    passing
    exits 0 "$sluice" plugin test --repeat 5 "$folder"
    says "15 passed"
    says "it allows (run 5)"
}

@test "--fail-fast stops at the first failure and tells what did not run" {
    failing
    passing
    exits 1 "$sluice" plugin test -j 1 --fail-fast "$folder"
    says "1 failed, 3 not run"
}

@test "-j: the order of the report is that of the files" {
    passing
    for i in 1 2 3 4 5 6; do cp "$folder/good.test.yaml" "$folder/good$i.test.yaml"; done
    exits 0 "$sluice" plugin test -j 1 --format tap "$folder"
    alone=$output
    exits 0 "$sluice" plugin test -j 4 --format tap "$folder"
    [ "$output" = "$alone" ]
}

@test "-q tells only what failed" {
    passing
    failing
    exits 1 "$sluice" plugin test -q "$folder"
    says_not "✓"
    says "✗ it denies (or so)"
}

@test "--update writes what was voted and leaves the rest alone" {
    case_file stale <<'YAML'
# Kept.
plugin: faulty.so
options: {how: deny}
cases:
  - name: in one line            # kept too
    candidate: {version: 1}
    expect: {verdict: allow}
  - name: in a block
    candidate: {version: 1}
    expect:
      verdict: deny
      code: OLD       # goes
      message: "old \"}text\""
      path: network_policies
    reason: ""
  - name: right already
    candidate: {version: 1}
    expect: {verdict: deny, message: "as asked"}
  - name: kinds that do not agree
    candidate: {version: 1}
    expect: {verdict: hold}
    table:
      - {name: alice, options: {how: allow}}
      - {name: bob}
YAML
    exits 1 "$sluice" plugin test --update "$folder"
    says "stale.test.yaml:7: updated"
    says "stale.test.yaml:11: updated"
    says "not updated: its tests do not agree"
    says "2 expectations updated"
    diff - "$folder/stale.test.yaml" <<'YAML'
# Kept.
plugin: faulty.so
options: {how: deny}
cases:
  - name: in one line            # kept too
    candidate: {version: 1}
    expect: {verdict: deny, code: ASKED}
  - name: in a block
    candidate: {version: 1}
    expect: {verdict: deny, code: ASKED, message: "^refused as asked \\(dev\\)$", path: network_policies}
    reason: ""
  - name: right already
    candidate: {version: 1}
    expect: {verdict: deny, message: "as asked"}
  - name: kinds that do not agree
    candidate: {version: 1}
    expect: {verdict: hold}
    table:
      - {name: alice, options: {how: allow}}
      - {name: bob}
YAML
    exits 0 "$sluice" plugin test --run '^(in|right)' "$folder"
}

@test "--watch runs again within a second of a change" {
    passing
    echo '{"version": 1}' >"$folder/empty.json"
    sed -i 's/empty: {version: 1}/empty: {file: empty.json}/' "$folder/good.test.yaml"
    "$sluice" plugin test --watch "$folder" >"$folder/out" 2>"$folder/err" 3>&- &
    pid=$!
    waits() {
        local end=$((SECONDS + 180))
        while [ "$SECONDS" -lt "$end" ]; do [ "$(grep -c "$1" "$folder/$2" || true)" -ge "$3" ] && return; sleep 0.02; done
        cat "$folder/out" "$folder/err"
        return 1
    }
    waits 'watching for changes' err 1
    waits '3 passed' out 1
    sed -i 's/verdict: allow/verdict: hold/' "$folder/good.test.yaml"
    start=$EPOCHREALTIME
    waits '2 passed, 1 failed' out 1
    seen=$EPOCHREALTIME
    run "$sluice" plugin test "$folder"             # takes as long on this machine as it is now
    [ $((${seen/./} - ${start/./})) -lt $((1000000 + 3 * (${EPOCHREALTIME/./} - ${seen/./}))) ]
    waits 'watching for changes' err 2
    sed -i 's/verdict: hold/verdict: allow/' "$folder/good.test.yaml"
    waits '3 passed' out 2
    waits 'watching for changes' err 3
    echo '{"version": 1, "network_policies": {}}' >"$folder/empty.json"
    waits 'empty.json changed' err 1
    waits '3 passed' out 3
    kill -INT $pid
    code=0
    wait $pid || code=$?
    [ $code -eq 0 ]
}
