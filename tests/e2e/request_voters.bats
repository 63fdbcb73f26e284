#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Voters on requests in a sandbox: a plugin in C in a process of its own, and a rule in Lua, which votes on changes, too.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state/rules"
    chmod 755 "$state" "$state/rules"
    write_rule first
    cat >"$state/sluice.yaml" <<YAML
egress: {hosts: {plain.test: 10.77.0.2, staged.test: 10.77.0.2}}
chain:
  plugin_dirs: [$build/tests/plugins]
  voters:
    - {script: $state/rules/judge.lua, isolation: inline}
    - {plugin: both, isolation: process, level: advisory, timeout_ms: 1000, options: {say: chain}, inspect: {middleware_only: true}}
YAML
    listen python3 "$top/tests/e2e/echo_origin.py" 10.77.0.2 8080
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
    allow
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

# write_rule WORD: the rule, whose version is told in what it refuses.
write_rule() {
    cat >"$state/rules/judge.new" <<LUA
local function has_secret(text) return text:find("s3cr3t", 1, true) end
return {
  name = "judge", version = "1", inspect_responses = true,
  vote = function(t, ballot)
    if t.candidate.network_policies.forbidden then return ballot:deny("FORBIDDEN", "network_policies.forbidden", "no") end
    return ballot:allow()
  end,
  inspect = function(r, ballot, options)
    if r.response then
      if has_secret(r.response.body) then return ballot:deny("ANSWER", "", "the answer has a secret") end
      return ballot:allow()
    end
    if r.headers["x-secret"] then return ballot:deny("HEADER", "", "refused by $1\27[31m\nnow") end
    if has_secret(r.query) then return ballot:deny("QUERY", "", "refused by $1") end
    if has_secret(r.body) then return ballot:deny("BODY", "", "refused by $1") end
    if r.path == "/deploy" then return ballot:hold("DEPLOY", "", "somebody has to look at it") end
    if r.tool == "drop_all" then return ballot:deny("TOOL", "", "refused by $1") end
    return ballot:allow()
  end,
}
LUA
    mv "$state/rules/judge.new" "$state/rules/judge.lua"
}

allow() {
    cat >"$state/policy.yaml" <<'YAML'
version: 1
network_policies:
  api:
    endpoints:
      - {host: plain.test, port: 8080, protocol: rest, enforcement: enforce, access: full, allowed_ips: [10.77.0.0/24]}
      - {host: staged.test, port: 8080, protocol: rest, enforcement: enforce, access: full, allowed_ips: [10.77.0.0/24]}
      - {host: plain.test, port: 8080, path: /mcp, protocol: mcp, enforcement: enforce, mcp: {allow_all_known_mcp_methods: true}, allowed_ips: [10.77.0.0/24]}
    binaries: [{path: "/usr/**"}]
network_middlewares:
  stage: {middleware: both, config: {say: staged}, endpoints: {include: [staged.test]}}
YAML
    sluice policy set demo --policy "$state/policy.yaml" --wait
}

inside() { sluice sandbox exec demo -- "$@"; }
plain=http://plain.test:8080
staged=http://staged.test:8080

# refused CODE CURL_ARGUMENT...: by the voter judge, with this code.
refused() {
    local code=$1
    shift
    run -0 inside curl -sS "$@"
    [ "$(jq -c '[.error,.voter,.code,.policy]' <<<"$output")" = "[\"voter_denied\",\"judge\",\"$code\",\"api\"]" ] || { echo "$output"; return 1; }
}

@test "a rule refuses by header, query, body, tool and answer, however the request comes" {
    for way in "" -p "-p --http2-prior-knowledge" "--noproxy *"; do
        set -f; set -- $way; set +f
        refused HEADER "$@" "$plain/" -H 'X-Secret: 1'
        refused QUERY "$@" "$plain/?a=s3cr3t"
        refused BODY "$@" "$plain/" -d 'my s3cr3t'
        refused BODY "$@" "$plain/" -H 'Transfer-Encoding: chunked' -d 'my s3cr3t'
        refused ANSWER "$@" "$plain/answer/s3cr3t"
        [[ $(inside curl -sS "$@" "$plain/" -d hello) == *hello ]]
    done
    refused TOOL "$plain/mcp" -H 'Content-Type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop_all"}}'
    inside curl -sS "$plain/mcp" -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}' | grep -q read
}

@test "the same rule votes on changes" {
    sed 's/^  api:/  forbidden:/' "$state/policy.yaml" >"$state/forbidden.yaml"
    run ! sluice policy set demo --policy "$state/forbidden.yaml"
    [[ $output == *FORBIDDEN* ]]
}

@test "what a voter says is told without what would do more than be read" {
    refused HEADER "$plain/" -H 'X-Secret: 1'
    jq -r .message <<<"$output" | grep -qxF 'refused by first\x1b[31m\x0anow'
    until_so 'sluice logs demo | grep -qF "engine:voter] [reason:voter judge: HEADER: refused by first"'
    run ! grep -q $'\e' <(sluice logs demo)
    until_so 'sluice traffic demo -o json | grep -q "voter judge: HEADER"'
    until_so 'sluice plugin list -o json | jq -e ".voters[] | select(.name == \"judge\") | .inspects and .requests > 0 and .request_denials > 0" >/dev/null'
    api GET /metrics >"$state/metrics"
    grep -qE '^sluice_request_votes_total\{voter="judge"\} [1-9]' "$state/metrics"
    grep -qE '^sluice_request_vote_denials_total\{voter="judge"\} [1-9]' "$state/metrics"
    grep -qE '^sluice_request_vote_seconds_bucket\{voter="judge",le="\+Inf"\} [1-9]' "$state/metrics"
    grep -qF 'sluice_request_voter_quarantines_total{voter="judge"} 0' "$state/metrics"
}

# held CODE: the chunk of a request that the voter judge holds.
held() { sluice rule get demo --status pending -o json | jq -er --arg code "$1" '.chunks[] | select(.voter == "judge" and .code == $code) | .id'; }

@test "a request that a voter holds waits for a person, whose approval changes no policy" {
    refused DEPLOY "$plain/deploy" -d now
    until_so 'held DEPLOY >/dev/null'
    sluice rule get demo | grep -q "Held by:    voter judge, DEPLOY: .* to plain.test:8080"
    before=$(sluice policy get demo -o json | jq .revision)
    sluice sandbox set demo --hold 60s
    inside curl -sS "$plain/deploy" -d now >"$state/deployed" &
    deploy=$!
    until_so 'sluice rule get demo -o json | jq -e "[.chunks[] | select(.voter == \"judge\") | .waiting] == [1]" >/dev/null'
    run -0 sluice rule approve demo --chunk-id "$(held DEPLOY)" --once
    wait "$deploy"
    grep -q now "$state/deployed"
    [ "$(sluice policy get demo -o json | jq .revision)" = "$before" ]
    until_so 'sluice rule get demo -o json | jq -e "[.chunks[] | select(.voter == \"judge\") | .status] == [\"superseded\"]" >/dev/null'
    inside curl -sS "$plain/deploy" -d again >"$state/deployed" &
    deploy=$!
    until_so 'held DEPLOY >/dev/null'
    sluice rule reject demo --chunk-id "$(held DEPLOY)" --reason no
    wait "$deploy"
    [ "$(jq -r .code "$state/deployed")" = DEPLOY ]
    sluice sandbox set demo --hold 0s
}

@test "a middleware sets a header and replaces the body, denies, and is not asked elsewhere" {
    run -0 inside curl -sS "$staged/change" -H 'X-Team: blue' -d hello
    [[ ${output,,} == *"x-openshell-middleware-seen: staged"* ]]
    [[ ${output,,} != *x-team* ]]
    run -0 inside curl -sS "$staged/deny" -H 'X-Team: blue'
    [ "$(jq -c '[.error,.middleware,.reason_code,.policy,.layer,.path,has("message")]' <<<"$output")" = \
        '["middleware_denied","stage","path","api","l7","/deny",false]' ]
    run -0 inside curl -sS "$staged/set"
    [ "$(jq -c '[.error,has("middleware")]' <<<"$output")" = '["middleware_failed",false]' ]
    [[ $(inside curl -sS "$plain/deny") == *Host* ]]
}

@test "a policy names only middlewares that the chain has, with options that they take" {
    sed 's/middleware: both/middleware: nobody/' "$state/policy.yaml" >"$state/other.yaml"
    run ! sluice policy set demo --policy "$state/other.yaml"
    [[ $output == *"network_middlewares.stage.middleware: middleware config 'stage' is invalid: the gateway's chain has no voter 'nobody' that looks at requests"* ]]
    sed 's/say: staged/sya: staged/' "$state/policy.yaml" >"$state/other.yaml"
    run ! sluice policy set demo --policy "$state/other.yaml"
    [[ $output == *"network_middlewares.stage.config: middleware config 'stage' is invalid: "*sya* ]]
}

@test "a voter that crashes or hangs costs its own requests alone" {
    run -0 inside curl -sS "$staged/crash"
    [ "$(jq -r .error <<<"$output")" = middleware_failed ]
    inside curl -sS "$staged/hang" >"$state/hung" &
    hung=$!
    for _ in 1 2 3; do
        [ "$(inside curl -sS -o /dev/null -w '%{http_code}' -m 20 "$plain/")" = 200 ]
    done
    wait "$hung"
    [ "$(jq -r .error "$state/hung")" = middleware_failed ]
    until_so '[ "$(inside curl -sS -o /dev/null -w "%{http_code}" "$staged/")" = 200 ]'
}

@test "a reload counts from the next request on, and none fails meanwhile" {
    inside curl -sS -o /dev/null -w '%{http_code}\n' "$plain/[1-400]" >"$state/codes" &
    load=$!
    for word in second third fourth fifth; do
        write_rule "$word"
        sluice plugin reload
        [ "$(inside curl -sS "$plain/?s3cr3t" | jq -r .message)" = "refused by $word" ]
    done
    wait "$load"
    [ "$(sort -u "$state/codes")" = 200 ]
    [ "$(wc -l <"$state/codes")" = 400 ]
}

# replayed FILE: what another chain says of the requests on record.
replayed() { sluice plugin replay --chain "$1" --sandbox demo -o json >"$state/replayed" || [ $? -eq 1 ]; jq -c "$2" "$state/replayed"; }

@test "replay names the requests on record that another chain would not let pass" {
    inside curl -sS -o /dev/null "$plain/keep" -o /dev/null "$plain/gone?q=1" -o /dev/null "$plain/crash"
    inside curl -sS -o /dev/null "$plain/mcp" -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}'
    until_so 'api GET "/v1/sandboxes/demo/requests?limit=10000" | jq -e "[.requests[].path] | contains([\"/crash\", \"/gone\", \"/mcp\"])" >/dev/null'
    cat >"$state/rules/strict.lua" <<'LUA'
return {
  inspect = function(r, ballot)
    if r.path == "/gone" then return ballot:deny("GONE", "", "%s of %s", r.path, r.host) end
    if r.protocol == "mcp" and r.operation == "tools/call" and r.tool == "read" then return ballot:hold("TOOL", "", "ask") end
    return ballot:allow()
  end,
}
LUA
    strict="{script: $state/rules/strict.lua, isolation: inline"
    echo "chain: {voters: [$strict}]}" >"$state/strict.yaml"
    run -1 sluice plugin replay --chain "$state/strict.yaml" --sandbox demo
    [[ $output == *" plain.test:8080 GET /gone, 1 times, last "* ]]
    [[ $output == *"strict: deny GONE, /gone of plain.test"* ]]
    [[ $output == *" requests asked, without rule, query, headers and body, 2 would not pass"* ]]
    [ "$(replayed "$state/strict.yaml" '.requests.requests | map([.request.path, .request.tool, .now]) | sort')" = '[["/gone","","denied"],["/mcp","read","held"]]' ]
    echo "chain: {voters: [$strict, inspect: {hosts: [other.test]}}]}" >"$state/narrow.yaml"
    [ "$(replayed "$state/narrow.yaml" '.requests | [.asked > 3, .differing]')" = '[true,0]' ]
    for isolation in inline process; do
        echo "chain: {plugin_dirs: [$build/tests/plugins], voters: [{plugin: both, isolation: $isolation, options: {say: chain}}]}" >"$state/crash.yaml"
        [ "$(replayed "$state/crash.yaml" '.requests.requests | map(select(.now == "crashed") | .request.path)')" = '["/crash"]' ]
    done
    echo "chain: {voters: [{plugin: live_reload, isolation: inline}]}" >"$state/none.yaml"
    [ "$(replayed "$state/none.yaml" '.requests.asked')" = 0 ]
}
