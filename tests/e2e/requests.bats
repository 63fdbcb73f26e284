#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a policy says of a request, before anybody sends it: policy can-i and policy check --cases.


bats_require_minimum_version 1.5.0

setup() {
    load helper
    cat >"$BATS_TEST_TMPDIR/p.yaml" <<'YAML'
version: 1
network_policies:
  reads:
    endpoints:
      - {host: api.test, port: 443, protocol: rest, enforcement: enforce, access: read-only}
      - {host: lax.test, port: 443, protocol: rest, access: read-only}
    binaries: [{path: /usr/bin/curl}]
YAML
    p=$BATS_TEST_TMPDIR/p.yaml
}

can_i() {
    sluice policy can-i --policy "$p" --binary /usr/bin/curl --port 443 "$@"
}

@test "can-i answers for a file, by exit code and in words" {
    run -0 can_i --host api.test
    [ "$output" = "allowed by reads" ]
    run -0 can_i --host API.test. --path '/a/../b'
    run -1 can_i --host api.test --method POST --path /b
    [ "$output" = "denied: POST /b not permitted by policy" ]
    run -1 can_i --host other.test
    [ "$output" = "denied: endpoint other.test:443 is not allowed by any policy" ]
    run -0 can_i --host lax.test --method POST
    [ "$output" = "allowed by reads, as it only audits: POST / not permitted by policy" ]
    run -1 can_i --host 0x7f.1
    [ "$output" = "denied: the host is neither a name nor an address" ]
}

@test "can-i answers about what a body asks for" {
    cat >"$p" <<'YAML'
version: 1
network_policies:
  tools:
    endpoints:
      - host: api.test
        port: 443
        path: /mcp
        protocol: mcp
        enforcement: enforce
        rules: [{allow: {method: tools/call, tool: "read_*"}}]
    binaries: [{path: /usr/bin/curl}]
YAML
    call='{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"NAME"}}'
    run -0 can_i --host api.test --path /mcp --body "${call/NAME/read_a}"
    [ "$output" = "allowed by tools" ]
    run -1 can_i --host api.test --path /mcp --body "${call/NAME/write_a}"
    [ "$output" = "denied: POST /mcp not permitted by policy" ]
    run -1 can_i --host api.test --path /mcp --body "${call/NAME/read_a}" --method PUT
    [ "$output" = "denied: PUT /mcp not permitted by policy" ]
    run -1 can_i --host api.test --path /mcp --method POST
    [ "$output" = "denied: JSON-RPC request rejected: invalid JSON: line 1, column 1: a value is missing at the end" ]
}

@test "can-i speaks JSON" {
    run -1 can_i --host api.test --method POST --path /b -o json
    [ "$(jq -c '[.allowed, .rule, .reason, .audited, .layer]' <<<"$output")" = '[false,"reads","POST /b not permitted by policy",false,"l7"]' ]
    run -0 can_i --host api.test -o json
    [ "$(jq -c '[.allowed, .rule, .reason, .audited, .layer]' <<<"$output")" = '[true,"reads","",false,"l4"]' ]
}

@test "can-i says what it lacks" {
    run -2 sluice policy can-i --policy "$p" --host a --port 1
    [[ $output == *"--binary, --host and --port are needed"* ]]
    run -2 sluice policy can-i --policy "$p" --binary curl --host a --port 1
    [[ $output == *"--binary takes an absolute path such as /usr/bin/curl, not 'curl'"* ]]
    run -2 sluice policy can-i --policy "$p" --binary /x --host a --port 70000
    [[ $output == *"--port"*"65535"* ]]
    run -2 sluice policy can-i --policy /does/not/exist --binary /x --host a --port 1
    run -2 sluice policy can-i --policy <(echo 'version: 1
nonsense: 1') --binary /x --host a --port 1
    [[ $output == *"nonsense"* ]]
}

@test "the request cases come out as they say" {
    for file in requests requests_graphql requests_rpc; do
        run -0 sluice policy check --cases "tests/fixtures/policies/$file.yaml"
        [[ ${lines[-1]} =~ ^[1-9][0-9]*\ passed,\ 0\ failed$ ]]
    done
}

@test "a case that comes out otherwise is named with file, line and what was got" {
    cat >"$BATS_TEST_TMPDIR/c.yaml" <<'YAML'
- {id: wrong, binary: /usr/bin/curl, method: GET, host: api.test, port: 443, path: /, expect: deny}
- {id: right, binary: /usr/bin/curl, method: POST, host: api.test, port: 443, path: /, expect: deny, reason: not permitted}
- {id: other words, binary: /usr/bin/curl, method: POST, host: api.test, port: 443, path: /, expect: deny, reason: because}
- {id: audited, binary: /usr/bin/curl, method: POST, host: lax.test, port: 443, path: /, expect: allow}
- {id: defect, binary: /usr/bin/curl, method: GET, host: api.test, port: 443, path: /, expect: deny, defect: true}
YAML
    run -1 sluice policy check --cases "$BATS_TEST_TMPDIR/c.yaml" "$p"
    [ "${lines[0]}" = "$BATS_TEST_TMPDIR/c.yaml:1:3: wrong with $p: expected deny, got allow" ]
    [[ ${lines[1]} == *'other words'*'expected the reason "because" (POST / not permitted by policy)' ]]
    [[ ${lines[2]} == *'audited'*'expected it not audited'* ]]
    [ "${lines[-1]}" = "2 passed, 3 failed" ]
}

@test "the results of cases come as JSON and YAML too" {
    cat >"$BATS_TEST_TMPDIR/c.yaml" <<'YAML'
- {id: wrong, binary: /usr/bin/curl, method: GET, host: api.test, port: 443, path: /, expect: deny}
- {id: right, binary: /usr/bin/curl, method: POST, host: api.test, port: 443, path: /, expect: deny, reason: not permitted}
YAML
    run -1 sluice policy check --cases "$BATS_TEST_TMPDIR/c.yaml" "$p" -o json
    [ "$(jq -c '[.passed, .failed, (.cases | map([.id, .line, .column, .passed, .why]))]' <<<"$output")" = \
        '[1,1,[["wrong",1,3,false,"expected deny, got allow"],["right",2,3,true,null]]]' ]
    [ "$(jq -r '.cases[0].policy' <<<"$output")" = "$p" ]
    run -1 sluice policy check --cases "$BATS_TEST_TMPDIR/c.yaml" "$p" -o yaml
    [[ "$output" == *"failed: 1"* && "$output" != *"1 passed, 1 failed"* ]]
}

@test "a refused policy fails its case unless the case accepts that" {
    cat >"$BATS_TEST_TMPDIR/c.yaml" <<'YAML'
- {id: a, policy: "version: 2", binary: /x, method: TCP, host: a.test, port: 1, expect: deny, or_refused: true}
- {id: b, policy: "version: 2", binary: /x, method: TCP, host: a.test, port: 1, expect: deny}
YAML
    run -1 sluice policy check --cases "$BATS_TEST_TMPDIR/c.yaml"
    [[ ${lines[0]} == *": b: the policy is refused: "* ]]
    [ "${lines[-1]}" = "1 passed, 1 failed" ]
}

# The contract: "Prints `N passed, N failed`; exit 0, 1, 2 (unreadable), 3 (no case)".
@test "a case file without a case is told with exit 3, in every form" {
    echo '[]' >"$BATS_TEST_TMPDIR/c.yaml"
    for form in table json yaml; do
        run -3 --separate-stderr sluice policy check --cases "$BATS_TEST_TMPDIR/c.yaml" -o "$form"
        [ "$stderr" = "sluice: $BATS_TEST_TMPDIR/c.yaml has no case: nothing was checked" ]
        case $form in
        table) [ "$output" = "0 passed, 0 failed" ] ;;
        json) [ "$(jq -c '[.passed, .failed, .cases]' <<<"$output")" = '[0,0,[]]' ] ;;
        yaml) [[ "$output" == *"passed: 0"* ]] ;;
        esac
    done
}

@test "case files that cannot be run are told, with their own exit codes" {
    run -2 sluice policy check --cases /does/not/exist
    run -2 sluice policy check --cases <(echo '- {id: a, binary: /x, method: TCP, host: a.test, port: x, expect: maybe, extra: 1}')
    [[ $output == *"[0].port: must be a number from 0 to 65535"* ]]
    [[ $output == *"[0].expect: must be allow or deny"* ]]
    [[ $output == *"[0].extra: unknown key"* ]]
    run -2 sluice policy check --cases <(echo '- {id: a, binary: /x, method: TCP, host: a.test, port: 1, expect: deny}')
    [[ $output == *"the case 'a' has no policy: give one as an operand"* ]]
    run -2 sluice policy check --cases <(echo 'cases: [{id: a}]')
    [[ "$output" == *":1:1: must be a list of cases"* ]]
    run -2 sluice policy check --cases <(printf '')
    run -2 sluice policy check --cases <(echo '- {id: a, policy: &p {x: *p}, binary: /x, method: TCP, host: a.test, port: 1, expect: deny}')
    [[ $output == *"alias *p stands for a value that has an alias itself"* ]]
    run -2 sluice policy check --cases <(echo '- *nobody')
    [[ $output == *"the alias *nobody has no anchor before it"* ]]
}

@test "a case that fails for the credentials of its setup says that they are not looked at" {
    cat >"$BATS_TEST_TMPDIR/c.yaml" <<'YAML'
- {id: a, binary: /usr/bin/curl, method: GET, host: api.test, port: 443, path: /, setup: {credentials: [{key: T, value: v, host: b.test, port: 443}]}, expect: deny}
YAML
    run -1 sluice policy check --cases "$BATS_TEST_TMPDIR/c.yaml" "$p"
    [ "${lines[0]}" = "$BATS_TEST_TMPDIR/c.yaml:1:3: a with $p: expected deny, got allow; the credentials of its setup are not looked at: a sandbox shows it" ]
}
