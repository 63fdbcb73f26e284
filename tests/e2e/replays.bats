#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A rule is tightened, and its new form is asked about all that a gateway decided, while that goes on deciding.
# SLUICE_REPLAYS=10000 is the number of decisions that it should be (tests/README.md).

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    names_rule '"x%.example%.com$"' >"$state/names.lua"
    cat >"$state/sluice.yaml" <<YAML
chain:
  plugin_dirs: [$build/plugins]
  vote_timeout_ms: 20000
  voters:
    - {plugin: static_fields, isolation: inline}
    - {plugin: policy_safety, isolation: inline}
    - {plugin: live_reload, isolation: inline}
    - {script: names.lua, isolation: inline}
YAML
    start_gateway --config "$state/sluice.yaml"
    for name in $(names); do sluice -q sandbox create --name "$name"; done
    bench_load "$state/sluice.sock" 0 "${SLUICE_REPLAYS:-600}" $(names) >"$state/answers" 3>&-
    jq -se 'all(.[]; .status == 200)' "$state/answers" >/dev/null
    # What is tightened is the file in the repository, not what the gateway runs.
    mkdir "$state/repository"
    cp "$state/sluice.yaml" "$state/repository/gateway.yaml"
    names_rule '"7%.example%.com$"' >"$state/repository/names.lua"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

names() { printf 's%d ' $(seq 8); }

names_rule() {     # names_rule PATTERN: nobody may reach a host that matches it
    cat <<LUA
return {
  codes = { NAME = "A host that nobody may reach." },
  vote = function(t, ballot)
    for rule in t:added() do
      for _, endpoint in ipairs(rule.endpoints) do
        if endpoint.host:find($1) then
          return ballot:deny("NAME", endpoint.doc_path, "nobody may reach %s", endpoint.host)
        end
      end
    end
    return ballot:abstain()
  end,
}
LUA
}

replay() { sluice plugin replay --chain "$state/$1" "${@:2}"; }

@test "the rule as it was comes to the same decisions, all of them" {
    run -0 replay sluice.yaml
    [[ "$output" == *"$(($(wc -l <"$state/answers") + 8)) decisions asked, 0 would come out otherwise"* ]]
}

@test "the tightened rule names each decision that it would refuse, beside updates that go on" {
    local load
    bench_load "$state/sluice.sock" 50 1000000 $(names) >"$state/beside" 3>&- &
    load=$!
    run -1 --separate-stderr replay repository/gateway.yaml -o json
    kill "$load"
    wait_gone "$load"
    # Those of the first load; of the second one, some were made before the list was read.
    jq -c '.decisions[] | [.id, .then, .now, (.ballots[] | [.voter, .now.code, .now.message])]' <<<"$output" | sort >"$state/named"
    jq -c 'select(.n % 10 == 7) | [.answer.decision, "allowed", "denied", ["names", "NAME", "nobody may reach r\(.n).example.com"]]' \
        "$state/answers" | sort >"$state/wanted"
    [ -s "$state/wanted" ]
    [ -z "$(comm -13 "$state/named" "$state/wanted")" ]
    jq -c 'select(.n % 10 == 7) | [.answer.decision, "allowed", "denied", ["names", "NAME", "nobody may reach r\(.n).example.com"]]' \
        "$state/beside" | sort >"$state/wanted_beside"
    [ -z "$(comm -23 "$state/named" "$state/wanted" | comm -23 - "$state/wanted_beside")" ]
    jq -se 'length > 0 and all(.[]; .status == 200)' "$state/beside" >/dev/null
}

@test "it left nothing behind: the record is whole, the policies are those of the last updates" {
    sluice audit verify
    [ "$(api GET /metrics | sed -n 's/^sluice_decisions_total{outcome="denied"} //p')" = 0 ]
}
