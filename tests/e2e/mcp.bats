#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# JSON-RPC and MCP over inspected TLS, with curl and with a client of the official MCP SDK.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    make_certificate ca "/CN=Authority of the test" "" -addext basicConstraints=critical,CA:TRUE
    make_certificate good "/CN=mcp.test" ca -addext subjectAltName=DNS:mcp.test,DNS:sdk.test
    cat "$state/good.pem" "$state/good.key" >"$state/good.both"
    mkfifo "$state/up"
    python3 "$top/tests/e2e/mcp_origin.py" 10.77.0.2 443 "$state/counts" "$state/good.both" "$state/gate" >"$state/up" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    read -r -t 180 _ <"$state/up"
    printf 'egress:\n  extra_ca: %s/ca.pem\n  hosts: {mcp.test: 10.77.0.2, sdk.test: 10.77.0.3}\n' "$state" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; counts=$state/counts; : >"$counts"; rm -f "$state/gate"; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; touch "$state/gate"; teardown_all; }

# rules ENDPOINT...: sets the policy of demo, for any program.
rules() {
    printf 'version: 1\nnetwork_policies:\n  api:\n    binaries: [{path: "/usr/**"}]\n    endpoints:\n' >"$state/rules.yaml"
    printf '      - {%s}\n' "$@" >>"$state/rules.yaml"
    sluice policy set demo --policy "$state/rules.yaml" --wait
}
mcp="host: mcp.test, port: 443, protocol: mcp, enforcement: enforce, allowed_ips: [10.77.0.0/24]"
tools='rules: [{allow: {method: initialize}}, {allow: {method: tools/list}}, {allow: {method: tools/call, tool: "read_*"}}]'
inside() { sluice sandbox exec demo -- "$@"; }
call() { inside curl -sS --compressed "https://mcp.test$1" -H 'Content-Type: application/json' -d "$2"; }
tool() { printf '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s","arguments":{"secret":"s3cr3t"}}}' "$1"; }
list='{"jsonrpc":"2.0","id":1,"method":"tools/list"}'

@test "a listed tool is called, another one is refused with its name, and approved" {
    rules "$mcp, path: /mcp, $tools"
    [ "$(call /mcp "$(tool read_status)" | jq -r '.result.content[0].text')" = "called read_status" ]
    run -0 call /mcp "$(tool drop_all)"
    [ "$(jq -c '[.error,.protocol,.rule,.detail,.rpc_method,.tool,.path,.policy]' <<<"$output")" = \
        '["policy_denied","mcp","POST /mcp","POST /mcp not permitted by policy","tools/call","drop_all","/mcp","api"]' ]
    [ "$(jq -c '[.rule_missing.rpc_method,.rule_missing.tool]' <<<"$output")" = '["tools/call","drop_all"]' ]
    [ "$(inside curl -sS -o /dev/null -w '%{http_code}' https://mcp.test/mcp -d "$(tool drop_all)")" = 403 ]
    [ "$(cut -d' ' -f1-4 "$counts")" = "POST /mcp tools/call read_status" ]
    until_so 'sluice rule get demo -o json | jq -e ".chunks[] | select(.tool == \"drop_all\")" >/dev/null'
    id=$(sluice rule get demo -o json | jq -r '.chunks[] | select(.tool == "drop_all") | .id')
    [ "$(sluice rule get demo -o json | command jq -c '.chunks[] | select(.tool == "drop_all") | [.rpc_method,.method,.path,.rule.endpoints[0].rules]')" = \
        '["tools/call","POST","/mcp",[{"allow":{"method":"tools/call","tool":"drop_all"}}]]' ]
    sluice rule get demo | grep -q 'Call: *tools/call drop_all'
    sluice rule approve demo --chunk-id "$id" --wait
    [ "$(call /mcp "$(tool drop_all)" | jq -r '.result.content[0].text')" = "called drop_all" ]
    [ "$(call /mcp "$(tool submit_report)" | jq -r .tool)" = submit_report ]
}

@test "the log names methods and tools, and no parameters" {
    rules "$mcp, path: /mcp, $tools"
    call /mcp "$(tool read_status)" >/dev/null
    call /mcp "$(tool submit_report)" >/dev/null
    until_so 'sluice logs demo | grep -q "HTTP:POST .MED. DENIED .* POST https://mcp.test:443/mcp .policy:api engine:l7-mcp. .rule_methods:tools/call tools:submit_report. .reason:POST /mcp not permitted by policy"'
    until_so 'sluice logs demo | grep -q "HTTP:POST .INFO. ALLOWED .* .policy:api engine:l7-mcp. .rule_methods:tools/call tools:read_status."'
    run ! grep -r s3cr3t <(sluice logs demo)
    call /mcp '{"jsonrpc":"2.0","id":1,"method":"a\u001b[31m\nb"}' >/dev/null
    until_so 'sluice logs demo | grep -qF "rule_methods:a??31m?b tools:-"'
}

@test "a list of tools has those that may be called, as JSON and as events" {
    rules "$mcp, $tools"
    run -0 call /mcp "$list"
    [ "$(jq -c '[.id, [.result.tools[].name]]' <<<"$output")" = '[1,["read_status"]]' ]
    [[ $output == *'"maximum":12345678901234567890'* ]]
    [ "$(cut -d' ' -f1-3,5 "$counts")" = "POST /mcp tools/list -" ]
    run -0 call /sse "$list"
    [ "$(head -3 <<<"$output" | tr -d '\r')" = $': hello\n\nevent: message' ]
    [ "$(sed -n 's/^data: //p' <<<"$output" | jq -c '[.id, [.result.tools[].name]]')" = '[1,["read_status"]]' ]
    inside curl -sS -0 https://mcp.test/mcp -d "$list" | jq -e '.result.tools | length == 1'
}

@test "where no rule names a tool a list keeps its bytes" {
    rules "$mcp, mcp: {allow_all_known_mcp_methods: true}, rules: [{allow: {}}]"
    [ "$(call /mcp "$list" | jq -c '[.result.tools[].name]')" = '["read_status","submit_report","drop_all"]' ]
    grep -q '"result": {"tools": \[{"name"' <<<"$(call /mcp "$list")"
}

@test "a denied tool is left out beside all methods" {
    rules "$mcp, mcp: {allow_all_known_mcp_methods: true}, rules: [{allow: {}}], deny_rules: [{tool: drop_all}]"
    [ "$(call /mcp "$list" | jq -c '[.result.tools[].name]')" = '["read_status","submit_report"]' ]
}

@test "an event of a stream arrives before the stream ends, and the client's answer passes" {
    rules "$mcp, $tools"
    inside curl -sSN https://mcp.test/mcp -H 'Accept: text/event-stream' >"$state/stream" &
    until_so 'grep -q "Which?" "$state/stream"'
    [ "$(grep -c '^data: second' "$state/stream")" = 0 ]
    [ "$(inside curl -sS -o /dev/null -w '%{http_code}' https://mcp.test/mcp -d '{"jsonrpc":"2.0","id":1,"result":{"action":"accept"}}')" = 202 ] ||
        [ "$(tail -1 "$counts" | cut -d' ' -f1-3)" = "POST /mcp -" ]
    touch "$state/gate"
    wait
    grep -q '^data: second' "$state/stream"
    [ "$(inside curl -sS -o /dev/null -w '%{http_code}' -X DELETE https://mcp.test/mcp)" = 200 ]
    [ "$(inside curl -sS https://mcp.test/mcp | jq -r .detail)" = "JSON-RPC request rejected: invalid JSON: line 1, column 1: a value is missing at the end" ]
}

@test "bodies that cannot be judged are refused with the reason, also where rules only audit" {
    rules "host: mcp.test, port: 443, path: /mcp, protocol: mcp, allowed_ips: [10.77.0.0/24], rules: [{allow: {method: initialize}}]"
    [ "$(call /mcp "$(tool drop_all)" | jq -r '.result.content[0].text')" = "called drop_all" ]
    until_so 'sluice logs demo | grep -q "ALLOWED .*tools:drop_all. .reason:audit: POST /mcp not permitted by policy"'
    : >"$counts"
    refused() {
        run -0 inside curl -sS https://mcp.test/mcp "${@:2}"
        [[ $(jq -r .detail <<<"$output") == $1 ]] || { echo "$output" >&2; return 1; }
    }
    refused '*this key is written twice*' -d '{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}'
    refused '*more text follows the value' -d "$list $list"
    refused "*ambiguous member 'Method'*" -d '{"jsonrpc":"2.0","id":1,"method":"tools/list","Method":"x"}'
    refused '*not valid UTF-8*' --data-binary @- <<<$'{"jsonrpc":"2.0","id":1,"method":"\xff"}'
    refused '*nested more than 32 deep' --data-binary @- <<<"{\"a\":$(printf '[%.0s' {1..60000})"
    refused '*rejected before policy evaluation: the body is longer than the 65536 bytes*' --data-binary @- <<<"$(printf 'x%.0s' {1..70000})"
    refused '*Content-Encoding*' -H 'Content-Encoding: gzip' -d x
    [ ! -s "$counts" ]
}

# A server and a client of the official SDK.
start_sdk() {
    local sdk=$build/mcp-sdk
    "$sdk/bin/python" -c 'import mcp' 2>/dev/null || skip "the MCP SDK is not there: scripts/lib/mcp-sdk $build/mcp-sdk gets it"
    mkfifo "$state/sdk.up"
    "$sdk/bin/python" "$top/tests/e2e/mcp_server.py" 10.77.0.3 443 "$state/good.pem" "$state/good.key" >"$state/sdk.up" 2>"$state/sdk.log" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/origins"
    read -r -t 180 _ <"$state/sdk.up"
    tar -C "$sdk"/lib/python3*/site-packages -c . | inside sh -c 'mkdir /sandbox/sdk && tar -C /sandbox/sdk -x'
    inside sh -c 'cat >/sandbox/client.py' <"$top/tests/fixtures/clients/mcp_client.py"
}
client() { sluice sandbox exec demo --env PYTHONPATH=/sandbox/sdk -- python3 /sandbox/client.py https://sdk.test/mcp "$1"; }
basis='{allow: {method: server/discover}}, {allow: {method: initialize}}, {allow: {method: notifications/initialized}}, {allow: {method: tools/list}}'

@test "a client sees and calls the tools that its policy names, and a change opens another one" {
    start_sdk
    rules "${mcp/mcp.test/sdk.test}, path: /mcp, rules: [$basis]"
    run -1 client read_status
    rules "${mcp/mcp.test/sdk.test}, path: /mcp, rules: [$basis, {allow: {method: tools/call, tool: \"read_*\"}}]"
    run -0 client read_status
    [ "$output" = $'tools: read_status\nanswer: all is well' ]
    run -1 client submit_report
    [[ "$output" == *"tools: read_status"* ]]
    [[ "$output" == *"MCPError"* ]]
    chunk='.chunks[] | select(.tool == "submit_report" and .host == "sdk.test") | .id'
    until_so 'sluice rule get demo -o json | jq -e "$chunk" >/dev/null'
    id=$(sluice rule get demo -o json | jq -r "$chunk")
    sluice rule approve demo --chunk-id "$id" --wait
    run -0 client submit_report
    [ "$output" = $'tools: read_status submit_report\nanswer: got x' ]
}
