#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A request that the rules of an inspected endpoint refuse becomes a proposal for that request: by the
# program that sent it, with its method and path, and nothing else.

setup_file() {
    load helper
    state=$BATS_FILE_TMPDIR/state
    start_origin
    start_gateway
    sluice sandbox create --name demo
    printf '%s\n' "$readers" | sluice policy set demo --policy - --wait
}
setup() { load helper; state=$BATS_FILE_TMPDIR/state; }
teardown_file() { load helper; state=$BATS_FILE_TMPDIR/state; teardown_all; }

readers='version: 1
network_policies:
  readers:
    endpoints: [{host: 10.77.0.2, port: 8080, protocol: rest, enforcement: enforce, access: read-only}]
    binaries: [{path: /usr/bin/curl}, {path: /usr/bin/python3}]'
rest='[{"allow":{"method":"POST","path":"/v1/things"}}]'

# send METHOD PATH [CURL OPTION...]: the status code that the workload's request gets.
send() {
    local method=$1 path=$2
    shift 2
    sluice sandbox exec "${box:-demo}" -- curl -sS -o /dev/null -w '%{http_code}' -X "$method" "$@" "http://$origin$path"
}

# send_python METHOD PATH: the same by another program.
send_python() {
    sluice sandbox exec "${box:-demo}" -- python3 -c '
import sys, urllib.error, urllib.request as u
try: print(u.urlopen(u.Request("http://10.77.0.2:8080" + sys.argv[2], method=sys.argv[1])).status)
except urllib.error.HTTPError as e: print(e.code)' "$1" "$2"
}

# chunk METHOD PATH [BINARY]: the chunk of a request, as JSON; empty: there is none.
chunk() {
    sluice rule get demo -o json | jq -c --arg m "$1" --arg p "$2" --arg b "${3:-/usr/bin/curl}" \
        '.chunks[] | select(.method == $m and .path == $p and (.binary | startswith($b)))'
}

id_of() { jq -r .id <<<"$1"; }
has_chunk() { until_so "[ -n \"\$(chunk $*)\" ]"; }

@test "a refused request becomes a chunk with its method and path" {
    [ "$(send GET /v1/things)" = 200 ]
    [ "$(send POST '/v1/./things?secret=1')" = 403 ]
    has_chunk POST /v1/things
    c=$(chunk POST /v1/things)
    [ "$(jq -c '[.status, .source, .host, .port, .binary, .method, .path]' <<<"$c")" = \
      '["pending","mechanistic","10.77.0.2",8080,"/usr/bin/curl","POST","/v1/things"]' ]
    [ "$(command jq -c '.rule.endpoints[0].rules' <<<"$c")" = "$rest" ]
    [ "$(jq -r '.rule.endpoints[0] | "\(.protocol) \(.enforcement)"' <<<"$c")" = "rest enforce" ]
    [ "$(jq -c '[.would_be, .effect.relation, (.effect.gained | length)]' <<<"$c")" = '["allowed","loosens",1]' ]
    [ "$(jq -c '.effect.gained[0] | [.binary, .host, .port, .method, .path]' <<<"$c")" = \
      '["/usr/bin/curl","10.77.0.2",8080,"POST","/v1/things"]' ]
    [ "$(jq -r .rationale <<<"$c")" = "Allow curl to send POST /v1/things to 10.77.0.2:8080 (HTTP-alt)." ]
    [[ "$(sluice rule get demo -o json)" != *secret* ]]
}

@test "rule get shows the request and what approving it would open" {
    run -0 sluice rule get demo
    [[ $output == *"Request:    POST /v1/things"* ]]
    [[ $output == *"Allow curl to send POST /v1/things to 10.77.0.2:8080"* ]]
    [[ $output == *"Effect: loosens"*"POST"*"/v1/things"* ]]
}

@test "the denial is an event that names the request" {
    wait_event demo denial '.method == "POST" and .path == "/v1/things" and .stage == "forward-l7-deny"'
}

@test "approving opens that request for that program alone, undo closes it again" {
    id=$(id_of "$(chunk POST /v1/things)")
    run -0 sluice rule approve demo --chunk-id "$id" --wait
    [ "$(send POST /v1/things)" = 200 ]
    [ "$(send POST '/v1/things?x=1')" = 200 ]
    [ "$(send PUT /v1/things)" = 403 ]
    [ "$(send POST /v1/other)" = 403 ]
    [ "$(send GET /anything)" = 200 ]
    [ "$(send_python POST /v1/things)" = 403 ]
    [ "$(send_python GET /v1/things)" = 200 ]
    run -0 sluice rule undo demo --chunk-id "$id" --wait
    [ "$(send POST /v1/things)" = 403 ]
    [ "$(send GET /v1/things)" = 200 ]
    until_so '[ "$(jq -r .status <<<"$(chunk POST /v1/things)")" = pending ]'
}

@test "the same request of another program is another chunk" {
    has_chunk POST /v1/things /usr/bin/python3
    other=$(chunk POST /v1/things /usr/bin/python3)
    [ "$(id_of "$other")" != "$(id_of "$(chunk POST /v1/things)")" ]
    run -0 sluice rule approve demo --chunk-id "$(id_of "$other")" --wait
    [ "$(send_python POST /v1/things)" = 200 ]
    [ "$(send_python GET /v1/things)" = 200 ]       # by readers, which names it by a link
    [ "$(send POST /v1/things)" = 403 ]
}

@test "a request within a tunnel is the same request" {
    [ "$(send POST /v1/tunnel --proxytunnel)" = 403 ]
    has_chunk POST /v1/tunnel
    run -0 sluice rule approve demo --chunk-id "$(id_of "$(chunk POST /v1/tunnel)")" --wait
    [ "$(send POST /v1/tunnel --proxytunnel)" = 200 ]
    [ "$(send POST /v1/tunnel)" = 200 ]
}

@test "requests of a program add up, and each is taken back by itself" {
    for path in /sum/a /sum/b; do
        [ "$(send DELETE $path)" = 403 ]
        has_chunk DELETE $path
        run -0 sluice rule approve demo --chunk-id "$(id_of "$(chunk DELETE $path)")" --wait
    done
    [ "$(sluice policy get demo -o json | jq '[.policy.network_policies[] | select(.binaries == [{path: "/usr/bin/curl"}])] | length')" = 1 ]
    run -0 sluice rule undo demo --chunk-id "$(id_of "$(chunk DELETE /sum/a)")" --wait
    [ "$(send DELETE /sum/a)" = 403 ]
    [ "$(send DELETE /sum/b)" = 200 ]
}

@test "a request that the policy allows by now needs no decision" {
    [ "$(send PATCH /late)" = 403 ]
    has_chunk PATCH /late
    sed 's/read-only/full/' <<<"$readers" | sluice policy set demo --policy - --wait
    until_so '[ "$(jq -r .status <<<"$(chunk PATCH /late)")" = superseded ]'
    [ "$(send PATCH /late)" = 200 ]
    sluice policy set demo --policy - --wait <<<"$readers"
    [ "$(send PATCH /late)" = 403 ]
    until_so '[ "$(jq -r .status <<<"$(chunk PATCH /late)")" = pending ]'
}

@test "a path that a rule would read as a pattern, and what a deny rule refuses, make no chunk" {
    [ "$(send POST '/all/*')" = 403 ]
    until_so 'grep -q "a denial of .POST /all/\*. to 10.77.0.2:8080 made no chunk: a rule would read it as a pattern" "$state/gateway.log"'
    box=strict
    sluice sandbox create --name strict
    sed 's/access: read-only/&, deny_rules: [{method: DELETE, path: "\/**"}]/' <<<"$readers" | sluice policy set strict --policy - --wait
    [ "$(send DELETE /never)" = 403 ]
    until_so 'grep -q "sandbox strict: a denial of .DELETE /never. to 10.77.0.2:8080 made no chunk: a deny rule" "$state/gateway.log"'
    [ "$(sluice rule get strict -o json | jq '.chunks | length')" = 0 ]
}
