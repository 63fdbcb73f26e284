#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What endpoints that only audit let through is reported: requests, operations, calls, over HTTP/1.1 and HTTP/2.

bats_require_minimum_version 1.5.0

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    make_certificate ca "/CN=Authority of the test" "" -addext basicConstraints=critical,CA:TRUE
    make_certificate good "/CN=api.test" ca -addext subjectAltName=DNS:api.test
    start_tls_origin 10.77.0.2 443 good
    printf 'egress:\n  extra_ca: %s\n  hosts: {api.test: 10.77.0.2}\n' "$state/ca.pem" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    cat >"$state/rules.yaml" <<'YAML'
version: 1
network_policies:
  api:
    binaries: [{path: "/usr/**"}]
    endpoints:
      - {host: api.test, port: 443, protocol: rest, access: read-only, allowed_ips: [10.77.0.0/24]}
      - {host: api.test, port: 443, path: /graphql, protocol: graphql, enforcement: audit, access: read-only, allowed_ips: [10.77.0.0/24]}
      - host: api.test
        port: 443
        path: /mcp
        protocol: mcp
        enforcement: audit
        allowed_ips: [10.77.0.0/24]
        rules: [{allow: {method: initialize}}, {allow: {method: tools/call, tool: "read_*"}}]
      - {host: api.test, port: 443, path: /strict, protocol: rest, enforcement: enforce, access: read-only, allowed_ips: [10.77.0.0/24]}
YAML
    sluice sandbox create --name demo --policy "$state/rules.yaml"
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

ask() { sluice sandbox exec demo -- curl -sS -o /dev/null -w '%{http_code} %{http_version}\n' "$@"; }
post() { ask -H 'Content-Type: application/json' --data-binary "$2" "https://api.test$1"; }
tool() { printf '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s"}}' "$1"; }
# reported [JQ]: what the report has of each request, the first one first; only those that JQ selects.
reported() {
    sluice policy audit-report demo -o json | jq -c ".requests[] | select(${1:-true})
        | [.method, .path, .operation, .field, .rpc_method, .tool, .count, .reason]"
}

@test "requests over HTTP/1.1 and HTTP/2 are reported with program, host, count and reason, permitted and refused ones are not" {
    run -0 sluice policy audit-report demo
    [ "$output" = "Nothing passed that enforcing would have refused." ]
    [ "$(ask --http1.1 -d x 'https://api.test/a/../b?token=s3cr3t')" = "200 1.1" ]
    [ "$(ask --http2 -d x https://api.test/b)" = "200 2" ]
    [ "$(ask -X DELETE https://api.test/c)" = "200 2" ]
    [ "$(ask https://api.test/d)" = "200 2" ]
    [ "$(ask -X DELETE https://api.test/strict)" = "403 2" ]
    until_so '[ "$(reported | wc -l)" = 2 ] && reported | grep -q "\"/b\".*,2,"'
    [ "$(reported | head -1)" = '["POST","/b","","","","",2,"POST /b not permitted by policy"]' ]
    [ "$(reported | tail -1)" = '["DELETE","/c","","","","",1,"DELETE /c not permitted by policy"]' ]
    run -0 sluice policy audit-report demo -o json
    [ "$(jq -c '.requests[0] | [.binary, .host, .port, .rule]' <<<"$output")" = '["/usr/bin/curl","api.test",443,"api"]' ]
    [[ "$(jq -r '.requests[0].last_seen' <<<"$output")" =~ ^20[0-9-]+T[0-9:]+\.[0-9]{3}Z$ ]]
    [[ "$output" != *s3cr3t* ]]
    run -0 sluice policy audit-report demo
    [[ "${lines[1]}" == *"2  "*"api.test"*"443"*"/usr/bin/curl"*"POST /b"*"POST /b not permitted by policy" ]]
    run -0 sluice policy audit-report        # that of the sandbox that was used last
    [[ "$output" == *"DELETE /c"* ]]
}

@test "operations and calls have their names, each refused one of a body" {
    [ "$(post /graphql '{"query":"mutation M { a: drop { id } keep { id } }"}')" = "200 2" ]
    [ "$(post /graphql '[{"query":"{ viewer }"},{"query":"mutation { one }"},{"query":"subscription S { two }"}]')" = "200 2" ]
    [ "$(post /mcp "$(tool read_a)")" = "200 2" ]
    [ "$(post /mcp "$(tool drop_all)")" = "200 2" ]
    [ "$(post /mcp "$(tool drop_all)")" = "200 2" ]
    [ "$(post /mcp '{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"x"}}')" = "200 2" ]
    until_so '[ "$(reported "(.path == \"/mcp\" and .count == 2) or .rpc_method == \"prompts/get\"" | wc -l)" = 2 ]'
    [ "$(reported '.path == "/graphql"')" = '["POST","/graphql","mutation M","drop,keep","","",1,"GraphQL operation blocked by endpoint policy"]
["POST","/graphql","mutation","one","","",1,"GraphQL operation blocked by endpoint policy"]
["POST","/graphql","subscription S","two","","",1,"GraphQL operation blocked by endpoint policy"]' ]
    [ "$(reported '.path == "/mcp"')" = '["POST","/mcp","","","tools/call","drop_all",2,"POST /mcp not permitted by policy"]
["POST","/mcp","","","prompts/get","",1,"POST /mcp not permitted by policy"]' ]
    sluice policy audit-report demo | grep -q 'POST /graphql (mutation M drop,keep)'
    sluice policy audit-report demo | grep -q 'POST /mcp (tools/call drop_all)'
}

@test "names that a workload makes up are escaped" {
    post /mcp '{"jsonrpc":"2.0","id":1,"method":"a\u001b[31m\nb"}'
    until_so 'reported | grep -q 31m'
    [ "$(reported '.rpc_method | startswith("a")' | jq -c '.[4]')" = '"a\u001b[31m\nb"' ]
    sluice policy audit-report demo >"$BATS_TEST_TMPDIR/table"
    grep -qF 'POST /mcp (a\x1b[31m\x0ab)' "$BATS_TEST_TMPDIR/table"
    run -1 grep -qP '[\x00-\x09\x0b-\x1f]' "$BATS_TEST_TMPDIR/table"
}

@test "the report outlives the gateway, and counts on" {
    reported >"$BATS_TEST_TMPDIR/before"
    [ -s "$BATS_TEST_TMPDIR/before" ]
    stop_gateway KILL
    start_gateway --config "$state/sluice.yaml"
    [ "$(reported)" = "$(cat "$BATS_TEST_TMPDIR/before")" ]
    until_so 'sluice sandbox exec demo -- true'
    before=$(reported '.path == "/b"' | jq '.[6]')
    ask -d x https://api.test/b
    until_so '[ "$(reported ".path == \"/b\"" | jq ".[6]")" = $((before + 1)) ]'
}

@test "the route has pages, and says what no sandbox and no number is" {
    page=$(api GET "/v1/sandboxes/demo/audit-report?limit=1")
    [ "$(jq -c '[.sandbox, (.requests | length), .unlisted]' <<<"$page")" = '["demo",1,0]' ]
    [ "$(api GET "/v1/sandboxes/demo/audit-report?limit=1&after=$(jq .next <<<"$page")" | jq -r '.requests[0].path')" != "$(jq -r '.requests[0].path' <<<"$page")" ]
    [ "$(api GET '/v1/sandboxes/demo/audit-report?verdict=refused' | jq .status)" = 400 ]
    run -1 sluice policy audit-report nobody
    [[ "$output" == *"sandbox 'nobody' not found"* ]]
}
