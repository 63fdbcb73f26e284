#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# sluice plugin replay: another chain is asked about a gateway's decisions.

setup_file() {
    load support
    load ../e2e/helper
    umask 022
    export folder=$BATS_FILE_TMPDIR
    compile tests/fixtures/testkit/faulty.c faulty -Iinclude
    cat >"$folder/no_b.lua" <<'LUA'
return {
  codes = { NO_B = "Nobody may reach b." },
  vote = function(t, ballot)
    for rule in t:added() do
      for _, endpoint in ipairs(rule.endpoints) do
        if endpoint.host == "b.example.com" then
          return ballot:deny("NO_B", endpoint.doc_path, "b is off limits for %s", t.sandbox.labels.team or "nobody")
        end
      end
    end
    return ballot:abstain()
  end,
}
LUA
    start_gateway
    sluice sandbox create --name demo --label team=web >/dev/null
    # Seven decisions: create, a, a and b, a again, a static change (refused), b alone, and back.
    for hosts in "a.example.com" "a.example.com b.example.com" "a.example.com" "root.example.com" "b.example.com"; do
        {
            printf 'version: 1\n'
            [ "$hosts" != root.example.com ] || printf 'process: {run_as_user: "1000", run_as_group: "1000"}\n'
            printf 'network_policies:\n'
            for host in $hosts; do
                printf '  %s: {endpoints: [{host: %s, port: 443}], binaries: [{path: /usr/bin/curl}]}\n' "${host%%.*}" "$host"
            done
        } >"$folder/policy.yaml"
        sluice policy set demo --policy "$folder/policy.yaml" --reason "to $hosts" >/dev/null 2>&1 || [ "$hosts" = root.example.com ]
    done
    sluice policy rollback demo --to 2 >/dev/null
}

teardown_file() {
    load ../e2e/helper
    teardown_all
}

setup() {
    load support
    folder=$BATS_FILE_TMPDIR
}

chain() {
    printf 'chain:\n  plugin_dirs: [%s, %s]\n  voters:\n' "$plugins" "$folder"
    printf '    - {plugin: %s, isolation: inline}\n' static_fields policy_safety live_reload
    cat
}

@test "exit 0: the chain of the gateway comes to the same decisions" {
    chain >"$folder/same.yaml" </dev/null
    exits 0 "$sluice" plugin replay --chain "$folder/same.yaml"
    says "7 decisions asked, 0 would come out otherwise"
    exits 0 "$sluice" plugin replay --chain "$folder/same.yaml" --isolation process
    exits 0 "$sluice" plugin replay --chain "$folder/same.yaml" --sandbox demo --since 1h
    says "7 decisions asked"
    exits 0 "$sluice" plugin replay --chain "$folder/same.yaml" --since 2100-01-01T00:00:00Z
    says "0 decisions asked"
}

@test "on a terminal it shows how far it has come, and nothing of what it could not read" {
    chain >"$folder/shown.yaml" </dev/null
    exits 0 script -qec "$sluice plugin replay --chain $folder/shown.yaml" /dev/null
    says "reading ["
    says "7 of 7"
    exits 2 script -qec "$sluice plugin replay --chain $folder/shown.yaml --sandbox nobody" /dev/null
    says "there is no sandbox 'nobody'"
    says_not "reading ["
}

@test "how long a voter takes here makes no difference" {
    cat >"$folder/slow.lua" <<'LUA'
return { vote = function(t, ballot) for i = 1, 1000000 do local x = i * i end return ballot:allow() end }
LUA
    chain >"$folder/slow.yaml" <<<"    - {script: slow.lua, isolation: inline, timeout_ms: 1}"
    exits 0 "$sluice" plugin replay --chain "$folder/slow.yaml"
    says "7 decisions asked, 0 would come out otherwise"
    exits 0 "$sluice" plugin replay --chain "$folder/slow.yaml" --isolation process
}

@test "exit 1: a tighter chain names what it would refuse, and the ballots that differ" {
    chain >"$folder/tight.yaml" <<YAML
    - {script: no_b.lua, isolation: inline}
YAML
    exits 1 "$sluice" plugin replay --chain "$folder/tight.yaml"
    says "then allowed, now denied"
    says "    no_b"
    says "then: did not vote"
    says "now : deny NO_B, b is off limits for web (network_policies.b.endpoints[0])"
    says_not "live_reload"
    says "7 decisions asked, 2 would come out otherwise"
    exits 1 "$sluice" plugin replay --chain "$folder/tight.yaml" -o json
    [ "$(jq '.asked, .differing, (.decisions | length)' <<<"$output" | tr '\n' ' ')" = "7 2 2 " ]
    id=$(jq -r '.decisions[0].id' <<<"$output")
    [ "$("$sluice" decision show "$id" -o json | jq -r .reason)" = "to a.example.com b.example.com" ]
}

@test "refused updates are asked about too: a looser chain would let them through" {
    printf 'chain:\n  plugin_dirs: [%s]\n  voters: [{plugin: live_reload, isolation: inline}]\n' "$plugins" >"$folder/loose.yaml"
    exits 1 "$sluice" plugin replay --chain "$folder/loose.yaml"
    says "then denied, now allowed"
    says "then: deny PROCESS_CHANGED"
    says "now : did not vote"
    says "1 would come out otherwise"
}

@test "a voter that crashes makes a difference and no end" {
    chain >"$folder/crash.yaml" <<YAML
    - {plugin: faulty, isolation: inline, options: {how: crash}}
YAML
    exits 1 "$sluice" plugin replay --chain "$folder/crash.yaml" --since 1h
    says "now crashed"
    says "7 decisions asked, 2 would come out otherwise"       # those without a reason of their own
}

@test "it changes nothing" {
    [ "$("$sluice" policy list demo -o json | jq '.revisions | length')" = 6 ]
    [ "$("$sluice" decision list demo -o json | jq '.decisions | length')" = 7 ]
}

@test "exit 2: wrong use; exit 3: no gateway" {
    exits 2 "$sluice" plugin replay
    exits 2 "$sluice" plugin replay --chain "$folder/absent.yaml"
    says "cannot read"
    chain >"$folder/bad.yaml" <<<'    - {plugin: absent}'
    exits 2 "$sluice" plugin replay --chain "$folder/bad.yaml"
    says "chain.voters[3].plugin: there is no absent.so"
    exits 2 "$sluice" plugin replay --chain "$folder/same.yaml" --since yesterday
    exits 2 "$sluice" plugin replay --chain "$folder/same.yaml" --sandbox nobody
    exits 2 "$sluice" --gateway "unix:$folder/no.sock" plugin replay --chain "$folder/absent.yaml"
    exits 3 "$sluice" --gateway "unix:$folder/no.sock" plugin replay --chain "$folder/same.yaml"
}
