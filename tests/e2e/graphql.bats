#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Rules about GraphQL operations, with curl over inspected TLS.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    mkdir -p "$state"
    make_certificate ca "/CN=Authority of the test" "" -addext basicConstraints=critical,CA:TRUE
    make_certificate good "/CN=api.test" ca -addext subjectAltName=DNS:api.test
    start_tls_origin 10.77.0.2 443 good
    printf 'egress:\n  extra_ca: %s\n  hosts: {api.test: 10.77.0.2}\n' "$state/ca.pem" >"$state/sluice.yaml"
    start_gateway --config "$state/sluice.yaml"
    sluice sandbox create --name demo
    cat >"$state/rules.yaml" <<'YAML'
version: 1
network_policies:
  api:
    binaries: [{path: "/usr/**"}]
    endpoints:
      - host: api.test
        port: 443
        path: /graphql
        protocol: graphql
        enforcement: enforce
        allowed_ips: [10.77.0.0/24]
        persisted_queries: allow_registered
        graphql_persisted_queries:
          abc123: {operation_type: query, operation_name: Viewer, fields: [viewer]}
        rules:
          - allow: {operation_type: query, fields: [viewer, repository]}
          - allow: {operation_type: mutation, operation_name: "Issue*", fields: [createIssue, deleteRepository]}
        deny_rules:
          - {operation_type: mutation, fields: [deleteRepository]}
      - {host: api.test, port: 443, path: /audited, protocol: graphql, enforcement: audit, allowed_ips: [10.77.0.0/24], access: read-only}
      - {host: api.test, port: 443, path: /small, protocol: graphql, enforcement: enforce, allowed_ips: [10.77.0.0/24], access: full, graphql_max_body_bytes: 100}
      - {host: api.test, port: 443, protocol: rest, enforcement: enforce, allowed_ips: [10.77.0.0/24], access: full}
YAML
    sluice policy set demo --policy "$state/rules.yaml" --wait
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; counts=$state/counts; : >"$counts"; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

inside() { sluice sandbox exec demo -- "$@"; }
origin_saw() { cut -d' ' -f2- "$counts"; }
ask() {            # ask BODY [CURL-OPTION...]: the answer, then the status; type: the body's
    local body=$1
    shift
    inside curl -sS -w '\n%{http_code}' -H "Content-Type: ${type-application/json}" --data-binary "$body" "$@" https://api.test/graphql
}
passes() { run -0 ask "$@"; [ "${lines[-1]}" = 200 ]; }
refused() {        # refused STATUS DETAIL BODY [CURL-OPTION...]
    local wanted=$1 detail=$2
    shift 2
    run -0 ask "$@"
    [ "${lines[-1]}" = "$wanted" ]
    answer=${lines[-2]}
    [[ "$(jq -r .detail <<<"$answer")" == "$detail"* ]]
}
blocked='GraphQL operation blocked by endpoint policy'

@test "a query passes, a mutation gets 403 that names it" {
    passes '{"query": "query Mine { viewer { login } }", "variables": {"a": [1, null]}}'
    refused 403 "$blocked" '{"query": "mutation Drop { x: deleteRepository(id: 1) { ok } createIssue }"}'
    [ "$(jq -c '[.error, .layer, .protocol, .rule, .operation, .field, .policy, .reason]' <<<"$answer")" = \
        "[\"policy_denied\",\"l7\",\"graphql\",\"POST /graphql\",\"mutation Drop\",\"createIssue,deleteRepository\",\"api\",\"$blocked\"]" ]
    [ "$(jq -c '.rule_missing | [.type, .operation, .field]' <<<"$answer")" = '["graphql_allow","mutation Drop","createIssue,deleteRepository"]' ]
    [ "$(origin_saw)" = "POST /graphql" ]
    until_so "sluice logs demo | grep -q 'HTTP:POST .MED. DENIED .*engine:l7-graphql.*operation:mutation Drop.*field:createIssue,deleteRepository.*reason:$blocked'"
    until_so "sluice logs demo | grep -q 'HTTP:POST .INFO. ALLOWED .*engine:l7-graphql.*operation:query Mine.*field:viewer'"
}

@test "real names count, within fragments too, and in every operation of a batch" {
    refused 403 "$blocked" '{"query": "{ viewer: adminAuditLog { id } }"}'
    refused 403 "$blocked" '{"query": "{ viewer ...F } fragment F on Query { ...G } fragment G on Query { adminAuditLog }"}'
    refused 403 "$blocked" '[{"query": "{ viewer }"}, {"query": "mutation IssueX { deleteRepository }"}]'
    refused 403 "$blocked" '{"query": "query A { viewer } mutation B { x }", "operationName": "B"}'
    [ ! -s "$counts" ]
    passes '[{"query": "{ viewer }"}, {"query": "mutation IssueX { createIssue }"}]'
    passes '{"query": "query A { viewer } mutation B { x }", "operationName": "A"}'
}

@test "persisted queries, by POST and by GET" {
    passes '{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "abc123"}}}'
    refused 403 'GraphQL persisted query is not registered' '{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "missing"}}}'
    run -0 inside curl -sS -G --data-urlencode 'extensions={"persistedQuery":{"sha256Hash":"abc123"}}' https://api.test/graphql
    [[ "$output" == "GET /graphql?extensions="* ]]
    run -0 inside curl -sS -o /dev/null -w '%{http_code}' -G --data-urlencode 'query={ viewer }' https://api.test/graphql
    [ "$output" = 200 ]
    run -0 inside curl -sS -G --data-urlencode 'query=mutation { x }' https://api.test/graphql
    [ "$(jq -r .detail <<<"$output")" = "$blocked" ]
}

@test "what two servers could read differently is refused" {
    refused 403 'GraphQL request rejected: GraphQL request body is not valid JSON' '{"query": "{ viewer }", "query": "mutation { x }"}'
    refused 403 'GraphQL request rejected: "Query" is another spelling of "query"' '{"query": "{ viewer }", "Query": "mutation { x }"}'
    refused 403 'GraphQL request rejected: GraphQL request body is not valid JSON' '{"query": "{ viewer }"} {"query": "mutation { x }"}'
    run -0 inside curl -sS --data-binary @- https://api.test/graphql < <(printf '{"query": "{ viewer(a: \\"\xff\\") }"}')
    [[ "$(jq -r .detail <<<"$output")" == *"GraphQL request body is not valid JSON: line 1, column "*"not valid UTF-8: byte 0xff" ]]
    run -0 inside curl -sS --data-binary '{"query": "{ viewer }"}' 'https://api.test/graphql?query=mutation%7Bx%7D'
    [ "$(jq -r .detail <<<"$output")" = 'GraphQL request rejected: GraphQL POST must not have the parameter "query" in its query string' ]
    type=application/x-www-form-urlencoded refused 403 'GraphQL request rejected: GraphQL POST must not have the parameter "query" in a form' \
        '{"query": "{ viewer }", "a": "&query=mutation{x}&"}'
    type='application/json; charset=utf-7' refused 400 'GraphQL request rejected before policy evaluation: a body in another character set' '{"query": "{ viewer }"}'
    refused 403 'GraphQL request rejected: unsupported GraphQL HTTP method PUT' '{"query": "{ viewer }"}' -X PUT
    [ ! -s "$counts" ]
    type=application/x-www-form-urlencoded passes '{"query": "{ viewer }"}'
    type='application/json; charset="UTF-8"' passes '{"query": "{ viewer }"}'
}

@test "a body that cannot be read is refused: encoded, in parts, too long" {
    printf '{"query": "{ viewer }"}' | gzip >"$BATS_TEST_TMPDIR/body.gz"
    run -0 inside curl -sS -w '\n%{http_code}' -H 'Content-Encoding: gzip' --data-binary @- https://api.test/graphql <"$BATS_TEST_TMPDIR/body.gz"
    [ "${lines[-1]}" = 400 ]
    [ "$(jq -r '[.error, .detail] | join("|")' <<<"${lines[0]}")" = "invalid_graphql_request|GraphQL request rejected before policy evaluation: an encoded body (Content-Encoding) cannot be inspected" ]
    refused 400 'GraphQL request rejected before policy evaluation: Content-Encoding and Content-Type must not appear more than once' \
        '{"query": "{ viewer }"}' -H 'Content-Encoding: identity' -H 'Content-Encoding: gzip'
    run -0 inside curl -sS -w '\n%{http_code}' -F 'query={ viewer }' https://api.test/graphql
    [ "${lines[-1]}" = 400 ]
    run -0 inside curl -sS -w '\n%{http_code}' --data-binary "{\"query\": \"{ viewer } #$(printf '%100s' x)\"}" https://api.test/small
    [ "${lines[-1]}" = 400 ]
    [[ "$(jq -r .detail <<<"${lines[0]}")" == *"the body is longer than the 100 bytes that are inspected" ]]
    run -0 inside curl -sS -w '\n%{http_code}' -H 'Transfer-Encoding: chunked' --data-binary "{\"query\": \"{ viewer } #$(printf '%100s' x)\"}" https://api.test/small
    [ "${lines[-1]}" = 400 ]
    [ ! -s "$counts" ]
    run -0 inside curl -sS -w '\n%{http_code}' -H 'Transfer-Encoding: chunked' --data-binary '{"query": "{ viewer }"}' https://api.test/small
    [ "${lines[-1]}" = 200 ]
}

@test "audit lets through what rules refuse, not what cannot be judged" {
    run -0 inside curl -sS --data-binary '{"query": "mutation M { x }"}' https://api.test/audited
    [ "$output" = "POST /audited" ]
    until_so "sluice logs demo | grep -q 'ALLOWED .*engine:l7-graphql.*operation:mutation M.*field:x.*reason:audit: $blocked'"
    run -0 inside curl -sS --data-binary 'not json' https://api.test/audited
    [[ "$(jq -r .detail <<<"$output")" == "GraphQL request rejected: "* ]]
}

@test "a refused operation is a chunk, and approving it opens that operation alone" {
    ask '{"query": "mutation Rename { rename(id: 1) { ok } }"}'
    until_so 'sluice rule get demo -o json | jq -e ".chunks[] | select(.operation == \"mutation Rename\")"'
    chunk=$(sluice rule get demo -o json | jq -c '.chunks[] | select(.operation == "mutation Rename")')
    [ "$(jq -c '[.field, .method, .path, .rule.endpoints[0].protocol, .rule.endpoints[0].rules]' <<<"$chunk")" = \
        '["rename","POST","/graphql","graphql",[{"allow":{"fields":["rename"],"operation_name":"Rename","operation_type":"mutation"}}]]' ]
    sluice rule get demo | grep -q 'mutation Rename rename'
    sluice rule approve demo --chunk-id "$(jq -r .id <<<"$chunk")" --wait
    passes '{"query": "mutation Rename { rename(id: 2) { ok } }"}'
    refused 403 "$blocked" '{"query": "mutation Rename { rename other }"}'
    refused 403 "$blocked" '{"query": "mutation Other { rename }"}'
}

@test "what a client of GitHub asks for: reading passes, writing does not" {
    passes '{"query":"query RepositoryInfo($owner: String!, $name: String!) {\n  repository(owner: $owner, name: $name) { id ...repo }\n}\nfragment repo on Repository {\n  id\n  name\n  owner { login }\n  hasIssuesEnabled\n}","variables":{"name":"cli","owner":"cli"}}'
    refused 403 "$blocked" '{"query":"mutation IssueCreate($input: CreateIssueInput!) {\n createIssue(input: $input) { issue { id url } }\n addStar(input: {}) { clientMutationId }\n}","variables":{"input":{"repositoryId":"R","title":"t"}}}'
}
